"""Lines of a terminal that never are too wide: tables, columns side by side, and who gets how many of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_GAP = 2
_LOWEST = 2
"""Rows in which a section can say anything: its heading and one more."""

_NARROWEST = 16
"""Columns that the cell which may be cut keeps, before other columns are left out."""


class Section(Protocol):
    """A part of a view that can be of several heights."""

    @property
    def least(self) -> int:
        """Rows that it gets before others get more than theirs."""

    @property
    def wanted(self) -> int:
        """Rows that show all of it; 0 where there is nothing to show."""

    def lines(self, rows: int, columns: int) -> list[Text]:
        """At most so many rows, none wider than so many columns."""


def table(
    rows: Sequence[Sequence[Text]],
    columns: int,
    *,
    cut: int,
    left: Collection[int] = (),
    optional: Sequence[int] = (),
    narrowest: int = _NARROWEST,
) -> list[Text]:
    """Rows of cells, one below the other.

    Args:
        rows: Equally many cells each; not empty.
        columns: Of the terminal.
        cut: Index of the cell that is cut where there is not enough room.
        left: Indices of the cells that begin at the same column, rather than end there.
        optional: Indices of the cells that are left out before ``cut`` gets too narrow, in their order.
        narrowest: Columns that ``cut`` keeps as long as any of these are there.
    """
    shown = list(range(len(rows[0])))
    widths = [max(row[index].cell_len for row in rows) for index in shown]
    for index in (None, *optional):
        if index is not None:
            shown.remove(index)
        room = columns - sum(widths[each] for each in shown if each != cut) - _GAP * (len(shown) - 1)
        if room >= min(widths[cut], narrowest):
            break
    widths[cut] = max(1, min(widths[cut], room))
    lines = []
    for row in rows:
        line = Text(no_wrap=True)
        for position, index in enumerate(shown):
            line.append(" " * _GAP if position else "")
            line.append_text(_fitted(row[index], widths[index], to_left=index in left))
        lines.append(fitted(line, columns))
    return lines


def fitted(line: Text, columns: int) -> Text:
    """The line, cut with an ellipsis where it is wider."""
    line = line.copy()
    line.truncate(max(columns, 1), overflow="ellipsis")
    return line


def stacked(sections: Sequence[Section], rows: int, columns: int) -> list[Text]:
    """Sections one below the other, with an empty row before each of them where there is room.

    Where they cannot all be shown whole, each gets its least rows, first things first, and the rest is dealt out in
    turn.
    """
    there = [section for section in sections if section.wanted]
    given: dict[int, int] = {}
    left = rows
    for number, section in enumerate(there):
        if left >= min(_LOWEST, section.wanted):
            given[number] = min(section.least, section.wanted, left)
            left -= given[number]
    while left and (lacking := [number for number, height in given.items() if height < there[number].wanted]):
        for number in lacking[:left]:
            given[number] += 1
        left -= len(lacking[:left])
    blank = left >= len(given)
    lines: list[Text] = []
    for number, height in given.items():
        if blank:
            lines.append(Text())
        lines += there[number].lines(height, columns)
    return lines


def beside(one: Sequence[Text], other: Sequence[Text], columns: int, of_one: int) -> list[Text]:
    """Two blocks next to each other.

    Args:
        one: The left one, none of its lines wider than ``of_one``.
        other: The right one.
        columns: Of both.
        of_one: Columns of the left one.
    """
    lines = []
    for number in range(max(len(one), len(other))):
        line = (one[number] if number < len(one) else Text()).copy()
        if number < len(other):
            line.append(" " * (of_one - line.cell_len))
            line.append_text(other[number])
        lines.append(fitted(line, columns))
    return lines


def _fitted(cell: Text, width: int, *, to_left: bool) -> Text:
    cell = cell.copy()
    cell.truncate(width, overflow="ellipsis")
    space = " " * (width - cell.cell_len)
    return cell.append(space) if to_left else Text(space).append_text(cell)
