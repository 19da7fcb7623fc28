"""Load tests of the services suite, as its document types them: what they do, measure, write and decide."""

from __future__ import annotations

import bisect
import json
import math
import re
import statistics
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from commandline import free_port
from loadproof.result import RunResult

DOCUMENTED_COLUMNS = [
    "timestamp", "endpoint", "method", "status_code", "response_time", "success", "error_message", "response_size",
]  # fmt: skip
DOCUMENTED_KEYS = {
    "total_requests", "successful_requests", "failed_requests", "average_response_time", "p95_response_time",
    "requests_per_second", "error_rate",
}  # fmt: skip


def times(ended):
    return sorted(float(row["response_time"]) for row in ended.rows)


def nearest_rank(values, percent):
    return values[math.ceil(percent * len(values) / 100) - 1]


def endpoints(directory):
    return {each["name"] for each in json.loads((directory / "metrics.json").read_text())["endpoints"]}


@pytest.fixture(params=["loaded", "failing"])
def measured(request):
    """A run without and one with failures: figures must agree in both."""
    return request.getfixturevalue(request.param)


@pytest.mark.long
def test_s4_01_a_load_test_keeps_its_number_of_users(loaded):
    assert loaded.code == 0, loaded.out + loaded.err
    assert loaded.metrics["users_peak"] == 6
    windows = RunResult.load(loaded.directory).record.windows()
    assert {round(window.users) for window in windows[1:4]} == {6}
    assert (loaded.run["plan"]["users"], loaded.run["plan"]["run_time"]) == (6, 4)


def test_s4_04_a_report_is_written_by_itself_and_its_place_is_said(loaded):
    report = loaded.directory / "report.html"
    assert f"Report: {report.relative_to(loaded.cwd)}" in loaded.out
    assert report.read_text().startswith("<!doctype html>")


@pytest.mark.long
def test_s4_05_a_build_server_sees_by_the_exit_code_how_it_went(loaded, failing):
    assert loaded.code == 0
    assert failing.code == 99, failing.out + failing.err
    assert "error_rate" in failing.metrics["exit_reason"]


def test_every_request_that_the_service_answered_is_counted(loaded):
    assert 0 <= loaded.answered - loaded.metrics["total_requests"] <= loaded.metrics["unfinished"]


@pytest.mark.long
def test_s4_21_a_limit_of_requests_per_second_is_one_of_the_run_at_every_moment(suite):
    ended = suite.run("python3", "scripts/performance_test.py", "load", "pkd_service", "--users", "12", "--duration", "12", "--rps", "40")  # fmt: skip
    assert ended.code == 0, ended.out + ended.err
    assert 40 * 0.7 < ended.metrics["requests_per_second"] <= 40 * 1.05
    sent = sorted(datetime.fromisoformat(row["timestamp"]).timestamp() for row in ended.rows)
    begin, end = sent[0] + 5, sent[-1]
    windows = [at for at in sent if begin <= at <= end - 5]
    assert len(windows) > 20
    assert max(bisect.bisect_left(sent, at + 5) - bisect.bisect_left(sent, at) for at in windows) <= 40 * 5 * 1.05


def test_s4_24_the_average_is_the_mean_of_all_requests(measured):
    assert measured.metrics["average_response_time"] == pytest.approx(statistics.fmean(times(measured)), rel=1e-6)


@pytest.mark.parametrize("percent", [50, 95, 99])
def test_s4_25_26_27_percentiles_are_by_nearest_rank(measured, percent):
    key = "median_response_time" if percent == 50 else f"p{percent}_response_time"
    values, found = times(measured), measured.metrics[key]
    assert found == pytest.approx(nearest_rank(values, percent), rel=0.0011)
    within = sum(value <= found * 1.0011 for value in values)
    assert within >= len(values) * percent / 100, "so many completed within it"


