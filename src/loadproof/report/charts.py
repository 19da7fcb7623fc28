"""Charts as Vega-Lite specifications: pure functions of a result, None where there is nothing to draw.

What comes from outside stands in data values alone, never in a field's name or an expression. Lines differ by dashes
as well as by colour, and every chart stands on a light ground of its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from loadproof.record import merged
from loadproof.report.wording import printable
from loadproof.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from loadproof.record import Histogram
    from loadproof.report.timeline import Band, Step
    from loadproof.result import RunResult

Spec = dict[str, Any]
Line = Sequence[tuple[float, float | None]]
"""Points of one series, ascending; a gap where y is None."""

GROUND = "#ffffff"
_INK, _QUIET, _LINES = "#3d444d", "#59636e", "#e4e8ec"
_BLUE, _GREEN, _ORANGE, _RED, _VIOLET, _GREY = "#2f6fd0", "#1a8a5a", "#d9730d", "#cc3a3f", "#7b4fc9", "#7d8590"
SHADES = {None: _GREY, Outcome.PASS: _GREEN, Outcome.WARN: _ORANGE, Outcome.FAIL: _RED, Outcome.INCONCLUSIVE: _VIOLET}
"""Colours of bands; very light, so that lines stand out on them, and on a dark ground too."""

_SHADE = 0.12
_LABELS_MAX = 40
_KINDS_MAX = 5
_OTHER_KINDS = "all other kinds"
_WIDTH, _HEIGHT = 900, 150
_SPECTRUM_POINTS = 160

DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3], [10, 4]]
"""Of the lines of a chart, in their order."""

FRAME: Spec = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "width": _WIDTH,
    "background": GROUND,
    "padding": {"left": 8, "right": 24, "top": 8, "bottom": 8},
}
"""What all charts begin with."""

CONFIG: Spec = {
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
    "aria": False,  # one sentence says what a chart shows, and a table beside it has its numbers
    "view": {"stroke": None},
    "axis": {
        "domainColor": _LINES,
        "gridColor": _LINES,
        "tickColor": _LINES,
        "labelColor": _QUIET,
        "labelFontSize": 11,
        "titleColor": _QUIET,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    },
    "legend": {
        "orient": "top",
        "direction": "horizontal",
        "title": None,
        "labelColor": _INK,
        "labelFontSize": 12,
        "labelLimit": 240,
        "symbolStrokeWidth": 2,
        "symbolSize": 160,
        "columnPadding": 28,  # the reader's font may be wider than the one the labels were measured with
        "offset": 6,
        "layout": {"top": {"anchor": "start", "direction": "horizontal", "margin": 32}},
    },
}
# Seconds as a clock shows them; Vega's own words, so that no data is ever read as an expression.
_CLOCK = (
    "(datum.value >= 3600 ? floor(datum.value / 3600) + ':' : '') + "
    "(datum.value >= 3600 && floor(datum.value / 60) % 60 < 10 ? '0' : '') + (floor(datum.value / 60) % 60) + "
    "':' + (datum.value % 60 < 10 ? '0' : '') + floor(datum.value % 60)"
)
DURATION = (
    "datum.value === 0 ? '0' : datum.value >= 1 ? format(datum.value, '.4~g') + ' s' : "
    "datum.value >= 0.001 ? format(datum.value * 1000, '.4~g') + ' ms' : format(datum.value * 1000000, '.4~g') + ' µs'"
)
_PERCENT = "datum.value <= 1 ? '0 %' : format(100 - 100 / datum.value, '.7~g') + ' %'"


def arrivals_spec(steps: list[Step], bands: Sequence[Band] = ()) -> Spec | None:
    """Arrivals offered, started and dropped per second over time; None for a closed model."""
    if not steps or steps[0].offered is None:
        return None
    series = {
        "offered": [(step.middle, step.rate(step.offered or 0)) for step in steps],
        "started": [(step.middle, step.rate(step.started or 0)) for step in steps],
        "dropped": [(step.middle, step.rate(step.dropped or 0)) for step in steps],
    }
    return _over_time(steps, bands, series, (_BLUE, _GREEN, _RED), y_axis={"format": "~s"})


def throughput_spec(steps: list[Step], bands: Sequence[Band] = ()) -> Spec | None:
    """Finished and failed requests per second over time."""
    if not steps:
        return None
    series = {
        "all requests": [(step.middle, step.rate(step.requests)) for step in steps],
        "failed": [(step.middle, step.rate(step.failures)) for step in steps],
    }
    return _over_time(steps, bands, series, (_BLUE, _RED), y_axis={"format": "~s"})


def latency_spec(steps: list[Step], bands: Sequence[Band] = ()) -> Spec | None:
    """Percentiles of the response times of successes over time; None where nothing succeeded."""
    if all(step.p50 is None for step in steps):
        return None
    series = {
        "p99": [(step.middle, step.p99) for step in steps],
        "p95": [(step.middle, step.p95) for step in steps],
        "p50": [(step.middle, step.p50) for step in steps],
    }
    return _over_time(steps, bands, series, (_VIOLET, _ORANGE, _GREEN), y_axis={"labelExpr": DURATION})


def users_spec(steps: list[Step], bands: Sequence[Band] = ()) -> Spec | None:
    """Number of users over time; None where it was never reported."""
    if all(step.users is None for step in steps):
        return None
    series = {"users": [(step.middle, step.users) for step in steps]}
    return _over_time(steps, bands, series, (_GREY,), y_axis={"format": "~s", "tickMinStep": 1})


def errors_spec(steps: list[Step], bands: Sequence[Band] = ()) -> Spec | None:
    """Failures per second by kind over time: the five most frequent kinds, the rest together; None without failures."""
    counts: Counter[str] = Counter()
    for step in steps:
        counts.update(step.kinds)
    if not counts:
        return None
    kinds = [kind for kind, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    named = kinds[:_KINDS_MAX]
    series = {printable(kind): [(step.middle, step.rate(step.kinds.get(kind, 0))) for step in steps] for kind in named}
    if len(kinds) > _KINDS_MAX:
        rest = [sum(step.kinds.values()) - sum(step.kinds.get(kind, 0) for kind in named) for step in steps]
        series[_OTHER_KINDS] = [(step.middle, step.rate(count)) for step, count in zip(steps, rest, strict=True)]
    return _over_time(steps, bands, series, (_RED, _ORANGE, _VIOLET, _BLUE, _GREEN, _GREY), y_axis={"format": "~s"})


def spectrum_spec(result: RunResult) -> Spec | None:
    """Response time by percentile on an axis of 1 / (1 - p), as HDR histograms are drawn; None without requests.

    Successes and, where they differ, all requests; a line ends at the share that its last sample stands for.
    """
    totals = result.record.totals()
    good, every = merged(totals, ("success",)), merged(totals)
    series = {"successes": _spectrum(good.response)}
    if every.count != good.count:
        series["all requests"] = _spectrum(every.response)
    if good.service is not good.response:
        series["service time of successes"] = _spectrum(good.service)
    series = {name: points for name, points in series.items() if points}
    if not series:
        return None
    top = max(x for points in series.values() for x, _ in points)
    ticks = [1, 2, *(10**power for power in range(1, max(1, math.ceil(math.log10(top))) + 1))]
    x_axis = {"values": ticks, "labelExpr": _PERCENT, "title": "percentile of requests", "grid": True}
    x_scale = {"type": "log", "domain": [1, max(10, top)], "nice": False}
    y_axis = {"labelExpr": DURATION}
    return _lines(series, (_GREEN, _BLUE, _VIOLET), x_axis=x_axis, x_scale=x_scale, y_axis=y_axis, height=220)


def _spectrum(times: Histogram) -> Line:
    """Points of 1 / (1 - p) from 1 to the number of samples, evenly spread on a logarithmic axis."""
    if not times.count:
        return []
    buckets = times.buckets()
    shares = [times.count ** (i / _SPECTRUM_POINTS) for i in range(_SPECTRUM_POINTS + 1)]
    points: list[tuple[float, float | None]] = []
    seen, at = 0, -1
    for x in shares:
        rank = min(times.count, max(1, math.ceil((1 - 1 / x) * times.count - 1e-9)))
        while seen < rank:
            at += 1
            seen += buckets[at][2]
        low, high, _ = buckets[at]
        points.append((x, times.minimum if rank == 1 else min((low + high) / 2, times.maximum or high)))
    return points


def _over_time(
    steps: list[Step],
    bands: Sequence[Band],
    series: Mapping[str, Line],
    colours: tuple[str, ...],
    *,
    y_axis: Spec,
) -> Spec:
    """Lines on the time axis that all such charts share."""
    end = steps[-1].end
    x_axis = {"values": _ticks(end), "labelExpr": _CLOCK, "title": None, "grid": False}
    x_scale = {"domain": [0, end], "nice": False}
    spec = _lines(series, colours, x_axis=x_axis, x_scale=x_scale, y_axis=y_axis, height=_HEIGHT)
    shaded = [band for band in bands if band.start < end]
    return _on_bands(spec, shaded, end) if shaded else spec


def _on_bands(spec: Spec, bands: Sequence[Band], end: float) -> Spec:
    """The same chart with parts of its time axis shaded behind the lines, each with its label at the top."""
    values = [
        {"from": band.start, "to": min(band.end, end), "fill": SHADES[band.outcome], "label": band.label}
        for band in bands
    ]
    across = {"x": spec["encoding"]["x"] | {"field": "from"}, "x2": {"field": "to"}}
    fill = {"field": "fill", "type": "nominal", "scale": None, "legend": None}
    behind: list[Spec] = [{"mark": {"type": "rect", "opacity": _SHADE}, "encoding": across | {"fill": fill}}]
    if len(values) <= _LABELS_MAX:
        mark = {"type": "text", "align": "left", "baseline": "top", "dx": 3, "dy": 2, "fontSize": 10, "color": _QUIET}
        text = {"x": across["x"], "y": {"value": 0}, "text": {"field": "label"}}
        behind.append({"mark": mark, "encoding": text})
    behind = [{"data": {"values": values}} | layer for layer in behind]
    lines = {"mark": spec["mark"], "encoding": spec["encoding"]}
    return {key: value for key, value in spec.items() if key not in lines} | {"layer": [*behind, lines]}


def _lines(
    series: Mapping[str, Line],
    colours: tuple[str, ...],
    *,
    x_axis: Spec,
    x_scale: Spec,
    y_axis: Spec,
    height: int,
) -> Spec:
    names = list(series)
    values = [point(name, x, y) for name, points in series.items() for x, y in points]
    lonely = all(len(points) == 1 for points in series.values())
    scale = {"domain": names, "range": list(colours[: len(names)])}
    return FRAME | {
        "height": height,
        "data": {"values": values},
        "mark": {"type": "point", "filled": True, "size": 60} if lonely else {"type": "line", "strokeWidth": 1.8},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "axis": x_axis, "scale": x_scale},
            "y": {
                "field": "y",
                "type": "quantitative",
                # One width for the labels of every chart, so that their time axes stand exactly below one another.
                "axis": {"title": None, "minExtent": 56, "maxExtent": 56, "tickCount": 4, "domain": False, **y_axis},
                "scale": {"zero": True, "nice": 4},
            },
            "color": {"field": "series", "type": "nominal", "scale": scale, "sort": names},
            **({} if lonely else {"strokeDash": _dash(names)}),
        },
        "config": CONFIG,
    }


def _dash(names: list[str]) -> Spec:
    return {"field": "series", "type": "nominal", "scale": {"domain": names, "range": DASHES[: len(names)]}}


def point(name: str, x: float, y: float | None) -> Spec:
    """A point of four significant digits or so: more would be seen by nobody and read by every reader."""
    return {"series": name, "x": float(f"{x:.6g}"), "y": None if y is None else float(f"{y:.5g}")}


def _ticks(end: float) -> list[float]:
    """Round times from 0, about eight of them."""
    steps: Iterable[float] = (
        *(0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200),
        *(1800, 3600, 7200, 14400, 21600, 43200, 86400),
    )
    step = next((step for step in steps if end / step <= 9), math.ceil(end / 9 / 86400) * 86400)
    return [i * step for i in range(int(end / step) + 1)]


CHARTS: tuple[tuple[str, str, Callable[[list[Step], Sequence[Band]], Spec | None]], ...] = (
    ("Arrivals", "offered, started and dropped per second", arrivals_spec),
    ("Throughput", "requests finished and failed per second", throughput_spec),
    ("Response times", "percentiles of successful requests", latency_spec),
    ("Users", "mean number at work", users_spec),
    ("Errors", "failures per second by kind", errors_spec),
)
"""Title, what is drawn, and the function that draws it, of the charts over time."""
