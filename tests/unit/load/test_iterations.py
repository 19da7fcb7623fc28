"""So many iterations and no more, over all processes and of each user."""

from __future__ import annotations

import time
from types import SimpleNamespace

import gevent
import pytest

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from loadproof.load.iterations import IterationLimit


class Person(SimpleNamespace):
    """A user, as far as a limit knows it."""


def runs(limit, user, *, seconds=0.0, done=None):
    """A greenlet in which a user iterates for as long as it gets tickets."""

    def iterate():
        while True:
            limit.take(user)
            gevent.sleep(seconds)
            limit.give_back(user, "task", None, failed=False)
            if done is not None:
                done.append(user)

    return gevent.spawn(iterate)


@pytest.fixture
def spawned():
    greenlets = []
    yield greenlets
    gevent.killall(greenlets, timeout=2)


@pytest.mark.parametrize(
    ("total", "workers", "shares"),
    [(10, 1, [10]), (10, 3, [4, 3, 3]), (2, 4, [1, 1, 0, 0]), (0, 2, [0, 0]), (1_000_001, 2, [500_001, 500_000])],
)
def test_shares_of_a_limit_come_to_the_limit(total, workers, shares):
    found = []
    for rank in range(workers):
        limit = IterationLimit(total, None)
        limit.begin(rank, workers)
        found.append(limit._left)
    assert found == shares


def test_users_share_a_limit_in_total_and_then_wait(spawned):
    limit = IterationLimit(7, None)
    limit.begin(0, 1)
    done = []
    users = [Person() for _ in range(3)]
    spawned += [runs(limit, user, done=done) for user in users]
    gevent.sleep(0.01)
    assert len(done) == 7
    assert limit.used_up
    assert limit.exhausted == 3
    assert {user._state for user in users} == {"waiting"}


def test_each_user_has_a_limit_of_its_own(spawned):
    limit = IterationLimit(None, 4)
    limit.begin(0, 1)
    done = []
    users = [Person() for _ in range(3)]
    spawned += [runs(limit, user, done=done) for user in users]
    gevent.sleep(0.01)
    assert [sum(each is user for each in done) for user in users] == [4, 4, 4]
    assert limit.exhausted == 3
    assert not limit.used_up  # another user would have iterations left


def test_of_two_limits_the_first_one_reached_ends_it(spawned):
    limit = IterationLimit(5, 4)
    limit.begin(0, 1)
    done = []
    spawned += [runs(limit, Person(), done=done) for _ in range(2)]
    gevent.sleep(0.01)
    assert len(done) == 5
    assert limit.used_up


def test_none_begins_before_the_share_is_known(spawned):
    limit = IterationLimit(3, None)
    done = []
    spawned.append(runs(limit, Person(), done=done))
    gevent.sleep(0.005)
    assert done == []
    assert not limit.used_up
    limit.begin(1, 2)
    gevent.sleep(0.005)
    assert len(done) == 1


def test_a_limit_is_used_up_only_when_the_last_one_is_done(spawned):
    limit = IterationLimit(1, None)
    limit.begin(0, 1)
    spawned.append(runs(limit, Person(), seconds=0.01))
    gevent.sleep(0.002)
    assert limit.in_flight == 1
    assert not limit.used_up
    gevent.sleep(0.015)
    assert limit.in_flight == 0
    assert limit.used_up


def test_a_process_with_no_share_is_used_up_from_the_start():
    limit = IterationLimit(1, None)
    limit.begin(1, 2)
    assert limit.used_up


def test_a_user_that_is_killed_while_it_waits_for_the_end_waits_no_more(spawned):
    limit = IterationLimit(0, None)
    limit.begin(0, 1)
    greenlet = runs(limit, Person())
    gevent.sleep(0.002)
    assert limit.exhausted == 1
    greenlet.kill(timeout=2)
    assert limit.exhausted == 0


def test_a_user_that_is_killed_before_the_share_is_known_uses_no_ticket(spawned):
    limit = IterationLimit(1, None)
    killed = runs(limit, Person())
    gevent.sleep(0.002)
    killed.kill(timeout=2)
    limit.begin(0, 1)
    done = []
    spawned.append(runs(limit, Person(), done=done))
    gevent.sleep(0.005)
    assert len(done) == 1


def test_a_ticket_says_that_the_iteration_should_begin_now():
    limit = IterationLimit(None, 1)
    limit.begin(0, 1)
    before = time.monotonic_ns()
    assert before <= limit.take(Person()) <= time.monotonic_ns()


def test_users_wait_between_iterations_as_they_please():
    assert not IterationLimit(1, None).paced
