"""``report.html``: one file that needs nothing else, neither a network nor a script nor a style.

Servers such as Jenkins forbid scripts and styles in what builds leave behind. There the report is plain HTML with
static charts, words and signs; where the policy allows, a style sheet improves it, and a small script sorts and filters
the endpoints, opens each to its own charts, and shows the values of charts at the pointer. Everything from outside is
escaped, and the page's own policy names its one script and its one style by hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from loadproof.report import change_wording, configuration, wording
from loadproof.report.advice import advise
from loadproof.report.changes import BADGES, by_importance
from loadproof.report.charts import CHARTS, Backdrop, histogram_plot, spectrum_plot
from loadproof.report.coverage import missed_of, mixes_of, not_due_of
from loadproof.report.endpoint_charts import NOT_GOOD, endpoint_plots, not_good
from loadproof.report.figures import (
    arrivals_of,
    endpoints_of,
    error_kinds_of,
    levels_of,
    measures_of,
    status_counts_of,
    totals_of,
    user_peak_of,
)
from loadproof.report.level_charts import level_errors_plot, level_times_plot
from loadproof.report.svg import drawn
from loadproof.report.timeline import PAUSED, bands_of, breaches_of, steps_of
from loadproof.units import format_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jinja2 import Template

    from loadproof.report.figures import Endpoint, LevelFigures
    from loadproof.report.plot import Plot
    from loadproof.report.timeline import Step
    from loadproof.result import Coverage, RunResult

_Place = Literal["levels", "time", "percentiles"]

_DRAWN_ENDPOINTS = 10
_KNOWN_ENDPOINTS = 300
"""Those whose charts the script can draw: each takes about four thousand characters."""

_DECLARED_MAX = 500
_DIFFERENCES_MAX = 200
_RUNS_MAX = 10
_UNEXPECTED_MAX = 50
_MULTILINE = "\n\t"
_TIMES_BY_LEVEL = ("Response times by load", "p95 and p99 of successful requests of each level")
_ERRORS_BY_LEVEL = ("Errors by load", "share of requests that failed at each level")
_LOSSES_BY_LEVEL = ("Errors by load", "share of requests that failed, and of arrivals that were dropped, at each level")
_SPECTRUM = ("Percentiles", "response time by percentile, over the measured part")
_HISTOGRAM = ("Spread", "how many requests took how long, over the measured part")

_OUTSIDE = {
    "iteration": "Iterations, from their intended start to the end of their task; they count in no total",
    "span": "Spans over several requests; they count in no total",
    "setup": "Requests of the set-up, which users send before their first arrival; they count in no total",
}
"""What stands apart from the requests that count, and the words above it."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its words.

    Attributes:
        title: What it is called.
        about: What it shows.
        place: Where it stands: beside the ``levels``, on the axis of ``time``, or with the ``percentiles``.
        svg: The picture; safe to embed.
    """

    title: str
    about: str
    place: _Place
    svg: str


def render_html(result: RunResult, baseline: RunResult | None = None) -> str:
    """The whole report as one HTML page, UTF-8 to be written.

    Args:
        result: What it is about; also one that measured nothing.
        baseline: The run that it is compared with, whose percentiles are drawn beside its own.
    """
    return _template().render(_page(result, baseline))


class _Sheet:
    """Charts as they are drawn, and what the page's script is told of them."""

    def __init__(self) -> None:
        self.plots: list[dict[str, Any]] = []

    def chart(self, words: tuple[str, str], place: _Place, plot: Plot) -> Chart:
        """A chart that shows its values at the pointer."""
        from markupsafe import Markup  # noqa: PLC0415 - only who renders pays for it

        title, about = words
        number = None if plot.dots else len(self.plots)
        if number is not None:
            self.plots.append(plot.to_json())
        picture = drawn(plot, f"{title}: {about}", number)
        return Chart(title, about, place, Markup(picture))  # noqa: S704 - of our making, text in it is escaped


def _charts(
    result: RunResult, baseline: RunResult | None, steps: list[Step], levels: list[LevelFigures], sheet: _Sheet
) -> list[Chart]:
    wanted: list[tuple[tuple[str, str], _Place, Plot | None]] = []
    if result.search is not None and levels:
        errors = _ERRORS_BY_LEVEL if result.search.unit == "users" else _LOSSES_BY_LEVEL
        wanted.append((_TIMES_BY_LEVEL, "levels", level_times_plot(levels, result.search)))
        wanted.append((errors, "levels", level_errors_plot(levels, result.search)))
    behind = Backdrop(bands_of(result), breaches_of(result))
    wanted += [((title, about), "time", make(steps, behind)) for title, about, make in CHARTS]
    wanted.append((_SPECTRUM, "percentiles", spectrum_plot(result, baseline)))
    good = totals_of(result).good
    wanted.append((_HISTOGRAM, "percentiles", histogram_plot(good, not_good(result), rest_name=NOT_GOOD)))
    return [sheet.chart(words, place, plot) for words, place, plot in wanted if plot is not None]


def _endpoint_charts(result: RunResult, endpoints: Sequence[Endpoint]) -> tuple[list[Any], list[Any]]:
    """The worst endpoints with their charts, drawn, and what the script draws of the first hundreds."""
    behind = Backdrop(bands_of(result))
    drawn_ones, known = [], []
    sheet = _Sheet()
    for number, endpoint in enumerate(endpoints[:_KNOWN_ENDPOINTS]):
        plots = endpoint_plots(result, endpoint, behind)
        known.append([[title, plot.to_json()] for title, plot in plots])
        if number < _DRAWN_ENDPOINTS:
            title = f"{endpoint.method} {endpoint.name}"
            charts = [sheet.chart((about.capitalize(), title), "time", plot) for about, plot in plots]
            drawn_ones.append((endpoint, charts))
    return drawn_ones, known


