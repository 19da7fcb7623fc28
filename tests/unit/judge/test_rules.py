from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.errors import ExitCode
from loadproof.judge import evaluate, evaluate_all, exit_code, overall
from loadproof.plan import Threshold
from loadproof.plan.defaults import default_thresholds
from loadproof.plan.thresholds import parse_threshold
from loadproof.record import Delta, Recorder, RunRecord, Sample, Tally
from loadproof.result import GeneratorHealth, Outcome, RunResult, Snapshot, Verdict

PASS, WARN, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.INCONCLUSIVE


def request(took=0.1, *, name="/a", method="GET", outcome="success", at=1.0, connect=0.0):
    kind = "timeout" if outcome == "failure" else None
    return Sample(name, method, at, at, at + took, connect_time=connect, outcome=outcome, kind=kind)


def record_of(samples):
    recorder, record = Recorder("local"), RunRecord()
    for sample in samples:
        recorder.record(sample)
    record.merge(recorder.interval({}))
    return record


@dataclass
class Counting:
    """A record that counts how often its entries are put together."""

    record: RunRecord
    selections: list = field(default_factory=list)

    def select(self, name=None, method=None, tag=""):
        self.selections.append((name, method, tag))
        return self.record.select(name, method, tag)

    @property
    def arrivals(self):
        return self.record.arrivals


def record_of_many(failures, total):
    """A record as of so many requests, without making each."""
    tallies = {"failure": Tally(), "success": Tally()}
    tallies["failure"].response.record(100_000_000, failures)
    tallies["success"].response.record(100_000_000, total - failures)
    record = RunRecord()
    record.merge(Delta(1, "local", {0: {("/a", "GET"): tallies}}, {}))
    return record


def measured(samples=(), *, seconds=10.0, exceptions=0, unfinished=0, start=0.0):
    return Snapshot(
        record=record_of(samples),
        measured_from=start,
        measured_to=start + seconds,
        unfinished=unfinished,
        exception_count=exceptions,
        health=GeneratorHealth(),
    )


def rule(text, **changes):
    return parse_threshold(text, source="loadproof.toml").model_copy(update=changes)


def verdict_on(text, samples=(), *, min_samples=None, **rest):
    return evaluate(rule(text, min_samples=min_samples), measured(samples, **rest))


def mixed(failures, total):
    """Requests of which some failed."""
    return [request(outcome="failure" if i < failures else "success") for i in range(total)]


def default(metric, aggregation=None):
    rules = default_thresholds("service", rps_limited=False)
    return next(each for each in rules if (each.metric, each.aggregation) == (metric, aggregation))


@pytest.mark.parametrize(
    ("failures", "total", "outcome"), [(999, 100_000, PASS), (1, 100, WARN), (4_999, 100_000, WARN), (5, 100, FAIL)]
)
def test_the_default_error_rate_breaks_at_1_and_at_5_percent(failures, total, outcome):
    verdict = evaluate(default("error_rate"), replace(measured(), record=record_of_many(failures, total)))
    assert (verdict.observed, verdict.n, verdict.outcome) == (failures / total, total, outcome)


@pytest.mark.parametrize(("seconds", "outcome"), [(0.999, PASS), (1, WARN), (2.999, WARN), (3, FAIL)])
def test_the_default_average_breaks_at_1_and_at_3_seconds(seconds, outcome):
    verdict = evaluate(default("response_time", "avg"), measured([request(seconds)] * 60))
    assert (verdict.observed, verdict.outcome) == (pytest.approx(seconds, rel=1e-12), outcome)


@pytest.mark.parametrize(("seconds", "outcome"), [(1.999, PASS), (2, WARN), (4.999, WARN), (5, FAIL)])
def test_the_default_p95_breaks_at_2_and_at_5_seconds(seconds, outcome):
    verdict = evaluate(default("response_time", "quantile"), measured([request(seconds)] * 60))
    assert (verdict.observed, verdict.outcome) == (pytest.approx(seconds, rel=1e-12), outcome)


