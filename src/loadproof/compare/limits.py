"""What change matters, and what a difference comes to under that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadproof.result import Change
from loadproof.stats import chi_square_quantile, student_quantile

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLERANCES: Mapping[str, float] = {
    "p50": 0.05,
    "p95": 0.10,
    "p99": 0.10,
    "throughput": 0.05,
    "error_rate": 0.005,
    "capacity": 0.10,
    "breaking_level": 0.10,
}
"""Change that does not matter, as a share of the baseline; of ``error_rate`` half a percentage point."""

RESOLUTION = 50e-6
"""Seconds within which two times cannot be told apart: the median error of a measured time, see ``bench/truth.py``."""

POWER = 0.90
"""How often a change as large as the detectable one is found."""

MOST_RUNS = 100
"""More runs than that are no advice."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """A candidate against a baseline on the logarithmic scale.

    Attributes:
        log_ratio: Logarithm of candidate by baseline.
        error: Its standard error.
        freedom: Degrees of freedom of that.
        runs: Runs of the smaller side.
        lower_is_better: Whether a ratio above 1 is a change for the worse.
    """

    log_ratio: float
    error: float
    freedom: int
    runs: int
    lower_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of it.

    Attributes:
        interval: Of the ratio; of shares of their difference.
        change: What it came to.
        detectable: Smallest ratio, or difference, that would be found in nine of ten such comparisons.
        runs_needed: Runs on each side that would settle it; None where it is settled, or nobody can say.
        reason: Why it is INCONCLUSIVE; else empty.
    """

    interval: tuple[float, float]
    change: Change
    detectable: float
    runs_needed: int | None = None
    reason: str = ""


def floor_of(label: str, baseline: float, step: float) -> float:
    """Absolute change that does not matter, where nobody set one.

    For times two steps of the histogram, at least 50 us: what cannot be measured cannot be a regression. It is no
    fixed number of milliseconds, as 5 ms are twice what a service of 2 ms takes, and would hide that it got three
    times as slow; what is too small a share of any service is the tolerance's business.

    Args:
        label: ``p50`` and so on, ``throughput``, …
        baseline: In the unit of the quantity.
        step: Width of a histogram's bucket as a share of its value.
    """
    return max(2.0 * step * baseline, RESOLUTION) if label.startswith("p") else 0.0


def decide(
    contrast: Contrast, *, tolerance: float, floor: float, baseline: float, candidate: float, alpha: float
) -> Decision:
    """What a ratio comes to.

    With the interval (l, u) of the ratio and tolerance t it is REGRESSED where l > 1 + t and the change is more than
    the floor, IMPROVED where u < 1 / (1 + t) and it is more than the floor, EQUIVALENT where the interval lies within
    1 / (1 + t) and 1 + t, or no end of it is further from the baseline than the floor (two one-sided tests, Schuirmann
    1987); else INCONCLUSIVE. Where higher is better, the first two change places.

    Args:
        contrast: What was found.
        tolerance: Share of the baseline that does not matter.
        floor: Absolute change that does not.
        baseline: Value of the one side, above 0.
        candidate: Value of the other.
        alpha: Of this one interval: 1 less its confidence.
    """
    critical = student_quantile(1.0 - alpha / 2.0, contrast.freedom)
    half = critical * contrast.error
    # A ratio beyond these ends means that next to nothing is known; they keep the numbers finite.
    low, high = (_exp(contrast.log_ratio - half), _exp(contrast.log_ratio + half))
    widest = max(1.0 + tolerance, 1.0 + floor / baseline)
    found = widest * _exp((critical + student_quantile(POWER, contrast.freedom)) * _cautious(contrast))
    moved = abs(candidate - baseline) > floor
    negligible = max(abs(low - 1.0), abs(high - 1.0)) * baseline <= floor
    worse, better = (
        (Change.REGRESSED, Change.IMPROVED) if contrast.lower_is_better else (Change.IMPROVED, Change.REGRESSED)
    )
    if low > 1.0 + tolerance and moved:
        return Decision((low, high), worse, found)
    if high < 1.0 / (1.0 + tolerance) and moved:
        return Decision((low, high), better, found)
    if negligible or (low >= 1.0 / (1.0 + tolerance) and high <= 1.0 + tolerance):
        return Decision((low, high), Change.EQUIVALENT, found)
    room = abs(abs(contrast.log_ratio) - math.log(widest))
    return Decision(
        (low, high), Change.INCONCLUSIVE, found, _runs_needed(contrast.runs, half, room), "the interval is too wide"
    )


def decide_shares(
    interval: tuple[float, float], *, difference: float, tolerance: float, floor: float, runs: int, alpha: float
) -> Decision:
    """What a difference of two shares comes to: the same rule, with zero for one.

    Args:
        interval: Of the difference.
        difference: Candidate less baseline.
        tolerance: Difference that does not matter.
        floor: The same, where it is larger.
        runs: Runs of the smaller side.
        alpha: 1 less the confidence of the interval.
    """
    low, high = interval
    limit = max(tolerance, floor)
    half = (high - low) / 2.0
    normal = 10**6  # degrees of freedom: Wilson's interval is a normal one
    grown = 1.0 + student_quantile(POWER, normal) / student_quantile(1.0 - alpha / 2.0, normal)
    found = min(1.0, limit + half * grown)
    if low > limit:
        return Decision(interval, Change.REGRESSED, found)
    if high < -limit:
        return Decision(interval, Change.IMPROVED, found)
    if low >= -limit and high <= limit:
        return Decision(interval, Change.EQUIVALENT, found)
    needed = _runs_needed(runs, half, abs(abs(difference) - limit))
    return Decision(interval, Change.INCONCLUSIVE, found, needed, "the interval is too wide")


def _cautious(contrast: Contrast) -> float:
    """The upper end of where the error may lie, with a confidence of 80 %.

    An error that is known from few runs may be too small by chance, and whoever then says that a small change would be
    found says it where it is least true. With many degrees of freedom it is the error itself, and the detectable ratio
    ``(1 + t) exp((z.975 + z.90) error)``.
    """
    return contrast.error * math.sqrt(contrast.freedom / chi_square_quantile(0.2, contrast.freedom))


def _runs_needed(runs: int, half: float, room: float) -> int | None:
    """``n (half width / room)²``: the half width falls with the root of the number of runs."""
    if room <= 0.0 or half / room > math.sqrt(MOST_RUNS / runs):
        return None
    return max(3, runs + 1, math.ceil(runs * (half / room) ** 2))


def _exp(value: float) -> float:
    return math.exp(max(-30.0, min(30.0, value)))
