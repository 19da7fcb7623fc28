import json
from dataclasses import replace

import pytest

from loadproof.export import metrics_of, render_metrics
from loadproof.judge import evaluate_all
from loadproof.plan.thresholds import parse_threshold
from loadproof.record import Recorder, RunRecord, Sample
from loadproof.result import Coverage, Declared, Doubt, GeneratorHealth, Outcome, RunResult, ScriptError
from results_factory import arrivals_health, capacity_result, checked_result, open_result, stress_result

TIMES = tuple(f"{figure}_response_time" for figure in ("average", "median", "p95", "p99", "min", "max"))


def request(took, *, name="/a", method="GET", outcome="success", status=200, kind=None, connect=0.0, size=0):
    kind = kind or ("timeout" if outcome == "failure" else None)
    return Sample(
        name,
        method,
        0.0,
        0.0,
        took,
        connect_time=connect,
        status=status,
        outcome=outcome,
        kind=kind,
        bytes_received=size,
    )


def result_of(*samples, users=0, **fields):
    recorder, record = Recorder("local"), RunRecord()
    for sample in samples:
        recorder.record(sample)
    record.merge(recorder.interval({}))
    if users:
        record.set_users(1.0, {"Buyer": users})
    result = RunResult(
        run_id="20260304T050607-abcdef",
        test_name="checkout",
        kind="load",
        started_at="2026-03-04T05:06:07+00:00",
        plan={},
        environment={},
        record=record,
        measured_to=10.0,
        finished=True,
    )
    return replace(result, **fields)


EMPTY = result_of(measured_to=0.0)

BUSY = result_of(
    *(request(i / 1024) for i in range(1, 129)),
    *(request(0.5, name="/buy", method="POST", outcome="expected", status=409, size=10) for _ in range(2)),
    request(4.0, name="/buy", method="POST", outcome="failure", status=None),
    request(2.0, name="/buy", method="POST", outcome="failure", status=503, kind="http_503"),
    request(9.0, name="checkout", method="FLOW", status=None),
    users=7,
)


def test_an_empty_run_has_no_figures_and_no_zeros_for_them():
    metrics = metrics_of(EMPTY)
    absent = (*TIMES, "requests_per_second", "error_rate", "successful", "users_peak", "verdict", "exit_code", "abort")
    assert {key: metrics[key] for key in absent} == dict.fromkeys(absent)
    assert set(metrics["service_time"].values()) == {None}
    assert [metrics[key] for key in ("total_requests", "successful_requests", "failed_requests")] == [0, 0, 0]
    assert (metrics["endpoints"], metrics["error_types"], metrics["statuses"]) == ([], {}, {})
    assert {key: value for key, value in metrics["health"].items() if value is not None} == {
        "fallbacks": {},
        "doubts": [],
        "notes": [],
    }


def test_the_keys_that_readers_know_are_there():
    known = {
        "total_requests",
        "successful_requests",
        "failed_requests",
        *TIMES,
        "requests_per_second",
        "error_rate",
        "total_duration",
        "test_name",
        "timestamp",
    }
    assert known <= set(metrics_of(EMPTY))
    assert set(metrics_of(EMPTY)) == set(metrics_of(BUSY))


def test_counts_are_of_requests_and_expected_answers_are_successes():
    metrics = metrics_of(BUSY)
    assert metrics["total_requests"] == 132
    assert metrics["successful_requests"] == 130
    assert metrics["failed_requests"] == 2
    assert metrics["expected_requests"] == 2


def test_times_are_those_of_all_requests():
    metrics = metrics_of(BUSY)
    total = sum(i / 1024 for i in range(1, 129)) + 2 * 0.5 + 4.0 + 2.0
    assert metrics["average_response_time"] == pytest.approx(total / 132)
    assert metrics["median_response_time"] == pytest.approx(66 / 1024, rel=1e-3)
    assert metrics["p95_response_time"] == pytest.approx(126 / 1024, rel=1e-3)
    assert metrics["p99_response_time"] == pytest.approx(2.0, rel=1e-3)
    assert metrics["min_response_time"] == pytest.approx(1 / 1024, abs=1e-9)
    assert metrics["max_response_time"] == pytest.approx(4.0)


