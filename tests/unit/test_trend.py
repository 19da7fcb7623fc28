from dataclasses import replace

import pytest

from loadproof.export.metrics import metrics_of
from loadproof.result import Outcome
from loadproof.trend import past_run, trends
from results_factory import capacity_result, empty_result, small_result, stress_result


def document(**fields):
    values = {
        "run_id": "r1",
        "test_name": "shop",
        "timestamp": "2026-03-04T05:06:07+00:00",
        "verdict": "PASS",
        "exit_code": 0,
        "abort": None,
        "users_peak": 5,
        "successful": {"median_response_time": 0.1, "p95_response_time": 0.2},
        "requests_per_second": 50.0,
        "error_rate": 1.0,
    }
    return values | fields


def run(day, p95=0.2, **fields):
    text = f"2026-03-{day:02}T05:06:07+00:00"
    good = {"median_response_time": 0.1, "p95_response_time": p95}
    return past_run(document(run_id=f"r{day}", timestamp=text, successful=good, **fields), f"dir{day}")


def rows_of(*runs):
    (trend,) = trends(runs)
    return trend.rows


def test_of_no_runs_there_is_no_trend():
    assert trends([]) == ()


def test_the_first_run_is_held_against_nothing():
    (row,) = rows_of(run(1))
    assert (row.usual, row.change) == ({}, {})


def test_each_run_is_held_against_the_median_of_those_before_it():
    rows = rows_of(run(1, 0.1), run(2, 0.9), run(3, 0.2), run(4, 0.3))
    assert [row.usual.get("p95") for row in rows] == [None, 0.1, 0.5, 0.2]
    assert rows[3].change["p95"] == pytest.approx(0.5)


def test_runs_are_in_the_order_of_their_start_not_of_their_folders():
    assert [row.run.run_id for row in rows_of(run(3), run(1), run(2))] == ["r1", "r2", "r3"]
    later = past_run(document(run_id="z", timestamp="2026-03-02T06:00:00+09:00"), "d")
    assert [row.run.run_id for row in rows_of(run(2), later)] == ["z", "r2"]


def test_a_run_that_was_cut_short_is_shown_but_is_no_measure():
    rows = rows_of(run(1, 0.1), run(2, 9.0, abort="interrupted by Ctrl-C"), run(3, 0.2))
    assert rows[1].change["p95"] == pytest.approx(89.0)
    assert rows[2].usual["p95"] == 0.1


def test_an_unfinished_run_is_no_measure():
    unfinished = past_run(document(verdict=None, exit_code=None), "d", finished=False)
    assert not unfinished.counts
    assert rows_of(unfinished, run(5))[1].usual == {}


def test_a_share_of_failures_changes_by_its_difference_also_from_zero():
    rows = rows_of(run(1, error_rate=0.0), run(2, error_rate=2.5))
    assert rows[1].change["error_rate"] == 0.025
    assert rows[1].usual["error_rate"] == 0.0


def test_a_share_of_zero_tells_no_ratio():
    rows = rows_of(run(1, requests_per_second=0.0), run(2))
    assert "throughput" not in rows[1].change


def test_runs_without_a_figure_are_left_out_of_its_median():
    rows = rows_of(run(1, 0.1), run(2, None), run(3, 0.3))
    assert "p95" not in rows[1].change
    assert rows[2].usual["p95"] == 0.1


def test_tests_and_kinds_are_apart():
    search = {"search": {"kind": "stress", "unit": "users", "last_good_level": None, "breaking_level": None}}
    found = trends([run(1), run(2, test_name="cart"), past_run(document(**search), "d")])
    assert [(trend.test_name, trend.kind) for trend in found] == [
        ("cart", "load"),
        ("shop", "load"),
        ("shop", "stress"),
    ]


@pytest.mark.parametrize("make", [empty_result, small_result, stress_result, capacity_result])
def test_every_result_makes_a_run(make):
    result = make()
    past = past_run(metrics_of(result), "d")
    assert (past.test_name, past.kind, past.outcome) == (result.test_name, result.kind, result.outcome)
    assert past.exit_code == result.exit_code


def test_figures_are_those_of_the_metrics_with_shares_of_one():
    past = past_run(metrics_of(small_result()), "d")
    metrics = metrics_of(small_result())
    assert past.p50 == metrics["successful"]["median_response_time"]
    assert past.p95 == metrics["successful"]["p95_response_time"]
    assert (past.throughput, past.error_rate, past.users_peak) == (10.0, 0.03, 5)
    assert past.answer is None


def test_of_a_run_that_measured_nothing_there_is_no_figure():
    past = past_run(metrics_of(empty_result()), "d")
    assert (past.p50, past.p95, past.throughput, past.error_rate) == (None,) * 4
    assert past.outcome is Outcome.INCONCLUSIVE


def test_of_a_search_the_figures_are_those_of_the_highest_level_that_held():
    stress = past_run(metrics_of(stress_result()), "d")
    assert (stress.answer, stress.answer_unit) == (20.0, "users")
    assert stress.throughput == pytest.approx(150, rel=0.02)
    assert stress.error_rate == 0.0
    assert stress.p95 < 0.06
    capacity = past_run(metrics_of(capacity_result()), "d")
    assert (capacity.answer, capacity.answer_unit) == (31.0, "per_second")
    assert capacity.throughput == pytest.approx(31.0, rel=0.001)


def test_of_a_search_in_which_nothing_held_there_is_no_figure():
    base = stress_result()
    result = replace(base, search=replace(base.search, last_good_level=None))
    past = past_run(metrics_of(result), "d")
    assert (past.p95, past.throughput, past.error_rate) == (None, None, None)


@pytest.mark.parametrize(
    "foreign",
    [
        {},
        [],
        "text",
        None,
        {"test_name": "shop", "timestamp": "2026-03-04T05:06:07", "total_requests": 9},
        document(timestamp="yesterday"),
        document(timestamp=5),
        document(test_name=5),
        document(verdict="GREEN"),
        document(successful=5),
        document(successful={"p95_response_time": "fast"}),
        document(requests_per_second=True),
        document(users_peak="many"),
        document(search={"kind": "stress"}),
        document(search=5),
    ],
)
def test_a_document_of_somebody_else_is_refused(foreign):
    with pytest.raises(ValueError, match=r"not the metrics\.json of a run"):
        past_run(foreign, "d")


def test_a_time_without_a_zone_is_utc():
    assert (
        past_run(document(timestamp="2026-03-04T05:06:07"), "d").started_at.isoformat() == "2026-03-04T05:06:07+00:00"
    )
