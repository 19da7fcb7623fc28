"""How a run went over time: all entries together, how many users there were, and what became of arrivals."""

from __future__ import annotations

from typing import Any, NamedTuple

from loadproof.record.arrivals import ArrivalCounts, ArrivalWindow
from loadproof.record.compact import from_text, to_text
from loadproof.record.series import Series, Window
from loadproof.record.tally import Tallies, add_tallies, decode_tallies, encode_tallies

BITS = 8
"""Sub-bits of windows: a bucket is at most 0.4 % as wide as its duration."""

ARRIVAL_BITS = 5
"""Sub-bits of the lag of arrivals: a bucket is at most 3 % as wide as its duration."""

RECENT = 120
"""The last seconds, which are never joined."""

MOST_WINDOWS = 1_024

_SETTLED_PER_CALL = 50


class Strain(NamedTuple):
    """How hard it was for the load processes in one part of a run: that of the one worst off.

    Attributes:
        lag: The longest time in seconds that an event loop was late; None where nobody looked.
        cpu: Share of a core that a process used; None where nobody looked.
    """

    lag: float | None = None
    cpu: float | None = None

    def worst(self, other: Strain) -> Strain:
        """Of two, by each figure."""
        return Strain(_greater(self.lag, other.lag), _greater(self.cpu, other.cpu))


