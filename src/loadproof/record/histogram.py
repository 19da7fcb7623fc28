"""How durations are counted: in buckets whose width grows with the duration.

Buckets are log-linear in base 2, as in Tene's HdrHistogram: durations below ``2 ** bits`` ns have a bucket each, and
every octave above is cut into ``2 ** bits`` buckets of equal width. With 10 bits that is exact below 1.024 us, and a
bucket is at most 0.1 % as wide as its duration, up to an hour.
"""

from __future__ import annotations

import math
import zlib
from bisect import bisect_left
from fractions import Fraction
from itertools import accumulate, chain
from operator import mul, sub
from typing import TYPE_CHECKING, Any

import msgpack

from loadproof.record.compact import deflated, from_planes, inflated, to_planes
from loadproof.record.dense import DenseCounts

if TYPE_CHECKING:
    from collections.abc import Iterable

BITS = 10
"""Sub-bits of full precision."""

LONGEST = 3_600_000_000_000
"""The longest duration that has a bucket, in ns: an hour."""

_SECOND = 1_000_000_000
_UNSET = 1 << 200
_MSGPACK_INT = 1 << 63


class Histogram:
    """Counts of durations; exact in number, sum, minimum and maximum, and to the width of a bucket in between.

    Args:
        bits: Sub-bits, 0..10: a bucket is ``2 ** -bits`` as wide as its duration.
        dense: Whether to spend less memory on neighbouring buckets, and more on lonely ones.

    Attributes:
        count: Number of durations.
        total: Their exact sum in ns.
        over: How many of them were longer than an hour; they are in the last bucket.
        bits: Sub-bits.
        counts: Index of a bucket to how many are in it; for this package.
        shortest: The shortest in ns, beyond all when there is none; for this package.
        longest: The longest in ns, -1 when there is none; for this package.
    """

    __slots__ = ("bits", "count", "counts", "longest", "over", "shortest", "total")

    def __init__(self, bits: int = BITS, *, dense: bool = False) -> None:
        self.bits = bits
        self.counts: dict[int, int] | DenseCounts = DenseCounts() if dense else {}
        self.shortest = _UNSET
        self.longest = -1
        self.count = 0
        self.total = 0
        self.over = 0

    def record(self, ns: int, n: int = 1) -> None:
        """Count a duration in ns ``n`` times; a negative one, which only a stepped clock makes, counts as 0."""
        if ns < 0:  # noqa: PLR1730 - max and min are calls, and take longer than all the rest
            ns = 0
        self.count += n
        self.total += ns * n
        if ns < self.shortest:  # noqa: PLR1730 - see above
            self.shortest = ns
        if ns > self.longest:  # noqa: PLR1730 - see above
            self.longest = ns
        if ns > LONGEST:
            self.over += n
            ns = LONGEST
        bits = self.bits
        shift = ns.bit_length() - bits - 1
        index = (shift << bits) + (ns >> shift) if shift > 0 else ns  # index_of, without the call
        counts = self.counts
        counts[index] = counts.get(index, 0) + n

    def record_all(self, durations: list[int]) -> None:
        """Count durations in ns, each once; there must be one, and none may be negative or longer than an hour."""
        self.count += len(durations)
        self.total += sum(durations)
        self.shortest = min(self.shortest, min(durations))  # noqa: PLW3301 - unpacking takes longer
        self.longest = max(self.longest, max(durations))  # noqa: PLW3301 - see above
        bits, counts = self.bits, self.counts
        octave, get = bits + 1, counts.get
        for ns in durations:
            shift = ns.bit_length() - octave
            index = (shift << bits) + (ns >> shift) if shift > 0 else ns  # index_of, without the call
            counts[index] = get(index, 0) + 1

    def merge(self, other: Histogram) -> None:
        """Add what another counted; of two precisions the coarser one remains."""
        if other.bits != self.bits:
            self.coarsen(other.bits)
            other = other.coarse(self.bits)
        counts = self.counts
        if isinstance(counts, DenseCounts):
            counts.add(other.counts.items())
        elif not counts:
            counts.update(other.counts.items())
        else:
            get = counts.get
            for index, n in other.counts.items():
                counts[index] = get(index, 0) + n
        self._add_figures(other)

    def _add_figures(self, other: Histogram) -> None:
        self.count += other.count
        self.total += other.total
        self.over += other.over
        self.shortest = min(self.shortest, other.shortest)
        self.longest = max(self.longest, other.longest)

    def _columns(self) -> tuple[list[int], list[int]]:
        """Occupied buckets, ascending, as their indexes and their counts."""
        if isinstance(self.counts, DenseCounts):
            return self.counts.columns()
        indexes = sorted(self.counts)
        return indexes, list(map(self.counts.__getitem__, indexes))

    def quantile(self, q: float) -> float | None:
        """The duration in seconds that a share ``q`` of all did not exceed; None when there is none.

        Nearest rank (Hyndman and Fan 1996, definition 1): the ``ceil(q * count)``-th smallest, at least the first,
        with ``q`` as it is written in decimals. What is given is the middle of that one's bucket, within the minimum
        and the maximum.

        Raises:
            ValueError: ``q`` is not within 0..1.
        """
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile is between 0 and 1, not {q}")
        if not self.count:
            return None
        # 0.07 * 100 is 7.000000000000001 in binary: ranks are counted in decimals, where it is 7.
        rank = max(1, math.ceil(Fraction(repr(float(q))) * self.count))
        indexes, counts = self._columns()
        low, width = bounds(indexes[bisect_left(list(accumulate(counts)), rank)], self.bits)
        return min(max(low + (width - 1) / 2, self.shortest), self.longest) / _SECOND

    @property
    def mean(self) -> float | None:
        """Exact mean in seconds; None when there is no duration."""
        return self.total / (self.count * _SECOND) if self.count else None

    @property
    def variance(self) -> float | None:
        """Sample variance in s2, about the exact mean, of the bucket middles; None for fewer than two durations.

        That of the durations themselves is within 0.1 % of it where they are not nearly equal.
        """
        if self.count < 2:
            return None
        indexes, counts = self._columns()
        bits = self.bits
        # Sums of the doubled middles and of their squares are exact integers, so that nothing cancels. Buckets of one
        # width are summed at once: a run's histogram has thousands, and live verdicts ask every second.
        middles = squares = start = 0
        while start < len(indexes):
            shift = max(0, (indexes[start] >> bits) - 1)
            end = bisect_left(indexes, (shift + 2) << bits, start)
            first = shift << bits
            odd = [2 * (index - first) + 1 for index in indexes[start:end]]
            weighted = list(map(mul, odd, counts[start:end]))
            middles += sum(weighted) << shift
            squares += sum(map(mul, odd, weighted)) << 2 * shift
            start = end
        n, total = self.count, self.total
        deviations = n * squares - 4 * total * middles + 4 * total**2  # times 4 n
        return deviations / (4 * n * (n - 1) * _SECOND**2)

    @property
    def minimum(self) -> float | None:
        """The shortest, in seconds; None when there is no duration."""
        return self.shortest / _SECOND if self.count else None

    @property
    def maximum(self) -> float | None:
        """The longest, in seconds, also beyond an hour; None when there is no duration."""
        return self.longest / _SECOND if self.count else None

    def buckets(self) -> list[tuple[float, float, int]]:
        """Occupied buckets, ascending: from and below which seconds, and how many."""
        found = []
        for index, n in zip(*self._columns(), strict=True):
            low, width = bounds(index, self.bits)
            found.append((low / _SECOND, (low + width) / _SECOND, n))
        return found

    def coarse(self, bits: int) -> Histogram:
        """The same durations in buckets of at most ``bits`` sub-bits: on its own, never finer than this one."""
        other = Histogram(min(bits, self.bits))
        other.counts = dict(self.counts.items()) if bits >= self.bits else dict(self._coarse_items(bits))
        other._add_figures(self)
        return other

    def coarsen(self, bits: int) -> None:
        """Make this one as coarse as ``coarse`` would."""
        if bits >= self.bits:
            return
        items = self._coarse_items(bits)
        self.counts = dict(items) if isinstance(self.counts, dict) else DenseCounts(items)
        self.bits = bits

    def _coarse_items(self, bits: int) -> Iterable[tuple[int, int]]:
        # From 2 ** self.bits on, wider buckets take 2 ** drop neighbours each, and number on without a gap.
        drop = self.bits - bits
        first, base = 1 << self.bits, drop << bits
        found: dict[int, int] = {}
        get = found.get
        for index, n in self.counts.items():
            wide = (index >> drop) + base if index >= first else index_of(index, bits)
            found[wide] = get(wide, 0) + n
        return found.items()

    def copy(self) -> Histogram:
        """The same, on its own."""
        other = Histogram(self.bits)
        other.counts = self.counts.copy()
        other._add_figures(self)
        return other

    def pack(self) -> list[Any]:
        """All of it as a list of what msgpack takes: bits, sum, over, minimum, maximum, buckets, their counts."""
        indexes, counts = self._columns()
        return [
            self.bits,
            _packed_int(self.total),
            self.over,
            _packed_int(self.shortest) if self.count else None,
            _packed_int(self.longest) if self.count else None,
            len(indexes),
            to_planes(list(map(sub, indexes, chain((0,), indexes)))),
            to_planes(counts),
        ]

    @classmethod
    def unpack(cls, packed: list[Any]) -> Histogram:
        """The inverse of ``pack``.

        Raises:
            ValueError: It is not what ``pack`` makes.
            TypeError: Neither are its parts.
        """
        bits, total, over, shortest, longest, n, steps, packed_counts = packed
        if bits not in range(BITS + 1):
            raise ValueError(f"{bits!r} sub-bits")
        counts = from_planes(packed_counts, n)
        histogram = cls(bits)
        histogram.counts = dict(zip(accumulate(from_planes(steps, n)), counts, strict=True))
        histogram.count = sum(counts)
        histogram.total = _unpacked_int(total)
        histogram.over = over
        if shortest is not None:
            histogram.shortest = _unpacked_int(shortest)
            histogram.longest = _unpacked_int(longest)
        return histogram

    def encode(self) -> bytes:
        """All of it in few bytes."""
        return deflated(msgpack.packb(self.pack()))

    @classmethod
    def decode(cls, data: bytes) -> Histogram:
        """The inverse of ``encode``.

        Raises:
            ValueError: These are not the bytes of a histogram.
        """
        try:
            return cls.unpack(msgpack.unpackb(inflated(data)))
        except (ValueError, TypeError, zlib.error) as error:
            raise ValueError(f"not an encoded histogram: {error}") from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.pack() == other.pack()

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"<Histogram of {self.count}, {self.minimum}..{self.maximum} s, {self.bits} bits>"

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.counts.__sizeof__()


def index_of(ns: int, bits: int) -> int:
    """Index of a duration's bucket.

    With e = floor(log2(ns)) it is ``((e - bits + 1) << bits) + (ns >> (e - bits)) - 2 ** bits`` from ``2 ** bits`` on,
    and the duration itself below; the terms are drawn together here.
    """
    shift = ns.bit_length() - bits - 1
    return (shift << bits) + (ns >> shift) if shift > 0 else ns


def bounds(index: int, bits: int) -> tuple[int, int]:
    """A bucket's lowest duration and its width, both in ns."""
    shift = max(0, (index >> bits) - 1)
    return (index - (shift << bits)) << shift, 1 << shift


def _packed_int(value: int) -> int | bytes:
    """A sum of nanoseconds may outgrow what msgpack takes as a number: 292 years."""
    return value if value < _MSGPACK_INT else value.to_bytes((value.bit_length() + 7) // 8, "big")


def _unpacked_int(value: int | bytes) -> int:
    return int.from_bytes(value, "big") if isinstance(value, bytes) else value
