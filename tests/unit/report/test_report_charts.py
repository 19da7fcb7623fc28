from dataclasses import replace
from itertools import pairwise

import pytest

from loadproof.record import Histogram, Strain
from loadproof.report import charts
from loadproof.report.plot import Mark, Shade
from loadproof.report.plot import clock_axis as plot_axis
from loadproof.report.timeline import Band, Breach, bands_of, steps_of
from loadproof.result import Intervention, Outcome
from results_factory import (
    NASTY,
    empty_result,
    open_result,
    result_of,
    rich_result,
    sample,
    small_result,
    stress_result,
)


def points(plot, series):
    return plot.line(series)


def names(plot):
    return [series.name for series in plot.series]


@pytest.fixture(scope="module")
def steps():
    return steps_of(small_result())


def test_an_empty_run_has_no_charts():
    assert [make([], charts.Backdrop()) for _, _, make in charts.CHARTS] == [None] * 7
    assert charts.spectrum_plot(empty_result()) is None


def test_throughput_shows_all_and_failed_requests_per_second(steps):
    plot = charts.throughput_plot(steps)
    assert points(plot, "failed")[5] == (5.5, 1.0)
    assert sum(y for _, y in points(plot, "all requests")) == 100.0


def test_latency_has_gaps_where_nothing_succeeded():
    run = result_of([sample(end=0.5), sample(end=1.5, kind="timeout"), sample(end=2.5)], measured_to=3.0)
    assert points(charts.latency_plot(steps_of(run)), "p95") == [(0.5, 0.1), (1.5, None), (2.5, 0.1)]


def test_a_run_of_failures_alone_has_no_latency_of_successes():
    run = result_of([sample(kind="timeout")])
    assert charts.latency_plot(steps_of(run)) is None
    assert points(charts.spectrum_plot(run), "all requests")[0] == (1.0, 0.1)


def test_users_that_were_never_reported_are_not_drawn():
    assert charts.users_plot(steps_of(result_of([sample()]))) is None


def test_users_are_drawn_over_time(steps):
    assert points(charts.users_plot(steps), "users")[:2] == [(0.5, 2.0), (1.5, 3.0)]


def test_errors_beyond_the_most_frequent_kinds_are_drawn_together():
    samples = [sample(kind=f"kind{i}", end=0.5) for i in range(7) for _ in range(10 - i)]
    plot = charts.errors_plot(steps_of(result_of(samples, measured_to=1.0)))
    assert names(plot) == ["kind0", "kind1", "kind2", "kind3", "kind4", "all other kinds"]
    assert points(plot, "all other kinds") == [(0.5, 9.0)]


def test_a_run_without_failures_has_no_chart_of_errors():
    assert charts.errors_plot(steps_of(result_of([sample()]))) is None


def test_all_charts_over_time_share_one_axis():
    steps = [replace(step, offered=3, started=2, dropped=1) for step in steps_of(rich_result(seconds=30))]
    plots = [make(steps, charts.Backdrop()) for _, _, make in charts.CHARTS]
    assert len({plot.x for plot in plots}) == 1
    assert len({plot.places for plot in plots}) == 1


def test_series_are_called_what_they_are_without_control_codes():
    plot = charts.errors_plot(steps_of(result_of([sample(kind=f"datum.x[0]{NASTY}\x1b")])))
    assert names(plot) == [f"datum.x[0]{NASTY}\N{REPLACEMENT CHARACTER}"]


def test_series_differ_by_dashes_as_well_as_by_colour(steps):
    series = charts.latency_plot(steps).series
    assert len({each.dash for each in series}) == 3
    assert len({each.colour for each in series}) == 3


def test_the_tail_is_drawn_where_a_step_has_a_thousand_requests():
    few = steps_of(result_of([sample(end=0.5)] * 999, measured_to=1.0))
    assert names(charts.latency_plot(few)) == ["p99", "p95", "p50"]
    many = steps_of(result_of([*[sample(end=0.5)] * 998, *[sample(end=0.5, took=0.4)] * 2], measured_to=1.0))
    assert points(charts.latency_plot(many), "p99.9") == [(0.5, pytest.approx(0.4, rel=0.01))]


def test_the_worst_lag_and_the_highest_cpu_of_a_step_are_drawn():
    result = small_result()
    for second, lag in ((4, 0.002), (4, 0.03), (5, None)):
        result.record.add_strain(second, Strain(lag, 0.1 * second))
    steps = steps_of(result)
    assert points(charts.lag_plot(steps), "loop lag")[3:5] == [(3.5, 0.03), (4.5, None)]
    assert points(charts.cpu_plot(steps), "CPU")[3:5] == [(3.5, 0.4), (4.5, 0.5)]
    assert charts.lag_plot(steps_of(small_result())) is None


def test_the_spectrum_rises_to_the_largest_value():
    plot = charts.spectrum_plot(small_result())
    line = points(plot, "all requests")
    assert line == sorted(line)
    assert line[0] == (1.0, 0.001)
    assert line[-1] == (100.0, 2.0)
    assert [y for x, y in points(plot, "successes") if x >= 95] == [
        0.5,
        *[None] * (len(line) - [x for x, _ in line].index(95) - 1),
    ]


