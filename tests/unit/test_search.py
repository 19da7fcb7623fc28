import math
from dataclasses import replace

import pytest

from loadproof.plan.model import Capacity, Stress
from loadproof.record import Counts
from loadproof.result import GeneratorHealth, Level, Outcome
from loadproof.search import LOWEST_RATE, MOST_TRIALS, CapacitySearch, Step, StressSearch, search_for

PASS, FAIL, UNJUDGED, LIMITED = "pass", "fail", "unjudged", "limited"

ENDS = {
    PASS: (Outcome.PASS, None, ""),
    FAIL: (Outcome.FAIL, "p99(response_time)", "p99(response_time) was 1.3 s, limit 250 ms"),
    UNJUDGED: (Outcome.INCONCLUSIVE, None, "p99(response_time): 200 samples, 299 needed for p99"),
    LIMITED: (Outcome.INCONCLUSIVE, "generator", "iterations started up to 80 ms late (99th percentile)"),
}


def held(step, end, number=1, unit="users"):
    outcome, metric, reason = ENDS[end]
    return Level(
        number=number,
        target=step.target,
        unit=unit,
        role=step.role,
        measured_from=float(step.settle),
        measured_to=float(step.settle + step.hold),
        record=Counts(),
        exception_count=0,
        unfinished=0,
        health=GeneratorHealth(),
        verdicts=(),
        outcome=outcome,
        metric=metric,
        reason=reason,
    )


def stress(*levels, unit="users"):
    return StressSearch(Stress(unit=unit, levels=levels, hold=30, settle=5, rules=()))


def capacity(**settings):
    return CapacitySearch(Capacity(rules=(), **settings))


def led(search, answers, most=1_000):
    """All levels of a search; ``answers`` is what each comes to, or a function of the step and the levels before."""
    levels, given = [], iter(answers) if not callable(answers) else None
    unit = "users" if isinstance(search, StressSearch) else "per_second"
    while len(levels) < most and (step := search.next(levels)) is not None:
        end = answers(step, levels) if given is None else next(given, None)
        if end is None:
            break
        levels.append(held(step, end, len(levels) + 1, unit))
    return levels


def sustaining(limit):
    return lambda step, _levels: PASS if step.target <= limit else FAIL


def targets(levels):
    return [level.target for level in levels]


def test_a_plan_gets_the_search_of_its_kind():
    assert isinstance(search_for(Stress(unit="users", levels=(1,), hold=1, settle=0, rules=())), StressSearch)
    assert isinstance(search_for(Capacity(rules=())), CapacitySearch)


def test_levels_are_held_in_their_order_without_a_rest():
    search = stress(1, 2, 3, 4, 5, 6, 7)
    assert search.next([]) == Step(1, "step", settle=5, hold=30, rest=False)
    levels = led(search, [PASS] * 99)
    assert targets(levels) == [1, 2, 3, 4, 5, 6, 7]
    result = search.result(levels)
    assert (result.kind, result.unit, result.outcome) == ("stress", "users", "did_not_break")
    assert (result.last_good_level, result.max_level, result.breaking_level, result.metric) == (7, 7, None, None)
    assert result.reason == "did not break up to 7 users"


def test_a_level_that_fails_twice_is_where_it_broke():
    search = stress(10, 20, 30)
    levels = led(search, [PASS, FAIL, FAIL])
    assert [(level.target, level.role) for level in levels] == [(10, "step"), (20, "step"), (20, "repeat")]
    assert search.next(levels) is None
    result = search.result(levels)
    assert (result.outcome, result.breaking_level, result.last_good_level) == ("broke", 20, 10)
    assert (result.metric, result.max_level) == ("p99(response_time)", 20)
    assert result.reason == "broke at 20 users: p99(response_time) was 1.3 s, limit 250 ms; 10 users sustained"


def test_a_service_that_breaks_at_once_has_no_last_good_level():
    search = stress(1, 2)
    result = search.result(led(search, [FAIL, FAIL]))
    assert (result.breaking_level, result.last_good_level) == (1, None)
    assert result.reason.startswith("broke at 1 user: ")
    assert result.reason.endswith("; no level is known to be sustained")


