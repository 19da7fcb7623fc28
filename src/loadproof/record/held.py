"""The first part of a run, kept apart in pieces until it is known from where on it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgpack

from loadproof.record.arrivals import ArrivalCounts
from loadproof.record.compact import deflated, from_text, inflated, to_text
from loadproof.record.tally import Key, Tallies, add_tallies, pack_entries, unpack_entries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_PIECES = 60

MOST_BYTES = 8_000_000
"""Bytes of all pieces: a minute of 200 entries, each with 50 requests a second, takes 1.5 million."""


class _Part:
    """What was counted in a piece, or in a part of it."""

    __slots__ = ("arrivals", "entries")

    def __init__(self) -> None:
        self.entries: dict[Key, Tallies] = {}
        self.arrivals = ArrivalCounts()

    def add(self, entries: Mapping[Key, Tallies]) -> None:
        for key, tallies in entries.items():
            add_tallies(self.entries.setdefault(key, {}), tallies)

    def encode(self) -> bytes:
        fields = [pack_entries(self.entries), self.arrivals.pack()]
        return deflated(msgpack.packb(fields, unicode_errors="surrogatepass"))

    @classmethod
    def decode(cls, data: bytes) -> _Part:
        entries, arrivals = msgpack.unpackb(inflated(data), strict_map_key=False, unicode_errors="surrogatepass")
        part = cls()
        part.entries, part.arrivals = unpack_entries(entries), ArrivalCounts.unpack(arrivals)
        return part


class Held:
    """Counts at full precision in pieces of whole seconds, all equally wide, encoded once they are complete.

    Pieces are of one second, and are joined by twos when they become more than 60, or too many bytes. To join is to
    put them side by side; one is made of two later, one at a time, so that no single call takes long.

    Args:
        until: First second that is not held.
    """

    def __init__(self, until: int) -> None:
        self.until = until
        self._width = 1
        self._open: dict[int, _Part] = {}  # by second
        self._pieces: dict[int, tuple[bytes, ...]] = {}  # by number
        self.size = 0  # bytes of all pieces

    def add(self, second: int, entries: Mapping[Key, Tallies]) -> None:
        """Count samples that ended in a second."""
        self._open.setdefault(second, _Part()).add(entries)

    def add_arrivals(self, second: int, arrivals: ArrivalCounts) -> None:
        """Count arrivals that were due in a second."""
        self._open.setdefault(second, _Part()).arrivals.merge(arrivals)

    def settle(self, before: int) -> None:
        """Encode what lies before a second, and keep to the limits."""
        for second in [second for second in self._open if second < before]:
            piece = self._open.pop(second).encode()
            self.size += len(piece)
            self._append(second // self._width, (piece,))
        while len(self._pieces) > MOST_PIECES:
            self._join()
        # Seconds of a piece that is not complete yet are put together at its end.
        end = before // self._width
        loose = next((number for number, parts in self._pieces.items() if len(parts) > 1 and number < end), None)
        if loose is not None:
            self._tidy(loose)
        elif self.size > MOST_BYTES and len(self._pieces) > 1:
            self._join()

    def _append(self, number: int, parts: tuple[bytes, ...]) -> None:
        self._pieces[number] = self._pieces.get(number, ()) + parts

    def _join(self) -> None:
        self._width *= 2
        pieces, self._pieces = self._pieces, {}
        for number, parts in pieces.items():
            self._append(number // 2, parts)

    def _tidy(self, number: int) -> None:
        """Make one part of several."""
        parts = self._pieces[number]
        whole = _Part()
        for part in map(_Part.decode, parts):
            whole.add(part.entries)
            whole.arrivals.merge(part.arrivals)
        piece = whole.encode()
        self.size += len(piece) - sum(map(len, parts))
        self._pieces[number] = (piece,)

    def border(self, second: int) -> int:
        """The first end of a piece that is not before a second, of those up to ``until``."""
        return min(-(-second // self._width) * self._width, self.until)

    def drop(self, before: int) -> None:
        """Hold nothing any more of what was counted before a border."""
        self._open = {second: part for second, part in self._open.items() if second >= before}
        self._pieces = {number: parts for number, parts in self._pieces.items() if number * self._width >= before}
        self.size = self._size()

    def _size(self) -> int:
        return sum(len(part) for parts in self._pieces.values() for part in parts)

    def parts(self) -> Iterator[tuple[dict[Key, Tallies], ArrivalCounts]]:
        """What was counted: any number of parts that add up to it."""
        for part in self._open.values():
            yield part.entries, part.arrivals
        for encoded in self._pieces.values():
            for part in map(_Part.decode, encoded):
                yield part.entries, part.arrivals

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        self.settle(self.until)
        pieces = [[number, *map(to_text, parts)] for number, parts in self._pieces.items()]
        return {"until": self.until, "width_s": self._width, "pieces": pieces}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Held:
        """The inverse of ``to_json``.

        Raises:
            ValueError: A value is not what ``to_json`` makes.
            KeyError: Something is missing.
        """
        held = cls(document["until"])
        held._width = document["width_s"]
        held._pieces = {number: tuple(map(from_text, texts)) for number, *texts in document["pieces"]}
        held.size = held._size()
        return held