@pytest.mark.parametrize(
    ("requests", "seconds", "per_second", "outcome"),
    [(10_001, 1_000.0, 10.001, PASS), (100, 10.0, 10, WARN), (1_001, 1_000.0, 1.001, WARN), (10, 10.0, 1, FAIL)],
)
def test_the_default_throughput_breaks_at_10_and_at_1_per_second(requests, seconds, per_second, outcome):
    verdict = evaluate(default("throughput"), measured([request()] * requests, seconds=seconds))
    assert (verdict.observed, verdict.n, verdict.outcome) == (per_second, requests, outcome)


@pytest.mark.parametrize("milliseconds", [1, 5, 100, 300, 700, 999, 1000, 2000, 4999, 5000])
@pytest.mark.parametrize("aggregation", ["p95", "med", "min", "max", "avg"])
def test_samples_that_are_all_at_the_limit_are_judged_as_the_limit(aggregation, milliseconds):
    samples = [request(milliseconds / 1000, at=0.0)] * 100
    assert verdict_on(f"{aggregation}(response_time) <= {milliseconds}ms", samples).outcome is PASS
    assert verdict_on(f"{aggregation}(response_time) < {milliseconds}ms", samples).outcome is FAIL


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.0001, 100), min_size=59, max_size=100))
def test_an_observed_quantile_is_the_nearest_rank_within_a_bucket(times):
    verdict = verdict_on("p95(response_time) < 1s", [request(took) for took in times])
    exact = sorted(times)[-(-95 * len(times) // 100) - 1]
    assert verdict.observed == pytest.approx(exact, rel=1e-3, abs=1e-8)
    if verdict.interval is not None:
        assert verdict.interval[0] <= verdict.observed <= verdict.interval[1]


@pytest.mark.parametrize(
    ("selector", "observed", "n"),
    [
        ("", 0.25, 60),
        ("{outcome=success}", 0.25, 60),
        ("{outcome=expected}", 1.0, 60),
        ("{outcome=failure}", 4.0, 60),
        ("{outcome=all}", 4.0, 180),
    ],
)
def test_durations_are_those_of_successes_unless_the_rule_says_otherwise(selector, observed, n):
    samples = [request(0.25)] * 60 + [request(4.0, outcome="failure")] * 60 + [request(1.0, outcome="expected")] * 60
    verdict = verdict_on(f"max(response_time){selector} < 9s", samples)
    assert (verdict.observed, verdict.n) == (observed, n)


def test_service_time_is_judged_by_itself():
    samples = [request(0.25, connect=0.5, at=0.0)] * 60
    assert verdict_on("avg(service_time) < 1s", samples).observed == pytest.approx(0.75)
    assert verdict_on("avg(response_time) < 1s", samples).observed == pytest.approx(0.25)


def test_expected_answers_are_no_failures_but_count_among_all():
    samples = [request(outcome="failure"), request(outcome="expected"), request(), request()]
    assert verdict_on("error_rate < 50%", samples).observed == 0.25
    assert verdict_on("failures < 5", samples).observed == 1
    assert verdict_on("requests > 1", samples).observed == 4
    assert verdict_on("throughput > 0.1/s", samples, seconds=8.0).observed == 0.5


def test_throughput_counts_the_measured_part_only():
    verdict = verdict_on("throughput > 1/s", [request()] * 30, seconds=10.0, start=5.0)
    assert (verdict.observed, verdict.unit, verdict.interval) == (3.0, "/s", None)


def test_a_selector_takes_entries_by_pattern_and_method():
    samples = [request(name="/api/a")] * 3 + [request(name="/api/b", method="POST")] * 2 + [request(name="/c")]
    assert verdict_on('requests{name="/api/*"} > 1', samples).observed == 5
    assert verdict_on("requests{method=post} > 1", samples).observed == 2
    assert verdict_on("requests > 1", samples).observed == 6


def test_spans_stay_out_unless_they_are_asked_for():
    samples = [request()] + [request(5.0, name="checkout", method="FLOW")] * 3
    assert verdict_on("requests > 0", samples).observed == 1
    assert verdict_on("max(response_time){method=FLOW} < 9s", samples).observed == 5.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("p95(response_time) < 1s", "no request was finished"),
        ("avg(service_time) < 1s", "no request was finished"),
        ("max(response_time){name=/checkout} < 1s", "no request matched name=/checkout"),
        ("error_rate < 1%", "no request was finished"),
        ("error_rate{name=/checkout, method=GET} < 1%", "no request matched name=/checkout, method=GET"),
        ("throughput > 1/s", "no request was finished"),
        ("requests{name=/checkout} > 10", "no request matched name=/checkout"),
        ("failures{method=PUT} < 10", "no request matched method=PUT"),
    ],
)
def test_no_data_is_inconclusive_and_never_a_pass(text, reason):
    verdict = verdict_on(text)
    assert (verdict.outcome, verdict.observed, verdict.interval, verdict.n) == (INCONCLUSIVE, None, None, 0)
    assert verdict.reason == reason