def test_a_blip_is_passed_over_and_told():
    search = stress(10, 20, 30)
    levels = led(search, [PASS, FAIL, PASS, PASS])
    result = search.result(levels)
    assert (result.outcome, result.last_good_level, result.max_level) == ("did_not_break", 30, 30)
    assert result.reason == (
        "did not break up to 30 users; once p99(response_time) was 1.3 s, limit 250 ms at 20 users, "
        "but not when it was held again"
    )


def test_a_generator_at_its_limit_twice_ends_a_stress_search():
    search = stress(10, 20, 30)
    levels = led(search, [PASS, LIMITED, LIMITED])
    assert search.next(levels) is None
    result = search.result(levels)
    assert (result.outcome, result.last_good_level, result.breaking_level) == ("generator_limited", 10, None)
    assert "limited by the generator at 20 users: iterations started up to 80 ms late" in result.reason


def test_a_generator_at_its_limit_once_is_passed_over():
    search = stress(10, 20)
    assert search.result(led(search, [LIMITED, PASS, PASS])).outcome == "did_not_break"


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ([LIMITED, FAIL, FAIL], "broke"),
        ([FAIL, LIMITED, FAIL], "broke"),
        ([FAIL, LIMITED, LIMITED], "generator_limited"),
        ([LIMITED, FAIL, PASS], "did_not_break"),
        ([LIMITED, FAIL, LIMITED], "generator_limited"),
        ([FAIL, UNJUDGED], "unsettled"),
    ],
)
def test_a_level_is_settled_by_two_failures_two_limits_or_a_pass(ends, outcome):
    search = stress(10)
    levels = led(search, ends)
    assert (len(levels), search.result(levels).outcome) == (len(ends), outcome)


def test_too_few_samples_do_not_break_but_leave_the_highest_level_unsettled():
    search = stress(10, 20)
    levels = led(search, [PASS, UNJUDGED])
    assert len(levels) == 2
    result = search.result(levels)
    assert (result.outcome, result.last_good_level, result.max_level) == ("unsettled", 10, 20)
    assert "20 users broke it: p99(response_time): 200 samples, 299 needed" in result.reason


def test_too_few_samples_at_a_low_level_do_not_matter_where_a_higher_one_breaks():
    search = stress(10, 20)
    result = search.result(led(search, [UNJUDGED, FAIL, FAIL]))
    assert (result.outcome, result.breaking_level, result.last_good_level) == ("broke", 20, None)


def test_an_unjudged_level_below_a_good_one_is_not_known_to_be_good():
    search = stress(10, 20, 30)
    result = search.result(led(search, [PASS, UNJUDGED, PASS]))
    assert (result.outcome, result.last_good_level) == ("did_not_break", 10)
    assert result.reason == "did not break up to 30 users; 10 users sustained"


def test_an_interrupted_stress_search_keeps_what_is_known():
    search = stress(10, 20, 30)
    levels = led(search, [PASS, PASS])
    result = search.result(levels, interrupted=True)
    assert (result.outcome, result.last_good_level, result.max_level) == ("interrupted", 20, 20)
    assert result.reason == "interrupted; 20 users sustained"


def test_a_failure_that_was_not_held_again_is_told_and_breaks_nothing():
    search = stress(10, 20)
    result = search.result(led(search, [PASS, FAIL]), interrupted=True)
    assert (result.outcome, result.breaking_level, result.last_good_level) == ("interrupted", None, 10)
    assert "1.3 s, limit 250 ms at 20 users, which was not held again" in result.reason


def test_an_interruption_before_the_first_level_knows_nothing():
    result = stress(10).result([], interrupted=True)
    assert (result.outcome, result.max_level, result.last_good_level) == ("interrupted", None, None)
    assert "no level was finished" in result.reason
    result = capacity().result([], interrupted=True)
    assert (result.outcome, result.low, result.high) == ("interrupted", None, None)


def test_an_interruption_after_the_answer_does_not_take_it_away():
    search = stress(10, 20)
    assert search.result(led(search, [PASS, FAIL, FAIL]), interrupted=True).outcome == "broke"


def test_rates_are_told_as_rates():
    search = stress(12.5, 25, unit="per_second")
    assert search.result(led(search, [PASS, PASS])).reason == "did not break up to 25/s"