def test_times_of_successes_stand_beside_them():
    successful = metrics_of(BUSY)["successful"]
    assert tuple(successful) == TIMES
    assert successful["average_response_time"] == pytest.approx(129 / 2 / 1024, abs=1e-9)
    assert successful["max_response_time"] == pytest.approx(128 / 1024)


def test_a_run_without_a_success_has_no_times_of_successes():
    metrics = metrics_of(result_of(request(0.25, outcome="failure"), request(0.25, outcome="expected")))
    assert metrics["successful"] is None
    assert metrics["average_response_time"] == 0.25


@pytest.mark.parametrize(
    ("failed", "total", "percent"), [(2, 1200, 0.1667), (0, 3, 0.0), (3, 3, 100.0), (1, 3, 33.3333)]
)
def test_the_error_rate_is_percent_to_four_places(failed, total, percent):
    requests = [request(0.1, outcome="failure")] * failed + [request(0.1)] * (total - failed)
    assert metrics_of(result_of(*requests))["error_rate"] == percent


def test_requests_per_second_are_finished_requests_over_the_measured_part():
    metrics = metrics_of(replace(BUSY, measured_from=4.0, measured_to=12.0))
    assert metrics["requests_per_second"] == 132 / 8
    assert (metrics["measured_from_s"], metrics["measured_to_s"], metrics["total_duration"]) == (4.0, 12.0, 8.0)


def test_service_time_carries_its_unit():
    service = metrics_of(result_of(request(0.25, connect=0.5), request(0.25)))["service_time"]
    assert tuple(service) == ("average_s", "median_s", "p95_s", "p99_s", "min_s", "max_s")
    assert (service["average_s"], service["min_s"], service["max_s"]) == pytest.approx((0.5, 0.25, 0.75))


def test_errors_are_counted_by_kind_and_answers_by_status():
    metrics = metrics_of(BUSY)
    assert metrics["error_types"] == {"http_503": 1, "timeout": 1}
    assert metrics["statuses"] == {"200": 128, "409": 2, "503": 1}
    assert metrics["bytes_received"] == 20


def test_every_endpoint_has_its_own_figures():
    metrics = metrics_of(BUSY)
    buy = next(each for each in metrics["endpoints"] if each["name"] == "/buy")
    assert [(each["method"], each["name"], each["in_totals"]) for each in metrics["endpoints"]] == [
        ("FLOW", "checkout", False),
        ("GET", "/a", True),
        ("POST", "/buy", True),
    ]
    assert (buy["requests"], buy["failures"], buy["expected"], buy["error_rate"]) == (4, 2, 2, 50.0)
    assert buy["requests_per_second"] == 0.4
    assert buy["average_response_time"] == pytest.approx(1.75)
    assert buy["max_response_time"] == pytest.approx(4.0)
    assert buy["error_types"] == {"http_503": 1, "timeout": 1}
    assert sum(each["requests"] for each in metrics["endpoints"] if each["in_totals"]) == metrics["total_requests"]


