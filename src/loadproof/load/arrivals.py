"""The open model: iterations begin when the schedule says so, on whichever user is free."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

import gevent
from gevent import getcurrent
from locust.exception import StopUser

from loadproof.load.alarm import Alarm
from loadproof.plan.profile import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loadproof.load.gate import Iteration
    from loadproof.plan import Profile
    from loadproof.record import ArrivalCounts

PATIENCE_NS = 20_000_000
"""How long an arrival waits for a user before it is dropped: so that a short pause of this process, after which many
come due at once, drops none."""

LATE_NS = 10_000_000
"""From where on a start counts as late."""

_KEPT = 256
"""Iterations of a class by which its users are reckoned."""

_RATE_SECONDS = 1.0
_HEADROOM = 1.2
_GROWTH = 0.25
_TOO_MANY_FAILURES = 0.1

_WAITING, _RUNNING, _STOPPING = "waiting", "running", "stopping"


class Log(Protocol):
    """Where arrivals and iterations are counted."""

    def arrivals_in(self, at_ns: int) -> ArrivalCounts:
        """The counts of the second that a time on the monotonic clock lies in."""

    def on_iteration(self, name: str, user_class: str, iteration: Iteration, *, failed: bool) -> None:
        """An iteration is over."""

    @property
    def error_rate(self) -> float:
        """Share of the latest requests that failed."""


class _Seat:
    """A user that waits for a ticket."""

    __slots__ = ("due_ns", "greenlet")

    def __init__(self, greenlet: Any) -> None:
        self.greenlet = greenlet  # None once it waits no more
        self.due_ns: int | None = None


class _Pool:
    """The users of one class in this process."""

    __slots__ = ("free", "in_flight", "name", "overdue", "recent", "short", "taken", "takes")

    def __init__(self, name: str) -> None:
        self.name = name
        self.free: deque[_Seat] = deque()
        self.overdue: deque[int] = deque()  # arrivals that wait for a user
        self.in_flight = 0
        self.takes: deque[int] = deque(maxlen=_KEPT)  # how long its latest iterations took, in ns
        self.recent: deque[tuple[float, int]] = deque()  # when it was asked for its needs, and arrivals since the last
        self.taken = 0  # arrivals since it was last asked for its needs
        self.short = 0  # of these, how many found nobody

    def rate(self, now: float) -> float:
        """Arrivals per second over the last second."""
        self.recent.append((now, self.taken))
        while self.recent[0][0] < now - _RATE_SECONDS:
            self.recent.popleft()
        return sum(taken for _, taken in self.recent) / _RATE_SECONDS

    def seat(self) -> _Seat | None:
        """Whoever waits longest; None when nobody does."""
        while self.free:
            seat = self.free.popleft()
            if seat.greenlet is not None:
                return seat
        return None


class Arrivals:
    """One scenario's arrivals in this process.

    Args:
        user_classes: Names of the classes that they go to.
        weights: How often to each.
        late: ``drop`` or ``run``: what becomes of an arrival when no user is free.
        limit: Arrivals after which the schedule ends, over all processes; None for none.
        log: Where they are counted.
    """

    paced = True

    def __init__(
        self, user_classes: Sequence[str], weights: Sequence[float], *, late: str, limit: int | None, log: Log
    ) -> None:
        self._pools = [_Pool(name) for name in user_classes]
        self._by_name = {pool.name: pool for pool in self._pools}
        self._weights = tuple(weights)
        self._patience = math.inf if late == "run" else PATIENCE_NS
        self._limit = limit
        self._log = log
        self._rank, self._workers = 0, 1
        self._hub = gevent.get_hub()
        self._alarm = Alarm(self._ring)
        self._segments: deque[tuple[int, Iterator[tuple[list[float], list[int]]]]] = deque()
        self._ends: deque[int | None] = deque()
        self._due: deque[tuple[int, int]] = deque()  # time and pool of the next arrivals
        self._scheduled = self._closed = self._paused = False
        self.made = 0
        """Arrivals that came due, those of a pause left out."""
        self.ideal = 0
        """Users by Little's law alone, when it was last asked for its needs."""

    # The schedule

    def begin(self, rank: int, workers: int) -> None:
        """Say which share of all arrivals is this process's; before any segment."""
        self._rank, self._workers = rank, workers

    def add(self, begins_ns: int, profile: Profile) -> None:
        """Go on with a profile from a time on the monotonic clock; whatever was to come after that is off."""
        schedule = Schedule(profile, worker=self._rank, workers=self._workers, weights=self._weights, limit=self._limit)
        if self._ends:
            self._ends = deque(begins_ns if end is None else min(end, begins_ns) for end in self._ends)
            while self._due and self._due[-1][0] >= begins_ns:
                self._due.pop()
        self._scheduled = True
        self._segments.append((begins_ns, schedule.blocks()))
        self._ends.append(None)
        self._set_alarm()

    def pause(self, *, paused: bool) -> None:
        """Let arrivals pass unmade while it is paused: nobody offered them, so that none of them is dropped.

        The schedule goes on meanwhile: it ends when it would have ended. What was due before is still made.
        """
        if self._closed or paused == self._paused:
            return
        self._ring()  # what is due until now belongs to the time before
        self._paused = paused

    def _next(self) -> tuple[int, int] | None:
        """The next arrival; None where none is left."""
        while not self._due and self._segments:
            begins, blocks = self._segments[0]
            end = self._ends[0]
            block = next(blocks, None)
            if block is None:
                self._segments.popleft()
                self._ends.popleft()
                continue
            times, pools = block
            stamps = [begins + round(at * 1e9) for at in times]
            if end is not None and stamps and stamps[-1] >= end:
                self._segments.popleft()
                self._ends.popleft()
                self._due.extend((at, pool) for at, pool in zip(stamps, pools, strict=True) if at < end)
            else:
                self._due.extend(zip(stamps, pools, strict=True))
        return self._due[0] if self._due else None

    @property
    def over(self) -> bool:
        """Whether there was a schedule, no arrival of it is left, and none waits for a user."""
        if self._closed or not self._scheduled:
            return self._closed
        return self._next() is None and not any(pool.overdue for pool in self._pools)

    @property
    def in_flight(self) -> int:
        """Iterations that are going on."""
        return sum(pool.in_flight for pool in self._pools)

    def close(self) -> None:
        """No more arrivals; those that wait for a user are dropped."""
        if self._closed:
            return
        self._ring()  # what is due until now was offered
        self._closed = True
        self._alarm.close()
        self._segments.clear()
        self._due.clear()
        for pool in self._pools:
            while pool.overdue:
                self._drop(pool.overdue.popleft())

    # Called by the loop

    def _ring(self) -> None:
        if self._closed:
            return
        now = time.monotonic_ns()
        while (arrival := self._next()) is not None and arrival[0] <= now:
            self._due.popleft()
            if self._paused:
                continue
            due, number = arrival
            self.made += 1
            pool = self._pools[number]
            self._log.arrivals_in(due).offered += 1
            pool.taken += 1
            seat = None if pool.overdue else pool.seat()
            if seat is None:
                pool.short += 1
                pool.overdue.append(due)
            else:
                self._hand_over(seat, due)
        if self._patience != math.inf:
            for pool in self._pools:
                while pool.overdue and now - pool.overdue[0] > self._patience:
                    self._drop(pool.overdue.popleft())
        self._set_alarm()

    def _set_alarm(self) -> None:
        arrival = self._next()
        times = [] if arrival is None else [arrival[0]]
        if self._patience != math.inf:
            times += [pool.overdue[0] + PATIENCE_NS + 1 for pool in self._pools if pool.overdue]
        if times:
            self._alarm.set(min(times))

    def _hand_over(self, seat: _Seat, due: int) -> None:
        seat.due_ns = due
        self._hub.loop.run_callback(_wake, seat)

    def _drop(self, due: int) -> None:
        self._log.arrivals_in(due).dropped += 1

    # Called by users

    def take(self, user: Any) -> int:
        """Wait for an arrival, and give its time."""
        pool = self._by_name[type(user).__name__]
        while pool.overdue:
            due = pool.overdue.popleft()
            if time.monotonic_ns() - due <= self._patience:
                return self._start(pool, due)
            self._drop(due)
        seat = _Seat(getcurrent())
        pool.free.append(seat)
        user._state = _WAITING  # noqa: SLF001 - so that Locust may stop it at once
        try:
            while seat.due_ns is None:
                self._hub.switch()
        except BaseException:
            if seat.due_ns is not None:  # stopped between being chosen and being woken
                self._drop(seat.due_ns)
            raise
        finally:
            seat.greenlet = None
        if user._state == _STOPPING:  # noqa: SLF001
            self._drop(seat.due_ns)
            raise StopUser
        user._state = _RUNNING  # noqa: SLF001
        return self._start(pool, seat.due_ns)

    def _start(self, pool: _Pool, due: int) -> int:
        lag = time.monotonic_ns() - due
        counts = self._log.arrivals_in(due)
        counts.started += 1
        counts.late += lag > LATE_NS
        counts.lag.record(lag)
        pool.in_flight += 1
        return due

    def give_back(self, user: Any, task: str, iteration: Iteration, *, failed: bool) -> None:
        """An iteration is over."""
        name = type(user).__name__
        pool = self._by_name[name]
        pool.in_flight -= 1
        pool.takes.append(time.monotonic_ns() - iteration.started_ns)
        self._log.on_iteration(f"{name}.{task}", name, iteration, failed=failed)

    def let_go(self, user: Any) -> None:
        """An iteration was cut off with its user."""
        self._by_name[type(user).__name__].in_flight -= 1

    # How many users it takes

    def free(self) -> dict[str, int]:
        """Users that wait for an arrival, by class."""
        return {pool.name: sum(seat.greenlet is not None for seat in pool.free) for pool in self._pools}

    def needs(self, users: dict[str, int]) -> dict[str, int]:
        """How many users of each class this process should have, by what was seen since the last call.

        By Little's law: arrivals per second times how long nearly all iterations take, and a fifth more. Where
        arrivals found nobody free, at least a quarter more than there are. While requests fail there is no point in
        more: users that fail fast would only be many.

        Args:
            users: How many there are.
        """
        now = time.monotonic()
        failing = self._log.error_rate > _TOO_MANY_FAILURES
        needed: dict[str, int] = {}
        self.ideal = 0
        for pool in self._pools:
            here = users.get(pool.name, 0)
            longest = sorted(pool.takes)[int(0.99 * len(pool.takes))] / 1e9 if pool.takes else 0.0
            want = math.ceil(pool.rate(now) * longest * _HEADROOM)
            self.ideal += want
            if pool.short:
                want = max(want, here + max(1, math.ceil(here * _GROWTH)))
            pool.taken = pool.short = 0
            # Gently: a burst of slow answers must not double them at once.
            needed[pool.name] = here if failing else max(here, min(want, here + max(10, here)))
        return needed


def _wake(seat: _Seat) -> None:
    if seat.greenlet is not None:
        seat.greenlet.switch()