@pytest.mark.parametrize("limit", [0.9, 3.3, 10, 11, 47, 99.9, 412, 6_400, 25_000])
def test_the_interval_holds_a_sharp_limit(limit):
    search = capacity()
    levels = led(search, sustaining(limit))
    result = search.result(levels)
    assert result.outcome == "found"
    assert result.low <= limit <= result.high <= 1.1 * result.low
    assert result.metric == "p99(response_time)"
    assert len(levels) <= 26


def test_rates_are_doubled_then_halved_in_log_rate():
    search = capacity(start_rate=10)
    levels = led(search, sustaining(50))
    assert targets(levels)[:6] == [10, 20, 40, 80, pytest.approx(56.57), pytest.approx(47.57)]
    assert search.next([]) == Step(10, "step", settle=5, hold=20, rest=True)


def test_the_lower_end_is_confirmed_for_longer():
    search = capacity()
    levels = led(search, sustaining(412))
    result = search.result(levels)
    last = levels[-1]
    assert (last.role, last.target, last.measured_to - last.measured_from) == ("confirm", result.low, 40)
    assert result.reason.startswith(f"sustained {result.low:g}/s for 40 s; at ")
    assert result.reason.endswith("p99(response_time) was 1.3 s, limit 250 ms")


def test_the_upper_end_failed():
    search = capacity()
    levels = led(search, sustaining(412))
    result = search.result(levels)
    failed = [level.target for level in levels if level.outcome is Outcome.FAIL and level.target <= result.high]
    assert failed
    assert not [level for level in levels if level.outcome is Outcome.PASS and level.target >= result.high]


@pytest.mark.parametrize("precision", [0.01, 0.05, 0.1])
def test_the_interval_is_at_most_twice_the_precision_wide(precision):
    search = capacity(precision=precision)
    result = search.result(led(search, sustaining(333)))
    assert result.low <= 333 <= result.high <= result.low * (1 + 2 * precision)


def test_a_precision_beyond_all_reason_comes_to_an_end():
    search = capacity(precision=0.0001)
    levels = led(search, sustaining(333))
    assert len(levels) <= MOST_TRIALS
    assert search.result(levels).outcome == "unsettled"


def test_an_answer_just_below_the_limit_stays_below_it():
    search = capacity(max_rate=50)
    result = search.result(led(search, sustaining(49.5)))
    assert (result.outcome, result.high) == ("found", 50)
    assert result.low <= 49.5


def test_a_limit_that_is_sustained_and_confirmed_did_not_break():
    search = capacity(max_rate=50)
    levels = led(search, sustaining(1_000))
    assert [(level.target, level.role) for level in levels] == [
        (10, "step"),
        (20, "step"),
        (40, "step"),
        (50, "step"),
        (50, "repeat"),
        (50, "confirm"),
    ]
    result = search.result(levels)
    assert (result.outcome, result.low, result.high, result.max_level) == ("did_not_break", 50, None, 50)
    assert result.reason == "sustained 50/s for 40 s, the highest rate that was to be tried"


def test_no_rate_above_the_limit_is_tried():
    search = capacity(max_rate=50, start_rate=80)
    assert max(targets(led(search, sustaining(49)))) <= 50
    levels = led(search, lambda step, levels: FAIL if step.target == 50 and len(levels) < 3 else PASS)
    assert max(targets(levels)) == 50


def test_a_limit_that_failed_by_accident_is_sustained_all_the_same():
    search = capacity(max_rate=50)
    levels = led(search, lambda _step, levels: FAIL if len(levels) == 3 else PASS)
    result = search.result(levels)
    assert (result.outcome, result.low, result.high) == ("did_not_break", 50, None)


def test_a_limit_that_is_not_confirmed_leads_to_a_lower_rate():
    search = capacity(max_rate=50)
    levels = led(search, lambda step, _levels: FAIL if step.role == "confirm" and step.target > 44 else PASS)
    result = search.result(levels)
    assert len(levels) <= MOST_TRIALS
    assert result.low is None or result.low <= 50


