"""JUDGE: holds rules against what was measured. Live and saved runs are judged by the same code."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from loadproof.errors import ExitCode
from loadproof.record import OUTCOMES, merged
from loadproof.record import Outcome as SampleOutcome
from loadproof.result import GeneratorHealth, Outcome, Verdict
from loadproof.stats import mean_interval, min_samples, quantile_interval_ranks, wilson_interval
from loadproof.units import Unit, format_beside, quantile_label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from loadproof.plan import Condition, Threshold
    from loadproof.record import Histogram, RunRecord, Tallies

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

_UNITS: dict[str, Unit] = {
    "response_time": "s",
    "service_time": "s",
    "error_rate": "ratio",
    "throughput": "/s",
    "requests": "count",
    "failures": "count",
    "exceptions": "count",
    "unfinished": "count",
}


class Measurements(Protocol):
    """What can be judged: a finished run, or a moment of one that goes on."""

    @property
    def record(self) -> RunRecord:
        """What was counted."""

    @property
    def measured_from(self) -> float:
        """Start of the judged part, seconds since the run's start."""

    @property
    def measured_to(self) -> float:
        """End of it."""

    @property
    def exception_count(self) -> int:
        """Exceptions that left tasks or ``on_start``."""

    @property
    def unfinished(self) -> int:
        """Requests in flight when their users were stopped."""

    @property
    def health(self) -> GeneratorHealth:
        """How the generator fared."""


class _Observed(NamedTuple):
    """A value to judge, or why there is none."""

    value: float | None
    n: int
    interval: tuple[float, float] | None = None
    missing: str = ""


def evaluate(threshold: Threshold, measurements: Measurements) -> Verdict:
    """Hold one rule against what was measured.

    The observed value is judged; its interval is only shown. No data is never a pass: a rule that nothing can be
    measured for, or too few samples, is INCONCLUSIVE.
    """
    observed = _observe(threshold, measurements)
    unit = _UNITS[threshold.metric]
    if observed.value is None:
        outcome, reason = Outcome.INCONCLUSIVE, observed.missing
    else:
        outcome, reason = _compare(threshold, observed.value, unit)
    return Verdict(
        rule=threshold.text,
        source=threshold.source,
        outcome=outcome,
        observed=observed.value,
        unit=unit,
        interval=observed.interval,
        n=observed.n,
        decisive=threshold.fail is not None,
        reason=reason,
    )


def evaluate_all(thresholds: Iterable[Threshold], measurements: Measurements) -> tuple[Verdict, ...]:
    """Hold every rule against what was measured, in their order."""
    return tuple(evaluate(threshold, measurements) for threshold in thresholds)


def overall(verdicts: Sequence[Verdict], measurements: Measurements) -> Outcome:
    """What a run came to.

    A failed rule fails it. It is inconclusive when no request was measured at all, or a rule that could have failed
    could not be judged; rules that only warn never make it so.
    """
    outcomes = {verdict.outcome for verdict in verdicts}
    if Outcome.FAIL in outcomes:
        return Outcome.FAIL
    unsettled = any(verdict.outcome is Outcome.INCONCLUSIVE and verdict.decisive for verdict in verdicts)
    if not measurements.record.samples or unsettled:
        return Outcome.INCONCLUSIVE
    return Outcome.WARN if Outcome.WARN in outcomes else Outcome.PASS


def exit_code(
    outcome: Outcome,
    verdicts: Sequence[Verdict],
    *,
    requests: int,
    strict: bool = False,
    allow_inconclusive: bool = False,
    abort: tuple[ExitCode, str] | None = None,
    script_code: int | None = None,
) -> tuple[int, str]:
    """What the command exits with, and why in words.

    Precedence: interrupted, our bug, could not run, a code set by the script, nothing measurable, failed, inconclusive,
    pass.

    Args:
        outcome: What the run came to.
        verdicts: How each rule came out.
        requests: Requests measured.
        strict: Whether a warning fails.
        allow_inconclusive: Whether an inconclusive run exits 0.
        abort: Code and reason of a run that ended before its time; None for one that did not.
        script_code: ``process_exit_code`` as the script set it; None where it did not.
    """
    if abort is not None:
        return int(abort[0]), abort[1]
    if script_code is not None:
        return script_code, f"the script set process_exit_code to {script_code}; the verdict alone would be {outcome}"
    if not requests and not any(v.outcome is Outcome.FAIL for v in verdicts):
        return _inconclusive("not one request was finished", allowed=allow_inconclusive)
    failed = _named(verdicts, Outcome.FAIL)
    if failed:
        return int(ExitCode.FAILED), f"failed: {failed}"
    if outcome is Outcome.INCONCLUSIVE:
        unsettled = _named([v for v in verdicts if v.decisive], Outcome.INCONCLUSIVE)
        return _inconclusive(f"could not be judged: {unsettled}", allowed=allow_inconclusive)
    warned = _named(verdicts, Outcome.WARN)
    if warned and strict:
        return int(ExitCode.FAILED), f"warnings fail with --strict: {warned}"
    return int(ExitCode.PASS), f"warning: {warned}" if warned else "every rule holds"


