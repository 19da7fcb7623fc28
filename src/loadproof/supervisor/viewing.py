"""What the pages of the web interface show of a run: plain values, worded as the reports word them.

Everything is text that is shown as it stands; no page ever takes a piece of it for markup.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadproof.report.figures import NO_KIND, arrival_figures_of, figures_of, group_of, level_figures_of
from loadproof.report.wording import (
    ABSENT,
    MARKS,
    printable,
    shown_at,
    shown_count,
    shown_duration,
    shown_interval,
    shown_limit,
    shown_observed,
    shown_quantile,
    shown_rate,
    shown_ratio,
    shown_target,
)
from loadproof.result import touched
from loadproof.units import format_clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadproof.record import Histogram, RunRecord, Tallies
    from loadproof.report.figures import Figures
    from loadproof.result import GeneratorHealth, Level, Outcome, RunResult, Snapshot, Verdict
    from loadproof.supervisor.observer import Progress

QUANTILES = (0.5, 0.9, 0.95, 0.99, 0.999)
"""Of response and service times."""

RECENT = 10.0
"""Seconds that "now" spans."""

MOST_ENDPOINTS = 200
_MOST_ERRORS = 100

View = dict[str, Any]
"""Plain values; what each holds is said where it is made."""


def view_of_running(progress: Progress, run_id: str) -> View:
    """A run that goes on.

    Args:
        progress: How it stands.
        run_id: Its unique name.

    Returns:
        ``test``, ``run``, ``state`` (a word), ``tone`` (``unfinished``), ``line`` (how far it is), ``reason``, and what
        ``_measured`` gives.
    """
    snapshot = progress.snapshot
    clock = format_clock(progress.elapsed)
    parts = [clock if progress.run_time is None else f"{clock} of {format_clock(progress.run_time)}"]
    left_out = snapshot.measured_from - progress.elapsed
    if progress.level is not None:
        level = progress.level
        doing = "settling" if progress.elapsed < level.measured_from else "judged"
        parts.append(f"level {level.number}: {shown_target(level.target, level.unit)} ({level.role}), {doing}")
    elif left_out > 0:
        parts.append(f"warm-up, {format_clock(left_out)} left of it")
    by_hand = touched(snapshot.interventions, progress.elapsed)
    wanted = "" if progress.users_wanted is None else f" of {shown_count(progress.users_wanted)}"
    return {
        "test": printable(progress.test_name),
        "run": run_id,
        "state": "ENDING" if progress.ending else "PAUSED" if progress.paused else "RUNNING",
        "tone": "unfinished",
        "line": ", ".join(parts),
        "reason": f"By hand: {by_hand}." if by_hand else "",
        "recent": _recent(snapshot),
        "users": f"{shown_count(progress.users)}{wanted}",
        **_measured(snapshot, progress.verdicts, progress.levels),
    }


def view_of_result(result: RunResult) -> View:
    """A run that is over: the same, with its outcome as ``state`` and its ``tone`` in lower case."""
    return {
        "test": printable(result.test_name),
        "run": result.run_id,
        "state": str(result.outcome),
        "tone": str(result.outcome).lower(),
        "line": f"over after {shown_duration(result.measured_to)}, exit code {result.exit_code}",
        "reason": printable(result.exit_reason),
        "recent": [],
        "users": shown_count(result.record.user_peak or None),
        **_measured(result, result.verdicts, result.levels),
    }


def summary_of(result: RunResult) -> dict[str, str]:
    """A run that is over, for the list of runs: ``run``, ``test``, ``state``, ``tone``, ``mark`` and ``reason``."""
    return {
        "run": result.run_id,
        "test": printable(result.test_name),
        "state": str(result.outcome),
        "tone": str(result.outcome).lower(),
        "mark": _mark(result.outcome),
        "reason": printable(result.exit_reason),
    }


def tables_of(view: View | None) -> list[dict[str, Any]]:
    """The same for the tables of Locust's own page, whose rows are told apart by ``name``.

    Returns:
        ``loadproof-rules`` and ``loadproof-percentiles`` as ``key``, with their rows as ``data``.
    """
    rules = [] if view is None else view["rules"]
    endpoints = [] if view is None else view["endpoints"]
    columns = [_label(quantile) for quantile in QUANTILES]
    return [
        {
            "key": "loadproof-rules",
            "data": [
                {"name": rule["rule"], "outcome": f"{rule['mark']} {rule['outcome']}"}
                | {key: rule[key] for key in ("value", "limit", "note")}
                for rule in rules
            ],
        },
        {
            "key": "loadproof-percentiles",
            "data": [
                {"name": f"{each['method']} {each['name']}", "requests": each["requests"]}
                | {_cell("response", label): text for label, text in zip(columns, each["response"], strict=True)}
                | {_cell("service", label): text for label, text in zip(columns, each["service"], strict=True)}
                for each in endpoints
            ],
        },
    ]


def _cell(what: str, label: str) -> str:
    """``responseP999``: Locust's page changes other ways of writing a key to this one."""
    return f"{what}{label.replace('.', '').capitalize()}"


