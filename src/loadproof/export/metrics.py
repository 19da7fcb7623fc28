"""``metrics.json``: the run in one flat document.

The first keys keep the units that their readers expect: times in seconds, ``error_rate`` in percent. Every other key
carries its unit in its name. What was not measured is null, never 0.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from loadproof.record import OUTCOMES, merged
from loadproof.record.run_record import OUT_OF_TOTALS

if TYPE_CHECKING:
    from loadproof.record import Histogram, Tallies
    from loadproof.result import RunResult

SCHEMA_VERSION = 1
"""Version of ``metrics.json``.

1: first version.
"""


def metrics_of(result: RunResult) -> dict[str, Any]:
    """The document as plain values.

    ``requests_per_second`` is finished requests over the measured part; ``error_rate`` is percent, rounded to four
    places; percentiles are nearest rank within 0.1 %.
    """
    totals = result.record.totals()
    return {
        "test_name": result.test_name,
        "timestamp": result.started_at,
        "verdict": None if result.outcome is None else str(result.outcome),
        **_counts(totals),
        **_times(merged(totals).response),
        "requests_per_second": _per_second(totals, result.duration),
        "error_rate": _error_percent(totals),
        "total_duration": result.duration,
        "successful": _times(merged(totals, ("success",)).response) if "success" in totals else None,
        "service_time": _times(merged(totals).service),
        "expected_requests": _count(totals, "expected"),
        "unfinished": result.unfinished,
        "unrecorded": result.unrecorded,
        "exceptions": result.exception_count,
        "rows_dropped": result.rows_dropped,
        "error_types": dict(sorted(merged(totals).kinds.items())),
        "statuses": {str(status): n for status, n in sorted(merged(totals).statuses.items())},
        "bytes_received": merged(totals).bytes_received,
        "measured_from_s": result.measured_from,
        "measured_to_s": result.measured_to,
        "users_peak": result.record.user_peak,
        "workers": result.workers,
        "health": asdict(result.health),
        "exit_code": result.exit_code,
        "exit_reason": result.exit_reason,
        "abort": result.abort,
        "run_id": result.run_id,
        "thresholds": [
            {"rule": v.rule, "outcome": str(v.outcome), "observed": v.observed, "unit": v.unit, "samples": v.n}
            for v in result.verdicts
        ],
        "endpoints": [
            {"name": key[0], "method": key[1], **_endpoint(result.record.tallies(key), result.duration)}
            | ({} if key[1] not in OUT_OF_TOTALS else {"in_totals": False})
            for key in result.record.keys()  # noqa: SIM118 - it is no mapping
        ],
        "schema_version": SCHEMA_VERSION,
    }


def render_metrics(result: RunResult) -> str:
    """The document as JSON, indented."""
    return json.dumps(metrics_of(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _count(tallies: Tallies, *outcomes: str) -> int:
    return sum(tally.count for outcome, tally in tallies.items() if not outcomes or outcome in outcomes)


def _counts(totals: Tallies) -> dict[str, int]:
    return {
        "total_requests": _count(totals),
        "successful_requests": _count(totals, "success", "expected"),
        "failed_requests": _count(totals, "failure"),
    }


def _times(times: Histogram) -> dict[str, float | None]:
    return {
        "average_response_time": times.mean,
        "median_response_time": times.quantile(0.5),
        "p95_response_time": times.quantile(0.95),
        "p99_response_time": times.quantile(0.99),
        "min_response_time": times.minimum,
        "max_response_time": times.maximum,
    }


def _per_second(tallies: Tallies, seconds: float) -> float | None:
    return _count(tallies) / seconds if seconds > 0 else None


def _error_percent(tallies: Tallies) -> float | None:
    total = _count(tallies)
    return round(100 * _count(tallies, "failure") / total, 4) if total else None


def _endpoint(tallies: Tallies, seconds: float) -> dict[str, Any]:
    every = merged(tallies, OUTCOMES)
    return {
        "requests": every.count,
        "failures": _count(tallies, "failure"),
        "expected": _count(tallies, "expected"),
        "error_rate": _error_percent(tallies),
        "requests_per_second": _per_second(tallies, seconds),
        **_times(every.response),
        "error_types": dict(sorted(every.kinds.items())),
    }
