"""One rule after another, held against what was measured."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from loadproof.judge.limits import breaks
from loadproof.judge.observed import observe, reference_for
from loadproof.plan.metrics import unit_of
from loadproof.result import Outcome, Verdict
from loadproof.units import format_beside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadproof.judge.observed import Measurements, Select
    from loadproof.plan import Condition, Threshold
    from loadproof.result import Doubt, GeneratorHealth
    from loadproof.units import Unit

_WORDS = {"!=": "not", "==": "exactly"}
"""Operators that read badly in a sentence; the others read as they are."""

_DOUBTED_WITH = {"first_byte_time": "service_time", "flow_time": "iteration_time"}
"""Metrics that share the doubts of another: they are measured the same way."""


def evaluate(threshold: Threshold, measurements: Measurements) -> Verdict:
    """Hold one rule against what was measured.

    The observed value is judged; its interval is only shown. No data is never a pass: a rule that nothing can be
    measured for, or too few samples, is INCONCLUSIVE; so is one that depends on a baseline where there is none
    (``Measurements.references``).

    A quantile is that of the histogram, which is within 0.1 % of the true one; where all samples are equal it is exact.
    """
    return _evaluated(threshold, measurements, measurements.record.select)


def evaluate_all(thresholds: Iterable[Threshold], measurements: Measurements) -> tuple[Verdict, ...]:
    """Hold every rule against what was measured, in their order."""
    # Entries are put together once for all rules that look at the same ones: the live view judges each second.
    select = cache(measurements.record.select)
    return tuple(_evaluated(threshold, measurements, select) for threshold in thresholds)


def _evaluated(threshold: Threshold, measurements: Measurements, select: Select) -> Verdict:
    observed = observe(threshold, measurements, select)
    unit = unit_of(threshold.metric, threshold.aggregation)
    limits, missing = _limits(threshold, measurements)
    limit = next((condition.limit for _, condition in limits), None)
    if observed.value is None or missing:
        outcome, reason = Outcome.INCONCLUSIVE, observed.missing or missing
    else:
        outcome, reason = Outcome.PASS, ""
        for level, condition in limits:
            if breaks(observed.value, condition.operator, condition.limit):
                outcome, limit, reason = level, condition.limit, _breach(observed.value, condition, unit)
                break
        if threshold.metric == "coverage" and outcome is not Outcome.PASS:
            reason = f"{reason}: {_missed(measurements)}"
        outcome, reason = _doubted(threshold, outcome, reason, measurements.health)
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
        limit=limit,
        at=observed.at,
    )


def _limits(threshold: Threshold, measurements: Measurements) -> tuple[list[tuple[Outcome, Condition]], str]:
    """What breaks the rule, the worse first, with limits as plain numbers; and why there are none."""
    found = []
    for outcome, condition in ((Outcome.FAIL, threshold.fail), (Outcome.WARN, threshold.warn)):
        if condition is None:
            continue
        if condition.baseline is None:
            found.append((outcome, condition))
            continue
        reference = reference_for(threshold, measurements)
        if reference is None:
            return [], "there is no baseline to compare with: give --baseline RUN"
        if reference.value is None:
            return [], f"the baseline has no such value: {reference.missing}"
        limit = max(0.0, reference.value * condition.baseline + condition.limit)
        found.append((outcome, condition.model_copy(update={"limit": limit, "baseline": None})))
    return found, ""


def _missed(measurements: Measurements) -> str:
    coverage = measurements.coverage
    missed = [item.title for item in coverage.missed if item.was_due] if coverage else []
    return f"never ran: {', '.join(missed)}"


def _doubted(threshold: Threshold, outcome: Outcome, reason: str, health: GeneratorHealth) -> tuple[Outcome, str]:
    """The same, or INCONCLUSIVE where the generator spoiled what was measured."""
    holds = outcome is Outcome.PASS
    quantity = _DOUBTED_WITH.get(threshold.metric, threshold.metric)
    for doubt in health.doubts:
        if doubt.quantity == quantity and not _stands(doubt, holds=holds):
            return Outcome.INCONCLUSIVE, f"{reason}; {doubt.reason}" if reason else doubt.reason
    return outcome, reason


def _stands(doubt: Doubt, *, holds: bool) -> bool:
    return doubt.pass_stands if holds else doubt.breach_stands


def _breach(value: float, condition: Condition, unit: Unit) -> str:
    observed, limit = format_beside(value, condition.limit, unit)
    return f"{observed} is {_WORDS.get(condition.operator, condition.operator)} {limit}"