@pytest.mark.parametrize(
    ("text", "outcome"),
    [("requests > 10", FAIL), ("requests < 10", PASS), ("failures < 10", PASS), ("failures > 0", FAIL)],
)
def test_counts_over_all_requests_are_judged_even_when_there_are_none(text, outcome):
    verdict = verdict_on(text)
    assert (verdict.outcome, verdict.observed) == (outcome, 0)


def test_exceptions_and_unfinished_requests_are_judged_without_requests():
    assert verdict_on("exceptions = 0", exceptions=0).outcome is PASS
    assert verdict_on("exceptions = 0", exceptions=2).reason == "2 is not 0"
    assert verdict_on("unfinished < 5", unfinished=5).reason == "5 is >= 5"


@pytest.mark.parametrize(
    ("selector", "reason"),
    [
        ("", "no request succeeded"),
        ("{name=/a}", "no request that matched name=/a succeeded"),
        ("{outcome=expected}", "no request ended as expected"),
    ],
)
def test_a_time_that_no_request_has_says_which_outcome_is_missing(selector, reason):
    verdict = verdict_on(f"max(response_time){selector} < 1s", [request(outcome="failure")] * 3)
    assert (verdict.outcome, verdict.reason) == (INCONCLUSIVE, reason)


def test_failures_that_never_happened_have_no_times():
    verdict = verdict_on("max(response_time){outcome=failure} < 1s", [request()])
    assert (verdict.outcome, verdict.reason) == (INCONCLUSIVE, "no request failed")


@pytest.mark.parametrize(
    ("text", "few", "label"),
    [
        ("p90(response_time) < 1s", 28, "29 needed for p90"),
        ("p95(response_time) < 1s", 58, "59 needed for p95"),
        ("p99(service_time) < 1s", 298, "299 needed for p99"),
        ("p99.9(response_time) < 1s", 2_994, "2995 needed for p99.9"),
        ("med(response_time) < 1s", 4, "5 needed for the median"),
    ],
)
def test_a_quantile_is_judged_from_its_fewest_samples_on(text, few, label):
    verdict = verdict_on(text, [request()] * few)
    assert (verdict.outcome, verdict.observed, verdict.n) == (INCONCLUSIVE, None, few)
    assert verdict.reason == f"{few} samples, {label}"
    assert verdict_on(text, [request()] * (few + 1)).outcome is PASS


def test_a_slow_quantile_of_too_few_samples_does_not_fail_either():
    assert verdict_on("p95(response_time) < 1s", [request(30.0)]).reason == "1 sample, 59 needed for p95"


def test_average_and_extremes_are_judged_from_one_sample_on():
    for aggregation in ("avg", "min", "max"):
        assert verdict_on(f"{aggregation}(response_time) < 1s", [request()]).outcome is PASS


