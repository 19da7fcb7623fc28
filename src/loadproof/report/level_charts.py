"""The charts of a search: how the service fared at each load, with the answer marked.

Each level is a point whose shape says what it came to; a line goes through the medians of loads that were held more
than once.
"""

from __future__ import annotations

from statistics import median_low
from typing import TYPE_CHECKING

from loadproof.report.charts import SHADES
from loadproof.report.plot import (
    Axis,
    Dot,
    Mark,
    Plot,
    Shade,
    apart,
    from_zero,
    lines_of,
    logarithmic,
    places_of,
    rounded,
)
from loadproof.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadproof.report.figures import LevelFigures
    from loadproof.report.plot import Colour, Form, Line, Shape
    from loadproof.result import SearchResult

_HEIGHT = 190
_WORDS = {
    Outcome.PASS: "passed",
    Outcome.WARN: "passed",
    Outcome.FAIL: "failed",
    Outcome.INCONCLUSIVE: "could not be judged",
}
_SHAPES: dict[str, Shape] = {"passed": "circle", "failed": "cross", "could not be judged": "diamond"}
_WIDE = 20.0
"""Where the largest value is so many times the smallest, an axis is logarithmic: else nothing could be told apart."""

_TICKS_MAX = 12


def level_times_plot(levels: Sequence[LevelFigures], search: SearchResult) -> Plot | None:
    """The 95th and 99th percentile of the response times of successes by load; None where nothing succeeded."""
    series = {
        label: [(each.level.target, each.figures.good.quantile(quantile)) for each in levels]
        for label, quantile in (("p99", 0.99), ("p95", 0.95))
    }
    return _by_load(levels, search, series, ("violet", "orange"), "duration")


def level_errors_plot(levels: Sequence[LevelFigures], search: SearchResult) -> Plot | None:
    """The error rate, and of arrivals the share that was dropped, by load; None where neither is known."""
    series: dict[str, Line] = {"error rate": [(each.level.target, each.figures.error_rate) for each in levels]}
    if search.unit == "per_second":
        rates = [(each.level.target, each.arrivals.dropped_rate if each.arrivals else None) for each in levels]
        series["dropped"] = rates
    return _by_load(levels, search, series, ("red", "orange"), "share")


def _by_load(
    levels: Sequence[LevelFigures],
    search: SearchResult,
    series: Mapping[str, Line],
    colours: tuple[Colour, Colour],
    form: Form,
) -> Plot | None:
    values = [y for points in series.values() for _, y in points if y is not None]
    if not values:
        return None
    is_log = form == "duration" and min(values) > 0 and max(values) > _WIDE * min(values)
    outcomes = [_WORDS[each.level.outcome] for each in levels]
    shades, marks = _answer(search)
    x = _x_axis(levels, search)
    return Plot(
        x,
        logarithmic(min(values) / 1.3, max(values) * 1.3, form) if is_log else from_zero(values, form),
        places_of(sorted({each.level.target for each in levels})),
        lines_of({name: _medians(points) for name, points in series.items()}, colours),
        shades=tuple(shade for shade in shades if x.low <= shade.start and shade.end <= x.high),
        marks=tuple(mark for mark in marks if x.low <= mark.at <= x.high),
        dots=tuple(
            Dot(x, rounded(y) or 0.0, colour, _SHAPES[outcome])
            for (points, colour) in zip(series.values(), colours, strict=False)
            for (x, y), outcome in zip(points, outcomes, strict=True)
            if y is not None
        ),
        shapes=tuple((word, shape) for word, shape in _SHAPES.items() if word in outcomes),
        height=_HEIGHT,
    )


def _medians(points: Line) -> list[float | None]:
    """One value for each load, ascending; a gap where none is known."""
    held: dict[float, list[float]] = {}
    for x, y in points:
        held.setdefault(x, [])
        if y is not None:
            held[x].append(y)
    return [median_low(values) if values else None for _, values in sorted(held.items())]


def _answer(search: SearchResult) -> tuple[list[Shade], list[Mark]]:
    """The breaking level as a line, or the capacity as a line and its interval as a band; often neither."""
    if search.breaking_level is not None:
        return [], [Mark(search.breaking_level, "red", "breaking level")]
    if search.kind != "capacity" or search.low is None:
        return [], []
    colour = SHADES[Outcome.PASS]
    band = [] if search.high is None else [Shade(search.low, search.high, colour, opacity=0.2)]
    return band, [Mark(search.low, colour, "sustained")]


def _x_axis(levels: Sequence[LevelFigures], search: SearchResult) -> Axis:
    title = "users" if search.unit == "users" else "arrivals per second"
    targets = sorted({each.level.target for each in levels})
    low, high = targets[0], targets[-1]
    is_log = low > 0 and high > _WIDE * low
    margin = (high - low) * 0.04 or high * 0.1 or 1.0
    ends = (low / 1.1, high * 1.1) if is_log else (max(0.0, low - margin), high + margin)
    whole = Axis("number", *ends, (), is_log, title)
    return Axis("number", *ends, apart(targets, whole, 1 / (2 * _TICKS_MAX)), is_log, title)
