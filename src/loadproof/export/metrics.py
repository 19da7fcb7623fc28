"""``metrics.json``: the run in one flat document.

The first keys keep the units that their readers expect: times in seconds, ``error_rate`` in percent. Every other key
carries its unit in its name, unless it counts. What was not measured is null, never 0.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loadproof.record import merged
from loadproof.record.recorder import outside_totals

if TYPE_CHECKING:
    from loadproof.record import Histogram, Key, Tallies
    from loadproof.result import GeneratorHealth, RunResult

SCHEMA_VERSION = 1
"""Version of ``metrics.json``.

1: first version.
"""


def metrics_of(result: RunResult) -> dict[str, Any]:
    """The document as plain values.

    Counts and times are of all requests, failed ones included, without entries of methods FLOW and MAIL;
    ``successful`` holds the times of successes alone, and expected non-2xx answers count as successful requests, but
    in no such time. ``requests_per_second`` is finished requests over the measured part, ``error_rate`` percent rounded
    to four places, percentiles nearest rank within 0.1 %.
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
        "service_time": _service_times(every.service),
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
        "thresholds": [
            {"rule": v.rule, "outcome": str(v.outcome), "observed": v.observed, "unit": v.unit, "samples": v.n}
            for v in result.verdicts
        ],
        "endpoints": [
            _endpoint(key, result.record.tallies(key), result.duration)
            for key in result.record.keys()  # noqa: SIM118 - it is no mapping
        ],
        "schema_version": SCHEMA_VERSION,
    }


def render_metrics(result: RunResult) -> str:
    """The document as JSON, indented."""
    return json.dumps(metrics_of(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


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


def _service_times(times: Histogram) -> dict[str, float | None]:
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


def _health(health: GeneratorHealth) -> dict[str, Any]:
    return {
        "cpu_mean_ratio": health.cpu_mean,
        "cpu_max_ratio": health.cpu_max,
        "loop_lag_p99_s": health.loop_lag_p99,
        "loop_lag_max_s": health.loop_lag_max,
        "kernel_clock_ratio": health.kernel_clock_share,
        "fallbacks": dict(health.fallbacks),
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
