"""The charts of a run: pure functions of its steps or its totals, None where there is nothing to draw."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from loadproof.record import merged
from loadproof.report.plot import (
    Axis,
    Mark,
    Plot,
    Shade,
    apart,
    clock_axis,
    from_zero,
    lines_of,
    logarithmic,
    places_of,
    rounded,
)
from loadproof.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadproof.record import Histogram
    from loadproof.report.plot import Colour, Form
    from loadproof.report.timeline import Band, Breach, Step
    from loadproof.result import RunResult

SHADES: dict[Outcome | None, Colour] = {
    None: "grey",
    Outcome.PASS: "green",
    Outcome.WARN: "orange",
    Outcome.FAIL: "red",
    Outcome.INCONCLUSIVE: "violet",
}
"""Colours of bands; very light, so that lines stand out on them, and on a dark ground too."""

_LABELS_MAX = 40
_KINDS_MAX = 5
_OTHER_KINDS = "all other kinds"
_SPECTRUM_POINTS = 160
_SPECTRUM_HEIGHT = 220
_BARS_MAX = 48
_BARS_PER_DECADE = (80, 40, 20, 10, 5, 2, 1)
_LEAST_TIME = 1e-6
_APART, _SMALL_APART = 0.06, 0.18


class Backdrop(NamedTuple):
    """What stands behind and across every chart over time.

    Attributes:
        bands: Parts that are shaded.
        breaches: Moments that are marked.
    """

    bands: Sequence[Band] = ()
    breaches: Sequence[Breach] = ()


PLAIN = Backdrop()
"""Nothing shaded and nothing marked."""


def arrivals_plot(steps: Sequence[Step], behind: Backdrop = PLAIN) -> Plot | None:
    """Arrivals offered, started and dropped per second over time; None for a closed model."""
    if not steps or steps[0].offered is None:
        return None
    series = {
        "offered": [step.rate(step.offered or 0) for step in steps],
        "started": [step.rate(step.started or 0) for step in steps],
        "dropped": [step.rate(step.dropped or 0) for step in steps],
    }
    return over_time(steps, series, ("blue", "green", "red"), "rate", behind)


def throughput_plot(steps: Sequence[Step], behind: Backdrop = PLAIN, *, is_small: bool = False) -> Plot | None:
    """Finished and failed requests per second over time."""
    if not steps:
        return None
    series = {
        "all requests": [step.rate(step.requests) for step in steps],
        "failed": [step.rate(step.failures) for step in steps],
    }
    return over_time(steps, series, ("blue", "red"), "rate", behind, is_small=is_small)


def latency_plot(steps: Sequence[Step], behind: Backdrop = PLAIN, *, is_small: bool = False) -> Plot | None:
    """Percentiles of the response times of successes over time; None where nothing succeeded."""
    if all(step.p50 is None for step in steps):
        return None
    tail = [] if is_small else [step.p999 for step in steps]
    series = {"p99.9": tail} if any(value is not None for value in tail) else {}
    series |= {
        "p99": [step.p99 for step in steps],
        "p95": [step.p95 for step in steps],
        "p50": [step.p50 for step in steps],
    }
    colours: tuple[Colour, ...] = ("red", "violet", "orange", "green")
    return over_time(steps, series, colours[-len(series) :], "duration", behind, is_small=is_small)


def errors_plot(steps: Sequence[Step], behind: Backdrop = PLAIN) -> Plot | None:
    """Failures per second by kind over time: the five most frequent kinds, the rest together; None without failures."""
    counts: Counter[str] = Counter()
    for step in steps:
        counts.update(step.kinds)
    if not counts:
        return None
    kinds = [kind for kind, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    named = kinds[:_KINDS_MAX]
    series = {kind: [step.rate(step.kinds.get(kind, 0)) for step in steps] for kind in named}
    if len(kinds) > _KINDS_MAX:
        rest = [sum(step.kinds.values()) - sum(step.kinds.get(kind, 0) for kind in named) for step in steps]
        series[_OTHER_KINDS] = [step.rate(count) for step, count in zip(steps, rest, strict=True)]
    return over_time(steps, series, ("red", "orange", "violet", "blue", "green", "grey"), "rate", behind)


def users_plot(steps: Sequence[Step], behind: Backdrop = PLAIN) -> Plot | None:
    """Number of users over time; None where it was never reported."""
    series = {"users": [step.users for step in steps]}
    return _if_known(steps, series, ("grey",), "number", behind, least=1.0)


def lag_plot(steps: Sequence[Step], behind: Backdrop = PLAIN) -> Plot | None:
    """The longest time that an event loop of ours was late, over time; None where that was not kept."""
    return _if_known(steps, {"loop lag": [step.lag for step in steps]}, ("violet",), "duration", behind)


def cpu_plot(steps: Sequence[Step], behind: Backdrop = PLAIN) -> Plot | None:
    """The share of a core that the busiest load process used, over time; None where that was not kept."""
    return _if_known(steps, {"CPU": [step.cpu for step in steps]}, ("orange",), "share", behind)


def spectrum_plot(result: RunResult, baseline: RunResult | None = None) -> Plot | None:
    """Response time by percentile on an axis of 1 / (1 - p), as HDR histograms are drawn; None without requests.

    Successes and, where they differ, all requests and the service time; with a baseline, its successes too. A line
    ends at the share that its last sample stands for.
    """
    totals = result.record.totals()
    good, every = merged(totals, ("success",)), merged(totals)
    times: dict[str, tuple[Histogram, Colour]] = {"successes": (good.response, "green")}
    if every.count != good.count:
        times["all requests"] = (every.response, "blue")
    if good.service is not good.response:
        times["service time of successes"] = (good.service, "violet")
    if baseline is not None:
        before = merged(baseline.record.totals(), ("success",)).response
        times[f"baseline, successes ({baseline.run_id})"] = (before, "grey")
    times = {name: each for name, each in times.items() if each[0].count}
    if not times:
        return None
    counts = {histogram.count for histogram, _ in times.values()}
    top = max(counts)
    even = {top ** (i / _SPECTRUM_POINTS) for i in range(_SPECTRUM_POINTS + 1)}
    places = sorted({float(f"{x:.6g}") for x in even | counts})
    series = {name: _spectrum(histogram, places) for name, (histogram, _) in times.items()}
    ticks = (1.0, 2.0, *(10.0**power for power in range(1, max(1, math.ceil(math.log10(top))) + 1)))
    high = float(max(10, top))
    return Plot(
        Axis("percentile", 1.0, high, tuple(t for t in ticks if t <= high), True, "percentile of requests"),  # noqa: FBT003
        from_zero((value for values in series.values() for value in values), "duration"),
        tuple(places),
        lines_of(series, [colour for _, colour in times.values()]),
        height=_SPECTRUM_HEIGHT,
    )


def _spectrum(times: Histogram, places: Sequence[float]) -> list[float | None]:
    """The time that a share of 1 - 1 / x did not exceed, at each x; None beyond the number of samples."""
    buckets = times.buckets()
    values: list[float | None] = []
    seen, at = 0, -1
    for x in places:
        if x > times.count:
            values.append(None)
            continue
        rank = min(times.count, max(1, math.ceil((1 - 1 / x) * times.count - 1e-9)))
        while seen < rank:
            at += 1
            seen += buckets[at][2]
        low, high, _ = buckets[at]
        values.append(times.minimum if rank == 1 else min((low + high) / 2, times.maximum or high))
    return values


def histogram_plot(good: Histogram, rest: Histogram, *, rest_name: str, is_small: bool = False) -> Plot | None:
    """How often response times fell between neighbouring borders, which are a constant ratio apart; None without any.

    Args:
        good: Of successes.
        rest: Of the others, which stand on top of them.
        rest_name: What they are called.
        is_small: Whether it is to be drawn small.
    """
    buckets = [*good.buckets(), *rest.buckets()]
    if not buckets:
        return None
    low = max(_LEAST_TIME, min(bucket[0] for bucket in buckets))
    high = max(low, *(bucket[0] for bucket in buckets))
    per_decade = next(n for n in _BARS_PER_DECADE if math.log10(high / low) * n <= _BARS_MAX or n == 1)
    first = math.floor(math.log10(low) * per_decade + 1e-9)
    last = math.floor(math.log10(high) * per_decade + 1e-9)
    borders = [10 ** (i / per_decade) for i in range(first, last + 2)]
    series = {"successful": good}
    if rest.count:
        series[rest_name] = rest
    counts: dict[str, list[float | None]] = {}
    for name, times in series.items():
        bars = [0.0] * (last + 1 - first)
        for start, _, n in times.buckets():
            bars[min(len(bars) - 1, max(0, math.floor(math.log10(max(start, low)) * per_decade + 1e-9) - first))] += n
        counts[name] = list(bars)
    highest = max(sum(bar or 0.0 for bar in bars) for bars in zip(*counts.values(), strict=True))
    axis = logarithmic(rounded(borders[0], 6) or low, rounded(borders[-1], 6) or high, "duration")
    return Plot(
        replace(axis, ticks=apart(axis.ticks, axis, _SMALL_APART if is_small else _APART)),
        from_zero([highest], "number", least=1.0),
        places_of(borders),
        lines_of(counts, ("green", "red")),
        is_bars=True,
        is_small=is_small,
    )


def _if_known(
    steps: Sequence[Step],
    series: Mapping[str, Sequence[float | None]],
    colours: Sequence[Colour],
    form: Form,
    behind: Backdrop,
    *,
    least: float = 0.0,
) -> Plot | None:
    if all(value is None for values in series.values() for value in values):
        return None
    return over_time(steps, series, colours, form, behind, least=least)


def over_time(
    steps: Sequence[Step],
    series: Mapping[str, Sequence[float | None]],
    colours: Sequence[Colour],
    form: Form,
    behind: Backdrop,
    *,
    least: float = 0.0,
    is_small: bool = False,
) -> Plot:
    """Lines on the time axis that all such charts share."""
    end = steps[-1].end
    axis = clock_axis(end)
    shaded = [band for band in behind.bands if band.start < end]
    are_labelled = len(shaded) <= _LABELS_MAX and not is_small
    return Plot(
        axis if not is_small else Axis("clock", 0.0, end, axis.ticks[:: 1 + len(axis.ticks) // 5]),
        from_zero((value for values in series.values() for value in values), form, least=least),
        places_of(step.middle for step in steps),
        lines_of(series, colours),
        shades=tuple(
            Shade(band.start, min(band.end, end), SHADES[band.outcome], band.label if are_labelled else "")
            for band in shaded
        ),
        marks=tuple(
            Mark(min(breach.at, end), SHADES[breach.outcome], f"breach {breach.number}") for breach in behind.breaches
        ),
        is_small=is_small,
    )


CHARTS: tuple[tuple[str, str, Callable[[Sequence[Step], Backdrop], Plot | None]], ...] = (
    ("Arrivals", "offered, started and dropped per second", arrivals_plot),
    ("Throughput", "requests finished and failed per second", throughput_plot),
    ("Response times", "percentiles of successful requests", latency_plot),
    ("Errors", "failures per second by kind", errors_plot),
    ("Users", "mean number at work", users_plot),
    ("Loop lag", "how late the event loop of a load process was at most", lag_plot),
    ("Generator's CPU", "share of a core that the busiest load process used", cpu_plot),
)
"""Title, what is drawn, and the function that draws it, of the charts over time."""
