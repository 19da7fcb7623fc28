"""A limit on the rate hands out evenly spaced slots and saves none up."""

from __future__ import annotations

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
