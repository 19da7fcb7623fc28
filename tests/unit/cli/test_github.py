from dataclasses import replace

import pytest

from loadproof.cli.github import annotations_of, tell_github, wants_github
from loadproof.report.markdown import render_markdown
from loadproof.result import Change, ComparedRun, Comparison, Difference, Outcome, Verdict
from results_factory import PLAN, empty_result, result_of, sample, small_result


def verdict(outcome, rule="p95(response_time) < 1s", reason="too slow", **fields):
    return Verdict(rule, "toml", outcome, 2.0, "s", None, 9, reason=reason, **fields)


def judged(*verdicts, **fields):
    return replace(result_of([sample()], rules=()), verdicts=verdicts, **fields)


@pytest.mark.parametrize(
    ("asked", "environ", "wanted"),
    [
        (False, {}, False),
        (True, {}, True),
        (False, {"GITHUB_ACTIONS": "true"}, True),
        (False, {"GITHUB_ACTIONS": ""}, False),
        (False, {"CI": "true"}, False),
    ],
)
def test_github_is_told_on_request_and_in_its_own_jobs(asked, environ, wanted):
    assert wants_github(asked=asked, environ=environ) is wanted


def test_the_empty_run_is_an_error():
    (line,) = annotations_of(replace(empty_result(), verdicts=()))
    assert line == "::error title=checkout%3A exit code 4::not one request was finished"


def test_where_all_is_well_there_is_nothing_to_say():
    assert annotations_of(judged(verdict(Outcome.PASS))) == []


@pytest.mark.parametrize(
    ("its", "plan", "level"),
    [
        (verdict(Outcome.FAIL), {}, "error"),
        (verdict(Outcome.WARN), {}, "warning"),
        (verdict(Outcome.WARN), {"strict": True}, "error"),
        (verdict(Outcome.INCONCLUSIVE), {}, "error"),
        (verdict(Outcome.INCONCLUSIVE), {"allow_inconclusive": True}, "warning"),
        (verdict(Outcome.INCONCLUSIVE, decisive=False), {}, "warning"),
    ],
)
def test_a_rule_that_does_not_hold_is_annotated(its, plan, level):
    (line,) = annotations_of(judged(its, plan=PLAN | plan))
    assert line == f"::{level} title=checkout%3A {its.outcome} p95(response_time) < 1s::too slow"


def test_an_end_before_its_time_comes_first_and_alone_explains_the_code():
    result = judged(verdict(Outcome.WARN), abort="interrupted by Ctrl-C", exit_code=130)
    first, second = annotations_of(result)
    assert first == "::error title=checkout%3A ended before its time::interrupted by Ctrl-C"
    assert second.startswith("::warning ")


def test_a_code_that_no_rule_explains_is_an_error():
    (line,) = annotations_of(judged(verdict(Outcome.PASS), exit_code=7, exit_reason="the script set it"))
    assert line == "::error title=checkout%3A exit code 7::the script set it"


@pytest.mark.parametrize(("fails", "level"), [(True, "error"), (False, "warning")])
def test_a_regression_is_annotated(fails, level):
    run = ComparedRun("r", "checkout", "2026-03-01T00:00:00+00:00")
    same = {"tolerance": 0.05, "floor": 0.0, "basis": "within one run"}
    worse = Difference("/a", "GET", "p95(response_time)", "s", 0.1, 0.2, 2.0, None, change=Change.REGRESSED, **same)
    fine = Difference(None, None, "throughput", "/s", 1.0, 1.0, 1.0, None, change=Change.EQUIVALENT, **same)
    result = judged(comparison=Comparison((run,), (run,), (worse, fine)), plan=PLAN | {"fail_on_regression": fails})
    (line,) = annotations_of(result)
    assert line.startswith(f"::{level} title=checkout%3A REGRESSED p95(response_time) of GET /a::")


def test_at_most_ten_of_each_kind_are_printed_and_the_last_counts_the_rest():
    many = [verdict(Outcome.FAIL, rule=f"r{i}") for i in range(12)] + [
        verdict(Outcome.WARN, rule=f"w{i}") for i in range(10)
    ]
    lines = annotations_of(judged(*many))
    errors = [line for line in lines if line.startswith("::error")]
    assert len(errors) == 10
    assert errors[-1] == "::error title=checkout%3A and more::3 more like these are in the report"
    assert sum(line.startswith("::warning") for line in lines) == 10


def test_no_text_of_a_target_is_a_command_of_its_own():
    nasty = "a\n::set-env name=X::y\r%0A,title=b:c\x1b[0m"
    result = judged(verdict(Outcome.FAIL, rule=nasty, reason=nasty), test_name=nasty)
    (line,) = annotations_of(result)
    assert "\n" not in line
    assert "\r" not in line
    assert "\x1b" not in line
    head, _, text = line.removeprefix("::error ").partition("::")
    assert text.startswith("a%0A::set-env name=X::y%0D%250A,title=b:c")
    assert head.count("%3A") == 11
    assert "," not in head
    assert ":" not in head


def test_long_texts_are_cut():
    (line,) = annotations_of(judged(verdict(Outcome.FAIL, reason="x" * 9_000)))
    assert len(line) < 700


def test_the_summary_of_the_job_is_appended_to(tmp_path, monkeypatch, capsys):
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    result = small_result()
    tell_github(result)
    assert path.read_text(encoding="utf-8") == f"before\n{render_markdown(result)}\n"
    assert capsys.readouterr().out.splitlines() == annotations_of(result)


def test_outside_of_a_job_annotations_are_printed_all_the_same(monkeypatch, capsys):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    tell_github(small_result())
    assert capsys.readouterr().out.startswith("::error title=checkout%3A FAIL exceptions = 0::2 is not 0\n")


def test_a_summary_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    tell_github(judged())
    said = capsys.readouterr().out
    assert said == "::warning title=loadproof::the summary of the job could not be written: Is a directory\n"
