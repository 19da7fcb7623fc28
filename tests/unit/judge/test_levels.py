import pytest

from loadproof.judge import MeasuredLevel, judge_level
from loadproof.judge.levels import _trend
from loadproof.plan import parse_threshold
from loadproof.record import Counts, Tally
from loadproof.result import Doubt, GeneratorHealth, Outcome

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
HEALTHY = GeneratorHealth(start_lag_p99=0.0001)
LATE = GeneratorHealth(start_lag_p99=0.08)
STARVED = GeneratorHealth(start_lag_p99=0.0001, starved=0.3)


def tally(n, seconds, service=None):
    filled = Tally()
    if service is not None:
        filled.own_service = Tally().response
        filled.own_service.record(int(service * 1e9), n)
    filled.response.record(int(seconds * 1e9), n)
    return filled


def counted(*, good=2_000, bad=0, took=0.1, service=None, offered=2_000, finished=None, lasted=None, dropped=0):
    """What was counted of so many requests, each an iteration of its own."""
    counts = Counts()
    tallies = {"success": tally(good, took, service)} if good else {}
    if bad:
        tallies["failure"] = tally(bad, took)
    entries = {("/a", "GET"): tallies} if tallies else {}
    finished = good + bad if finished is None else finished
    if finished:
        entries["default", "ITERATION"] = {"success": tally(finished, took if lasted is None else lasted)}
    counts.add(entries)
    counts.arrivals.offered = offered
    counts.arrivals.dropped = dropped
    counts.arrivals.started = offered - dropped
    return counts


def level(record=None, *, unit="per_second", health=HEALTHY, in_flight=(), seconds=20, start=5.0, exceptions=0):
    return MeasuredLevel(
        number=3,
        target=100.0,
        unit=unit,
        role="repeat",
        measured_from=start,
        measured_to=start + seconds,
        record=counted() if record is None else record,
        exception_count=exceptions,
        unfinished=0,
        health=health,
        in_flight=tuple((start + 0.5 + at, n) for at, n in enumerate(in_flight)),
    )


def judged(measured, *rules):
    return judge_level(measured, tuple(parse_threshold(rule, source="test") for rule in rules))


def came_to(measured, *rules):
    result = judged(measured, *rules)
    return result.outcome, result.metric


def test_a_level_that_holds_all_rules_passes_without_a_reason():
    result = judged(level(in_flight=[10] * 20), "p95(response_time) < 250ms", "error_rate < 1%")
    assert (result.outcome, result.metric, result.reason) == (PASS, None, "")
    assert [verdict.outcome for verdict in result.verdicts] == [PASS, PASS]


def test_what_was_measured_is_kept():
    measured = level(exceptions=2)
    result = judged(measured)
    assert (result.number, result.target, result.unit, result.role) == (3, 100.0, "per_second", "repeat")
    assert (result.measured_from, result.measured_to, result.exception_count) == (5.0, 25.0, 2)
    assert result.record is measured.record
    assert result.health is measured.health
    assert not result.limited_by_generator


@pytest.mark.parametrize(
    ("rule", "metric"),
    [
        ("p99(response_time) < 50ms", "p99(response_time)"),
        ("p99.9(response_time) < 50ms", "p99.9(response_time)"),
        ("avg(service_time) < 50ms", "avg(service_time)"),
        ("med(response_time) < 50ms", "med(response_time)"),
        ("max(response_time) < 50ms", "max(response_time)"),
        ("error_rate < 1%", "error_rate"),
        ("p95(response_time){name=/a} < 50ms", "p95(response_time)"),
    ],
)
def test_a_broken_rule_names_its_metric(rule, metric):
    record = counted(good=3_900, bad=100, offered=4_000)
    assert came_to(level(record, seconds=30), rule) == (FAIL, metric)


def test_the_reason_has_the_value_and_the_limit():
    assert judged(level(), "p99(response_time) < 50ms").reason == "p99(response_time) was 100 ms, limit 50 ms"


def test_the_first_broken_rule_is_named():
    rules = ("avg(response_time) < 50ms", "p95(response_time) < 50ms")
    assert came_to(level(), *rules) == (FAIL, "avg(response_time)")


def test_too_many_dropped_arrivals_fail_a_level():
    record = counted(good=1_900, offered=2_000, dropped=100)
    assert came_to(level(record), "dropped_rate < 1%") == (FAIL, "dropped_rate")


def test_an_exception_fails_a_level():
    assert came_to(level(exceptions=1), "exceptions = 0") == (FAIL, "exceptions")


def test_a_warning_does_not_matter():
    result = judged(level(), "avg(response_time): warn >= 50ms")
    assert (result.outcome, result.verdicts[0].outcome) == (PASS, Outcome.WARN)


