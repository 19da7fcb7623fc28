from dataclasses import replace

import pytest

from loadproof.report.figures import levels_of
from loadproof.report.level_charts import level_errors_spec, level_times_spec
from results_factory import capacity_result, stress_result


@pytest.fixture(scope="module")
def stress():
    return stress_result()


@pytest.fixture(scope="module")
def capacity():
    return capacity_result()


def drawn_of(result, make):
    return make(levels_of(result), result.search)


def layer(spec, kind):
    return next(layer for layer in spec["layer"] if layer["mark"]["type"] == kind)


def points(spec, series, kind="line"):
    return [(v["x"], v["y"]) for v in layer(spec, kind)["data"]["values"] if v["series"] == series]


def test_each_level_is_a_point_and_equal_loads_share_one_point_of_the_line(stress):
    spec = drawn_of(stress, level_errors_spec)
    assert points(spec, "error rate", "point") == [(5, 0), (10, 0), (15, 0), (20, 0.12525), (20, 0.12525)]
    assert points(spec, "error rate") == [(5, 0), (10, 0), (15, 0), (20, 0.12525)]


def test_what_a_level_came_to_is_the_shape_of_its_point(stress):
    encoding = layer(drawn_of(stress, level_times_spec), "point")["encoding"]
    assert encoding["shape"]["scale"] == {"domain": ["passed", "failed"], "range": ["circle", "cross"]}
    outcomes = [v["outcome"] for v in layer(drawn_of(stress, level_errors_spec), "point")["data"]["values"]]
    assert outcomes == ["passed"] * 3 + ["failed"] * 2


def test_the_breaking_level_is_a_line_with_its_name(stress):
    spec = drawn_of(stress, level_times_spec)
    assert layer(spec, "rule")["data"]["values"] == [{"at": 20.0, "label": "breaking level"}]
    assert [each["mark"]["type"] for each in spec["layer"]] == ["rule", "text", "line", "point"]


def test_a_capacity_is_a_line_at_its_lower_end_and_a_band_to_its_upper_one(capacity):
    spec = drawn_of(capacity, level_times_spec)
    assert layer(spec, "rect")["data"]["values"] == [{"from": 31.0, "to": 32.5}]
    assert layer(spec, "rule")["data"]["values"] == [{"at": 31.0, "label": "sustained"}]


def test_a_capacity_without_an_upper_end_has_no_band_and_one_without_an_answer_no_mark(capacity):
    no_end = replace(capacity, search=replace(capacity.search, high=None))
    assert [each["mark"]["type"] for each in drawn_of(no_end, level_times_spec)["layer"]][:1] == ["rule"]
    no_answer = replace(capacity, search=replace(capacity.search, low=None, high=None))
    assert [each["mark"]["type"] for each in drawn_of(no_answer, level_times_spec)["layer"]] == ["line", "point"]


def test_dropped_arrivals_stand_beside_errors_where_there_were_arrivals(stress, capacity):
    assert {v["series"] for v in layer(drawn_of(stress, level_errors_spec), "line")["data"]["values"]} == {"error rate"}
    assert points(drawn_of(capacity, level_errors_spec), "dropped")[0] == (20, 0)


def test_loads_ascend_along_the_line_whatever_the_order_of_trials(capacity):
    targets = [x for x, _ in points(drawn_of(capacity, level_times_spec), "p95")]
    assert targets == [20, 28, 31, 32.5, 34, 40]


def test_times_far_apart_have_a_logarithmic_axis_with_round_numbers(capacity):
    scale = layer(drawn_of(capacity, level_times_spec), "line")["encoding"]["y"]
    assert scale["scale"]["type"] == "log"
    assert set(scale["axis"]["values"]) >= {0.05, 0.1, 0.2, 0.5, 1.0}


def test_shares_that_are_all_zero_lie_along_the_bottom(stress):
    good = replace(stress, levels=stress.levels[:3])
    assert layer(drawn_of(good, level_errors_spec), "line")["encoding"]["y"]["scale"] == {"domain": [0, 0.01]}


def test_a_single_level_and_levels_far_apart_have_room_on_the_axis(stress, capacity):
    one = replace(stress, levels=stress.levels[:1])
    assert layer(drawn_of(one, level_times_spec), "line")["encoding"]["x"]["scale"]["domain"] == [4.5, 5.5]
    first, last = capacity.levels[0], replace(capacity.levels[1], target=2_000.0)
    wide = replace(capacity, levels=(first, last))
    assert layer(drawn_of(wide, level_times_spec), "line")["encoding"]["x"]["scale"]["type"] == "log"


def test_levels_in_which_nothing_was_finished_are_not_drawn(stress):
    record = type(stress.levels[0].record)()
    silent = replace(stress, levels=tuple(replace(level, record=record) for level in stress.levels))
    assert drawn_of(silent, level_times_spec) is None
    assert drawn_of(silent, level_errors_spec) is None
