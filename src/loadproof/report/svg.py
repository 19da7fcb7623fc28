"""Draws charts as SVG that needs neither a style nor a script: presentation attributes, and classes beside them.

``report.js`` draws the same from the same data for endpoints that nobody sees without scripts; a test in a browser
holds the two together.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from loadproof.report.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from loadproof.report.plot import Colour, Dot, Mark, Plot, Series, Shade, Shape

COLOURS: dict[Colour, str] = {
    "blue": "#2f6fd0",
    "green": "#1a8a5a",
    "orange": "#c2620a",
    "red": "#cc3a3f",
    "violet": "#7b4fc9",
    "grey": "#6b737c",
}
INK, QUIET, LINES = "#3d444d", "#59636e", "#e4e8ec"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
_TOP, _RIGHT, _FOOT, _TITLE = 26, 16, 22, 16
_LEFT, _WIDTH = 64, 900
_SMALL_LEFT, _SMALL_WIDTH = 52, 300
_LETTER = 6.6
"""Pixels of a letter: the reader's font may be wider than any that could be measured here."""

_LEGEND_LONGEST = 40


def drawn(plot: Plot, label: str, number: int | None = None) -> str:
    """The SVG of a chart.

    Args:
        plot: What to draw.
        label: What it shows, for those who do not see it.
        number: Its place among the charts that the page's script knows; None for one that it does not.
    """
    left, width = (_SMALL_LEFT, _SMALL_WIDTH) if plot.is_small else (_LEFT, _WIDTH)
    whole = left + width + _RIGHT
    height = _TOP + plot.height + _FOOT + (_TITLE if plot.x.title else 0)
    known = "" if number is None else f' data-plot="{number}"'
    size = f'width="{whole}" height="{height}"'
    look = f'{size} viewBox="0 0 {whole} {height}" font-family="{_FONT}" font-size="11"'
    pen = _Pen(plot, left, width)
    parts = [
        f'<svg class="chart" role="img" aria-label="{_escaped(label)}"{known} {look}>',
        f'<rect class="ground" {size} fill="#ffffff"/>',
        *_legend(plot, left),
        *map(pen.shade, plot.shades),
        *pen.axes(),
        *(pen.bars() if plot.is_bars else map(pen.line, plot.series)),
        *map(pen.mark, plot.marks),
        *map(pen.dot, plot.dots),
        "</svg>",
    ]
    return "".join(parts)


class _Pen:
    """Turns values of a chart into places of its picture."""

    def __init__(self, plot: Plot, left: float, width: float) -> None:
        self._plot = plot
        self._left, self._width = left, width
        self._foot = _TOP + plot.height

    def x(self, value: float) -> str:
        return _at(self._left + self._width * self._plot.x.share(value))

    def y(self, value: float) -> str:
        return _at(self._foot - self._plot.height * self._plot.y.share(value))

    def axes(self) -> list[str]:
        plot = self._plot
        grid = "".join(f"M{self._left},{self.y(tick)}h{self._width}" for tick in plot.y.ticks)
        ticks = "".join(f"M{self.x(tick)},{self._foot}v4" for tick in plot.x.ticks)
        parts = [f'<path class="grid" d="{grid}{ticks}" fill="none" stroke="{LINES}"/>']
        for tick in plot.y.ticks:
            place = _at(self._foot - plot.height * plot.y.share(tick) + 4)
            parts.append(_text(self._left - 6, place, plot.y.label(tick), anchor="end"))
        for tick, anchor in _anchored(plot.x.ticks, plot.x.share):
            parts.append(_text(self.x(tick), self._foot + 16, plot.x.label(tick), anchor=anchor))
        if plot.x.title:
            middle = self._left + self._width / 2
            parts.append(_text(_at(middle), self._foot + 32, plot.x.title, anchor="middle"))
        return parts

    def line(self, series: Series) -> str:
        path = _path(
            [(self.x(x), self.y(y)) if y is not None else None for x, y in self._points(series)],
        )
        dash = f' stroke-dasharray="{series.dash}"' if series.dash else ""
        colour = f'class="line {series.colour}" stroke="{COLOURS[series.colour]}"'
        pen = 'fill="none" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round"'
        return f'<path {colour} {pen}{dash} d="{path}"/>'

    def _points(self, series: Series) -> Iterable[tuple[float, float | None]]:
        return zip(self._plot.places, series.values, strict=True)

    def bars(self) -> list[str]:
        places = [float(self.x(place)) for place in self._plot.places]
        below = [0.0] * (len(places) - 1)
        found = []
        for series in self._plot.series:
            path = ""
            for i, count in enumerate(series.values):
                if not count:
                    continue
                top, foot = self.y(below[i] + count), self.y(below[i])
                below[i] += count
                path += f"M{_at(places[i])},{foot}V{top}H{_at(max(places[i] + 1, places[i + 1] - 1))}V{foot}Z"
            colour = f'class="bar {series.colour}" fill="{COLOURS[series.colour]}"'
            found.append(f'<path {colour} d="{path}"/>')
        return found

    def shade(self, shade: Shade) -> str:
        from_, to = self.x(shade.start), self.x(shade.end)
        rect = (
            f'<rect class="shade {shade.colour}" x="{from_}" y="{_TOP}" width="{_at(float(to) - float(from_))}" '
            f'height="{self._plot.height}" fill="{COLOURS[shade.colour]}" opacity="{shade.opacity:g}"/>'
        )
        return rect + (_text(_at(float(from_) + 3), _TOP + 10, shade.label, size=10) if shade.label else "")

    def mark(self, mark: Mark) -> str:
        at = self.x(mark.at)
        is_right = self._plot.x.share(mark.at) > 0.5
        place, anchor = (float(at) - 5, "end") if is_right else (float(at) + 5, "start")
        line = (
            f'<path class="line {mark.colour}" d="M{at},{_TOP}V{self._foot}" stroke="{COLOURS[mark.colour]}" '
            'stroke-width="1.5" stroke-dasharray="4 3" fill="none"/>'
        )
        return line + _text(_at(place), _TOP + 10, mark.label, anchor=anchor, ink=True)

    def dot(self, dot: Dot) -> str:
        return _shape(float(self.x(dot.x)), float(self.y(dot.y)), dot.shape, dot.colour)


