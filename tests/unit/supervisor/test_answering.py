"""What pages of the web interface are answered: views as JSON, and where files are."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from loadproof.supervisor import answering
from loadproof.supervisor.answering import Answering
from progress_factory import progress_of
from results_factory import small_result

VIEW = {"number": 1, "what": "view"}


class Going:
    """A test that goes on."""

    def __init__(self, directory, run_id="run-1"):
        self.run_id = run_id
        self.result = replace(small_result(), run_id=run_id, outcome=None, exit_code=None, finished=False)
        self.directory = directory
        self.looks = self.reports = 0
        directory.mkdir(exist_ok=True)

    def progress(self):
        self.looks += 1
        return replace(progress_of(self.result), directory=self.directory)

    def so_far(self):
        self.reports += 1
        return self.result


@pytest.fixture
def now(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(answering.time, "monotonic", lambda: clock[0])
    return clock


def shown(answer):
    return json.loads(answer["view"])


def asked(run, name):
    return {"number": 7, "what": "file", "run": run, "name": name}


def test_before_the_first_test_there_is_nothing_to_show():
    answer = Answering(None).answer(VIEW)
    assert answer["number"] == 1
    assert shown(answer) == {"view": None, "runs": [], "files": ["report.html", "metrics.json", "results.csv"]}
    assert [table["data"] for table in json.loads(answer["tables"])] == [[], []]


def test_a_test_that_goes_on_is_shown_and_then_its_result(tmp_path):
    pages = Answering(None)
    pages.begin(Going(tmp_path / "a"))
    assert shown(pages.answer(VIEW))["view"]["state"] == "RUNNING"
    pages.finished(replace(small_result(), run_id="run-1"))
    found = shown(pages.answer(VIEW))
    assert found["view"]["state"] == "FAIL"
    assert [run["run"] for run in found["runs"]] == ["run-1"]


def test_however_many_ask_at_once_the_run_is_looked_at_once(tmp_path, now):
    pages, test = Answering(None), Going(tmp_path / "a")
    pages.begin(test)
    before = test.looks
    first, second = pages.answer(VIEW), pages.answer(VIEW | {"number": 2})
    assert first["view"] is second["view"]
    assert second["number"] == 2
    assert test.looks == before + 1
    now[0] += 1
    pages.answer(VIEW)
    assert test.looks == before + 2


def test_a_view_that_takes_long_is_made_rarely(tmp_path, now):
    pages, test = Answering(None), Going(tmp_path / "a")
    pages.begin(test)
    look = test.progress

    def slowly():
        now[0] += 2
        return look()

    test.progress = slowly
    pages.answer(VIEW)
    made = test.looks
    now[0] += 19
    pages.answer(VIEW)
    assert test.looks == made
    now[0] += 2
    pages.answer(VIEW)
    assert test.looks == made + 1


def test_the_files_of_a_test_that_goes_on_are_written_when_they_are_asked_for(tmp_path, now):
    pages, test = Answering(None), Going(tmp_path / "a")
    pages.begin(test)
    answer = pages.answer(asked("run-1", "metrics.json"))
    path = tmp_path / "a/metrics.json"
    assert answer == {
        "number": 7, "path": str(path), "size": path.stat().st_size, "type": "application/json",
    }  # fmt: skip
    assert json.loads(path.read_text())["total_requests"] == 100
    pages.answer(asked("run-1", "report.html"))
    assert test.reports == 1, "both are of one moment"
    now[0] += 60
    pages.answer(asked("run-1", "report.html"))
    assert test.reports == 2


def test_rows_are_there_already_and_nothing_is_written_for_them(tmp_path):
    pages, test = Answering(None), Going(tmp_path / "a")
    pages.begin(test)
    assert "no such file" in pages.answer(asked("run-1", "results.csv"))["why"].lower()
    (tmp_path / "a/results.csv").write_bytes(b"timestamp\r\n1\r\n")
    assert pages.answer(asked("run-1", "results.csv"))["size"] == 14
    assert test.reports == 0


def test_the_files_of_a_test_that_is_over_stay_as_they_are(tmp_path):
    pages, test = Answering(None), Going(tmp_path / "a")
    pages.begin(test)
    pages.finished(replace(small_result(), run_id="run-1"))
    (tmp_path / "a/report.html").write_text("the last word")
    assert pages.answer(asked("run-1", "report.html"))["size"] == 13
    assert test.reports == 0
    pages.begin(Going(tmp_path / "b", "run-2"))
    assert pages.answer(asked("run-1", "report.html"))["path"] == str(tmp_path / "a/report.html")


@pytest.mark.parametrize(
    ("run", "name"), [("run-1", "plan.toml"), ("run-1", "../a/report.html"), ("run-2", "report.html"), ("..", "a")]
)
def test_nothing_else_can_be_asked_for(tmp_path, run, name):
    pages = Answering(None)
    pages.begin(Going(tmp_path / "a"))
    (tmp_path / "a/plan.toml").write_text("secret")
    assert pages.answer(asked(run, name)) == {"number": 7, "why": "there is no such file"}


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(answering, "write_atomically", refuse)
    pages = Answering(None)
    pages.begin(Going(tmp_path / "a"))
    assert pages.answer(asked("run-1", "report.html"))["why"] == "report.html cannot be had: No space left on device"


def test_of_many_tests_the_last_ones_are_kept(tmp_path):
    pages = Answering(None)
    for number in range(60):
        test = Going(tmp_path / "a", f"run-{number}")
        pages.begin(test)
        pages.finished(replace(small_result(), run_id=test.run_id))
    runs = [run["run"] for run in shown(pages.answer(VIEW))["runs"]]
    assert (len(runs), runs[0], runs[-1]) == (50, "run-59", "run-10")
    assert "why" in pages.answer(asked("run-9", "report.html"))