def _inconclusive(reason: str, *, allowed: bool) -> tuple[int, str]:
    return (int(ExitCode.PASS), f"{reason} (allowed)") if allowed else (int(ExitCode.INCONCLUSIVE), reason)


def _named(verdicts: Iterable[Verdict], outcome: Outcome) -> str:
    return "; ".join(verdict.rule for verdict in verdicts if verdict.outcome is outcome)


def _compare(threshold: Threshold, value: float, unit: Unit) -> tuple[Outcome, str]:
    levels = ((Outcome.FAIL, threshold.fail), (Outcome.WARN, threshold.warn))
    for outcome, condition in levels:
        if condition is not None and _COMPARE[condition.operator](value, condition.limit):
            return outcome, _breach(value, condition, unit)
    return Outcome.PASS, ""


def _breach(value: float, condition: Condition, unit: Unit) -> str:
    observed, limit = format_beside(value, condition.limit, unit)
    return f"{observed} is {condition.operator} {limit}"


def _observe(threshold: Threshold, measurements: Measurements) -> _Observed:
    metric = threshold.metric
    if metric == "exceptions":
        return _Observed(measurements.exception_count, measurements.exception_count)
    if metric == "unfinished":
        return _Observed(measurements.unfinished, measurements.unfinished)
    tallies = measurements.record.select(threshold.selector.name, threshold.selector.method)
    total = sum(tally.count for tally in tallies.values())
    if not total and not (metric in ("requests", "failures") and _selects_all(threshold)):
        return _Observed(None, 0, missing=_nothing_matched(threshold))
    if metric in ("response_time", "service_time"):
        return _observe_duration(threshold, tallies)
    failures = tallies["failure"].count if "failure" in tallies else 0
    if metric == "error_rate":
        return _Observed(failures / total, total, wilson_interval(failures, total))
    if metric == "throughput":
        seconds = measurements.measured_to - measurements.measured_from
        return _Observed(total / seconds, total) if seconds > 0 else _Observed(None, total, missing="no time passed")
    return _Observed(failures if metric == "failures" else total, total)


def _selects_all(threshold: Threshold) -> bool:
    return threshold.selector.name is None and threshold.selector.method is None


def _nothing_matched(threshold: Threshold) -> str:
    selector = threshold.selector
    wanted = [f"{key}={value}" for key, value in (("name", selector.name), ("method", selector.method)) if value]
    return f"no request matched {', '.join(wanted)}" if wanted else "no request was finished"


def _observe_duration(threshold: Threshold, tallies: Tallies) -> _Observed:
    wanted = threshold.selector.outcome or "success"
    outcomes: tuple[SampleOutcome, ...] = OUTCOMES if wanted == "all" else (wanted,)
    tally = merged(tallies, outcomes)
    times = tally.response if threshold.metric == "response_time" else tally.service
    if not times.count:
        return _Observed(None, 0, missing=f"no request ended as {wanted}" if wanted != "all" else "no request matched")
    needed = threshold.min_samples
    if threshold.aggregation in ("quantile", "med"):
        quantile = 0.5 if threshold.quantile is None else threshold.quantile
        needed = min_samples(quantile) if needed is None else needed
        label, value, interval = quantile_label(quantile), times.quantile(quantile), _ranks_as_seconds(times, quantile)
    else:
        label = str(threshold.aggregation)
        value = {"avg": times.mean, "min": times.minimum, "max": times.maximum}[label]
        interval = _mean_interval(times) if label == "avg" else None
    if needed is not None and times.count < needed:
        return _Observed(None, times.count, missing=f"{times.count} samples, {needed} needed for {label}")
    return _Observed(value, times.count, interval)


def _ranks_as_seconds(times: Histogram, quantile: float) -> tuple[float, float] | None:
    ranks = quantile_interval_ranks(times.count, quantile)
    if ranks is None:
        return None
    low, high = times.at_rank(ranks[0]), times.at_rank(ranks[1])
    return None if low is None or high is None else (low, high)


def _mean_interval(times: Histogram) -> tuple[float, float] | None:
    """By the central limit theorem, with the variance of the bucket middles: within 0.1 % of the true one."""
    mean = times.mean
    if mean is None:
        return None
    squares = sum(n * ((low + high) / 2 - mean) ** 2 for low, high, n in times.buckets())
    return mean_interval(times.count, mean, squares / max(1, times.count - 1))
