import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.stats import (
    mean_interval,
    min_samples,
    mser5,
    quantile_interval_ranks,
    slope_interval,
    student_quantile,
    wilson_interval,
)


def coverage(n, q, ranks):
    """Exact probability that the quantile lies between two ranks: lower <= X < upper for X ~ binomial(n, q)."""
    lower, upper = ranks
    return math.fsum(math.comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(lower, upper))


@pytest.mark.parametrize(
    ("q", "n"),
    [(0.5, 5), (0.75, 11), (0.9, 29), (0.95, 59), (0.99, 299), (0.999, 2995), (0.9999, 29956)],
)
def test_a_quantile_needs_the_samples_of_the_one_sided_tolerance_limit(q, n):
    assert min_samples(q) == n
    assert q**n <= 0.05 < q ** (n - 1)


def test_a_low_quantile_needs_as_many_samples_as_its_mirror_image():
    assert min_samples(0.05) == min_samples(0.95) == 59
    assert min_samples(0.01) == 299


def test_an_extreme_needs_one_sample():
    assert (min_samples(0.0), min_samples(1.0)) == (1, 1)


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
def test_a_quantile_outside_0_to_1_is_refused(q):
    with pytest.raises(ValueError, match="a quantile is between 0 and 1"):
        min_samples(q)


@pytest.mark.parametrize(
    ("n", "q", "ranks"),
    [
        (6, 0.5, (1, 6)),
        (10, 0.5, (2, 9)),
        (100, 0.5, (40, 61)),
        (72, 0.95, (64, 72)),
        (1000, 0.95, (936, 964)),
        (5000, 0.999, (4990, 5000)),
    ],
)
def test_the_ranks_of_an_interval_are_those_of_the_binomial(n, q, ranks):
    assert quantile_interval_ranks(n, q) == ranks


@pytest.mark.parametrize(("n", "q"), [(0, 0.5), (5, 0.5), (71, 0.95), (300, 0.99), (100, 0.0), (100, 1.0)])
def test_there_is_no_interval_where_no_two_ranks_can_hold_the_quantile(n, q):
    assert quantile_interval_ranks(n, q) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.floats(0.01, 0.99), st.sampled_from([0.8, 0.95, 0.99]))
def test_an_interval_holds_the_quantile_at_least_as_often_as_it_says(n, q, confidence):
    ranks = quantile_interval_ranks(n, q, confidence)
    if ranks is not None:
        assert 1 <= ranks[0] < ranks[1] <= n
        assert coverage(n, q, ranks) >= confidence - 1e-9


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_more_samples_never_take_an_interval_away(q):
    sizes = [*range(100, 9_000, 449), 20_000, 100_000, 1_000_000, 50_000_000]
    given_one = [quantile_interval_ranks(n, q) is not None for n in sizes]
    assert given_one == sorted(given_one)
    assert given_one[-1]


@pytest.mark.parametrize("q", [0.5, 0.95, 0.999])
def test_the_normal_approximation_takes_over_where_it_is_as_wide_to_two_ranks(q):
    border = math.floor(1_000 / (q * (1 - q)))
    exact, approximate = quantile_interval_ranks(border, q), quantile_interval_ranks(border + 2, q)
    assert abs((exact[1] - exact[0]) - (approximate[1] - approximate[0])) <= 2