def test_a_start_that_fails_is_halved():
    search = capacity(start_rate=100)
    levels = led(search, sustaining(30))
    assert targets(levels)[:3] == [100, 50, 25]
    assert search.result(levels).outcome == "found"


def test_a_service_that_sustains_nothing_is_unsettled_at_the_floor():
    search = capacity(trial=600)
    levels = led(search, sustaining(0))
    result = search.result(levels)
    assert (result.outcome, result.low) == ("unsettled", None)
    assert result.reason.startswith("not even ")
    assert "1.3 s, limit 250 ms" in result.reason
    assert min(targets(levels)) >= LOWEST_RATE
    assert min(targets(led(capacity(), sustaining(0)))) >= 1 / 20


def test_rates_with_too_few_samples_are_passed_over_on_the_way_up():
    search = capacity()
    levels = led(search, lambda step, _levels: UNJUDGED if step.target < 15 else sustaining(100)(step, _levels))
    assert search.result(levels).outcome == "found"


def test_three_rates_without_enough_samples_leave_it_unsettled():
    search = capacity()
    levels = led(search, lambda _step, _levels: UNJUDGED)
    result = search.result(levels)
    assert (targets(levels), result.outcome) == ([10, 20, 40], "unsettled")
    assert "200 samples, 299 needed" in result.reason


def test_a_trial_with_too_few_samples_below_a_failure_is_made_longer():
    search = capacity(start_rate=20)
    levels = led(search, lambda step, _levels: FAIL if step.target > 12 else PASS if step.hold >= 40 else UNJUDGED)
    assert [(level.target, level.measured_to - level.measured_from) for level in levels[:3]] == [
        (20, 20),
        (10, 20),
        (10, 40),
    ]
    assert search.result(levels).outcome == "found"


def test_a_trial_with_too_few_samples_at_four_times_its_length_ends_the_search():
    search = capacity(start_rate=20)
    levels = led(search, lambda step, _levels: FAIL if step.target == 20 else UNJUDGED)
    assert (targets(levels), search.result(levels).outcome) == ([20, 10, 10, 10], "unsettled")


def test_a_start_that_could_not_be_judged_is_tried_again_when_the_next_one_fails():
    search = capacity(start_rate=10)

    def answer(step, levels):
        if step.target > 12:
            return FAIL
        return UNJUDGED if not levels else PASS

    levels = led(search, answer)
    assert search.result(levels).outcome == "found"


def test_a_generator_at_its_limit_twice_gives_no_capacity():
    search = capacity()
    levels = led(search, [PASS, PASS, LIMITED, LIMITED])
    assert [(level.target, level.role) for level in levels[2:]] == [(40, "step"), (40, "repeat")]
    assert search.next(levels) is None
    result = search.result(levels)
    assert (result.outcome, result.low, result.high, result.metric) == ("generator_limited", 20, None, None)
    assert result.reason == (
        "limited by the generator at 40/s: iterations started up to 80 ms late (99th percentile); 20/s was sustained"
    )


def test_a_generator_at_its_limit_once_does_not_count():
    search = capacity()
    limited = {0: LIMITED, 5: LIMITED}
    levels = led(search, lambda step, levels: limited.get(len(levels)) or sustaining(100)(step, levels))
    result = search.result(levels)
    assert result.outcome == "found"
    assert result.low <= 100 <= result.high


def test_a_confirmation_that_the_generator_spoiled_is_made_again_as_long():
    search = capacity()
    first = led(search, sustaining(100))
    levels = [*first[:-1], held(Step(first[-1].target, "confirm", 5, 40, rest=True), LIMITED, unit="per_second")]
    again = search.next(levels)
    assert (again.role, again.hold, again.target) == ("confirm", 40, first[-1].target)


def test_a_confirmation_that_fails_leads_to_a_lower_rate():
    search = capacity()
    failed = []

    def answer(step, levels):
        if step.role == "confirm" and not failed:
            failed.append(step.target)
            return FAIL
        return sustaining(100)(step, levels)

    levels = led(search, answer)
    result = search.result(levels)
    assert result.outcome == "found"
    assert result.low <= failed[0]
    assert result.high / result.low <= 1.1
    assert result.reason.endswith(f"; unstable: {failed[0]:g}/s failed when it was held as long before")