def _embedded(value: object) -> str:
    """JSON that may stand within a ``script`` element, whatever names are in it."""
    from markupsafe import Markup  # noqa: PLC0415 - only who renders pays for it

    text = json.dumps(value, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # noqa: S704 - no markup is left in it


def _page(result: RunResult, baseline: RunResult | None) -> dict[str, Any]:
    steps, levels = steps_of(result), levels_of(result)
    entries = endpoints_of(result)
    endpoints = [entry for entry in entries if entry.group == "request"]
    sheet = _Sheet()
    charts = _charts(result, baseline, steps, levels, sheet)
    worst, known = _endpoint_charts(result, endpoints)
    return {
        "result": result,
        "answered": result.search is not None and result.search.reason == result.exit_reason,
        "started": _started(result.started_at),
        "totals": totals_of(result),
        "user_peak": user_peak_of(result),
        "endpoints": endpoints,
        "worst": worst,
        "known": len(known),
        "charts": charts,
        "has_strain": any(step.lag is not None for step in steps),
        "breaches": breaches_of(result),
        "data": _embedded({"plots": sheet.plots, "endpoints": known}),
        "outside": [
            (caption, rows)
            for group, caption in _OUTSIDE.items()
            if (rows := [entry for entry in entries if entry.group == group])
        ],
        "arrivals": arrivals_of(result),
        "levels": levels,
        "steps": steps,
        "has_warm_up": bool(result.measured_from) and not levels,
        "is_paused": any(band.label == PAUSED for band in bands_of(result)),
        "kinds": error_kinds_of(result),
        "statuses": status_counts_of(result),
        "advice": advise(result),
        **_coverage(result.coverage),
        "differences": [] if result.comparison is None else by_importance(result.comparison),
        "measures": measures_of(result),
        "settings": configuration.settings_of(result.plan),
        "requests": configuration.requests_of(result.plan),
        "effective": configuration.effective_of(result.plan),
        "environment": configuration.environment_of(result.environment),
        "quantiles": (0.5, 0.95, 0.99),
    }


def _coverage(coverage: Coverage | None) -> dict[str, Any]:
    """What the section on coverage shows; there is none where nothing is known of it."""
    if coverage is None or not (coverage.declared or coverage.unexpected):
        return {"coverage": None}
    missed, not_due, mixes = missed_of(coverage), not_due_of(coverage), mixes_of(coverage)
    return {
        "coverage": coverage,
        "missed": missed,
        "not_due": not_due,
        "declared": [*missed, *not_due, *(item for item in coverage.declared if item.hits)],
        "mixes": mixes,
        "shares": {part.item: part for mix in mixes for part in mix.parts},
    }


def _started(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return text


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - only who renders pays for it
    from markupsafe import Markup  # noqa: PLC0415

    from loadproof.report.compiled import CompiledBeside  # noqa: PLC0415

    environment = Environment(
        autoescape=True,
        bytecode_cache=CompiledBeside(Path(__file__).parent),
        loader=PackageLoader("loadproof", "report"),
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    own = {name: _resource(f"report.{name}") for name in ("css", "js")}
    environment.globals.update(
        css=Markup(own["css"]),  # noqa: S704 - files of this package
        js=Markup(own["js"]),  # noqa: S704
        css_hash=_hash(own["css"]),
        js_hash=_hash(own["js"]),
        absent=wording.ABSENT,
        changes=BADGES,
        coverage_line=wording.coverage_line,
        declared_max=_DECLARED_MAX,
        differences_max=_DIFFERENCES_MAX,
        mix_word=wording.mix_word,
        runs_max=_RUNS_MAX,
        unexpected_max=_UNEXPECTED_MAX,
        approximate_note=wording.APPROXIMATE_NOTE,
        health_line=wording.health_line,
        group_words=wording.group_words,
        measured_part=wording.measured_part,
        outcome_word=wording.outcome_word,
    )
    return environment.get_template("report.html.j2")


def _resource(name: str) -> str:
    return resources.files("loadproof.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a content security policy names a script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _finalized(value: object) -> object:
    """Text without control codes, whatever it is and wherever it came from; markup is of our own making."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return wording.printable(value, keep=_MULTILINE)
    return value


_FILTERS: dict[str, Callable[..., str]] = {
    "at": wording.shown_at,
    "change": change_wording.shown_change_of,
    "change_interval": change_wording.shown_change_interval,
    "clock": format_clock,
    "count": wording.shown_count,
    "detectable": change_wording.shown_detectable,
    "duration": wording.shown_duration,
    "interval": wording.shown_interval,
    "limit": wording.shown_limit,
    "mark": wording.outcome_mark,
    "measured": wording.shown_measured,
    "number": wording.shown_number,
    "observed": wording.shown_observed,
    "percentile": wording.shown_percentile,
    "quantile": wording.shown_quantile,
    "rate": wording.shown_rate,
    "ratio": wording.shown_ratio,
    "target": wording.shown_target,
    "tolerance": change_wording.shown_tolerance,
    "value": wording.shown_value,
}