def test_the_spectrum_shows_service_times_where_they_differ():
    waited = sample()._replace(intended_at=0.0)
    plot = charts.spectrum_plot(result_of([waited, sample()]))
    assert names(plot) == ["successes", "service time of successes"]


@pytest.mark.parametrize("seconds", [1, 9, 61, 3_600, 100_000, 1_000_000])
def test_ticks_are_few_and_within_the_run(seconds):
    ticks = plot_axis(seconds).ticks
    assert ticks[0] == 0
    assert ticks[-1] <= seconds
    assert 2 <= len(ticks) <= 10


def test_arrivals_are_drawn_by_when_they_were_due():
    plot = charts.arrivals_plot(steps_of(open_result()))
    assert points(plot, "offered")[11] == (11.5, 50.0)
    assert points(plot, "started")[11] == (11.5, 10.0)
    assert points(plot, "dropped")[11] == (11.5, 40.0)
    assert charts.arrivals_plot(steps_of(small_result())) is None


def test_bands_end_with_the_axis_and_those_beyond_it_are_left_out(steps):
    bands = [Band(0.0, 4.0, None, "warm-up"), Band(8.0, 99.0, Outcome.FAIL, "2"), Band(50.0, 60.0, None, "beyond")]
    plot = charts.throughput_plot(steps, charts.Backdrop(bands))
    assert plot.shades == (Shade(0.0, 4.0, "grey", "warm-up"), Shade(8.0, 10.0, "red", "2"))
    assert plot.series == charts.throughput_plot(steps).series


def test_too_many_bands_have_no_labels(steps):
    bands = [Band(i / 10, i / 10 + 0.05, None, str(i)) for i in range(60)]
    assert {shade.label for shade in charts.throughput_plot(steps, charts.Backdrop(bands)).shades} == {""}


def test_breaches_are_marked_where_they_were(steps):
    breach = Breach(1, 7.0, Outcome.FAIL, ("error_rate < 1% for 3s",))
    assert charts.throughput_plot(steps, charts.Backdrop((), [breach])).marks == (Mark(7.0, "red", "breach 1"),)


def test_a_histogram_counts_every_request_once_between_borders_a_constant_ratio_apart():
    good, rest = Histogram(), Histogram()
    for ms in (1, 10, 10, 100):
        good.record(ms * 1_000_000)
    rest.record(3_000_000_000)
    plot = charts.histogram_plot(good, rest, rest_name="failed")
    assert names(plot) == ["successful", "failed"]
    assert [sum(series.values) for series in plot.series] == [4, 1]
    assert len(plot.places) == len(plot.series[0].values) + 1
    ratios = [b / a for a, b in pairwise(plot.places)]
    assert max(ratios) == pytest.approx(min(ratios), rel=1e-4)
    (highest,) = [i for i, n in enumerate(plot.series[0].values) if n == 2]
    assert plot.places[highest] <= 0.01 * 1.001 < plot.places[highest + 1] * 1.002
    assert charts.histogram_plot(Histogram(), Histogram(), rest_name="failed") is None


@pytest.mark.parametrize("nanoseconds", [[0], [1], [1_000_000], [0, 3_600_000_000_000], [5_000_000] * 3])
def test_a_histogram_of_anything_has_a_bar_for_it(nanoseconds):
    good = Histogram()
    for each in nanoseconds:
        good.record(each)
    plot = charts.histogram_plot(good, Histogram(), rest_name="failed")
    assert sum(plot.series[0].values) == len(nanoseconds)
    assert 1 <= len(plot.series[0].values) <= 60
    assert plot.x.low < plot.x.high


def test_levels_and_warm_up_are_what_is_shaded():
    assert bands_of(small_result()) == []
    assert bands_of(open_result()) == [Band(0.0, 2.0, None, "warm-up")]
    assert bands_of(open_result(plan={})) == [Band(0.0, 2.0, None, "set-up")]
    by_hand = (Intervention(3.0, "paused"), Intervention(4.5, "resumed"), Intervention(4.9, "paused"))
    paused = replace(open_result(), interventions=by_hand, measured_to=5.0)
    assert bands_of(paused)[1:] == [Band(3.0, 4.5, None, "paused"), Band(4.9, 5.0, None, "paused")]
    bands = bands_of(stress_result())
    assert [band.label for band in bands] == ["1", "2", "3", "4", "5"]
    assert [(bands[0].start, bands[0].end, bands[0].outcome)] == [(2.0, 12.0, Outcome.PASS)]
    assert bands[-1].outcome is Outcome.FAIL


@pytest.mark.parametrize("is_small", [False, True])
@pytest.mark.parametrize("most", [0.003, 0.02, 0.2, 5.0, 60.0])
def test_the_times_below_a_histogram_have_room_for_their_labels(most, is_small):
    good = Histogram()
    for each in (0.001, most):
        good.record(round(each * 1e9))
    axis = charts.histogram_plot(good, Histogram(), rest_name="failed", is_small=is_small).x
    width = 300 if is_small else 900
    assert axis.ticks
    for one, other in pairwise(axis.ticks):
        assert width * (axis.share(other) - axis.share(one)) >= 40
