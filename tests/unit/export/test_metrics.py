import json
from dataclasses import replace

import pytest

from loadproof.export import metrics_of, render_metrics
from loadproof.judge import evaluate_all
from loadproof.plan.thresholds import parse_threshold
from loadproof.record import Recorder, RunRecord, Sample
from loadproof.result import GeneratorHealth, Outcome, RunResult, ScriptError

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
    assert metrics["schema_version"] == 1
    assert metrics["thresholds"] == [
        {"rule": "exceptions = 0", "outcome": "FAIL", "observed": 3, "unit": "count", "samples": 3},
        {"rule": "error_rate < 1%", "outcome": "FAIL", "observed": 2 / 132, "unit": "ratio", "samples": 132},
    ]


def test_the_health_of_the_generator_carries_its_units():
    health = GeneratorHealth(
        cpu_mean=0.25,
        cpu_max=0.5,
        loop_lag_p99=0.002,
        loop_lag_max=0.01,
        kernel_clock_share=1.0,
        fallbacks={"hooks": 3},
        notes=("a note",),
    )
    assert metrics_of(replace(EMPTY, health=health))["health"] == {
        "cpu_mean_ratio": 0.25,
        "cpu_max_ratio": 0.5,
        "loop_lag_p99_s": 0.002,
        "loop_lag_max_s": 0.01,
        "kernel_clock_ratio": 1.0,
        "fallbacks": {"hooks": 3},
        "notes": ["a note"],
    }


@pytest.mark.parametrize("result", [EMPTY, BUSY], ids=["empty", "busy"])
def test_the_text_is_json_that_reads_back_the_same(result):
    text = render_metrics(result)
    assert json.loads(text) == metrics_of(result)
    assert text.endswith("}\n")


def test_names_are_written_as_they_are():
    assert '"name": "/größe/日本"' in render_metrics(result_of(request(0.1, name="/größe/日本")))


def test_a_number_that_json_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        render_metrics(replace(EMPTY, measured_from=float("nan")))
