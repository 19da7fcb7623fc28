"""A log-linear histogram of durations: every value to 0.1 %, merged without loss.

Unit 1 ns, 10 sub-bits: exact below 1.024 us, buckets at most 2^-10 of their value wide up to one hour. The layout is
that of HDR histograms with a power-of-two number of sub-buckets (G. Tene, HdrHistogram), kept sparse.
"""

from __future__ import annotations

import math
from itertools import pairwise

_BITS = 10
_LINEAR = 1 << _BITS
_HIGHEST = 3_600_000_000_000
NS = 1_000_000_000


def _index(value: int, bits: int = _BITS) -> int:
    if value < 1 << bits:
        return value
    exponent = value.bit_length() - 1 - bits
    return ((exponent + 1) << bits) + (value >> exponent) - (1 << bits)


def _bounds(index: int, bits: int = _BITS) -> tuple[int, int]:
    """Lowest value of a bucket, and the lowest of the next one."""
    linear = 1 << bits
    if index < linear:
        return index, index + 1
    exponent = (index >> bits) - 1
    low = (linear + (index & (linear - 1))) << exponent
    return low, low + (1 << exponent)


class Histogram:
    """Counts of durations.

    Args:
        bits: Sub-bits: 10 everywhere but in windows per name, which are coarser.

    Attributes:
        count: Values recorded.
        total: Their exact sum in ns.
        over: Values above one hour: counted, and held in the last bucket.
    """

    __slots__ = ("_counts", "_max", "_min", "bits", "count", "over", "total")

    def __init__(self, bits: int = _BITS) -> None:
        self.bits = bits
        self._counts: dict[int, int] = {}
        self.count = 0
        self.total = 0
        self.over = 0
        self._min = -1
        self._max = -1

    def __eq__(self, other: object) -> bool:
        """Equal counts, sums and extremes."""
        return isinstance(other, Histogram) and self._fields() == other._fields()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """For people: ``<Histogram 120 values, p50 0.0123 s>``."""
        return f"<Histogram {self.count} values, p50 {self.quantile(0.5)} s>"

    def _fields(self) -> tuple[object, ...]:
        return self.bits, self._counts, self.count, self.total, self.over, self._min, self._max

    def record(self, ns: int, n: int = 1) -> None:
        """Count ``n`` values of ``ns`` nanoseconds; negative ones, which a stepped clock can make, count as 0."""
        if ns < 0:  # noqa: PLR1730 - a call of max() costs more, and this runs for every request
            ns = 0
        if ns < _LINEAR:
            index = ns
        elif ns <= _HIGHEST:
            exponent = ns.bit_length() - 11
            index = (exponent << 10) + (ns >> exponent)
        else:
            self.over += n
            index = _index(_HIGHEST)
        counts = self._counts
        counts[index] = counts.get(index, 0) + n
        self.count += n
        self.total += ns * n
        if ns > self._max:  # noqa: PLR1730 - as above
            self._max = ns
        if ns < self._min or self._min < 0:
            self._min = ns

    def merge(self, other: Histogram) -> None:
        """Add another's counts; exact where both have the same sub-bits, else the other is coarsened first."""
        if other.bits != self.bits:
            other = other.coarse(self.bits)
        counts = self._counts
        for index, n in other._counts.items():  # noqa: SLF001
            counts[index] = counts.get(index, 0) + n
        self.count += other.count
        self.total += other.total
        self.over += other.over
        theirs, largest = other._min, other._max  # noqa: SLF001
        self._max = max(self._max, largest)
        if theirs >= 0 and (theirs < self._min or self._min < 0):
            self._min = theirs

    def quantile(self, q: float) -> float | None:
        """The nearest-rank quantile in seconds: the value of rank ``ceil(q * count)``, at least 1.

        It is the middle of the value's bucket, within the smallest and the largest value. None when nothing was
        recorded.
        """
        if not self.count:
            return None
        # Binary fractions such as 0.95 * 20 land just above a whole number; that must not cost a rank.
        rank = min(self.count, max(1, math.ceil(q * self.count - 1e-9)))
        return self.at_rank(rank)

    def at_rank(self, rank: int) -> float | None:
        """The value of a rank, 1 for the smallest, in seconds; None when nothing was recorded."""
        if not self.count:
            return None
        if rank <= 1:
            return self._min / NS
        if rank >= self.count:
            return self._max / NS
        seen = 0
        for index in sorted(self._counts):
            seen += self._counts[index]
            if seen >= rank:
                low, high = _bounds(index, self.bits)
                middle = low if high - low == 1 else (low + high) / 2
                return min(max(middle, self._min), self._max) / NS
        return self._max / NS

    @property
    def mean(self) -> float | None:
        """Exact mean in seconds; None when nothing was recorded."""
        return self.total / self.count / NS if self.count else None

    @property
    def minimum(self) -> float | None:
        """Exact smallest value in seconds; None when nothing was recorded."""
        return self._min / NS if self.count else None

    @property
    def maximum(self) -> float | None:
        """Exact largest value in seconds; None when nothing was recorded."""
        return self._max / NS if self.count else None

    def buckets(self) -> list[tuple[float, float, int]]:
        """Occupied buckets in ascending order: lowest value and next bucket's lowest in seconds, and the count."""
        result = []
        for index in sorted(self._counts):
            low, high = _bounds(index, self.bits)
            result.append((low / NS, high / NS, self._counts[index]))
        return result

    def coarse(self, bits: int) -> Histogram:
        """The same counts in buckets at most ``2^-bits`` of their value wide; sums and extremes stay exact.

        Raises:
            ValueError: ``bits`` is more than this histogram has.
        """
        if bits > self.bits:
            raise ValueError(f"{self.bits} sub-bits cannot become {bits}")
        result = Histogram(bits)
        result.count, result.total, result.over = self.count, self.total, self.over
        result._min, result._max = self._min, self._max
        for index, n in self._counts.items():
            wider = _index(_bounds(index, self.bits)[0], bits)
            result._counts[wider] = result._counts.get(wider, 0) + n
        return result

    def encode(self) -> bytes:
        """Compact bytes: varints of the fields, then of each occupied bucket's distance and count."""
        out = bytearray()
        for value in (self.bits, self.count, self.total, self.over, self._min + 1, self._max + 1):
            _write(out, value)
        indexes = sorted(self._counts)
        for before, index in pairwise([0, *indexes]):
            _write(out, index - before)
            _write(out, self._counts[index])
        return bytes(out)

    @classmethod
    def decode(cls, data: bytes) -> Histogram:
        """The inverse of ``encode``."""
        values = _read(data)
        result = cls(values[0])
        result.count, result.total, result.over = values[1:4]
        result._min, result._max = values[4] - 1, values[5] - 1
        index = 0
        for distance, n in zip(values[6::2], values[7::2], strict=True):
            index += distance
            result._counts[index] = n
        return result


def _write(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _read(data: bytes) -> list[int]:
    values = []
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
        else:
            values.append(value)
            value = shift = 0
    return values