def _measured(measured: Snapshot | RunResult, verdicts: Iterable[Verdict], levels: Iterable[Level]) -> View:
    """What a run that goes on and one that is over have alike.

    Returns:
        ``totals``, ``arrivals`` (None in a closed model) and ``generator`` are lists of label, value, and whether the
        value is bad; ``rules``, ``endpoints``, ``errors`` and ``levels`` are rows by column; ``left_out`` is the number
        of endpoints beyond the most that are shown; ``cautions`` are sentences; ``sampled`` says whether the generator
        was looked at; ``quantiles`` names the percentiles.
    """
    record, seconds = measured.record, measured.duration
    endpoints = _endpoints(record, seconds)
    return {
        "totals": _totals(measured, figures_of(record.totals(), seconds)),
        "rules": [_rule(verdict) for verdict in verdicts],
        "quantiles": [_label(quantile) for quantile in QUANTILES],
        "endpoints": [_endpoint(key, figures) for key, figures in endpoints[:MOST_ENDPOINTS]],
        "left_out": max(0, len(endpoints) - MOST_ENDPOINTS),
        "errors": _errors(record),
        "arrivals": _arrivals(measured),
        "generator": _generator(measured.health),
        "sampled": measured.health.cpu_max is not None,
        "cautions": [printable(note) for note in measured.health.notes],
        "doubts": [_doubt(doubt.quantity, doubt.reason) for doubt in measured.health.doubts],
        "levels": [_level(level) for level in levels],
        "answer": "" if measured.search is None else printable(measured.search.reason),
    }


def _label(quantile: float) -> str:
    return f"p{100 * quantile:g}"


def _mark(outcome: Outcome | None) -> str:
    return "…" if outcome is None else MARKS[outcome]


def _totals(measured: Snapshot | RunResult, figures: Figures) -> list[tuple[str, str, bool]]:
    failed = shown_count(figures.failures)
    if figures.error_rate is not None:
        failed += f" ({shown_ratio(figures.error_rate)})"
    return [
        ("Requests", shown_count(figures.requests), False),
        ("Failed", failed, figures.failures > 0),
        ("Rate", shown_rate(figures.rate), False),
        *((_label(quantile), shown_quantile(figures.good, quantile), False) for quantile in (0.5, 0.95, 0.99)),
        ("Exceptions", shown_count(measured.exception_count), measured.exception_count > 0),
        ("Unfinished", shown_count(measured.unfinished), False),
    ]


def _recent(snapshot: Snapshot) -> list[tuple[str, str, bool]]:
    """The last ten whole seconds."""
    seconds = min(RECENT, float(int(snapshot.measured_to)))
    figures = figures_of(snapshot.record.recent(snapshot.measured_to, RECENT), seconds)
    return [
        ("Rate", shown_rate(figures.rate), False),
        ("Failed", shown_ratio(figures.error_rate), figures.failures > 0),
        *((_label(quantile), shown_quantile(figures.good, quantile), False) for quantile in (0.5, 0.95, 0.99)),
    ]


def _rule(verdict: Verdict) -> dict[str, str]:
    notes = (shown_at(verdict), printable(verdict.reason))
    return {
        "outcome": str(verdict.outcome),
        "tone": str(verdict.outcome).lower(),
        "mark": MARKS[verdict.outcome],
        "rule": printable(verdict.rule),
        "value": shown_observed(verdict),
        "limit": shown_limit(verdict),
        "interval": shown_interval(verdict),
        "note": "; ".join(note for note in notes if note),
    }


