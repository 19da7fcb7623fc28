"""All that was counted in a run, in bounded memory however long it lasts."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from loadproof.record.recorder import NAMES_MAX, OTHER, Key, Tallies, Tally, merge_into

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loadproof.record.recorder import Delta

OUT_OF_TOTALS = frozenset({"FLOW", "MAIL"})
"""Request types that measure spans of other requests; in totals they would count twice."""

_TOTAL_WINDOWS = 1_024
_FINE_SECONDS = 120
_NAME_WINDOWS_MAX = 128
_NAME_WINDOWS_MIN = 8
_NAME_WINDOWS_ALL = 25_600
"""Windows of all names together: 200 names keep 128 each, 2,000 keep 12."""

_NAME_BITS = 5


@dataclass(frozen=True, slots=True)
class Window:
    """A span of the run.

    Attributes:
        start: Seconds since the run's start.
        end: Where the next window starts.
        tallies: What ended in it.
        users: Mean number of users; None when it was never reported.
    """

    start: float
    end: float
    tallies: Tallies
    users: float | None


class Timeline:
    """Windows of equal width that double when there are too many.

    Args:
        capacity: Most windows it keeps.
        bits: Sub-bits of its histograms.

    Attributes:
        width: Seconds of a window.
    """

    def __init__(self, capacity: int, bits: int) -> None:
        self._capacity = capacity
        self._bits = bits
        self._windows: dict[int, dict[str, bytes]] = {}
        self.width = 1

    def add(self, second: int, tallies: Mapping[Any, Tally]) -> None:
        """Count tallies in the window that holds ``second``, early or late."""
        window = self._windows.setdefault(second // self.width, {})
        for outcome, tally in tallies.items():
            known = window.get(outcome)
            total = Tally(self._bits) if known is None else Tally.decode(known)
            total.merge(tally)
            window[outcome] = total.encode()
        self.shrink(self._capacity)

    def shrink(self, capacity: int) -> None:
        """Keep at most ``capacity`` windows from now on."""
        self._capacity = capacity
        while self._windows and max(self._windows) >= capacity:
            self._double()

    def _double(self) -> None:
        windows, self._windows = self._windows, {}
        self.width *= 2
        for index, outcomes in windows.items():
            target = self._windows.setdefault(index // 2, {})
            for outcome, encoded in outcomes.items():
                if outcome in target:
                    total = Tally.decode(target[outcome])
                    total.merge(Tally.decode(encoded))
                    target[outcome] = total.encode()
                else:
                    target[outcome] = encoded

    def items(self) -> Iterable[tuple[int, Tallies]]:
        """Start second and tallies of each window that holds anything, ascending."""
        for index in sorted(self._windows):
            outcomes = self._windows[index]
            yield index * self.width, {o: Tally.decode(e) for o, e in outcomes.items()}  # type: ignore[misc]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        windows = {str(i): {o: _text(e) for o, e in outcomes.items()} for i, outcomes in self._windows.items()}
        return {"capacity": self._capacity, "bits": self._bits, "width_s": self.width, "windows": windows}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Timeline:
        """The inverse of ``to_json``."""
        timeline = cls(document["capacity"], document["bits"])
        timeline.width = document["width_s"]
        for index, outcomes in document["windows"].items():
            timeline._windows[int(index)] = {o: base64.b64decode(e) for o, e in outcomes.items()}
        return timeline


class RunRecord:
    """What a run measured: whole-run totals at full precision, and windows over time.

    The budget is 64 MB of memory and 20 MB of JSON, however long the run is and for up to 2,000 entries: windows of the
    totals are at most 1,024 (the last two minutes stay at one second), those of an entry at most 128, with coarser
    histograms, and fewer where there are many entries.
    """

    def __init__(self) -> None:
        self._totals: dict[Key, Tallies] = {}
        self._old = Timeline(_TOTAL_WINDOWS - _FINE_SECONDS - 8, 10)
        self._fine: dict[int, Tallies] = {}
        self._border = 0  # the first second that is still kept by itself; older ones are in wider windows
        self._names: dict[Key, Timeline] = {}
        self._users: dict[int, float] = {}
        self._users_width = 1
        self._users_counts: dict[int, int] = {}
        self.samples = 0
        self.user_peak = 0
        self.users_by_class_peak: dict[str, int] = {}

    def merge(self, delta: Delta) -> None:
        """Take in what a process measured."""
        for second, entries in delta.windows.items():
            together: Tallies = {}
            for wanted, tallies in entries.items():
                key = self._admit(wanted)
                merge_into(self._totals.setdefault(key, {}), tallies)
                self._names[key].add(second, {o: t.coarse(_NAME_BITS) for o, t in tallies.items()})
                self.samples += sum(tally.count for tally in tallies.values())
                if key[1] not in OUT_OF_TOTALS:
                    merge_into(together, tallies)
            self._add_total(second, together)

    def set_users(self, at: float, users: Mapping[str, int]) -> None:
        """Take in the number of users by class at a time."""
        total = sum(users.values())
        self.user_peak = max(self.user_peak, total)
        for name, count in users.items():
            self.users_by_class_peak[name] = max(self.users_by_class_peak.get(name, 0), count)
        slot = int(at) // self._users_width
        self._users[slot] = self._users.get(slot, 0.0) + total
        self._users_counts[slot] = self._users_counts.get(slot, 0) + 1
        if len(self._users) > 2 * _TOTAL_WINDOWS:
            self._halve_users()

    def copy_users(self, other: RunRecord) -> None:
        """Take over another record's user counts: rows do not hold them."""
        self._users, self._users_counts = dict(other._users), dict(other._users_counts)
        self._users_width, self.user_peak = other._users_width, other.user_peak
        self.users_by_class_peak = dict(other.users_by_class_peak)

    def keys(self) -> list[Key]:
        """All entries, sorted by method and name."""
        return sorted(self._totals, key=lambda key: (key[1], key[0]))

    def tallies(self, key: Key) -> Tallies:
        """An entry over the whole run; empty for one that never occurred."""
        return self._totals.get(key, {})

    def totals(self) -> Tallies:
        """All entries that count in totals, together."""
        return self._together(key for key in self._totals if key[1] not in OUT_OF_TOTALS)

    def select(self, name: str | None = None, method: str | None = None) -> Tallies:
        """The entries that a rule names, together; empty when none matches.

        Args:
            name: An exact name, or else a glob; None for all.
            method: Request type, compared without case; None for all that count in totals. Spans (FLOW, MAIL) are only
                meant where the method or an exact name asks for them.
        """
        keys = [key for key in self._totals if method is None or key[1].upper() == method.upper()]
        exact = [key for key in keys if key[0] == name]
        if exact:
            return self._together(exact)
        if method is None:
            keys = [key for key in keys if key[1] not in OUT_OF_TOTALS]
        return self._together(key for key in keys if name is None or fnmatchcase(key[0], name))

    def windows(self) -> list[Window]:
        """The totals over time, without gaps, ascending; empty for a run that measured nothing."""
        spans: dict[int, tuple[int, Tallies]] = {start: (self._old.width, t) for start, t in self._old.items()}
        border = self._border
        for second, tallies in self._fine.items():
            spans[second] = (1, tallies)
        if not spans:
            return []
        last = max(start + width for start, (width, _) in spans.items())
        result, start = [], 0
        while start < last:
            width = self._old.width if start < border else 1
            end = min(start + width, border) if start < border else start + width
            tallies = spans[start][1] if start in spans else {}
            result.append(Window(float(start), float(end), tallies, self._mean_users(start, end)))
            start = end
        return result

    def windows_of(self, key: Key) -> list[Window]:
        """An entry over time, with coarser histograms; only windows in which it occurred."""
        timeline = self._names.get(key)
        if timeline is None:
            return []
        width = timeline.width
        return [Window(float(start), float(start + width), tallies, None) for start, tallies in timeline.items()]

    def recent(self, now: float, seconds: float) -> Tallies:
        """The totals of the last whole seconds before ``now``; at most 120."""
        result: Tallies = {}
        for second in range(max(0, int(now - seconds)), int(now)):
            merge_into(result, self._fine.get(second, {}))
        return result

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``run.json``; histograms as base64 text."""
        return {
            "entries": [
                {
                    "name": key[0],
                    "method": key[1],
                    "outcomes": {outcome: _text(tally.encode()) for outcome, tally in self._totals[key].items()},
                    "windows": self._names[key].to_json(),
                }
                for key in self._totals
            ],
            "windows": self._old.to_json(),
            "border_s": self._border,
            "last_seconds": {
                str(second): {outcome: _text(tally.encode()) for outcome, tally in tallies.items()}
                for second, tallies in self._fine.items()
            },
            "users": {
                "width_s": self._users_width,
                "sums": {str(slot): total for slot, total in self._users.items()},
                "counts": {str(slot): count for slot, count in self._users_counts.items()},
                "peak": self.user_peak,
                "peak_by_class": self.users_by_class_peak,
            },
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> RunRecord:
        """The inverse of ``to_json``."""
        record = cls()
        for entry in document["entries"]:
            key = (entry["name"], entry["method"])
            record._totals[key] = _tallies(entry["outcomes"])
            record._names[key] = Timeline.from_json(entry["windows"])
            record.samples += sum(tally.count for tally in record._totals[key].values())
        record._old = Timeline.from_json(document["windows"])
        record._border = document["border_s"]
        record._fine = {int(second): _tallies(outcomes) for second, outcomes in document["last_seconds"].items()}
        users = document["users"]
        record._users_width = users["width_s"]
        record._users = {int(slot): total for slot, total in users["sums"].items()}
        record._users_counts = {int(slot): count for slot, count in users["counts"].items()}
        record.user_peak = users["peak"]
        record.users_by_class_peak = users["peak_by_class"]
        return record

    def _together(self, keys: Iterable[Key]) -> Tallies:
        result: Tallies = {}
        for key in keys:
            merge_into(result, self._totals[key])
        return result

    def _admit(self, key: Key) -> Key:
        if key in self._totals:
            return key
        if len(self._totals) >= NAMES_MAX and key[0] != OTHER:
            return self._admit((OTHER, key[1]))
        self._totals[key] = {}
        each = self._name_capacity(len(self._totals))
        if each < self._name_capacity(len(self._totals) - 1):
            for timeline in self._names.values():
                timeline.shrink(each)
        self._names[key] = Timeline(each, _NAME_BITS)
        return key

    @staticmethod
    def _name_capacity(names: int) -> int:
        """Windows for each of so many names: a power of two, so that growing by one name rarely changes it."""
        each = _NAME_WINDOWS_ALL // max(1, names)
        power = 1 << max(each, 1).bit_length() - 1
        return max(_NAME_WINDOWS_MIN, min(_NAME_WINDOWS_MAX, power))

    def _add_total(self, second: int, tallies: Tallies) -> None:
        if second < self._border:
            self._old.add(second, tallies)
            return
        merge_into(self._fine.setdefault(second, {}), tallies)
        newest = max(self._fine)
        # Two widths at a time: where folding doubles the width, the border still stands between two windows.
        step = 2 * self._old.width
        if newest - self._border >= _FINE_SECONDS + step:
            until = newest - _FINE_SECONDS
            self._border = until - until % step
            for old in sorted(second for second in self._fine if second < self._border):
                self._old.add(old, self._fine.pop(old))

    def _mean_users(self, start: int, end: int) -> float | None:
        slots = range(start // self._users_width, max(start // self._users_width + 1, -(-end // self._users_width)))
        count = sum(self._users_counts.get(slot, 0) for slot in slots)
        return sum(self._users.get(slot, 0.0) for slot in slots) / count if count else None

    def _halve_users(self) -> None:
        sums, counts = self._users, self._users_counts
        self._users, self._users_counts = {}, {}
        self._users_width *= 2
        for slot in sums:
            self._users[slot // 2] = self._users.get(slot // 2, 0.0) + sums[slot]
            self._users_counts[slot // 2] = self._users_counts.get(slot // 2, 0) + counts[slot]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _tallies(outcomes: Mapping[str, str]) -> Tallies:
    return {outcome: Tally.decode(base64.b64decode(text)) for outcome, text in outcomes.items()}  # type: ignore[misc]
