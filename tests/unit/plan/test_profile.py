import bisect
import itertools
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import loadproof
from loadproof.plan import Profile, Stage
from loadproof.plan.profile import Schedule, arrivals_until, duration_of, ramp_end, target_at

ENDLESS = None


def profile(*stages, model="open", **more):
    """A profile of (seconds, start, end)."""
    parts = tuple(Stage(duration=seconds, start=start, end=end) for seconds, start, end in stages)
    return Profile(model=model, stages=parts, **more)


def poisson(*stages, seed=1):
    return profile(*stages, arrivals="poisson", seed=seed)


def times_of(planned, **how):
    return [at for times, _ in Schedule(planned, **how).blocks() for at in times]


def classes_of(planned, **how):
    return [number for _, classes in Schedule(planned, **how).blocks() for number in classes]


def first_times(planned, count, **how):
    blocks = Schedule(planned, **how).blocks()
    return list(itertools.islice(itertools.chain.from_iterable(times for times, _ in blocks), count))


def per_second(times, seconds):
    counts = Counter(map(int, times))
    return [counts[second] for second in range(seconds)]


def chi_square_score(seen, expected, freedom):
    """How many standard deviations a chi-square sum lies from its mean; it is nearly normal for 100 and more."""
    total = math.fsum((count - wanted) ** 2 / wanted for count, wanted in zip(seen, expected, strict=True))
    return (total - freedom) / math.sqrt(2 * freedom)


def kolmogorov_score(gaps):
    """sqrt(n) times the largest distance from the exponential distribution of mean 1: above 1.95 once in 1,000."""
    count = len(gaps)
    shares = [-math.expm1(-gap) for gap in sorted(gaps)]
    return math.sqrt(count) * max(max((i + 1) / count - at, at - i / count) for i, at in enumerate(shares))


def gaps_of(values):
    return [later - earlier for earlier, later in itertools.pairwise([0.0, *values])]


stages_strategy = st.lists(
    st.tuples(
        st.floats(0.01, 40.0) | st.integers(1, 40).map(float),
        st.just(0.0) | st.floats(0.001, 60.0) | st.integers(1, 60).map(float),
        st.just(0.0) | st.floats(0.001, 60.0) | st.integers(1, 60).map(float),
    ),
    min_size=1,
    max_size=6,
)
arrivals_strategy = st.sampled_from(["even", "poisson"])
any_time = st.floats(-1.0, 250.0)

SPIKE = ((10.0, 20.0, 20.0), (1.0, 20.0, 200.0), (5.0, 200.0, 200.0), (1.0, 200.0, 20.0), (10.0, 20.0, 20.0))


# The target


@pytest.mark.parametrize(
    ("stages", "wanted"),
    [
        ([(10.0, 50.0, 50.0)], {-1.0: 0.0, 0.0: 50.0, 9.999: 50.0, 10.0: 0.0, 99.0: 0.0}),
        ([(ENDLESS, 7.0, 7.0)], {-0.1: 0.0, 0.0: 7.0, 1e9: 7.0}),
        ([(10.0, 0.0, 100.0)], {0.0: 0.0, 2.5: 25.0, 10.0: 0.0}),
        ([(10.0, 100.0, 0.0)], {0.0: 100.0, 2.5: 75.0, 10.0: 0.0}),
        (
            [(30.0, 0.0, 50.0), (120.0, 50.0, 50.0), (30.0, 50.0, 0.0)],
            {15.0: 25.0, 30.0: 50.0, 165.0: 25.0, 180.0: 0.0},
        ),
        ([(5.0, 10.0, 10.0), (5.0, 0.0, 0.0), (5.0, 20.0, 20.0)], {4.9: 10.0, 5.0: 0.0, 9.9: 0.0, 10.0: 20.0}),
        ([(5.0, 0.0, 10.0), (ENDLESS, 10.0, 10.0)], {4.0: 8.0, 5.0: 10.0, 1e6: 10.0}),
    ],
)
@pytest.mark.parametrize("model", ["closed", "open"])
def test_the_target_goes_in_a_line_within_a_stage_and_is_0_outside(stages, wanted, model):
    planned = profile(*stages, model=model)
    assert {t: target_at(planned, t) for t in wanted} == pytest.approx(wanted)


