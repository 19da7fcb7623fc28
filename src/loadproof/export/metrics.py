"""``metrics.json``: the run in one flat document.

The first keys keep the units that their readers expect: times in seconds, ``error_rate`` in percent. Every other key
carries its unit in its name, unless it counts. What was not measured is null, never 0.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loadproof.record import merged
from loadproof.record.recorder import MEASURE, outside_totals, own_value
from loadproof.result import Change

if TYPE_CHECKING:
    from loadproof.record import Counts, Histogram, Key, RunRecord, Tallies
    from loadproof.result import Comparison, Coverage, GeneratorHealth, Level, RunResult, SearchResult, Verdict

SCHEMA_VERSION = 3
"""Version of ``metrics.json``.

1: first version.
2: arrivals, iterations, ``response_time`` beside ``service_time``, ``levels``, ``search`` and ``capacity``, more of
   ``health``.
3: ``measured``, ``coverage`` and ``comparison``; of thresholds ``limit``, ``interval``, ``at_s``, ``decisive`` and
   ``reason``. Values that a script measured itself are no longer among ``endpoints``.
"""

_LISTED_MAX = 100
"""Names of one list; how many there are stands beside it."""

_ANSWERED = ("found", "did_not_break")


def metrics_of(result: RunResult) -> dict[str, Any]:
    """The document as plain values.

    Counts and times are of all requests of the measured part, ``measured_from_s`` to ``measured_to_s``, which is the
    run without its warm-up; failed ones included, without entries of methods FLOW, MAIL and ITERATION and requests of
    the set-up. After a search they are those of the whole run, all levels together, of which each in ``levels`` has its
    own; ``search`` and ``capacity`` are absent where nothing was searched.

    ``successful`` holds the times of successes alone, and expected non-2xx answers count as successful requests, but
    in no such time. ``requests_per_second`` is finished requests over the measured part, ``error_rate`` percent rounded
    to four places, percentiles nearest rank within 0.1 %.

    ``response_time`` is counted from the time at which a request should have been sent, ``service_time`` from its send.
    Everything about arrivals, ``dropped_rate`` (0..1) and the like, is null in a closed model.

    ``measured`` holds the values that the script measured itself, by name, in their own unit. ``coverage`` is null
    where nobody looked, ``comparison`` where there was no baseline; their lists of names have at most 100.
    """
    totals = result.record.totals()
    every = merged(totals)
    return {
        "test_name": result.test_name,
        "timestamp": result.started_at,
        "verdict": None if result.outcome is None else str(result.outcome),
        "total_requests": every.count,
        "successful_requests": _count(totals, "success", "expected"),
        "failed_requests": _count(totals, "failure"),
        **_times(every.response),
        "requests_per_second": _per_second(every.count, result.duration),
        "error_rate": _error_percent(totals),
        "total_duration": result.duration,
        "successful": _times(totals["success"].response) if "success" in totals else None,
        "response_time": _times_in_s(every.response),
        "service_time": _times_in_s(every.service),
        **_arrivals(result.record, result.duration, is_open=result.health.offered is not None),
        "iterations": _iterations(result.record),
        "expected_requests": _count(totals, "expected"),
        "unfinished": result.unfinished,
        "unrecorded": result.unrecorded,
        "exceptions": result.exception_count,
        "rows_dropped": result.rows_dropped,
        "error_types": dict(sorted(every.kinds.items())),
        "statuses": {str(status): n for status, n in sorted(every.statuses.items())},
        "bytes_received": every.bytes_received,
        "measured_from_s": result.measured_from,
        "measured_to_s": result.measured_to,
        "users_peak": result.record.user_peak or None,  # every run that reports its users has one
        "workers": result.workers,
        "health": _health(result.health),
        "exit_code": result.exit_code,
        "exit_reason": result.exit_reason,
        "abort": result.abort,
        "run_id": result.run_id,
        "thresholds": [_threshold(verdict) for verdict in result.verdicts],
        "endpoints": [
            _endpoint(key, result.record.tallies(key), result.duration)
            for key in result.record.keys()  # noqa: SIM118 - it is no mapping
            if key[1] != MEASURE
        ],
        "measured": _measured(result.record),
        "coverage": None if result.coverage is None else _coverage(result.coverage),
        "comparison": None if result.comparison is None else _comparison(result.comparison),
        **({} if result.search is None else _answer(result.search)),
        "levels": [_level(level) for level in result.levels],
        "schema_version": SCHEMA_VERSION,
    }


def render_metrics(result: RunResult) -> str:
    """The document as JSON, indented."""
    text = json.dumps(metrics_of(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "replace").decode()  # names of a script may hold what no file takes


def _count(tallies: Tallies, *outcomes: str) -> int:
    return sum(tally.count for outcome, tally in tallies.items() if not outcomes or outcome in outcomes)


def _times(times: Histogram) -> dict[str, float | None]:
    return {
        "average_response_time": times.mean,
        "median_response_time": times.quantile(0.5),
        "p95_response_time": times.quantile(0.95),
        "p99_response_time": times.quantile(0.99),
        "min_response_time": times.minimum,
        "max_response_time": times.maximum,
    }


def _times_in_s(times: Histogram) -> dict[str, float | None]:
    return {
        "average_s": times.mean,
        "median_s": times.quantile(0.5),
        "p95_s": times.quantile(0.95),
        "p99_s": times.quantile(0.99),
        "min_s": times.minimum,
        "max_s": times.maximum,
    }


def _per_second(count: int, seconds: float) -> float | None:
    return count / seconds if seconds > 0 else None


def _error_percent(tallies: Tallies) -> float | None:
    total = _count(tallies)
    return round(100 * _count(tallies, "failure") / total, 4) if total else None


def _arrivals(record: RunRecord | Counts, seconds: float, *, is_open: bool) -> dict[str, Any]:
    """What became of arrivals; all null where there were none to speak of."""
    arrivals = record.arrivals
    known = is_open or arrivals.offered > 0
    return {
        "offered": arrivals.offered if known else None,
        "started": arrivals.started if known else None,
        "offered_per_second": _per_second(arrivals.offered, seconds) if known else None,
        "started_per_second": _per_second(arrivals.started, seconds) if known else None,
        "dropped": arrivals.dropped if known else None,
        "dropped_rate": arrivals.dropped / arrivals.offered if arrivals.offered else None,
        "late": arrivals.late if known else None,
        "start_lag_p99_s": arrivals.lag.quantile(0.99),
    }


def _iterations(record: RunRecord | Counts) -> dict[str, Any] | None:
    """Iterations that were finished; None where none is known of."""
    tallies = record.select(method="ITERATION")
    every = merged(tallies)
    if not every.count:
        return None
    return {"count": every.count, "failed": _count(tallies, "failure"), **_times_in_s(every.response)}


def _answer(search: SearchResult) -> dict[str, Any]:
    """What a search found: a capacity's rate is the one that was sustained, null where the answer is not known."""
    found: dict[str, Any] = {
        "search": {
            "kind": search.kind,
            "outcome": search.outcome,
            "unit": search.unit,
            "breaking_level": search.breaking_level,
            "last_good_level": search.last_good_level,
            "max_level": search.max_level,
            "metric": search.metric,
        }
    }
    if search.kind == "capacity":
        found["capacity"] = {
            "rate_per_second": search.low if search.outcome in _ANSWERED else None,
            "low_per_second": search.low,
            "high_per_second": search.high,
            "limited_by": "generator" if search.outcome == "generator_limited" else search.metric,
        }
    return found


