"""What was counted in one part of a run: by entry, and together."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from loadproof.record.arrivals import ArrivalCounts
from loadproof.record.recorder import outside_totals
from loadproof.record.tally import Key, Tallies, add_tallies, tallies_from_json, tallies_to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Counts:
    """Counts of entries, and of all requests together, without a course over time.

    Attributes:
        arrivals: What became of arrivals; all zero in a closed model.
    """

    def __init__(self) -> None:
        self._entries: dict[Key, Tallies] = {}
        self._totals: Tallies = {}
        self.arrivals = ArrivalCounts()

    @property
    def samples(self) -> int:
        """Requests, of all outcomes: samples of entries that count in totals."""
        return sum(tally.count for tally in self._totals.values())

    def add(self, entries: Mapping[Key, Tallies]) -> None:
        """Count what was counted elsewhere."""
        for key, tallies in entries.items():
            add_tallies(self._entries.setdefault(key, {}), tallies, dense=True)
            if not outside_totals(key[1]):
                add_tallies(self._totals, tallies)

    def keys(self) -> list[Key]:
        """All entries, sorted by method, then name."""
        return sorted(self._entries, key=lambda key: (key[1], key[0]))

    def tallies(self, key: Key) -> Tallies:
        """What was counted of one entry, on its own; empty when there is no such entry."""
        return self._sum([key] if key in self._entries else [])

    def totals(self) -> Tallies:
        """What was counted of all entries that count in totals, on its own."""
        tallies: Tallies = {}
        add_tallies(tallies, self._totals)
        return tallies

    def select(self, name: str | None = None, method: str | None = None) -> Tallies:
        """What was counted of some entries, on its own; empty when there are none.

        Args:
            name: An entry's name, or, where there is none of that name, a glob; None for all.
            method: Request type, in whatever case; None for all that count in totals, and for the others only where
                ``name`` is an entry's.
        """
        if name is None and method is None:
            return self.totals()
        keys = [key for key in self._entries if method is None or key[1].upper() == method.upper()]
        exact = [key for key in keys if key[0] == name]
        if exact:
            return self._sum(exact)
        if method is None:
            keys = [key for key in keys if not outside_totals(key[1])]
        return self._sum(key for key in keys if name is None or fnmatchcase(key[0], name))

    def _sum(self, keys: Iterable[Key]) -> Tallies:
        tallies: Tallies = {}
        for key in keys:
            add_tallies(tallies, self._entries[key])
        return tallies

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "totals": tallies_to_json(self._totals),
            "arrivals": self.arrivals.to_json(),
            "entries": [
                {"name": key[0], "method": key[1], "tallies": tallies_to_json(tallies)}
                for key, tallies in self._entries.items()
            ],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Counts:
        """The inverse of ``to_json``.

        Raises:
            ValueError: A value is not what ``to_json`` makes.
            KeyError: Something is missing.
        """
        counts = cls()
        counts._totals = tallies_from_json(document["totals"])
        counts.arrivals = ArrivalCounts.from_json(document["arrivals"])
        counts._entries = {
            (item["name"], item["method"]): tallies_from_json(item["tallies"]) for item in document["entries"]
        }
        return counts
