"""The live view on a terminal: how far, how many, how fast, and how the rules stand."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from loadproof.cli.canvas import Canvas
from loadproof.cli.dashboard import draw
from loadproof.cli.ending import print_summary
from loadproof.cli.trends import Trends

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from loadproof.result import RunResult
    from loadproof.supervisor import Progress

_LINES_AT_ONCE = 500
"""Lines of scripts that wait to be shown with the next drawing; a flood of them must not slow the supervisor."""


class LiveView:
    """Redraws some lines at the bottom of the terminal; what scripts print scrolls by above.

    Args:
        console: Where to draw; a terminal.
        keys: Whether keys are heard, so that the view should name them.
    """

    def __init__(self, console: Console, *, keys: bool = False) -> None:
        self._canvas = Canvas(console, console.file)
        self._keys = keys
        self._explained = False
        self._drawing = True
        self._is_ours: Callable[[], bool] | None = None
        self._trends = Trends()
        self._progress: Progress | None = None
        self._said: deque[str] = deque()

    @property
    def hears_keys(self) -> bool:
        """Whether it names keys."""
        return self._keys

    def started(self, progress: Progress) -> None:
        """A test began."""
        self._trends = Trends()
        self.progressed(progress)

    def progressed(self, progress: Progress) -> None:
        """Draw the new state."""
        self._progress = progress
        self._trends.note(progress)
        self._draw()

    def said(self, line: str) -> None:
        """Show a line above the view."""
        self._said.append(line)
        if self._progress is None or len(self._said) >= _LINES_AT_ONCE:
            self._draw()

    def finished(self, result: RunResult) -> None:
        """Take the view away and print the summary."""
        self.close()
        print_summary(result)

    def close(self) -> None:
        """Take the view away, whatever happened."""
        if self._progress is not None or self._said:
            self._progress = None
            self._canvas.clear(self._taken())

    def toggle_help(self) -> None:
        """Show what the keys do, or hide it."""
        self._explained = not self._explained
        self._draw()

    def suspend(self) -> None:
        """Leave the terminal in order; in the middle of a drawing too, which is why nothing is buffered."""
        self._canvas.release()

    def resume(self) -> None:
        """Go on below whatever was printed meanwhile."""
        self._canvas.forget()

    def ask_first(self, is_ours: Callable[[], bool] | None) -> None:
        """Ask whether the terminal is ours; in the background only what scripts print is shown."""
        self._is_ours = is_ours

    def _draw(self) -> None:
        before, self._drawing = self._drawing, self._is_ours is None or self._is_ours()
        if self._drawing and not before:
            self._canvas.forget()
        if not self._drawing:
            self._canvas.say(self._taken())
            return
        if self._progress is None:
            self._canvas.clear(self._taken())
            return
        lines = draw(self._progress, self._trends, self._canvas.size, keys=self._keys, explained=self._explained)
        self._canvas.paint(lines, self._taken())

    def _taken(self) -> list[str]:
        said = list(self._said)
        self._said.clear()
        return said
