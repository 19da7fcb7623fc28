"""What a rule is judged on: one value out of what was measured, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from loadproof.judge.limits import breaks
from loadproof.plan.metrics import ANSWERS, MEASURED
from loadproof.record import OUTCOMES, Histogram, merged
from loadproof.record.recorder import MEASURE, MEASURED_AS, own_value
from loadproof.result import Observation
from loadproof.stats import mean_interval, min_samples, quantile_interval_ranks, wilson_interval
from loadproof.units import quantile_label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadproof.plan import Selector, Threshold
    from loadproof.record import ArrivalCounts, Counts, RunRecord, Tallies, Tally
    from loadproof.record import Outcome as SampleOutcome
    from loadproof.result import Coverage, GeneratorHealth, Level, SearchResult

    Select = Callable[[str | None, str | None, str], Tallies]

GENERATORS_OWN = ("out_of_descriptors", "out_of_ports")
"""Kinds of errors that the generator makes, whatever the service does."""


class Measurements(Protocol):
    """What can be judged: a finished run, a level of a search, or a moment of a run that goes on."""

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

    @property
    def levels(self) -> Sequence[Level]:
        """The levels of a search; empty where none was made."""

    @property
    def coverage(self) -> Coverage | None:
        """What was declared, against what ran; None where nobody looked."""

    @property
    def observations(self) -> Sequence[Observation]:
        """What rules on windows, or on a part of the run, are judged on; empty where there are none."""

    @property
    def references(self) -> Sequence[Observation]:
        """What the baseline came to, by each rule that depends on it; empty without a baseline."""


class Counted(NamedTuple):
    """What was counted in one part of a run, as far as one rule looks at it.

    Attributes:
        tallies: Of the entries that it selects.
        arrivals: What became of arrivals.
        seconds: How long the part is.
    """

    tallies: Tallies
    arrivals: ArrivalCounts
    seconds: float


class Observed(NamedTuple):
    """A value to judge, or why there is none.

    Attributes:
        value: In the metric's own unit; None where there is none.
        n: Samples that it rests on.
        interval: 95 % confidence interval of it; None where none can be given.
        missing: Why there is no value; empty where there is one.
        at: Seconds since the run's start at which its window ended; None for what is no window's.
    """

    value: float | None
    n: int
    interval: tuple[float, float] | None = None
    missing: str = ""
    at: float | None = None


def observe(threshold: Threshold, measurements: Measurements, select: Select) -> Observed:
    """What a rule is judged on.

    Args:
        threshold: The rule.
        measurements: What was measured.
        select: ``measurements.record.select``, or one that remembers.
    """
    if threshold.is_partial or threshold.abort:
        seen = _of_the_watched(threshold, measurements)
        if seen is not None:
            return seen
    if threshold.is_partial:
        return Observed(None, 0, missing="nobody watched the run by this rule")
    if threshold.selector.level is not None:
        return _of_a_level(threshold, measurements)
    special = {
        "exceptions": lambda: Observed(measurements.exception_count, measurements.exception_count),
        "unfinished": lambda: Observed(measurements.unfinished, measurements.unfinished),
        "coverage": lambda: _of_coverage(measurements.coverage),
        "generator_cpu": lambda: _of_health(threshold, measurements.health),
        "loop_lag": lambda: _of_health(threshold, measurements.health),
        "gc_pause": lambda: _of_health(threshold, measurements.health),
    }
    if threshold.metric in special:
        return special[threshold.metric]()
    if threshold.metric in ANSWERS:
        return _of_the_answer(threshold, measurements.search)
    seconds = measurements.measured_to - measurements.measured_from
    return observe_counted(threshold, Counted(selected(threshold, select), measurements.record.arrivals, seconds))


def selected(threshold: Threshold, select: Select) -> Tallies:
    """What was counted of the entries that a rule looks at."""
    selector, metric = threshold.selector, threshold.metric
    tag = tag_of(selector)
    if metric == "iteration_time":
        return select(selector.name, "ITERATION", tag)
    if metric == "flow_time":
        return select(selector.name, "FLOW", tag)
    if metric.startswith(MEASURED):
        return select(metric.removeprefix(MEASURED), MEASURE, tag)
    return select(selector.name, selector.method, tag)


def tag_of(selector: Selector) -> str:
    """Under which tag the samples that a rule looks at are counted once more; empty for none."""
    if selector.user_class is not None:
        return f"class={selector.user_class}"
    return f"scenario={selector.scenario}" if selector.scenario is not None else ""


def observe_counted(threshold: Threshold, counted: Counted) -> Observed:
    """What a rule is judged on that looks at what is counted second by second."""
    metric, tallies = threshold.metric, counted.tallies
    if metric in ("dropped", "dropped_rate"):
        return _of_drops(threshold, counted)
    if metric == "start_lag":
        lag = counted.arrivals.lag
        return _of_times(threshold, lag, "no iteration was started on a schedule")
    if metric in ("requests", "failures", "error_rate", "throughput", "bytes"):
        return _of_requests(threshold, tallies, counted.seconds)
    return _of_durations(threshold, tallies, counted.seconds)


def _of_the_watched(threshold: Threshold, measurements: Measurements) -> Observed | None:
    return _found(threshold, measurements.observations)


def reference_for(threshold: Threshold, measurements: Measurements) -> Observed | None:
    """What the baseline came to by a rule that depends on it; None without a baseline."""
    return _found(threshold, measurements.references)


def observe_baseline(threshold: Threshold, baseline: Measurements) -> Observation:
    """What a baseline comes to by a rule that depends on it, over the whole of its measured part."""
    whole = threshold.model_copy(update={"span": None, "after": 0.0, "abort": False})
    seen = observe(whole, baseline, baseline.record.select)
    return Observation(threshold.text, seen.value, seen.n, seen.interval, seen.at, seen.missing)


def _found(threshold: Threshold, observations: Sequence[Observation]) -> Observed | None:
    for seen in observations:
        if seen.rule == threshold.text:
            return Observed(seen.value, seen.n, seen.interval, seen.missing, seen.at)
    return None


def _of_a_level(threshold: Threshold, measurements: Measurements) -> Observed:
    target = threshold.selector.level
    level = next((level for level in measurements.levels if level.target == target), None)
    if level is None:
        tried = ", ".join(f"{level.target:g}" for level in measurements.levels) or "none"
        return Observed(None, 0, missing=f"there was no level {target:g}; finished were {tried}")
    rule = threshold.model_copy(update={"selector": threshold.selector.model_copy(update={"level": None})})
    return observe(rule, LevelMeasurements(level), level.record.select)


class LevelMeasurements:
    """A level of a search as ``Measurements``."""

    search = coverage = None
    levels: tuple[Level, ...] = ()
    observations: tuple[Observation, ...] = ()
    references: tuple[Observation, ...] = ()

    def __init__(self, level: Level) -> None:
        self.record = level.record
        self.measured_from, self.measured_to = level.measured_from, level.measured_to
        self.exception_count, self.unfinished = level.exception_count, level.unfinished
        self.health = level.health


def _of_coverage(coverage: Coverage | None) -> Observed:
    if coverage is None or not coverage.declared:
        return Observed(None, 0, missing="nothing is declared")
    due = [item for item in coverage.declared if item.was_due]
    if not due:
        return Observed(None, 0, missing="the run was too short to expect anything of what is declared")
    return Observed(sum(item.hits > 0 for item in due) / len(due), len(due))


def _of_health(threshold: Threshold, health: GeneratorHealth) -> Observed:
    """What the generator's processes reported of themselves."""
    label = "p99" if threshold.aggregation == "quantile" else threshold.aggregation
    value = {
        ("generator_cpu", "avg"): health.cpu_mean,
        ("generator_cpu", "max"): health.cpu_max,
        ("loop_lag", "p99"): health.loop_lag_p99,
        ("loop_lag", "max"): health.loop_lag_max,
        ("gc_pause", "max"): health.gc_pause_max or 0.0,
    }[threshold.metric, str(label)]
    return Observed(None, 0, missing="the generator reported nothing") if value is None else Observed(value, 1)


