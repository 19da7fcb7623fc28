"""All that was measured in a run, in bounded space however long it is."""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from loadproof.record.histogram import BITS, Histogram
from loadproof.record.recorder import Delta, Names, outside_totals
from loadproof.record.series import Series, Window
from loadproof.record.tally import Key, Tallies, add_tallies, tallies_from_json, tallies_to_json
from loadproof.record.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RunRecord", "Window"]

ENTRY_BITS = 5
"""Sub-bits of the windows of one entry: a bucket is at most 3 % as wide as its duration."""

MOST_ENTRY_WINDOWS = 128

ENTRY_WINDOWS = 35_200
"""Windows of all entries together: 128 each for up to 275 entries, 16 each for 2,000."""

FEWEST_ENTRY_WINDOWS = 4

MOST_TEXT = 18_000_000
"""Characters of JSON; the rest of ``run.json`` has what is left to 20 MB."""

MOST_MEMORY = 36_000_000
"""Bytes of all entries' histograms over the whole run; windows and the interpreter have what is left to 64 MB."""

_LATENESS = 2  # seconds after which a window is not expected to get samples; one that does costs a little more
_SETTLED_PER_MERGE = 200
_MEMORY_CHECK_INTERVAL = 64
_TEXT_PER_ENTRY = 60  # names of fields
_TEXT_PER_WINDOW = 6  # quotes, comma, padding, or "null,"


class _Entry:
    """What is kept of one name and method."""

    __slots__ = ("series", "tallies")

    def __init__(self, tallies: Tallies, series: Series) -> None:
        self.tallies = tallies
        self.series = series