@pytest.mark.parametrize("text", ["avg(response_time) < 1s", "error_rate < 1%", "throughput > 0.1/s"])
def test_a_rule_may_ask_for_more_samples(text):
    verdict = verdict_on(text, [request()] * 9, min_samples=10)
    assert (verdict.outcome, verdict.n) == (INCONCLUSIVE, 9)
    assert verdict.reason.startswith("9 samples, 10 needed")
    assert verdict_on(text, [request()] * 10, min_samples=10).outcome is PASS


def test_a_rule_may_be_content_with_fewer_samples():
    verdict = verdict_on("p95(response_time) < 1s", [request(0.5, at=0.0)] * 3, min_samples=1)
    assert (verdict.outcome, verdict.observed, verdict.interval) == (PASS, 0.5, None)


def test_throughput_of_no_time_is_inconclusive():
    verdict = verdict_on("throughput > 1/s", [request()], seconds=0.0)
    assert (verdict.outcome, verdict.observed, verdict.reason) == (INCONCLUSIVE, None, "no time passed")


def test_one_failed_request_is_enough_for_the_error_rate():
    verdict = verdict_on("error_rate < 5%", [request(outcome="failure")])
    assert (verdict.outcome, verdict.observed, verdict.n) == (FAIL, 1.0, 1)


def test_fail_comes_before_warn():
    text = "avg(response_time): warn >= 1s, fail >= 3s"
    outcomes = [verdict_on(text, [request(took)]).outcome for took in (0.5, 2.0, 4.0)]
    assert outcomes == [PASS, WARN, FAIL]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("requests < 3", FAIL),
        ("requests <= 3", PASS),
        ("requests > 3", FAIL),
        ("requests >= 3", PASS),
        ("requests == 3", PASS),
        ("requests == 4", FAIL),
        ("requests != 3", FAIL),
        ("requests != 4", PASS),
    ],
)
def test_every_operator_means_what_it_says(text, outcome):
    assert verdict_on(text, [request()] * 3).outcome is outcome


def test_a_breach_names_the_value_and_the_limit_with_digits_that_tell_them_apart():
    assert verdict_on("avg(response_time) < 1s", [request(1.0000004, at=0.0)]).reason == "1.0000004 s is >= 1 s"
    assert verdict_on("error_rate: warn >= 1%, fail >= 5%", mixed(1, 50)).reason == "2% is >= 1%"
    assert verdict_on("throughput > 10/s", mixed(0, 33)).reason == "3.3/s is <= 10/s"


def test_a_verdict_carries_the_rule_its_source_its_unit_and_whether_it_decides():
    verdict = verdict_on("error_rate: warn >= 1%", mixed(1, 100))
    assert (verdict.rule, verdict.source) == ("error_rate: warn >= 1%", "loadproof.toml")
    assert (verdict.unit, verdict.decisive) == ("ratio", False)
    units = {text: verdict_on(text).unit for text in ("max(service_time) < 1s", "throughput > 1/s", "requests > 1")}
    assert list(units.values()) == ["s", "/s", "count"]
    assert verdict_on("requests > 1").decisive


def test_the_value_is_judged_and_the_interval_only_shown():
    times = [request(0.001 * i, at=0.0) for i in range(1, 101)]
    verdict = verdict_on("med(response_time) < 51ms", times)
    assert (verdict.outcome, verdict.reason) == (PASS, "")
    assert verdict.interval == pytest.approx((0.040, 0.061), rel=1e-3)
    assert verdict.interval[1] > 0.051


def test_the_error_rate_has_an_interval_even_when_nothing_failed():
    assert verdict_on("error_rate < 5%", mixed(0, 100)).interval == pytest.approx((0.0, 0.0369935), abs=1e-7)
    assert verdict_on("error_rate < 5%", mixed(3, 50)).interval == pytest.approx((0.0206150, 0.1621709), abs=1e-7)


def test_an_average_has_an_interval_from_30_samples_on():
    times = [request(took, at=0.0) for took in (0.1, 0.3) * 50]
    assert verdict_on("avg(response_time) < 1s", times[:29]).interval is None
    assert verdict_on("avg(response_time) < 1s", times).interval == pytest.approx((0.180302, 0.219698), rel=1e-3)


