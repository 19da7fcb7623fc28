"""Counts samples by entry, outcome and second, and hands over what is new once a second."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgpack

from loadproof.record.histogram import NS, Histogram
from loadproof.record.sample import OUTCOMES, Outcome, Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Key = tuple[str, str]
"""Name and method of an entry."""

OTHER = "(other)"
"""Where names and kinds of errors go that came after there were too many."""

NAMES_MAX = 2_000
KINDS_MAX = 100
NAME_LENGTH_MAX = 500


class Tally:
    """What is counted of one entry with one outcome.

    Attributes:
        response: Response times.
        statuses: HTTP status -> requests.
        kinds: Kind of error -> requests; at most 100 kinds, the rest in ``(other)``.
        bytes_sent: Body bytes sent.
        bytes_received: Body bytes received.
    """

    __slots__ = ("_service", "bytes_received", "bytes_sent", "kinds", "response", "statuses")

    def __init__(self, bits: int = 10) -> None:
        self.response = Histogram(bits)
        # None means equal to ``response``: so it is in every closed model, at half the memory.
        self._service: Histogram | None = None
        self.statuses: dict[int, int] = {}
        self.kinds: dict[str, int] = {}
        self.bytes_sent = 0
        self.bytes_received = 0

    def __eq__(self, other: object) -> bool:
        """Equal counts."""
        return isinstance(other, Tally) and self._fields() == other._fields()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """For people."""
        return f"<Tally {self.response!r}>"

    def _fields(self) -> tuple[object, ...]:
        return self.response, self.service, self.statuses, self.kinds, self.bytes_sent, self.bytes_received

    @property
    def count(self) -> int:
        """Requests counted."""
        return self.response.count

    @property
    def service(self) -> Histogram:
        """Service times; the response times themselves where no sample's differed."""
        return self.response if self._service is None else self._service

    def add(self, sample: Sample) -> None:
        """Count a sample."""
        response = round((sample.ended_at - sample.intended_at) * NS)
        service = (
            response if sample.sent_at == sample.intended_at and not sample.connect_time and not sample.tls_time
            else round(sample.service_time * NS)
        )  # fmt: skip
        if service != response and self._service is None:
            self._service = self.response.coarse(self.response.bits)
        if self._service is not None:
            self._service.record(service)
        self.response.record(response)
        if sample.status is not None:
            self.statuses[sample.status] = self.statuses.get(sample.status, 0) + 1
        if sample.kind is not None:
            self._count_kind(sample.kind, 1)
        self.bytes_sent += sample.bytes_sent
        self.bytes_received += sample.bytes_received

    def merge(self, other: Tally) -> None:
        """Add another's counts, without loss where both have the same sub-bits."""
        if other._service is not None and self._service is None:
            self._service = self.response.coarse(self.response.bits)
        if self._service is not None:
            self._service.merge(other.service)
        self.response.merge(other.response)
        for status, n in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + n
        for kind, n in other.kinds.items():
            self._count_kind(kind, n)
        self.bytes_sent += other.bytes_sent
        self.bytes_received += other.bytes_received

    def coarse(self, bits: int) -> Tally:
        """The same counts with coarser histograms."""
        result = Tally(bits)
        result.merge(self)
        return result

    def encode(self) -> bytes:
        """Compact bytes."""
        service = None if self._service is None else self._service.encode()
        packed: bytes = msgpack.packb(
            (self.response.encode(), service, self.statuses, self.kinds, self.bytes_sent, self.bytes_received)
        )
        return packed

    @classmethod
    def decode(cls, data: bytes) -> Tally:
        """The inverse of ``encode``."""
        response, service, statuses, kinds, sent, received = msgpack.unpackb(data, strict_map_key=False)
        result = cls()
        result.response = Histogram.decode(response)
        result._service = None if service is None else Histogram.decode(service)
        result.statuses, result.kinds, result.bytes_sent, result.bytes_received = statuses, kinds, sent, received
        return result

    def _count_kind(self, kind: str, n: int) -> None:
        if kind not in self.kinds and len(self.kinds) >= KINDS_MAX:
            kind = OTHER
        self.kinds[kind] = self.kinds.get(kind, 0) + n


Tallies = dict[Outcome, Tally]
"""Only the outcomes that occurred."""


def merged(tallies: Mapping[Outcome, Tally], outcomes: Iterable[Outcome] = OUTCOMES) -> Tally:
    """One tally over some outcomes; an empty one where none of them occurred."""
    result = Tally()
    for outcome in outcomes:
        if outcome in tallies:
            result.merge(tallies[outcome])
    return result


def merge_into(target: Tallies, source: Mapping[Outcome, Tally], bits: int = 10) -> None:
    """Add tallies outcome by outcome."""
    for outcome, tally in source.items():
        if outcome not in target:
            target[outcome] = Tally(bits)
        target[outcome].merge(tally)


@dataclass(slots=True)
class Delta:
    """What one process measured since its last delta.

    Attributes:
        number: 1 for its first, then counted up: a gap means that one was lost.
        worker: Name of the process.
        windows: Whole second of the run -> entry -> what was counted.
        facts: What else the process reports; plain values.
    """

    number: int
    worker: str
    windows: dict[int, dict[Key, Tallies]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Bytes for the wire."""
        series = [
            (second, name, method, outcome, tally.encode())
            for second, entries in self.windows.items()
            for (name, method), tallies in entries.items()
            for outcome, tally in tallies.items()
        ]
        packed: bytes = msgpack.packb((self.number, self.worker, series, self.facts))
        return packed

    @classmethod
    def decode(cls, data: bytes) -> Delta:
        """The inverse of ``encode``."""
        number, worker, series, facts = msgpack.unpackb(data, strict_map_key=False)
        delta = cls(number, worker, {}, facts)
        for second, name, method, outcome, tally in series:
            entries = delta.windows.setdefault(second, {})
            entries.setdefault((name, method), {})[outcome] = Tally.decode(tally)
        return delta


class Recorder:
    """Counts the samples of one process.

    Args:
        worker: Name of the process.
    """

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._number = 0
        self._names: dict[Key, Key] = {}
        self._windows: dict[int, dict[Key, Tallies]] = {}

    def record(self, sample: Sample) -> None:
        """Count a sample in the second in which it ended."""
        second = int(sample.ended_at) if sample.ended_at > 0 else 0
        key = (sample.name, sample.method)
        entries = self._windows.get(second)
        if entries is None:
            entries = self._windows[second] = {}
        known = self._names.get(key) or self._admit(key)
        tallies = entries.get(known)
        if tallies is None:
            tallies = entries[known] = {}
        tally = tallies.get(sample.outcome)
        if tally is None:
            tally = tallies[sample.outcome] = Tally()
        tally.add(sample)

    def interval(self, facts: dict[str, Any]) -> Delta:
        """Everything since the last call, with ``facts``; without windows when nothing was recorded."""
        self._number += 1
        windows, self._windows = self._windows, {}
        return Delta(self._number, self._worker, windows, facts)

    def _admit(self, key: Key) -> Key:
        """The name an entry counts under: its own, cut to size, or ``(other)`` once there are too many."""
        name, method = key
        if len(self._names) >= NAMES_MAX:
            return (OTHER, method)  # not remembered: what is remembered must stay bounded
        admitted = (name[:NAME_LENGTH_MAX], method)
        self._names[key] = admitted
        return admitted