def _greater(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


class Timeline:
    """Totals, users and arrivals in at most 1,024 windows, of which the last 120 are of one second.

    Older ones are all equally wide, a power of two of seconds; the last of them ends where the first recent one
    starts.
    """

    def __init__(self) -> None:
        self._recent: dict[int, Tallies] = {}
        self._recent_users: dict[int, int] = {}
        self._old = Series(BITS)
        self._old_users: dict[int, tuple[int, int]] = {}  # sum over seconds, and how many reported
        self._recent_arrivals: dict[int, ArrivalCounts] = {}
        self._old_arrivals: dict[int, ArrivalCounts] = {}
        self._recent_strain: dict[int, Strain] = {}
        self._old_strain: dict[int, Strain] = {}
        self._width = 1
        self._seconds = 0

    @property
    def _border(self) -> int:
        """First second that is recent."""
        return max(0, self._seconds - RECENT)

    def add(self, second: int, tallies: Tallies) -> None:
        """Count what ended in a second, however long ago."""
        if second < self._border:
            self._old.add(second // self._width, tallies)
        else:
            add_tallies(self._recent.setdefault(second, {}), tallies, bits=BITS, dense=True)

    def add_arrivals(self, second: int, arrivals: ArrivalCounts) -> None:
        """Count what was due in a second, however long ago."""
        if second < self._border:
            _add_arrivals(self._old_arrivals, second // self._width, arrivals)
        else:
            _add_arrivals(self._recent_arrivals, second, arrivals)

    def set_users(self, second: int, users: int) -> None:
        """Say how many users there were in a second; the last word on a recent second stands."""
        if second < self._border:
            self._add_old_users(second, users)
        else:
            self._recent_users[second] = users

    def _add_old_users(self, second: int, users: int) -> None:
        total, n = self._old_users.get(second // self._width, (0, 0))
        self._old_users[second // self._width] = (total + users, n + 1)

    def add_strain(self, second: int, strain: Strain) -> None:
        """Say how a load process fared in a second, however long ago."""
        old = second < self._border
        to, number = (self._old_strain, second // self._width) if old else (self._recent_strain, second)
        to[number] = to.get(number, Strain()).worst(strain)

    def advance(self, seconds: int) -> None:
        """Say that the run reached the end of second ``seconds - 1``."""
        self._seconds = max(self._seconds, seconds)
        border = self._border
        factor = 1
        while border > (MOST_WINDOWS - RECENT) * self._width * factor:
            factor *= 2
        if factor > 1:
            self._join(factor)
        for second in sorted(second for second in self._recent if second < border):
            self._old.add(second // self._width, self._recent.pop(second))
        for second in [second for second in self._recent_users if second < border]:
            self._add_old_users(second, self._recent_users.pop(second))
        for second in [second for second in self._recent_arrivals if second < border]:
            _add_arrivals(self._old_arrivals, second // self._width, self._recent_arrivals.pop(second))
        for second in [second for second in self._recent_strain if second < border]:
            self.add_strain(second, self._recent_strain.pop(second))
        self._old.settle(border // self._width, _SETTLED_PER_CALL)

    def _join(self, factor: int) -> None:
        self._width *= factor
        self._old.join(factor)
        users, self._old_users = self._old_users, {}
        for index, (total, n) in users.items():
            known_total, known_n = self._old_users.get(index // factor, (0, 0))
            self._old_users[index // factor] = (known_total + total, known_n + n)
        arrivals, self._old_arrivals = self._old_arrivals, {}
        for index, counts in arrivals.items():
            _add_arrivals(self._old_arrivals, index // factor, counts)
        strains, self._old_strain = self._old_strain, {}
        for index, strain in strains.items():
            self._old_strain[index // factor] = self._old_strain.get(index // factor, Strain()).worst(strain)

    def windows(self) -> list[Window]:
        """From the run's start, without gaps, ascending; users are those last reported by the end of each."""
        found = []
        users: float | None = None
        for index, window in enumerate(self._old.windows(self._width, self._border)):
            total, n = self._old_users.get(index, (0, 0))
            users = total / n if n else users
            found.append(Window(window.start, window.end, window.tallies, users))
        for second in range(self._border, self._seconds):
            users = self._recent_users.get(second, users)
            tallies: Tallies = {}
            add_tallies(tallies, self._recent.get(second, {}))
            found.append(Window(float(second), float(second + 1), tallies, users))
        return found

    def arrival_windows(self) -> list[ArrivalWindow]:
        """From the run's start, without gaps, ascending: the same parts of the run as ``windows``."""
        width, border = self._width, self._border
        parts = [
            (number * width, min((number + 1) * width, border), self._old_arrivals.get(number))
            for number in range(-(-border // width))
        ]
        parts += [(second, second + 1, self._recent_arrivals.get(second)) for second in range(border, self._seconds)]
        found = []
        for start, end, counts in parts:
            own = ArrivalCounts(ARRIVAL_BITS)
            if counts is not None:
                own.merge(counts)
            found.append(ArrivalWindow(float(start), float(end), own))
        return found

    def strains(self) -> list[Strain]:
        """How the load processes fared, one for each of ``windows``."""
        old = [self._old_strain.get(number, Strain()) for number in range(-(-self._border // self._width))]
        return old + [self._recent_strain.get(second, Strain()) for second in range(self._border, self._seconds)]

    def recent(self, start: int, end: int) -> Tallies:
        """What ended from second ``start`` on and before ``end``, as far as these are recent."""
        tallies: Tallies = {}
        for second, counted in self._recent.items():
            if start <= second < end:
                add_tallies(tallies, counted)
        return tallies

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "seconds": self._seconds,
            "width_s": self._width,
            "old": self._old.to_json(),
            "old_users": [[index, *counted] for index, counted in self._old_users.items()],
            "recent": {str(second): to_text(encode_tallies(tallies)) for second, tallies in self._recent.items()},
            "recent_users": [[second, users] for second, users in self._recent_users.items()],
            "old_arrivals": [[index, counts.to_json()] for index, counts in self._old_arrivals.items()],
            "recent_arrivals": [[second, counts.to_json()] for second, counts in self._recent_arrivals.items()],
            "old_strain": [[index, *strain] for index, strain in self._old_strain.items()],
            "recent_strain": [[second, *strain] for second, strain in self._recent_strain.items()],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Timeline:
        """The inverse of ``to_json``."""
        timeline = cls()
        timeline._seconds = document["seconds"]
        timeline._width = document["width_s"]
        timeline._old = Series.from_json(BITS, document["old"])
        timeline._old_users = {index: (total, n) for index, total, n in document["old_users"]}
        timeline._recent = {int(second): decode_tallies(from_text(text)) for second, text in document["recent"].items()}
        timeline._recent_users = dict(document["recent_users"])
        for index, counts in document["old_arrivals"]:
            _add_arrivals(timeline._old_arrivals, index, ArrivalCounts.from_json(counts))
        for second, counts in document["recent_arrivals"]:
            _add_arrivals(timeline._recent_arrivals, second, ArrivalCounts.from_json(counts))
        # Records of before this was kept have none of it.
        timeline._old_strain = {index: Strain(*values) for index, *values in document.get("old_strain", [])}
        timeline._recent_strain = {second: Strain(*values) for second, *values in document.get("recent_strain", [])}
        return timeline


def _add_arrivals(to: dict[int, ArrivalCounts], number: int, arrivals: ArrivalCounts) -> None:
    if number not in to:
        to[number] = ArrivalCounts(ARRIVAL_BITS, dense=True)
    to[number].merge(arrivals)
