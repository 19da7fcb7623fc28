import json
from dataclasses import replace

import pytest

from loadproof.report import charts
from loadproof.report.timeline import Band, bands_of, steps_of
from loadproof.result import Outcome
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


def points(spec, series):
    return [(value["x"], value["y"]) for value in spec["data"]["values"] if value["series"] == series]


@pytest.fixture(scope="module")
def steps():
    return steps_of(small_result())


def test_an_empty_run_has_no_charts():
    assert [make([], ()) for _, _, make in charts.CHARTS] == [None] * 5
    assert charts.spectrum_spec(empty_result()) is None


def test_throughput_shows_all_and_failed_requests_per_second(steps):
    spec = charts.throughput_spec(steps)
    assert points(spec, "failed")[5] == (5.5, 1.0)
    assert sum(y for _, y in points(spec, "all requests")) == 100.0


def test_latency_has_gaps_where_nothing_succeeded():
    run = result_of([sample(end=0.5), sample(end=1.5, kind="timeout"), sample(end=2.5)], measured_to=3.0)
    assert points(charts.latency_spec(steps_of(run)), "p95") == [(0.5, 0.1), (1.5, None), (2.5, 0.1)]


def test_a_run_of_failures_alone_has_no_latency_of_successes():
    run = result_of([sample(kind="timeout")])
    assert charts.latency_spec(steps_of(run)) is None
    assert points(charts.spectrum_spec(run), "all requests")[0] == (1.0, 0.1)


def test_users_that_were_never_reported_are_not_drawn():
    assert charts.users_spec(steps_of(result_of([sample()]))) is None


def test_users_are_drawn_over_time(steps):
    assert points(charts.users_spec(steps), "users")[:2] == [(0.5, 2.0), (1.5, 3.0)]


def test_errors_beyond_the_most_frequent_kinds_are_drawn_together():
    samples = [sample(kind=f"kind{i}", end=0.5) for i in range(7) for _ in range(10 - i)]
    spec = charts.errors_spec(steps_of(result_of(samples, measured_to=1.0)))
    names = spec["encoding"]["color"]["scale"]["domain"]
    assert names == ["kind0", "kind1", "kind2", "kind3", "kind4", "all other kinds"]
    assert points(spec, "all other kinds") == [(0.5, 9.0)]


def test_a_run_without_failures_has_no_chart_of_errors():
    assert charts.errors_spec(steps_of(result_of([sample()]))) is None


def test_all_charts_over_time_share_one_axis():
    steps = [replace(step, offered=3, started=2, dropped=1) for step in steps_of(rich_result(seconds=30))]
    axes = [json.dumps(make(steps, ())["encoding"]["x"]) for _, _, make in charts.CHARTS]
    extents = [make(steps, ())["encoding"]["y"]["axis"]["minExtent"] for _, _, make in charts.CHARTS]
    assert len(set(axes)) == 1
    assert len(set(extents)) == 1


def test_text_from_outside_stands_in_values_alone():
    spec = charts.errors_spec(steps_of(result_of([sample(kind=f"datum.x[0]{NASTY}\x1b")])))
    spec["data"] = spec["encoding"]["color"] = spec["encoding"].get("strokeDash", {}).clear()
    assert "alert" not in json.dumps(spec)


def test_series_differ_by_dashes_as_well_as_by_colour(steps):
    encoding = charts.latency_spec(steps)["encoding"]
    assert len({json.dumps(dash) for dash in encoding["strokeDash"]["scale"]["range"]}) == 3
    assert len(set(encoding["color"]["scale"]["range"])) == 3


def test_a_single_point_is_drawn_as_a_point():
    spec = charts.throughput_spec(steps_of(result_of([sample(end=0.5)], measured_to=1.0)))
    assert spec["mark"]["type"] == "point"


def test_the_spectrum_rises_to_the_largest_value():
    spec = charts.spectrum_spec(small_result())
    line = points(spec, "all requests")
    assert line == sorted(line)
    assert line[0] == (1.0, 0.001)
    assert line[-1] == (100.0, 2.0)
    assert [y for x, y in points(spec, "successes") if x >= 95][-1] == 0.5


def test_the_spectrum_shows_service_times_where_they_differ():
    waited = sample()._replace(intended_at=0.0)
    spec = charts.spectrum_spec(result_of([waited, sample()]))
    assert set(spec["encoding"]["color"]["scale"]["domain"]) == {"successes", "service time of successes"}


@pytest.mark.parametrize("seconds", [1, 9, 61, 3_600, 100_000, 1_000_000])
def test_ticks_are_few_and_within_the_run(seconds):
    ticks = charts._ticks(seconds)
    assert ticks[0] == 0
    assert ticks[-1] <= seconds
    assert 2 <= len(ticks) <= 10


def test_arrivals_are_drawn_by_when_they_were_due():
    spec = charts.arrivals_spec(steps_of(open_result()))
    assert points(spec, "offered")[11] == (11.5, 50.0)
    assert points(spec, "started")[11] == (11.5, 10.0)
    assert points(spec, "dropped")[11] == (11.5, 40.0)
    assert charts.arrivals_spec(steps_of(small_result())) is None


def test_bands_lie_behind_the_lines_and_end_with_the_axis(steps):
    bands = [Band(0.0, 4.0, None, "warm-up"), Band(8.0, 99.0, Outcome.FAIL, "2"), Band(50.0, 60.0, None, "beyond")]
    spec = charts.throughput_spec(steps, bands)
    band, label, line = spec["layer"]
    assert [(value["from"], value["to"], value["label"]) for value in band["data"]["values"]] == [
        (0.0, 4.0, "warm-up"),
        (8.0, 10.0, "2"),
    ]
    assert band["data"]["values"][1]["fill"] == charts.SHADES[Outcome.FAIL]
    assert label["encoding"]["text"] == {"field": "label"}
    assert line["mark"]["type"] == "line"
    assert line["encoding"] == charts.throughput_spec(steps)["encoding"]
    assert spec["data"] == charts.throughput_spec(steps)["data"]


def test_too_many_bands_have_no_labels(steps):
    spec = charts.throughput_spec(steps, [Band(i / 10, i / 10 + 0.05, None, str(i)) for i in range(60)])
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["rect", "line"]


def test_levels_and_warm_up_are_what_is_shaded():
    assert bands_of(small_result()) == []
    assert bands_of(open_result()) == [Band(0.0, 2.0, None, "warm-up")]
    assert bands_of(open_result(plan={})) == [Band(0.0, 2.0, None, "set-up")]
    bands = bands_of(stress_result())
    assert [band.label for band in bands] == ["1", "2", "3", "4", "5"]
    assert [(bands[0].start, bands[0].end, bands[0].outcome)] == [(2.0, 12.0, Outcome.PASS)]
    assert bands[-1].outcome is Outcome.FAIL
