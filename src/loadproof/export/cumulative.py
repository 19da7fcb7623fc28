"""What a run counted from its first second on, as Prometheus wants it: sums that only grow, with bounded labels.

A ``RunRecord`` is of no use here: its measured part begins anew when a warm-up is over, and a counter that goes down
reads as a restart. So every delta is added up once more, into a few numbers for each endpoint.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loadproof.record.recorder import OTHER_NAME, outside_totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadproof.record import Delta, Histogram, Tally

MOST_ENDPOINTS = 200
"""Endpoints, told apart by name and method, that have series of their own."""

MOST_METHODS = 20
MOST_STATUSES = 40
MOST_KINDS = 60
MOST_WORKERS = 200

NO_STATUS = "none"
"""Status of a request that got no answer, or that is not HTTP."""

DURATION_BOUNDS = (
    *(0.0001, 0.00025, 0.0005),
    *(0.001, 0.002, 0.003, 0.005, 0.0075),
    *(0.01, 0.015, 0.02, 0.03, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0),
)
"""Upper bounds in seconds: from 1 ms on each is at most twice the one before; limits that people set are among them."""

LAG_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_SILENT = 10.0
"""Seconds behind the newest report after which a process no longer counts as one that says how it fares."""


class Buckets:
    """A classic histogram: how many durations were at most so long.

    Args:
        bounds: Upper bounds in seconds, ascending.

    Attributes:
        counts: How many fell into each bucket, not cumulative; the last one is for what exceeds every bound.
        total: Sum in seconds.
    """

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def record(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.total += seconds

    def add(self, histogram: Histogram) -> None:
        """Count those of a histogram; one within 0.1 % above a bound may count as not exceeding it."""
        for low, _, n in histogram.buckets():
            self.counts[bisect_left(self._bounds, low)] += n
        self.total += histogram.total / 1e9

    def cumulative(self) -> list[tuple[str, float]]:
        """Bounds as ``le`` has them, ``+Inf`` last, and how many did not exceed them."""
        found, count = [], 0
        for bound, n in zip((*self._bounds, float("inf")), self.counts, strict=True):
            count += n
            found.append(("+Inf" if bound == float("inf") else repr(bound), float(count)))
        return found

    def copy(self) -> Buckets:
        """The same, on its own."""
        other = Buckets(self._bounds)
        other.counts, other.total = list(self.counts), self.total
        return other


class Limited:
    """Values of a label: the first so many as they are, every later one as ``(other)``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def admit(self, value: str) -> str:
        """The value to expose; the same one every time."""
        value = exposable(value)
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return OTHER_NAME
        self._known.add(value)
        return value


@dataclass(frozen=True, slots=True)
class Process:
    """How a process that makes load fared in its last report.

    Attributes:
        at: Seconds since the run's start that it reaches to.
        cpu: Share of one core.
        starved: Share of the time without a CPU; None where the system does not say.
    """

    at: float
    cpu: float
    starved: float | None


@dataclass(slots=True)
class Counted:
    """Sums over a run, from its first second on.

    Attributes:
        requests: Endpoint, method and status to finished requests.
        durations: Endpoint and method to response times of all outcomes; a request that nobody timed is in none.
        errors: Endpoint and kind to failed requests.
        offered: Arrivals that were due, in an open model; 0 in a closed one, as the next three.
        started: Of these, iterations that were started.
        dropped: Of these, arrivals that no user was free for.
        late: Of those started, the ones that started more than 10 ms late.
        loop_lag: How late event loops woke up.
        processes: Name to how it fared, of all that make load.
    """

    requests: dict[tuple[str, str, str], int] = field(default_factory=dict)
    durations: dict[tuple[str, str], Buckets] = field(default_factory=dict)
    errors: dict[tuple[str, str], int] = field(default_factory=dict)
    offered: int = 0
    started: int = 0
    dropped: int = 0
    late: int = 0
    loop_lag: Buckets = field(default_factory=lambda: Buckets(LAG_BOUNDS))
    processes: dict[str, Process] = field(default_factory=dict)

    def copy(self) -> Counted:
        """The same, on its own; processes that fell silent are left out."""
        newest = max((process.at for process in self.processes.values()), default=0.0)
        return Counted(
            dict(self.requests),
            {key: buckets.copy() for key, buckets in self.durations.items()},
            dict(self.errors),
            self.offered,
            self.started,
            self.dropped,
            self.late,
            self.loop_lag.copy(),
            {name: process for name, process in self.processes.items() if process.at > newest - _SILENT},
        )


class Cumulative:
    """Adds up the deltas of a run, each once, in whatever order.

    What counts is what counts in totals: neither spans over other requests (flows, iterations), nor requests of the
    set-up, nor values of a script's own.

    Args:
        most_endpoints: Names that have series of their own; ``(other)`` has the rest, those of too many methods too.
    """

    def __init__(self, *, most_endpoints: int = MOST_ENDPOINTS) -> None:
        self.counted = Counted()
        self._most = most_endpoints
        self._endpoints: dict[tuple[str, str], tuple[str, str]] = {}
        self._shown: set[tuple[str, str]] = set()
        self._methods = Limited(MOST_METHODS)
        self._statuses = Limited(MOST_STATUSES)
        self._kinds = Limited(MOST_KINDS)
        self._workers = Limited(MOST_WORKERS)

    def add(self, delta: Delta) -> None:
        """Count what a load process reported."""
        for entries in delta.windows.values():
            for (name, method), tallies in entries.items():
                if not outside_totals(method):
                    for tally in tallies.values():
                        self._add(self._endpoint(name, method), tally)
        for arrivals in delta.arrivals.values():
            self.counted.offered += arrivals.offered
            self.counted.started += arrivals.started
            self.counted.dropped += arrivals.dropped
            self.counted.late += arrivals.late
        if delta.facts.get("makes_load"):
            health = delta.facts["health"]
            process = Process(delta.facts["at"], health["cpu"], health["starved"])
            self.counted.processes[self._workers.admit(delta.worker)] = process
            for lag in health["lags"]:
                self.counted.loop_lag.record(lag)

    def _add(self, endpoint: tuple[str, str], tally: Tally) -> None:
        counted = self.counted
        if endpoint not in counted.durations:
            counted.durations[endpoint] = Buckets(DURATION_BOUNDS)
        counted.durations[endpoint].add(tally.response)
        statuses = [(self._statuses.admit(str(status)), n) for status, n in tally.statuses.items()]
        unanswered = tally.count - sum(tally.statuses.values())
        for status, n in [*statuses, *([(NO_STATUS, unanswered)] if unanswered > 0 else [])]:
            key = (*endpoint, status)
            counted.requests[key] = counted.requests.get(key, 0) + n
        for kind, n in tally.kinds.items():
            error = (endpoint[0], self._kinds.admit(kind))
            counted.errors[error] = counted.errors.get(error, 0) + n

    def _endpoint(self, name: str, method: str) -> tuple[str, str]:
        """The endpoint and method under which an entry is exposed; the record tells at most some 2,000 apart."""
        known = self._endpoints.get((name, method))
        if known is None:
            known = (exposable(name), self._methods.admit(method))
            if known not in self._shown and len(self._shown) >= self._most:
                known = (OTHER_NAME, known[1])
            else:
                self._shown.add(known)
            self._endpoints[name, method] = known
        return known


def exposable(text: str) -> str:
    """Text that a label can hold in UTF-8, on one line: control characters become U+FFFD."""
    clean = text.encode("utf-8", "replace").decode()
    return _CONTROL.sub("\ufffd", clean)
