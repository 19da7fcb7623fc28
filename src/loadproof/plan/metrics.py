"""What rules can look at: the metrics, their units, and what may be said of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadproof.plan.model import Threshold
    from loadproof.units import Unit

SelectorKey = Literal["name", "method", "class", "scenario", "outcome", "status", "kind", "flow", "level"]

MEASURED = "measure."
"""What the names of a script's own metrics begin with, in rules."""

_SPREAD = ("avg", "min", "max", "med", "quantile")
_EVERY = (*_SPREAD, "rate", "count")
_COUNTED = ("rate", "count")
_ENTRIES: tuple[SelectorKey, ...] = ("name", "method", "class", "scenario", "level")


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """What may be said of a metric.

    Attributes:
        unit: Of its value; of its sum where it is aggregated by ``rate`` and ``count``.
        aggregations: How it becomes one number; a quantile is ``quantile``.
        bare: Whether it is one number without an aggregation, too.
        keys: What selects among it.
        by_time: Whether it is counted second by second: then a rule may be about a window, or leave out a start.
        live: Whether it is known while the run goes on.
    """

    unit: Unit
    aggregations: tuple[str, ...] = ()
    bare: bool = True
    keys: tuple[SelectorKey, ...] = ()
    by_time: bool = True
    live: bool = True


_DURATION = MetricSpec("s", _EVERY, bare=False, keys=(*_ENTRIES, "outcome"))
_ANSWER = MetricSpec("/s", by_time=False, live=False)

METRICS: dict[str, MetricSpec] = {
    "response_time": _DURATION,
    "service_time": _DURATION,
    "first_byte_time": _DURATION,
    "iteration_time": MetricSpec("s", _EVERY, bare=False, keys=("name", "class", "scenario", "outcome", "level")),
    "flow_time": MetricSpec("s", _EVERY, bare=False, keys=("flow", "name", "class", "scenario", "outcome", "level")),
    "error_rate": MetricSpec("ratio", keys=(*_ENTRIES, "kind", "status")),
    "throughput": MetricSpec("/s", keys=_ENTRIES),
    "requests": MetricSpec("count", _COUNTED, keys=(*_ENTRIES, "status")),
    "failures": MetricSpec("count", _COUNTED, keys=(*_ENTRIES, "kind", "status")),
    "bytes": MetricSpec("bytes", _COUNTED, keys=_ENTRIES),
    "exceptions": MetricSpec("count", keys=("level",), by_time=False),
    "unfinished": MetricSpec("count", keys=("level",), by_time=False, live=False),
    "dropped": MetricSpec("count", _COUNTED, keys=("level",)),
    "dropped_rate": MetricSpec("ratio", keys=("level",)),
    "coverage": MetricSpec("ratio", by_time=False, live=False),
    "generator_cpu": MetricSpec("ratio", ("avg", "max"), bare=False, by_time=False),
    "loop_lag": MetricSpec("s", ("p99", "max"), bare=False, by_time=False),
    "start_lag": MetricSpec("s", _SPREAD, bare=False),
    "gc_pause": MetricSpec("s", ("max",), bare=False, by_time=False),
    "capacity": _ANSWER,
    "breaking_level": _ANSWER,
}
"""Every metric but a script's own."""

ANSWERS = ("capacity", "breaking_level")
"""What a search finds out."""

_OWN = MetricSpec("value", _EVERY, bare=False, keys=("class", "scenario", "level"))


def spec_of(metric: str) -> MetricSpec | None:
    """What may be said of a metric; None where there is none of that name."""
    if metric.startswith(MEASURED) and len(metric) > len(MEASURED):
        return _OWN
    return METRICS.get(metric)


def is_live(rule: Threshold) -> bool:
    """Whether a rule can be judged before the run is over."""
    spec = spec_of(rule.metric)
    return spec is not None and spec.live and rule.selector.level is None


def unit_of(metric: str, aggregation: str | None) -> Unit:
    """Unit of a metric's value.

    Raises:
        KeyError: There is no such metric.
    """
    spec = spec_of(metric)
    if spec is None:
        raise KeyError(metric)
    if aggregation == "rate":
        return "bytes/s" if metric == "bytes" else "/s"
    if aggregation == "count":
        return "bytes" if metric == "bytes" else "count"
    return "count" if metric == "breaking_level" else spec.unit


def subjects() -> Iterator[str]:
    """Every metric as it may be written at its shortest."""
    for name, spec in METRICS.items():
        if spec.bare:
            yield name
        else:
            first = "p95" if "quantile" in spec.aggregations else spec.aggregations[0]
            yield f"{first}({name})"
    yield "avg(measure.NAME)"
