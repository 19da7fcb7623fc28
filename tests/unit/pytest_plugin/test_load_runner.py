"""What the fixture makes of marks, options and plans before anything is run, and of runs when they are over."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from loadproof import UsageError, load_plan
from loadproof.pytest_plugin import fixture
from loadproof.pytest_plugin.fixture import LoadRunner
from loadproof.pytest_plugin.marks import SOURCE, read_marks
from loadproof.pytest_plugin.measured import MeasuredRun
from loadproof.pytest_plugin.summary import RunLines
from loadproof.result import Outcome
from results_factory import result_of, sample

TOML = """
thresholds = ["error_rate < 5%"]

[services.shop]
base_url = "http://127.0.0.1:9"
requests = ["GET /"]
"""


def mark(*rules, **options):
    """As pytest makes one; here the plugin, which would make the name known, is off."""
    return SimpleNamespace(args=rules, kwargs=options)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loadproof.toml").write_text(TOML)
    (tmp_path / "load.py").write_text("")
    return tmp_path


def planned(folder, marks=(), target="shop", **options):
    runner = LoadRunner("test_it", folder / "here", read_marks(list(marks)), print)
    return runner._planned(target, options)


def rules_of(plan):
    return {rule.text: rule.source for rule in plan.thresholds if rule.source != "default"}


def test_rules_of_marks_stand_beside_those_of_the_file_and_of_the_run(folder):
    marks = [mark("p95(response_time) < 1s")]
    plan = planned(folder, marks, run_time=5, thresholds="requests > 3")
    assert rules_of(plan) == {
        "error_rate < 5%": "loadproof.toml: thresholds[0]",
        "requests > 3": "--threshold",
        "p95(response_time) < 1s": SOURCE,
    }


def test_a_closer_mark_replaces_a_rule_on_the_same_quantity():
    marked = read_marks([mark("error_rate < 1%"), mark("error_rate < 9%", "requests > 5", allow_inconclusive=True)])
    assert [rule.text for rule in marked.rules] == ["requests > 5", "error_rate < 1%"]
    assert marked.allow_inconclusive is True


def test_the_closest_mark_says_whether_inconclusive_is_allowed():
    assert read_marks([mark(allow_inconclusive=False), mark(allow_inconclusive=True)]).allow_inconclusive is False
    assert read_marks([mark("error_rate < 1%")]).allow_inconclusive is None


def test_everything_that_is_wrong_with_a_mark_is_said_at_once():
    with pytest.raises(UsageError) as caught:
        read_marks([mark("p95(respones_time) < 1s", 5, retries=3, allow_inconclusive="yes")])
    slugs = sorted(problem.slug for problem in caught.value.problems)
    assert slugs == ["bad-value", "threshold-syntax", "unknown-key", "unknown-metric"]
    assert "did you mean response_time?" in str(caught.value)


def test_what_the_mark_allows_the_run_may_forbid(folder):
    marks = [mark(allow_inconclusive=True)]
    assert planned(folder, marks, run_time=5).allow_inconclusive is True
    assert planned(folder, marks, run_time=5, allow_inconclusive=False).allow_inconclusive is False


def test_results_go_where_the_fixture_says_unless_the_run_names_a_place(folder):
    assert planned(folder, run_time=5).results == folder / "here"
    assert str(planned(folder, run_time=5, results="there").results) == "there"


@pytest.mark.parametrize("target", ["path", "text"])
def test_a_locustfile_is_named_by_path_or_by_text(folder, target):
    file = folder / "load.py"
    plan = planned(folder, target=file if target == "path" else str(file), run_time=5)
    assert plan.target.locustfile == str(file)


def test_a_plan_gets_the_rules_of_marks_and_a_place_for_its_results(folder):
    plan = load_plan("shop", run_time=5)
    ready = planned(folder, [mark("requests > 3", allow_inconclusive=True)], plan)
    assert rules_of(ready)["requests > 3"] == SOURCE
    assert ready.results == folder / "here"
    assert ready.allow_inconclusive
    own_place = plan.model_copy(update={"results": folder / "own"})
    assert planned(folder, (), own_place).results == folder / "own"


def test_a_plan_takes_no_options_beside_it(folder):
    with pytest.raises(UsageError, match=r"loadproof\.run\(users=…\): a Plan says everything itself"):
        planned(folder, (), load_plan("shop", run_time=5), users=3)


def test_levels_of_a_plan_that_searches_get_no_rules_behind_its_back(folder):
    plan = load_plan("shop", search="stress", max_users=10)
    with pytest.raises(UsageError, match="would be for the levels of a search"):
        planned(folder, [mark("error_rate < 1%")], plan)
    assert "breaking_level > 5" in rules_of(planned(folder, [mark("breaking_level > 5")], plan))


@pytest.mark.parametrize("ending", [{"run_time": 5}, {"iterations": 3}, {"rate": "5/s", "duration": "5s"}])
def test_a_run_that_ends_is_taken(folder, ending):
    assert planned(folder, target="load.py", **ending).name == "load"


def test_a_run_without_an_end_is_refused(folder):
    with pytest.raises(UsageError, match=r'nothing says when the run is over \(give run_time="30s"'):
        planned(folder, target="load.py", users=3)


def test_the_web_interface_is_no_test(folder):
    with pytest.raises(UsageError, match="a test cannot drive the web interface"):
        planned(folder, target="load.py", ui=True)


def checked(**fields):
    values = {"judged": False, "outcome": Outcome.PASS, "exit_code": 0, "exit_reason": "as it is"} | fields
    return fixture._checked(MeasuredRun(result_of([sample()], **values)))


def test_a_run_that_passed_is_given_back():
    assert checked().passed
    assert checked(outcome=Outcome.WARN).passed


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": Outcome.FAIL, "exit_code": 99},
        {"outcome": Outcome.INCONCLUSIVE, "exit_code": 4},
        {"outcome": Outcome.WARN, "exit_code": 99},
        {"exit_code": 130, "abort": "interrupted by Ctrl-C"},
        {"exit_code": 7},
    ],
)
def test_any_other_run_fails_the_test(fields):
    with pytest.raises(pytest.fail.Exception, match=r"as it is|interrupted"):
        checked(**fields)


def test_an_inconclusive_run_that_is_allowed_skips_the_test():
    with pytest.raises(pytest.skip.Exception, match="as it is"):
        checked(outcome=Outcome.INCONCLUSIVE)


def test_a_coroutine_is_told_what_to_await():
    async def call():
        LoadRunner("test_it", None, None, print).run("shop")

    with pytest.raises(RuntimeError, match=r"await loadproof\.run_async"):
        asyncio.run(call())


def line(test, name):
    return {"test": test, "name": name, "outcome": "PASS", "said": "3 requests", "report": f"{name}.html"}


def test_properties_of_the_second_run_of_a_test_have_names_of_their_own():
    lines = RunLines()
    assert lines.add(line("a", "first"))[0] == ("loadproof.name", "first")
    assert lines.add(line("b", "other"))[0] == ("loadproof.name", "other")
    assert [name for name, _ in lines.add(line("a", "second"))] == [
        "loadproof.2.name", "loadproof.2.outcome", "loadproof.2.figures", "loadproof.2.report",
    ]  # fmt: skip


def test_a_worker_sends_the_runs_of_each_test_once():
    lines = RunLines()
    lines.add(line("a", "first"))
    lines.add(line("b", "other"))
    assert [each["name"] for each in lines.of("a")] == ["first"]
    assert lines.of("a") == []
    assert [each["name"] for each in lines.of("b")] == ["other"]