def _of_requests(threshold: Threshold, tallies: Tallies, seconds: float) -> Observed:
    """What is counted over requests."""
    metric = threshold.metric
    total = sum(tally.count for tally in tallies.values())
    failures = _matching(threshold, tallies)
    if metric in ("requests", "failures", "bytes"):
        # A count of 0 is a fact, unless it is that of a name that may be misspelt.
        if not total and _entry_words(threshold):
            return Observed(None, 0, missing=_nothing_matched(threshold))
        return _counted(threshold, _sum_of(threshold, tallies, failures), total, seconds)
    if not total:
        return Observed(None, 0, missing=_nothing_matched(threshold))
    if total < (threshold.min_samples or 1):
        return Observed(None, total, missing=f"{_samples(total)}, {threshold.min_samples} needed")
    if metric == "error_rate":
        return _of_errors(threshold, tallies, failures, total)
    return Observed(total / seconds, total) if seconds > 0 else Observed(None, total, missing="no time passed")


def _sum_of(threshold: Threshold, tallies: Tallies, failures: int) -> int:
    if threshold.metric == "bytes":
        return sum(tally.bytes_received for tally in tallies.values())
    if threshold.metric == "failures":
        return failures
    status = threshold.selector.status
    if status is not None:
        return sum(_with_status(tally, status) for tally in tallies.values())
    return sum(tally.count for tally in tallies.values())