def test_a_warning_that_cannot_be_judged_does_not_matter_either():
    assert came_to(level(counted(good=50, offered=50)), "p99(response_time): warn >= 1s") == (PASS, None)


def test_too_few_samples_are_inconclusive_without_a_metric():
    result = judged(level(counted(good=200, offered=200)), "p99(response_time) < 250ms")
    assert (result.outcome, result.metric) == (INCONCLUSIVE, None)
    assert result.reason == "p99(response_time): 200 samples, 299 needed for p99"


def test_too_few_samples_for_one_rule_do_not_hide_that_another_is_broken():
    record = counted(good=100, bad=100, offered=200)
    assert came_to(level(record), "p99(response_time) < 250ms", "error_rate < 1%") == (FAIL, "error_rate")


def test_a_level_without_requests_is_inconclusive():
    assert came_to(level(Counts(), unit="users"), "exceptions = 0") == (INCONCLUSIVE, None)
    assert came_to(level(Counts()), "exceptions = 0") == (INCONCLUSIVE, None)


def test_iterations_that_are_not_finished_fail_a_level():
    result = judged(level(counted(good=1_900)))
    assert (result.outcome, result.metric) == (FAIL, "achieved_rate")
    assert result.reason == "achieved_rate was 95% of the offered (1,900 of 2,000), limit 99%"


def test_one_in_a_hundred_may_be_missing():
    assert came_to(level(counted(good=1_980)))[0] is PASS
    assert came_to(level(counted(good=1_970)))[0] is FAIL


def test_iterations_in_progress_at_the_ends_are_not_missing():
    # 50 in progress differ from end to end by sqrt(2 * 50) = 10, and two of these are granted.
    assert came_to(level(counted(good=1_960), in_flight=[50] * 20))[0] is PASS
    assert came_to(level(counted(good=1_955), in_flight=[50] * 20)) == (FAIL, "achieved_rate")


def test_a_queue_that_grows_in_the_window_grants_itself_nothing():
    assert came_to(level(counted(good=1_960), in_flight=[0] * 6 + list(range(4, 60, 4)))) == (FAIL, "achieved_rate")


def test_a_service_that_answers_nothing_fails():
    record = counted(good=0, finished=0)
    assert came_to(level(record), "error_rate < 1%") == (FAIL, "achieved_rate")


def test_iterations_that_last_as_long_as_the_window_cannot_be_judged_by_their_number():
    result = judged(level(counted(good=4_000, finished=0)))
    assert (result.outcome, result.metric) == (INCONCLUSIVE, None)
    assert result.reason == "iterations last too long for 20 s: no iteration was finished"
    result = judged(level(counted(good=4_000, finished=1_500, lasted=8)))
    assert (result.outcome, result.metric) == (INCONCLUSIVE, None)
    assert result.reason == "iterations last too long for 20 s: even the shortest took 8 s"


def test_levels_of_users_are_not_judged_by_arrivals():
    record = counted(good=10, finished=0, offered=0)
    assert came_to(level(record, unit="users"), "error_rate < 1%") == (PASS, None)


def test_a_queue_that_grows_fails_a_level_though_all_seems_finished():
    result = judged(level(counted(good=1_985), in_flight=range(10, 30)))
    assert (result.outcome, result.metric) == (FAIL, "in_flight")
    assert result.reason == "in_flight grew by 1 iterations a second, by 20 in all"


def test_a_queue_that_shrinks_or_stands_still_does_not():
    assert came_to(level(in_flight=range(30, 10, -1)))[0] is PASS
    assert came_to(level(in_flight=[100] * 20))[0] is PASS