@given(stages_strategy, st.floats(0.0, 1.0))
def test_the_target_never_leaves_what_its_stage_goes_between(stages, share):
    planned = profile(*stages)
    at = duration_of(planned) * share
    if at < duration_of(planned):
        borders = list(itertools.accumulate(seconds for seconds, _, _ in stages))
        _, start, end = stages[bisect.bisect(borders, at)]
        assert min(start, end) - 1e-12 <= target_at(planned, at) <= max(start, end) + 1e-12


def test_a_profile_lasts_as_long_as_its_stages():
    assert duration_of(profile((10.0, 0.0, 5.0), (2.5, 0.0, 0.0))) == 12.5
    assert duration_of(profile((10.0, 0.0, 5.0), (ENDLESS, 5.0, 5.0))) is None


@pytest.mark.parametrize(
    ("stages", "end"),
    [
        ([(10.0, 50.0, 50.0)], 0.0),
        ([(30.0, 0.0, 50.0), (60.0, 50.0, 50.0), (30.0, 50.0, 0.0)], 30.0),
        ([(5.0, 0.0, 0.0), (30.0, 0.0, 50.0), (60.0, 50.0, 50.0)], 35.0),
        ([(30.0, 0.0, 50.0), (30.0, 50.0, 0.0)], 0.0),
        ([(20.0, 0.0, 9.0), (ENDLESS, 9.0, 9.0)], 20.0),
        (SPIKE, 0.0),
    ],
)
def test_load_has_grown_when_the_first_stage_holds_a_level(stages, end):
    assert ramp_end(profile(*stages)) == end


# The integral


@pytest.mark.parametrize(
    ("stages", "counts"),
    [
        ([(300.0, 200.0, 200.0)], {-5.0: 0.0, 0.0: 0.0, 0.5: 100.0, 300.0: 60_000.0, 400.0: 60_000.0}),
        ([(10.0, 0.0, 100.0)], {1.0: 5.0, 5.0: 125.0, 10.0: 500.0, math.inf: 500.0}),
        ([(10.0, 100.0, 0.0)], {1.0: 95.0, 5.0: 375.0, 10.0: 500.0}),
        ([(5.0, 10.0, 10.0), (5.0, 0.0, 0.0), (5.0, 20.0, 20.0)], {5.0: 50.0, 7.0: 50.0, 10.0: 50.0, 11.0: 70.0}),
        (SPIKE, {10.0: 200.0, 11.0: 310.0, 16.0: 1310.0, 17.0: 1420.0, 27.0: 1620.0}),
        ([(4.0, 0.0, 10.0), (ENDLESS, 10.0, 10.0)], {4.0: 20.0, 1e9: 1e10 - 20.0, math.inf: math.inf}),
        ([(4.0, 0.0, 10.0), (ENDLESS, 0.0, 0.0)], {1e9: 20.0, math.inf: 20.0}),
    ],
)
def test_arrivals_are_the_integral_of_the_rate(stages, counts):
    assert {t: arrivals_until(profile(*stages), t) for t in counts} == pytest.approx(counts)


@settings(max_examples=40)
@given(stages_strategy)
def test_the_integral_agrees_with_adding_up_the_targets(stages):
    planned = profile(*stages)
    added, begin = 0.0, 0.0
    for seconds, _, _ in stages:
        # The middle of a straight line is its mean.
        added += math.fsum(target_at(planned, begin + seconds * (k + 0.5) / 8) * seconds / 8 for k in range(8))
        begin += seconds
        assert arrivals_until(planned, begin) == pytest.approx(added, rel=1e-9, abs=1e-9)


# Even arrivals


