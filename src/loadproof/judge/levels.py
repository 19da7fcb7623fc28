"""Whether a service sustained a level: a load that was held for a while, judged on its own window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from loadproof.judge.limits import LAG_FLOOR, LAG_SHARE, LAG_SPOILS, STARVED
from loadproof.judge.rules import evaluate, evaluate_all
from loadproof.record import merged
from loadproof.result import Level, Outcome
from loadproof.units import format_beside, format_count, format_duration, format_ratio, quantile_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loadproof.plan import Condition, Threshold
    from loadproof.record import Counts
    from loadproof.result import (
        Coverage,
        GeneratorHealth,
        LevelRole,
        LevelUnit,
        Observation,
        SearchResult,
        Verdict,
    )
    from loadproof.units import Unit

ACHIEVED = 0.99
"""Share of the offered arrivals that must be finished. Source: Karimov et al., ICDE 2018 (sustainable throughput)."""

_GROWTH = 0.005
"""Growth of the iterations in progress that matters, as a share of those offered: half of what may be missing."""

_FEWEST_GROWN = 3.0

_LOAD = ("dropped", "dropped_rate", "throughput")
"""Metrics that a generator breaks which cannot make its load."""


@dataclass(frozen=True, slots=True)
class MeasuredLevel:
    """A level as it was measured, to be judged.

    Attributes:
        number: 1 for the first.
        target: Users, or arrivals per second.
        unit: What ``target`` counts.
        role: See ``Level.role``.
        measured_from: Start of the part that is judged, whole seconds since the run's start.
        measured_to: End of it.
        record: What was counted in it.
        exception_count: Errors of the script in it.
        unfinished: Requests cut off in it.
        health: How the generator fared in it.
        in_flight: Seconds since the run's start, and iterations in progress then, about once a second over the judged
            part; empty for levels of users.
        search: None: it goes on; and there are no levels of a level, nor what is only known of a whole run.
    """

    number: int
    target: float
    unit: LevelUnit
    role: LevelRole
    measured_from: float
    measured_to: float
    record: Counts
    exception_count: int
    unfinished: int
    health: GeneratorHealth
    in_flight: tuple[tuple[float, int], ...] = ()
    search: SearchResult | None = None
    levels: tuple[Level, ...] = ()
    coverage: Coverage | None = None
    observations: tuple[Observation, ...] = ()
    references: tuple[Observation, ...] = ()

    @property
    def seconds(self) -> float:
        """Seconds of the judged part."""
        return self.measured_to - self.measured_from

    @property
    def is_open(self) -> bool:
        """Whether arrivals came on a schedule."""
        return self.unit == "per_second"


class _Finding(NamedTuple):
    """Something that keeps a level from having been sustained.

    Attributes:
        outcome: FAIL, or INCONCLUSIVE.
        metric: See ``Level.metric``.
        reason: In words.
    """

    outcome: Outcome
    metric: str | None
    reason: str


def judge_level(measured: MeasuredLevel, rules: Sequence[Threshold]) -> Level:
    """Judge a level: PASS where the service sustained it.

    Sustained means that no rule failed and, of arrivals on a schedule, that 99 % of those offered were finished and the
    iterations in progress did not become ever more. Where nothing but the generator was at fault, or kept a rule from
    being judged, the level is INCONCLUSIVE with the metric ``generator``; where there were too few samples, it is so
    without a metric. A rule that merely warns does not matter.

    Args:
        measured: What was measured.
        rules: What it is judged by.
    """
    verdicts = evaluate_all(rules, measured)
    findings = [*_of_rules(measured, rules, verdicts)]
    if measured.is_open:
        findings += [*_of_arrivals(measured)]
    findings += [*_of_generator(measured)]
    worst = min(findings, key=_rank, default=_Finding(Outcome.PASS, None, ""))
    return Level(
        number=measured.number,
        target=measured.target,
        unit=measured.unit,
        role=measured.role,
        measured_from=measured.measured_from,
        measured_to=measured.measured_to,
        record=measured.record,
        exception_count=measured.exception_count,
        unfinished=measured.unfinished,
        health=measured.health,
        verdicts=verdicts,
        outcome=worst.outcome,
        metric=worst.metric,
        reason=worst.reason,
    )


def _rank(finding: _Finding) -> int:
    """What a level's outcome is taken from: a failure, then the generator, then a lack of samples."""
    if finding.outcome is Outcome.FAIL:
        return 0
    return 1 if finding.metric else 2


