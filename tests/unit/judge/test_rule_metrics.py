"""What each metric of a rule is judged on, beyond times, counts and rates of all requests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadproof.judge import MeasuredLevel, evaluate, judge_level, observe_baseline, reason_to_end
from loadproof.plan import parse_threshold
from loadproof.plan.metrics import METRICS, unit_of
from loadproof.record import ArrivalCounts, Counts, Delta, Recorder, RunRecord, Sample
from loadproof.record.recorder import MEASURE, tagged
from loadproof.result import GeneratorHealth, Observation, Outcome, Snapshot

PASS, WARN, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.WARN, Outcome.FAIL, Outcome.INCONCLUSIVE


def rule(text):
    return parse_threshold(text, source="test")


def sample(name="/a", method="GET", *, took=0.1, first=None, at=1.0, **rest):
    kind = rest.pop("kind", None)
    outcome = rest.pop("outcome", "failure" if kind else "success")
    first_at = None if first is None else at + first
    return Sample(name, method, at, at, at + took, first_byte_at=first_at, outcome=outcome, kind=kind, **rest)


def snapshot(*samples, seconds=10.0, arrivals=None, **rest):
    recorder, record = Recorder("1"), RunRecord()
    recorder.record_all(samples)
    record.merge(recorder.interval({}))
    if arrivals is not None:
        record.merge(Delta(0, "2", {}, {}, {0: arrivals}))
    health = rest.pop("health", GeneratorHealth())
    return Snapshot(record, 0.0, seconds, 0, rest.pop("exceptions", 0), health, **rest)


def observed(text, *samples, **rest):
    return evaluate(rule(text), snapshot(*samples, **rest)).observed


def test_the_first_byte_is_known_of_answers_in_several_pieces():
    some = [sample(took=0.5, first=0.2), sample(took=0.5, first=0.1, connect_time=0.05), sample(took=9.0)]
    assert observed("max(first_byte_time) < 1s", *some) == pytest.approx(0.2)
    assert observed("min(first_byte_time) < 1s", *some) == pytest.approx(0.15)
    verdict = evaluate(rule("avg(first_byte_time) < 1s"), snapshot(sample()))
    assert verdict.outcome is INCONCLUSIVE
    assert verdict.reason == "no first byte was seen apart from the last: answers came in one piece"


def test_flows_are_entries_of_their_own():
    samples = [sample("checkout", "FLOW", took=3.0), sample("search", "FLOW", took=1.0), sample("checkout", took=9.0)]
    assert observed("max(flow_time) < 9s", *samples) == 3.0
    assert observed("max(flow_time){flow=search} < 9s", *samples) == 1.0


def test_bytes_are_those_received():
    samples = [sample(bytes_received=1500), sample(bytes_received=500, bytes_sent=9), sample("/b", bytes_received=1)]
    assert observed("bytes < 1MB", *samples) == 2001
    assert observed("rate(bytes) < 1MB/s", *samples) == 200.1
    assert observed("bytes{name=/b} < 1MB", *samples) == 1


def test_failures_are_told_apart_by_kind_and_status():
    samples = [
        sample(kind="timeout"), sample(kind="timeout"), sample(kind="http_503", status=503),
        sample(kind="http_500", status=500), sample(status=200), sample(status=204), sample(outcome="expected", status=409),
    ]  # fmt: skip
    assert observed("failures{kind=timeout} = 0", *samples) == 2
    assert observed("failures{status=5xx} = 0", *samples) == 2
    assert observed("failures{status=503} = 0", *samples) == 1
    assert observed("error_rate{kind=timeout} < 1%", *samples) == pytest.approx(2 / 7)
    assert observed("error_rate{status=5xx} < 1%", *samples) == pytest.approx(2 / 7)
    assert observed("requests{status=2xx} > 1", *samples) == 2
    assert observed("requests{status=409} > 1", *samples) == 1
    assert observed("failures{kind=dns} = 0", *samples) == 0


def test_counts_and_durations_have_a_rate_and_a_number():
    samples = [sample(kind="timeout"), sample(), sample(), sample("x", "ITERATION")]
    assert observed("rate(requests) > 0.1/s", *samples) == 0.3
    assert observed("rate(failures) < 1/s", *samples) == 0.1
    assert observed("count(response_time) > 1", *samples) == 2
    assert observed("rate(iteration_time) > 1/s", *samples) == 0.1


@pytest.mark.parametrize("value", [0, 0.5, 3, 12.25, 4096, 1_000_000])
def test_a_value_of_the_script_is_kept_as_it_is(value):
    seen = sample("depth", MEASURE, took=value * 1e-6)
    for aggregation in ("avg", "min", "max", "med"):
        assert observed(f"{aggregation}(measure.depth) < 5 min_samples 1", seen) == pytest.approx(value, rel=1e-9)
    assert observed("count(measure.depth) > 0", seen) == 1


def test_a_value_that_was_never_measured_is_no_zero():
    for text in ("avg(measure.depth) < 5", "count(measure.depth) > 1", "rate(measure.depth) > 1/s"):
        verdict = evaluate(rule(text), snapshot(sample()))
        assert (verdict.outcome, verdict.reason) == (INCONCLUSIVE, "the script measured no depth")


def test_values_of_the_script_are_in_no_total():
    assert snapshot(sample("depth", MEASURE), sample()).record.samples == 1


def test_classes_and_scenarios_are_looked_at_apart():
    samples = [sample(took=0.1), sample(took=0.9)]
    twice = [
        *samples,
        samples[0]._replace(method=tagged("GET", "class=Reader")),
        samples[1]._replace(method=tagged("GET", "class=Buyer")),
        samples[1]._replace(method=tagged("GET", "scenario=rush")),
    ]
    assert observed("max(response_time){class=Reader} < 1s", *twice) == pytest.approx(0.1)
    assert observed("max(response_time){class=Buyer, name=/a} < 1s", *twice) == pytest.approx(0.9)
    assert observed("requests{scenario=rush} > 0", *twice) == 1
    assert observed("requests > 0", *twice) == 2
    verdict = evaluate(rule("throughput{class=Nobody} > 1/s"), snapshot(*twice))
    assert (verdict.outcome, verdict.reason) == (INCONCLUSIVE, "no request matched class=Nobody")


def test_what_is_counted_under_a_tag_shows_nowhere_else():
    record = snapshot(sample(), sample(method=tagged("GET", "class=A"))).record
    assert record.keys() == [("/a", "GET")]
    assert record.samples == 1
    assert record.select(name="*")["success"].count == 1
    assert record.windows_of(("/a", tagged("GET", "class=A"))) == []


HEALTH = GeneratorHealth(cpu_mean=0.4, cpu_max=0.8, loop_lag_p99=0.002, loop_lag_max=0.05, gc_pause_max=None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("avg(generator_cpu) < 90%", 0.4),
        ("max(generator_cpu) < 90%", 0.8),
        ("p99(loop_lag) < 5ms", 0.002),
        ("max(loop_lag) < 5ms", 0.05),
        ("max(gc_pause) < 5ms", 0.0),
    ],
)
def test_the_generator_can_be_judged_too(text, value):
    assert observed(text, sample(), health=HEALTH) == value


def test_a_generator_that_says_nothing_of_itself_does_not_pass():
    assert evaluate(rule("max(generator_cpu) < 90%"), snapshot(sample())).outcome is INCONCLUSIVE


def test_start_lag_is_that_of_arrivals():
    arrivals = ArrivalCounts()
    arrivals.offered = arrivals.started = 2
    arrivals.lag.record(1_000_000)
    arrivals.lag.record(3_000_000)
    assert observed("max(start_lag) < 5ms", arrivals=arrivals) == 0.003
    assert observed("avg(start_lag) < 5ms", arrivals=arrivals) == 0.002
    assert evaluate(rule("max(start_lag) < 5ms"), snapshot(sample())).outcome is INCONCLUSIVE


def level(number, target, *samples):
    counts = Counts()
    recorder, record = Recorder("1"), RunRecord()
    watched = record.watch(0)
    recorder.record_all(samples)
    record.merge(recorder.interval({}))
    counts.merge(watched)
    measured = MeasuredLevel(number, target, "users", "step", 0.0, 10.0, counts, 0, 0, GeneratorHealth())
    return judge_level(measured, [])


def test_a_level_of_a_search_can_be_judged_by_its_load():
    levels = (level(1, 10.0, sample()), level(2, 50.0, sample(), sample(kind="timeout")))
    assert observed("error_rate{level=50} < 1%", levels=levels) == 0.5
    assert observed("error_rate{level=10} < 1%", levels=levels) == 0
    missing = evaluate(rule("error_rate{level=20} < 1%"), snapshot(levels=levels))
    assert (missing.outcome, missing.reason) == (INCONCLUSIVE, "there was no level 20; finished were 10, 50")


def against(threshold, now, baseline):
    return evaluate(threshold, replace(now, references=(observe_baseline(threshold, baseline),)))


def test_a_limit_relative_to_a_baseline_is_taken_from_it():
    before = snapshot(*[sample(took=0.1)] * 60)
    now = snapshot(*[sample(took=0.112)] * 60)
    loose, tight = rule("p95(response_time) < baseline * 1.1 + 5ms"), rule("p95(response_time) < baseline * 1.1")
    assert against(loose, now, before).outcome is PASS
    verdict = against(tight, now, before)
    assert verdict.outcome is FAIL
    assert verdict.limit == pytest.approx(0.11, rel=0.001)
    assert against(rule("throughput >= baseline * 0.9"), now, before).limit == pytest.approx(5.4)
    alone = evaluate(tight, now)
    assert (alone.outcome, alone.limit) == (INCONCLUSIVE, None)
    assert "--baseline" in alone.reason
    empty = against(tight, now, snapshot())
    assert (empty.outcome, empty.reason) == (INCONCLUSIVE, "the baseline has no such value: no request was finished")


def test_a_verdict_shows_the_limit_that_counted():
    rules = "error_rate: warn >= 10%, fail >= 50%"
    limits = [evaluate(rule(rules), snapshot(sample(), *[sample(kind="x")] * n)).limit for n in (0, 1, 9)]
    assert limits == [0.5, 0.5, 0.5]
    assert evaluate(rule(rules), snapshot(*[sample()] * 4, sample(kind="x"))).limit == 0.1


def test_windows_are_judged_on_what_was_seen_of_them():
    text = "error_rate < 1% for 5s"
    seen = Observation(text, 0.02, 500, None, 17.0)
    verdict = evaluate(rule(text), snapshot(sample(), observations=(seen,)))
    assert (verdict.outcome, verdict.observed, verdict.n, verdict.at) == (FAIL, 0.02, 500, 17.0)
    assert evaluate(rule(text), snapshot(sample())).reason == "nobody watched the run by this rule"


def ended_by(text, *samples, **rest):
    verdicts = [evaluate(rule(text), snapshot(*samples, **rest))]
    found = reason_to_end([rule(text)], verdicts)
    return None if found is None else found[1]


def test_a_rule_ends_the_run_when_there_is_no_doubt_that_it_failed():
    assert ended_by("error_rate < 10% abort", sample(kind="x")) is not None  # 20.7 % to 100 %
    assert ended_by("error_rate < 50% abort", sample(kind="x")) is None  # might still be 20.7 %
    assert ended_by("error_rate < 10%", sample(kind="x")) is None
    assert ended_by("error_rate < 10% abort", sample()) is None
    said = ended_by("exceptions = 0 abort", sample(), exceptions=3)
    assert said == "ended by the rule exceptions = 0 abort: 3 is not 0"


def test_a_warning_does_not_end_a_run():
    assert ended_by("error_rate: warn >= 1%, fail >= 50% abort", *[sample()] * 9, sample(kind="x")) is None


def test_a_rule_that_ended_the_run_stays_failed_whatever_comes_later():
    text = "error_rate < 10% abort"
    seen = Observation(text, 0.5, 10, (0.2, 0.8), 6.0)
    verdict = evaluate(rule(text), snapshot(*[sample()] * 1000, observations=(seen,)))
    assert (verdict.outcome, verdict.observed) == (FAIL, 0.5)


def test_every_metric_of_an_empty_run_is_inconclusive_or_a_count():
    for metric, spec in METRICS.items():
        aggregation = "" if spec.bare else ("max" if "max" in spec.aggregations else "p99")
        subject = f"{aggregation}({metric})" if aggregation else metric
        limit = {"s": "1s", "ratio": "1%", "/s": "1/s", "count": "1", "bytes": "1kB"}[unit_of(metric, aggregation)]
        verdict = evaluate(rule(f"{subject} < {limit}"), snapshot(seconds=0.0))
        counts = {"requests", "failures", "bytes", "exceptions", "unfinished", "gc_pause"}
        assert (verdict.outcome is INCONCLUSIVE) == (metric not in counts), metric
        assert verdict.reason or metric in counts