def test_counts_and_extremes_have_no_interval():
    samples = mixed(1, 100)
    for text in ("requests > 1", "failures < 9", "exceptions = 0", "throughput > 1/s", "max(response_time) < 1s"):
        assert verdict_on(text, samples).interval is None


def test_a_live_snapshot_and_its_result_get_the_same_verdicts():
    live = measured([request(i / 100) for i in range(100)], exceptions=0, unfinished=2)
    result = RunResult(
        run_id="r", test_name="t", kind="load", started_at="2026-01-01T00:00:00+00:00", plan={}, environment={},
        record=live.record, measured_to=10.0, unfinished=2, directory=Path("/nowhere"),
    )  # fmt: skip
    rules = [
        rule(text) for text in ("exceptions = 0", "unfinished < 2", "p95(response_time) < 500ms", "throughput > 1/s")
    ]
    assert evaluate_all(rules, live) == evaluate_all(rules, result)
    assert [verdict.outcome for verdict in evaluate_all(rules, live)] == [PASS, FAIL, FAIL, PASS]


def test_entries_are_put_together_once_for_all_rules_that_look_at_the_same_ones():
    snapshot = measured(mixed(1, 100))
    counting = Counting(snapshot.record)
    rules = default_thresholds("service", rps_limited=False)
    verdicts = evaluate_all(rules, Snapshot(counting, 0.0, 10.0, 0, 0, GeneratorHealth()))
    assert verdicts == evaluate_all(rules, snapshot)
    assert counting.selections == [(None, None, "")]


def test_no_rules_are_no_verdicts():
    assert evaluate_all((), measured()) == ()


def verdict(outcome, *, decisive=True, name="rule"):
    return Verdict(f"{name} {outcome}", "default", outcome, None, "count", None, 0, decisive=decisive)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ((), PASS),
        ((PASS, PASS), PASS),
        ((PASS, WARN), WARN),
        ((PASS, INCONCLUSIVE), INCONCLUSIVE),
        ((WARN, INCONCLUSIVE), INCONCLUSIVE),
        ((FAIL, INCONCLUSIVE, WARN), FAIL),
    ],
)
def test_a_run_comes_to_the_worst_of_its_rules(outcomes, expected):
    assert overall([verdict(each) for each in outcomes], measured([request()])) is expected


@pytest.mark.parametrize("other", [PASS, WARN])
def test_a_rule_that_only_warns_never_makes_a_run_inconclusive(other):
    verdicts = [verdict(INCONCLUSIVE, decisive=False), verdict(other)]
    assert overall(verdicts, measured([request()])) is other


@pytest.mark.parametrize("outcomes", [(), (PASS,), (WARN,)])
def test_a_run_without_a_request_is_inconclusive_whatever_its_rules_say(outcomes):
    assert overall([verdict(each) for each in outcomes], measured()) is INCONCLUSIVE


def test_a_run_of_spans_alone_is_inconclusive():
    assert overall((), measured([request(name="checkout", method="FLOW")])) is INCONCLUSIVE


def test_a_run_without_a_request_fails_where_a_rule_could_be_judged_and_failed():
    assert overall([verdict(FAIL)], measured()) is FAIL


def test_the_defaults_over_an_empty_run_are_inconclusive():
    verdicts = evaluate_all(default_thresholds("service", rps_limited=False), measured(seconds=0.0))
    assert [each.outcome for each in verdicts] == [PASS] + [INCONCLUSIVE] * 5
    assert overall(verdicts, measured()) is INCONCLUSIVE


P, W, F = (verdict(PASS),), (verdict(WARN),), (verdict(FAIL),)
OPEN, SOFT = (verdict(INCONCLUSIVE),), (verdict(INCONCLUSIVE, decisive=False),)


