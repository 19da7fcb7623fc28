"""``report.html``: one file that needs nothing else, neither a network nor a script nor a style.

Servers such as Jenkins forbid scripts and styles in what builds leave behind. There the report is plain HTML with
static charts, words and signs; where the policy allows, a style sheet and a small script for the endpoint table improve
it. Everything from outside is escaped, and the page's own policy names its one script and its one style by hash.
"""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

from loadproof.report import configuration, wording
from loadproof.report.advice import advise
from loadproof.report.changes import BADGES, by_importance
from loadproof.report.charts import CHARTS, spectrum_spec
from loadproof.report.coverage import missed_of, mixes_of, not_due_of
from loadproof.report.drawing import DrawingError, drawn
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
from loadproof.report.level_charts import level_errors_spec, level_times_spec
from loadproof.report.timeline import bands_of, steps_of
from loadproof.units import format_clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from jinja2 import Template

    from loadproof.report.charts import Spec
    from loadproof.report.figures import LevelFigures
    from loadproof.report.timeline import Step
    from loadproof.result import Coverage, RunResult

_Place = Literal["levels", "time", "percentiles"]

_DECLARED_MAX = 500
_DIFFERENCES_MAX = 200
_RUNS_MAX = 10
_UNEXPECTED_MAX = 50
_MULTILINE = "\n\t"
_TIMES_BY_LEVEL = ("Response times by load", "p95 and p99 of successful requests of each level")
_ERRORS_BY_LEVEL = ("Errors by load", "share of requests that failed at each level")
_LOSSES_BY_LEVEL = ("Errors by load", "share of requests that failed, and of arrivals that were dropped, at each level")
_SPECTRUM = ("Percentiles", "response time by percentile, over the measured part")


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


def render_html(result: RunResult) -> str:
    """The whole report as one HTML page, UTF-8 to be written.

    Charts that cannot be drawn are replaced by a sentence that says why; nothing else fails on account of them.
    """
    template = _template()  # before the thread starts, which then meets no half-made import
    steps, levels = steps_of(result), levels_of(result)
    planned = _planned(result, steps, levels)
    with ThreadPoolExecutor(1) as pool:
        drawing = pool.submit(drawn, [chart.spec for chart in planned])
        # The template asks for the charts when it gets to them: what stands above them is rendered in the meantime.
        return template.render(_page(result, steps, levels), drawn_charts=cache(lambda: _charts(planned, drawing)))


@dataclass(frozen=True, slots=True)
class _Planned:
    """A chart that is yet to be drawn."""

    title: str
    about: str
    place: _Place
    spec: Spec


def _planned(result: RunResult, steps: list[Step], levels: list[LevelFigures]) -> list[_Planned]:
    wanted: list[tuple[tuple[str, str], _Place, Spec | None]] = []
    if result.search is not None and levels:
        errors = _ERRORS_BY_LEVEL if result.search.unit == "users" else _LOSSES_BY_LEVEL
        wanted.append((_TIMES_BY_LEVEL, "levels", level_times_spec(levels, result.search)))
        wanted.append((errors, "levels", level_errors_spec(levels, result.search)))
    bands = bands_of(result)
    wanted += [((title, about), "time", make(steps, bands)) for title, about, make in CHARTS]
    wanted.append((_SPECTRUM, "percentiles", spectrum_spec(result)))
    return [_Planned(*words, place, spec) for words, place, spec in wanted if spec is not None]


def _charts(planned: list[_Planned], drawing: Future[list[str]]) -> tuple[list[Chart], str | None]:
    from markupsafe import Markup, escape  # noqa: PLC0415 - only who renders pays for it

    try:
        pictures = drawing.result()
    except DrawingError as error:
        return [], str(error)
    charts = []
    for each, picture in zip(planned, pictures, strict=True):
        label = f'<svg role="img" aria-label="{escape(f"{each.title}: {each.about}")}" '
        svg = Markup(wording.printable(picture, keep=_MULTILINE).replace("<svg ", label, 1))  # noqa: S704 - of our making
        charts.append(Chart(each.title, each.about, each.place, svg))
    return charts, None


def _page(result: RunResult, steps: list[Step], levels: list[LevelFigures]) -> dict[str, Any]:
    endpoints = endpoints_of(result)
    return {
        "result": result,
        "answered": result.search is not None and result.search.reason == result.exit_reason,
        "started": _started(result.started_at),
        "totals": totals_of(result),
        "user_peak": user_peak_of(result),
        "endpoints": [endpoint for endpoint in endpoints if endpoint.group == "request"],
        "outside": [
            (caption, rows)
            for group, caption in _OUTSIDE.items()
            if (rows := [endpoint for endpoint in endpoints if endpoint.group == group])
        ],
        "arrivals": arrivals_of(result),
        "levels": levels,
        "steps": steps,
        "has_warm_up": bool(bands_of(result)) and not levels,
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

    environment = Environment(
        autoescape=True,
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
    "change": wording.shown_change_of,
    "change_interval": wording.shown_change_interval,
    "clock": format_clock,
    "count": wording.shown_count,
    "detectable": wording.shown_detectable,
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
    "tolerance": wording.shown_tolerance,
    "value": wording.shown_value,
}
