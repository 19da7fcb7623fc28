"""The charts of a search: how the service fared at each load, with the answer marked.

Each level is a point whose shape says what it came to; a line goes through the medians of loads that were held more
than once.
"""

from __future__ import annotations

import math
from statistics import median_low
from typing import TYPE_CHECKING

from loadproof.report.charts import CONFIG, DASHES, DURATION, FRAME, SHADES, point
from loadproof.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadproof.report.charts import Line, Spec
    from loadproof.report.figures import LevelFigures
    from loadproof.result import SearchResult

_HEIGHT = 190
_ORANGE, _RED, _VIOLET = SHADES[Outcome.WARN], SHADES[Outcome.FAIL], SHADES[Outcome.INCONCLUSIVE]
_INK = "#3d444d"
_WORDS = {
    Outcome.PASS: "passed",
    Outcome.WARN: "passed",
    Outcome.FAIL: "failed",
    Outcome.INCONCLUSIVE: "could not be judged",
}
_SHAPES = {"passed": "circle", "failed": "cross", "could not be judged": "diamond"}
_SHARE = "format(datum.value * 100, '.3~g') + ' %'"
_WIDE = 20.0
"""Where the largest value is so many times the smallest, an axis is logarithmic: else nothing could be told apart."""

_TICKS_MAX = 12


def level_times_spec(levels: Sequence[LevelFigures], search: SearchResult) -> Spec | None:
    """The 95th and 99th percentile of the response times of successes by load; None where nothing succeeded."""
    series = {
        label: [(each.level.target, each.figures.good.quantile(quantile)) for each in levels]
        for label, quantile in (("p99", 0.99), ("p95", 0.95))
    }
    return _by_load(levels, search, series, (_VIOLET, _ORANGE), y_axis={"labelExpr": DURATION}, may_be_log=True)


def level_errors_spec(levels: Sequence[LevelFigures], search: SearchResult) -> Spec | None:
    """The error rate, and of arrivals the share that was dropped, by load; None where neither is known."""
    series = {"error rate": [(each.level.target, each.figures.error_rate) for each in levels]}
    if search.unit == "per_second":
        rates = [(each.level.target, each.arrivals.dropped_rate if each.arrivals else None) for each in levels]
        series["dropped"] = rates
    return _by_load(levels, search, series, (_RED, _ORANGE), y_axis={"labelExpr": _SHARE}, may_be_log=False)


def _by_load(
    levels: Sequence[LevelFigures],
    search: SearchResult,
    series: Mapping[str, Line],
    colours: tuple[str, str],
    *,
    y_axis: Spec,
    may_be_log: bool,
) -> Spec | None:
    values = [y for points in series.values() for _, y in points if y is not None]
    if not values:
        return None
    is_log = may_be_log and min(values) > 0 and max(values) > _WIDE * min(values)
    shared = {
        "x": {"field": "x", "type": "quantitative", "axis": _x_axis(levels, search), "scale": _x_scale(levels)},
        "y": {"field": "y", "type": "quantitative", **_y(values, y_axis, is_log=is_log)},
        "color": _legend(list(series), list(colours[: len(series)])),
    }
    line = {
        "data": {"values": [point(name, x, y) for name, points in series.items() for x, y in _medians(points)]},
        "mark": {"type": "line", "strokeWidth": 1.8},
        "encoding": shared | {"strokeDash": _legend(list(series), DASHES[: len(series)])},
    }
    layers = [*_answer(search, shared["x"]), line, _points(levels, series, shared)]
    return FRAME | {"height": _HEIGHT, "layer": layers, "config": CONFIG}


def _points(levels: Sequence[LevelFigures], series: Mapping[str, Line], shared: Spec) -> Spec:
    """A point for each level of each series, whose shape says what the level came to."""
    outcomes = [_WORDS[each.level.outcome] for each in levels]
    known = [word for word in _SHAPES if word in outcomes]
    scale = {"domain": known, "range": [_SHAPES[word] for word in known]}
    values = [
        point(name, x, y) | {"outcome": outcome}
        for name, points in series.items()
        for (x, y), outcome in zip(points, outcomes, strict=True)
        if y is not None
    ]
    return {
        "data": {"values": values},
        "mark": {"type": "point", "filled": True, "size": 70, "opacity": 0.9},
        "encoding": shared | {"shape": {"field": "outcome", "type": "nominal", "scale": scale, "sort": known}},
    }


