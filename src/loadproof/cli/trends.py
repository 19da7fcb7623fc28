"""What a live view remembers: the last minutes second by second, and which way each rule is going."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from loadproof.record import merged
from loadproof.report.figures import NO_KIND, Figures, figures_of, group_of
from loadproof.report.rules import rule_of

if TYPE_CHECKING:
    from loadproof.record import Tallies
    from loadproof.result import Verdict
    from loadproof.supervisor import Progress

KEPT = 360
"""Seconds that are remembered one by one."""

_LATE = 3
"""Seconds for which what ended in a second may still be reported."""

_LOOK_BACK = 10.0
_STEADY = 0.02
"""Change, as a share of the value, that is none."""

_AT_LEAST_BETWEEN = 2.0
_COST = 20.0
"""Entries are looked at for at most a twentieth of the time."""

Trend = Literal["better", "worse", "steady", ""]


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the run.

    Attributes:
        rate: Requests that ended in it.
        p95: 95th percentile of the response times of successes, in seconds; None where nothing succeeded.
    """

    rate: float
    p95: float | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One endpoint in the measured part so far."""

    name: str
    method: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Failing:
    """Failures of one kind at one endpoint."""

    count: int
    kind: str
    name: str
    method: str


class Trends:
    """Of one test."""

    def __init__(self) -> None:
        self._seconds: dict[int, Second] = {}
        self._values: dict[str, deque[tuple[float, float]]] = {}
        self._done: deque[tuple[float, int]] = deque()
        self._next_look = 0.0
        self.entries: list[Entry] = []
        """Endpoints, failing first, then slowest."""
        self.failing: list[Failing] = []
        """Failures, most frequent first."""

    def note(self, progress: Progress) -> None:
        """Remember how it stands."""
        self._note_seconds(progress)
        for verdict in progress.verdicts:
            if verdict.observed is not None:
                values = self._values.setdefault(verdict.rule, deque())
                values.append((progress.elapsed, verdict.observed))
                _forget(values, progress.elapsed - _LOOK_BACK)
        if progress.goal is not None:
            self._done.append((progress.elapsed, progress.goal.done))
            _forget(self._done, progress.elapsed - 2 * _LOOK_BACK)
        if time.monotonic() >= self._next_look:
            self._look_at_entries(progress)

    def seconds(self) -> list[Second]:
        """The last ones, whole and without gaps, the latest at the end."""
        if not self._seconds:
            return []
        last = max(self._seconds)
        nothing = Second(0.0, None)
        return [self._seconds.get(each, nothing) for each in range(min(self._seconds), last + 1)]

    def trend(self, verdict: Verdict) -> Trend:
        """Which way a rule's value has been going over the last seconds; empty where nobody can say."""
        values = self._values.get(verdict.rule)
        rule = rule_of(verdict.rule)
        condition = None if rule is None else rule.fail or rule.warn
        if values is None or len(values) < 2 or condition is None or verdict.limit is None:
            return ""
        before, now = values[0][1], values[-1][1]
        change = now - before
        if abs(change) <= _STEADY * max(abs(before), abs(now)):
            return "steady"
        if condition.operator in ("<", "<="):
            change = -change  # it is broken by what is too small
        elif condition.operator not in (">", ">="):
            change = abs(now - verdict.limit) - abs(before - verdict.limit)
        return "worse" if change > 0 else "better"

    def seconds_left(self, total: int) -> float | None:
        """How long the goal still takes at the pace of the last seconds; None where nobody can say."""
        if len(self._done) < 2:
            return None
        (since, first), (now, last) = self._done[0], self._done[-1]
        if last <= first or now - since < 1:
            return None
        return max(0, total - last) * (now - since) / (last - first)

    def _note_seconds(self, progress: Progress) -> None:
        record, whole = progress.snapshot.record, int(progress.snapshot.measured_to)
        known = max(self._seconds, default=-1)
        for second in range(max(0, min(known + 1, whole - _LATE), whole - 100), whole):
            tallies = record.recent(second + 1, 1)
            count = sum(tally.count for tally in tallies.values())
            self._seconds[second] = Second(float(count), merged(tallies, ("success",)).response.quantile(0.95))
        for second in [each for each in self._seconds if each < whole - KEPT]:
            del self._seconds[second]

    def _look_at_entries(self, progress: Progress) -> None:
        began = time.monotonic()
        record, seconds = progress.snapshot.record, progress.snapshot.duration
        entries, failing = [], []
        for key in record.keys():  # noqa: SIM118 - it is no mapping
            if group_of(key[1]) not in ("request", "span"):
                continue
            tallies = record.tallies(key)
            entries.append(Entry(key[0], key[1], figures_of(tallies, seconds)))
            failing += [Failing(count, kind, key[0], key[1]) for kind, count in _kinds(tallies).items()]
        self.entries = sorted(
            entries, key=lambda each: (-each.figures.failures, -(each.figures.good.quantile(0.95) or 0.0), each.name)
        )
        self.failing = sorted(failing, key=lambda each: (-each.count, each.kind, each.name))
        took = time.monotonic() - began
        self._next_look = time.monotonic() + max(_AT_LEAST_BETWEEN, _COST * took)


def _kinds(tallies: Tallies) -> Counter[str]:
    failed = tallies.get("failure")
    counts: Counter[str] = Counter()
    if failed is not None:
        counts.update(failed.kinds)
        counts[NO_KIND] += failed.count - sum(failed.kinds.values())
    return +counts


def _forget(values: deque[tuple[float, int]] | deque[tuple[float, float]], before: float) -> None:
    """Keep the last value that is old enough, and all after it."""
    while len(values) > 1 and values[1][0] <= before:
        values.popleft()