def test_what_a_run_came_to_is_said():
    rules = [parse_threshold(text, source="default") for text in ("exceptions = 0", "error_rate < 1%")]
    error = ScriptError("Buyer", "buy", "KeyError", "'basket'", "", 3)
    judged = replace(BUSY, exceptions=(error,), unfinished=4, unrecorded=1, rows_dropped=12, workers=2)
    judged = replace(
        judged, verdicts=evaluate_all(rules, judged), outcome=Outcome.FAIL, exit_code=99, exit_reason="failed"
    )
    metrics = metrics_of(replace(judged, abort="interrupted"))
    assert (metrics["verdict"], metrics["exit_code"], metrics["exit_reason"]) == ("FAIL", 99, "failed")
    assert (metrics["exceptions"], metrics["unfinished"], metrics["unrecorded"]) == (3, 4, 1)
    assert (metrics["rows_dropped"], metrics["workers"], metrics["users_peak"]) == (12, 2, 7)
    assert (metrics["abort"], metrics["run_id"]) == ("interrupted", "20260304T050607-abcdef")
    assert (metrics["test_name"], metrics["timestamp"]) == ("checkout", "2026-03-04T05:06:07+00:00")
    assert metrics["schema_version"] == 3
    shown = ("rule", "outcome", "observed", "limit", "unit", "samples", "at_s", "reason")
    assert [tuple(each[key] for key in shown) for each in metrics["thresholds"]] == [
        ("exceptions = 0", "FAIL", 3, 0.0, "count", 3, None, "3 is not 0"),
        ("error_rate < 1%", "FAIL", 2 / 132, 0.01, "ratio", 132, None, "1.52% is >= 1%"),
    ]


def test_a_rule_stands_with_its_interval_its_window_and_whether_it_decides():
    by_rule = {each["rule"]: each for each in metrics_of(checked_result())["thresholds"]}
    window = by_rule["error_rate < 20% within 5s abort"]
    assert (window["observed"], window["limit"], window["interval"], window["at_s"]) == (0.14, 0.2, [0.07, 0.26], 7.0)
    assert window["decisive"] is True
    missing = by_rule["throughput > 5/s over 4s"]
    assert (missing["observed"], missing["limit"], missing["interval"], missing["at_s"]) == (None, 5.0, None, None)


def test_what_the_script_measured_is_in_its_own_unit_and_no_endpoint():
    metrics = metrics_of(checked_result())
    assert set(metrics["measured"]) == {"queue_depth", "cart.total"}
    depth = metrics["measured"]["queue_depth"]
    assert (depth["count"], depth["average"], depth["min"], depth["max"]) == (100, 13.0, 1.0, 25.0)
    assert depth["p95"] == pytest.approx(24, rel=1e-3)
    assert metrics["measured"]["cart.total"]["median"] == 1234.5
    assert "MEASURE" not in {each["method"] for each in metrics["endpoints"]}
    assert metrics_of(BUSY)["measured"] == {}


def test_coverage_says_what_never_ran_and_how_likely_the_mix_is():
    assert metrics_of(checked_result())["coverage"] == {
        "declared": 7,
        "hit": 5,
        "missed": 1,
        "missed_names": ["POST /refund"],
        "not_due": 1,
        "not_due_names": ["Buyer.complain"],
        "unexpected": 2,
        "unexpected_requests": {"POST /buy": 10, "GET /metrics": 1},
        "mix_probability": {"Browser": 0.0006, "Buyer": 0.058},
    }
    assert metrics_of(BUSY)["coverage"] is None


def test_lists_of_names_are_bounded_and_their_numbers_are_whole():
    coverage = Coverage(
        declared=tuple(Declared(f"/{i}", "GET", "expect", 0) for i in range(150)),
        unexpected=tuple((f"GET /x{i}", 1) for i in range(2_000)),
    )
    metrics = metrics_of(replace(EMPTY, coverage=coverage))["coverage"]
    assert (metrics["missed"], len(metrics["missed_names"])) == (150, 100)
    assert (metrics["unexpected"], len(metrics["unexpected_requests"])) == (2_000, 100)


def test_a_comparison_is_its_verdict_and_what_got_worse():
    comparison = metrics_of(checked_result())["comparison"]
    assert comparison["verdict"] == "REGRESSED"
    assert comparison["baseline_run_ids"] == ["20260303T050607-fedcba"]
    changes = ("improved", "regressed", "equivalent", "inconclusive")
    assert [comparison[change] for change in changes] == [1, 1, 3, 2]
    assert comparison["regressions"] == [
        {
            "name": "/buy",
            "method": "POST",
            "metric": "p95(response_time)",
            "unit": "s",
            "baseline": 0.2,
            "candidate": 0.31,
            "ratio": 1.55,
            "interval": [1.31, 1.84],
        }
    ]
    assert comparison["remarks"] == ["The baseline ran on 8 CPUs, the candidate on 4."]
    assert metrics_of(BUSY)["comparison"] is None