@pytest.mark.parametrize(
    ("verdicts", "requests", "options", "code"),
    [
        (P, 1, {}, 0),
        ((), 1, {}, 0),
        (W, 1, {}, 0),
        (W, 1, {"strict": True}, 99),
        (P + SOFT, 1, {}, 0),
        (P + SOFT, 1, {"strict": True}, 0),
        (P + OPEN, 1, {}, 4),
        (P + OPEN, 1, {"allow_inconclusive": True}, 0),
        (W + OPEN, 1, {}, 4),
        (W + OPEN, 1, {"allow_inconclusive": True}, 0),
        (W + OPEN, 1, {"strict": True}, 99),
        (W + OPEN, 1, {"strict": True, "allow_inconclusive": True}, 99),
        (F, 1, {}, 99),
        (F + OPEN + W, 1, {}, 99),
        (F + OPEN, 1, {"allow_inconclusive": True}, 99),
        (P, 0, {}, 4),
        (P, 0, {"allow_inconclusive": True}, 0),
        (W, 0, {"strict": True}, 4),
        (F, 0, {}, 99),
        (F, 0, {"allow_inconclusive": True}, 99),
        (P, 1, {"script_code": 7}, 7),
        (F, 1, {"script_code": 0}, 0),
        (P, 0, {"script_code": 7}, 7),
        (F, 0, {"abort": (ExitCode.INTERRUPTED, "interrupted")}, 130),
        (P, 1, {"abort": (ExitCode.TERMINATED, "terminated")}, 143),
        (F, 1, {"abort": (ExitCode.BUG, "a bug")}, 1),
        (F, 1, {"abort": (ExitCode.COULD_NOT_RUN, "worker lost")}, 3),
        (P, 1, {"abort": (ExitCode.COULD_NOT_RUN, "worker lost"), "allow_inconclusive": True}, 3),
        (P, 1, {"abort": (ExitCode.INTERRUPTED, "interrupted"), "script_code": 0}, 130),
    ],
)
def test_the_exit_code_follows_its_precedence(verdicts, requests, options, code):
    outcome = overall(verdicts, measured([request()] * requests))
    assert exit_code(outcome, verdicts, requests=requests, **options)[0] == code


@pytest.mark.parametrize(
    ("verdicts", "requests", "options", "reason"),
    [
        (P, 1, {}, "every rule holds"),
        (W, 1, {}, "warning: rule WARN"),
        (W, 1, {"strict": True}, "warnings fail with --strict: rule WARN"),
        (F + F + W, 1, {}, "failed: rule FAIL; rule FAIL"),
        (P + OPEN + SOFT, 1, {}, "could not be judged: rule INCONCLUSIVE"),
        (P + OPEN, 1, {"allow_inconclusive": True}, "could not be judged: rule INCONCLUSIVE (allowed)"),
        (P, 0, {}, "not one request was finished"),
        (P, 0, {"allow_inconclusive": True}, "not one request was finished (allowed)"),
        (F, 1, {"script_code": 7}, "the script set process_exit_code to 7; the verdict alone would be FAIL"),
        (P, 1, {"abort": (ExitCode.COULD_NOT_RUN, "2 of 4 workers were lost")}, "2 of 4 workers were lost"),
    ],
)
def test_the_exit_code_says_why(verdicts, requests, options, reason):
    outcome = overall(verdicts, measured([request()] * requests))
    assert exit_code(outcome, verdicts, requests=requests, **options)[1] == reason


def test_an_exit_code_is_a_plain_number():
    assert type(exit_code(PASS, P, requests=1, abort=(ExitCode.INTERRUPTED, "interrupted"))[0]) is int
    assert type(exit_code(FAIL, F, requests=1)[0]) is int


def test_a_rule_made_by_hand_is_judged_as_a_written_one():
    written = parse_threshold("p95(response_time) < 500ms", source="default")
    by_hand = Threshold.model_validate(written.model_dump())
    samples = [request(0.4)] * 100
    assert evaluate(by_hand, measured(samples)) == evaluate(written, measured(samples))
