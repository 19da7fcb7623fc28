"""What a test asserts on, by runs whose figures are known."""

from __future__ import annotations

import pytest

from loadproof.pytest_plugin.measured import MeasuredRun
from loadproof.pytest_plugin.verdict import explain
from loadproof.result import Outcome, ScriptError
from results_factory import empty_result, result_of, sample, small_result


@pytest.fixture
def small(tmp_path):
    """100 requests in 10 s: 90 of ``/read`` of 1 to 90 ms, 10 of ``/buy`` of which three failed; and a flow of 3 s."""
    result = small_result()
    object.__setattr__(result, "directory", tmp_path)
    return MeasuredRun(result)


def run_of(samples, tmp_path, **fields):
    return MeasuredRun(result_of(samples, directory=tmp_path, **fields))


def test_figures_are_those_of_the_samples(small):
    assert small.requests() == 100
    assert small.requests("/read") == 90
    assert small.requests("/buy", method="post") == 10
    assert small.failures() == small.failures("/buy") == 3
    assert small.failures("/read") == 0
    assert small.error_rate() == 0.03
    assert small.error_rate("/buy") == 0.3
    assert small.throughput("/r*") == 9.0
    assert small.mean("/read") == pytest.approx(0.0455)
    assert small.maximum() == 0.5
    assert small.p50("/read") == pytest.approx(0.045, rel=0.002)
    assert small.p90("/read") == pytest.approx(0.081, rel=0.002)
    assert small.p95("/read") == pytest.approx(0.086, rel=0.002)
    assert small.maximum("checkout", metric="flow_time") == pytest.approx(3.0)


def test_endpoints_are_the_names_of_requests_alone(small):
    assert small.endpoints == ("/buy", "/read")


def test_too_few_samples_are_no_figure_unless_they_are_asked_for(small):
    with pytest.raises(LookupError, match=r"there is no p99\(response_time\): 90 samples, 299 needed for p99"):
        small.p99("/read")
    assert small.quantile(0.99, "/read", min_samples=1) == pytest.approx(0.09, rel=0.002)


@pytest.mark.parametrize("figure", ["requests", "failures", "error_rate", "throughput", "mean", "maximum", "p50"])
def test_a_misspelt_name_is_never_a_zero(small, figure):
    with pytest.raises(LookupError, match="no request matched name=/raed; requests were counted of /buy, /read"):
        getattr(small, figure)("/raed")


def test_an_empty_run_has_no_figures_but_counts(tmp_path):
    run = MeasuredRun(empty_result(directory=tmp_path))
    assert run.requests() == run.failures() == 0
    assert run.endpoints == ()
    for figure in (run.error_rate, run.throughput, run.mean, run.maximum, run.p50):
        with pytest.raises(LookupError, match="requests were counted of nothing"):
            figure()
    assert not run.passed
    assert "no request finished" in repr(run)


@pytest.mark.parametrize("q", [0, 1, 95, -0.5])
def test_a_quantile_lies_between_0_and_1(small, q):
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        small.quantile(q)


def test_of_many_names_some_are_listed(tmp_path):
    run = run_of([sample(f"/{i:02}") for i in range(30)], tmp_path)
    with pytest.raises(LookupError, match=r"/00, .*/09 and 20 others$"):
        run.p50("/31")


def test_one_more_rule_is_judged_as_those_of_the_run(small):
    assert small.judge("p95(response_time){name=/read} < 500ms").outcome == "PASS"
    verdict = small.judge("error_rate < 1%")
    assert (verdict.outcome, verdict.observed, verdict.limit) == (Outcome.FAIL, 0.03, 0.01)
    assert small.judge("p99(response_time) < 1h").outcome == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("outcome", "code", "passed", "shown"),
    [
        (Outcome.PASS, 0, True, "PASS"),
        (Outcome.WARN, 0, True, "WARN"),
        (Outcome.WARN, 99, False, "NOT PASSED"),
        (Outcome.FAIL, 99, False, "FAIL"),
        (Outcome.FAIL, 0, False, "FAIL"),
        (Outcome.INCONCLUSIVE, 4, False, "INCONCLUSIVE"),
        (Outcome.INCONCLUSIVE, 0, False, "INCONCLUSIVE"),
        (Outcome.PASS, 130, False, "NOT PASSED"),
        (None, None, False, "UNFINISHED"),
    ],
)
def test_only_a_run_that_came_to_its_end_and_was_judged_passes(tmp_path, outcome, code, passed, shown):
    run = run_of([sample()], tmp_path, judged=False, outcome=outcome, exit_code=code, exit_reason="as it is")
    assert run.passed is passed
    assert f"<checkout: {shown}, 1 request, " in repr(run)
    assert repr(run).endswith(f"report {tmp_path}/report.html>")


def test_a_failure_is_explained_by_rule_observed_value_and_limit():
    text = explain(MeasuredRun(result_of([sample(took=0.2)] * 60, rules=("p95(response_time) < 100ms",))).result)
    assert text.splitlines() == [
        "checkout: FAIL",
        "  ✗ p95(response_time) < 100ms: 200 ms is >= 100 ms (60 samples)",
    ]


def test_what_the_script_let_escape_is_told(small):
    lines = explain(small.result).splitlines()
    assert lines[:2] == ["checkout: FAIL", "  ✗ exceptions = 0: 2 is not 0"]
    assert "  Buyer.buy: KeyError: 'basket' (2 times)" in lines
    assert lines[-1] == f"report: {small.report}"


def test_an_inconclusive_run_says_what_is_missing_and_what_to_do(tmp_path):
    run = run_of([sample()] * 58, tmp_path, rules=("p95(response_time) < 1s",))
    lines = explain(run.result).splitlines()
    assert lines[0] == "checkout: INCONCLUSIVE"
    assert lines[1] == "  ? p95(response_time) < 1s: 58 samples, 59 needed for p95"
    assert "allow_inconclusive=True" in lines[2]


def test_a_run_without_requests_is_inconclusive_in_its_own_words():
    assert "not one request was finished" in explain(empty_result(rules=()))


def test_an_early_end_is_told_before_the_rules(tmp_path):
    run = run_of([sample()], tmp_path, judged=False, outcome=Outcome.PASS, exit_code=130, abort="interrupted by Ctrl-C")
    assert explain(run.result).splitlines()[0] == "checkout: NOT PASSED, ended before its time: interrupted by Ctrl-C"
    assert "interrupted by Ctrl-C" in repr(run)


def test_control_codes_of_a_script_do_not_reach_the_terminal(tmp_path):
    error = ScriptError("User", "task", "ValueError", "\x1b[31mred", "", 1)
    run = run_of([sample()], tmp_path, exceptions=(error,), test_name="a\x1b[2Jb")
    assert "\x1b" not in explain(run.result) + repr(run)