def test_the_health_of_the_generator_carries_its_units():
    health = GeneratorHealth(
        cpu_mean=0.25,
        cpu_max=0.5,
        loop_lag_p99=0.002,
        loop_lag_max=0.01,
        kernel_clock_share=1.0,
        gc_pause_max=0.004,
        starved=0.25,
        fallbacks={"hooks": 3},
        doubts=(Doubt("throughput", "starved", pass_stands=True),),
        notes=("a note",),
    )
    assert metrics_of(replace(EMPTY, health=health))["health"] == {
        "cpu_mean_ratio": 0.25,
        "cpu_max_ratio": 0.5,
        "loop_lag_p99_s": 0.002,
        "loop_lag_max_s": 0.01,
        "kernel_clock_ratio": 1.0,
        "gc_pause_max_s": 0.004,
        "starved_ratio": 0.25,
        "fallbacks": {"hooks": 3},
        "doubts": [{"quantity": "throughput", "reason": "starved", "breach_stands": False, "pass_stands": True}],
        "notes": ["a note"],
    }


ARRIVALS = (
    *("offered", "started", "offered_per_second", "started_per_second", "dropped", "dropped_rate", "late"),
    *("start_lag_p99_s", "iterations"),
)


def test_a_closed_run_knows_nothing_of_arrivals_and_has_searched_nothing():
    metrics = metrics_of(BUSY)
    assert {key: metrics[key] for key in ARRIVALS} == dict.fromkeys(ARRIVALS)
    assert metrics["levels"] == []
    assert not {"search", "capacity"} & set(metrics)


def test_an_open_run_says_what_was_offered_and_what_became_of_it():
    metrics = metrics_of(open_result())
    assert (metrics["offered"], metrics["started"], metrics["dropped"], metrics["late"]) == (900, 860, 40, 17)
    assert (metrics["offered_per_second"], metrics["started_per_second"]) == (50.0, 860 / 18)
    assert metrics["dropped_rate"] == 40 / 900
    assert metrics["start_lag_p99_s"] == pytest.approx(0.012, rel=1e-3)
    assert (metrics["measured_from_s"], metrics["measured_to_s"], metrics["total_requests"]) == (2.0, 20.0, 861)
    iterations = metrics["iterations"]
    assert (iterations["count"], iterations["failed"]) == (861, 0)
    assert iterations["max_s"] == pytest.approx(2.01, rel=1e-3)


def test_an_open_run_in_which_nothing_was_due_has_counts_but_no_rates():
    metrics = metrics_of(replace(EMPTY, health=arrivals_health(EMPTY.record.arrivals)))
    assert (metrics["offered"], metrics["dropped"]) == (0, 0)
    assert (metrics["offered_per_second"], metrics["dropped_rate"], metrics["start_lag_p99_s"]) == (None, None, None)


def test_response_times_start_when_a_request_was_due_and_service_times_when_it_was_sent():
    late = Sample("/a", "GET", 0.0, 0.5, 0.75, status=200)
    metrics = metrics_of(result_of(late))
    assert tuple(metrics["response_time"]) == tuple(metrics["service_time"])
    assert metrics["response_time"]["max_s"] == pytest.approx(0.75)
    assert metrics["response_time"]["max_s"] == metrics["max_response_time"]
    assert metrics["service_time"]["max_s"] == pytest.approx(0.25)