def test_s4_28_requests_per_second_are_all_requests_over_the_whole_time(measured):
    metrics = measured.metrics
    assert metrics["requests_per_second"] == pytest.approx(len(measured.rows) / metrics["total_duration"])
    assert metrics["total_duration"] == pytest.approx(measured.run["plan"]["run_time"], abs=1.5)


def test_s4_29_the_total_is_the_number_of_rows(measured):
    assert measured.metrics["total_requests"] == len(measured.rows) > 0


def test_s4_30_successful_is_what_was_answered_with_2xx_or_3xx(measured):
    good = [row for row in measured.rows if row["status_code"] and 200 <= int(row["status_code"]) < 400]
    assert (
        measured.metrics["successful_requests"] == len(good) == sum(row["success"] == "true" for row in measured.rows)
    )


def test_s4_30_a_redirect_that_leads_somewhere_is_a_success(failing):
    redirected = [row for row in failing.rows if row["endpoint"] == "/health/" and row["success"] == "true"]
    assert len(redirected) > 5, "the service answers /health/ with 307 to /health"


def test_s4_31_the_error_rate_is_the_percentage_of_failed_requests(measured):
    failed = sum(row["success"] == "false" for row in measured.rows)
    assert measured.metrics["error_rate"] == pytest.approx(100 * failed / len(measured.rows), abs=1e-4)


def test_s4_32_failed_requests_are_counted(measured, failing):
    assert measured.metrics["failed_requests"] == sum(row["success"] == "false" for row in measured.rows)
    assert failing.metrics["failed_requests"] > 0


def test_s4_33_errors_are_broken_down_by_their_types(failing):
    kinds = Counter(row["error_message"].partition(":")[0] for row in failing.rows if row["success"] == "false")
    assert failing.metrics["error_types"] == kinds
    assert {"http_500", "timeout", "connection_refused"} <= kinds.keys()
    assert "Errors by kind" in failing.out


def test_s4_38_results_are_in_a_directory_by_kind_service_and_time(loaded):
    name = re.fullmatch(r"load_test_pkd_service_(\d{8}_\d{6})", loaded.directory.name)
    assert name
    assert abs(datetime.now().astimezone() - datetime.strptime(name[1] + "+0000", "%Y%m%d_%H%M%S%z")) < timedelta(
        days=1
    )
    assert loaded.directory.parent == loaded.cwd / "reports/performance"
    assert {"results.csv", "metrics.json", "report.html"} <= {path.name for path in loaded.directory.iterdir()}


def test_s4_39_every_request_has_a_row_with_the_documented_columns(loaded, failing):
    assert list(loaded.rows[0])[:8] == DOCUMENTED_COLUMNS
    for row in [*loaded.rows, *failing.rows]:
        sent = datetime.fromisoformat(row["timestamp"])
        assert sent.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - sent) < timedelta(hours=1)
        assert row["method"] == "GET"
        assert row["endpoint"].startswith("/")
        assert float(row["response_time"]) >= 0
        assert (row["success"] == "true") == (row["error_message"] == "")
    sizes = {int(row["response_size"]) for row in loaded.rows if row["endpoint"] == "/v1/crl"}
    assert len(sizes) == 1
    assert sizes.pop() > 100
    refused = [row for row in failing.rows if row["error_message"].startswith("connection_refused")]
    assert {row["status_code"] for row in refused} == {""}


def test_s4_40_metrics_json_has_the_documented_keys_in_seconds_and_percent(loaded, failing):
    assert loaded.metrics.keys() >= DOCUMENTED_KEYS
    more = ("median", "p99", "min", "max")
    assert {
        "test_name",
        "timestamp",
        "total_duration",
        *(f"{each}_response_time" for each in more),
    } <= loaded.metrics.keys()
    assert loaded.metrics["error_rate"] == 0
    assert 5 < failing.metrics["error_rate"] <= 100
    assert 0.6 < failing.metrics["max_response_time"] < 5


