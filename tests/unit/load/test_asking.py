"""Pages ask the supervisor; one question for however many look, and nobody waits for ever."""

from __future__ import annotations

import gevent
import pytest

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from loadproof.load.web import asking as module
    from loadproof.load.web.asking import Asking


class Supervisor:
    def __init__(self, *, answers=True):
        self.asked = []
        self.asking = Asking(self.tell, patience=0.05)
        self.answers = answers

    def tell(self, kind, payload):
        assert kind == "ask"
        self.asked.append(payload)
        if self.answers:
            gevent.spawn(self.asking.answered, {"number": payload["number"], "view": "{}", "tables": "[]"})


@pytest.fixture
def now(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    return clock


def test_everybody_who_looks_within_a_second_gets_one_answer(now):
    supervisor = Supervisor()
    looking = [gevent.spawn(supervisor.asking.view) for _ in range(5)]
    gevent.joinall(looking)
    assert [each.value["view"] for each in looking] == ["{}"] * 5
    assert supervisor.asked == [{"number": 1, "what": "view"}]
    now[0] += 0.5
    supervisor.asking.view()
    assert len(supervisor.asked) == 1
    now[0] += 1
    supervisor.asking.view()
    assert len(supervisor.asked) == 2


def test_nobody_waits_for_ever_and_the_next_one_asks_again():
    supervisor = Supervisor(answers=False)
    looking = [gevent.spawn(supervisor.asking.view) for _ in range(3)]
    gevent.joinall(looking)
    assert [each.value for each in looking] == [None] * 3
    supervisor.asking.answered({"number": 1, "view": "late", "tables": "[]"})
    supervisor.answers = True
    assert supervisor.asking.view()["view"] == "{}"
    assert len(supervisor.asked) == 2


def test_files_are_asked_for_one_by_one_each_with_its_own_answer():
    supervisor = Supervisor(answers=False)
    names = ("report.html", "metrics.json")
    waiting = [gevent.spawn(supervisor.asking.file, "run-1", name) for name in names]
    gevent.sleep(0)
    for question in reversed(supervisor.asked):
        supervisor.asking.answered({"number": question["number"], "path": question["name"]})
    gevent.joinall(waiting)
    assert [each.value["path"] for each in waiting] == list(names)
    assert supervisor.asked[0] == {"number": 1, "what": "file", "run": "run-1", "name": "report.html"}
