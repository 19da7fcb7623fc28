"""What became of the arrivals of an open model."""

from __future__ import annotations

from typing import Any

from loadproof.record.compact import from_text, to_text
from loadproof.record.histogram import Histogram


class ArrivalCounts:
    """Counts over the arrivals that were due in one part of a run.

    Attributes:
        offered: Arrivals that were due.
        started: Of these, iterations that were started.
        dropped: Of these, arrivals that nobody was free for in time: ``offered - started`` once all are settled.
        late: Of those started, the ones that started more than 10 ms after their time.
        lag: How much later than intended iterations started.
    """

    __slots__ = ("dropped", "lag", "late", "offered", "started")

    def __init__(self) -> None:
        self.offered = self.started = self.dropped = self.late = 0
        self.lag = Histogram()

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
        """The inverse of ``pack``."""
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
        """The inverse of ``to_json``."""
        counts = cls()
        counts.offered, counts.started = document["offered"], document["started"]
        counts.dropped, counts.late = document["dropped"], document["late"]
        counts.lag = Histogram.decode(from_text(document["lag"]))
        return counts
