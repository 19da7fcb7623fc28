"""How rules came out, and what windowed ones saw."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadproof.units import Unit


class Outcome(StrEnum):
    """What a rule, or a run, came to."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    WARN = "WARN"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one rule came out.

    Attributes:
        rule: The rule as it was written.
        source: The layer that set the rule.
        outcome: What it came to.
        observed: The value judged, in the metric's own unit; None when there was nothing to judge.
        unit: ``s``, ``ratio``, ``/s``, ``count``, ``bytes``, ``bytes/s`` or ``value``.
        interval: 95 % confidence interval of ``observed``; None where none can be given.
        n: Samples that ``observed`` rests on.
        decisive: Whether the rule can fail the run; False for one that only warns.
        reason: Why, in words, when the outcome is not PASS; empty otherwise.
        limit: What ``observed`` was compared with: the limit that was broken, else the failing one, else the warning
            one; None where a baseline that it depends on is missing.
        at: Seconds since the run's start at which the window ended that ``observed`` is of; None for rules without one.
    """

    rule: str
    source: str
    outcome: Outcome
    observed: float | None
    unit: Unit
    interval: tuple[float, float] | None
    n: int
    decisive: bool = True
    reason: str = ""
    limit: float | None = None
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What a rule on windows, or on a part of the run, was judged on: such parts are not kept themselves.

    Attributes:
        rule: The rule as it was written.
        value: The value to judge; None when there was nothing.
        n: Samples that it rests on.
        interval: 95 % confidence interval of it; None where none can be given.
        at: Seconds since the run's start at which its window ended; None where there is none.
        missing: Why there is no value, in words; empty where there is one.
    """

    rule: str
    value: float | None
    n: int
    interval: tuple[float, float] | None = None
    at: float | None = None
    missing: str = ""
