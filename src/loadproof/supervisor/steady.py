"""Where the part of a run begins that rules are judged on: behind its warm-up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from loadproof.plan.profile import duration_of, ramp_end
from loadproof.record import merged
from loadproof.stats import mser5

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from loadproof.plan import Plan
    from loadproof.record import RunRecord

_LONGEST_SEARCH = 600
"""Seconds within which the end of a warm-up is looked for."""

_LONGEST_LEAD = 32
"""Seconds that a schedule may begin after the run's start: users may take half a minute to get ready."""


def known_warmup(plan: Plan, start: Mapping[str, Any]) -> int:
    """Seconds of warm-up that are known before the run, counted from the start of its schedule; whole ones.

    Args:
        plan: What is run.
        start: What Locust made of it: ``users`` and ``spawn_rate``, None where a shape decides.
    """
    if plan.warmup is None or plan.warmup == "auto":
        return 0
    if plan.warmup != "ramp":
        return math.ceil(plan.warmup)
    if plan.scenarios:
        return math.ceil(max(scenario.start + ramp_end(scenario.profile) for scenario in plan.scenarios))
    if start["users"] and start["spawn_rate"]:
        return math.ceil(float(start["users"]) / float(start["spawn_rate"]))
    return 0


def seconds_held_back(plan: Plan) -> int:
    """How long the record must be able to leave out seconds that it has counted already."""
    if plan.warmup != "auto":
        return 0
    lasts = run_time_of(plan)
    half = _LONGEST_SEARCH if lasts is None else min(_LONGEST_SEARCH, math.ceil(lasts / 2))
    return half + _LONGEST_LEAD


def run_time_of(plan: Plan) -> float | None:
    """Seconds that the plan says the load will last; None where nobody knows."""
    if not plan.scenarios:
        return plan.run_time
    ends = [
        None if (lasts := duration_of(scenario.profile)) is None else scenario.start + lasts
        for scenario in plan.scenarios
    ]
    return None if None in ends else max(end for end in ends if end is not None)


def found_warmup(record: RunRecord, first: int, last: int) -> int | None:
    """Seconds of warm-up by MSER-5, on the requests of each second and on their median: the longer of the two.

    Args:
        record: What was counted.
        first: Second in which the schedule began.
        last: First second that is no longer whole.

    Returns:
        Seconds after ``first``; None where no steady state was found: the run is too short, or goes on changing.
    """
    windows = [window for window in record.windows() if window.start >= first and window.end <= last]
    if not windows:
        return None
    rates: list[float] = []
    medians: list[float] = []
    for window in windows:
        tally = merged(window.tallies)
        rates.append(tally.count / (window.end - window.start))
        median = merged(window.tallies, ("success",)).response.quantile(0.5)
        medians.append(median if median is not None else (medians[-1] if medians else 0.0))
    cuts = [mser5(rates), mser5(medians)]
    if None in cuts:
        return None
    cut = max(cut for cut in cuts if cut is not None)
    found = int((windows[cut].start if cut < len(windows) else last) - first)
    return found if found <= _LONGEST_SEARCH else None