def _of_rules(measured: MeasuredLevel, rules: Sequence[Threshold], verdicts: Sequence[Verdict]) -> Iterator[_Finding]:
    for rule, verdict in zip(rules, verdicts, strict=True):
        if rule.fail is None or verdict.outcome in (Outcome.PASS, Outcome.WARN):
            continue
        if verdict.outcome is Outcome.FAIL and verdict.observed is not None:
            reason = f"{_named(rule)} was {_beside(verdict.observed, rule.fail, verdict.unit)}"
            if _stands(rule, measured):
                yield _Finding(Outcome.FAIL, _named(rule), reason)
            else:
                yield _Finding(Outcome.INCONCLUSIVE, "generator", f"{reason}, but {_trouble(measured)}")
        elif _is_spoiled(rule, verdict):
            yield _Finding(Outcome.INCONCLUSIVE, "generator", f"{_named(rule)}: {verdict.reason}")
        else:
            yield _Finding(Outcome.INCONCLUSIVE, None, f"{_named(rule)}: {verdict.reason}")
    if not measured.record.samples:
        yield _Finding(Outcome.INCONCLUSIVE, None, "not one request was finished")


def _named(rule: Threshold) -> str:
    """What a rule looks at, without its selector: ``p99(response_time)``."""
    if rule.aggregation is None:
        return rule.metric
    label = quantile_label(rule.quantile) if rule.quantile is not None else rule.aggregation
    return f"{label}({rule.metric})"


def _beside(observed: float, condition: Condition, unit: Unit) -> str:
    value, limit = format_beside(observed, condition.limit, unit)
    return f"{value}, limit {limit}"


def _is_spoiled(rule: Threshold, verdict: Verdict) -> bool:
    """Whether a rule was not judged because of the generator: there was a value, or there were samples enough."""
    if verdict.observed is not None:
        return True
    return rule.metric == "error_rate" and verdict.n > 0 and verdict.n >= (rule.min_samples or 1)


def _stands(rule: Threshold, measured: MeasuredLevel) -> bool:
    """Whether a broken rule is the service's fault although the generator had its troubles."""
    if rule.metric in _LOAD:
        return not _trouble(measured)
    if rule.metric == "response_time" and _late(measured):
        # The lag of late starts is in response times. Service times are without it.
        alike = rule.model_copy(update={"metric": "service_time"})
        return evaluate(alike, measured).outcome is Outcome.FAIL
    return not (rule.metric == "iteration_time" and _late(measured))


def _of_generator(measured: MeasuredLevel) -> Iterator[_Finding]:
    """Arrivals on a schedule tell whether the load was made; of users only the generator's own state does."""
    late = _late(measured)
    if late:
        yield _Finding(Outcome.INCONCLUSIVE, "generator", late)
    if not measured.is_open:
        for doubt in measured.health.doubts:
            if doubt.quantity == "throughput":
                yield _Finding(Outcome.INCONCLUSIVE, "generator", doubt.reason)


def _trouble(measured: MeasuredLevel) -> str:
    """Why the generator may have made less load than it should; empty where it did not."""
    starved = measured.health.starved or 0.0
    if starved > STARVED:
        return f"other programs kept the generator from the CPU for {format_ratio(starved)} of the time"
    return _late(measured)


def _late(measured: MeasuredLevel) -> str:
    """Whether iterations started so late that the schedule was not kept; empty where they did not.

    A lag beyond 5 ms, or a tenth of the median response time where that is more, degrades a measurement, and five times
    as much spoils it. Even at its least, 25 ms, that is longer than an arrival waits for a free user, so a service
    that keeps all users busy does not look like a late generator.
    """
    lag = measured.health.start_lag_p99
    if lag is None or not measured.is_open:
        return ""
    good = merged(measured.record.totals(), ("success", "expected"))
    limit = LAG_SPOILS * max(LAG_FLOOR, LAG_SHARE * (good.response.quantile(0.5) or 0.0))
    return f"iterations started up to {format_duration(lag)} late (99th percentile)" if lag > limit else ""