def _matching(threshold: Threshold, tallies: Tallies) -> int:
    """Failures of the kind, or with the status, that a rule asks for."""
    failed = tallies.get("failure")
    if failed is None:
        return 0
    if threshold.selector.kind is not None:
        return failed.kinds.get(threshold.selector.kind, 0)
    return failed.count if threshold.selector.status is None else _with_status(failed, threshold.selector.status)


def _with_status(tally: Tally, status: str) -> int:
    return sum(count for own, count in tally.statuses.items() if str(own) == status or f"{str(own)[:1]}xx" == status)


def _counted(threshold: Threshold, count: float, n: int, seconds: float) -> Observed:
    """A count, or how many per second."""
    if threshold.aggregation != "rate":
        return Observed(count, n)
    return Observed(count / seconds, n) if seconds > 0 else Observed(None, n, missing="no time passed")


def _of_errors(threshold: Threshold, tallies: Tallies, failures: int, total: int) -> Observed:
    """The share of failures; nothing where it breaks the rule only by errors that the generator made."""
    own = sum(tallies["failure"].kinds.get(kind, 0) for kind in GENERATORS_OWN) if failures else 0
    condition = threshold.fail or threshold.warn
    asked = threshold.selector.kind in GENERATORS_OWN
    if own and not asked and condition is not None and condition.baseline is None:
        whole, rest = failures / total, max(0, failures - own) / total
        if breaks(whole, condition.operator, condition.limit) and not breaks(rest, condition.operator, condition.limit):
            return Observed(None, total, missing=f"{own} of {failures} failures are the generator's own")
    return Observed(failures / total, total, wilson_interval(failures, total))


def _of_drops(threshold: Threshold, counted: Counted) -> Observed:
    arrivals = counted.arrivals
    if not arrivals.offered:
        return Observed(None, 0, missing="no arrival was counted; there are none where the load is given as users")
    if threshold.metric == "dropped":
        return _counted(threshold, arrivals.dropped, arrivals.offered, counted.seconds)
    share = arrivals.dropped / arrivals.offered
    return Observed(share, arrivals.offered, wilson_interval(arrivals.dropped, arrivals.offered))


def _of_the_answer(threshold: Threshold, search: SearchResult | None) -> Observed:
    """What a search found.

    A service that did not break may break anywhere above the highest level that it was given: that is known to be more
    than the rule asks for, or it is not known at all.
    """
    if search is None:
        return Observed(None, 0, missing="nothing was searched for")
    if threshold.metric == "capacity":
        if search.kind != "capacity" or search.low is None:
            return Observed(None, 0, missing=search.reason or "no capacity was found")
        interval = None if search.high is None else (search.low, search.high)
        return _floor(threshold, search.low, interval, exact=search.outcome == "found", search=search)
    if search.breaking_level is not None:
        return Observed(search.breaking_level, 1)
    return _floor(threshold, search.last_good_level, None, exact=False, search=search)


