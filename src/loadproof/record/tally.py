"""What is counted of the requests of one entry that came out the same way."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import msgpack

from loadproof.record.compact import deflated, from_text, inflated, to_text
from loadproof.record.histogram import BITS, Histogram
from loadproof.record.sample import OUTCOMES, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loadproof.record.sample import Sample

Key = tuple[str, str]
"""Name and method of an entry."""

OTHER = "other"
"""Kind that takes every further kind of error once a tally has its fill."""

_KINDS = 100


class Tally:
    """Counts over samples of one name, method and outcome, or over several such.

    Args:
        bits: Sub-bits of its histograms; fewer take less memory.
        dense: Whether its histograms spend less memory on neighbouring buckets.

    Attributes:
        response: Response times.
        own_service: Service times; None while each equals its response time. For this package, others read
            ``service``.
        first_byte: Times from the send to the first byte of the answer, connecting included; None while no sample has
            one, as most have whose answers come in one piece.
        statuses: HTTP status to the number of answers with it; entries without a status are in none.
        kinds: Kind of error to its number; at most 100, ``other`` holds the rest.
        bytes_sent: Body bytes sent.
        bytes_received: Body bytes received.
        untimed: Samples without a time: counted, and in no histogram.
    """

    __slots__ = (
        "bytes_received", "bytes_sent", "first_byte", "kinds", "own_service", "response", "statuses", "untimed",
    )  # fmt: skip

    def __init__(self, bits: int = BITS, *, dense: bool = False) -> None:
        self.response = Histogram(bits, dense=dense)
        self.own_service: Histogram | None = None
        self.first_byte: Histogram | None = None
        self.statuses: dict[int, int] = {}
        self.kinds: dict[str, int] = {}
        self.bytes_sent = 0
        self.bytes_received = 0
        self.untimed = 0

    @property
    def count(self) -> int:
        """Number of samples, those without a time included."""
        return self.response.count + self.untimed

    @property
    def service(self) -> Histogram:
        """Service times; the response times themselves where no sample's two differ."""
        return self.response if self.own_service is None else self.own_service

    def add(self, sample: Sample) -> None:
        """Count a sample; that it belongs here is for the caller to see to."""
        if sample.clock == "none":
            self.untimed += 1
        else:
            response_ns = in_ns(sample.response_time)
            self.add_service(in_ns(sample.service_time), response_ns)
            self.response.record(response_ns)
            if sample.first_byte_at is not None:
                connecting = sample.connect_time + sample.tls_time
                self.add_first_byte(in_ns(connecting + sample.first_byte_at - sample.sent_at))
        if sample.status is not None:
            self.statuses[sample.status] = self.statuses.get(sample.status, 0) + 1
        if sample.kind is not None:
            self.add_kinds({sample.kind: 1})
        self.bytes_sent += sample.bytes_sent
        self.bytes_received += sample.bytes_received

    def add_service(self, service_ns: int, response_ns: int) -> None:
        """Count a service time, before its response time is; where all are equal they are not kept twice."""
        if self.own_service is None:
            if service_ns == response_ns:
                return
            self.own_service = self.response.copy()
        self.own_service.record(service_ns)

    def add_first_byte(self, ns: int) -> None:
        """Count the time to the first byte of an answer."""
        if self.first_byte is None:
            self.first_byte = Histogram(self.response.bits)
        self.first_byte.record(ns)

    def merge(self, other: Tally) -> None:
        """Add what another counted."""
        if self.own_service is None and other.own_service is not None:
            self.own_service = self.response.copy()
        if self.own_service is not None:
            self.own_service.merge(other.service)
        self.response.merge(other.response)
        if other.first_byte is not None:
            if self.first_byte is None:
                self.first_byte = Histogram(self.response.bits, dense=not isinstance(self.response.counts, dict))
            self.first_byte.merge(other.first_byte)
        for status, n in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + n
        if other.kinds:
            self.add_kinds(other.kinds)
        self.bytes_sent += other.bytes_sent
        self.bytes_received += other.bytes_received
        self.untimed += other.untimed

    def add_kinds(self, kinds: Mapping[str, int]) -> None:
        """Count errors."""
        own = self.kinds
        for kind, n in kinds.items():
            known = kind if kind in own or len(own) < _KINDS - 1 else OTHER
            own[known] = own.get(known, 0) + n

    def histograms(self) -> list[Histogram]:
        """The histograms that it keeps: one to three."""
        kept = (self.response, self.own_service, self.first_byte)
        return [histogram for histogram in kept if histogram is not None]

    def pack(self) -> list[Any]:
        """All of it as a list of what msgpack takes."""
        service = None if self.own_service is None else self.own_service.pack()
        first_byte = [] if self.first_byte is None else [self.first_byte.pack()]
        counts = [self.statuses, self.kinds, self.bytes_sent, self.bytes_received, self.untimed]
        return [self.response.pack(), service, *counts, *first_byte]

    @classmethod
    def unpack(cls, packed: list[Any]) -> Tally:
        """The inverse of ``pack``."""
        response, service, statuses, kinds, bytes_sent, bytes_received, untimed, *first_byte = packed
        tally = cls()
        tally.response = Histogram.unpack(response)
        tally.own_service = None if service is None else Histogram.unpack(service)
        tally.first_byte = Histogram.unpack(first_byte[0]) if first_byte else None
        tally.statuses, tally.kinds = statuses, kinds
        tally.bytes_sent, tally.bytes_received, tally.untimed = bytes_sent, bytes_received, untimed
        return tally

    def encode(self) -> bytes:
        """All of it in few bytes."""
        return deflated(msgpack.packb(self.pack(), unicode_errors="surrogatepass"))

    @classmethod
    def decode(cls, data: bytes) -> Tally:
        """The inverse of ``encode``.

        Raises:
            ValueError: These are not the bytes of a tally.
        """
        try:
            return cls.unpack(_unpackb(data))
        except (ValueError, TypeError, zlib.error) as error:
            raise ValueError(f"not an encoded tally: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values; histograms are their encoded bytes in base64."""
        document: dict[str, Any] = {"response_time": to_text(self.response.encode())}
        if self.own_service is not None:
            document["service_time"] = to_text(self.own_service.encode())
        if self.first_byte is not None:
            document["first_byte_time"] = to_text(self.first_byte.encode())
        return document | {
            "statuses": {str(status): n for status, n in self.statuses.items()},
            "kinds": dict(self.kinds),
            "bytes_sent": self.bytes_sent,
            "bytes_received": self.bytes_received,
            "untimed": self.untimed,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Tally:
        """The inverse of ``to_json``.

        Raises:
            ValueError: A histogram is none.
            KeyError: Something is missing.
        """
        service, first_byte = document.get("service_time"), document.get("first_byte_time")
        tally = cls()
        tally.response = Histogram.decode(from_text(document["response_time"]))
        tally.own_service = None if service is None else Histogram.decode(from_text(service))
        tally.first_byte = None if first_byte is None else Histogram.decode(from_text(first_byte))
        tally.statuses = {int(status): n for status, n in document["statuses"].items()}
        tally.kinds = dict(document["kinds"])
        tally.bytes_sent, tally.bytes_received = document["bytes_sent"], document["bytes_received"]
        tally.untimed = document["untimed"]
        return tally

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and self.pack() == other.pack()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"<Tally of {self.count}, statuses {self.statuses}, kinds {self.kinds}>"


Tallies = dict[Outcome, Tally]
"""Outcome to its tally; an outcome that never occurred is absent."""


def in_ns(seconds: float) -> int:
    """Whole nanoseconds, as near as they come."""
    return int(seconds * 1e9 + 0.5)


def merged(tallies: Mapping[Outcome, Tally], outcomes: Iterable[Outcome] = OUTCOMES) -> Tally:
    """One tally over some outcomes, on its own; an empty one when none of them occurred."""
    whole = Tally()
    for outcome in outcomes:
        if outcome in tallies:
            whole.merge(tallies[outcome])
    return whole


def add_tallies(to: Tallies, tallies: Mapping[Outcome, Tally], *, bits: int = BITS, dense: bool = False) -> None:
    """Add tallies to others, outcome by outcome; one that is new in ``to`` is made with ``bits`` and ``dense``."""
    for outcome, tally in tallies.items():
        own = to.get(outcome)
        if own is None:
            own = to[outcome] = Tally(bits, dense=dense)
        own.merge(tally)


def pack_tallies(tallies: Mapping[Outcome, Tally]) -> list[Any]:
    """Tallies as a list of what msgpack takes."""
    return [[OUTCOMES.index(outcome), tally.pack()] for outcome, tally in tallies.items()]


def unpack_tallies(packed: list[Any]) -> Tallies:
    """The inverse of ``pack_tallies``."""
    return {OUTCOMES[number]: Tally.unpack(tally) for number, tally in packed}


def pack_entries(entries: Mapping[Key, Mapping[Outcome, Tally]]) -> list[Any]:
    """Tallies of entries as a list of what msgpack takes."""
    return [[name, method, pack_tallies(tallies)] for (name, method), tallies in entries.items()]


def unpack_entries(packed: list[Any]) -> dict[Key, Tallies]:
    """The inverse of ``pack_entries``."""
    return {(name, method): unpack_tallies(tallies) for name, method, tallies in packed}


def encode_tallies(tallies: Mapping[Outcome, Tally]) -> bytes:
    """Tallies in few bytes."""
    ordered = {outcome: tallies[outcome] for outcome in OUTCOMES if outcome in tallies}
    return deflated(msgpack.packb(pack_tallies(ordered), unicode_errors="surrogatepass"))


def decode_tallies(data: bytes) -> Tallies:
    """The inverse of ``encode_tallies``."""
    return unpack_tallies(_unpackb(data))


def tallies_to_json(tallies: Mapping[Outcome, Tally]) -> dict[str, Any]:
    """Tallies as JSON values."""
    return {outcome: tally.to_json() for outcome, tally in tallies.items()}


def tallies_from_json(document: Mapping[Outcome, Any]) -> Tallies:
    """The inverse of ``tallies_to_json``."""
    return {outcome: Tally.from_json(tally) for outcome, tally in document.items()}


def _unpackb(data: bytes) -> Any:
    return msgpack.unpackb(inflated(data), strict_map_key=False, unicode_errors="surrogatepass")
