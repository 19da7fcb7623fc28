"""One rule after another, held against what was measured."""

from __future__ import annotations

import operator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

from loadproof.record import OUTCOMES, Counts, merged
from loadproof.record import Outcome as SampleOutcome
from loadproof.result import GeneratorHealth, Outcome, Verdict
from loadproof.stats import mean_interval, min_samples, quantile_interval_ranks, wilson_interval
from loadproof.units import Unit, format_beside, quantile_label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from loadproof.plan import Condition, Threshold
    from loadproof.record import Histogram, RunRecord, Tallies
    from loadproof.result import Doubt, SearchResult

    Select = Callable[[str | None, str | None], Tallies]

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

_WORDS = {"!=": "not", "==": "exactly"}
"""Operators that read badly in a sentence; the others read as they are."""

_UNITS: dict[str, Unit] = {
    "response_time": "s",
    "service_time": "s",
    "iteration_time": "s",
    "error_rate": "ratio",
    "throughput": "/s",
    "requests": "count",
    "failures": "count",
    "exceptions": "count",
    "unfinished": "count",
    "dropped": "count",
    "dropped_rate": "ratio",
    "capacity": "/s",
    "breaking_level": "count",
}

_GENERATORS_OWN = ("out_of_descriptors", "out_of_ports")
"""Kinds of errors that the generator makes, whatever the service does."""