def test_a_rate_that_twice_fails_its_confirmation_is_not_the_answer():
    search = capacity()
    levels = led(search, lambda step, _: PASS if step.target <= (90 if step.role == "confirm" else 100) else FAIL)
    result = search.result(levels)
    assert (result.outcome, result.low <= 90) == ("found", True)
    assert levels[-1].target == result.low
    assert result.high / result.low <= 1.1


def test_confirmations_that_always_fail_come_to_an_end():
    search = capacity()
    levels = led(search, lambda step, _levels: FAIL if step.role == "confirm" or step.target > 100 else PASS)
    result = search.result(levels)
    assert len(levels) <= MOST_TRIALS
    assert result.outcome == "unsettled"
    confirmations = [level.target for level in levels if level.role == "confirm"]
    assert confirmations == sorted(confirmations, reverse=True)
    assert len(set(confirmations)) >= len(confirmations) - 1


def test_one_failure_by_accident_on_the_way_up_does_not_decide():
    search = capacity()
    levels = led(search, lambda step, levels: FAIL if len(levels) == 3 else sustaining(400)(step, levels))
    result = search.result(levels)
    assert levels[3].target == 80
    assert (result.outcome, result.low <= 400 <= result.high) == ("found", True)
    assert "unstable: 80/s once failed" in result.reason


def test_one_failure_by_accident_near_the_border_does_not_decide():
    search = capacity()
    levels = led(search, lambda step, levels: FAIL if len(levels) == 4 else sustaining(62)(step, levels))
    assert levels[4].target < 62
    result = search.result(levels)
    assert result.low <= 62 <= result.high


def test_one_pass_by_accident_does_not_decide():
    search = capacity()
    levels = led(search, lambda step, levels: PASS if len(levels) == 4 else sustaining(50)(step, levels))
    assert levels[4].target > 50
    result = search.result(levels)
    assert result.low <= 50 <= result.high


def test_of_answers_that_contradict_each_other_the_lower_one_is_taken():
    search = capacity()
    levels = led(search, lambda step, levels: sustaining(150 if len(levels) < 6 else 100)(step, levels))
    result = search.result(levels)
    assert len(levels) <= MOST_TRIALS
    assert result.outcome == "found"
    assert result.low <= 100
    assert "unstable" in result.reason
    assert "lower one counts" in result.reason


@pytest.mark.parametrize("seed", range(20))
def test_a_search_ends_whatever_trials_come_to(seed):
    import random

    chance = random.Random(seed)
    search = capacity(max_rate=chance.choice([None, 100.0, 1_000.0]))
    weights = [chance.random() for _ in range(4)]
    levels = led(search, lambda _step, _levels: chance.choices([PASS, FAIL, UNJUDGED, LIMITED], weights)[0])
    result = search.result(levels)
    assert len(levels) <= MOST_TRIALS
    assert result.outcome != "interrupted"
    assert result.reason
    if result.outcome == "found":
        assert 1 < result.high / result.low <= 1.1


def test_a_rate_without_end_comes_to_an_end():
    levels = led(capacity(), lambda _step, _levels: PASS)
    assert len(levels) == MOST_TRIALS
    result = capacity().result(levels)
    assert (result.outcome, result.high) == ("unsettled", None)
    assert math.isfinite(result.low)


def test_an_interrupted_capacity_search_keeps_what_is_known():
    search = capacity()
    levels = led(search, sustaining(50), most=5)
    result = search.result(levels, interrupted=True)
    assert (result.outcome, result.low, result.high, result.max_level) == ("interrupted", 40, 56.57, 80)
    assert result.reason == "interrupted; 40/s was sustained; at 56.57/s p99(response_time) was 1.3 s, limit 250 ms"


def test_the_next_step_depends_on_the_levels_alone():
    search, levels = capacity(), led(capacity(), sustaining(100))
    asked = [search.next(levels[:number]) for number in (7, 3, 7, 0, 3)]
    assert asked[0] == asked[2]
    assert asked[1] == asked[4]
    assert asked[0].target == levels[7].target
    renumbered = [replace(level, number=level.number + 5) for level in levels]
    assert search.result(renumbered) == search.result(levels)