def test_more_confidence_makes_a_wider_interval():
    narrow, wide = quantile_interval_ranks(1000, 0.9, 0.8), quantile_interval_ranks(1000, 0.9, 0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize(
    ("k", "n", "interval"),
    [
        (0, 100, (0.0, 0.0369935)),
        (3, 50, (0.0206150, 0.1621709)),
        (50, 100, (0.4038315, 0.5961685)),
        (100, 100, (0.9630065, 1.0)),
        (1, 1, (0.2065493, 1.0)),
    ],
)
def test_a_share_has_the_interval_of_wilson(k, n, interval):
    assert wilson_interval(k, n) == pytest.approx(interval, abs=1e-7)


def test_a_share_of_nothing_has_no_interval():
    assert wilson_interval(0, 0) is None


@settings(max_examples=60)
@given(st.integers(1, 10**9), st.floats(0, 1))
def test_the_interval_of_a_share_holds_it(n, part):
    k = round(part * n)
    low, high = wilson_interval(k, n)
    assert 0 <= low <= k / n <= high <= 1


def test_a_mean_has_the_interval_of_the_central_limit_theorem():
    assert mean_interval(100, 2.0, 0.25) == pytest.approx((2 - 0.0979982, 2 + 0.0979982), abs=1e-7)


def test_the_mean_of_fewer_than_30_has_no_interval():
    assert mean_interval(29, 1.0, 0.1) is None
    assert mean_interval(30, 1.0, 0.0) == (1.0, 1.0)


def test_the_interval_of_a_mean_of_times_starts_at_0():
    assert mean_interval(30, 0.1, 4.0)[0] == 0.0


def series(seed, count, truth, noise):
    """Values about a course, with normal noise."""
    rng = random.Random(seed)
    return [truth(at) + rng.gauss(0.0, noise) for at in range(count)]


def queue_like(seed, count, hanging):
    """Values that wander about 0: each keeps a share of the one before (AR(1)), the first in its steady state."""
    rng = random.Random(seed)
    value, values = rng.gauss(0.0, 1.0) / math.sqrt(1.0 - hanging * hanging), []
    for _ in range(count):
        value = hanging * value + rng.gauss(0.0, 1.0)
        values.append(value)
    return values


def plain_mser5(values):
    """As the formula reads."""
    means = [sum(values[5 * k : 5 * k + 5]) / 5 for k in range(len(values) // 5)]
    n, statistics = len(means), []
    for d in range(n - 4):
        rest = means[d:]
        mean = sum(rest) / (n - d)
        statistics.append(sum((z - mean) ** 2 for z in rest) / (n - d) ** 2)
    cut = statistics.index(min(statistics))
    return 5 * cut if cut <= n / 2 else None


@pytest.mark.parametrize("seed", range(30))
def test_a_warm_up_is_what_the_formula_cuts(seed):
    values = series(seed, 55 + 7 * seed, lambda at: 100.0 + 60.0 * math.exp(-at / 12), 8.0)
    assert mser5(values) == plain_mser5(values)


@pytest.mark.parametrize("length", [5, 20, 60, 100])
def test_a_step_without_noise_is_cut_where_it_ends(length):
    assert mser5([50.0] * length + [100.0] * (300 - length)) == length


def test_a_step_within_a_batch_takes_the_batch_with_it():
    assert mser5([50.0] * 62 + [100.0] * 238) == 65


@pytest.mark.parametrize("level", [0.0, 0.1, 1e9])
def test_what_is_always_the_same_has_no_warm_up(level):
    assert mser5([level] * 60) == 0


def test_a_step_in_noise_is_always_found_and_seldom_cut_late():
    cuts = [mser5(series(seed, 300, lambda at: 50.0 if at < 60 else 100.0, 5.0)) for seed in range(200)]
    found = [cut for cut in cuts if cut is not None]
    assert min(found) == 60
    assert len(found) >= 180
    assert sum(cut <= 75 for cut in found) >= 0.8 * len(found)


@pytest.mark.parametrize(("scale", "least", "most"), [(5.0, 10, 25), (10.0, 15, 40), (20.0, 35, 70)])
def test_a_warm_up_that_decays_is_cut_when_little_of_it_is_left(scale, least, most):
    """Of 80 at the start there is less than the noise of 5 left after 2.8 times the scale."""
    cuts = [mser5(series(seed, 300, lambda at: 100.0 + 80.0 * math.exp(-at / scale), 5.0)) for seed in range(200)]
    found = sorted(cut for cut in cuts if cut is not None)
    assert len(found) >= 180
    assert found[0] >= least
    assert found[len(found) // 2] <= most
    rest_of_it = [80.0 * math.exp(-cut / scale) for cut in found]
    assert max(rest_of_it) <= 3 * 5.0


def test_of_pure_noise_little_is_cut():
    cuts = [mser5(series(seed, 300, lambda _: 100.0, 10.0)) for seed in range(300)]
    found = sorted(cut for cut in cuts if cut is not None)
    assert len(found) >= 285
    assert found[len(found) // 2] == 0
    assert found[int(0.9 * len(found))] <= 40


def test_short_noise_mostly_passes_as_steady():
    cuts = [mser5(series(seed, 60, lambda _: 100.0, 10.0)) for seed in range(300)]
    assert sum(cut is not None for cut in cuts) >= 0.8 * len(cuts)


@pytest.mark.parametrize("count", [55, 100, 300])
@pytest.mark.parametrize("slope", [-1.0, 1.0])
def test_what_goes_on_changing_has_no_steady_state(count, slope):
    noise = count / 60
    assert {mser5(series(seed, count, lambda at: slope * at, noise)) for seed in range(50)} == {None}


def test_a_step_in_the_second_half_is_no_warm_up():
    assert mser5([50.0] * 200 + [100.0] * 100) is None


def test_fewer_than_eleven_batches_say_nothing():
    assert mser5([1.0] * 54) is None
    assert mser5([1.0] * 55) == 0
    assert mser5([]) is None
    assert mser5([1.0] * 21, batch=2) is None
    assert mser5([9.0] * 2 + [1.0] * 20, batch=2) == 2


def test_what_fills_no_batch_at_the_end_is_left_out():
    assert mser5([1.0] * 60 + [1_000.0] * 4) == 0


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_a_series_with_what_is_no_number_has_no_steady_state(odd):
    assert mser5([1.0] * 30 + [odd] + [1.0] * 30) is None


def test_a_large_mean_hides_no_warm_up():
    values = [1e12 + value for value in [5.0] * 20 + [1.0, 2.0] * 50]
    assert mser5(values) == 20


@pytest.mark.parametrize(
    ("freedom", "quantiles"),
    [
        (1, (3.0777, 6.3138, 12.7062, 31.8205, 63.6567)),
        (2, (1.8856, 2.9200, 4.3027, 6.9646, 9.9248)),
        (3, (1.6377, 2.3534, 3.1824, 4.5407, 5.8409)),
        (4, (1.5332, 2.1318, 2.7764, 3.7469, 4.6041)),
        (5, (1.4759, 2.0150, 2.5706, 3.3649, 4.0321)),
        (9, (1.3830, 1.8331, 2.2622, 2.8214, 3.2498)),
        (10, (1.3722, 1.8125, 2.2281, 2.7638, 3.1693)),
        (20, (1.3253, 1.7247, 2.0860, 2.5280, 2.8453)),
        (30, (1.3104, 1.6973, 2.0423, 2.4573, 2.7500)),
        (60, (1.2958, 1.6706, 2.0003, 2.3901, 2.6603)),
        (120, (1.2886, 1.6577, 1.9799, 2.3578, 2.6174)),
        (1_000, (1.2824, 1.6464, 1.9623, 2.3301, 2.5808)),
        (10**9, (1.2816, 1.6449, 1.9600, 2.3263, 2.5758)),
    ],
)
def test_the_quantiles_of_student_are_those_of_the_tables(freedom, quantiles):
    found = tuple(student_quantile(p, freedom) for p in (0.9, 0.95, 0.975, 0.99, 0.995))
    assert found == pytest.approx(quantiles, abs=5.1e-5)


@pytest.mark.parametrize("p", [0.0001, 0.025, 0.3, 0.5, 0.6, 0.975, 0.9999])
def test_one_and_two_degrees_of_freedom_are_as_solved_by_hand(p):
    assert student_quantile(p, 1) == pytest.approx(math.tan(math.pi * (p - 0.5)), rel=1e-8, abs=1e-12)
    assert student_quantile(p, 2) == pytest.approx((2 * p - 1) / math.sqrt(2 * p * (1 - p)), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("p", [0.6, 0.9, 0.975, 0.995, 0.9999])
def test_the_expansion_takes_over_where_it_is_as_exact(p):
    before, border, behind = (student_quantile(p, freedom) for freedom in (199, 200, 201))
    assert before > border > behind
    assert border - behind == pytest.approx((before - border) * (199 / 201), rel=1e-3)


@pytest.mark.parametrize(("p", "freedom"), [(0.0, 5), (1.0, 5), (math.nan, 5), (0.5, 0)])
def test_there_is_no_quantile_of_student_outside_its_range(p, freedom):
    with pytest.raises(ValueError, match="no quantile"):
        student_quantile(p, freedom)


def test_a_slope_has_the_interval_of_least_squares():
    # Worked by hand: slope 6 / 10; squares about the line 2.4, by 3 degrees of freedom 0.8; error sqrt(0.08).
    found = slope_interval([1, 2, 3, 4, 5], [2, 4, 5, 4, 5])
    half = 3.182446305 * math.sqrt(0.08)
    assert found == pytest.approx((0.6, 0.6 - half, 0.6 + half), abs=1e-9)


def test_points_on_a_line_have_its_slope_and_no_doubt():
    assert slope_interval([0, 1, 2, 5], [7, 4, 1, -8]) == pytest.approx((-3.0, -3.0, -3.0))
    assert slope_interval([0, 1, 2], [4, 4, 4]) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("times", "values"), [([], []), ([1, 2], [1, 2]), ([3, 3, 3, 3], [1, 2, 3, 4])])
def test_too_few_points_or_a_single_time_have_no_slope(times, values):
    assert slope_interval(times, values) is None


def test_times_without_values_are_refused():
    with pytest.raises(ValueError, match="3 times have 2 values"):
        slope_interval([1, 2, 3], [1, 2])


def test_times_far_from_0_and_their_order_change_nothing():
    values = series(3, 30, lambda at: 0.5 * at, 2.0)
    near = slope_interval(range(30), values)
    assert slope_interval([1e9 + at for at in range(30)], values) == pytest.approx(near, rel=1e-9)
    assert slope_interval(range(29, -1, -1), values[::-1]) == pytest.approx(near, rel=1e-12)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_the_interval_of_a_slope_holds_it_as_often_as_it_says(confidence):
    found = [slope_interval(range(12), series(seed, 12, lambda at: 2.0 * at, 3.0), confidence) for seed in range(2_000)]
    held = sum(low <= 2.0 <= high for _, low, high in found) / len(found)
    assert held == pytest.approx(confidence, abs=3.3 * math.sqrt(confidence * (1 - confidence) / len(found)))


def test_a_growing_queue_is_seen_and_a_steady_one_seldom_taken_for_one():
    grows = [slope_interval(range(60), series(seed, 60, lambda at: 10 + 0.5 * at, 4.0)) for seed in range(100)]
    stays = [slope_interval(range(60), series(seed, 60, lambda _: 10.0, 4.0)) for seed in range(400)]
    assert all(low > 0 for _, low, _ in grows)
    assert sum(low > 0 for _, low, _ in stays) <= 20


def test_values_that_hang_together_make_the_interval_of_a_slope_too_narrow():
    """As its description warns: by so much that a third of queues that only wander seem to grow."""
    apart, together = (
        [slope_interval(range(60), queue_like(seed, 60, hanging))[1] > 0 for seed in range(400)] for hanging in (0, 0.9)
    )
    assert sum(apart) / len(apart) < 0.05
    assert 0.2 < sum(together) / len(together) < 0.45
