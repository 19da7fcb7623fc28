"""What the live view shows of a moment of a run: lines that fit the terminal, however small or large it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from loadproof.cli.figures import (
    MARKS,
    RECENT,
    STYLES,
    level_line,
    recent_arrivals,
    recent_figures,
    stage_text,
)
from loadproof.cli.grid import beside, fitted, stacked, table
from loadproof.report.wording import (
    ABSENT,
    plural,
    printable,
    shown_at,
    shown_count,
    shown_duration,
    shown_limit,
    shown_observed,
    shown_quantile,
    shown_rate,
    shown_ratio,
)
from loadproof.result import Outcome, touched
from loadproof.units import format_clock, format_count, format_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadproof.cli.trends import Second, Trends
    from loadproof.supervisor import Progress

_SPARKS = "▁▂▃▄▅▆▇█"
_WIDE = 140
"""Columns from which on two blocks stand next to each other."""

_BAR = (10, 60)
_ROOMY = 100
_MINUTES = 180
"""Seconds that sparklines show; twice as many on a wide terminal."""

_RULE = 40
"""Columns that a rule keeps before its other figures are left out."""

_TREND_STYLES = {"better": "green", "worse": "red", "steady": "dim", "": ""}

_KEYS = "q end, with report   p pause   +/- users   ? help"
_KEYS_PAUSED = "q end, with report   p go on   +/- users   ? help"
_NO_KEYS = "Ctrl-C ends the run"
_HELP = (
    ("q", "end the run early: it is judged and reported as if its time were over, and says so"),
    ("p", "pause: arrivals stop, users finish what they do and wait; p again goes on; the clock does not stop"),
    ("+ -", "a tenth more users, or fewer, and at least one; arrivals keep the plan's rate"),
    ("?", "hide this"),
    ("Ctrl-C", "interrupt the run: what was measured is saved, exit code 130"),
)


def draw(
    progress: Progress, trends: Trends, size: tuple[int, int], *, keys: bool = False, explained: bool = False
) -> list[Text]:
    """The view as lines.

    Args:
        progress: How the run stands.
        trends: What was remembered of it.
        size: Columns and rows of the terminal; the first row is left to what was printed before.
        keys: Whether keys are heard.
        explained: Whether what they do is explained.

    Returns:
        One line or more, never as many as there are rows but where there is only one, none wider than the terminal.
    """
    columns, rows = size
    room = max(1, rows - 1)
    head = _head(progress, trends, columns)
    foot = [
        *_by_hand(progress, columns),
        _health(progress, columns),
        *_foot(progress, columns, keys=keys, explained=explained),
    ]
    head, foot = head[:room], foot[len(foot) - max(0, min(len(foot), room - len(head))) :]
    left = room - len(head) - len(foot)
    if columns < _WIDE:
        middle = stacked(
            [_Rules(progress, trends), _Levels(progress), _Entries(trends), _Failures(progress, trends)], left, columns
        )
    else:
        of_one = columns // 2
        one = stacked([_Rules(progress, trends), _Levels(progress), _Failures(progress, trends)], left, of_one - 2)
        middle = beside(one, stacked([_Entries(trends)], left, columns - of_one), columns, of_one)
    if middle and len(middle) < left and len(head) + len(foot) + len(middle) + 1 <= room:
        foot.insert(0, Text())
    return [fitted(line, columns) for line in (*head, *middle, *foot)]


def spark(values: Sequence[float | None]) -> str:
    """One sign for each value, the highest as high as a line is; a space where there is none."""
    top = max((value for value in values if value is not None), default=0.0)
    if top <= 0:
        return "".join(" " if value is None else _SPARKS[0] for value in values)
    return "".join(" " if value is None else _SPARKS[min(7, int(value / top * 7.999))] for value in values)


# The head


def _head(progress: Progress, trends: Trends, columns: int) -> list[Text]:
    stage = stage_text(progress)
    return [
        _title(progress, trends, columns),
        *([Text(stage, style="bold cyan")] if stage else []),
        *_figures(progress, columns),
        *_courses(trends.seconds(), columns),
    ]


def _title(progress: Progress, trends: Trends, columns: int) -> Text:
    """Name, state, how far it is and what is left."""
    line = Text(no_wrap=True)
    line.append(printable(progress.test_name), style="bold")
    if progress.ending:
        line.append("  ENDING", style="bold yellow")
    elif progress.paused:
        line.append("  PAUSED", style="bold yellow")
    share, done, left = _how_far(progress, trends)
    room = columns - line.cell_len - len(done) - len(left) - 6
    if share is not None and room >= _BAR[0]:
        width = min(room, _BAR[1])
        full = round(min(1.0, share) * width)
        line.append("  ").append("━" * full, style="cyan").append("─" * (width - full), style="dim")
    line.append("  ").append(done, style="cyan")
    line.append("  ").append(left, style="dim")
    return line


def _how_far(progress: Progress, trends: Trends) -> tuple[float | None, str, str]:
    """Share that is done, None where nobody knows; how much that is; and what is left."""
    clock, lasts, goal = format_clock(progress.elapsed), progress.run_time, progress.goal
    parts = [clock if lasts is None else f"{clock} / {format_clock(lasts)}"]
    shares = [] if lasts is None else [progress.elapsed / lasts if lasts else 1.0]
    lefts = [] if lasts is None else [max(0.0, lasts - progress.elapsed)]
    about = ""
    if goal is not None and goal.what == "levels":
        of = "" if goal.total is None else f" of {goal.total}"
        parts.append(f"{goal.done}{of} levels done")
        about = "at most "
    elif goal is not None:
        of = "" if goal.total is None else f" / {format_count(goal.total)}"
        parts.append(f"{format_count(goal.done)}{of} iterations")
        if goal.total:
            shares.append(goal.done / goal.total)
            still = trends.seconds_left(goal.total)
            if still is not None and not progress.paused:
                about = "about " if not lefts or still < min(lefts) else ""
                lefts.append(still)
    left = f"{about}{format_clock(min(lefts))} left" if lefts and not progress.ending else ""
    return max(shares, default=None), "  ".join(parts), left


def _figures(progress: Progress, columns: int) -> list[Text]:
    figures = recent_figures(progress)
    wanted = "" if progress.users_wanted is None else f"/{format_count(progress.users_wanted)}"
    failed = f"errors {figures.error_text}"
    span = f"{RECENT:.0f} s" if columns < _ROOMY else f"last {RECENT:.0f} s"
    now = [
        ("", span),
        ("rate", figures.rate_text),
        ("p50", figures.p50),
        ("p95", figures.p95),
        ("p99", figures.p99),
        ("", failed),
    ]
    totals = progress.snapshot.record.totals()
    requests = sum(tally.count for tally in totals.values())
    failures = totals["failure"].count if "failure" in totals else 0
    share = f" ({shown_ratio(failures / requests)})" if requests else ""
    whole = [
        ("users", f"{format_count(progress.users)}{wanted}"),
        ("requests", format_count(requests)),
        ("failed", f"{format_count(failures)}{share}"),
        ("exceptions", format_count(progress.snapshot.exception_count) if progress.snapshot.exception_count else ""),
    ]
    lines = [_pairs(whole, red="failed" if failures else ""), _pairs(now, red=failed if figures.failures else "")]
    arrivals = recent_arrivals(progress)
    if arrivals is not None:
        dropped = format_count(arrivals.dropped)
        pairs = [("offered", arrivals.offered), ("started", arrivals.started), ("dropped", dropped)]
        lines.append(_pairs([*pairs, ("start lag p99", arrivals.lag)], red="dropped" if arrivals.dropped else ""))
    return [fitted(line, columns) for line in lines]


def _pairs(pairs: Sequence[tuple[str, str]], *, red: str) -> Text:
    """``users 7   requests 12``; the one that is called ``red``, or says it, in that colour."""
    line = Text(no_wrap=True)
    for label, value in pairs:
        if not value:
            continue
        line.append("  " if line else "")
        line.append(f"{label} " if label else "", style="dim")
        style = "red" if red and red in (label, value) else ("" if label else "dim")
        line.append(value, style=style)
    return line


def _courses(seconds: Sequence[Second], columns: int) -> list[Text]:
    """Rate and 95th percentile over the last minutes."""
    peaks = max(14, columns // 8)
    width = columns - 5 - peaks
    if not seconds or width < _BAR[0]:
        return []
    shown = seconds[-_MINUTES * (2 if columns >= _WIDE else 1) :]
    each = -(-len(shown) // width)
    # Borders stay where they are while time passes, so that what is drawn only moves.
    first = (len(seconds) - len(shown)) % each
    groups = [shown[max(0, at) : at + each] for at in range(-first, len(shown), each)][-width:]
    rates = [sum(second.rate for second in group) / len(group) for group in groups]
    slow = [max((second.p95 for second in group if second.p95 is not None), default=None) for group in groups]
    slowest = max((value for value in slow if value is not None), default=None)
    lines = []
    for label, values, style, top in (
        ("rate", rates, "cyan", format_rate(max(rates))),
        ("p95", slow, "magenta", shown_duration(slowest)),
    ):
        line = Text(no_wrap=True).append(f"{label:<5}", style="dim").append(spark(values), style=style)
        lines.append(line.append(f" peak {top}", style="dim"))
    return lines


# The sections


@dataclass(frozen=True, slots=True)
class _Rules:
    """Thresholds: value, limit, and which way it goes."""

    progress: Progress
    trends: Trends
    least: int = 3

    @property
    def wanted(self) -> int:
        return len(self.progress.verdicts) + 1 if self.progress.verdicts else 0

    def lines(self, rows: int, columns: int) -> list[Text]:
        every = self.progress.verdicts
        shown = every
        if rows < self.wanted:  # those that are broken are worth their place
            shown = tuple(sorted(every, key=lambda each: each.outcome is not Outcome.FAIL))[: max(1, rows - 2)]
        cells = [_heading("", "Thresholds", "Now", "Limit", "Trend", "")]
        for each in shown:
            trend = self.trends.trend(each)
            cells.append(
                [
                    Text(MARKS[each.outcome], style=STYLES[each.outcome]),
                    Text(printable(each.rule)),
                    Text(shown_observed(each), style="" if each.outcome is Outcome.PASS else STYLES[each.outcome]),
                    Text(ABSENT if each.limit is None else shown_limit(each), style="dim"),
                    Text(trend, style=_TREND_STYLES[trend]),
                    Text(shown_at(each), style="dim"),
                ]
            )
        lines = table(cells, columns, cut=1, left=[0, 1, 4, 5], optional=[5, 3, 4], narrowest=_RULE)
        return _with_rest(lines, len(every) - len(shown), "more rules", rows)


@dataclass(frozen=True, slots=True)
class _Levels:
    """Levels of a search that are over, the last ones."""

    progress: Progress
    least: int = 6

    @property
    def wanted(self) -> int:
        return len(self.progress.levels)

    def lines(self, rows: int, columns: int) -> list[Text]:
        every = self.progress.levels
        shown = every if len(every) <= rows else every[len(every) - max(1, rows - 1) :]
        lines = []
        if len(shown) < len(every) and rows > 1:
            lines.append(Text(f"  {plural(len(every) - len(shown), 'level')} before", style="dim"))
        for level in shown:
            line = Text(no_wrap=True).append(f"{MARKS[level.outcome]} ", style=STYLES[level.outcome])
            text = Text(level_line(level))
            text.highlight_words([str(level.outcome)], STYLES[level.outcome])
            lines.append(fitted(line.append_text(text), columns))
        return lines


@dataclass(frozen=True, slots=True)
class _Entries:
    """Endpoints in the measured part so far: failing first, then slowest."""

    trends: Trends
    least: int = 2

    @property
    def wanted(self) -> int:
        return len(self.trends.entries) + 1 if self.trends.entries else 0

    def lines(self, rows: int, columns: int) -> list[Text]:
        every = self.trends.entries
        shown = every if rows >= self.wanted else every[: max(1, rows - 2)]
        cells = [_heading("", "Endpoints", "Requests", "Failed", "Rate", "p50", "p95", "p99", "Max")]
        for each in shown:
            figures = each.figures
            cells.append(
                [
                    Text(printable(each.method), style="dim"),
                    Text(printable(each.name)),
                    Text(shown_count(figures.requests)),
                    Text(shown_count(figures.failures), style="red" if figures.failures else "dim"),
                    Text(shown_rate(figures.rate)),
                    *(Text(shown_quantile(figures.good, quantile)) for quantile in (0.5, 0.95, 0.99)),
                    Text(shown_duration(figures.good.maximum)),
                ]
            )
        lines = table(cells, columns, cut=1, left=[0, 1], optional=[8, 7, 5, 4])
        return _with_rest(lines, len(every) - len(shown), "more endpoints", rows)


@dataclass(frozen=True, slots=True)
class _Failures:
    """Failures by kind and endpoint, most frequent first."""

    progress: Progress
    trends: Trends
    least: int = 2

    @property
    def wanted(self) -> int:
        return len(self.trends.failing) + 1 if self.trends.failing else 0

    def lines(self, rows: int, columns: int) -> list[Text]:
        every = self.trends.failing
        shown = every if rows >= self.wanted else every[: max(1, rows - 2)]
        cells = [_heading("Errors", "", "")]
        for each in shown:
            where = f"{printable(each.method)} {printable(each.name)}"
            cells.append([Text(shown_count(each.count), style="red"), Text(printable(each.kind)), Text(where)])
        lines = table(cells, columns, cut=2, left=[1, 2])
        return _with_rest(lines, len(every) - len(shown), "more kinds of errors", rows)


def _heading(*titles: str) -> list[Text]:
    return [Text(title, style="bold") for title in titles]


def _with_rest(lines: list[Text], left: int, what: str, rows: int) -> list[Text]:
    """How many are not shown, where a row is left to say it."""
    if left and len(lines) < rows:
        lines.append(Text(f"  and {left} {what}", style="dim"))
    return lines


# The foot


def _by_hand(progress: Progress, columns: int) -> list[Text]:
    """What the user has done to the run; nothing where nobody touched it."""
    said = touched(progress.snapshot.interventions, progress.elapsed)
    line = Text(no_wrap=True).append("by hand   ", style="dim").append(said, style="yellow")
    return [fitted(line, columns)] if said else []


def _health(progress: Progress, columns: int) -> Text:
    """Whether the load generator can be trusted so far."""
    health = progress.snapshot.health
    parts = []
    if health.cpu_max is not None:
        parts.append(f"CPU peak {shown_ratio(health.cpu_max)} of a core")
    if health.loop_lag_p99 is not None:
        parts.append(f"loop lag p99 {shown_duration(health.loop_lag_p99)}")
    figures = f" ({', '.join(parts)})" if parts else ""
    line = Text(no_wrap=True).append("generator ", style="dim")
    if health.notes:
        line.append(f"{MARKS[Outcome.WARN]} {health.notes[0]}", style="yellow")
        more = len(health.notes) - 1
        return fitted(line.append(f" and {more} more" if more else ""), columns)
    return fitted(line.append("nothing unusual" if parts else "not sampled yet").append(figures, style="dim"), columns)


def _foot(progress: Progress, columns: int, *, keys: bool, explained: bool) -> list[Text]:
    if not keys:
        return [Text(_NO_KEYS, style="dim")]
    if explained:
        cells = [[Text(key, style="bold"), Text(what)] for key, what in _HELP]
        return table(cells, columns, cut=1, left=[0, 1])
    return [fitted(Text(_KEYS_PAUSED if progress.paused else _KEYS, style="dim"), columns)]
