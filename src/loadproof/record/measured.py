"""The counts of a run from some second on, which may become known long after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadproof.record.counts import Counts
from loadproof.record.held import Held

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadproof.record.arrivals import ArrivalCounts
    from loadproof.record.tally import Key, Tallies


PROVISIONAL_BITS = 5
"""Sub-bits that are left to what counts for the time being before anything else loses precision."""


class Measured:
    """Counts from one whole second on: the first one, until another is named.

    Extremes and quantiles cannot be taken out of counts again. So what ends before ``hold_back`` is also kept in
    pieces, and what ends later also on its own; once the second is named, the counts are put together anew from both.

    Args:
        hold_back: Latest second that will be named; 0 when none will be, or before anything is counted.

    Attributes:
        counts: What counts as things stand; for reading.
        start: The second from which on.
    """

    def __init__(self, hold_back: int = 0) -> None:
        self.counts = Counts()
        self.start = 0
        self._end = 0  # of the last second in which something counted
        self._held = Held(hold_back) if hold_back > 0 else None
        self._later = Counts()  # what counts, but for what is held

    def add(self, second: int, entries: Mapping[Key, Tallies], together: Tallies) -> None:
        """Count samples that ended in a second; ``together`` is the sum of those that count in totals."""
        if not self._counts_in(second):
            return
        self.counts.add(entries, together)
        if self._held is not None:
            if second < self._held.until:
                self._held.add(second, entries)
            else:
                self._later.add(entries, together)

    def add_arrivals(self, second: int, arrivals: ArrivalCounts) -> None:
        """Count arrivals that were due in a second."""
        if not self._counts_in(second):
            return
        self.counts.arrivals.merge(arrivals)
        if self._held is not None:
            if second < self._held.until:
                self._held.add_arrivals(second, arrivals)
            else:
                self._later.arrivals.merge(arrivals)

    def _counts_in(self, second: int) -> bool:
        if second < self.start:
            return False
        self._end = max(self._end, second + 1)
        return True

    def settle(self, before: int) -> None:
        """Encode what is held of the seconds before one, from which nothing more is expected."""
        if self._held is not None:
            self._held.settle(before)

    def measure_from(self, second: int, *, final: bool = False) -> int:
        """Leave out what ended before a second, of all that was counted and of all that will be.

        Args:
            second: From which on it counts; one before ``start`` changes nothing.
            final: Whether no later second will be named, so that nothing needs to be held back any more.

        Returns:
            The second from which on it counts: the one asked for, or a little later where pieces have been joined.

        Raises:
            ValueError: It is too late for that: what ended before and after it can no longer be told apart.
        """
        if second >= self._end:  # nothing was counted yet that will count
            self.start = max(self.start, second)
            self._later = Counts(self.bits)
        elif second <= self.start:
            if final:
                self._release()
            return self.start
        elif self._held is not None and second <= self._held.until:
            self.start = self._held.border(second)
        else:
            raise ValueError(f"what ended before second {second} can no longer be told from what ended later")
        self.counts, self._later = self._later, Counts(self.bits)
        if self._held is not None:
            self._held.drop(self.start)
            self._later.merge(self.counts)
            for entries, arrivals in self._held.parts():
                self.counts.add(entries)
                self.counts.arrivals.merge(arrivals)
            if final or self._held.until <= self.start:
                self._release()
        return self.start

    def _release(self) -> None:
        """Hold nothing back any more."""
        self._held, self._later = None, Counts(self.bits)

    @property
    def bits(self) -> int:
        """Sub-bits that the histograms of entries have in the end."""
        return (self.counts if self._held is None else self._later).bits

    def coarsen(self, bits: int) -> None:
        """Make the histograms of entries at most ``bits`` sub-bits fine; what is held stays as it is."""
        self.counts.coarsen(bits)
        self._later.coarsen(bits)

    def ease(self) -> bool:
        """Spare memory without a loss in the end: of what counts for the time being a bit; False without such."""
        if self._held is None or self.counts.bits <= PROVISIONAL_BITS:
            return False
        self.counts.coarsen(self.counts.bits - 1)
        return True

    def memory(self) -> int:
        """About how many bytes entries take."""
        return self.counts.memory() + self._later.memory() + (0 if self._held is None else self._held.size)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values: while something is held, ``counts`` are of what ended later."""
        return {
            "start": self.start,
            "end": self._end,
            "held": None if self._held is None else self._held.to_json(),
            "counts": (self.counts if self._held is None else self._later).to_json(),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Measured:
        """The inverse of ``to_json``.

        Raises:
            ValueError: A value is not what ``to_json`` makes.
            KeyError: Something is missing.
        """
        measured = cls()
        measured.start, measured._end = document["start"], document["end"]
        measured.counts = Counts.from_json(document["counts"])
        measured.counts.unfold()
        if document["held"] is not None:
            measured._later = Counts(measured.counts.bits)
            measured._later.merge(measured.counts)
            measured._held = Held.from_json(document["held"])
            for entries, arrivals in measured._held.parts():
                measured.counts.add(entries)
                measured.counts.arrivals.merge(arrivals)
        return measured