def test_iterations_that_failed_are_counted_and_no_requests():
    metrics = metrics_of(
        result_of(
            request(1.0, name="U.buy", method="ITERATION", status=None),
            request(2.0, name="U.buy", method="ITERATION", outcome="failure", status=None, kind="exception"),
            request(0.5, name="/login", method="POST setup"),
        )
    )
    assert (metrics["iterations"]["count"], metrics["iterations"]["failed"]) == (2, 1)
    assert metrics["iterations"]["average_s"] == pytest.approx(1.5)
    assert metrics["total_requests"] == 0
    assert [each["in_totals"] for each in metrics["endpoints"]] == [False, False]


def test_a_stress_test_says_where_the_service_broke():
    metrics = metrics_of(stress_result())
    assert metrics["search"] == {
        "kind": "stress",
        "outcome": "broke",
        "unit": "users",
        "breaking_level": 20.0,
        "last_good_level": 15.0,
        "max_level": 20.0,
        "metric": "error_rate",
    }
    assert "capacity" not in metrics


def test_a_capacity_stands_with_its_interval_and_what_limits_it():
    result = capacity_result()
    metrics = metrics_of(result)
    assert metrics["search"]["kind"] == "capacity"
    assert metrics["capacity"] == {
        "rate_per_second": 31.0,
        "low_per_second": 31.0,
        "high_per_second": 32.5,
        "limited_by": "p95(response_time)",
    }
    limited = replace(result.search, outcome="generator_limited", high=None, metric=None)
    assert metrics_of(replace(result, search=limited))["capacity"] == {
        "rate_per_second": None,
        "low_per_second": 31.0,
        "high_per_second": None,
        "limited_by": "generator",
    }


def test_every_level_has_its_own_figures():
    metrics = metrics_of(stress_result())
    first, last = metrics["levels"][0], metrics["levels"][-1]
    assert [each["target"] for each in metrics["levels"]] == [5.0, 10.0, 15.0, 20.0, 20.0]
    assert (first["number"], first["unit"], first["role"], first["outcome"]) == (1, "users", "step", "PASS")
    assert (first["metric"], first["reason"], first["offered"], first["iterations"]) == (None, "", None, None)
    assert (first["measured_from_s"], first["measured_to_s"]) == (2.0, 12.0)
    assert (first["requests"], first["requests_per_second"], first["error_rate"]) == (495, 49.5, 0.0)
    assert first["p95_response_time"] == pytest.approx(0.059, rel=1e-3)
    assert (last["role"], last["outcome"], last["metric"]) == ("repeat", "FAIL", "error_rate")
    assert (last["failures"], last["error_rate"]) == (248, 12.5253)
    assert last["successful"]["max_response_time"] == pytest.approx(0.059, rel=1e-3)
    assert [each["outcome"] for each in last["thresholds"]] == ["FAIL", "PASS"]
    assert metrics["total_requests"] == sum(each["requests"] for each in metrics["levels"])


def test_levels_of_rates_know_their_arrivals():
    level = metrics_of(capacity_result())["levels"][1]
    assert (level["offered"], level["offered_per_second"], level["dropped"], level["dropped_rate"]) == (
        800,
        40.0,
        0,
        0.0,
    )
    assert level["iterations"]["count"] < 800
    assert level["start_lag_p99_s"] == pytest.approx(0.0001, rel=1e-3)


SEARCHED = [open_result(), stress_result(), capacity_result(), checked_result()]


@pytest.mark.parametrize(
    "result", [EMPTY, BUSY, *SEARCHED], ids=["empty", "busy", "open", "stress", "capacity", "checked"]
)
def test_the_text_is_json_that_reads_back_the_same(result):
    text = render_metrics(result)
    assert json.loads(text) == metrics_of(result)
    assert text.endswith("}\n")


def test_names_are_written_as_they_are():
    assert '"name": "/größe/日本"' in render_metrics(result_of(request(0.1, name="/größe/日本")))


def test_a_number_that_json_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        render_metrics(replace(EMPTY, measured_from=float("nan")))