def test_a_constant_rate_has_its_arrivals_in_the_middle_of_equal_parts():
    assert times_of(profile((10.0, 50.0, 50.0))) == pytest.approx([(i + 0.5) / 50 for i in range(500)], abs=1e-12)


@pytest.mark.parametrize("rate", [0.1, 1.0, 7.0, 33.3, 50.0, 200.0, 12_345.0])
def test_a_constant_rate_has_exactly_rate_times_duration_arrivals(rate):
    times = times_of(profile((20.0, rate, rate)))
    assert len(times) == round(rate * 20)
    assert max(abs(gap * rate - 1.0) for gap in gaps_of(times)[1:]) < 1e-6


def test_each_second_of_a_whole_rate_has_as_many():
    assert per_second(times_of(profile((30.0, 200.0, 200.0))), 30) == [200] * 30


def test_a_ramp_has_in_each_second_what_its_integral_grows_by():
    up = per_second(times_of(profile((10.0, 0.0, 100.0))), 10)
    down = per_second(times_of(profile((10.0, 100.0, 0.0))), 10)
    assert up == [5, 15, 25, 35, 45, 55, 65, 75, 85, 95]
    assert down == up[::-1]


def test_a_ramp_is_as_solved_by_hand():
    # 5 t² = i + 0.5
    assert times_of(profile((10.0, 0.0, 100.0))) == pytest.approx(
        [math.sqrt((i + 0.5) / 5) for i in range(500)], rel=1e-12
    )


def test_a_ramp_down_is_a_ramp_up_seen_from_its_end():
    up, down = times_of(profile((10.0, 0.0, 100.0))), times_of(profile((10.0, 100.0, 0.0)))
    assert [10.0 - at for at in reversed(down)] == pytest.approx(up, abs=1e-9)


def test_a_ramp_that_hardly_rises_is_as_exact_as_a_constant_rate():
    flat = times_of(profile((100.0, 50.0, 50.0)))
    assert times_of(profile((100.0, 50.0, 50.0 + 1e-12))) == pytest.approx(flat, abs=1e-9)
    assert times_of(profile((100.0, 50.0 + 1e-12, 50.0))) == pytest.approx(flat, abs=1e-9)


def test_a_spike_rises_and_falls():
    counts = per_second(times_of(profile(*SPIKE)), 27)
    assert counts == [20] * 10 + [110] + [200] * 5 + [110] + [20] * 10


def test_a_profile_may_jump_to_a_level_at_once():
    assert per_second(times_of(profile((2.0, 10.0, 10.0), (2.0, 40.0, 40.0))), 4) == [10, 10, 40, 40]


def test_nothing_arrives_in_a_pause():
    planned = profile((2.0, 10.0, 10.0), (3.0, 0.0, 0.0), (2.0, 10.0, 10.0))
    times = times_of(planned)
    assert per_second(times, 7) == [10, 10, 0, 0, 0, 10, 10]
    assert times[19:21] == pytest.approx([1.95, 5.05])


@pytest.mark.parametrize("arrivals", ["even", "poisson"])
@pytest.mark.parametrize("seconds", [10.0, ENDLESS])
def test_a_rate_of_0_has_no_arrivals_and_ends(arrivals, seconds):
    assert times_of(profile((seconds, 0.0, 0.0), arrivals=arrivals)) == []
    assert Schedule(profile((seconds, 0.0, 0.0), arrivals=arrivals)).count_between(0.0, 1e9) == 0


def test_a_profile_that_fades_into_an_endless_pause_is_over_then():
    assert len(times_of(profile((10.0, 100.0, 0.0), (ENDLESS, 0.0, 0.0)))) == 500


def test_an_arrival_that_falls_on_the_end_of_a_stage_belongs_to_what_comes_next():
    ramp = (1.0, 0.0, 1.0)  # half an arrival: the first one's place is its very end
    assert times_of(profile(ramp)) == []
    assert times_of(profile(ramp, (4.0, 0.0, 2.0))) == pytest.approx(
        [1.0, 3.0, 1.0 + math.sqrt(8), 1.0 + math.sqrt(12)]
    )
    assert times_of(profile(ramp, (5.0, 0.0, 0.0), (1.0, 1.0, 1.0))) == [6.0]