def _endpoints(record: RunRecord, seconds: float) -> list[tuple[tuple[str, str], Figures]]:
    """Requests and spans, worst first as in the reports."""
    found = [
        (key, figures_of(record.tallies(key), seconds))
        for key in record.keys()  # noqa: SIM118 - it is no mapping
        if group_of(key[1]) in ("request", "span")
    ]
    return sorted(found, key=lambda each: (-each[1].failures, -(each[1].good.quantile(0.95) or 0.0), each[0]))


def _endpoint(key: tuple[str, str], figures: Figures) -> dict[str, Any]:
    return {
        "name": printable(key[0]),
        "method": printable(key[1]),
        "requests": shown_count(figures.requests),
        "failed": shown_count(figures.failures),
        "failing": figures.failures > 0,
        "rate": shown_rate(figures.rate),
        "response": _percentiles(figures.good),
        "service": _percentiles(figures.service),
    }


def _percentiles(times: Histogram) -> list[str]:
    return [shown_quantile(times, quantile) for quantile in QUANTILES]


def _errors(record: RunRecord) -> list[dict[str, str]]:
    """Failures by kind and endpoint, most frequent first."""
    found = []
    for key in record.keys():  # noqa: SIM118 - it is no mapping
        if group_of(key[1]) in ("request", "span"):
            found += [(count, kind, key) for kind, count in _kinds(record.tallies(key)).items()]
    found.sort(key=lambda each: (-each[0], each[1], each[2]))
    return [
        {"count": shown_count(count), "kind": printable(kind), "where": f"{printable(method)} {printable(name)}"}
        for count, kind, (name, method) in found[:_MOST_ERRORS]
    ]


def _kinds(tallies: Tallies) -> dict[str, int]:
    failed = tallies.get("failure")
    if failed is None:
        return {}
    unnamed = failed.count - sum(failed.kinds.values())
    return {**failed.kinds, **({NO_KIND: unnamed} if unnamed else {})}


def _arrivals(measured: Snapshot | RunResult) -> list[tuple[str, str, bool]] | None:
    """What became of the arrivals so far, and how many came per second; None in a closed model."""
    figures = arrival_figures_of(measured.record, measured.duration, is_open=measured.health.offered is not None)
    if figures is None:
        return None
    return [
        ("Offered", shown_rate(figures.rate(figures.offered)), False),
        ("Achieved", shown_rate(figures.rate(figures.finished)), False),
        ("Arrivals due", shown_count(figures.offered), False),
        ("Started", shown_count(figures.started), False),
        ("Dropped", _with_share(figures.dropped, figures.dropped_rate), figures.dropped > 0),
        ("Started late", _with_share(figures.late, figures.late_rate), figures.late > 0),
        ("Start lag, p99", shown_quantile(figures.lag, 0.99), False),
    ]


def _with_share(count: int, share: float | None) -> str:
    return shown_count(count) if share is None else f"{shown_count(count)} ({shown_ratio(share)})"


def _generator(health: GeneratorHealth) -> list[tuple[str, str, bool]]:
    return [
        ("CPU, mean of a core", shown_ratio(health.cpu_mean), False),
        ("CPU, peak of a core", shown_ratio(health.cpu_max), False),
        ("Loop lag, p99", shown_duration(health.loop_lag_p99), False),
        ("Loop lag, max", shown_duration(health.loop_lag_max), False),
        ("Kept from the CPU", shown_ratio(health.starved), False),
        ("Stamped by the kernel", shown_ratio(health.kernel_clock_share), False),
    ]


def _doubt(quantity: str, reason: str) -> dict[str, str]:
    return {"quantity": quantity, "reason": printable(reason)}


def _level(level: Level) -> dict[str, str]:
    """A level of a search that is over."""
    each = level_figures_of(level)
    dropped = ABSENT if each.arrivals is None else shown_count(each.arrivals.dropped)
    return {
        "number": str(level.number),
        "load": shown_target(level.target, level.unit),
        "role": level.role,
        "outcome": str(level.outcome),
        "tone": str(level.outcome).lower(),
        "mark": MARKS[level.outcome],
        "achieved": shown_rate(each.achieved),
        "p50": shown_quantile(each.figures.good, 0.5),
        "p95": shown_quantile(each.figures.good, 0.95),
        "p99": shown_quantile(each.figures.good, 0.99),
        "errors": shown_count(each.figures.failures),
        "dropped": dropped,
        "reason": printable(level.reason),
    }
