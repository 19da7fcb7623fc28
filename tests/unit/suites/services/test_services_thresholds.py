"""The table of thresholds: exact at each of its boundaries, as the plan of the suite has it."""

from __future__ import annotations

import pytest

from loadproof.plan import load_plan
from loadproof.record import Recorder, RunRecord
from loadproof.suites.services import FOLDER
from results_factory import result_of, sample

GOOD, WARNING, CRITICAL = "PASS", "WARN", "FAIL"


@pytest.fixture(scope="module")
def rules():
    plan = load_plan("pkd_service", plan_file=str(FOLDER / "loadproof.toml"), cwd=FOLDER, environ={})
    return [rule.text for rule in plan.thresholds]


def outcome(rules, metric, result):
    (rule,) = [rule for rule in rules if rule.startswith(metric)]
    (verdict,) = result_of(record=result.record, measured_to=result.measured_to, rules=[rule]).verdicts
    return verdict.outcome


def counted(successes, failures=0, *, took=0.1, seconds=100.0):
    recorder, record = Recorder("1"), RunRecord()
    good, bad = sample(end=1.0, took=took), sample(end=1.0, took=took, kind="http_500", status=500)
    for each, count in ((good, successes), (bad, failures)):
        for _ in range(count):
            recorder.record(each)
    record.merge(recorder.interval({}))
    return result_of(record=record, measured_to=seconds, judged=False)


@pytest.mark.parametrize(
    ("failed", "of", "expected"),
    [(999, 100_000, GOOD), (1, 100, WARNING), (4_999, 100_000, WARNING), (5, 100, CRITICAL)],
)
def test_s4_34_an_error_rate_is_good_below_1_and_critical_from_5_percent(rules, failed, of, expected):
    assert outcome(rules, "error_rate", counted(of - failed, failed)) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(0.999, GOOD), (1, WARNING), (2.999, WARNING), (3, CRITICAL)])
def test_s4_35_an_average_is_good_below_1_and_critical_from_3_seconds(rules, seconds, expected):
    assert outcome(rules, "avg(response_time)", counted(100, took=seconds)) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(1.999, GOOD), (2, WARNING), (4.999, WARNING), (5, CRITICAL)])
def test_s4_36_a_95th_percentile_is_good_below_2_and_critical_from_5_seconds(rules, seconds, expected):
    assert outcome(rules, "p95(response_time)", counted(100, took=seconds)) == expected


@pytest.mark.parametrize(
    ("requests", "seconds", "expected"),
    [(10_001, 1000.0, GOOD), (1000, 100.0, WARNING), (1001, 1000.0, WARNING), (100, 100.0, CRITICAL)],
)
def test_s4_37_a_throughput_is_good_above_10_and_critical_up_to_1_per_second(rules, requests, seconds, expected):
    assert outcome(rules, "throughput", counted(requests, seconds=seconds)) == expected