def test_what_one_stage_leaves_over_counts_in_the_next():
    planned = profile((0.5, 1.0, 1.0), (0.25, 1.0, 1.0), (0.25, 1.0, 1.0), (9.0, 1.0, 1.0))
    assert times_of(planned) == pytest.approx([i + 0.5 for i in range(10)])


@settings(max_examples=60, deadline=None)
@given(stages_strategy, arrivals_strategy, st.integers(0, 9))
def test_arrivals_ascend_within_stages_that_have_load(stages, arrivals, seed):
    planned = profile(*stages, arrivals=arrivals, seed=seed)
    borders = list(itertools.accumulate((seconds for seconds, _, _ in stages), initial=0.0))
    times = times_of(planned)
    assert times == sorted(times)
    for at in times:
        _, start, end = stages[bisect.bisect(borders, at) - 1]  # an index error would be one beyond the end
        assert start or end


@settings(max_examples=60, deadline=None)
@given(stages_strategy)
def test_each_even_arrival_is_where_the_integral_reaches_its_place(stages):
    planned = profile(*stages)
    times = times_of(planned)
    assert abs(len(times) - arrivals_until(planned, math.inf)) <= 0.5 + 1e-9
    assert max((abs(arrivals_until(planned, at) - i - 0.5) for i, at in enumerate(times)), default=0.0) < 1e-6


@settings(max_examples=40, deadline=None)
@given(stages_strategy)
def test_each_second_has_its_integral_to_one_arrival(stages):
    planned = profile(*stages)
    counts = per_second(times_of(planned), math.ceil(duration_of(planned)))
    for second, count in enumerate(counts):
        assert abs(count - (arrivals_until(planned, second + 1) - arrivals_until(planned, second))) <= 1.0 + 1e-6


# Arrivals at random


@pytest.mark.parametrize("seed", [1, 7, 2026])
def test_a_poisson_process_has_poisson_counts_in_each_second(seed):
    counts = per_second(times_of(poisson((400.0, 50.0, 50.0), seed=seed)), 400)
    assert abs(chi_square_score(counts, [50.0] * 400, 400)) < 3.3
    assert abs(sum(counts) - 20_000) < 3.3 * math.sqrt(20_000)


@pytest.mark.parametrize("seed", [1, 7, 2026])
def test_the_counts_of_a_poisson_ramp_follow_its_rate(seed):
    planned = poisson((200.0, 0.0, 100.0), (200.0, 100.0, 20.0), seed=seed)
    expected = [arrivals_until(planned, s + 1) - arrivals_until(planned, s) for s in range(400)]
    # The first seconds expect fewer than the five that a chi-square test wants.
    assert abs(chi_square_score(per_second(times_of(planned), 400)[10:], expected[10:], 390)) < 3.3


@pytest.mark.parametrize("seed", [1, 7, 2026])
def test_the_gaps_of_a_poisson_process_are_exponential(seed):
    gaps = [50.0 * gap for gap in gaps_of(times_of(poisson((400.0, 50.0, 50.0), seed=seed)))]
    assert kolmogorov_score(gaps) < 1.95
    parts = Counter(min(199, int(-math.expm1(-gap) * 200)) for gap in gaps)
    assert abs(chi_square_score([parts[k] for k in range(200)], [len(gaps) / 200] * 200, 199)) < 3.3


@pytest.mark.parametrize("seed", [1, 7, 2026])
def test_the_gaps_of_a_poisson_ramp_are_exponential_in_arrivals(seed):
    planned = poisson((100.0, 0.0, 200.0), (50.0, 0.0, 0.0), (100.0, 200.0, 0.0), seed=seed)
    places = [arrivals_until(planned, at) for at in times_of(planned)]
    assert kolmogorov_score(gaps_of(places)) < 1.95


