"""Counts by bucket that take one to eight bytes a bucket, for histograms that are kept through a whole run."""

from __future__ import annotations

import sys
from array import array
from itertools import compress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BITS = 8
_SIZE = 1 << _BITS
_MASK = _SIZE - 1
_EMPTY = bytes(_SIZE)
_WIDER = {"B": "H", "H": "I", "I": "Q"}


class DenseCounts:
    """Counts in blocks of neighbouring buckets; a block is made when its first bucket is hit, and widens as it fills.

    A dict spends some 90 bytes on a bucket. A run's histogram has thousands of neighbouring ones, and there are
    thousands of histograms, so that a dict would not fit where this does.
    """

    __slots__ = ("_blocks",)

    def __init__(self, items: Iterable[tuple[int, int]] = ()) -> None:
        self._blocks: dict[int, array[int]] = {}
        self.add(items)

    def add(self, items: Iterable[tuple[int, int]]) -> None:
        """Add counts to buckets, given as (index, n)."""
        blocks = self._blocks
        for index, n in items:
            block = blocks.get(index >> _BITS)
            if block is None:
                block = blocks[index >> _BITS] = array("B", _EMPTY)
            try:
                block[index & _MASK] += n
            except OverflowError:
                self[index] = block[index & _MASK] + n

    def get(self, index: int, default: int = 0) -> int:
        """Count of one bucket; ``default`` where it is 0."""
        block = self._blocks.get(index >> _BITS)
        return default if block is None else block[index & _MASK] or default

    def __setitem__(self, index: int, n: int) -> None:
        block = self._blocks.get(index >> _BITS)
        if block is None:
            block = array("B", _EMPTY)
        while n >> (8 * block.itemsize):
            block = array(_WIDER[block.typecode], block)
        block[index & _MASK] = n
        self._blocks[index >> _BITS] = block

    def items(self) -> Iterator[tuple[int, int]]:
        """Occupied buckets as (index, n), ascending."""
        return zip(*self.columns(), strict=True)

    def columns(self) -> tuple[list[int], list[int]]:
        """Occupied buckets, ascending, as their indexes and their counts."""
        indexes: list[int] = []
        counts: list[int] = []
        for number, block in sorted(self._blocks.items()):
            first = number << _BITS
            indexes.extend(compress(range(first, first + _SIZE), block))
            counts.extend(filter(None, block))
        return indexes, counts

    def copy(self) -> DenseCounts:
        """The same counts, on their own."""
        other = DenseCounts()
        other._blocks = {number: block[:] for number, block in self._blocks.items()}
        return other

    def __sizeof__(self) -> int:
        blocks = self._blocks
        return object.__sizeof__(self) + sys.getsizeof(blocks) + sum(map(sys.getsizeof, blocks.values()))