def _legend(plot: Plot, left: float) -> list[str]:
    parts: list[str] = []
    x = float(left)
    for series in plot.series:
        colour = COLOURS[series.colour]
        if plot.is_bars:
            parts.append(
                f'<rect class="bar {series.colour}" x="{_at(x)}" y="5" width="10" height="10" fill="{colour}"/>'
            )
        else:
            dash = f' stroke-dasharray="{series.dash}"' if series.dash else ""
            sample = f'd="M{_at(x)},10h16" stroke="{colour}" stroke-width="2" fill="none"{dash}'
            parts.append(f'<path class="line {series.colour}" {sample}/>')
        x += 14 if plot.is_bars else 21
        name = series.name if len(series.name) <= _LEGEND_LONGEST else f"{series.name[: _LEGEND_LONGEST - 1]}…"
        parts.append(_text(_at(x), 14, name, ink=True))
        x += len(name) * _LETTER + 16
    x += 16 if plot.shapes else 0
    for word, shape in plot.shapes:
        parts += [_shape(x, 10.0, shape, "grey"), _text(_at(x + 10), 14, word, ink=True)]
        x += len(word) * _LETTER + 30
    return parts


def _path(points: Sequence[tuple[str, str] | None]) -> str:
    """Lines through neighbouring points; a point without neighbours is one of no length, which a round pen shows."""
    path, pen = "", "M"
    for i, point in enumerate(points):
        if point is None:
            pen = "M"
            continue
        path += f"{pen}{point[0]},{point[1]}"
        alone = pen == "M" and (i + 1 == len(points) or points[i + 1] is None)
        path += "h0" if alone else ""
        pen = "L"
    return path


def _shape(x: float, y: float, shape: Shape, colour: Colour) -> str:
    path = {
        "circle": f"M{_at(x - 4)},{_at(y)}a4,4 0 1 0 8,0a4,4 0 1 0 -8,0Z",
        "cross": f"M{_at(x - 4)},{_at(y - 4)}l8,8m0,-8l-8,8",
        "diamond": f"M{_at(x)},{_at(y - 5)}l5,5l-5,5l-5,-5Z",
    }[shape]
    if shape == "cross":
        return f'<path class="line {colour}" d="{path}" stroke="{COLOURS[colour]}" stroke-width="2.5" fill="none"/>'
    return f'<path class="bar {colour}" d="{path}" fill="{COLOURS[colour]}"/>'


def _anchored(ticks: Sequence[float], share: Callable[[float], float]) -> list[tuple[float, str]]:
    """Ticks with the side on which their labels stand: those at the ends stay within the picture."""
    found = []
    for tick in ticks:
        part = share(tick)
        found.append((tick, "start" if part < 0.01 else "end" if part > 0.97 else "middle"))
    return found


def _text(x: float | str, y: float | str, text: str, *, anchor: str = "", size: int = 0, ink: bool = False) -> str:
    where = f' text-anchor="{anchor}"' if anchor and anchor != "start" else ""
    big = f' font-size="{size}"' if size else ""
    look = f'class="ink" fill="{INK}"' if ink else f'class="quiet" fill="{QUIET}"'
    return f'<text {look} x="{x}" y="{y}"{where}{big}>{_escaped(text)}</text>'


def _escaped(text: str) -> str:
    text = printable(text)
    for letter, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("'", "&#39;")):
        text = text.replace(letter, name)
    return text


def _at(pixels: float) -> str:
    """To a tenth of a pixel, a half up, as the script rounds too."""
    return f"{math.floor(pixels * 10 + 0.5) / 10:g}"
