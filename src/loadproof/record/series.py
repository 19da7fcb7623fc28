"""Windows of equal width over a run, which are joined to wider ones as it grows longer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadproof.record.compact import from_text, to_text
from loadproof.record.tally import Tallies, add_tallies, decode_tallies, encode_tallies

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted in one part of a run.

    Attributes:
        start: Its start, in seconds since the run's start.
        end: Its end, which belongs to the next one.
        tallies: Samples that ended in it; empty when none did.
        users: Mean number of users in it; None when none was reported by then, and for windows of one entry.
    """

    start: float
    end: float
    tallies: Tallies
    users: float | None


class Series:
    """The windows of one entry, or of all together, numbered from the run's start.

    A window is open while samples come in, and counted in memory. Settled, it is kept as encoded pieces. To join
    windows is then to put their pieces side by side, whatever there is of them, and to give one that is settled a
    late sample is to open it again and to add a piece; pieces are made one later, a few at a time, so that no single
    call takes long.

    Args:
        bits: Sub-bits of its histograms.
    """

    __slots__ = ("_bits", "_loose", "_open", "_pieces", "size")

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._open: dict[int, Tallies] = {}
        self._pieces: dict[int, tuple[bytes, ...]] = {}
        self._loose: set[int] = set()  # windows of several pieces
        self.size = 0  # bytes of all pieces

    def add(self, index: int, tallies: Tallies) -> None:
        """Count samples in a window."""
        add_tallies(self._open.setdefault(index, {}), tallies, bits=self._bits, dense=True)

    def join(self, factor: int) -> None:
        """Make one window of each ``factor`` neighbours."""
        pieces, opened = self._pieces, self._open
        self._pieces, self._open, self._loose = {}, {}, set()
        for index, parts in pieces.items():
            self._append(index // factor, parts)
        for index, tallies in opened.items():
            self.add(index // factor, tallies)

    def _append(self, index: int, parts: tuple[bytes, ...]) -> None:
        before = self._pieces.get(index, ())
        self._pieces[index] = before + parts
        if before:
            self._loose.add(index)

    def settle(self, before: int, most: int) -> int:
        """Encode open windows below ``before`` and make one piece of several, and say how often it was done.

        Args:
            before: First window that may still get samples.
            most: How often to do it at most.
        """
        due = [index for index in self._open if index < before][:most]
        for index in due:
            piece = encode_tallies(self._open.pop(index))
            self.size += len(piece)
            self._append(index, (piece,))
        done = len(due)
        while self._loose and done < most:
            index = self._loose.pop()
            parts = self._pieces[index]
            piece = encode_tallies(_together(parts))
            self.size += len(piece) - sum(map(len, parts))
            self._pieces[index] = (piece,)
            done += 1
        return done

    def tallies(self, index: int) -> Tallies:
        """What was counted in a window, on its own; empty when nothing was."""
        tallies = _together(self._pieces.get(index, ()))
        if index in self._open:
            add_tallies(tallies, self._open[index])
        return tallies

    def windows(self, width: int, end: int) -> Iterator[Window]:
        """Its windows from the run's start, empty ones too, given their width and the end of the last in seconds."""
        for index in range(-(-end // width)):
            start = index * width
            yield Window(float(start), float(min(start + width, end)), self.tallies(index), None)

    def tidy(self) -> None:
        """Make one piece of several everywhere."""
        self.settle(0, len(self._loose))

    def to_json(self) -> list[str | None]:
        """Its windows in base64, None for an empty one."""
        self.tidy()
        texts: list[str | None] = [None] * (max((*self._pieces, *self._open), default=-1) + 1)
        for index, parts in self._pieces.items():
            texts[index] = to_text(parts[0])
        for index in self._open:
            texts[index] = to_text(encode_tallies(self.tallies(index)))
        return texts

    @classmethod
    def from_json(cls, bits: int, texts: list[str | None]) -> Series:
        """The inverse of ``to_json``."""
        series = cls(bits)
        series._pieces = {index: (from_text(text),) for index, text in enumerate(texts) if text is not None}
        series.size = sum(len(piece) for (piece,) in series._pieces.values())
        return series


def _together(parts: tuple[bytes, ...]) -> Tallies:
    if not parts:
        return {}
    tallies = decode_tallies(parts[0])
    for part in parts[1:]:
        add_tallies(tallies, decode_tallies(part))
    return tallies
