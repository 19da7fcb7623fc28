"""Progress where no terminal is: one line every ten seconds, and what scripts print."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from loadproof.cli.figures import recent_figures
from loadproof.cli.summary import print_summary
from loadproof.result import Outcome
from loadproof.units import format_clock

if TYPE_CHECKING:
    from loadproof.result import RunResult
    from loadproof.supervisor import Progress

_INTERVAL = 10.0


class PlainView:
    """Lines that read well in a CI log.

    Args:
        out: Where they go.
        quiet: Only what scripts print.
    """

    def __init__(self, out: TextIO, *, quiet: bool = False) -> None:
        self._out = out
        self._quiet = quiet
        self._next = _INTERVAL

    def started(self, progress: Progress) -> None:
        """Say what begins."""
        self._next = _INTERVAL
        lasts = "until Ctrl-C" if progress.run_time is None else f"for {format_clock(progress.run_time)}"
        users = (
            ""
            if progress.users_wanted is None
            else f" with {progress.users_wanted} {'user' if progress.users_wanted == 1 else 'users'}"
        )
        self._line(f"{progress.test_name}: running{users} {lasts}, results in {progress.directory}")

    def progressed(self, progress: Progress) -> None:
        """One line, every ten seconds."""
        if progress.elapsed < self._next:
            return
        self._next = progress.elapsed - progress.elapsed % _INTERVAL + _INTERVAL
        figures = recent_figures(progress)
        failing = [verdict.rule for verdict in progress.verdicts if verdict.outcome is Outcome.FAIL]
        broken = f", failing: {'; '.join(failing)}" if failing else ""
        self._line(
            f"{format_clock(progress.elapsed)} users {progress.users}, {figures.rate_text}, p50 {figures.p50}, "
            f"p95 {figures.p95}, p99 {figures.p99}, errors {figures.error_text}{broken}"
        )

    def said(self, line: str) -> None:
        """A line of a script, as it is."""
        print(line, file=self._out, flush=True)

    def finished(self, result: RunResult) -> None:
        """Print the summary."""
        print_summary(result)

    def close(self) -> None:
        """Nothing to take away."""

    def _line(self, text: str) -> None:
        if not self._quiet:
            print(text, file=self._out, flush=True)
