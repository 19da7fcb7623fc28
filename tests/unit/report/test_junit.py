"""``junit.xml``; that it is valid by pytest's own schema is tested in ``tests/integration/test_ci_outputs.py``."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from loadproof.report.junit import render_junit
from loadproof.result import Change, ComparedRun, Comparison, Coverage, Declared, Difference, Outcome, Verdict
from results_factory import (
    NASTY,
    PLAN,
    capacity_result,
    empty_result,
    open_result,
    result_of,
    rich_result,
    sample,
    small_result,
    stress_result,
)

FINE = [sample(end=0.1 * i, took=0.01) for i in range(1, 90)]


def difference(change, **fields):
    values = {
        "name": "/read", "method": "GET", "metric": "p95(response_time)", "unit": "s", "baseline": 0.1,
        "candidate": 0.15, "ratio": 1.5, "interval": (1.3, 1.7), "tolerance": 0.05, "floor": 0.001, "change": change,
        "basis": "within one run",
    }  # fmt: skip
    return Difference(**values | fields)


def compared(*differences, remarks=()):
    run = ComparedRun("20260301T000000-aaaaaa", "checkout", "2026-03-01T00:00:00+00:00")
    return Comparison((run,), (run,), differences, remarks)


def verdict(outcome, rule="p95(response_time) < 1s", **fields):
    values = {"source": "--threshold", "observed": 2.0, "unit": "s", "interval": (1.9, 2.1), "n": 400, "limit": 1.0}
    reason = "" if outcome is Outcome.PASS else "2 s is not < 1 s"
    return Verdict(**{"rule": rule, "outcome": outcome, "reason": reason} | values | fields)


def judged(*verdicts, outcome=Outcome.PASS, exit_code=0, **fields):
    return replace(result_of(FINE), verdicts=verdicts, outcome=outcome, exit_code=exit_code, **fields)


def suite_of(result):
    text = render_junit(result)
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ')
    (suite,) = ET.fromstring(text)
    return suite


def cases_of(result):
    """Class name and name -> how it came out, its type and its message."""
    found = {}
    for case in suite_of(result).iter("testcase"):
        endings = [child for child in case if child.tag in ("failure", "error", "skipped")]
        assert len(endings) <= 1
        ending = (endings[0].tag, endings[0].get("type"), endings[0].get("message")) if endings else ("passed", "", "")
        key = (case.get("classname"), case.get("name"))
        assert key not in found
        found[key] = ending
    return found


def output_of(result, name):
    (case,) = [case for case in suite_of(result).iter("testcase") if case.get("name") == name]
    return "".join(case.itertext())


def test_the_empty_run_is_one_error_that_says_so():
    cases = cases_of(replace(empty_result(), verdicts=()))
    assert cases == {("checkout.run", "load test"): ("error", "INCONCLUSIVE", "not one request was finished")}


def test_a_rule_that_holds_passes_with_what_was_seen():
    result = result_of(FINE, rules=("error_rate < 5%",))
    assert cases_of(result)["checkout.thresholds", "error_rate < 5%"] == ("passed", "", "")
    said = output_of(result, "error_rate < 5%")
    assert "observed 0%, limit 5%" in said
    assert "n 89" in said
    assert "rule of loadproof.toml" in said


@pytest.mark.parametrize(
    ("its", "plan", "ending"),
    [
        (verdict(Outcome.FAIL), {}, "failure"),
        (verdict(Outcome.WARN), {}, "passed"),
        (verdict(Outcome.WARN), {"strict": True}, "failure"),
        (verdict(Outcome.INCONCLUSIVE), {}, "error"),
        (verdict(Outcome.INCONCLUSIVE), {"allow_inconclusive": True}, "skipped"),
        (verdict(Outcome.INCONCLUSIVE, decisive=False), {}, "skipped"),
        (verdict(Outcome.PASS), {}, "passed"),
    ],
)
def test_each_outcome_of_a_rule_has_its_ending(its, plan, ending):
    result = judged(its, plan=PLAN | plan)
    found, kind, message = cases_of(result)["checkout.thresholds", its.rule]
    assert found == ending
    assert (kind, message) == (("", "") if ending == "passed" else (its.outcome, its.reason))


def test_a_warning_is_in_the_output_of_its_case():
    assert output_of(judged(verdict(Outcome.WARN)), "p95(response_time) < 1s").strip().startswith("warning: 2 s is not")
    assert "warning" not in output_of(judged(verdict(Outcome.PASS)), "p95(response_time) < 1s")


def test_what_never_ran_fails_only_where_the_rule_on_coverage_does():
    missed = Coverage((Declared("/a", "GET", "service", 3), Declared("/b", "POST", "service", 0)))
    gate = verdict(Outcome.FAIL, rule="coverage = 100%", unit="ratio", observed=0.5, interval=None, limit=1.0)
    cases = cases_of(judged(gate, coverage=missed, outcome=Outcome.FAIL, exit_code=99))
    assert cases["checkout.coverage.service", "GET /a"] == ("passed", "", "")
    assert cases["checkout.coverage.service", "POST /b"] == ("failure", "NEVER RAN", "declared, and never ran")
    assert cases_of(judged(coverage=missed))["checkout.coverage.service", "POST /b"][0] == "skipped"


def test_what_was_not_due_yet_is_skipped():
    rare = Coverage((Declared("Buyer.refund", None, "task", 0, 1.5),))
    gate = verdict(Outcome.FAIL, rule="coverage = 100%")
    cases = cases_of(judged(gate, coverage=rare, outcome=Outcome.FAIL, exit_code=99))
    assert cases["checkout.coverage.task", "Buyer.refund"][:2] == ("skipped", "NOT DUE")


def test_each_difference_from_the_baseline_is_a_case():
    unclear = difference(Change.INCONCLUSIVE, name=None, method=None, reason="too few requests", metric="throughput")
    result = judged(
        comparison=compared(difference(Change.REGRESSED), difference(Change.EQUIVALENT, metric="error_rate"), unclear)
    )
    cases = cases_of(result)
    assert cases["checkout.comparison", "GET /read p95(response_time)"] == ("passed", "", "")
    assert cases["checkout.comparison", "GET /read error_rate"] == ("passed", "", "")
    unsettled = ("skipped", "INCONCLUSIVE", "too few requests")
    assert cases["checkout.comparison", "all requests throughput"] == unsettled
    said = output_of(result, "GET /read p95(response_time)").strip()
    assert said.startswith(
        "warning: REGRESSED: baseline 100 ms, now 150 ms, changed by +50% (95 % interval +30% … +70%)"
    )


def test_a_regression_fails_where_the_plan_says_so():
    result = judged(
        comparison=compared(difference(Change.REGRESSED)),
        plan=PLAN | {"fail_on_regression": True},
        exit_code=5,
        exit_reason="regressed",
    )
    cases = cases_of(result)
    assert cases["checkout.comparison", "GET /read p95(response_time)"][:2] == ("failure", "REGRESSED")
    assert cases["checkout.run", "load test"][0] == "passed"


def test_a_run_that_ended_before_its_time_is_an_error():
    result = replace(result_of(FINE), abort="interrupted by Ctrl-C", exit_code=130)
    ending = ("error", "ABORTED", "ended before its time: interrupted by Ctrl-C")
    assert cases_of(result)["checkout.run", "load test"] == ending


def test_a_checkpoint_is_an_error():
    result = result_of(FINE, judged=False, finished=False)
    assert cases_of(result)["checkout.run", "load test"][:2] == ("error", "UNFINISHED")


def test_an_exit_code_that_no_rule_explains_fails_the_run():
    result = replace(result_of(FINE), exit_code=7, exit_reason="the script set process_exit_code to 7")
    assert cases_of(result)["checkout.run", "load test"][:2] == ("failure", "EXIT 7")


def test_a_search_without_an_answer_is_an_error_and_skipped_where_that_is_allowed():
    base = stress_result()
    search = replace(base.search, outcome="generator_limited", reason="limited by the generator")
    result = replace(base, search=search, outcome=Outcome.INCONCLUSIVE, exit_code=4, exit_reason=search.reason)
    assert cases_of(result)["checkout-stress.run", "stress test"] == ("error", "INCONCLUSIVE", search.reason)
    allowed = replace(result, exit_code=0)
    assert cases_of(allowed)["checkout-stress.run", "stress test"][0] == "skipped"


@pytest.mark.parametrize("make", [empty_result, small_result, rich_result, open_result, stress_result, capacity_result])
def test_some_case_is_red_exactly_where_the_exit_code_is_not_0(make):
    result = make()
    red = {ending for ending, _, _ in cases_of(result).values()} & {"failure", "error"}
    assert bool(red) == (result.exit_code != 0)


def test_the_counts_of_the_suite_are_those_of_its_cases():
    result = rich_result(seconds=30)
    suite = suite_of(result)
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"), ("tests", "testcase")):
        assert int(suite.get(attribute)) == len(list(suite.iter(tag)))
    assert suite.get("time") == "30.000"


def test_advice_and_undeclared_requests_are_the_output_of_the_suite():
    coverage = Coverage((Declared("/a", "GET", "expect", 3),), tuple((f"GET /u{i}", 2) for i in range(25)))
    result = judged(coverage=coverage, unfinished=3, comparison=compared(remarks=("20 users, then 40",)))
    said = suite_of(result).findtext("system-out")
    assert "What to look at:\n- " in said
    assert "Ran, and nobody declared it:\n- GET /u0: 2 requests\n" in said
    assert "- and 5 more" in said
    assert "Of the comparison:\n- 20 users, then 40" in said


def test_two_rules_of_one_text_are_two_cases():
    cases = cases_of(judged(verdict(Outcome.PASS), verdict(Outcome.PASS, source="loadproof.toml")))
    assert ("checkout.thresholds", "p95(response_time) < 1s (2)") in cases


def test_text_from_outside_is_text_and_never_breaks_the_document():
    nasty = f"{NASTY}\x00\x1b[2J\ud800\ufffe]]>&\u202e\nb"
    result = result_of(
        [sample(nasty, kind=nasty, message=nasty)],
        test_name=nasty,
        abort=nasty,
        coverage=Coverage((Declared(nasty, "GET", "expect", 0),), ((nasty, 1),)),
        comparison=compared(difference(Change.INCONCLUSIVE, name=nasty, reason=nasty), remarks=(nasty,)),
        environment={"host": nasty, "commit": nasty},
    )
    text = render_junit(result)
    assert not set(text) & {"\x00", "\x1b", "\ud800", "\ufffe", "\u202e"}
    text.encode("utf-8")
    names = [case.get("name") for case in ET.fromstring(text).iter("testcase")]
    assert any(NASTY in name for name in names)
