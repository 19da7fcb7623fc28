"""Judges a run that is over, or one that was saved: the same way, by the same rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from loadproof.errors import ExitCode
from loadproof.judge import evaluate_all, exit_code, overall
from loadproof.plan import Threshold
from loadproof.result import Change, RunResult, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadproof.result import Comparison, Coverage

Measured = TypeVar("Measured", Snapshot, RunResult)


class Rules(Protocol):
    """The part of a plan that a result is judged by."""

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """The rules."""

    @property
    def strict(self) -> bool:
        """Whether a warning fails."""

    @property
    def allow_inconclusive(self) -> bool:
        """Whether an inconclusive run exits 0."""

    @property
    def fail_on_regression(self) -> bool:
        """Whether a regression against the baseline fails."""


@dataclass(frozen=True, slots=True)
class SavedRules:
    """Rules as a saved run holds them."""

    thresholds: tuple[Threshold, ...]
    strict: bool
    allow_inconclusive: bool
    fail_on_regression: bool


def saved_rules(result: RunResult) -> SavedRules:
    """The rules that a saved run was judged by."""
    return SavedRules(
        thresholds=tuple(Threshold.model_validate(rule) for rule in result.plan["thresholds"]),
        strict=result.plan["strict"],
        allow_inconclusive=result.plan["allow_inconclusive"],
        fail_on_regression=result.plan.get("fail_on_regression", False),
    )


def judged(result: RunResult, rules: Rules) -> RunResult:
    """The result with its verdicts, its outcome, and the exit code with its reason."""
    verdicts = evaluate_all(applying(rules.thresholds, result.coverage), under_load(result))
    outcome = overall(verdicts, result)
    regression = _regression(result.comparison) if rules.fail_on_regression else None
    code, reason = exit_code(
        outcome,
        verdicts,
        requests=result.record.samples,
        strict=rules.strict,
        allow_inconclusive=rules.allow_inconclusive,
        abort=None if result.abort is None else (ExitCode(result.abort_code or ExitCode.COULD_NOT_RUN), result.abort),
        script_code=result.script_exit_code,
        search=result.search,
        regression=regression,
    )
    if result.abort is None and any(each.kind == "ended_early" for each in result.interventions):
        reason = f"{reason}; ended early by the user"
    return replace(result, verdicts=verdicts, outcome=outcome, exit_code=code, exit_reason=reason)


def under_load(measured: Measured) -> Measured:
    """The same, as long as the time that it was not paused: what rates are reckoned by."""
    return replace(measured, measured_to=measured.measured_from + measured.duration)


def applying(thresholds: Iterable[Threshold], coverage: Coverage | None) -> tuple[Threshold, ...]:
    """The rules that there is something to judge by: nobody who declares nothing is asked what came of it."""
    due = coverage is not None and any(item.was_due for item in coverage.declared)
    return tuple(rule for rule in thresholds if due or rule.metric != "coverage" or rule.source != "default")


def _regression(comparison: Comparison | None) -> str | None:
    """What regressed, in words; None where nothing did."""
    if comparison is None:
        return None
    worse = [f"{each.metric} of {each.title}" for each in comparison.differences if each.change is Change.REGRESSED]
    return f"regressed against the baseline: {'; '.join(worse)}" if worse else None
