"""Progress where no terminal is: a line every ten seconds, one for each level of a search, and what scripts print."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from loadproof.cli.ending import print_summary
from loadproof.cli.figures import level_line, recent_arrivals, recent_figures, stage_text, verdict_value
from loadproof.report.wording import printable
from loadproof.result import Outcome
from loadproof.units import format_clock, format_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadproof.result import Level, RunResult
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
        self._levels = 0  # that were told of

    def started(self, progress: Progress) -> None:
        """Say what begins."""
        self._next = _INTERVAL
        self._levels = 0
        lasts = "until it ends or Ctrl-C" if progress.run_time is None else f"for {format_clock(progress.run_time)}"
        users = (
            ""
            if progress.users_wanted is None
            else f" with {progress.users_wanted} {'user' if progress.users_wanted == 1 else 'users'}"
        )
        self._line(f"{progress.test_name}: running{users} {lasts}, results in {progress.directory}")

    def progressed(self, progress: Progress) -> None:
        """One line, every ten seconds; and one for each level that is over."""
        self._tell_of(progress.levels)
        if progress.elapsed < self._next:
            return
        self._next = progress.elapsed - progress.elapsed % _INTERVAL + _INTERVAL
        figures = recent_figures(progress)
        failing = [
            f"{printable(verdict.rule)} ({verdict_value(verdict)})"
            for verdict in progress.verdicts
            if verdict.outcome is Outcome.FAIL
        ]
        broken = f", failing: {'; '.join(failing)}" if failing else ""
        stage = stage_text(progress)
        paused = "paused, " if progress.paused else ""
        self._line(
            f"{format_clock(progress.elapsed)} {f'{stage}; ' if stage else ''}{paused}users {progress.users}"
            f"{_arrivals(progress)}, {figures.rate_text}, p50 {figures.p50}, p95 {figures.p95}, p99 {figures.p99}, "
            f"errors {figures.error_text}{broken}"
        )

    def said(self, line: str) -> None:
        """A line of a script, as it is."""
        print(line, file=self._out, flush=True)

    def finished(self, result: RunResult) -> None:
        """Print the summary."""
        self._tell_of(result.levels)
        print_summary(result)

    def close(self) -> None:
        """Nothing to take away."""

    def _tell_of(self, levels: Sequence[Level]) -> None:
        for level in levels[self._levels :]:
            self._line(level_line(level))
        self._levels = len(levels)

    def _line(self, text: str) -> None:
        if not self._quiet:
            print(text, file=self._out, flush=True)


def _arrivals(progress: Progress) -> str:
    arrivals = recent_arrivals(progress)
    if arrivals is None:
        return ""
    return (
        f", offered {arrivals.offered}, started {arrivals.started}, dropped {format_count(arrivals.dropped)}, "
        f"start lag p99 {arrivals.lag}"
    )
