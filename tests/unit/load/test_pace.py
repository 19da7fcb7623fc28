"""A limit on the rate hands out evenly spaced slots and saves none up."""

from __future__ import annotations

from heapq import heappop, heappush

import greenlet
import pytest

from loadproof.load import pace


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 100.0

        def sleep(self, seconds):
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr(pace.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(pace.gevent, "sleep", clock.sleep)
    return clock


def test_slots_are_a_gap_apart(clock):
    limit = pace.RateLimit(10)
    left = []
    for _ in range(5):
        limit.wait()
        left.append(clock.now)
    assert left == pytest.approx([100.0, 100.1, 100.2, 100.3, 100.4])


def test_slots_that_nobody_took_are_not_saved_up(clock):
    limit = pace.RateLimit(10)
    limit.wait()
    clock.now += 60
    limit.wait()
    before = clock.now
    limit.wait()
    assert clock.now - before == pytest.approx(0.1)


def test_slots_that_a_pause_of_the_process_made_late_are_not_used_all_at_once(clock, monkeypatch):
    limit = pace.RateLimit(10)
    hub, due, left = greenlet.getcurrent(), [], []

    def sleep(seconds):
        heappush(due, (clock.now + seconds, len(due), greenlet.getcurrent()))
        hub.switch()

    def request():
        limit.wait()
        left.append(clock.now)

    monkeypatch.setattr(pace.gevent, "sleep", sleep)
    for _ in range(20):
        greenlet.greenlet(request).switch()
    clock.now = 101.05
    while due:
        at, _, sleeper = heappop(due)
        clock.now = max(clock.now, at)
        sleeper.switch()
    assert left == pytest.approx([100.0, 101.05, 101.05, *(101.1 + 0.1 * index for index in range(17))])


def test_in_a_process_that_is_always_late_nobody_waits_for_ever(clock, monkeypatch):
    monkeypatch.setattr(pace.gevent, "sleep", lambda seconds: clock.sleep(seconds + 1.0))
    limit = pace.RateLimit(10)
    for _ in range(3):
        limit.wait()
    assert clock.now < 106.0
