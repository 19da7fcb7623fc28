"""What a chart is, before anybody draws it: axes with their ticks, series, shades, marks and dots, as plain data.

One format has two drawers: ``svg.py`` for what must be seen without scripts, and ``report.js`` for the rest. Nothing
here is text of our own making alone: names of series and labels may come from a target, and drawers escape them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from loadproof.report.wording import printable
from loadproof.units import format_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Form = Literal["clock", "duration", "percentile", "number", "rate", "share"]
"""How the values of an axis are written; rates and shares are given per second and as 0..1."""

Colour = Literal["blue", "green", "orange", "red", "violet", "grey"]
Shape = Literal["circle", "cross", "diamond"]
Line = list[tuple[float, float | None]]
"""Points of one series, ascending; a gap where y is None."""

DASHES = ("", "6 3", "2 2", "8 3 2 3", "1 3", "10 4")
"""Of the lines of a chart, in their order: lines differ by them as well as by colour."""

_CLOCK_STEPS = (
    *(0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200),
    *(1800, 3600, 7200, 14400, 21600, 43200, 86400),
)
_CLOCK_TICKS = 9
_ABOUT_FOUR = 4


@dataclass(frozen=True, slots=True)
class Axis:
    """One side of a chart.

    Attributes:
        form: How its values are written.
        low: Its first value.
        high: Its last value, above ``low``.
        ticks: Values that are written on it, ascending.
        is_log: Whether equal distances are equal ratios; ``low`` is above zero then.
        title: What it counts; empty where the words above the chart say so.
    """

    form: Form
    low: float
    high: float
    ticks: tuple[float, ...]
    is_log: bool = False
    title: str = ""

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the axis' low end, 1 at its high one."""
        if self.is_log:
            return math.log10(value / self.low) / math.log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def label(self, tick: float) -> str:
        """A tick in words."""
        return _WRITERS[self.form](tick)


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or one colour of bars.

    Attributes:
        name: What it is.
        colour: Its colour.
        values: One for each place of the chart; None for a gap.
        dash: How the line is broken, as SVG has it; empty for one that is not.
    """

    name: str
    colour: Colour
    values: tuple[float | None, ...]
    dash: str = ""


@dataclass(frozen=True, slots=True)
class Shade:
    """A part of the x axis that is shaded behind everything else.

    Attributes:
        start: Where it starts.
        end: Where it ends.
        colour: Of which it has a little.
        label: What stands on it; may be empty.
        opacity: How much of the colour.
    """

    start: float
    end: float
    colour: Colour
    label: str = ""
    opacity: float = 0.12


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the x axis with a line through it.

    Attributes:
        at: Where.
        colour: Of the line.
        label: What stands beside it.
    """

    at: float
    colour: Colour
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point whose shape says something.

    Attributes:
        x: Where.
        y: How high.
        colour: Its colour.
        shape: Its shape.
    """

    x: float
    y: float
    colour: Colour
    shape: Shape


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart.

    Attributes:
        x: The lower side.
        y: The left side.
        places: Where on the x axis the series have their values, ascending; of bars, the borders between them, one
            more than there are values.
        series: At least one.
        shades: Behind the series.
        marks: Across them.
        dots: In front of them.
        shapes: What the shapes of dots mean.
        is_bars: Whether the series are bars, stacked on one another.
        is_small: Whether it is drawn small, beside others.
        height: Pixels of the y axis.
    """

    x: Axis
    y: Axis
    places: tuple[float, ...]
    series: tuple[Series, ...]
    shades: tuple[Shade, ...] = ()
    marks: tuple[Mark, ...] = ()
    dots: tuple[Dot, ...] = ()
    shapes: tuple[tuple[str, Shape], ...] = ()
    is_bars: bool = False
    is_small: bool = False
    height: int = 130

    def line(self, name: str) -> Line:
        """The points of one series; KeyError where there is none of that name."""
        for series in self.series:
            if series.name == name:
                return list(zip(self.places, series.values, strict=False))
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """What the page's script reads: all of it but dots, which only charts of levels have."""
        return {
            "x": _axis_json(self.x),
            "y": _axis_json(self.y),
            "p": [_short(place) for place in self.places],
            "s": [
                [each.name, each.colour, each.dash, [None if value is None else _short(value) for value in each.values]]
                for each in self.series
            ],
            "b": [[_short(s.start), _short(s.end), s.colour, s.label, s.opacity] for s in self.shades],
            "m": [[_short(mark.at), mark.colour, mark.label] for mark in self.marks],
            "k": [int(self.is_bars), int(self.is_small), self.height],
        }


