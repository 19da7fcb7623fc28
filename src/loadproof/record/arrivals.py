"""What became of the arrivals of an open model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loadproof.record.compact import from_text, to_text
from loadproof.record.histogram import BITS, Histogram


class ArrivalCounts:
    """Counts over the arrivals that were due in one part of a run.

    An arrival counts in the second in which it was due, in all respects, even where it is started in the next one.

    Args:
        bits: Sub-bits of ``lag``.
        dense: Whether ``lag`` spends less memory on neighbouring buckets.

    Attributes:
        offered: Arrivals that were due.
        started: Of these, iterations that were started.
        dropped: Of these, arrivals that nobody was free for in time: ``offered - started`` once all are settled.
        late: Of those started, the ones that started more than 10 ms after their time.
        lag: How much later than intended iterations started.
    """

    __slots__ = ("dropped", "lag", "late", "offered", "started")

    def __init__(self, bits: int = BITS, *, dense: bool = False) -> None:
        self.offered = self.started = self.dropped = self.late = 0
        self.lag = Histogram(bits, dense=dense)

    def merge(self, other: ArrivalCounts) -> None:
        """Add what another counted."""
        self.offered += other.offered
        self.started += other.started
        self.dropped += other.dropped
        self.late += other.late
        self.lag.merge(other.lag)

    def pack(self) -> list[Any]:
        """All of it as a list of what msgpack takes."""
        return [self.offered, self.started, self.dropped, self.late, self.lag.pack()]

    @classmethod
    def unpack(cls, packed: list[Any]) -> ArrivalCounts:
        """The inverse of ``pack``.

        Raises:
            ValueError: It is not what ``pack`` makes.
            TypeError: Neither are its parts.
        """
        counts = cls()
        counts.offered, counts.started, counts.dropped, counts.late, lag = packed
        counts.lag = Histogram.unpack(lag)
        return counts

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "offered": self.offered,
            "started": self.started,
            "dropped": self.dropped,
            "late": self.late,
            "lag": to_text(self.lag.encode()),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> ArrivalCounts:
        """The inverse of ``to_json``.

        Raises:
            ValueError: A value is not what ``to_json`` makes.
            KeyError: Something is missing.
        """
        counts = cls()
        counts.offered, counts.started = document["offered"], document["started"]
        counts.dropped, counts.late = document["dropped"], document["late"]
        counts.lag = Histogram.decode(from_text(document["lag"]))
        return counts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArrivalCounts) and self.pack() == other.pack()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        figures = f"{self.offered} offered, {self.started} started, {self.dropped} dropped, {self.late} late"
        return f"<ArrivalCounts: {figures}>"


@dataclass(frozen=True, slots=True)
class ArrivalWindow:
    """What became of the arrivals that were due in one part of a run.

    Attributes:
        start: Its start, in seconds since the run's start.
        end: Its end, which belongs to the next one.
        arrivals: What was counted, on its own; all zero where none was due.
    """

    start: float
    end: float
    arrivals: ArrivalCounts
