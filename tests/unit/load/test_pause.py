"""Users that are paused finish their iteration and wait; Locust is as it was afterwards."""

from __future__ import annotations

from types import SimpleNamespace

import gevent
import pytest
from gevent.pool import Group

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from locust import TaskSet, User, constant, task
    from locust.env import Environment

    from loadproof.load import gate
    from loadproof.load.iterations import IterationLimit
    from loadproof.load.pause import Pause, without_tasks

BEGUN = []
ENDED = []


class Reader(User):
    wait_time = constant(0)

    @task
    def read(self):
        BEGUN.append(self)
        gevent.sleep(0.02)
        ENDED.append(self)


class Other(Reader):
    pass


class Nested(User):
    wait_time = constant(0)

    @task
    class Inner(TaskSet):
        @task
        def read(self):
            BEGUN.append(self)
            gevent.sleep(0.005)
            ENDED.append(self)


class Own(User):
    def run(self):
        pass


@pytest.fixture
def users():
    """Starts users; stops them in the end."""
    group = Group()
    before = TaskSet.execute_next_task

    def start(*classes):
        environment = Environment(user_classes=list(classes))
        started = [cls(environment) for cls in classes]
        for user in started:
            user.start(group)
        return started

    BEGUN.clear()
    ENDED.clear()
    yield start
    group.kill(timeout=2)
    assert TaskSet.execute_next_task is before


def test_users_finish_what_they_do_and_begin_nothing_until_the_pause_is_over(users):
    users(Reader, Other)
    pause = Pause()
    gevent.sleep(0.03)
    pause.begin()
    pause.begin()  # twice does no harm
    assert pause.is_on
    gevent.sleep(0.06)
    done = len(BEGUN)
    assert done == len(ENDED)
    gevent.sleep(0.1)
    assert len(BEGUN) == done
    pause.end()
    pause.end()
    gevent.sleep(0.05)
    assert len(BEGUN) >= done + 2
    assert not pause.is_on


def test_a_user_that_waits_can_be_stopped_and_says_so_to_locust(users):
    (user,) = users(Reader)
    pause = Pause()
    pause.begin()
    gevent.sleep(0.06)
    assert user._state == "waiting"
    user.stop(force=False)
    gevent.sleep(0.02)
    assert user._greenlet.dead
    pause.end()


def test_a_user_that_starts_in_a_pause_waits_too(users):
    pause = Pause()
    pause.begin()
    users(Reader)
    gevent.sleep(0.05)
    assert not BEGUN
    pause.end()
    gevent.sleep(0.05)
    assert BEGUN


def test_classes_that_wait_for_arrivals_pass(users):
    users(Reader, Other)
    pause = Pause()
    pause.begin({"Other"})
    gevent.sleep(0.05)
    BEGUN.clear()
    gevent.sleep(0.1)
    assert {type(user) for user in BEGUN} == {Other}
    pause.end()


def test_nested_task_sets_wait_within(users):
    users(Nested)
    pause = Pause()
    gevent.sleep(0.03)
    pause.begin()
    gevent.sleep(0.02)
    done = len(BEGUN)
    assert done == len(ENDED) > 0
    gevent.sleep(0.03)
    assert len(BEGUN) == done
    pause.end()
    gevent.sleep(0.03)
    assert len(BEGUN) > done


def test_it_works_on_top_of_a_limit_and_a_test_that_ends_in_it_leaves_locust_as_it_was(users):
    before = TaskSet.execute_next_task
    limit = IterationLimit(100, None)
    limit.begin(0, 1)
    take_out = gate.install({"Reader": limit})
    users(Reader)
    pause = Pause()
    pause.begin()
    gevent.sleep(0.05)
    begun = limit.begun
    gevent.sleep(0.05)
    assert limit.begun == begun
    take_out()
    pause.end()
    assert TaskSet.execute_next_task is before


def test_user_classes_that_run_in_a_way_of_their_own_are_named():
    assert without_tasks([Reader, Own, SimpleNamespace]) == ["Own"]
