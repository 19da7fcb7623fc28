"""What the pages of the web interface show, worded as in the reports."""

from __future__ import annotations

import json

import pytest

from loadproof.result import Intervention
from loadproof.supervisor.searching import LevelNow
from loadproof.supervisor.viewing import (
    MOST_ENDPOINTS,
    summary_of,
    tables_of,
    view_of_result,
    view_of_running,
)
from progress_factory import progress_of
from results_factory import (
    NASTY,
    capacity_result,
    empty_result,
    many_names_result,
    open_result,
    result_of,
    rich_result,
    sample,
    small_result,
    stress_result,
)


def figures(pairs):
    return {label: value for label, value, _ in pairs}


def bad(pairs):
    return {label for label, _, is_bad in pairs if is_bad}


def test_a_run_that_goes_on_shows_how_far_it_is_and_its_figures():
    view = view_of_running(progress_of(small_result()), "run-1")
    assert (view["test"], view["run"], view["state"], view["tone"]) == ("checkout", "run-1", "RUNNING", "unfinished")
    assert view["line"] == "0:09 of 1:00"
    assert view["users"] == "3 of 5"
    totals = figures(view["totals"])
    assert totals["Requests"] == "100"
    assert totals["Failed"] == "3 (3%)"
    assert totals["Rate"] == "10/s"
    assert totals["Exceptions"] == "2"
    assert totals["Unfinished"] == "3"
    assert bad(view["totals"]) == {"Failed", "Exceptions"}
    assert view["arrivals"] is None
    assert view["answer"] == ""


def test_a_rule_shows_its_value_beside_its_limit_and_why_it_fails():
    view = view_of_running(progress_of(small_result(), rules=("requests > 10", "error_rate < 1%")), "run-1")
    passed, failed = view["rules"]
    assert (passed["outcome"], passed["value"], passed["limit"], passed["tone"]) == ("PASS", "100", "10", "pass")
    assert (failed["outcome"], failed["mark"], failed["value"], failed["limit"]) == ("FAIL", "✗", "3%", "1%")
    assert failed["note"]


def test_endpoints_have_percentiles_of_both_times_worst_first():
    view = view_of_running(progress_of(small_result()), "run-1")
    assert view["quantiles"] == ["p50", "p90", "p95", "p99", "p99.9"]
    by_name = {each["name"]: each for each in view["endpoints"]}
    assert [each["name"] for each in view["endpoints"]] == ["/buy", "checkout", "/read"]
    assert by_name["/buy"]["failing"]
    assert by_name["/buy"]["failed"] == "3"
    # 90 requests of 1 ms, 2 ms, ... 90 ms.
    assert by_name["/read"]["response"] == ["45 ms", "81 ms", "86 ms", "~90 ms", "~90 ms"]
    assert by_name["/read"]["service"] == by_name["/read"]["response"]
    assert by_name["/read"]["rate"] == "9/s"


def test_failures_are_listed_by_kind_and_place_most_frequent_first():
    view = view_of_running(progress_of(small_result()), "run-1")
    assert view["errors"] == [
        {"count": "2", "kind": "timeout", "where": "POST /buy"},
        {"count": "1", "kind": "http_503", "where": "POST /buy"},
    ]


def test_an_open_model_shows_what_was_offered_achieved_dropped_and_late():
    result = open_result()
    arrivals = figures(view_of_running(progress_of(result), "run-1")["arrivals"])
    record = result.record.arrivals
    assert arrivals["Arrivals due"] == str(record.offered)
    assert arrivals["Started"] == str(record.started)
    assert arrivals["Dropped"].startswith(f"{record.dropped} (")
    assert arrivals["Started late"].startswith(f"{record.late} (")
    assert arrivals["Offered"] == "50/s"
    assert view_of_result(result)["arrivals"] == view_of_running(progress_of(result), "run-1")["arrivals"]
    assert "Dropped" in bad(view_of_result(result)["arrivals"])