def test_s4_41_the_report_is_interactive_and_has_figures_status_thresholds_and_configuration(loaded):
    page = (loaded.directory / "report.html").read_text()
    for heading in ("Thresholds", "Endpoints", "Configuration"):
        assert re.search(rf"<h2[^>]*>{heading}", page), heading
    assert "error_rate: warn &gt;= 1%, fail &gt;= 5%" in page
    assert "PASS" in page
    assert "http://127.0.0.1" in page
    assert "<script" in page
    assert not re.search(r"""(?:src|href)=["']?https?://""", page), "one file, nothing from outside"


def test_the_api_key_is_in_no_file_of_the_results(loaded):
    for path in loaded.directory.iterdir():
        assert "test_api_key" not in path.read_text(errors="ignore"), path.name


def test_s4_08_perf_test_is_the_quick_test(suite):
    quick, plain = (suite.run("make", target, PYTHON="echo").out for target in ("perf-test-quick", "perf-test"))
    assert plain == quick == "scripts/performance_test.py load all --users 5 --duration 30\n"


def test_s4_09_the_quick_test_puts_light_load_on_all_services(quick):
    suite, ended = quick
    assert ended.code == 0, ended.out + ended.err
    for name in ("pkd_service", "document_processing", "ui_app"):
        (directory,) = suite.directories(f"load_test_{name}")
        metrics = json.loads((directory / "metrics.json").read_text())
        assert (metrics["verdict"], metrics["users_peak"], metrics["failed_requests"]) == ("PASS", 5, 0)


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        pytest.param("pkd_service", {"/", "/docs", "/v1/masterlist", "/v1/dsclist", "/v1/crl"}, id="s4_48"),
        pytest.param("document_processing", {"/", "/api/health", "/api/ping", "/docs"}, id="s4_49"),
        pytest.param("ui_app", {"/", "/health", "/docs"}, id="s4_50"),
    ],
)
def test_s4_48_49_50_each_service_is_asked_for_its_endpoints(quick, services, name, paths):
    suite, _ = quick
    (directory,) = suite.directories(f"load_test_{name}")
    assert endpoints(directory) == paths
    assert paths <= services[name].state["paths"].keys()


def test_s4_51_reports_are_where_the_artefact_is_taken_from(quick):
    suite, _ = quick
    step = (suite.folder / "ci/github-actions.yml").read_text()
    assert "          make perf-test-quick\n" in step
    assert "          path: reports/performance/\n" in step
    assert len(list((suite.folder / "reports/performance").glob("*/report.html"))) == 3


def test_s4_13_reports_are_cleaned_and_nothing_else(suite):
    reports = suite.folder / "reports/performance"
    for name in (
        "load_test_ui_app_20260304_050607",
        "stress_test_ui_app_20260304_050607_2",
        "custom_test_20260304_050607",
    ):
        (reports / name).mkdir(parents=True)
    (reports / "notes").mkdir()
    ended = suite.run("make", "perf-reports-clean")
    assert ended.code == 0
    assert [path.name for path in reports.iterdir()] == ["notes"]
    assert suite.run("make", "perf-reports-clean").code == 0


def test_s4_59_a_service_that_does_not_run_is_said_in_the_documented_words(suite):
    port = str(free_port())
    for words in (
        ["./scripts/run_perf_test.sh", "pkd_service", "load", "10", "60"],
        ["python3", "scripts/performance_test.py", "stress", "pkd_service"],
    ):
        ended = suite.run(*words, PKD_SERVICE_PORT=port)
        assert ended.code == 3
        assert f"❌ Service pkd_service is not running on port {port}\n" in ended.err
        assert "start it: make run-pkd-service" in ended.err
    assert not (suite.folder / "reports").exists()


def test_s4_62_the_timeout_stands_in_the_configuration_of_the_test(failing):
    waited = [float(row["response_time"]) for row in failing.rows if row["error_message"].startswith("timeout")]
    assert waited
    assert all(0.69 < each < 3 for each in waited), "700 ms were configured"