class RunRecord:
    """Counts of a whole run: by entry, and over time.

    Numbers, sums and extremes are exact. Histograms over the whole run have full precision; windows have less, and
    are joined as the run grows longer. Should entries be so many and their durations so widely spread that their
    histograms over the whole run outgrow the memory or the file, then windows are joined further, and at last these
    histograms lose a bit of precision, as often as it takes.
    """

    def __init__(self) -> None:
        self._names = Names()
        self._entries: dict[Key, _Entry] = {}
        self._totals: Tallies = {}
        self._timeline = Timeline()
        self._seconds = 0
        self._width = 1
        self._most_windows = MOST_ENTRY_WINDOWS
        self._bits = BITS
        self._turn = 0
        self.user_peak = 0
        self.users_by_class_peak: dict[str, int] = {}

    @property
    def samples(self) -> int:
        """Requests, of all outcomes: samples but those of methods FLOW and MAIL."""
        return sum(tally.count for tally in self._totals.values())

    def merge(self, delta: Delta) -> None:
        """Count what a load process reported; each delta once, in whatever order, however late."""
        for second, entries in delta.windows.items():
            second = max(0, second)  # noqa: PLW2901 - a clock may be a little behind the run's start
            for key in entries:
                self._entry(key)
            self._advance(second + 1)
            whole: Tallies = {}
            for key, tallies in entries.items():
                entry = self._entry(key)
                add_tallies(entry.tallies, tallies, bits=self._bits, dense=True)
                entry.series.add(second // self._width, tallies)
                if not outside_totals(key[1]):
                    add_tallies(whole, tallies)
            add_tallies(self._totals, whole)
            self._timeline.add(second, whole)
        self._settle()

    def _entry(self, key: Key) -> _Entry:
        entry = self._entries.get(key)
        if entry is None:
            key = self._names.admit(*key)
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _Entry({}, Series(ENTRY_BITS))
                while len(self._entries) * self._most_windows > ENTRY_WINDOWS:
                    self._most_windows //= 2
        return entry

    def _advance(self, seconds: int) -> None:
        """Say that the run reached the end of second ``seconds - 1``."""
        if seconds > self._seconds:
            due = seconds // _MEMORY_CHECK_INTERVAL > self._seconds // _MEMORY_CHECK_INTERVAL
            self._seconds = seconds
            self._timeline.advance(seconds)
            if due:
                self._fit_memory()
        self._widen()

    def _widen(self) -> None:
        """Join the windows of entries until they are few enough."""
        factor = 1
        while self._seconds > self._most_windows * self._width * factor:
            factor *= 2
        if factor > 1:
            self._width *= factor
            for entry in self._entries.values():
                entry.series.join(factor)

    def _settle(self) -> None:
        """Do some of the work that can wait, on all entries in turn."""
        series = [entry.series for entry in self._entries.values()]
        before = max(0, self._seconds - _LATENESS) // self._width
        left = max(_SETTLED_PER_MERGE, len(series))
        for _ in series:
            self._turn = (self._turn + 1) % len(series)
            left -= series[self._turn].settle(before, left)
            if left <= 0:
                break

    def set_users(self, at: float, users: dict[str, int]) -> None:
        """Say how many users of each class there were at a time, in seconds since the run's start."""
        total = sum(users.values())
        self.user_peak = max(self.user_peak, total)
        for name, n in users.items():
            self.users_by_class_peak[name] = max(self.users_by_class_peak.get(name, 0), n)
        second = max(0, int(at))
        self._advance(second)
        self._timeline.set_users(second, total)

    def keys(self) -> list[Key]:
        """All entries, sorted by method, then name."""
        return sorted(self._entries, key=lambda key: (key[1], key[0]))

    def tallies(self, key: Key) -> Tallies:
        """What was counted of one entry over the whole run, on its own; empty when there is no such entry."""
        return self._sum([key] if key in self._entries else [])

    def totals(self) -> Tallies:
        """What was counted of all entries but those of methods FLOW and MAIL, on its own."""
        tallies: Tallies = {}
        add_tallies(tallies, self._totals)
        return tallies

    def select(self, name: str | None = None, method: str | None = None) -> Tallies:
        """What was counted of some entries over the whole run, on its own; empty when there are none.

        Args:
            name: An entry's name, or, where there is none of that name, a glob; None for all.
            method: Request type, in whatever case; None for all, but FLOW and MAIL only where ``name`` is an entry's.
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
            add_tallies(tallies, self._entries[key].tallies)
        return tallies

    def windows(self) -> list[Window]:
        """What ``totals`` counted over time: from the run's start, without gaps, ascending, at most 1,024.

        The last 120 are of one second, older ones of a power of two of seconds, with histograms of 8 sub-bits.
        """
        return self._timeline.windows()

    def windows_of(self, key: Key) -> list[Window]:
        """What was counted of one entry over time: from the run's start, without gaps, ascending, at most 128.

        All are equally wide, a power of two of seconds, but the last, which ends with the run's last second; their
        histograms have 5 sub-bits. Empty when there is no such entry.
        """
        entry = self._entries.get(key)
        return [] if entry is None else list(entry.series.windows(self._width, self._seconds))

    def recent(self, now: float, seconds: float) -> Tallies:
        """What ``totals`` counted in the last whole seconds before ``now``; up to 120 are known one by one."""
        end = int(now)
        return self._timeline.recent(end - max(1, round(seconds)), end)

    def _fit_memory(self) -> None:
        while self._bits > 0 and self._memory() > MOST_MEMORY:
            self._lose_a_bit()

    def _memory(self) -> int:
        return sum(sys.getsizeof(histogram) for histogram in self._histograms())

    def _histograms(self) -> Iterable[Histogram]:
        for entry in self._entries.values():
            for tally in entry.tallies.values():
                yield from tally.histograms()

    def _lose_a_bit(self) -> None:
        self._bits -= 1
        for histogram in self._histograms():
            histogram.coarsen(self._bits)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values, in at most 20 MB of text."""
        totals, timeline = tallies_to_json(self._totals), self._timeline.to_json()
        tallies = self._tallies_to_json()
        left = MOST_TEXT - len(str(totals)) - len(str(timeline))
        while self._text_size(tallies) > left:
            if self._most_windows > FEWEST_ENTRY_WINDOWS:
                self._most_windows //= 2
                self._widen()
            elif self._bits > 0:
                self._lose_a_bit()
                tallies = self._tallies_to_json()
            else:
                break
        return {
            "user_peak": self.user_peak,
            "users_by_class_peak": dict(self.users_by_class_peak),
            "totals": totals,
            "timeline": timeline,
            "seconds": self._seconds,
            "entry_bits": self._bits,
            "entry_windows_at_most": self._most_windows,
            "entry_window_s": self._width,
            "entries": [
                {"name": key[0], "method": key[1], "tallies": tallies[key], "windows": entry.series.to_json()}
                for key, entry in self._entries.items()
            ],
        }

    def _tallies_to_json(self) -> dict[Key, dict[str, Any]]:
        return {key: tallies_to_json(entry.tallies) for key, entry in self._entries.items()}

    def _text_size(self, tallies: dict[Key, dict[str, Any]]) -> int:
        """About how many characters the entries take in JSON."""
        size = 0
        for key, entry in self._entries.items():
            entry.series.tidy()
            size += len(str(key).encode()) + len(str(tallies[key])) + entry.series.size * 4 // 3
        return size + len(self._entries) * (_TEXT_PER_ENTRY + _TEXT_PER_WINDOW * self._most_windows)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> RunRecord:
        """The inverse of ``to_json``.

        Raises:
            ValueError: A value is not what ``to_json`` makes.
            KeyError: Something is missing.
        """
        record = cls()
        record.user_peak = document["user_peak"]
        record.users_by_class_peak = dict(document["users_by_class_peak"])
        record._totals = tallies_from_json(document["totals"])
        record._timeline = Timeline.from_json(document["timeline"])
        record._seconds = document["seconds"]
        record._bits = document["entry_bits"]
        record._most_windows = document["entry_windows_at_most"]
        record._width = document["entry_window_s"]
        for item in document["entries"]:
            tallies: Tallies = {}
            add_tallies(tallies, tallies_from_json(item["tallies"]), bits=record._bits, dense=True)
            series = Series.from_json(ENTRY_BITS, item["windows"])
            record._entries[item["name"], item["method"]] = _Entry(tallies, series)
        record._names = Names(record._entries)
        return record