def _level(level: Level) -> dict[str, Any]:
    seconds = level.measured_to - level.measured_from
    totals = level.record.totals()
    every = merged(totals)
    return {
        "number": level.number,
        "target": level.target,
        "unit": level.unit,
        "role": level.role,
        "outcome": str(level.outcome),
        "metric": level.metric,
        "reason": level.reason,
        "measured_from_s": level.measured_from,
        "measured_to_s": level.measured_to,
        "requests": every.count,
        "failures": _count(totals, "failure"),
        "expected": _count(totals, "expected"),
        "error_rate": _error_percent(totals),
        "requests_per_second": _per_second(every.count, seconds),
        **_times(every.response),
        "successful": _times(totals["success"].response) if "success" in totals else None,
        "service_time": _times_in_s(every.service),
        **_arrivals(level.record, seconds, is_open=level.unit == "per_second"),
        "iterations": _iterations(level.record),
        "unfinished": level.unfinished,
        "exceptions": level.exception_count,
        "thresholds": [_threshold(verdict) for verdict in level.verdicts],
    }


def _threshold(verdict: Verdict) -> dict[str, Any]:
    return {
        "rule": verdict.rule,
        "outcome": str(verdict.outcome),
        "observed": verdict.observed,
        "limit": verdict.limit,
        "unit": verdict.unit,
        "interval": None if verdict.interval is None else list(verdict.interval),
        "samples": verdict.n,
        "at_s": verdict.at,
        "decisive": verdict.decisive,
        "reason": verdict.reason,
    }