def lines_of(series: Mapping[str, Sequence[float | None]], colours: Sequence[Colour]) -> tuple[Series, ...]:
    """Series with the colours and the dashes of their order; names without control codes, values of five digits."""
    return tuple(
        Series(printable(name), colours[i], tuple(rounded(value) for value in values), DASHES[i])
        for i, (name, values) in enumerate(series.items())
    )


def rounded(value: float | None, digits: int = 5) -> float | None:
    """A value of so many significant digits: more would be seen by nobody and read by every reader."""
    return None if value is None else float(f"{value:.{digits}g}")


def places_of(values: Iterable[float]) -> tuple[float, ...]:
    """Places of six significant digits."""
    return tuple(float(f"{value:.6g}") for value in values)


def from_zero(values: Iterable[float | None], form: Form, *, least: float = 0.0) -> Axis:
    """An axis from zero to a round number above all values; where all are zero they lie along its low end.

    Args:
        values: Those to be drawn.
        form: How it is written.
        least: A step between ticks that it does not go below.
    """
    top = max((value for value in values if value is not None), default=0.0)
    if top <= 0:
        high = 0.01 if form == "share" else 1.0
        return Axis(form, 0.0, high, (0.0, high))
    step = max(least, _round_step(top / _ABOUT_FOUR))
    count = math.ceil(top / step - 1e-9)
    ticks = tuple(float(f"{i * step:.6g}") for i in range(count + 1))
    return Axis(form, 0.0, ticks[-1], ticks)


def clock_axis(end: float) -> Axis:
    """Time from 0 to ``end`` seconds, with about eight round times."""
    step = next((step for step in _CLOCK_STEPS if end / step <= _CLOCK_TICKS), math.ceil(end / 9 / 86400) * 86400)
    return Axis("clock", 0.0, end, tuple(i * step for i in range(int(end / step) + 1)))


def logarithmic(low: float, high: float, form: Form) -> Axis:
    """A logarithmic axis with round numbers; both ends are above zero."""
    return Axis(form, low, high, _decades(low, high), is_log=True)


def apart(ticks: Sequence[float], axis: Axis, least: float) -> tuple[float, ...]:
    """The ticks whose labels have room beside one another: at least so great a share of the axis lies between them."""
    kept: list[float] = []
    for tick in ticks:
        if not kept or axis.share(tick) - axis.share(kept[-1]) >= least:
            kept.append(tick)
    return tuple(kept)


def _decades(low: float, high: float) -> tuple[float, ...]:
    """Round numbers between two: 1, 2 and 5 of each power of ten, or the powers alone where these are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if len(powers) <= 4 else (1,)
    found = (float(f"{digit * 10.0**power:.6g}") for power in powers for digit in digits)
    return tuple(value for value in found if low <= value <= high)


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return float(f"{next(n for n in (1, 2, 2.5, 5, 10) if n * power >= step * (1 - 1e-9)) * power:.6g}")


def _axis_json(axis: Axis) -> list[Any]:
    ticks = [[_short(tick), axis.label(tick)] for tick in axis.ticks]
    return [axis.form, _short(axis.low), _short(axis.high), int(axis.is_log), axis.title, ticks]


def _short(value: float) -> float:
    """Whole numbers without a point: there are many."""
    return int(value) if value == int(value) else value


def _number(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):.4g}{letter}"
    return f"{value:.6g}"


def _duration(seconds: float) -> str:
    if seconds == 0:
        return "0"
    if seconds >= 1:
        return f"{seconds:.6g} s"
    return f"{seconds * 1e3:.4g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.4g} µs"


def _percentile(x: float) -> str:
    """Of 1 / (1 - p)."""
    return "0 %" if x <= 1 else f"{100 - 100 / x:.9g} %"


_WRITERS: dict[Form, Callable[[float], str]] = {
    "clock": format_clock,
    "duration": _duration,
    "percentile": _percentile,
    "number": _number,
    "rate": _number,
    "share": lambda share: f"{share * 100:.4g} %",
}
