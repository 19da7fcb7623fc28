"""A user that comes back from a request need not give way again; every other wait is Locust's."""

from __future__ import annotations

import time
from fractions import Fraction
from types import SimpleNamespace

import gevent
import pytest
from gevent import getcurrent

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from locust.exception import StopUser
    from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING, TaskSet

    from loadproof.http.connection import came_back
    from loadproof.load import waiting


NO_OTHER_WAITS = {"min_wait": None, "max_wait": None, "wait_function": None}


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    monkeypatch.setattr(TaskSet, "_sleep", TaskSet._sleep)
    waiting.install()
    came_back[0] = None
    yield
    came_back[0] = None


@pytest.fixture
def slept(monkeypatch):
    seconds = []
    monkeypatch.setattr(gevent, "sleep", seconds.append)
    return seconds


def task_set(seconds):
    return TaskSet(SimpleNamespace(_state=LOCUST_STATE_RUNNING, wait_time=lambda: seconds, **NO_OTHER_WAITS))


def gives_way(seconds, *, requested):
    """Whether a greenlet that is ready runs during a wait."""
    ran = []

    def user():
        gevent.spawn(ran.append, "other")
        if requested:
            came_back[0] = getcurrent()
        task_set(seconds).wait()
        return bool(ran)

    return gevent.spawn(user).get(timeout=5)


@pytest.mark.parametrize("seconds", [0, 0.0, -0.0, False, Fraction(0)])
def test_a_wait_of_nothing_after_a_request_is_skipped(seconds, slept):
    came_back[0] = getcurrent()
    task_set(seconds).wait()
    assert slept == []


@pytest.mark.parametrize("seconds", [0, 0.0, -0.0, False])
def test_a_wait_of_nothing_without_a_request_gives_way(seconds, slept):
    task_set(seconds).wait()
    assert slept == [seconds]


@pytest.mark.parametrize("seconds", [1e-9, 0.5, 3, -1e-9, -1, -0.5, None, "1", float("inf")])
def test_every_other_wait_is_gevents(seconds, slept):
    came_back[0] = getcurrent()
    task_set(seconds).wait()
    assert slept == [seconds]


def test_a_request_spares_one_wait_only(slept):
    came_back[0] = getcurrent()
    tasks = task_set(0)
    for _ in range(3):
        tasks.wait()
    assert slept == [0, 0]


def test_a_wait_that_sleeps_does_not_use_up_the_request(slept):
    came_back[0] = getcurrent()
    task_set(-1).wait()
    task_set(0).wait()
    assert slept == [-1]


def test_the_request_of_another_user_spares_nothing_and_is_left_to_that_one(slept):
    other = came_back[0] = gevent.Greenlet(lambda: None)
    task_set(0).wait()
    assert slept == [0]
    assert came_back[0] is other


@pytest.mark.parametrize(
    ("seconds", "requested", "way"),
    [
        (0, True, False),
        (0, False, True),
        (0.001, True, True),
        (0.001, False, True),
        (-1, True, True),
        (-1, False, True),
    ],
)
def test_others_run_unless_the_wait_is_skipped(seconds, requested, way):
    assert gives_way(seconds, requested=requested) is way


@pytest.mark.parametrize("seconds", [0, -1, 0.001])
def test_without_ours_others_run_in_every_wait(seconds, monkeypatch):
    monkeypatch.setattr(TaskSet, "_sleep", lambda _self, seconds: gevent.sleep(seconds))
    assert gives_way(seconds, requested=True)


def test_users_that_send_nothing_take_turns():
    turns = []

    def user(name):
        tasks = task_set(0)
        for _ in range(3):
            turns.append(name)
            tasks.wait()

    gevent.joinall([gevent.spawn(user, name) for name in "ab"], timeout=5, raise_error=True)
    assert "".join(turns) == "ababab"


@pytest.mark.parametrize("seconds", [0.03, 0.06])
def test_a_wait_lasts_as_long_as_it_says(seconds):
    came_back[0] = getcurrent()
    began = time.monotonic()
    task_set(seconds).wait()
    assert seconds - 0.002 <= time.monotonic() - began < seconds + 1


@pytest.mark.parametrize("seconds", [None, "1"])
def test_what_is_no_wait_is_the_same_error(seconds):
    with pytest.raises(TypeError) as theirs:
        gevent.sleep(seconds)
    with pytest.raises(TypeError) as ours:
        task_set(seconds).wait()
    assert str(ours.value) == str(theirs.value)


def test_a_skipped_wait_leaves_the_user_running():
    tasks = task_set(0)
    came_back[0] = getcurrent()
    tasks.wait()
    assert tasks.user._state == LOCUST_STATE_RUNNING


def test_a_user_that_is_to_stop_does_not_skip_its_end():
    tasks = task_set(0)
    tasks.user._state = LOCUST_STATE_STOPPING
    came_back[0] = getcurrent()
    with pytest.raises(StopUser):
        tasks.wait()


def test_a_user_told_to_stop_while_it_waits_stops(monkeypatch):
    tasks = task_set(0)

    def stopped(_seconds):
        assert tasks.user._state == LOCUST_STATE_WAITING
        tasks.user._state = LOCUST_STATE_STOPPING

    monkeypatch.setattr(gevent, "sleep", stopped)
    with pytest.raises(StopUser):
        tasks.wait()


def test_a_user_killed_in_its_wait_is_gone():
    def user():
        task_set(30).wait()

    killed = gevent.spawn(user)
    gevent.sleep(0.01)
    killed.kill(timeout=5)
    assert killed.dead
