"""What a load process counts, and how it hands it on: once a second, everything since the last time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgpack

from loadproof.record.arrivals import ArrivalCounts
from loadproof.record.histogram import BITS, LONGEST
from loadproof.record.tally import Key, Tallies, Tally, pack_entries, unpack_entries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadproof.record.sample import Outcome, Sample

__all__ = ["OTHER_NAME", "Delta", "Key", "Names", "Recorder", "Tallies", "Tally"]

OTHER_NAME = "(other)"
"""Name that takes every further entry once there are 2,000."""

MEASURE = "MEASURE"
"""Method of entries that are values of the script's own; one of them is counted as so many microseconds."""

MEASURED_AS = 1e-6
"""Seconds that stand for 1 of a script's own metric."""


def own_value(seconds: float | None) -> float | None:
    """The value of a script's own that was counted as so many seconds; None stays None."""
    return None if seconds is None else float(f"{seconds / MEASURED_AS:.12g}")


SPANS = frozenset({"FLOW", "MAIL", "ITERATION", MEASURE})
"""Methods of entries that are no requests to the service."""

SETUP = " setup"
"""What the methods of requests end in that users of an open model send outside of their iterations: ``POST setup``."""


TAG = "\x1f"
"""Stands in the method of a tagged entry between the method and the tag."""


def tagged(method: str, tag: str) -> str:
    """The method under which samples are counted once more, for rules on a user class or a scenario."""
    return f"{method}{TAG}{tag}"


def outside_totals(method: str) -> bool:
    """Whether entries of a method are left out of totals.

    These are spans over other requests, requests of the set-up, values of a script's own, and what is counted once more
    under a tag.
    """
    return method in SPANS or method.endswith(SETUP) or TAG in method


MOST_NAMES = 2_000
_OCTAVE = BITS + 1
_LONGEST_NAME = 500
_MOST_OTHER = 100


class Names:
    """The entries that are told apart: at most 2,000, with names of at most 500 characters.

    A script that forgets to name requests with changing URLs makes a new name for each; without a limit they would
    fill the memory.

    Args:
        keys: Entries that are known already.
    """

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._known: dict[Key, Key] = {key: key for key in keys}
        self._keys = set(self._known)

    def admit(self, name: str, method: str) -> Key:
        """The entry under which a name and method count."""
        key = self._known.get((name, method))
        if key is None:
            key = (_clean(name), _clean(method))
            if key not in self._keys:
                if len(self._keys) >= MOST_NAMES:
                    return self._admit_other(key[1])
                self._keys.add(key)
            if len(self._known) < 2 * MOST_NAMES:  # names that differ only behind the cut are not worth remembering
                self._known[name, method] = key
        return key

    def _admit_other(self, method: str) -> Key:
        key = (OTHER_NAME, method)
        if key not in self._keys:
            if len(self._keys) >= MOST_NAMES + _MOST_OTHER and not outside_totals(method):
                key = (OTHER_NAME, OTHER_NAME)
            self._keys.add(key)
        return key


def _clean(text: str) -> str:
    """Text that fits, and that UTF-8 can hold."""
    return text[:_LONGEST_NAME].encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Delta:
    """What one load process counted between two reports.

    Attributes:
        number: 1 for the first of a recorder, and one more each time.
        worker: Name of the process.
        windows: Whole second since the run's start in which samples ended, to their entries; empty without samples.
        facts: Whatever else the process reports: values that msgpack takes, sequences as lists.
        arrivals: Whole second since the run's start in which arrivals were due, to what has become of them since the
            last report; empty in a closed model. What becomes of one later is in a later report, under its second.
    """

    number: int
    worker: str
    windows: dict[int, dict[Key, Tallies]]
    facts: dict[str, Any]
    arrivals: dict[int, ArrivalCounts] = field(default_factory=dict)

    def encode(self) -> bytes:
        """All of it as bytes."""
        windows = [[second, pack_entries(entries)] for second, entries in self.windows.items()]
        arrivals = [[second, counts.pack()] for second, counts in self.arrivals.items()]
        fields = [self.number, self.worker, windows, self.facts, arrivals]
        packed: bytes = msgpack.packb(fields, unicode_errors="surrogatepass")
        return packed

    @classmethod
    def decode(cls, data: bytes) -> Delta:
        """The inverse of ``encode``.

        Raises:
            ValueError: These are not the bytes of a delta.
        """
        try:
            fields = msgpack.unpackb(data, strict_map_key=False, unicode_errors="surrogatepass")
            number, worker, packed_windows, facts, packed_arrivals = fields
            windows = {second: unpack_entries(entries) for second, entries in packed_windows}
            arrivals = {second: ArrivalCounts.unpack(counts) for second, counts in packed_arrivals}
        except (ValueError, TypeError, IndexError) as error:
            raise ValueError(f"not an encoded delta: {error}") from error
        return cls(number, worker, windows, facts, arrivals)


