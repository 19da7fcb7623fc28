"""Who may create, and when: quotas, gaps, backoff, and a final no, on a clock of their own."""

from __future__ import annotations

import pytest
from fleet_modules import fleet_modules
from hypothesis import given
from hypothesis import strategies as st

(creation,) = fleet_modules("creation")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Quota:
    def __init__(self, limit):
        self.left = limit

    def take(self):
        if not self.left:
            return False
        self.left -= 1
        return True

    def give_back(self):
        self.left += 1


@pytest.fixture
def clock():
    return Clock()


def test_of_many_that_ask_at_once_one_is_let_in(clock):
    creations = creation.Creations(Quota(5), clock=clock)
    assert [creations.begin() for _ in range(10)].count(True) == 1


def test_the_gap_is_from_the_end_of_one_to_the_begin_of_the_next(clock):
    creations = creation.Creations(Quota(5), gap=2, clock=clock)
    assert creations.begin()
    clock.now = 7
    creations.made()
    clock.now = 8.99
    assert not creations.begin()
    clock.now = 9
    assert creations.begin()


def test_it_is_over_when_the_last_one_is_made(clock):
    creations = creation.Creations(Quota(2), clock=clock)
    for _ in range(2):
        assert not creations.is_over
        assert creations.begin()
        assert not creations.is_over
        creations.made()
    assert creations.is_over
    assert not creations.begin()


def test_a_quota_of_none_is_over_at_once(clock):
    assert creation.Creations(Quota(0), clock=clock).is_over


def test_after_failures_pauses_grow_up_to_a_minute_and_a_success_ends_them(clock):
    creations = creation.Creations(Quota(100), clock=clock)

    def pause():
        began = clock.now
        while not creations.begin():
            clock.now += 0.5
        return clock.now - began

    assert creations.begin()
    pauses = []
    for _ in range(8):
        creations.failed()
        pauses.append(pause())
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    creations.made()
    assert pause() == 0
    creations.failed()
    assert pause() == 1


def test_a_failure_gives_its_place_back_and_a_lost_answer_does_not(clock):
    quota = Quota(2)
    creations = creation.Creations(quota, clock=clock)
    creations.begin()
    creations.failed()
    assert quota.left == 2
    clock.now += 60
    creations.begin()
    creations.lost()
    assert quota.left == 1


def test_after_a_final_no_nothing_is_created_any_more(clock):
    creations = creation.Creations(Quota(5), at_once=3, clock=clock)
    assert creations.begin()
    assert creations.begin()
    creations.stop("429")
    assert not creations.is_over
    creations.made()
    clock.now += 1000
    assert not creations.begin()
    assert creations.is_over


@given(st.lists(st.sampled_from(["ask", "made", "failed", "lost", "stop", "wait"]), max_size=80), st.integers(0, 4))
def test_no_order_of_events_lets_in_more_than_the_quota(events, limit):
    clock = Clock()
    creations = creation.Creations(Quota(limit), at_once=3, clock=clock)
    under_way = existing = 0
    for event in events:
        if event == "ask":
            under_way += creations.begin()
        elif event == "wait":
            clock.now += 30
        elif under_way:
            under_way -= 1
            existing += event in ("made", "lost")
            creations.stop("429") if event == "stop" else getattr(creations, event)()
        assert existing + under_way <= limit


def test_a_kafka_is_looked_at_each_interval_until_it_is_settled(clock):
    watch = creation.Watch(interval=5, clock=clock)
    watch.add("a")
    clock.now = 3
    watch.add("b")
    assert watch.take() is None
    clock.now = 5
    assert watch.take() == "a"
    assert watch.take() is None
    clock.now = 8
    assert watch.take() == "b"
    assert watch.settled("a") == 8
    assert watch.settled("a") is None
    clock.now = 100
    assert [watch.take(), watch.take()] == ["b", None]
