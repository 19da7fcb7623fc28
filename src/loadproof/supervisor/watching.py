"""Watches a run by the rules on windows, and on a part of the run, second by second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.judge import Watch
from loadproof.judge.observed import selected
from loadproof.record import Counts
from loadproof.result import paused_within

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadproof.plan import Threshold
    from loadproof.record import Delta, RunRecord
    from loadproof.result import Intervention, Observation

_LATE = 0.5
"""Seconds after a second's end in which what becomes of its last arrivals may still be reported."""


class Watching:
    """What the rules of a run that are about windows have seen.

    Args:
        rules: All rules of the run; the others do not matter here.
        record: What is counted.
    """

    def __init__(self, rules: Iterable[Threshold], record: RunRecord) -> None:
        self._rules = [rule for rule in rules if rule.is_partial]
        self._record = record
        self._watches: list[Watch] = []
        self._seconds: dict[int, Counts] = {}
        self._next = 0
        self._seen: dict[str, Observation] = {}
        self.interventions: tuple[Intervention, ...] = ()
        """What the user did to the run; seconds in which it was paused say nothing of the service."""

    def begin(self, measured_from: float) -> None:
        """The measured part begins; what was watched before is left out."""
        self._watches = [Watch(rule, measured_from) for rule in self._rules]
        self._next = max(self._next, int(measured_from))

    def expect(self, delta: Delta) -> None:
        """Have seconds watched that a report is about; before the record takes it."""
        if not self._rules:
            return
        for second in (*delta.windows, *delta.arrivals):
            if second >= self._next and second not in self._seconds:
                self._seconds[second] = self._record.watch(second, second + 1)

    def turn(self, reported_until: float) -> None:
        """Judge the seconds that everybody has reported."""
        while self._watches and self._next + 1 <= reported_until - _LATE:
            self._judge(self._next, self._next + 1.0)
            self._next += 1

    def finish(self, measured_to: float) -> None:
        """Judge what is left; the last second may be a part of one."""
        while self._watches and self._next < measured_to:
            self._judge(self._next, min(self._next + 1.0, measured_to))
            self._next += 1

    def _judge(self, second: int, end: float) -> None:
        counts = self._seconds.pop(second, None) or Counts()
        self._record.forget(counts)
        if end - second < _SHORTEST or paused_within(self.interventions, second, end):
            return
        for watch in self._watches:
            watch.add(float(second), end, selected(watch.threshold, counts.select), counts.arrivals)

    def keep(self, seen: Observation) -> None:
        """Keep what a rule ended the run on: it is judged on that, whatever came after it."""
        self._seen.setdefault(seen.rule, seen)

    def observations(self) -> tuple[Observation, ...]:
        """What the rules are judged on as things stand."""
        return tuple(({watch.threshold.text: watch.seen() for watch in self._watches} | self._seen).values())


_SHORTEST = 0.2
"""Seconds of a run's last second that say anything of it."""
