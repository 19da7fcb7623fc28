"""What was counted in one part of a run: by entry, and together."""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from loadproof.record.arrivals import ArrivalCounts
from loadproof.record.compact import from_text, to_text
from loadproof.record.histogram import BITS
from loadproof.record.recorder import TAG, outside_totals
from loadproof.record.tally import (
    Key,
    Tallies,
    add_tallies,
    decode_tallies,
    encode_tallies,
    tallies_from_json,
    tallies_to_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Counts:
    """Counts of entries, and of all requests together, without a course over time.

    Numbers, sums and extremes are exact; histograms have full precision unless they were made to have less. Entries
    can be kept encoded (``fold``), in a fraction of the memory: what is read is the same, and takes a little longer.

    Args:
        bits: Sub-bits of the histograms of entries.

    Attributes:
        arrivals: What became of arrivals; all zero in a closed model.
        bits: Sub-bits of the histograms of entries; ``coarsen`` makes it less.
    """

    def __init__(self, bits: int = BITS) -> None:
        self._entries: dict[Key, Tallies | bytes] = {}
        self._totals: Tallies = {}
        self.bits = bits
        self.arrivals = ArrivalCounts(dense=True)

    @property
    def samples(self) -> int:
        """Requests, of all outcomes: samples of entries that count in totals."""
        return sum(tally.count for tally in self._totals.values())

    def add(self, entries: Mapping[Key, Tallies], together: Tallies | None = None) -> None:
        """Count what was counted elsewhere.

        Args:
            entries: What was counted of each entry.
            together: Sum over those that count in totals, where it is known; None to have it made.
        """
        for key, tallies in entries.items():
            add_tallies(self._opened(key), tallies, bits=self.bits, dense=True)
        for tallies in together_of(entries) if together is None else (together,):
            add_tallies(self._totals, tallies, dense=True)

    def merge(self, other: Counts) -> None:
        """Add what another counted; of two precisions of an entry the coarser one remains."""
        self.add({key: other._read(key) for key in other._entries}, other._totals)
        self.arrivals.merge(other.arrivals)

    def _opened(self, key: Key) -> Tallies:
        """An entry to be counted in."""
        known = self._entries.get(key)
        if isinstance(known, dict):
            return known
        opened: Tallies = {}
        if known is not None:
            add_tallies(opened, decode_tallies(known), bits=self.bits, dense=True)
        self._entries[key] = opened
        return opened

    def _read(self, key: Key) -> Tallies:
        known = self._entries[key]
        return decode_tallies(known) if isinstance(known, bytes) else known

    def keys(self) -> list[Key]:
        """All entries, sorted by method, then name; without those that are counted once more under a tag."""
        return sorted((key for key in self._entries if TAG not in key[1]), key=lambda key: (key[1], key[0]))

    def tallies(self, key: Key) -> Tallies:
        """What was counted of one entry, on its own; empty when there is no such entry."""
        return self._sum([key] if key in self._entries else [])

    def totals(self) -> Tallies:
        """What was counted of all entries that count in totals, on its own."""
        tallies: Tallies = {}
        add_tallies(tallies, self._totals)
        return tallies

    def select(self, name: str | None = None, method: str | None = None, tag: str = "") -> Tallies:
        """What was counted of some entries, on its own; empty when there are none.

        Args:
            name: An entry's name, or, where there is none of that name, a glob; None for all.
            method: Request type, in whatever case; None for all that count in totals, and for the others only where
                ``name`` is an entry's.
            tag: Of those that were counted once more under this tag; empty for none.
        """
        if name is None and method is None and not tag:
            return self.totals()
        keys = {}  # without their tag, to the entry
        for key in self._entries:
            plain, _, its = key[1].partition(TAG)
            if its == tag and (method is None or plain.upper() == method.upper()):
                keys[key[0], plain] = key
        exact = [key for (own, _), key in keys.items() if own == name]
        if exact:
            return self._sum(exact)
        return self._sum(
            key
            for (own, plain), key in keys.items()
            if (method is not None or not outside_totals(plain)) and (name is None or fnmatchcase(own, name))
        )

    def _sum(self, keys: Iterable[Key]) -> Tallies:
        tallies: Tallies = {}
        for key in keys:
            add_tallies(tallies, self._read(key))
        return tallies

    def fold(self) -> None:
        """Keep all entries encoded; one that is counted in again is opened again."""
        self._entries = {
            key: kept if isinstance(kept, bytes) else encode_tallies(kept) for key, kept in self._entries.items()
        }

    def unfold(self) -> None:
        """Keep no entry encoded."""
        for key in self._entries:
            self._opened(key)

    def coarsen(self, bits: int) -> None:
        """Make the histograms of entries at most ``bits`` sub-bits fine; those of totals and arrivals stay."""
        if bits >= self.bits:
            return
        self.bits = bits
        for key, kept in self._entries.items():
            tallies = self._read(key)
            for tally in tallies.values():
                for histogram in tally.histograms():
                    histogram.coarsen(bits)
            self._entries[key] = encode_tallies(tallies) if isinstance(kept, bytes) else tallies

    def memory(self) -> int:
        """How many bytes the histograms of entries take, or entries that are folded."""
        return sum(
            sys.getsizeof(kept)
            if isinstance(kept, bytes)
            else sum(sys.getsizeof(histogram) for tally in kept.values() for histogram in tally.histograms())
            for kept in self._entries.values()
        )

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values: entries, by name and method, as their encoded bytes in base64."""
        return {
            "bits": self.bits,
            "totals": tallies_to_json(self._totals),
            "arrivals": self.arrivals.to_json(),
            "entries": [
                [name, method, to_text(kept if isinstance(kept, bytes) else encode_tallies(kept))]
                for (name, method), kept in self._entries.items()
            ],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Counts:
        """The inverse of ``to_json``; entries stay encoded until they are read.

        Raises:
            ValueError: A value is not what ``to_json`` makes.
            KeyError: Something is missing.
        """
        counts = cls(document["bits"])
        add_tallies(counts._totals, tallies_from_json(document["totals"]), dense=True)
        counts.arrivals.merge(ArrivalCounts.from_json(document["arrivals"]))
        counts._entries = {(name, method): from_text(text) for name, method, text in document["entries"]}
        return counts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counts) and self._observed() == other._observed()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def _observed(self) -> tuple[Any, ...]:
        entries = {key: self._read(key) for key in self._entries}
        return self.bits, entries, self._totals, self.arrivals

    def __repr__(self) -> str:
        return f"<Counts of {self.samples} requests in {len(self._entries)} entries, {self.arrivals.offered} arrivals>"


def together_of(entries: Mapping[Key, Tallies]) -> Iterable[Tallies]:
    """The entries that count in totals."""
    return (tallies for key, tallies in entries.items() if not outside_totals(key[1]))