class Recorder:
    """Counts samples by the second in which they ended, by entry and by outcome.

    Args:
        worker: Name of this process.
    """

    def __init__(self, worker: str = "") -> None:
        self._worker = worker
        self._number = 0
        self._names = Names()
        self._windows: dict[int, dict[Key, Tallies]] = {}
        self._arrivals: dict[int, ArrivalCounts] = {}
        self._start = self._end = 0  # the second that is counted now
        self._entries: dict[Key, Tallies] = {}  # its entries
        self._found: dict[tuple[str, str, Outcome], Tally] = {}  # and its tallies by what a script names them

    def rename(self, worker: str) -> None:
        """Give the process another name; for deltas from now on."""
        self._worker = worker

    def record(self, sample: Sample) -> None:
        """Count a sample, as ``Tally.add`` does; its times must be finite, also of one that nobody timed."""
        self.record_all((sample,))

    def record_all(self, samples: Iterable[Sample]) -> None:  # noqa: C901, PLR0912 - see below
        """Count samples, each as ``Tally.add`` does; their times must be finite.

        The hot path of a load process, which is why it is written in one piece: calls would take half of its time.
        """
        start, end, found = self._start, self._end, self._found
        for (
            name, method, intended, sent, ended, first, connect, tls, status, outcome, kind, _, to, fro, _, _, clock,
        ) in samples:  # fmt: skip
            if not start <= ended < end:
                self._turn_to(ended)
                start, end, found = self._start, self._end, self._found
            try:
                tally = found[name, method, outcome]
            except KeyError:
                tally = self._tally(name, method, outcome)
            if clock == "none":
                tally.untimed += 1
            else:
                ns = int((ended - intended) * 1e9 + 0.5)
                if intended != sent or connect or tls or tally.own_service is not None:
                    tally.add_service(int((connect + tls + (ended - sent)) * 1e9 + 0.5), ns)
                response = tally.response
                if 0 <= ns <= LONGEST:
                    response.count += 1
                    response.total += ns
                    if ns < response.shortest:  # noqa: PLR1730 - min and max are calls
                        response.shortest = ns
                    if ns > response.longest:  # noqa: PLR1730 - see above
                        response.longest = ns
                    shift = ns.bit_length() - _OCTAVE
                    index = (shift << BITS) + (ns >> shift) if shift > 0 else ns
                    counts = response.counts
                    counts[index] = counts.get(index, 0) + 1
                else:
                    response.record(ns)
                if first is not None:
                    tally.add_first_byte(int((connect + tls + (first - sent)) * 1e9 + 0.5))
            if status is not None:
                statuses = tally.statuses
                statuses[status] = statuses.get(status, 0) + 1
            if kind is not None:
                tally.add_kinds({kind: 1})
            tally.bytes_sent += to
            tally.bytes_received += fro

    def _turn_to(self, at: float) -> None:
        """Count in another second from here on."""
        self._start = math.floor(at)
        self._end = self._start + 1
        # A worker's clock may be a little behind the run's start.
        self._entries = self._windows.setdefault(max(0, self._start), {})
        self._found = {}

    def _tally(self, name: str, method: str, outcome: Outcome) -> Tally:
        key = self._names.admit(name, method)
        tally = _tally_of(self._entries, key, outcome)
        if key[0] != OTHER_NAME:  # there may be any number of those
            self._found[name, method, outcome] = tally
        return tally

    def tally_in(self, second: int, name: str, method: str) -> Tally:
        """Where successes of an entry count that ended in a second since the run's start; ask anew in each interval."""
        entries = self._windows.setdefault(max(0, second), {})
        return _tally_of(entries, self._names.admit(name, method), "success")

    def arrivals_in(self, at: float) -> ArrivalCounts:
        """Where to count an arrival; ask for each, and anew for whatever becomes of it later.

        Args:
            at: When it was due, in seconds since the run's start.
        """
        second = int(at)
        try:
            return self._arrivals[second]
        except KeyError:
            # A worker's clock may be a little behind the run's start.
            return self._arrivals.setdefault(max(0, second), ArrivalCounts())

    def interval(self, facts: dict[str, Any]) -> Delta:
        """Everything since the last call, which may be nothing, with the facts given."""
        self._number += 1
        windows, self._windows = self._windows, {}
        arrivals, self._arrivals = self._arrivals, {}
        self._start = self._end = 0
        return Delta(self._number, self._worker, windows, facts, arrivals)


def _tally_of(entries: dict[Key, Tallies], key: Key, outcome: Outcome) -> Tally:
    tallies = entries.setdefault(key, {})
    if outcome not in tallies:
        tallies[outcome] = Tally()
    return tallies[outcome]
