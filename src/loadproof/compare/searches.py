"""Searches compared by their answer: the capacity, or the level at which the service broke."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from loadproof.compare.limits import Contrast, decide
from loadproof.compare.sides import Reading, basis_of, contrast_of
from loadproof.result import Change, Difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadproof.result import RunResult, SearchResult
    from loadproof.units import Unit

_ALPHA = 0.05
"""There is one answer, so nothing to correct for."""


def compare_searches(
    baselines: Sequence[RunResult],
    candidates: Sequence[RunResult],
    tolerances: Mapping[str, float],
    floors: Mapping[str, float],
) -> tuple[Difference, ...]:
    """The one answer of searches of one kind: ``capacity``, or ``breaking_level``.

    An answer lies between the highest level that was sustained and the lowest that was not. Of one search a side, the
    ratio lies between the ratios of the ends; of more, the means of the logarithms are compared as those of runs are,
    and the interval is made wider by half of the widest bracket on each side.
    """
    metric = "capacity" if candidates[0].kind == "capacity" else "breaking_level"
    units = {run.search.unit for run in (*baselines, *candidates) if run.search is not None}
    unit: Unit = "/s" if units == {"per_second"} else "count"
    tolerance, floor = tolerances[metric], floors.get(metric, 0.0)
    sides = [[_bounds(run.search) for run in runs] for runs in (baselines, candidates)]
    values = [_middle(side) for side in sides]
    reason = "the levels count different things" if len(units) > 1 else _unanswered((*baselines, *candidates))
    change, interval, detectable = Change.INCONCLUSIVE, None, None
    if not reason:
        low, high = _ratio(*sides)
        change, reason = _decided(low, high, tolerance)
        moved = None in values or abs((values[1] or 0.0) - (values[0] or 0.0)) > floor
        if change in (Change.REGRESSED, Change.IMPROVED) and not moved:
            change, reason = Change.INCONCLUSIVE, "the change is not more than the floor"
        if math.isfinite(high) and low > 0.0:
            interval = (low, high)
            detectable = (1.0 + tolerance) * math.sqrt(high / low)
    before, after = values
    return (
        Difference(
            name=None,
            method=None,
            metric=metric,
            unit=unit,
            baseline=before,
            candidate=after,
            ratio=after / before if before and after else None,
            interval=interval,
            tolerance=tolerance,
            floor=floor,
            change=change,
            basis="between runs" if basis_of(*map(len, sides)) == "between runs" else "between levels",
            detectable=detectable,
            reason=reason,
        ),
    )


def _bounds(search: SearchResult | None) -> tuple[float, float] | None:
    """Between what the answer lies; infinity where nothing broke; None where there is no answer."""
    if search is None:
        return None
    if search.kind == "capacity":
        low, high = search.low, search.high
    else:
        low, high = search.last_good_level, search.breaking_level
    if search.outcome == "did_not_break":
        return None if search.max_level is None else (search.max_level, math.inf)
    if search.outcome not in ("found", "broke") or (low is None and high is None):
        return None
    return low or 0.0, math.inf if high is None else high


def _middle(side: Sequence[tuple[float, float] | None]) -> float | None:
    """Geometric mean of the middles; None where one of them has none."""
    middles = [math.sqrt(each[0] * each[1]) for each in side if each and each[0] > 0.0 and math.isfinite(each[1])]
    if not middles or len(middles) < len(side):
        return None
    return math.exp(math.fsum(map(math.log, middles)) / len(middles))


def _unanswered(runs: Sequence[RunResult]) -> str:
    for run in runs:
        if _bounds(run.search) is None:
            said = run.search.reason if run.search is not None else "it was not finished"
            return f"the search of run {run.run_id} has no answer: {said}"
    return ""


def _ratio(
    before: Sequence[tuple[float, float] | None], after: Sequence[tuple[float, float] | None]
) -> tuple[float, float]:
    """Ends of the ratio; 0 and infinity where there is none."""
    one, two = ([each for each in side if each is not None] for side in (before, after))
    middles = [[_middle([each]) for each in side] for side in (one, two)]
    if basis_of(len(one), len(two)) == "between runs" and not any(None in side for side in middles):
        readings = [[Reading(value, "", 0.0, lambda: "") for value in side] for side in middles]
        found = contrast_of(*readings, lower_is_better=False)
        if isinstance(found, Contrast):
            decision = decide(found, tolerance=0.0, floor=0.0, baseline=1.0, candidate=1.0, alpha=_ALPHA)
            wider = max(high / low for low, high in (*one, *two))
            return decision.interval[0] / wider, decision.interval[1] * wider
    least, most = min(each[0] for each in one), max(each[1] for each in one)
    low = min(each[0] for each in two) / most
    return low, max(each[1] for each in two) / least if least > 0.0 else math.inf


def _decided(low: float, high: float, tolerance: float) -> tuple[Change, str]:
    if high < 1.0 / (1.0 + tolerance):
        return Change.REGRESSED, ""
    if low > 1.0 + tolerance:
        return Change.IMPROVED, ""
    if low >= 1.0 / (1.0 + tolerance) and high <= 1.0 + tolerance:
        return Change.EQUIVALENT, ""
    return Change.INCONCLUSIVE, "the levels lie too far apart"