def _floor(
    threshold: Threshold,
    value: float | None,
    interval: tuple[float, float] | None,
    *,
    exact: bool,
    search: SearchResult,
) -> Observed:
    """A value that may be higher: judged where the rule asks for no more."""
    condition = threshold.fail or threshold.warn
    if value is None or condition is None:
        return Observed(None, 0, missing=search.reason or "no level was sustained")
    enough = condition.operator in ("<", "<=") and not breaks(value, condition.operator, condition.limit)
    if exact or enough:
        return Observed(value, 1, interval)
    return Observed(None, 1, missing=search.reason)


def _of_durations(threshold: Threshold, tallies: Tallies, seconds: float) -> Observed:
    wanted = threshold.selector.outcome or "success"
    outcomes: tuple[SampleOutcome, ...] = OUTCOMES if wanted == "all" else (wanted,)
    tally = merged(tallies, outcomes)
    times = _times_of(threshold.metric, tally)
    missing = _nothing_matched(threshold, wanted if tallies else "all")
    if threshold.metric == "first_byte_time" and tally.count and not times.count:
        missing = "no first byte was seen apart from the last: answers came in one piece"
    if threshold.aggregation in ("rate", "count"):
        if not times.count and (_entry_words(threshold) or threshold.metric.startswith(MEASURED)):
            return Observed(None, 0, missing=missing)
        return _counted(threshold, times.count, times.count, seconds)
    seen = _of_times(threshold, times, missing)
    return _in_own_unit(seen) if threshold.metric.startswith(MEASURED) else seen


def _times_of(metric: str, tally: Tally) -> Histogram:
    if metric == "service_time":
        return tally.service
    if metric == "first_byte_time":
        return tally.first_byte or Histogram()
    return tally.response


def _in_own_unit(seen: Observed) -> Observed:
    """Microseconds as the numbers that they stand for."""
    interval = None if seen.interval is None else (seen.interval[0] / MEASURED_AS, seen.interval[1] / MEASURED_AS)
    return seen._replace(value=own_value(seen.value), interval=interval)


def _of_times(threshold: Threshold, times: Histogram, missing: str) -> Observed:
    if not times.count:
        return Observed(None, 0, missing=missing)
    label, quantile = _aggregation(threshold)
    default = 1 if quantile is None else min_samples(quantile)
    needed = default if threshold.min_samples is None else threshold.min_samples
    if times.count < needed:
        return Observed(None, times.count, missing=f"{_samples(times.count)}, {needed} needed for {label}")
    if quantile is not None:
        return Observed(times.quantile(quantile), times.count, _quantile_interval(times, quantile))
    if label == "avg":
        return Observed(times.mean, times.count, _mean_interval(times))
    return Observed(times.minimum if label == "min" else times.maximum, times.count)


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
    """By the central limit theorem."""
    mean, variance = times.mean, times.variance
    return None if mean is None or variance is None else mean_interval(times.count, mean, variance)


def _entry_words(threshold: Threshold) -> list[str]:
    """The selector's own words on entries; empty where it takes all."""
    selector = threshold.selector
    words = {
        "name": selector.name,
        "method": selector.method,
        "class": selector.user_class,
        "scenario": selector.scenario,
    }
    return [f"{key}={value}" for key, value in words.items() if value]


def _nothing_matched(threshold: Threshold, outcome: str = "all") -> str:
    """Why there is nothing to judge.

    Args:
        threshold: The rule.
        outcome: The outcome that no request had; ``all`` where there was no request.
    """
    if threshold.metric.startswith(MEASURED):
        return f"the script measured no {threshold.metric.removeprefix(MEASURED)}"
    words = ", ".join(_entry_words(threshold))
    if outcome == "all":
        return f"no request matched {words}" if words else "no request was finished"
    ended = {"success": "succeeded", "expected": "ended as expected", "failure": "failed"}[outcome]
    return f"no request that matched {words} {ended}" if words else f"no request {ended}"


def _samples(n: int) -> str:
    return "1 sample" if n == 1 else f"{n} samples"
