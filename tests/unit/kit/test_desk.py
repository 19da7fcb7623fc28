"""Questions are answered in the process itself where there is no master, and a run can be ended from anywhere."""

from __future__ import annotations

from types import SimpleNamespace

import gevent
import pytest

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from load_process import Master, Worker, environment

    from loadproof.kit import coordination, desk


class Ending:
    """A runner that notes how it is ended."""

    def __init__(self):
        self.ended = []

    def quit(self):
        self.ended.append("quit")

    def stop(self):
        self.ended.append("stop")


@pytest.fixture
def be(monkeypatch):
    monkeypatch.setattr(desk, "_answers", dict(desk._answers))
    return lambda there: monkeypatch.setattr(coordination.place, "environment", there)


@pytest.mark.parametrize("runner", [None, Ending()])
def test_without_a_master_the_process_answers_itself(be, runner):
    told = []
    be(environment(runner))
    desk.answer_by("sum", lambda question, who: (sum(question), who))
    desk.answer_by("note", lambda fact, who: told.append((fact, who)))
    assert desk.ask("sum", [1, 2]) == (3, "")
    desk.tell("note", 7)
    assert told == [(7, "")]


def test_a_worker_tells_its_master_and_waits_for_nothing(be):
    worker = Worker("a")
    be(environment(worker, worker=True))
    desk.stop_run()
    assert worker.sent == [("kit_ask", {"number": 0, "topic": "stop", "question": None})]


@pytest.mark.parametrize(("headless", "how"), [(True, "quit"), (False, "stop")])
def test_a_run_with_a_page_is_stopped_and_one_without_is_over(be, headless, how):
    runner = Ending()
    be(environment(runner, headless=headless))
    desk.stop_run()
    assert runner.ended == []  # not yet: the caller would be killed with the users
    gevent.sleep(0)
    assert runner.ended == [how]


@pytest.mark.parametrize("there", [None, environment(None)])
def test_where_nothing_runs_there_is_nothing_to_end(be, there):
    be(there)
    desk.stop_run()


def test_the_master_listens_from_its_start_on_and_once(be):
    master = Master("a")
    desk._listen(SimpleNamespace(runner=master))
    desk._listen(SimpleNamespace(runner=master))
    assert set(master.custom_messages) == {"kit_ask"}


def test_what_was_only_told_gets_no_answer(be):
    sent = []
    runner = SimpleNamespace(send_message=lambda *words, **options: sent.append((words, options)))
    desk.answer_by("echo", lambda question, who: f"{who} {question}")
    for number in (0, 5):
        data = {"number": number, "topic": "echo", "question": "hm"}
        desk._on_ask(SimpleNamespace(runner=runner), SimpleNamespace(data=data, node_id="a"))
    assert sent == [(("kit_answer", {"number": 5, "answer": "a hm"}), {"client_id": "a"})]


def test_an_answer_that_nobody_waits_for_any_more_is_dropped():
    desk._on_answer(None, SimpleNamespace(data={"number": 10**9, "answer": 1}))
