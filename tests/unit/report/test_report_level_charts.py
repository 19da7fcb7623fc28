from dataclasses import replace

import pytest

from loadproof.report.figures import levels_of
from loadproof.report.level_charts import level_errors_plot, level_times_plot
from loadproof.report.plot import Mark, Shade
from results_factory import capacity_result, stress_result


@pytest.fixture(scope="module")
def stress():
    return stress_result()


@pytest.fixture(scope="module")
def capacity():
    return capacity_result()


def drawn_of(result, make):
    return make(levels_of(result), result.search)


def dots(plot, colour):
    return [(dot.x, dot.y) for dot in plot.dots if dot.colour == colour]


def test_each_level_is_a_point_and_equal_loads_share_one_point_of_the_line(stress):
    plot = drawn_of(stress, level_errors_plot)
    assert dots(plot, "red") == [(5, 0), (10, 0), (15, 0), (20, 0.12525), (20, 0.12525)]
    assert plot.line("error rate") == [(5, 0), (10, 0), (15, 0), (20, 0.12525)]


def test_what_a_level_came_to_is_the_shape_of_its_point(stress):
    assert drawn_of(stress, level_times_plot).shapes == (("passed", "circle"), ("failed", "cross"))
    shapes = [dot.shape for dot in drawn_of(stress, level_errors_plot).dots]
    assert shapes == ["circle"] * 3 + ["cross"] * 2


def test_the_breaking_level_is_a_line_with_its_name(stress):
    plot = drawn_of(stress, level_times_plot)
    assert plot.marks == (Mark(20.0, "red", "breaking level"),)
    assert plot.shades == ()


def test_a_capacity_is_a_line_at_its_lower_end_and_a_band_to_its_upper_one(capacity):
    plot = drawn_of(capacity, level_times_plot)
    assert plot.shades == (Shade(31.0, 32.5, "green", opacity=0.2),)
    assert plot.marks == (Mark(31.0, "green", "sustained"),)


def test_a_capacity_without_an_upper_end_has_no_band_and_one_without_an_answer_no_mark(capacity):
    no_end = drawn_of(replace(capacity, search=replace(capacity.search, high=None)), level_times_plot)
    assert (len(no_end.shades), len(no_end.marks)) == (0, 1)
    no_answer = drawn_of(replace(capacity, search=replace(capacity.search, low=None, high=None)), level_times_plot)
    assert (no_answer.shades, no_answer.marks) == ((), ())


def test_dropped_arrivals_stand_beside_errors_where_there_were_arrivals(stress, capacity):
    assert [series.name for series in drawn_of(stress, level_errors_plot).series] == ["error rate"]
    assert drawn_of(capacity, level_errors_plot).line("dropped")[0] == (20, 0)


def test_loads_ascend_along_the_line_whatever_the_order_of_trials(capacity):
    targets = [x for x, _ in drawn_of(capacity, level_times_plot).line("p95")]
    assert targets == [20, 28, 31, 32.5, 34, 40]


def test_times_far_apart_have_a_logarithmic_axis_with_round_numbers(capacity):
    axis = drawn_of(capacity, level_times_plot).y
    assert axis.is_log
    assert set(axis.ticks) >= {0.05, 0.1, 0.2, 0.5, 1.0}


def test_shares_that_are_all_zero_lie_along_the_bottom(stress):
    good = replace(stress, levels=stress.levels[:3])
    axis = drawn_of(good, level_errors_plot).y
    assert (axis.low, axis.high) == (0, 0.01)


def test_a_single_level_and_levels_far_apart_have_room_on_the_axis(stress, capacity):
    one = drawn_of(replace(stress, levels=stress.levels[:1]), level_times_plot)
    assert (one.x.low, one.x.high) == (4.5, 5.5)
    first, last = capacity.levels[0], replace(capacity.levels[1], target=2_000.0)
    assert drawn_of(replace(capacity, levels=(first, last)), level_times_plot).x.is_log


def test_levels_in_which_nothing_was_finished_are_not_drawn(stress):
    record = type(stress.levels[0].record)()
    silent = replace(stress, levels=tuple(replace(level, record=record) for level in stress.levels))
    assert drawn_of(silent, level_times_plot) is None
    assert drawn_of(silent, level_errors_plot) is None
