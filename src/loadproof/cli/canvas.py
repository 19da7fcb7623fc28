"""Some lines at the bottom of a terminal that are drawn again and again; what is printed meanwhile goes above them.

The cursor rests on the last of them. One write takes it to the first, writes them anew and clears what is left, with
wrapping switched off, so that nothing scrolls; terminals that know synchronised output show it at once.
"""

from __future__ import annotations

import os
import re
from typing import IO, TYPE_CHECKING

from rich.cells import cell_len

from loadproof.report.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console
    from rich.text import Text

_BEGIN = "\x1b[?2026h\x1b[?25l\x1b[?7l"
_END = "\x1b[?7h\x1b[?2026l"
_CLEAR_LINE = "\x1b[K"
_CLEAR_BELOW = "\x1b[J"

RESTORE = "\x1b[?7h\x1b[?25h\x1b[?2026l"
"""Wraps lines again, and shows the cursor."""

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_SMALLEST = (80, 24)
"""Columns and rows where the terminal does not say."""


class Canvas:
    """The lines that are there now.

    Args:
        console: Turns styles into what the terminal understands.
        out: The terminal.
    """

    def __init__(self, console: Console, out: IO[str]) -> None:
        self._console = console
        self._out = out
        self._widths: list[int] = []  # of the lines that are there, in columns
        self._rows = 0  # of the terminal, when these were drawn
        self._spilled = False  # whether some have scrolled away when it became smaller

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of the terminal, as it is now."""
        try:
            columns, rows = os.get_terminal_size(self._out.fileno())
        except (OSError, ValueError):
            return _SMALLEST
        return columns or _SMALLEST[0], rows or _SMALLEST[1]

    def paint(self, lines: Sequence[Text], above: Iterable[str] = ()) -> None:
        """Draw these lines in the place of those that are there.

        Args:
            lines: None wider, and no more of them, than ``size`` allows.
            above: What has been printed since; it stays, above the lines.
        """
        columns, height = self.size
        said = "".join(f"{_harmless(line)}\n" for line in above)
        if said:  # it may be longer than a line, and is wrapped
            said = f"\x1b[?7h{_CLEAR_BELOW}{said}\x1b[?7l"
        # Cleared first: behind a line that is as wide as the terminal the cursor still stands on its last sign.
        drawn = "\n".join(f"{_CLEAR_LINE}{self._rendered(line, columns)}" for line in lines[:-1])
        last = self._rendered(lines[-1], columns)
        drawn = f"{drawn}\n" if drawn else ""
        widths = [cell_len(line.plain) for line in lines]
        text = f"{_BEGIN}{self._to_the_first()}{said}{drawn}{_CLEAR_BELOW}{last}{_END}"
        # Noted first: a signal handler that runs while this is written may say that they are to be forgotten.
        self._widths, self._rows = widths, height
        self._write(text)

    def clear(self, above: Iterable[str] = ()) -> None:
        """Take the lines away, and leave the terminal as it was found."""
        said = "".join(f"{_harmless(line)}\n" for line in above)
        self._write(f"{self._to_the_first()}{_CLEAR_BELOW}{RESTORE}{said}")
        self._widths = []

    def say(self, lines: Iterable[str]) -> None:
        """Print lines and nothing else: the terminal belongs to another program now."""
        said = "".join(f"{_harmless(line)}\n" for line in lines)
        if said:
            self._write(said)

    def forget(self) -> None:
        """The lines are no longer where they were: another program has used the terminal."""
        self._widths = []

    def release(self) -> None:
        """Give the terminal back for a while. It may be called in the middle of a drawing, by a signal handler."""
        try:
            os.write(self._out.fileno(), f"{RESTORE}\r\n".encode())
        except (OSError, ValueError):
            return  # it is gone, or no terminal

    def _to_the_first(self) -> str:
        """Takes the cursor to the first line that is there.

        Terminals that have become narrower have wrapped what was wider, and let scroll away what had no room; those
        that become higher again bring that back, and then the whole screen is cleared of it.
        """
        columns, height = self.size
        rows = sum(max(1, -(-width // columns)) for width in self._widths)
        if self._spilled and height > self._rows:
            self._spilled = False
            return f"\x1b[H{_CLEAR_BELOW}"
        self._spilled = self._spilled or rows > height
        return f"\r\x1b[{rows - 1}A" if rows > 1 else "\r"

    def _rendered(self, line: Text, columns: int) -> str:
        console = self._console
        console.width = max(columns, 1)
        with console.capture() as capture:
            console.print(line, end="", no_wrap=True, overflow="crop", crop=True, highlight=False)
        return capture.get()

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _harmless(line: str) -> str:
    """A line of a script without what would move the cursor; colours stay."""
    if line.isprintable():
        return line
    parts = _COLOUR.split(line)
    colours = _COLOUR.findall(line)
    kept = "".join(printable(part, keep="\t") + colour for part, colour in zip(parts, [*colours, ""], strict=True))
    return f"{kept}\x1b[0m" if colours else kept
