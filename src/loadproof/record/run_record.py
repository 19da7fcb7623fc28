"""All that was measured in a run, in bounded space however long it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadproof.record.arrivals import ArrivalCounts, ArrivalWindow
from loadproof.record.compact import to_text
from loadproof.record.counts import Counts, together_of
from loadproof.record.measured import Measured
from loadproof.record.recorder import TAG, Delta, Names
from loadproof.record.series import Series, Window
from loadproof.record.tally import Key, Tallies, add_tallies, encode_tallies, tallies_from_json
from loadproof.record.timeline import Strain, Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping

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
"""Bytes of all entries' histograms over the whole run, of what is held back, and of parts that were watched; windows
and the interpreter have what is left to 64 MB."""

MOST_WATCHED = 8_000_000
"""Bytes, of these, of the parts that were watched: 20 of 200 entries with 1,000 requests each take less than half."""

_BITS_AT_ONCE = 2  # that the largest part loses: to encode 2,000 entries anew takes half a second

_LATENESS = 2  # seconds after which a window is not expected to get samples; one that does costs a little more
_SETTLED_PER_MERGE = 200
_MEMORY_CHECK_INTERVAL = 16
_TEXT_PER_ENTRY = 60  # names of fields
_TEXT_PER_WINDOW = 6  # quotes, comma, padding, or "null,"


@dataclass(frozen=True, slots=True)
class _Watch:
    """A part of the run that is counted on its own."""

    start: int
    end: int | None
    counts: Counts

    def covers(self, second: int) -> bool:
        return self.start <= second and (self.end is None or second < self.end)


class RunRecord:
    """Counts of a whole run: by entry, and over time.

    Numbers, sums and extremes are exact. Histograms over the whole run have full precision; windows have less, and
    are joined as the run grows longer. Should entries be so many and their durations so widely spread that their
    histograms over the whole run outgrow the memory or the file, then windows are joined further, and at last these
    histograms lose a bit of precision, as often as it takes.

    A part of the run, the measured one, is what ``samples``, ``keys``, ``tallies``, ``totals``, ``select`` and
    ``arrivals`` are about: all of it until ``measure_from`` says otherwise. Windows are of the whole run.

    Args:
        hold_back: The latest second that ``measure_from`` will be called with; what ends before is kept apart until
            then. 0 when it will not be called, or before anything is merged.
    """

    def __init__(self, *, hold_back: int = 0) -> None:
        self._names = Names()
        self._measured = Measured(hold_back)
        self._series: dict[Key, Series] = {}
        self._timeline = Timeline()
        self._watches: list[_Watch] = []
        self._watched: list[Counts] = []
        self._seconds = 0
        self._width = 1
        self._most_windows = MOST_ENTRY_WINDOWS
        self._turn = 0
        self.user_peak = 0
        self.users_by_class_peak: dict[str, int] = {}

    @property
    def samples(self) -> int:
        """Requests, of all outcomes: samples of entries that count in totals."""
        return self._measured.counts.samples

    @property
    def arrivals(self) -> ArrivalCounts:
        """What became of arrivals, on its own; all zero in a closed model."""
        arrivals = ArrivalCounts()
        arrivals.merge(self._measured.counts.arrivals)
        return arrivals

    @property
    def measured_from(self) -> int:
        """The second since the run's start from which on it is measured: 0 until ``measure_from`` says otherwise."""
        return self._measured.start

    def measure_from(self, second: int, *, final: bool = False) -> int:
        """Leave out of the measured part what ended, and arrivals that were due, before a second.

        It can be said before any of that is merged; or at any time for a second up to ``hold_back``.

        Args:
            second: Since the run's start; one that is not after ``measured_from`` changes nothing.
            final: Whether no later one will be named. Then nothing is held back any more, which spares memory, and room
                in the file.

        Returns:
            ``measured_from``: the second given, or a little later where seconds had to be joined: within 1/30 of
            ``hold_back`` as long as the limit of memory is not met.

        Raises:
            ValueError: It is too late for that: what ended before and after it can no longer be told apart.
        """
        return self._measured.measure_from(second, final=final)

    def watch(self, start: int, end: int | None = None) -> Counts:
        """Counts of what ends, and of arrivals that are due, from one second on and before another.

        What is merged from now on goes into them, also when it is not of the measured part.

        Args:
            start: First second.
            end: Second after the last; None for all until ``unwatch``.

        Returns:
            Counts at full precision that go on changing.
        """
        watch = _Watch(start, end, Counts())
        self._watches.append(watch)
        return watch.counts

    def forget(self, counts: Counts) -> None:
        """Count no more in what ``watch`` gave; whoever has it may read on."""
        self._watches = [watch for watch in self._watches if watch.counts is not counts]

    def unwatch(self, counts: Counts) -> None:
        """Count no more in what ``watch`` gave, and keep it in little memory.

        Should all of these together outgrow it, the largest ones lose some precision, as often as it takes.
        """
        self.forget(counts)
        counts.fold()
        self._watched.append(counts)
        sizes = [each.memory() for each in self._watched]
        while sum(sizes) > MOST_WATCHED:
            number = max(range(len(sizes)), key=sizes.__getitem__)
            largest = self._watched[number]
            if largest.bits == 0:
                break
            largest.coarsen(max(0, largest.bits - _BITS_AT_ONCE))
            sizes[number] = largest.memory()

    def merge(self, delta: Delta, *, measured: bool = True) -> None:
        """Count what a load process reported; each delta once, in whatever order, however late.

        Args:
            delta: What it reported.
            measured: Whether it may count in the measured part; False leaves it in windows only.
        """
        # A clock may be a little behind the run's start.
        for second, entries in delta.windows.items():
            self._add(max(0, second), self._admitted(entries), measured=measured)
        for second, arrivals in delta.arrivals.items():
            self._add_arrivals(max(0, second), arrivals, measured=measured)
        self._settle()

    def _admitted(self, entries: Mapping[Key, Tallies]) -> dict[Key, Tallies]:
        """The same by the names under which they count."""
        found: dict[Key, Tallies] = {}
        together: dict[Key, Tallies] = {}  # of those that count under another name
        for key, tallies in entries.items():
            own = self._names.admit(*key)
            if own == key:
                found[own] = tallies
            else:
                add_tallies(together.setdefault(own, {}), tallies)
        for key, tallies in together.items():
            add_tallies(tallies, found.get(key, {}))
        return found | together

    def _add(self, second: int, entries: dict[Key, Tallies], *, measured: bool) -> None:
        plain = [key for key in entries if TAG not in key[1]]  # what is tagged has no course over time
        for key in plain:
            if key not in self._series:
                self._series[key] = Series(ENTRY_BITS)
                while len(self._series) * self._most_windows > ENTRY_WINDOWS:
                    self._most_windows //= 2
        self._advance(second + 1)
        for key in plain:
            self._series[key].add(second // self._width, entries[key])
        whole: Tallies = {}
        for tallies in together_of(entries):
            add_tallies(whole, tallies)
        self._timeline.add(second, whole)
        if measured:
            self._measured.add(second, entries, whole)
        for watch in self._watches:
            if watch.covers(second):
                watch.counts.add(entries, whole)

    def _add_arrivals(self, second: int, arrivals: ArrivalCounts, *, measured: bool) -> None:
        self._advance(second + 1)
        self._timeline.add_arrivals(second, arrivals)
        if measured:
            self._measured.add_arrivals(second, arrivals)
        for watch in self._watches:
            if watch.covers(second):
                watch.counts.arrivals.merge(arrivals)

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
            for series in self._series.values():
                series.join(factor)

    def _settle(self) -> None:
        """Do some of the work that can wait, on all entries in turn."""
        series = list(self._series.values())
        settled = max(0, self._seconds - _LATENESS)
        left = max(_SETTLED_PER_MERGE, len(series))
        for _ in series:
            self._turn = (self._turn + 1) % len(series)
            left -= series[self._turn].settle(settled // self._width, left)
            if left <= 0:
                break
        self._measured.settle(settled)

    def set_users(self, at: float, users: dict[str, int]) -> None:
        """Say how many users of each class there were at a time, in seconds since the run's start."""
        total = sum(users.values())
        self.user_peak = max(self.user_peak, total)
        for name, n in users.items():
            self.users_by_class_peak[name] = max(self.users_by_class_peak.get(name, 0), n)
        second = max(0, int(at))
        self._advance(second)
        self._timeline.set_users(second, total)

    def add_strain(self, at: float, strain: Strain) -> None:
        """Say how a load process fared in about the second before a time, in seconds since the run's start."""
        self._timeline.add_strain(max(0, math.floor(at - 0.5)), strain)  # the second that holds most of it

    def keys(self) -> list[Key]:
        """All entries, sorted by method, then name."""
        return self._measured.counts.keys()

    def tallies(self, key: Key) -> Tallies:
        """What was counted of one entry, on its own; empty when there is no such entry."""
        return self._measured.counts.tallies(key)

    def totals(self) -> Tallies:
        """What was counted of all entries that count in totals, on its own."""
        return self._measured.counts.totals()

    def select(self, name: str | None = None, method: str | None = None, tag: str = "") -> Tallies:
        """What was counted of some entries, on its own; empty when there are none: see ``Counts.select``."""
        return self._measured.counts.select(name, method, tag)

    def windows(self) -> list[Window]:
        """All requests over time: from the run's start, without gaps, ascending, at most 1,024.

        The last 120 are of one second, older ones of a power of two of seconds, with histograms of 8 sub-bits.
        """
        return self._timeline.windows()

    def arrival_windows(self) -> list[ArrivalWindow]:
        """Arrivals over time, by when they were due: as many windows as ``windows``, with the same borders.

        Their lag has 5 sub-bits. In a closed model all are zero.
        """
        return self._timeline.arrival_windows()

    def strains(self) -> list[Strain]:
        """How the load processes fared over time: one for each of ``windows``, that of the process worst off."""
        return self._timeline.strains()

    def windows_of(self, key: Key) -> list[Window]:
        """One entry over time: from the run's start, without gaps, ascending, at most 128.

        All are equally wide, a power of two of seconds, but the last, which ends with the run's last second; their
        histograms have 5 sub-bits. Empty when there is no such entry.
        """
        series = self._series.get(key)
        return [] if series is None else list(series.windows(self._width, self._seconds))

    def recent(self, now: float, seconds: float) -> Tallies:
        """What ended in the last whole seconds before ``now``; up to 120 are known one by one."""
        end = int(now)
        return self._timeline.recent(end - max(1, round(seconds)), end)

    def _fit_memory(self) -> None:
        while self._memory() > MOST_MEMORY:
            if self._measured.ease():
                continue
            if self._measured.bits == 0:
                break
            self._lose_a_bit()

    def _memory(self) -> int:
        watched = [*self._watched, *(watch.counts for watch in self._watches)]
        return self._measured.memory() + sum(counts.memory() for counts in watched)

    def _lose_a_bit(self) -> None:
        bits = self._measured.bits - 1
        self._measured.coarsen(bits)
        for watch in self._watches:
            watch.counts.coarsen(bits)

    def to_json(self, *, most_text: int | None = None) -> dict[str, Any]:
        """All of it as JSON values.

        Args:
            most_text: Characters that it may take; None for 18 million.
        """
        timeline, measured = self._timeline.to_json(), self._measured.to_json()
        left = (MOST_TEXT if most_text is None else most_text) - _size(timeline)
        while _size(measured) + self._windows_size() > left:
            if self._most_windows > FEWEST_ENTRY_WINDOWS:
                self._most_windows //= 2
                self._widen()
            elif self._measured.bits > 0:
                self._lose_a_bit()
                measured = self._measured.to_json()
            else:
                break
        return {
            "user_peak": self.user_peak,
            "users_by_class_peak": dict(self.users_by_class_peak),
            "timeline": timeline,
            "measured": measured,
            "seconds": self._seconds,
            "entry_windows_at_most": self._most_windows,
            "entry_window_s": self._width,
            "entry_windows": [[*key, series.to_json()] for key, series in self._series.items()],
        }

    def _windows_size(self) -> int:
        """About how many characters the windows of entries take in JSON."""
        size = 0
        for key, series in self._series.items():
            series.tidy()
            size += _size(key) + series.size * 4 // 3
        return size + len(self._series) * (_TEXT_PER_ENTRY + _TEXT_PER_WINDOW * self._most_windows)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> RunRecord:
        """The inverse of ``to_json``; also of what version 1 of ``run.json`` has.

        Raises:
            ValueError: A value is not what ``to_json`` makes.
            KeyError: Something is missing.
        """
        if "measured" not in document:
            document = _from_version_1(document)
        record = cls()
        record.user_peak = document["user_peak"]
        record.users_by_class_peak = dict(document["users_by_class_peak"])
        record._timeline = Timeline.from_json(document["timeline"])
        record._measured = Measured.from_json(document["measured"])
        record._seconds = document["seconds"]
        record._most_windows = document["entry_windows_at_most"]
        record._width = document["entry_window_s"]
        for name, method, windows in document["entry_windows"]:
            record._series[name, method] = Series.from_json(ENTRY_BITS, windows)
        record._names = Names(record._series)
        return record


def _size(value: Any) -> int:
    """About how many characters a value takes in JSON."""
    return len(str(value).encode("utf-8", "replace"))


def _from_version_1(document: dict[str, Any]) -> dict[str, Any]:
    """The document of a record that knew neither arrivals nor a measured part."""
    entries = document["entries"]
    counts = {
        "bits": document["entry_bits"],
        "totals": document["totals"],
        "arrivals": ArrivalCounts().to_json(),
        "entries": [
            [item["name"], item["method"], to_text(encode_tallies(tallies_from_json(item["tallies"])))]
            for item in entries
        ],
    }
    return document | {
        "timeline": document["timeline"] | {"old_arrivals": [], "recent_arrivals": []},
        "measured": {"start": 0, "end": document["seconds"], "held": None, "counts": counts},
        "entry_windows": [[item["name"], item["method"], item["windows"]] for item in entries],
    }