def _legend(names: list[str], looks: Sequence[str | list[int]]) -> Spec:
    """How series are told apart: by their lines, as shapes of points say what levels came to."""
    scale = {"domain": names, "range": looks}
    legend = {"symbolType": "stroke", "symbolStrokeWidth": 2}
    return {"field": "series", "type": "nominal", "scale": scale, "sort": names, "legend": legend}


def _y(values: Sequence[float], axis: Spec, *, is_log: bool) -> Spec:
    axis = {"title": None, "minExtent": 56, "maxExtent": 56, "tickCount": 4, "domain": False} | axis
    if is_log:
        low, high = min(values) / 1.3, max(values) * 1.3
        scale: Spec = {"type": "log", "domain": [low, high], "nice": False}
        return {"axis": axis | {"values": _decades(low, high), "labelOverlap": False}, "scale": scale}
    if not any(values):
        return {"axis": axis, "scale": {"domain": [0, 0.01]}}  # a line along the bottom, not through the middle
    return {"axis": axis, "scale": {"zero": True, "nice": 4}}


def _decades(low: float, high: float) -> list[float]:
    """Round numbers between two: 1, 2 and 5 of each power of ten, or the powers alone where these are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if len(powers) <= 4 else (1,)
    found = (digit * 10.0**power for power in powers for digit in digits)
    return [float(f"{value:.6g}") for value in found if low <= value <= high]


def _medians(points: Line) -> Line:
    """One point for each load, ascending; a gap where no value is known."""
    held: dict[float, list[float]] = {}
    for x, y in points:
        held.setdefault(x, [])
        if y is not None:
            held[x].append(y)
    return [(x, median_low(values) if values else None) for x, values in sorted(held.items())]


def _answer(search: SearchResult, x: Spec) -> list[Spec]:
    """The breaking level as a line, or the capacity's interval as a band, behind everything else; often neither."""
    if search.breaking_level is not None:
        return _line_at(search.breaking_level, "breaking level", _RED, x)
    if search.kind != "capacity" or search.low is None:
        return []
    marks: list[Spec] = []
    if search.high is not None:
        band = {"from": search.low, "to": search.high}
        encoding = {"x": x | {"field": "from"}, "x2": {"field": "to"}}
        mark = {"type": "rect", "color": SHADES[Outcome.PASS], "opacity": 0.2}
        marks.append({"data": {"values": [band]}, "mark": mark, "encoding": encoding})
    return [*marks, *_line_at(search.low, "sustained", SHADES[Outcome.PASS], x)]


def _line_at(at: float, label: str, colour: str, x: Spec) -> list[Spec]:
    data = {"values": [{"at": at, "label": label}]}
    place = x | {"field": "at"}
    text = {"type": "text", "align": "right", "baseline": "top", "dx": -5, "dy": 2, "fontSize": 11, "color": _INK}
    return [
        {
            "data": data,
            "mark": {"type": "rule", "color": colour, "strokeWidth": 1.5, "strokeDash": [4, 3]},
            "encoding": {"x": place},
        },
        {"data": data, "mark": text, "encoding": {"x": place, "y": {"value": 0}, "text": {"field": "label"}}},
    ]


def _x_axis(levels: Sequence[LevelFigures], search: SearchResult) -> Spec:
    title = "users" if search.unit == "users" else "arrivals per second"
    targets = sorted({each.level.target for each in levels})
    ticks = {"values": targets} if len(targets) <= _TICKS_MAX else {}
    return {"title": title, "grid": False, "format": ",.6~r", "labelOverlap": True, "tickCount": 8, **ticks}


def _x_scale(levels: Sequence[LevelFigures]) -> Spec:
    targets = [each.level.target for each in levels]
    low, high = min(targets), max(targets)
    if low > 0 and high > _WIDE * low:
        return {"type": "log", "domain": [low / 1.1, high * 1.1], "nice": False}
    margin = (high - low) * 0.04 or high * 0.1 or 1.0
    return {"domain": [max(0.0, low - margin), high + margin], "nice": False, "zero": False}
