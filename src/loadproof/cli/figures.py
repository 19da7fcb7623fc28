"""The few figures that a live view shows, of the last ten seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadproof.record import merged
from loadproof.result import Outcome
from loadproof.units import format_duration, format_rate, format_ratio, format_value

if TYPE_CHECKING:
    from loadproof.result import Verdict
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


def verdict_value(verdict: Verdict) -> str:
    """The observed value of a rule; a dash where there is none."""
    return _ABSENT if verdict.observed is None else format_value(verdict.observed, verdict.unit)


def _duration(seconds: float | None) -> str:
    return _ABSENT if seconds is None else format_duration(seconds)
