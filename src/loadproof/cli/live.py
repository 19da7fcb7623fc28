"""The live view on a terminal: how far, how many, how fast, and how the rules stand."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadproof.cli.ending import print_summary
from loadproof.cli.figures import (
    MARKS,
    STYLES,
    level_line,
    recent_arrivals,
    recent_figures,
    stage_text,
    verdict_value,
)
from loadproof.result import Outcome
from loadproof.units import format_clock, format_count

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from loadproof.cli.figures import Figures
    from loadproof.result import RunResult
    from loadproof.supervisor import Progress

_SPARKS = "▁▂▃▄▅▆▇█"
_HISTORY = 60
_RULES_SHOWN = 12
_LEVELS_SHOWN = 8


class LiveView:
    """Redraws a few lines at the bottom of the terminal; what scripts print scrolls by above.

    Args:
        console: Where to draw; a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._rates: deque[float] = deque(maxlen=_HISTORY)
        self._levels: list[tuple[Outcome, str]] = []  # those that are over

    def started(self, progress: Progress) -> None:
        """A test began."""
        self._rates.clear()
        self._levels.clear()
        self._live = Live(
            self._draw(progress), console=self._console, refresh_per_second=4, transient=True, redirect_stderr=False
        )
        self._live.start()

    def progressed(self, progress: Progress) -> None:
        """Draw the new state."""
        if self._live is not None:
            self._live.update(self._draw(progress))

    def said(self, line: str) -> None:
        """Show a line above the view."""
        self._console.print(escape(line), highlight=False, soft_wrap=True)

    def finished(self, result: RunResult) -> None:
        """Take the view away and print the summary."""
        self.close()
        print_summary(result)

    def close(self) -> None:
        """Take the view away, whatever happened."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self, progress: Progress) -> RenderableType:
        figures = recent_figures(progress)
        self._rates.append(figures.rate or 0.0)
        for level in progress.levels[len(self._levels) :]:
            self._levels.append((level.outcome, level_line(level)))
        stage = stage_text(progress)
        return Group(
            self._head(progress),
            *([Text(stage, style="bold cyan")] if stage else []),
            self._body(progress, figures),
            *([self._rules(progress)] if progress.verdicts else []),
            *([self._past_levels()] if self._levels else []),
        )

    def _head(self, progress: Progress) -> RenderableType:
        head = Table.grid(padding=(0, 1))
        clock = format_clock(progress.elapsed)
        if progress.run_time is None:
            head.add_row(Text(progress.test_name, style="bold"), Text(clock, style="cyan"), Text("Ctrl-C ends the run"))
        else:
            bar = ProgressBar(total=progress.run_time, completed=min(progress.elapsed, progress.run_time), width=30)
            left = format_clock(max(0.0, progress.run_time - progress.elapsed))
            head.add_row(
                Text(progress.test_name, style="bold"),
                bar,
                Text(f"{clock} / {format_clock(progress.run_time)}", style="cyan"),
                Text(f"{left} left", style="dim"),
            )
        return head

    def _body(self, progress: Progress, figures: Figures) -> RenderableType:
        wanted = "" if progress.users_wanted is None else f"/{progress.users_wanted}"
        grid = Table.grid(padding=(0, 3))
        grid.add_row(
            f"[dim]users[/] {progress.users}{wanted}",
            f"[dim]rate[/] {figures.rate_text} {self._spark()}",
            f"[dim]requests[/] {format_count(progress.snapshot.record.samples)}",
        )
        grid.add_row(
            f"[dim]p50[/] {figures.p50}", f"[dim]p95[/] {figures.p95}  [dim]p99[/] {figures.p99}  [dim](last 10 s)[/]",
            f"[{'red' if figures.failures else 'dim'}]errors {figures.error_text}[/]",
        )  # fmt: skip
        arrivals = recent_arrivals(progress)
        if arrivals is not None:
            grid.add_row(
                f"[dim]offered[/] {arrivals.offered}",
                f"[dim]started[/] {arrivals.started}  [dim]start lag p99[/] {arrivals.lag}",
                f"[{'red' if arrivals.dropped else 'dim'}]dropped {format_count(arrivals.dropped)}[/]",
            )
        return grid

    def _rules(self, progress: Progress) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        shown = progress.verdicts
        if len(shown) > _RULES_SHOWN:  # those that are broken are worth their place
            shown = tuple(sorted(shown, key=lambda each: each.outcome is not Outcome.FAIL))[:_RULES_SHOWN]
        for verdict in shown:
            mark = Text(MARKS[verdict.outcome], style=STYLES[verdict.outcome])
            grid.add_row(mark, Text(verdict.rule), Text(verdict_value(verdict), style="dim"))
        if len(progress.verdicts) > len(shown):
            grid.add_row("", Text(f"and {len(progress.verdicts) - len(shown)} more rules", style="dim"))
        return grid

    def _past_levels(self) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        shown = self._levels[-_LEVELS_SHOWN:]
        if len(self._levels) > len(shown):
            grid.add_row("", Text(f"{len(self._levels) - len(shown)} levels before", style="dim"))
        for outcome, line in shown:
            text = Text(line, no_wrap=True, overflow="ellipsis")
            text.highlight_words([str(outcome)], STYLES[outcome])
            grid.add_row(Text(MARKS[outcome], style=STYLES[outcome]), text)
        return grid

    def _spark(self) -> str:
        top = max(self._rates, default=0.0)
        if top <= 0:
            return ""
        return "".join(_SPARKS[min(7, int(rate / top * 7.999))] for rate in self._rates)
