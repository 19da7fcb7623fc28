"""The Python API of the suite, up to the plan that it runs and from the run that it has made."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadproof.errors import UsageError
from loadproof.record.rows import HEADER, RowFormatter
from loadproof.suites.services import FOLDER
from loadproof.suites.services.framework import PerformanceTestFramework, RequestResult, RunResults
from results_factory import result_of, sample

CUSTOM = {
    "port": 8090,
    "endpoints": [{"path": "/api/custom", "method": "POST"}, {"path": "/api/status", "method": "GET"}],
    "auth_header": {"Authorization": "Bearer token"},
}


@pytest.fixture
def framework(monkeypatch):
    for name in ("SERVICES_HOST", "SERVICES_API_KEY", "PKD_SERVICE_PORT", "DOCUMENT_PROCESSING_PORT", "UI_APP_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(FOLDER)
    return PerformanceTestFramework()


@pytest.fixture
def results(tmp_path):
    directory = tmp_path / "load_test_custom_service_20260304_050607"
    directory.mkdir()
    samples = [sample("/a", "POST", end=1.0, took=0.25, status=201, bytes_received=12)]
    samples += [sample("/b", end=2.0, took=2.0, kind="timeout", message="timed out")]
    rows = RowFormatter(1_780_000_000.0, "1").format(samples)
    (directory / "results.csv").write_bytes(HEADER.encode() + b"\r\n" + rows)
    (directory / "metrics.json").write_text("{}")
    return RunResults(result_of(samples, directory=directory))


def test_the_services_of_the_plan_file_are_there(framework):
    configs = framework.service_configs
    assert {name: config["port"] for name, config in configs.items()} == {
        "pkd_service": 8088, "document_processing": 8080, "ui_app": 8000,
    }  # fmt: skip
    assert [each["path"] for each in configs["pkd_service"]["endpoints"]] == [
        "/", "/docs", "/v1/masterlist", "/v1/dsclist", "/v1/crl",
    ]  # fmt: skip
    assert configs["pkd_service"]["auth_header"] == {"X-API-Key": "test_api_key"}
    assert configs["ui_app"]["auth_header"] == {}


def test_the_parameters_have_the_documented_names_and_defaults():
    load = inspect.signature(PerformanceTestFramework.load_test).parameters
    stress = inspect.signature(PerformanceTestFramework.stress_test).parameters
    assert [(name, each.default) for name, each in list(load.items())[2:]] == [
        ("concurrent_users", 10), ("duration_seconds", 60), ("requests_per_second", None),
    ]  # fmt: skip
    assert [(name, each.default) for name, each in list(stress.items())[2:]] == [
        ("max_users", 100), ("ramp_up_time", 300),
    ]  # fmt: skip


def test_a_service_of_ones_own_becomes_a_plan_with_the_rules_of_the_file(framework):
    framework.service_configs["custom_service"] = CUSTOM
    plan = framework._plan("custom_service", {"users": 15, "run_time": 90})
    service = plan.target
    assert (plan.name, plan.users, plan.spawn_rate, plan.run_time) == ("custom_service", 15, 15, 90)
    assert service.base_url == "http://localhost:8090"
    assert [(each.method, each.path) for each in service.requests] == [("POST", "/api/custom"), ("GET", "/api/status")]
    assert service.headers == {"Authorization": "Bearer token"}
    assert "p95(response_time): warn >= 2s, fail >= 5s" in [rule.text for rule in plan.thresholds]
    assert plan.sources["services.custom_service.base_url"].startswith("loadproof.toml and service_configs: ")
    assert "/tmp" not in str(plan.sources) + str([rule.source for rule in plan.thresholds])


def test_services_of_the_file_stay_as_they_are_beside_it(framework):
    before = framework._plan("pkd_service", {})
    framework.service_configs["custom_service"] = CUSTOM
    assert framework._plan("pkd_service", {}).target == before.target


def test_what_is_changed_in_a_service_counts(framework):
    framework.service_configs["pkd_service"] |= {"port": 9999, "timeout": 2, "wait": 0}
    service = framework._plan("pkd_service", {}).target
    assert (service.base_url, service.timeout, service.wait) == ("http://localhost:9999", 2.0, 0.0)
    assert service.start == "make run-pkd-service"
    assert len(service.requests) == 5


def test_a_body_and_statuses_can_be_given_with_an_endpoint(framework):
    endpoint = {"path": "/orders", "method": "POST", "json": {"id": 1}, "expect": [201, 409], "name": "order"}
    framework.service_configs["shop"] = {"port": 1, "endpoints": [endpoint]}
    (request,) = framework._plan("shop", {}).target.requests
    assert (request.json_body, request.expect, request.name) == ({"id": 1}, (201, 409), "order")


def test_every_problem_of_a_configuration_is_said_with_its_place(framework):
    framework.service_configs["shop"] = {"endpoints": [], "timeuot": 3}
    with pytest.raises(UsageError) as caught:
        framework._plan("shop", {})
    assert {each.slug for each in caught.value.problems} == {"no-requests", "base-url", "unknown-key"}
    assert all(
        each.where.startswith("loadproof.toml and service_configs: services.shop") for each in caught.value.problems
    )


def test_a_service_that_is_not_configured_is_said(framework):
    with pytest.raises(UsageError, match="pkd_sevice") as caught:
        framework._plan("pkd_sevice", {})
    assert caught.value.slug == "unknown-service"


def test_a_base_path_and_tls_of_the_file_survive(tmp_path, monkeypatch):
    (tmp_path / "loadproof.toml").write_text(
        '[services.api]\nbase_url = "https://api.example/v2"\nrequests = [{path = "/a", method = "POST", json = [1]}]\n'
    )
    monkeypatch.chdir(tmp_path)
    framework = PerformanceTestFramework()
    framework.service_configs["api"]["timeout"] = 5
    service = framework._plan("api", {}).target
    (request,) = service.requests
    assert service.base_url == "https://api.example:443"
    assert (request.path, request.name, request.json_body) == ("/v2/a", "/a", [1])


def test_a_file_without_services_leaves_them_to_the_program(tmp_path, monkeypatch):
    (tmp_path / "loadproof.toml").write_text('thresholds = ["error_rate < 2%"]\n')
    monkeypatch.chdir(tmp_path)
    framework = PerformanceTestFramework()
    assert framework.service_configs == {}
    framework.service_configs["custom_service"] = CUSTOM
    rules = [rule.text for rule in framework._plan("custom_service", {}).thresholds]
    assert "error_rate < 2%" in rules


def test_a_broken_plan_file_is_said_at_once(tmp_path, monkeypatch):
    (tmp_path / "loadproof.toml").write_text("[services.x]\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="base_url"):
        PerformanceTestFramework()


def test_results_are_the_requests_of_the_run(results):
    assert len(results) == 2
    assert results[0] == RequestResult(
        timestamp=datetime.fromtimestamp(1_780_000_000.75, UTC),
        endpoint="/a",
        method="POST",
        status_code=201,
        response_time=0.25,
        success=True,
        error_message=None,
        response_size=12,
    )
    assert (results[-1].success, results[-1].error_message, results[-1].status_code) == (
        False,
        "timeout: timed out",
        None,
    )
    assert [each.endpoint for each in results[:2]] == ["/a", "/b"]


def test_metrics_are_those_of_metrics_json(framework, results):
    metrics = framework.calculate_metrics(results)
    assert (metrics["total_requests"], metrics["failed_requests"], metrics["error_rate"]) == (2, 1, 50.0)
    assert metrics["error_types"] == {"timeout": 1}


def test_saved_results_have_the_name_that_was_chosen(framework, results, tmp_path):
    metrics = framework.calculate_metrics(results) | {"build": 17}
    directory = framework.save_results(results, "custom_test", metrics)
    assert directory == tmp_path / "custom_test_20260304_050607"
    assert [path.name for path in tmp_path.iterdir()] == [directory.name]
    assert json.loads((directory / "metrics.json").read_text())["build"] == 17
    assert len(results) == 2, "rows are read from where they are now"
    assert framework.save_results(results, "custom_test") == directory
    assert json.loads((directory / "metrics.json").read_text())["build"] == 17


def test_a_name_that_is_taken_gets_a_number(framework, results, tmp_path):
    (tmp_path / "custom_test_20260304_050607").mkdir()
    assert framework.save_results(results, "custom_test").name == "custom_test_20260304_050607_2"


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden"])
def test_a_name_that_leads_elsewhere_is_refused(framework, results, name):
    with pytest.raises(ValueError, match="no name for a directory"):
        framework.save_results(results, name)
    assert results.directory.is_dir()


def test_the_script_gives_the_same_class():
    from loadproof.suites.services.scripts import performance_test

    assert performance_test.PerformanceTestFramework is PerformanceTestFramework
    assert Path(performance_test.__file__).parent.name == "scripts"
