"""What each run says of a quantity, and what the runs of two sides say together."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from loadproof.compare.limits import Contrast
from loadproof.stats import Estimate, bootstrap_mean, bootstrap_quantiles, effective_samples, min_samples, welch_freedom

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadproof.record import Histogram, Key, Tallies
    from loadproof.result import Basis, RunResult

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
"""The quantiles that are compared, by their labels."""

SHORTEST = 50.0
"""Seconds that one run takes at least to speak for itself: ten blocks of 5 s."""

LEAST_BLOCKS = 12.0
"""Blocks, of the length that the course asks for, that a run has at least to speak for itself."""

LARGEST_TAIL = 0.3
"""Relative error of the share beyond a quantile up to which one run speaks for itself: about eleven bursts of it."""

_FEW = 3  # runs a side from which on each side's own spread is used
_LEAST_POOLED = 4  # runs of both sides from which on their common spread is


_NO_COURSE = "its course over time is not kept: compare with the run itself, or take three runs a side"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one run says of one quantity.

    Attributes:
        value: In its unit; None where there is none, or it is 0.
        lacking: Why nothing can be said from it, in words; empty where something can.
        step: Width of a bucket at the value, as a share of it; 0 where it is exact.
        course: What the run's course over time says of it; asked only where it is needed.
    """

    value: float | None
    lacking: str
    step: float
    course: Callable[[], Estimate | str]


@dataclass(frozen=True, slots=True)
class Cells:
    """Some equally long windows of a run, joined.

    Attributes:
        tallies: What was counted in each.
        seconds: How long each is.
    """

    tallies: list[Tallies]
    seconds: float