def test_gaps_of_a_poisson_process_do_not_hang_together():
    gaps = gaps_of(times_of(poisson((400.0, 50.0, 50.0))))
    mean = math.fsum(gaps) / len(gaps)
    off = [gap - mean for gap in gaps]
    together = math.fsum(a * b for a, b in itertools.pairwise(off)) / math.fsum(a * a for a in off)
    assert abs(together) < 3.3 / math.sqrt(len(gaps))


def test_even_arrivals_would_fail_the_test_of_counts():
    counts = per_second(times_of(profile((400.0, 50.0, 50.0))), 400)
    assert chi_square_score(counts, [50.0] * 400, 400) < -10


# One seed, one schedule


@pytest.mark.parametrize("arrivals", ["even", "poisson"])
def test_two_schedules_with_one_seed_are_the_same(arrivals):
    planned = profile(*SPIKE, arrivals=arrivals, seed=42)
    one, other = (list(Schedule(planned, weights=(1.0, 2.0)).blocks()) for _ in range(2))
    assert one == other


def test_a_schedule_may_be_gone_through_twice():
    schedule = Schedule(poisson(*SPIKE), weights=(1.0, 2.0))
    assert list(schedule.blocks()) == list(schedule.blocks())


def test_other_seeds_give_other_gaps_and_classes():
    starts = {tuple(first_times(poisson((10.0, 50.0, 50.0), seed=seed), 20)) for seed in range(20)}
    mixes = {tuple(classes_of(profile((2.0, 50.0, 50.0), seed=seed), weights=(1.0, 1.0))) for seed in range(20)}
    assert len(starts) == len(mixes) == 20


def test_a_seed_means_the_same_on_every_machine():
    assert first_times(poisson((10.0, 50.0, 50.0), seed=7), 4) == pytest.approx(
        [0.0239468207983599, 0.0253107835350922, 0.0684699004543992, 0.12730735502809], abs=1e-12
    )


def test_weights_leave_the_times_as_they_are():
    planned = poisson((20.0, 50.0, 50.0))
    assert times_of(planned) == times_of(planned, weights=(5.0, 1.0, 1.0))


# Workers


@settings(max_examples=60, deadline=None)
@given(stages_strategy, arrivals_strategy, st.sampled_from([1, 2, 3, 5]), st.none() | st.integers(0, 300))
def test_the_arrivals_of_all_workers_merge_to_one_schedule(stages, arrivals, workers, limit):
    planned = profile(*stages, arrivals=arrivals)
    how = {"weights": (3.0, 1.0, 2.0), "limit": limit}
    alone = list(zip(times_of(planned, **how), classes_of(planned, **how), strict=True))
    merged = [None] * len(alone)
    for worker in range(workers):
        shared = {**how, "worker": worker, "workers": workers}
        merged[worker::workers] = zip(times_of(planned, **shared), classes_of(planned, **shared), strict=True)
    assert merged == alone


@pytest.mark.parametrize("arrivals", ["even", "poisson"])
@pytest.mark.parametrize("workers", [2, 5])
def test_workers_agree_over_many_blocks(arrivals, workers):
    planned = profile((20.0, 0.0, 3_000.0), (5.0, 3_000.0, 3_000.0), arrivals=arrivals)
    shares = [times_of(planned, worker=worker, workers=workers) for worker in range(workers)]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert sorted(itertools.chain.from_iterable(shares)) == times_of(planned)


def test_there_may_be_more_workers_than_arrivals():
    planned = profile((1.0, 3.0, 3.0))
    assert [len(times_of(planned, worker=worker, workers=5)) for worker in range(5)] == [1, 1, 1, 0, 0]


@pytest.mark.parametrize(("worker", "workers"), [(1, 1), (-1, 2), (0, 0)])
def test_a_worker_that_does_not_exist_is_refused(worker, workers):
    with pytest.raises(ValueError, match="there is none with the number"):
        Schedule(profile((1.0, 1.0, 1.0)), worker=worker, workers=workers)