def test_the_generator_shows_its_cautions_and_what_cannot_be_judged():
    result = open_result()
    assert result.health.doubts
    view = view_of_result(result)
    assert view["cautions"] == list(result.health.notes)
    assert view["doubts"] == [{"quantity": each.quantity, "reason": each.reason} for each in result.health.doubts]
    assert figures(view_of_result(small_result())["generator"])["CPU, peak of a core"] == "41%"


@pytest.mark.parametrize(("make", "load"), [(stress_result, "users"), (capacity_result, "/s")])
def test_a_search_shows_its_level_and_those_that_are_over(make, load):
    result = make()
    view = view_of_result(result)
    assert view["answer"] == result.search.reason
    assert [level["number"] for level in view["levels"]] == [str(level.number) for level in result.levels]
    assert all(load in level["load"] for level in view["levels"])
    assert {level["outcome"] for level in view["levels"]} == {str(level.outcome) for level in result.levels}
    now = LevelNow(4, 40.0, "users", "step", 12.0, 22.0)
    assert "level 4: 40 users (step), settling" in view_of_running(progress_of(result, level=now), "r")["line"]
    assert "judged" in view_of_running(progress_of(result, level=now, elapsed=15.0), "r")["line"]


def test_warm_up_pause_and_end_are_said():
    view = view_of_running(progress_of(small_result(), measured_from=12.0), "r")
    assert view["line"] == "0:09 of 1:00, warm-up, 0:03 left of it"
    paused = view_of_running(
        progress_of(small_result(), paused=True, interventions=(Intervention(4.0, "paused"),)), "r"
    )
    assert paused["state"] == "PAUSED"
    assert "paused" in paused["reason"]
    assert view_of_running(progress_of(small_result(), ending=True), "r")["state"] == "ENDING"
    assert view_of_running(progress_of(small_result(), run_time=None, users_wanted=None), "r")["line"] == "0:09"


def test_a_run_that_is_over_shows_its_outcome_and_why():
    result = rich_result(seconds=20)
    view = view_of_result(result)
    assert (view["state"], view["tone"]) == (str(result.outcome), str(result.outcome).lower())
    assert view["reason"] == result.exit_reason
    assert view["line"].endswith(f"exit code {result.exit_code}")
    assert summary_of(result)["state"] == str(result.outcome)
    assert summary_of(result)["run"] == result.run_id


def test_the_empty_run_has_dashes_and_no_zero_that_was_never_measured():
    view = view_of_result(empty_result())
    totals = figures(view["totals"])
    assert totals["Requests"] == "0"
    assert totals["Rate"] == totals["p99"] == "–"  # noqa: RUF001 - the dash of the reports
    assert view["endpoints"] == view["errors"] == []


def test_thousands_of_endpoints_are_cut_and_counted():
    view = view_of_result(many_names_result(2_000))
    assert len(view["endpoints"]) == MOST_ENDPOINTS
    assert view["left_out"] == 2_000 - MOST_ENDPOINTS


def test_what_comes_from_outside_has_no_control_codes_and_stays_as_it_is_otherwise():
    view = view_of_result(result_of([sample(f"{NASTY}\x1b[31m\x00", kind="a\nb")]))
    assert view["endpoints"][0]["name"] == f"{NASTY}�[31m�"
    assert view["errors"][0]["kind"] == "a�b"


@pytest.mark.parametrize("make", [small_result, empty_result, open_result, stress_result, capacity_result])
def test_it_is_plain_values(make):
    for view in (view_of_result(make()), view_of_running(progress_of(make()), "r")):
        assert json.loads(json.dumps(view))["test"].startswith("checkout")


def test_the_tables_of_locust_s_page_have_the_same_figures():
    view = view_of_result(small_result())
    rules, percentiles = tables_of(view)
    assert [row["name"] for row in rules["data"]] == [rule["rule"] for rule in view["rules"]]
    (read,) = [row for row in percentiles["data"] if row["name"] == "GET /read"]
    assert (read["requests"], read["responseP50"], read["responseP999"], read["serviceP95"]) == (
        "90", "45 ms", "~90 ms", "86 ms",
    )  # fmt: skip
    assert [table["data"] for table in tables_of(None)] == [[], []]
