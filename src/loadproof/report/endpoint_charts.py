"""The charts of one endpoint: percentiles and rate over time, and how its response times spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.record import Histogram, merged
from loadproof.report.charts import Backdrop, histogram_plot, latency_plot, throughput_plot
from loadproof.report.timeline import steps_of_entry

if TYPE_CHECKING:
    from loadproof.report.figures import Endpoint
    from loadproof.report.plot import Plot
    from loadproof.result import RunResult

NOT_GOOD = "failed or expected errors"
"""Requests that did not succeed, as the histograms call them."""


def endpoint_plots(result: RunResult, endpoint: Endpoint, behind: Backdrop) -> list[tuple[str, Plot]]:
    """What each of its charts is of, and the chart; empty for an endpoint that measured nothing."""
    steps = steps_of_entry(result, (endpoint.name, endpoint.method))
    rest = not_good(result, endpoint)
    found = (
        ("response times", latency_plot(steps, behind, is_small=True)),
        ("requests per second", throughput_plot(steps, behind, is_small=True)),
        ("spread of response times", histogram_plot(endpoint.figures.good, rest, rest_name=NOT_GOOD, is_small=True)),
    )
    return [(title, plot) for title, plot in found if plot is not None]


def not_good(result: RunResult, endpoint: Endpoint | None = None) -> Histogram:
    """Response times of what did not succeed: of one endpoint, or of all that counts in totals."""
    record = result.record
    tallies = record.totals() if endpoint is None else record.tallies((endpoint.name, endpoint.method))
    return merged(tallies, ("expected", "failure")).response