class Counted:
    """What a run counted of an entry: over the measured part, and over time.

    Args:
        result: The run.
        key: Entry; None for all requests.
    """

    def __init__(self, result: RunResult, key: Key | None) -> None:
        self._result = result
        self._key = key
        self.tallies = result.record.totals() if key is None else result.record.tallies(key)

    @cached_property
    def cells(self) -> Cells:
        """The windows of the measured part, joined to the width of the widest."""
        record = self._result.record
        windows = record.windows() if self._key is None else record.windows_of(self._key)
        width = max((window.end - window.start for window in windows), default=1.0)
        joined: dict[int, Tallies] = {}
        for window in windows:
            number = int(window.start // width)
            if number * width < self._result.measured_from or (number + 1) * width > self._result.measured_to:
                continue
            whole = joined.setdefault(number, {})
            for outcome, tally in window.tallies.items():
                if outcome in whole:
                    whole[outcome].merge(tally)
                else:
                    whole[outcome] = tally
        return Cells([joined[number] for number in sorted(joined)], width)

    @cached_property
    def quantiles(self) -> dict[float, Estimate | str]:
        """Each quantile with its error from the run's course, or why the run cannot speak for itself."""
        cells = self.cells
        if not cells.tallies:
            return dict.fromkeys(QUANTILES.values(), _NO_COURSE)
        edges, counts = _matrix([each["success"].response if "success" in each else None for each in cells.tallies])
        return courses_of_counts(edges, counts, seconds=cells.seconds)

    def rate(self) -> Estimate | str:
        """The same of requests per second."""
        cells = self.cells
        if not cells.tallies:
            return _NO_COURSE
        if len(cells.tallies) * cells.seconds < SHORTEST:
            return _too_short(len(cells.tallies) * cells.seconds)
        finished = [sum(tally.count for tally in each.values()) for each in cells.tallies]
        return _trusted(bootstrap_mean(finished), len(finished), cells.seconds)

    @property
    def count(self) -> int:
        """Requests of all outcomes."""
        return sum(tally.count for tally in self.tallies.values())

    @property
    def seconds(self) -> float:
        """How long the measured part is."""
        return self._result.duration


def quantile_reading(counted: Counted, label: str) -> Reading:
    """A quantile of the response times of successes, by its label."""
    q = QUANTILES[label]
    times = counted.tallies["success"].response if "success" in counted.tallies else None
    value = None if times is None else times.quantile(q)
    count = 0 if times is None else times.count
    least = min_samples(q)
    lacking = "" if count >= least else f"{count} successes are fewer than the {least} that it takes"
    step = 0.0 if times is None else 2.0**-times.bits
    return Reading(value or None, lacking, step, lambda: counted.quantiles[q])


def throughput_reading(counted: Counted) -> Reading:
    """Finished requests per second, of all outcomes."""
    rate = counted.count / counted.seconds if counted.seconds > 0.0 else 0.0
    return Reading(rate or None, "" if rate else "nothing was finished", 0.0, counted.rate)


def failures_of(counted: Counted) -> tuple[int, int, float]:
    """Failures, all requests, and how many independent ones these are worth."""
    samples = counted.count
    failed = counted.tallies["failure"].count if "failure" in counted.tallies else 0
    if not failed:
        return 0, samples, float(samples)
    counts = [sum(tally.count for tally in each.values()) for each in counted.cells.tallies]
    hits = [each["failure"].count if "failure" in each else 0 for each in counted.cells.tallies]
    kept = effective_samples(counts, hits) / sum(counts) if sum(counts) else 1.0
    return failed, samples, samples * kept


def mean_value(readings: Sequence[Reading]) -> float | None:
    """Geometric mean over runs; None where one of them has no value."""
    values = [reading.value for reading in readings if reading.value is not None]
    if not values or len(values) < len(readings):
        return None
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def basis_of(baselines: int, candidates: int) -> Basis:
    """Where the spread is taken from: between runs where the two sides have four or more together."""
    return "between runs" if baselines + candidates >= _LEAST_POOLED else "within one run"


def contrast_of(
    baselines: Sequence[Reading], candidates: Sequence[Reading], *, lower_is_better: bool
) -> Contrast | str:
    """Both sides held against each other, or why they cannot be.

    With three or more runs a side it is Welch's t on the logarithms; with fewer, but four or more together, Student's
    t, which takes both sides to scatter alike: two against two, or a lone candidate against three baselines, say too
    little of a side's own spread. With less than that the spread within the runs has to do.
    """
    for reading in (*baselines, *candidates):
        if reading.lacking or reading.value is None:
            return reading.lacking or "there is no value"
    runs = min(len(baselines), len(candidates))
    if min(len(baselines), len(candidates)) >= _FEW:
        sides: list[Estimate] | str = [_between(baselines), _between(candidates)]
    elif basis_of(len(baselines), len(candidates)) == "between runs":
        sides = _pooled(baselines, candidates)
    else:
        sides = _within(baselines, candidates)
    if isinstance(sides, str):
        return sides
    one, two = sides
    return Contrast(
        log_ratio=two.log - one.log,
        error=math.hypot(one.error, two.error),
        freedom=welch_freedom((one.error, one.freedom), (two.error, two.freedom)),
        runs=runs,
        lower_is_better=lower_is_better,
    )


def _logs(readings: Sequence[Reading]) -> list[float]:
    return [math.log(reading.value) for reading in readings if reading.value is not None]


def _rounding(readings: Sequence[Reading]) -> float:
    """Variance that a bucket's width hides: runs whose quantiles fall into the same one are not the same."""
    return max(reading.step for reading in readings) ** 2 / 12.0


def _between(readings: Sequence[Reading]) -> Estimate:
    logs = _logs(readings)
    mean = math.fsum(logs) / len(logs)
    variance = math.fsum((log - mean) ** 2 for log in logs) / (len(logs) - 1) + _rounding(readings)
    return Estimate(mean, math.sqrt(variance / len(logs)), len(logs) - 1)


def _pooled(baselines: Sequence[Reading], candidates: Sequence[Reading]) -> list[Estimate]:
    sides = [_logs(baselines), _logs(candidates)]
    means = [math.fsum(logs) / len(logs) for logs in sides]
    freedom = len(baselines) + len(candidates) - 2
    squares = math.fsum((log - mean) ** 2 for logs, mean in zip(sides, means, strict=True) for log in logs)
    variance = squares / freedom + _rounding([*baselines, *candidates])
    # Welch's formula over two sides of one common spread must give all of its degrees of freedom back.
    errors = [math.sqrt(variance / len(logs)) for logs in sides]
    whole = math.hypot(*errors)
    estimates = [Estimate(mean, 0.0, freedom) for mean in means]
    estimates[0] = Estimate(means[0], whole, freedom)
    return estimates


def _within(baselines: Sequence[Reading], candidates: Sequence[Reading]) -> list[Estimate] | str:
    sides = []
    for readings in (baselines, candidates):
        found = []
        for reading in readings:
            course = reading.course()
            if isinstance(course, str):
                return course
            found.append(course)
        count = len(found)
        log = math.fsum(_logs(readings)) / count
        error = math.sqrt(math.fsum(each.error**2 for each in found) + count * _rounding(readings)) / count
        sides.append(Estimate(log, error, math.fsum(each.freedom for each in found)))
    return sides


def courses_of_counts(
    edges: Sequence[float], counts: Sequence[Sequence[int]], *, seconds: float
) -> dict[float, Estimate | str]:
    """Each quantile with its error from the course of one run, or why that run cannot speak for itself.

    Args:
        edges: Borders of the buckets in seconds.
        counts: A row for each window, a number for each bucket.
        seconds: How long each window is.
    """
    quantiles = list(QUANTILES.values())
    if len(counts) * seconds < SHORTEST:
        return dict.fromkeys(quantiles, _too_short(len(counts) * seconds))
    found = bootstrap_quantiles(edges, counts, quantiles) if len(edges) > 1 else []
    if not found:
        return dict.fromkeys(quantiles, _trusted(None, len(counts), seconds))
    # How slowly a run changes is the run's own: where noise hides it in one quantile, another one shows it.
    slowest = max(each.blocks for each in found)
    return {
        q: _trusted(replace(each, blocks=slowest), len(counts), seconds)
        for q, each in zip(quantiles, found, strict=True)
    }


def _too_short(seconds: float) -> str:
    return f"{seconds:.0f} s are too short for one run to speak for itself: it takes {SHORTEST:.0f} s, or more runs"


def _trusted(found: Estimate | None, windows: int, seconds: float) -> Estimate | str:
    """The estimate, where the run is long enough for what happens in it."""
    if found is None:
        return f"{windows} windows are too few for one run to speak for itself: it takes 16, or more runs"
    if found.blocks * LEAST_BLOCKS > windows:
        needed = 60.0 * math.ceil(LEAST_BLOCKS * found.blocks * seconds / 60.0)
        return f"it changes too slowly for a run of this length: it takes about {needed:.0f} s, or more runs"
    if found.tail > LARGEST_TAIL:
        return "what is slow comes in too few bursts for one run to speak for itself: it takes a longer one, or more"
    return found


def _matrix(times: Sequence[Histogram | None]) -> tuple[list[float], list[list[int]]]:
    """Borders of all buckets, and a row of counts for each histogram."""
    buckets = [[] if each is None else each.buckets() for each in times]
    borders = sorted({border for row in buckets for low, high, _ in row for border in (low, high)})
    place = {border: number for number, border in enumerate(borders)}
    counts = [[0] * max(0, len(borders) - 1) for _ in buckets]
    for row, found in zip(counts, buckets, strict=True):
        for low, _, n in found:
            row[place[low]] += n
    return [max(border, 0.5e-9) for border in borders], counts