def test_growth_too_small_to_matter_does_not_fail_a_level():
    # Ten in 20 s are half a percent of 2,000.
    assert came_to(level(in_flight=[10 + at // 2 for at in range(20)]))[0] is PASS
    assert came_to(level(counted(good=20, offered=20), in_flight=[0] * 10 + [1] * 10))[0] is PASS


def test_a_queue_that_wanders_does_not_fail_a_level():
    wander = [5, 9, 14, 20, 22, 17, 12, 8, 6, 9, 15, 22, 27, 30, 26, 20, 15, 12, 14, 19]
    assert came_to(level(in_flight=wander))[0] is PASS


def test_a_trend_needs_eight_points():
    assert _trend([(float(at), at) for at in range(7)]) is None
    assert _trend([(1.0, at) for at in range(20)]) is None
    slope, low = _trend([(float(at), 2 * at) for at in range(20)])
    assert (slope, low) == (2, 2)


def test_the_interval_of_a_trend_is_that_of_least_squares_where_residuals_are_independent():
    # Residuals of alternating sign are not alike; 8 points, 6 degrees of freedom: t is 2.447.
    points = [(float(at), 3 * at + (1 if at % 2 else -1)) for at in range(8)]
    slope, low = _trend(points)
    rest = [y - sum(y for _, y in points) / 8 - slope * (x - 3.5) for x, y in points]
    error = (sum(r * r for r in rest) / 6 / 42) ** 0.5
    assert (slope - low) / error == pytest.approx(2.447, abs=0.01)


def test_neighbours_alike_widen_the_interval_of_a_trend():
    apart = [(float(at), at + (6 if at % 2 else 0)) for at in range(20)]
    alike = [(float(at), at + (6 if at % 8 >= 4 else 0)) for at in range(20)]
    (slope, low), (other, lower) = _trend(apart), _trend(alike)
    assert other - lower > 1.3 * (slope - low)


def test_iterations_that_start_late_are_the_generators_fault():
    result = judged(level(health=LATE), "error_rate < 1%")
    assert (result.outcome, result.metric) == (INCONCLUSIVE, "generator")
    assert result.limited_by_generator
    assert result.reason == "iterations started up to 80 ms late (99th percentile)"


def test_lag_counts_beside_the_median_response():
    # Five times a tenth of 100 ms is 50 ms; of 200 ms it is 100 ms.
    assert came_to(level(counted(took=0.2), health=LATE))[0] is PASS


def test_a_tolerable_lag_is_no_fault():
    assert came_to(level(counted(took=0.001), health=GeneratorHealth(start_lag_p99=0.02)))[0] is PASS


def test_users_do_not_start_late():
    assert came_to(level(unit="users", health=LATE))[0] is PASS


def test_response_times_of_a_late_generator_prove_nothing():
    record = counted(took=0.12, service=0.01)
    result = judged(level(record, health=LATE), "p99(response_time) < 100ms")
    assert (result.outcome, result.metric) == (INCONCLUSIVE, "generator")
    assert "was 120 ms, limit 100 ms, but iterations started up to 80 ms late" in result.reason


def test_a_service_that_is_slow_itself_is_slow_whatever_the_generator_does():
    record = counted(took=0.12, service=0.11)
    assert came_to(level(record, health=LATE), "p99(response_time) < 100ms") == (FAIL, "p99(response_time)")
    assert came_to(level(record, health=LATE), "p99(service_time) < 100ms") == (FAIL, "p99(service_time)")


def test_errors_are_the_services_whatever_the_generator_does():
    record = counted(good=1_000, bad=1_000)
    assert came_to(level(record, health=LATE), "error_rate < 1%") == (FAIL, "error_rate")


@pytest.mark.parametrize("health", [LATE, STARVED])
def test_load_that_a_sick_generator_did_not_make_is_not_the_services_fault(health):
    record = counted(good=1_500, offered=2_000, dropped=500)
    result = judged(level(record, health=health, in_flight=range(20)), "dropped_rate < 1%")
    assert (result.outcome, result.metric) == (INCONCLUSIVE, "generator")


def test_a_starved_generator_that_kept_the_schedule_proves_what_passed():
    assert came_to(level(health=STARVED), "p95(response_time) < 250ms") == (PASS, None)


def test_a_doubt_that_spoils_a_rule_makes_the_level_the_generators():
    health = GeneratorHealth(doubts=(Doubt("response_time", "the event loop woke up late"),))
    result = judged(level(unit="users", health=health), "p95(response_time) < 50ms")
    assert (result.outcome, result.metric) == (INCONCLUSIVE, "generator")
    assert "the event loop woke up late" in result.reason


def test_a_doubt_about_what_no_rule_looks_at_does_not_matter():
    health = GeneratorHealth(doubts=(Doubt("response_time", "the event loop woke up late"),))
    assert came_to(level(unit="users", health=health), "error_rate < 1%") == (PASS, None)


def test_users_that_a_busy_generator_holds_up_are_no_load():
    health = GeneratorHealth(doubts=(Doubt("throughput", "a load process used 99% of a core", pass_stands=True),))
    result = judged(level(unit="users", health=health), "error_rate < 1%")
    assert (result.outcome, result.metric) == (INCONCLUSIVE, "generator")
    assert came_to(level(health=health), "error_rate < 1%") == (PASS, None)


def test_errors_that_the_generator_made_are_the_generators():
    record = counted(good=1_900, bad=100)
    broken = Counts()
    failures = tally(100, 0.1)
    failures.kinds = {"out_of_ports": 100}
    broken.add({("/a", "GET"): {"success": tally(1_900, 0.1), "failure": failures}})
    broken.arrivals.merge(record.arrivals)
    assert came_to(level(broken, unit="users"), "error_rate < 1%") == (INCONCLUSIVE, "generator")


def test_a_generator_at_fault_counts_more_than_too_few_samples():
    record = counted(good=200, offered=200)
    assert came_to(level(record, health=LATE), "p99(response_time) < 250ms") == (INCONCLUSIVE, "generator")
