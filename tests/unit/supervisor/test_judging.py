"""A run is judged by the rules of its plan, and by what became of its baseline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadproof.errors import ExitCode, RunError, UsageError
from loadproof.plan import LocustTarget, Plan, parse_threshold, redacted
from loadproof.result import Change, ComparedRun, Comparison, Difference, Outcome, RunResult
from loadproof.supervisor.baseline import Baseline
from loadproof.supervisor.judging import judged, saved_rules
from results_factory import empty_result, result_of, sample, small_result


def difference(change, *, metric="p95(response_time)", name=None):
    return Difference(
        name, None if name is None else "GET", metric, "s", 0.1, 0.2, 2.0, (1.5, 2.5), 0.1, 0.005, change,
        "between runs",
    )  # fmt: skip


def comparison(*changes):
    run = ComparedRun("r", "t", "2026-01-01T00:00:00+00:00")
    return Comparison((run,), (run,), tuple(difference(change) for change in changes))


def plan_of(*rules, **fields):
    thresholds = tuple(parse_threshold(text, source="test") for text in rules)
    return Plan(name="t", target=LocustTarget(locustfile="x.py"), thresholds=thresholds, **fields)


def run_of(**fields):
    return result_of([sample(end=0.1 * i) for i in range(1, 91)], judged=False, **fields)


@pytest.mark.parametrize(
    ("changes", "asked", "code"),
    [
        ((Change.REGRESSED,), True, ExitCode.REGRESSED),
        ((Change.REGRESSED,), False, ExitCode.PASS),
        ((Change.IMPROVED, Change.EQUIVALENT), True, ExitCode.PASS),
        ((Change.INCONCLUSIVE,), True, ExitCode.PASS),
    ],
)
def test_a_regression_fails_the_run_where_that_was_asked_for(changes, asked, code):
    result = judged(run_of(comparison=comparison(*changes)), plan_of("failures = 0", fail_on_regression=asked))
    assert result.exit_code == code
    if code == ExitCode.REGRESSED:
        assert result.exit_reason == "regressed against the baseline: p95(response_time) of all requests"


def test_a_failed_rule_comes_before_a_regression_and_an_inconclusive_one_after_it():
    worse = comparison(Change.REGRESSED)
    failed = judged(run_of(comparison=worse), plan_of("requests > 1000", fail_on_regression=True))
    assert failed.exit_code == ExitCode.FAILED
    unsettled = judged(run_of(comparison=worse), plan_of("p99(response_time) < 1s", fail_on_regression=True))
    assert (unsettled.outcome, unsettled.exit_code) == (Outcome.INCONCLUSIVE, ExitCode.REGRESSED)


def test_a_saved_run_is_judged_as_it_was(tmp_path):
    plan = plan_of("failures = 0", "error_rate: warn >= 0%", "p99(response_time) < 1s", strict=True)
    for fields in ({}, {"abort": "interrupted by Ctrl-C", "abort_code": 130}, {"script_exit_code": 7}):
        first = judged(run_of(plan=redacted(plan), **fields), plan)
        first.save(tmp_path / "run.json")
        loaded = RunResult.load(tmp_path)
        again = judged(loaded, saved_rules(loaded))
        assert again.verdicts == first.verdicts == loaded.verdicts
        assert (again.outcome, again.exit_code, again.exit_reason) == (
            first.outcome, first.exit_code, first.exit_reason,
        )  # fmt: skip


# The baseline


def baseline(plan, cwd):
    said = []
    return Baseline.of(plan, cwd, said.append), said


def test_a_plan_without_a_baseline_compares_nothing(tmp_path):
    found, said = baseline(plan_of(), tmp_path)
    assert found.compared(small_result()) is None
    assert found.references([parse_threshold("throughput > baseline", source="test")]) == ()
    assert said == []


def test_a_baseline_that_is_not_there_yet_is_said_unless_it_is_required(tmp_path):
    found, said = baseline(plan_of(baseline="latest:shop"), tmp_path)
    assert found.compared(small_result()) is None
    assert said == [
        f"no baseline yet, so nothing is compared: there is no run of shop in {tmp_path}/reports/performance"
    ]
    with pytest.raises(UsageError) as caught:
        baseline(plan_of(baseline="latest:shop", require_baseline=True), tmp_path)
    assert caught.value.slug == "no-baseline"


def test_a_baseline_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "old.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RunError) as caught:
        baseline(plan_of(baseline="old.json"), tmp_path)
    assert caught.value.slug == "not-a-run"


def test_rules_on_a_baseline_take_its_values_and_the_run_is_compared(tmp_path):
    before = small_result()
    before.save(tmp_path / "before.json")
    found, said = baseline(plan_of(baseline="before.json"), tmp_path)
    (seen,) = found.references(
        [parse_threshold(text, source="test") for text in ("throughput > baseline", "failures = 0")]
    )
    assert (seen.rule, seen.value) == ("throughput > baseline", 10.0)
    compared = found.compared(replace(before, run_id="another"))
    assert compared is not None
    assert [run.run_id for run in compared.candidate] == ["another"]
    assert said == []


def test_a_run_that_measured_nothing_is_compared_without_an_answer(tmp_path):
    small_result().save(tmp_path / "before.json")
    found, _ = baseline(plan_of(baseline="before.json"), tmp_path)
    assert found.compared(empty_result()).change is Change.INCONCLUSIVE
