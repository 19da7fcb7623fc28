"""Waiting on a virtual clock, and what a flow says of itself, however its block ends."""

from __future__ import annotations

from types import SimpleNamespace

import gevent
import pytest
from gevent import GreenletExit
from hypothesis import given
from hypothesis import strategies as st

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from locust.event import Events
    from locust.exception import (
        CatchResponseError,
        InterruptTaskSet,
        RescheduleTask,
        RescheduleTaskImmediately,
        StopTest,
        StopUser,
    )

    from loadproof.kit import polling
    from loadproof.kit.polling import PollFailed, PollTimeout, flow, poll


class Clock:
    def __init__(self):
        self.now = 1000.0
        self.wall = 5e8
        self.pauses = []

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.pass_by(seconds)

    def pass_by(self, seconds):
        self.now += seconds
        self.wall += seconds


@pytest.fixture
def clock(monkeypatch):
    return wound(monkeypatch)


def wound(patch):
    made = Clock()
    patch.setattr(polling, "monotonic", lambda: made.now)
    patch.setattr(polling, "time", lambda: made.wall)
    patch.setattr(polling, "gevent", SimpleNamespace(**vars(gevent) | {"sleep": made.sleep}))
    return made


def test_an_answer_that_is_there_is_not_waited_for(clock):
    assert poll(lambda: "COMPLETE", timeout=30) == "COMPLETE"
    assert clock.pauses == []


@pytest.mark.parametrize("answer", [0, False, "", [], 0.0])
def test_everything_but_none_is_an_answer(clock, answer):
    assert poll(lambda: answer, timeout=30) == answer
    assert clock.pauses == []


def test_it_is_checked_at_the_interval_until_it_is_there(clock):
    answers = iter([None, None, None, "done"])
    assert poll(lambda: next(answers), timeout=30, interval=0.5) == "done"
    assert clock.pauses == [0.5, 0.5, 0.5]


def test_the_time_that_checks_take_counts(clock):
    checks = []

    def slow():
        checks.append(clock.now)
        clock.pass_by(2.0)

    with pytest.raises(PollTimeout) as caught:
        poll(slow, timeout=10, interval=1)
    assert checks == [1000, 1003, 1006, 1009, 1011]  # the next to last one ends after the limit, so one look more
    assert (caught.value.limit, caught.value.waited, caught.value.checks) == (10, 13, 5)


def test_the_last_check_is_at_the_limit(clock):
    came_at = 1010.0
    assert poll(lambda: clock.now >= came_at or None, timeout=10, interval=4) is True
    assert clock.pauses == [4, 4, 2]


def test_a_timeout_of_nothing_looks_once(clock):
    with pytest.raises(PollTimeout) as caught:
        poll(lambda: None, timeout=0)
    assert caught.value.checks == 1


def test_the_text_of_a_timeout_is_the_same_for_all_of_them(clock):
    texts = set()
    for extra in (0.1, 0.7):
        with pytest.raises(PollTimeout) as caught:
            poll(lambda extra=extra: clock.pass_by(extra), timeout=30)
        texts.add(str(caught.value))
    assert texts == {"not there within 30 s"}


def test_a_terminal_state_ends_the_wait_at_once(clock):
    def check():
        raise PollFailed("state FAILED, token=abc")

    with pytest.raises(PollFailed, match=r"state FAILED, token=\*\*\*"):
        poll(check, timeout=30)
    assert clock.pauses == []


@pytest.mark.parametrize(
    "wrong",
    [{"interval": 0}, {"interval": -1}, {"timeout": -1}, {"jitter": 1.1}, {"jitter": -0.1}, {"timeout": float("nan")}],
)
def test_a_wait_that_would_never_pause_or_end_is_refused(wrong):
    with pytest.raises(ValueError, match="poll needs"):
        poll(lambda: None, **{"timeout": 1} | wrong)


@given(st.floats(0, 1), st.floats(0.01, 5), st.floats(0, 60))
def test_jitter_moves_pauses_by_no_more_than_its_share(jitter, interval, timeout):
    with pytest.MonkeyPatch.context() as patch:
        clock = wound(patch)
        with pytest.raises(PollTimeout) as caught:
            poll(lambda: clock.pass_by(0.01), timeout=timeout, interval=interval, jitter=jitter)
    *regular, _ = [*clock.pauses, 0]
    assert all(pause <= interval * (1 + jitter) * (1 + 1e-9) for pause in regular)
    assert all(pause >= interval * (1 - jitter) * (1 - 1e-9) for pause in regular[:-1])
    assert timeout <= caught.value.waited + 1e-6
    assert caught.value.waited <= timeout + 0.02 + 1e-6


# Flows


class Shopper:
    """As much of a user as a flow needs."""

    def __init__(self):
        self.environment = SimpleNamespace(events=Events())
        self.fired = []
        self.environment.events.request.add_listener(lambda **fields: self.fired.append(fields))

    def context(self):
        return {"shop": 7}

    def does(self, task):
        """Run a task in a greenlet such as Locust gives its users: how that ended, and what was fired."""
        greenlet = gevent.spawn(lambda _user: task(), self)
        greenlet.join(timeout=5)
        return greenlet