# Classes


@pytest.mark.parametrize("weights", [(1.0, 1.0), (3.0, 1.0), (10.0, 5.0, 1.0, 1.0), (0.2, 0.7, 0.1)])
def test_classes_are_drawn_by_their_weights(weights):
    drawn = Counter(classes_of(profile((100.0, 400.0, 400.0), seed=3), weights=weights))
    count, total = sum(drawn.values()), sum(weights)
    # 16.27 is what chi-square with three degrees of freedom passes once in 1,000, and fewer degrees more rarely.
    assert sum((drawn[k] - count * w / total) ** 2 / (count * w / total) for k, w in enumerate(weights)) < 16.27


def test_a_class_without_weight_gets_nothing():
    drawn = Counter(classes_of(profile((10.0, 1_000.0, 1_000.0)), weights=(0.0, 1.0, 0.0, 0.1, 0.0)))
    assert set(drawn) == {1, 3}


def test_a_single_class_gets_everything():
    assert set(classes_of(poisson((10.0, 100.0, 100.0)), weights=(0.3,))) == {0}


@pytest.mark.parametrize("weights", [(), (0.0, 0.0), (1.0, -1.0), (math.inf, 1.0), (math.nan,)])
def test_weights_that_say_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="weights are 0 or more"):
        Schedule(profile((1.0, 1.0, 1.0)), weights=weights)


# Limits, and profiles without an end


@pytest.mark.parametrize("arrivals", ["even", "poisson"])
@pytest.mark.parametrize("limit", [0, 1, 100, 4_096, 4_097, 8_192, 10_000])
def test_a_limit_leaves_the_first_arrivals(arrivals, limit):
    planned = profile((ENDLESS, 500.0, 500.0), arrivals=arrivals)
    assert times_of(planned, limit=limit) == first_times(planned, limit)
    shares = [len(times_of(planned, limit=limit, worker=worker, workers=3)) for worker in range(3)]
    assert sum(shares) == limit


def test_a_limit_beyond_the_end_changes_nothing():
    planned = profile((10.0, 50.0, 50.0))
    assert times_of(planned, limit=501) == times_of(planned, limit=500) == times_of(planned)


@pytest.mark.parametrize("arrivals", ["even", "poisson"])
def test_an_endless_profile_goes_on(arrivals):
    blocks = Schedule(profile((5.0, 0.0, 100.0), (ENDLESS, 100.0, 100.0), arrivals=arrivals), workers=2).blocks()
    times = [at for block, _ in itertools.islice(blocks, 100) for at in block]
    assert len(times) == 100 * 2_048
    assert times[-1] == pytest.approx(len(times) * 2 / 100 + 2.5, rel=0.02)


def test_a_block_is_a_few_thousand_arrivals_and_never_empty():
    sizes = [len(times) for times, _ in Schedule(profile((30.0, 500.0, 500.0)), worker=1, workers=2).blocks()]
    assert max(sizes) <= 4_096
    assert min(sizes) > 0


# How many a lost worker did not send


@settings(max_examples=60, deadline=None)
@given(stages_strategy, arrivals_strategy, st.none() | st.integers(0, 500), st.tuples(any_time, any_time))
def test_arrivals_between_two_times_are_counted_as_they_come(stages, arrivals, limit, between):
    planned = profile(*stages, arrivals=arrivals)
    start, end = between
    for workers, worker in [(1, 0), (3, 0), (3, 1), (3, 2)]:
        how = {"worker": worker, "workers": workers, "limit": limit}
        expected = sum(start <= at < end for at in times_of(planned, **how))
        assert Schedule(planned, **how).count_between(start, end) == expected


@pytest.mark.parametrize("arrivals", ["even", "poisson"])
def test_an_arrival_on_the_border_is_counted_from_it_and_not_up_to_it(arrivals):
    planned = profile((100.0, 100.0, 100.0), arrivals=arrivals)
    schedule, times = Schedule(planned), times_of(planned)
    for number in [0, 1, 4_095, 4_096, 4_097, 9_000]:
        at = times[number]
        assert schedule.count_between(0.0, at) == number
        assert schedule.count_between(at, math.nextafter(at, math.inf)) == 1
    assert schedule.count_between(-math.inf, math.inf) == len(times)


