"""The few figures that a live view shows, of the last ten seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadproof.record import ArrivalCounts, merged
from loadproof.report.figures import level_figures_of
from loadproof.report.wording import (
    plural,
    printable,
    shown_at,
    shown_duration,
    shown_limit,
    shown_observed,
    shown_target,
)
from loadproof.result import Outcome
from loadproof.units import format_clock, format_count, format_duration, format_rate, format_ratio

if TYPE_CHECKING:
    from loadproof.result import Level, Verdict
    from loadproof.supervisor import Progress

RECENT = 10.0
"""Seconds that "now" spans."""

MARKS = {Outcome.PASS: "✓", Outcome.WARN: "⚠", Outcome.FAIL: "✗", Outcome.INCONCLUSIVE: "?"}
STYLES = {
    Outcome.PASS: "green",
    Outcome.WARN: "yellow",
    Outcome.FAIL: "bold red",
    Outcome.INCONCLUSIVE: "magenta",
}

_ABSENT = "–"  # noqa: RUF001 - the dash that the reports use too


@dataclass(frozen=True, slots=True)
class Figures:
    """The last ten seconds, as text; a dash where there is nothing to show.

    Attributes:
        rate: Requests per second; None before the first whole second.
        rate_text: The same as text.
        p50: Median response time of successes.
        p95: 95th percentile of them.
        p99: 99th percentile of them.
        failures: Number of failed requests.
        error_text: Their share and number.
    """

    rate: float | None
    rate_text: str
    p50: str
    p95: str
    p99: str
    failures: int
    error_text: str


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The last ten seconds of an open model, as text; a dash where there is nothing to show.

    Attributes:
        offered: Arrivals that were due, per second.
        started: Of these, iterations that were started.
        dropped: Arrivals that nobody was free for, since the run's start.
        lag: 99th percentile of how much later than intended iterations started.
    """

    offered: str
    started: str
    dropped: int
    lag: str


def recent_figures(progress: Progress) -> Figures:
    """What the last ten whole seconds were like."""
    measured_to = progress.snapshot.measured_to
    tallies = progress.snapshot.record.recent(measured_to, RECENT)
    total = sum(tally.count for tally in tallies.values())
    seconds = min(RECENT, float(int(measured_to)))
    rate = total / seconds if seconds >= 1 else None
    good = merged(tallies, ("success",)).response
    failures = tallies["failure"].count if "failure" in tallies else 0
    return Figures(
        rate=rate,
        rate_text=_ABSENT if rate is None else format_rate(rate),
        p50=_duration(good.quantile(0.5)),
        p95=_duration(good.quantile(0.95)),
        p99=_duration(good.quantile(0.99)),
        failures=failures,
        error_text=f"{format_ratio(failures / total)} ({failures})" if total else _ABSENT,
    )


def recent_arrivals(progress: Progress) -> Arrivals | None:
    """What became of the arrivals of the last ten whole seconds; None in a closed model."""
    snapshot = progress.snapshot
    if not snapshot.measured_from and not snapshot.record.arrivals.offered:
        return None
    windows = snapshot.record.arrival_windows()
    # Before the first arrival is the set-up, which has no rate.
    first = next((window.start for window in windows if window.arrivals.offered), None)
    if first is None:
        return None
    end = float(int(snapshot.measured_to))
    since = max(first, end - RECENT)
    recent = [window for window in windows if window.start >= since and window.end <= end]
    seconds = sum(window.end - window.start for window in recent)
    total = ArrivalCounts()
    for window in recent:
        total.merge(window.arrivals)
    return Arrivals(
        offered=format_rate(total.offered / seconds) if seconds else _ABSENT,
        started=format_rate(total.started / seconds) if seconds else _ABSENT,
        dropped=sum(window.arrivals.dropped for window in windows),
        lag=_duration(total.lag.quantile(0.99)),
    )


def stage_text(progress: Progress) -> str:
    """Where in the run it is: in its warm-up, in a level of a search, or between two; empty for an ordinary moment."""
    level = progress.level
    if level is not None:
        doing = "settling" if progress.elapsed < level.measured_from else "judged"
        left = format_clock(max(0.0, level.measured_to - progress.elapsed))
        load = shown_target(level.target, level.unit)
        return f"level {level.number}: {load} ({level.role}), {doing}, {left} left in it"
    if progress.levels:
        return "between two levels"
    left_out = progress.snapshot.measured_from - progress.elapsed
    return f"warm-up, {format_clock(left_out)} left of it" if left_out > 0 else ""


def level_line(level: Level) -> str:
    """A level that is over: ``level 3: 30 users  PASS  p95 120 ms, 0 errors``."""
    each = level_figures_of(level)
    role = "" if level.role == "step" else f" ({level.role})"
    found = [f"p95 {shown_duration(each.figures.good.quantile(0.95))}", plural(each.figures.failures, "error")]
    if each.arrivals is not None and each.arrivals.dropped:
        found.append(f"{format_count(each.arrivals.dropped)} dropped")
    reason = f": {printable(level.reason)}" if level.reason else ""
    load = shown_target(level.target, level.unit)
    return f"level {level.number}: {load}{role}  {level.outcome}  {', '.join(found)}{reason}"


def verdict_value(verdict: Verdict) -> str:
    """Where a rule stands: ``80.1 ms, limit 80 ms``, and of one on windows when the worst one so far ended."""
    limit = "" if verdict.limit is None else f"limit {shown_limit(verdict)}"
    return ", ".join(part for part in (shown_observed(verdict), limit, shown_at(verdict)) if part)


def _duration(seconds: float | None) -> str:
    return _ABSENT if seconds is None else format_duration(seconds)