@pytest.fixture
def shopper():
    return Shopper()


def test_a_flow_is_one_entry_with_its_time_and_the_context_of_its_user(clock, shopper):
    def task():
        with flow("checkout"):
            clock.pass_by(1.5)

    assert shopper.does(task).successful()
    assert shopper.fired == [
        {
            "request_type": "FLOW",
            "name": "checkout",
            "response_time": 1500.0,
            "response_length": 0,
            "response": None,
            "context": {"shop": 7},
            "exception": None,
            "start_time": 5e8,
            "url": None,
        }
    ]


def test_a_wall_clock_that_is_set_changes_no_time(clock, shopper):
    def task():
        with flow("checkout"):
            clock.pass_by(1.5)
            clock.wall += 3600

    shopper.does(task)
    (fired,) = shopper.fired
    assert fired["response_time"] == 1500
    assert fired["start_time"] == clock.wall - 1.5


def test_a_wait_for_mail_has_its_own_type(clock, shopper):
    def task():
        with flow("verification", kind="MAIL"):
            pass

    shopper.does(task)
    assert [fired["request_type"] for fired in shopper.fired] == ["MAIL"]


def test_a_timeout_is_the_failure_of_its_flow_and_the_task_goes_on(clock, shopper):
    went_on = []

    def task():
        with flow("conversion"):
            poll(lambda: None, timeout=3)
        went_on.append(True)

    assert shopper.does(task).successful()
    (fired,) = shopper.fired
    assert isinstance(fired["exception"], PollTimeout)
    assert fired["response_time"] == 3000
    assert went_on == [True]


@pytest.mark.parametrize("error", [PollTimeout(3, 3.1, 4), PollFailed("state FAILED")])
def test_a_flow_can_hand_its_failed_wait_on(clock, shopper, error):
    def task():
        with flow("conversion", reraise=True):
            raise error

    assert shopper.does(task).exception is error
    assert [fired["exception"] for fired in shopper.fired] == [error]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("error", [KeyError("id"), AssertionError("no order"), gevent.Timeout(3)])
def test_any_other_exception_is_its_failure_and_goes_on(clock, shopper, error):
    def task():
        with flow("checkout"):
            raise error

    assert shopper.does(task).exception is error
    assert [fired["exception"] for fired in shopper.fired] == [error]


CONTROL = [StopUser(), StopTest(), RescheduleTask(), RescheduleTaskImmediately(), InterruptTaskSet()]


@pytest.mark.parametrize(
    "error", [*CONTROL, KeyboardInterrupt(), SystemExit(1)], ids=lambda error: type(error).__name__
)
def test_a_flow_that_is_cut_off_is_no_entry(clock, shopper, error):
    def task():
        with pytest.raises(type(error)), flow("checkout"):  # gevent would end this process for some of them
            raise error

    assert shopper.does(task).successful()
    assert shopper.fired == []


def test_a_user_that_is_killed_in_a_flow_leaves_no_entry(shopper):
    def task():
        with flow("checkout"):
            gevent.sleep(30)

    greenlet = gevent.spawn(lambda _user: task(), shopper)
    gevent.sleep(0)
    greenlet.kill(timeout=5)
    assert isinstance(greenlet.value, GreenletExit)
    assert shopper.fired == []


def test_a_marked_flow_is_a_failure_even_if_it_is_cut_off_then(clock, shopper):
    def task():
        with flow("checkout") as running:
            running.failure("price changed, password=abc")
            raise StopUser

    shopper.does(task)
    (fired,) = shopper.fired
    assert isinstance(fired["exception"], CatchResponseError)
    assert str(fired["exception"]) == "price changed, password=***"


def test_the_first_thing_said_of_a_flow_counts(clock, shopper):
    def task():
        with flow("checkout") as running:
            running.failure("price changed")
            raise PollFailed("state FAILED")

    assert shopper.does(task).successful()
    assert [str(fired["exception"]) for fired in shopper.fired] == ["price changed"]


def test_flows_may_lie_inside_of_each_other(clock, shopper):
    def task():
        with flow("outer"):
            clock.pass_by(1)
            with flow("inner"):
                clock.pass_by(2)
                raise PollFailed("no")
            clock.pass_by(4)

    shopper.does(task)
    told = [(fired["name"], fired["response_time"], fired["exception"] is None) for fired in shopper.fired]
    assert told == [("inner", 2000, False), ("outer", 7000, True)]


def test_without_a_user_a_flow_is_told_to_everybody(clock, monkeypatch):
    events, fired = Events(), []
    events.request.add_listener(lambda **fields: fired.append(fields))
    monkeypatch.setattr(polling.locust, "events", events)
    with flow("alone"):
        pass
    assert [(entry["name"], entry["context"]) for entry in fired] == [("alone", {})]