def _of_arrivals(measured: MeasuredLevel) -> Iterator[_Finding]:
    """Whether what was offered was also done."""
    offered = measured.record.arrivals.offered
    if not offered:
        return
    iterations = merged(measured.record.select(method="ITERATION"))
    shortest = iterations.response.minimum
    late_answers = not iterations.count and measured.record.samples
    if late_answers or (shortest is not None and shortest > measured.seconds / 3):
        took = (
            "no iteration was finished" if shortest is None else f"even the shortest took {format_duration(shortest)}"
        )
        yield _Finding(
            Outcome.INCONCLUSIVE, None, f"iterations last too long for {format_duration(measured.seconds)}: {took}"
        )
        return
    for finding in (_of_achieved(measured, offered, iterations.count), _of_in_flight(measured, offered)):
        if finding is None:
            continue
        trouble = _trouble(measured)
        if trouble:
            yield _Finding(Outcome.INCONCLUSIVE, "generator", f"{finding.reason}, but {trouble}")
        else:
            yield finding


def _of_achieved(measured: MeasuredLevel, offered: int, finished: int) -> _Finding | None:
    """Whether fewer iterations were finished than the level demands.

    Iterations in progress at the window's start are finished in it, and those in progress at its end are not. With L in
    progress and a service that keeps up, both numbers are about Poisson with mean L, so their difference has a standard
    deviation of sqrt(2 L); two of these, and one iteration, are granted. L is taken from the window's first
    quarter, before a queue that grows in it has made it large.
    """
    early = [n for at, n in measured.in_flight if at <= measured.measured_from + measured.seconds / 4]
    usual = sum(early) / len(early) if early else 0.0
    granted = (1 - ACHIEVED) * offered + max(1.0, 2 * math.sqrt(2 * usual))
    if offered - finished <= granted:
        return None
    done, of = format_count(finished), format_count(offered)
    reason = f"achieved_rate was {_share(finished, offered)} of the offered ({done} of {of}), limit 99%"
    return _Finding(Outcome.FAIL, "achieved_rate", reason)


def _share(finished: int, offered: int) -> str:
    share, _ = format_beside(finished / offered, ACHIEVED, "ratio")
    return share


def _of_in_flight(measured: MeasuredLevel, offered: int) -> _Finding | None:
    """Whether the iterations in progress became ever more: a queue grows, however short it still is.

    The growth must be real, with the lower end of its 95 % interval above zero, and material: over the window more than
    0.5 % of the offered arrivals, and more than three.
    """
    trend = _trend(measured.in_flight)
    if trend is None:
        return None
    slope, low = trend
    grown = slope * measured.seconds
    if low <= 0 or grown <= max(_GROWTH * offered, _FEWEST_GROWN):
        return None
    per_second = format_count(round(slope, 2))
    return _Finding(
        Outcome.FAIL,
        "in_flight",
        f"in_flight grew by {per_second} iterations a second, by {format_count(round(grown))} in all",
    )


def _trend(points: Sequence[tuple[float, int]]) -> tuple[float, float] | None:
    """Slope of a straight line through points, and the lower end of its 95 % interval.

    Least squares, with fewer degrees of freedom where neighbouring residuals are alike: n (1 - r) / (1 + r), where r is
    their correlation (Santer et al. 2000, Journal of Geophysical Research 105). A queue wanders, so that without this
    nearly every window would show a trend. Student's t by Abramowitz and Stegun 26.7.5.

    Returns:
        None where the points are too few, or too much alike, to tell.
    """
    n = len(points)
    if n < 8:
        return None
    mean_x = sum(x for x, _ in points) / n
    mean_y = sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if not spread:
        return None
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    rest = [y - mean_y - slope * (x - mean_x) for x, y in points]
    squares = sum(r * r for r in rest)
    if not squares:
        return slope, slope
    alike = max(0.0, sum(a * b for a, b in pairwise(rest)) / squares)
    freedom = n * (1 - alike) / (1 + alike) - 2
    if freedom < 1:
        return None
    return slope, slope - _student(freedom) * math.sqrt(squares / freedom / spread)


def _student(freedom: float) -> float:
    """The 97.5 % quantile of Student's t, within 3 % from two degrees of freedom on."""
    z = NormalDist().inv_cdf(0.975)
    first = (z**3 + z) / (4 * freedom)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    return z + first + second + third
