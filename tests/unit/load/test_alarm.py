"""The alarm rings in time, and only for the last time that was set."""

from __future__ import annotations

import os
import time
from statistics import median

import gevent
import pytest

from loadproof.load import alarm as module
from loadproof.load.alarm import Alarm

MS = 1_000_000


@pytest.fixture(params=["timerfd", "loop timer"])
def kind(request, monkeypatch):
    """Both ways to wake: a system without timerfd has the loop's own timer."""
    if request.param == "loop timer":
        monkeypatch.setattr(module, "_timer_file", lambda: None)
    return request.param


@pytest.fixture
def rings():
    return []


@pytest.fixture
def alarm(kind, rings):
    made = Alarm(lambda: rings.append(time.monotonic_ns()))
    yield made
    if made._fd is not None or kind == "loop timer":
        made.close()


def until(condition):
    """Let the loop run until something holds; a busy machine may take its time."""
    deadline = time.monotonic() + 2
    while not condition() and time.monotonic() < deadline:
        gevent.sleep(0.0005)


def test_it_rings_within_two_milliseconds_of_its_time(alarm, rings):
    late = []
    for number in range(1, 10):
        at = time.monotonic_ns() + 4 * MS
        alarm.set(at)
        until(lambda number=number: len(rings) == number)
        late.append(rings[-1] - at)
    assert len(rings) == 9
    assert min(late) >= -MS  # the loop's timer knows whole milliseconds
    assert median(late) < 2 * MS


def test_a_timer_file_never_rings_early(rings):
    if module._timer_file() is None:
        pytest.skip("no timerfd here")
    alarm = Alarm(lambda: rings.append(time.monotonic_ns()))
    for number, microseconds in enumerate((100, 1_300, 2_900), 1):
        at = time.monotonic_ns() + microseconds * 1_000
        alarm.set(at)
        until(lambda number=number: len(rings) == number)
        assert rings[-1] >= at
    alarm.close()


@pytest.mark.parametrize("at", [-1, 0, 1, "now", "a second ago"])
def test_a_time_in_the_past_rings_at_once(at, alarm, rings):
    now = time.monotonic_ns()
    alarm.set({"now": now, "a second ago": now - 1_000 * MS}.get(at, at))
    assert rings == []  # in the loop, not in the call
    until(lambda: rings)
    assert len(rings) == 1
    assert rings[0] - now < 100 * MS


def test_it_rings_once(alarm, rings):
    alarm.set(time.monotonic_ns() + MS)
    until(lambda: rings)
    gevent.sleep(0.005)
    assert len(rings) == 1


def test_setting_anew_replaces_the_time_by_a_later_one(alarm, rings):
    now = time.monotonic_ns()
    alarm.set(now + 2 * MS)
    alarm.set(now + 10 * MS)
    until(lambda: rings)
    gevent.sleep(0.003)
    assert len(rings) == 1
    assert rings[0] >= now + 9 * MS


def test_setting_anew_replaces_the_time_by_an_earlier_one(alarm, rings):
    now = time.monotonic_ns()
    alarm.set(now + 3_600_000 * MS)
    alarm.set(now + 2 * MS)
    until(lambda: rings)
    assert len(rings) == 1


def test_a_time_that_has_come_but_was_not_heard_yet_is_replaced_too(alarm, rings):
    alarm.set(time.monotonic_ns() + MS)
    time.sleep(0.003)
    later = time.monotonic_ns() + 8 * MS
    alarm.set(later)
    until(lambda: rings)
    gevent.sleep(0.003)
    assert len(rings) == 1
    assert rings[0] >= later - MS


def test_it_can_be_set_while_it_rings(kind):
    rings = []

    def ring():
        rings.append(time.monotonic_ns())
        if len(rings) < 4:
            alarm.set(rings[-1] + MS)

    alarm = Alarm(ring)
    alarm.set(1)
    until(lambda: len(rings) == 4)
    gevent.sleep(0.003)
    alarm.close()
    assert len(rings) == 4


def test_one_that_was_closed_rings_no_more(alarm, rings, kind):
    fd = alarm._fd
    alarm.set(time.monotonic_ns() + MS)
    alarm.close()
    gevent.sleep(0.006)
    assert rings == []
    if kind == "timerfd":
        with pytest.raises(OSError):
            os.fstat(fd)