def test_an_endless_profile_is_counted_up_to_a_time_or_its_limit():
    planned = profile((ENDLESS, 20_000.0, 20_000.0))
    assert Schedule(planned).count_between(86_400.0, 86_402.5) == 50_000
    assert Schedule(planned, limit=1_000, workers=3).count_between(0.0, 1e6) == 334


def test_no_time_at_all_has_no_arrivals():
    schedule = Schedule(profile((100.0, 100.0, 100.0)))
    assert schedule.count_between(5.0, 5.0) == schedule.count_between(9.0, 5.0) == 0


# Far out


def far_times(planned, place, count):
    """Times of some arrivals from a place on."""
    schedule = Schedule(planned)
    arrivals = next(schedule._arrivals(near=place))
    return arrivals.first, schedule._times(arrivals.whole, arrivals.places)[:count].tolist()


@pytest.mark.parametrize("days", [1, 30])
def test_even_arrivals_are_exact_after_days(days):
    first, times = far_times(profile((ENDLESS, 20_000.0, 20_000.0)), days * 86_400 * 20_000, 4_096)
    assert abs(first - days * 86_400 * 20_000) < 4_100
    assert max(abs(at - (first + i + 0.5) / 20_000) for i, at in enumerate(times)) < 1e-9


def test_even_arrivals_behind_a_day_of_uneven_stages_are_exact():
    # (7/3 + 20,000) / 2 arrivals per second for a day, which is no whole number; then 20,000/s.
    planned = profile((86_400.0, 7 / 3, 20_000.0), (0.1, 20_000.0, 20_000.0), (ENDLESS, 20_000.0, 20_000.0))
    place = arrivals_until(planned, 90_000.0)
    first, times = far_times(planned, place, 4_096)
    wanted = [86_400.0 + (first + i + 0.5 - arrivals_until(planned, 86_400.0)) / 20_000 for i in range(len(times))]
    assert max(abs(a - b) for a, b in zip(times, wanted, strict=True)) < 1e-9
    assert max(abs(gap - 5e-5) for gap in gaps_of(times)[1:]) < 1e-10


def test_the_sum_of_gaps_at_random_loses_nothing_however_long_it_gets():
    import numpy as np

    drawn = np.random.Generator(np.random.PCG64(np.random.SeedSequence(1).spawn(2)[0]))
    wholes, before = 0, 0.0
    schedule = Schedule(poisson((ENDLESS, 20_000.0, 20_000.0)))
    for arrivals in itertools.islice(schedule._arrivals(), 300):
        gaps = drawn.standard_exponential(4_096)
        # Seen from the last arrival before it, a block is as exact as the first one is.
        places = (arrivals.whole - wholes) + (arrivals.places - before)
        assert np.abs(places - np.cumsum(gaps)).max() < 1e-10
        wholes, before = arrivals.whole, float(arrivals.places[-1])
    assert wholes > 1_000_000


@pytest.mark.parametrize("whole", [10**3, 10**9, 10**12])
def test_gaps_at_random_are_as_drawn_however_many_came_before(whole):
    import numpy as np

    rate = 20_000.0
    places = np.cumsum(np.random.Generator(np.random.PCG64(1)).standard_exponential(1_000))
    times = Schedule(poisson((ENDLESS, rate, rate)))._times(whole, places)
    grain = math.ulp(times[-1]) + math.ulp(float(whole)) / rate
    assert np.abs(np.diff(times) - np.diff(places) / rate).max() <= 2 * grain


def test_plans_are_read_without_numpy():
    script = "import sys, loadproof.plan.profile; print('numpy' in sys.modules)"
    source = Path(loadproof.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True, cwd=source)
    assert run.stdout.strip() == "False"
