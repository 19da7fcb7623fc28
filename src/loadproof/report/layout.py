"""Plain text laid out for a terminal: columns, cuts, wraps, and an ASCII form of all of it."""

from __future__ import annotations

import textwrap
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadproof.report.wording import ABSENT, TIMES, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ASCII = {ABSENT: "-", TIMES: "x", "✓": "+", "⚠": "!", "✗": "x", "…": "...", "µ": "u", "∞": "inf", "\ufffd": "?"}
_GAP = "  "
_NAME_MIN = 12
"""Columns that a name keeps however little room there is."""

_NAME_WANTED = 32
"""Columns of a name that are worth more than other figures."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How text is laid out.

    Attributes:
        unicode: Whether the terminal shows more than ASCII.
        width: Its columns.
    """

    unicode: bool
    width: int

    def plain(self, text: str) -> str:
        """One line without control codes, and in ASCII where nothing else can be shown."""
        line = printable(" ".join(text.splitlines()) if "\n" in text or "\r" in text else text)
        if self.unicode:
            return line
        for sign, replacement in _ASCII.items():
            line = line.replace(sign, replacement)
        return line.encode("ascii", "backslashreplace").decode("ascii")

    def cut(self, text: str, width: int) -> str:
        """At most ``width`` columns: a longer text loses its middle."""
        if columns(text) <= width:
            return text
        dots = self.plain("…")
        room = max(0, width - columns(dots))
        tail = room // 2
        return _taken(text, room - tail) + dots + _taken(text[::-1], tail)[::-1]

    def wrapped(self, text: str, *, indent: str = "", first: str | None = None) -> list[str]:
        """Lines no wider than the page.

        Args:
            text: Any text; it is made plain.
            indent: Before each line.
            first: Before the first line instead; None for the same.
        """
        return textwrap.wrap(
            self.plain(text),
            max(40, self.width),
            initial_indent=self.plain(indent if first is None else first),
            subsequent_indent=indent,
            break_on_hyphens=False,
        ) or [indent.rstrip()]

    def table(
        self, rows: Sequence[Sequence[str]], *, left: Iterable[int], name: int, optional: Iterable[int] = ()
    ) -> list[str]:
        """Rows in columns, two spaces in.

        Args:
            rows: Texts of equally many cells, the heading first.
            left: Columns that are aligned to the left; numbers are to the right.
            name: The column that is cut where the page is too narrow.
            optional: Columns that are left out one by one where names have too little room.
        """
        cells = [[self.plain(cell) for cell in row] for row in rows]
        widths = {i: max(columns(row[i]) for row in cells) for i in range(len(cells[0]))}
        wanted = min(widths[name], _NAME_WANTED)
        for column in optional:
            if self._room_beside(name, widths) < wanted:
                del widths[column]
        widths[name] = min(widths[name], max(_NAME_MIN, self._room_beside(name, widths)))
        aligned = set(left)
        lines = []
        for row in cells:
            row[name] = self.cut(row[name], widths[name])
            padded = [_padded(row[i], width, left=i in aligned) for i, width in widths.items()]
            lines.append((_GAP + _GAP.join(padded)).rstrip())
        return lines

    def _room_beside(self, name: int, widths: dict[int, int]) -> int:
        return self.width - sum(widths.values()) + widths[name] - len(_GAP) * len(widths)


def columns(text: str) -> int:
    """Columns that a text takes on a terminal: two for wide signs, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(map(_columns_of, text))


def _columns_of(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _padded(text: str, width: int, *, left: bool) -> str:
    space = " " * (width - columns(text))
    return text + space if left else space + text


def _taken(text: str, width: int) -> str:
    """As much of the beginning as fits."""
    used = 0
    for index, letter in enumerate(text):
        used += _columns_of(letter)
        if used > width:
            return text[:index]
    return text
