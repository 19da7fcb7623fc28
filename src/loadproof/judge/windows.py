"""Rules on windows of time, and on a part of the run: what they are judged on is put together while the run goes on.

Windows are not kept, as the run's record keeps no second for long. So each such rule is watched by a ``Watch``, which
takes one second after another and knows at any time the one value that decides: the worst that any window came to. The
rule is broken where that value breaks it, and what is shown is what was judged.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

from loadproof.judge.observed import Counted, Observed, observe_counted
from loadproof.record import ArrivalCounts
from loadproof.record.tally import add_tallies
from loadproof.result import Observation
from loadproof.units import format_duration

if TYPE_CHECKING:
    from loadproof.plan import Threshold
    from loadproof.record import Tallies


class _Judge(Protocol):
    """Takes seconds, and knows the worst window."""

    def add(self, end: float, counted: Counted) -> None:
        """Take what was counted in the time before ``end``."""

    def seen(self) -> Observed:
        """What the rule is judged on."""


class Watch:
    """Watches a run by one rule.

    Args:
        threshold: A rule on windows, or one that leaves out a start (``Threshold.is_partial``).
        measured_from: Start of the part that is judged, seconds since the run's start.
    """

    def __init__(self, threshold: Threshold, measured_from: float) -> None:
        self.threshold = threshold
        self._from = measured_from + threshold.after
        self._judge: _Judge
        if threshold.span is None:
            self._judge = _Rest(threshold)
        elif threshold.span.kind == "for":
            self._judge = _Lasting(threshold, threshold.span.seconds)
        else:
            early = threshold.span.kind == "within"
            self._judge = _Rolling(threshold, threshold.span.seconds, early=early)

    def add(self, start: float, end: float, tallies: Tallies, arrivals: ArrivalCounts) -> None:
        """Take what was counted in a time, of the entries that the rule selects; times come in their order."""
        if start >= self._from and end > start:
            self._judge.add(end, Counted(tallies, arrivals, end - start))

    def seen(self) -> Observation:
        """What the rule is judged on as things stand."""
        seen = self._judge.seen()
        return Observation(self.threshold.text, seen.value, seen.n, seen.interval, seen.at, seen.missing)


def _is_upper(threshold: Threshold) -> bool:
    """Whether large values break the rule."""
    condition = threshold.fail or threshold.warn
    return condition is not None and condition.operator in (">", ">=")


class _Rest:
    """All that comes, together: of a rule that leaves out a start."""

    def __init__(self, threshold: Threshold) -> None:
        self._threshold = threshold
        self._all = _Sum()

    def add(self, end: float, counted: Counted) -> None:  # noqa: ARG002 - there is no window
        self._all.add(counted)

    def seen(self) -> Observed:
        if not self._all.seconds:
            after = format_duration(self._threshold.after)
            return Observed(None, 0, missing=f"the measured part did not last longer than {after}")
        return observe_counted(self._threshold, self._all.counted())


class _Known(NamedTuple):
    """A second that could be judged."""

    start: float
    end: float
    value: float
    n: int


class _Lasting:
    """``for``: the worst value that was kept up for so long.

    A window reaches from one second that could be judged to another, and is at least as long as the rule says; it keeps
    up the best of the values in it. A second that says nothing, as no request ended in it, neither ends a window nor
    makes it longer by itself.
    """

    def __init__(self, threshold: Threshold, seconds: int) -> None:
        self._threshold = threshold
        self._seconds = seconds
        self._sign = 1.0 if _is_upper(threshold) else -1.0
        self._known: deque[_Known] = deque()
        self._best: deque[_Known] = deque()  # candidates for the best value of the window, ascending
        self._samples = 0
        self._worst: Observed | None = None
        self._last_missing = "nothing was counted"

    def add(self, end: float, counted: Counted) -> None:
        seen = observe_counted(self._threshold, counted)
        if seen.value is None:
            self._last_missing = seen.missing
            return
        known = _Known(end - counted.seconds, end, self._sign * seen.value, seen.n)
        self._known.append(known)
        self._samples += seen.n
        while self._best and self._best[-1].value >= known.value:
            self._best.pop()
        self._best.append(known)
        while len(self._known) > 1 and end - self._known[1].start >= self._seconds:
            self._samples -= self._known.popleft().n
        while self._best[0].start < self._known[0].start:
            self._best.popleft()
        if end - self._known[0].start < self._seconds:
            return
        value = self._sign * self._best[0].value
        if self._worst is None or self._worst.value is None or self._best[0].value > self._sign * self._worst.value:
            self._worst = Observed(value, self._samples, at=end)

    def seen(self) -> Observed:
        if self._worst is not None:
            return self._worst
        if not self._known:
            return Observed(None, 0, missing=f"no second could be judged: {self._last_missing}")
        return Observed(None, 0, missing=f"less than {format_duration(self._seconds)} could be judged")


class _Rolling:
    """``over`` and ``within``: the worst that all of so long a time together came to.

    Args:
        threshold: The rule.
        seconds: Length of the window.
        early: Whether a window counts that is not yet that long: ``within``.
    """

    def __init__(self, threshold: Threshold, seconds: int, *, early: bool) -> None:
        self._threshold = threshold
        self._seconds = seconds
        self._early = early
        self._upper = _is_upper(threshold)
        # A queue as two stacks: sums over all that follow in the older one, one sum over all of the newer one.
        self._older: list[tuple[float, _Sum]] = []
        self._newer: list[tuple[float, Counted]] = []
        self._together = _Sum()
        self._worst: Observed | None = None
        self._missing = "nothing was counted"
        self._filled = False

    def add(self, end: float, counted: Counted) -> None:
        start = end - counted.seconds
        self._newer.append((start, counted))
        self._together.add(counted)
        while (oldest := self._oldest()) < end - self._seconds:
            self._drop()
        full = end - oldest >= self._seconds
        self._filled = self._filled or full
        if not full and not self._early:
            return
        seen = observe_counted(self._threshold, self._window())
        if seen.value is None:
            self._missing = seen.missing
        elif self._worst is None or self._worst.value is None or self._is_worse(seen.value, self._worst.value):
            self._worst = seen._replace(at=end)

    def _is_worse(self, value: float, than: float) -> bool:
        return value > than if self._upper else value < than

    def _oldest(self) -> float:
        return self._older[-1][0] if self._older else self._newer[0][0]

    def _drop(self) -> None:
        if not self._older:
            whole = _Sum()
            for start, counted in reversed(self._newer):
                whole = whole.copy()
                whole.add(counted)
                self._older.append((start, whole))
            self._newer.clear()
            self._together = _Sum()
        self._older.pop()

    def _window(self) -> Counted:
        if not self._older:
            return self._together.counted()
        whole = self._older[-1][1].copy()
        whole.add(self._together.counted())
        return whole.counted()

    def seen(self) -> Observed:
        if self._worst is not None:
            return self._worst
        if not self._filled and not self._early:
            return Observed(None, 0, missing=f"less than {format_duration(self._seconds)} were measured")
        return Observed(None, 0, missing=f"no window could be judged: {self._missing}")


class _Sum:
    """What was counted in several times together."""

    def __init__(self) -> None:
        self._tallies: Tallies = {}
        self._arrivals = ArrivalCounts()
        self.seconds = 0.0

    def add(self, counted: Counted) -> None:
        """Add another time."""
        add_tallies(self._tallies, counted.tallies)
        self._arrivals.merge(counted.arrivals)
        self.seconds += counted.seconds

    def counted(self) -> Counted:
        """All of it, which goes on changing."""
        return Counted(self._tallies, self._arrivals, self.seconds)

    def copy(self) -> _Sum:
        """The same, on its own."""
        other = _Sum()
        other.add(self.counted())
        return other