def _measured(record: RunRecord) -> dict[str, dict[str, float | None]]:
    """The values that the script measured itself; empty where it measured none."""
    found = {}
    for name, method in record.keys():  # noqa: SIM118 - it is no mapping
        if method == MEASURE:
            values = merged(record.tallies((name, method))).response
            found[name] = {"count": values.count} | {
                figure: own_value(seconds)
                for figure, seconds in (
                    ("average", values.mean),
                    ("min", values.minimum),
                    ("median", values.quantile(0.5)),
                    ("p95", values.quantile(0.95)),
                    ("p99", values.quantile(0.99)),
                    ("max", values.maximum),
                )
            }
    return found


def _coverage(coverage: Coverage) -> dict[str, Any]:
    """``mix_probability`` is that of a mix at least as far from the planned one by chance (chi-square), 0..1."""
    missed = [item.title for item in coverage.missed if item.was_due]
    not_due = [item.title for item in coverage.missed if not item.was_due]
    return {
        "declared": len(coverage.declared),
        "hit": len(coverage.declared) - len(coverage.missed),
        "missed": len(missed),
        "missed_names": missed[:_LISTED_MAX],
        "not_due": len(not_due),
        "not_due_names": not_due[:_LISTED_MAX],
        "unexpected": len(coverage.unexpected),
        "unexpected_requests": dict(coverage.unexpected[:_LISTED_MAX]),
        "mix_probability": dict(coverage.mix),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    """The verdict, how many quantities came to what, and which got worse; the whole of it is in ``run.json``.

    ``ratio`` is candidate by baseline, of shares their difference.
    """
    worse = [each for each in comparison.differences if each.change is Change.REGRESSED]
    return {
        "verdict": str(comparison.change),
        "baseline_run_ids": [run.run_id for run in comparison.baseline[:_LISTED_MAX]],
        **{change.lower(): sum(each.change is change for each in comparison.differences) for change in Change},
        "regressions": [
            {
                "name": each.name,
                "method": each.method,
                "metric": each.metric,
                "unit": each.unit,
                "baseline": each.baseline,
                "candidate": each.candidate,
                "ratio": each.ratio,
                "interval": None if each.interval is None else list(each.interval),
            }
            for each in worse[:_LISTED_MAX]
        ],
        "remarks": list(comparison.remarks),
    }


def _health(health: GeneratorHealth) -> dict[str, Any]:
    return {
        "cpu_mean_ratio": health.cpu_mean,
        "cpu_max_ratio": health.cpu_max,
        "loop_lag_p99_s": health.loop_lag_p99,
        "loop_lag_max_s": health.loop_lag_max,
        "kernel_clock_ratio": health.kernel_clock_share,
        "gc_pause_max_s": health.gc_pause_max,
        "starved_ratio": health.starved,
        "fallbacks": dict(health.fallbacks),
        "doubts": [
            {
                "quantity": doubt.quantity,
                "reason": doubt.reason,
                "breach_stands": doubt.breach_stands,
                "pass_stands": doubt.pass_stands,
            }
            for doubt in health.doubts
        ],
        "notes": list(health.notes),
    }


def _endpoint(key: Key, tallies: Tallies, seconds: float) -> dict[str, Any]:
    every = merged(tallies)
    name, method = key
    return {
        "name": name,
        "method": method,
        "in_totals": not outside_totals(method),
        "requests": every.count,
        "failures": _count(tallies, "failure"),
        "expected": _count(tallies, "expected"),
        "error_rate": _error_percent(tallies),
        "requests_per_second": _per_second(every.count, seconds),
        **_times(every.response),
        "error_types": dict(sorted(every.kinds.items())),
    }