class Measurements(Protocol):
    """What can be judged: a finished run, or a moment of one that goes on."""

    @property
    def record(self) -> RunRecord | Counts:
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

    @property
    def search(self) -> SearchResult | None:
        """What a search found; None where none was made, and while it goes on."""


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

    A quantile is that of the histogram, which is within 0.1 % of the true one; where all samples are equal it is exact.
    """
    return _evaluated(threshold, measurements, measurements.record.select)


def evaluate_all(thresholds: Iterable[Threshold], measurements: Measurements) -> tuple[Verdict, ...]:
    """Hold every rule against what was measured, in their order."""
    # Entries are put together once for all rules that look at the same ones: the live view judges each second.
    select = cache(measurements.record.select)
    return tuple(_evaluated(threshold, measurements, select) for threshold in thresholds)


def _evaluated(threshold: Threshold, measurements: Measurements, select: Select) -> Verdict:
    observed = _observe(threshold, measurements, select)
    unit = _UNITS[threshold.metric]
    if observed.value is None:
        outcome, reason = Outcome.INCONCLUSIVE, observed.missing
    else:
        outcome, reason = _compare(threshold, observed.value, unit)
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
    )


def _compare(threshold: Threshold, value: float, unit: Unit) -> tuple[Outcome, str]:
    levels = ((Outcome.FAIL, threshold.fail), (Outcome.WARN, threshold.warn))
    for outcome, condition in levels:
        if condition is not None and _COMPARE[condition.operator](value, condition.limit):
            return outcome, _breach(value, condition, unit)
    return Outcome.PASS, ""


def _doubted(threshold: Threshold, outcome: Outcome, reason: str, health: GeneratorHealth) -> tuple[Outcome, str]:
    """The same, or INCONCLUSIVE where the generator spoiled what was measured."""
    holds = outcome is Outcome.PASS
    for doubt in health.doubts:
        if doubt.quantity == threshold.metric and not _stands(doubt, holds=holds):
            return Outcome.INCONCLUSIVE, f"{reason}; {doubt.reason}" if reason else doubt.reason
    return outcome, reason


def _stands(doubt: Doubt, *, holds: bool) -> bool:
    return doubt.pass_stands if holds else doubt.breach_stands


def _breach(value: float, condition: Condition, unit: Unit) -> str:
    observed, limit = format_beside(value, condition.limit, unit)
    return f"{observed} is {_WORDS.get(condition.operator, condition.operator)} {limit}"


def _observe(threshold: Threshold, measurements: Measurements, select: Select) -> _Observed:
    metric = threshold.metric
    if metric in ("exceptions", "unfinished"):
        count = measurements.exception_count if metric == "exceptions" else measurements.unfinished
        return _Observed(count, count)
    if metric in ("dropped", "dropped_rate"):
        return _observe_drops(threshold, measurements)
    if metric in ("capacity", "breaking_level"):
        return _observe_answer(threshold, measurements.search)
    if metric == "iteration_time":
        return _observe_duration(threshold, select(threshold.selector.name, "ITERATION"))
    tallies = select(threshold.selector.name, threshold.selector.method)
    if metric in ("response_time", "service_time"):
        return _observe_duration(threshold, tallies)
    return _observe_requests(threshold, tallies, measurements.measured_to - measurements.measured_from)


def _observe_requests(threshold: Threshold, tallies: Tallies, seconds: float) -> _Observed:
    """What is counted over requests."""
    metric = threshold.metric
    total = sum(tally.count for tally in tallies.values())
    failures = tallies["failure"].count if "failure" in tallies else 0
    if metric in ("requests", "failures"):
        # A count of 0 is a fact, unless it is that of a name that may be misspelt.
        if not total and _selected(threshold):
            return _Observed(None, 0, missing=_nothing_matched(threshold))
        return _Observed(failures if metric == "failures" else total, total)
    if not total:
        return _Observed(None, 0, missing=_nothing_matched(threshold))
    if total < (threshold.min_samples or 1):
        return _Observed(None, total, missing=f"{_samples(total)}, {threshold.min_samples} needed")
    if metric == "error_rate":
        return _observe_errors(threshold, tallies, failures, total)
    return _Observed(total / seconds, total) if seconds > 0 else _Observed(None, total, missing="no time passed")


def _observe_errors(threshold: Threshold, tallies: Tallies, failures: int, total: int) -> _Observed:
    """The share of failures; nothing where it breaks the rule only by errors that the generator made."""
    own = sum(tallies["failure"].kinds.get(kind, 0) for kind in _GENERATORS_OWN) if failures else 0
    condition = threshold.fail or threshold.warn
    if own and condition is not None:
        compare = _COMPARE[condition.operator]
        if compare(failures / total, condition.limit) and not compare((failures - own) / total, condition.limit):
            return _Observed(None, total, missing=f"{own} of {failures} failures are the generator's own")
    return _Observed(failures / total, total, wilson_interval(failures, total))


def _observe_drops(threshold: Threshold, measurements: Measurements) -> _Observed:
    arrivals = measurements.record.arrivals
    if not arrivals.offered:
        return _Observed(None, 0, missing="no arrival was counted; there are none where the load is given as users")
    if threshold.metric == "dropped":
        return _Observed(arrivals.dropped, arrivals.offered)
    share = arrivals.dropped / arrivals.offered
    return _Observed(share, arrivals.offered, wilson_interval(arrivals.dropped, arrivals.offered))


def _observe_answer(threshold: Threshold, search: SearchResult | None) -> _Observed:
    """What a search found.

    A service that did not break may break anywhere above the highest level that it was given: that is known to be more
    than the rule asks for, or it is not known at all.
    """
    if search is None:
        return _Observed(None, 0, missing="nothing was searched for")
    if threshold.metric == "capacity":
        if search.kind != "capacity" or search.low is None:
            return _Observed(None, 0, missing=search.reason or "no capacity was found")
        interval = None if search.high is None else (search.low, search.high)
        return _floor(threshold, search.low, interval, exact=search.outcome == "found", search=search)
    if search.breaking_level is not None:
        return _Observed(search.breaking_level, 1)
    return _floor(threshold, search.last_good_level, None, exact=False, search=search)


def _floor(
    threshold: Threshold,
    value: float | None,
    interval: tuple[float, float] | None,
    *,
    exact: bool,
    search: SearchResult,
) -> _Observed:
    """A value that may be higher: judged where the rule asks for no more."""
    condition = threshold.fail or threshold.warn
    if value is None or condition is None:
        return _Observed(None, 0, missing=search.reason or "no level was sustained")
    enough = condition.operator in ("<", "<=") and not _COMPARE[condition.operator](value, condition.limit)
    if exact or enough:
        return _Observed(value, 1, interval)
    return _Observed(None, 1, missing=search.reason)


def _observe_duration(threshold: Threshold, tallies: Tallies) -> _Observed:
    wanted = threshold.selector.outcome or "success"
    outcomes: tuple[SampleOutcome, ...] = OUTCOMES if wanted == "all" else (wanted,)
    tally = merged(tallies, outcomes)
    times = tally.service if threshold.metric == "service_time" else tally.response
    if not times.count:
        return _Observed(None, 0, missing=_nothing_matched(threshold, wanted if tallies else "all"))
    label, quantile = _aggregation(threshold)
    default = 1 if quantile is None else min_samples(quantile)
    needed = default if threshold.min_samples is None else threshold.min_samples
    if times.count < needed:
        return _Observed(None, times.count, missing=f"{_samples(times.count)}, {needed} needed for {label}")
    if quantile is not None:
        return _Observed(times.quantile(quantile), times.count, _quantile_interval(times, quantile))
    if label == "avg":
        return _Observed(times.mean, times.count, _mean_interval(times))
    return _Observed(times.minimum if label == "min" else times.maximum, times.count)


def _aggregation(threshold: Threshold) -> tuple[str, float | None]:
    """What the number is called, and its quantile if it is one."""
    if threshold.aggregation == "med":
        return "the median", 0.5
    if threshold.quantile is not None:
        return quantile_label(threshold.quantile), threshold.quantile
    return str(threshold.aggregation), None


def _quantile_interval(times: Histogram, quantile: float) -> tuple[float, float] | None:
    ranks = quantile_interval_ranks(times.count, quantile)
    if ranks is None:
        return None
    # Half a rank below, so that no rounding of the division can lead to the next one.
    low, high = (times.quantile((rank - 0.5) / times.count) for rank in ranks)
    return None if low is None or high is None else (low, high)


def _mean_interval(times: Histogram) -> tuple[float, float] | None:
    """By the central limit theorem, with the variance of the bucket middles: within 0.1 % of the true one."""
    mean = times.mean
    if mean is None or times.count < 2:
        return None
    squares = sum(n * ((low + high) / 2 - mean) ** 2 for low, high, n in times.buckets())
    return mean_interval(times.count, mean, squares / (times.count - 1))


def _selected(threshold: Threshold) -> list[str]:
    """The selector's own words on entries; empty where it takes all."""
    selector = threshold.selector
    return [f"{key}={value}" for key, value in (("name", selector.name), ("method", selector.method)) if value]


def _nothing_matched(threshold: Threshold, outcome: str = "all") -> str:
    """Why there is nothing to judge.

    Args:
        threshold: The rule.
        outcome: The outcome that no request had; ``all`` where there was no request.
    """
    selected = ", ".join(_selected(threshold))
    if outcome == "all":
        return f"no request matched {selected}" if selected else "no request was finished"
    ended = {"success": "succeeded", "expected": "ended as expected", "failure": "failed"}[outcome]
    return f"no request that matched {selected} {ended}" if selected else f"no request {ended}"


def _samples(n: int) -> str:
    return "1 sample" if n == 1 else f"{n} samples"
