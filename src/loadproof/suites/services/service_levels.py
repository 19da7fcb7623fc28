"""What each service has to achieve, and whether a run did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadproof.errors import Problem, UsageError
from loadproof.judge import evaluate_all
from loadproof.plan import parse_threshold
from loadproof.record.rows import rebuild
from loadproof.result import GeneratorHealth, Outcome, Snapshot, find_run
from loadproof.supervisor.files import restore
from loadproof.units import format_value

if TYPE_CHECKING:
    from loadproof.judge import Measurements
    from loadproof.plan import Threshold
    from loadproof.result import Verdict


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """What a service has to achieve under load.

    Attributes:
        average_ms: Highest average response time, in milliseconds.
        p95_ms: Highest 95th percentile of it.
        success_percent: Lowest share of requests that succeed.
        per_second: Lowest throughput, in requests per second.
    """

    average_ms: int
    p95_ms: int
    success_percent: int
    per_second: int

    @property
    def rules(self) -> tuple[Threshold, ...]:
        """The same as rules of Loadproof."""
        texts = (
            f"avg(response_time) <= {self.average_ms}ms",
            f"p95(response_time) <= {self.p95_ms}ms",
            f"error_rate <= {100 - self.success_percent}%",
            f"throughput >= {self.per_second}/s",
        )
        return tuple(parse_threshold(text, source="service level") for text in texts)


DEFAULT = ServiceLevel(1000, 3000, 90, 20)
"""For services that are not listed."""

SERVICE_LEVELS = {
    "pkd": ServiceLevel(500, 1000, 95, 50),
    "ui-app": ServiceLevel(200, 500, 99, 200),
    "trust-svc": ServiceLevel(300, 800, 98, 100),
    "csca": ServiceLevel(400, 1000, 95, 80),
    "passport-engine": ServiceLevel(2000, 5000, 90, 10),
    "mdl-engine": ServiceLevel(1500, 4000, 92, 15),
    "inspection": ServiceLevel(1000, 3000, 95, 30),
}
"""By the service's name, in dashes, without ``-service`` at its end."""


def level_of(service: str) -> ServiceLevel:
    """What a service has to achieve; ``_`` and ``-`` in its name are the same."""
    return SERVICE_LEVELS.get(service.replace("_", "-").removesuffix("-service"), DEFAULT)


def measured_in(results_file: str) -> Measurements:
    """The load test that a file belongs to.

    Args:
        results_file: A result directory, any file in it, ``latest:NAME``; or a ``results.csv`` alone, whose rows are
            then counted again.

    Raises:
        RunError: It belongs to no run.
        UsageError: The run was no load test: the levels of a search have verdicts of their own.
    """
    path = Path(results_file)
    if path.suffix == ".csv" and path.is_file() and not (path.parent / "run.json").is_file():
        return _counted_again(path)
    beside = path.parent / "run.json"
    run = beside if path.is_file() and beside.is_file() else find_run(results_file)
    result = restore(run)
    if result.kind != "load":
        what = f"{run.parent} is a {result.kind} test, whose levels have verdicts of their own"
        raise UsageError([Problem("bad-value", "--results-file", what, "name a load test")])
    return result


def verdicts_on(measured: Measurements, service: str) -> tuple[Verdict, ...]:
    """How a service did in each of the four things that it has to achieve."""
    return evaluate_all(level_of(service).rules, measured)


def has_achieved(verdicts: tuple[Verdict, ...]) -> bool | None:
    """Whether every one was achieved; None where none was missed, and some could not be told."""
    if any(verdict.outcome is Outcome.FAIL for verdict in verdicts):
        return False
    return None if any(verdict.outcome is Outcome.INCONCLUSIVE for verdict in verdicts) else True


def document_of(service: str, results_file: str, verdicts: tuple[Verdict, ...]) -> dict[str, Any]:
    """What ``--output-json`` holds; values in seconds, shares 0..1, and per second, as ``unit`` says."""
    told = [
        {
            "rule": verdict.rule,
            "outcome": str(verdict.outcome),
            "observed": verdict.observed,
            "limit": verdict.limit,
            "unit": verdict.unit,
            "samples": verdict.n,
            "reason": verdict.reason,
        }
        for verdict in verdicts
    ]
    return {
        "service": service,
        "results_file": results_file,
        "passed": has_achieved(verdicts),
        "violations": [each for each in told if each["outcome"] == Outcome.FAIL],
        "thresholds": told,
    }


def line_of(verdict: Verdict) -> str:
    """A verdict for a terminal."""
    mark = {Outcome.PASS: "✅", Outcome.FAIL: "❌"}.get(verdict.outcome, "⚠️")
    observed = "nothing" if verdict.observed is None else format_value(verdict.observed, verdict.unit)
    return f"{mark} {verdict.rule}: {observed}" + (f" ({verdict.reason})" if verdict.reason else "")


def _counted_again(rows: Path) -> Measurements:
    record = rebuild(rows)
    windows = record.windows()
    end = windows[-1].end if windows else 0.0
    return Snapshot(record, 0.0, end, unfinished=0, exception_count=0, health=GeneratorHealth())
