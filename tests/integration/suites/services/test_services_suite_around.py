"""What is around the tests of the services suite: its Python API, monitoring, comparison, validation, and the services."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from commandline import end, free_port, wait_for
from loadproof.suites.services.parts import PORTS
from suite_targets import running_target

SNIPPET = """
from scripts.performance_test import PerformanceTestFramework

async def custom_test():
    async with PerformanceTestFramework() as framework:
        # Custom endpoint configuration
        framework.service_configs["custom_service"] = {
            "port": 8090,
            "endpoints": [
                {"path": "/api/custom", "method": "POST"},
                {"path": "/api/status", "method": "GET"},
            ],
            "auth_header": {"Authorization": "Bearer token"}
        }

        # Run custom test
        results = await framework.load_test("custom_service", 15, 90)
        metrics = framework.calculate_metrics(results)
        framework.save_results(results, "custom_test", metrics)
"""
"""The document's own, word for word."""

ELSEWHERE = '''
import asyncio, sys
from loadproof.suites.services import framework

def shorter(name, *, load_plan=framework.load_plan, **given):
    """A thirtieth of the time, on a port that is free here."""
    return load_plan(name, **given | {"run_time": given["run_time"] / 30, "host": sys.argv[1]})

framework.load_plan = shorter
exec(open("snippet.py").read())
asyncio.run(custom_test())
'''


class Custom(BaseHTTPRequestHandler):
    """The custom service of the document; counts what it is asked for."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, self.headers["Authorization"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def custom():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Custom)
    server.daemon_threads = True
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def twice(quick, suite):
    """The results of the quick tests, and a second run of one of them."""
    before, ended = quick
    assert ended.code == 0, ended.out + ended.err
    shutil.copytree(before.folder / "reports", suite.folder / "reports")
    assert suite.run("./scripts/run_perf_test.sh", "ui_app", "load", "4", "3").code == 0
    return suite


def test_s4_53_54_55_56_57_the_snippet_of_the_document_runs_as_it_is(suite, custom):
    (suite.folder / "snippet.py").write_text(SNIPPET)
    (suite.folder / "elsewhere.py").write_text(ELSEWHERE)
    ended = suite.run("python3", "elsewhere.py", f"http://127.0.0.1:{custom.server_port}")
    assert ended.code == 0, ended.err
    assert set(custom.seen) == {
        ("POST", "/api/custom", "Bearer token"), ("GET", "/api/status", "Bearer token"),
    }  # fmt: skip
    (directory,) = (suite.folder / "reports/performance").iterdir()
    assert re.fullmatch(r"custom_test_\d{8}_\d{6}", directory.name)
    assert {"results.csv", "metrics.json", "report.html"} <= {path.name for path in directory.iterdir()}
    metrics = json.loads((directory / "metrics.json").read_text())
    assert (metrics["test_name"], metrics["users_peak"], metrics["failed_requests"]) == ("custom_service", 15, 0)
    assert 0 <= len(custom.seen) - metrics["total_requests"] <= metrics["unfinished"]
    assert "Bearer" not in (directory / "run.json").read_text() + (directory / "plan.toml").read_text()


def test_the_snippet_is_that_of_the_readme(suite):
    assert SNIPPET.strip() in (suite.folder / "README.md").read_text()


def test_a_cancelled_test_ends_and_keeps_what_it_measured(suite, services, monkeypatch):
    from loadproof.suites.services.framework import PerformanceTestFramework

    monkeypatch.chdir(suite.folder)
    for name, value in suite.environ.items():
        monkeypatch.setenv(name, value)

    async def cancelled():
        framework = PerformanceTestFramework()
        running = asyncio.ensure_future(framework.load_test("ui_app", 3, 60))
        before = services["ui_app"].state["requests"]
        await asyncio.to_thread(wait_for, lambda: services["ui_app"].state["requests"] > before + 20, 30)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    (directory,) = suite.directories("load_test_ui_app")
    metrics = json.loads((directory / "metrics.json").read_text())
    assert (metrics["exit_code"], metrics["abort"]) == (130, "interrupted by Ctrl-C")
    assert metrics["total_requests"] > 0


def test_a_stress_test_can_be_run_from_python_and_a_service_that_does_not_run_is_said(suite):
    program = """
import asyncio
from scripts.performance_test import PerformanceTestFramework
async def main():
    async with PerformanceTestFramework() as framework:
        await framework.stress_test("pkd_service", max_users=5, ramp_up_time=5)
asyncio.run(main())
"""
    ended = suite.run("python3", "-c", program, PKD_SERVICE_PORT=str(free_port()))
    assert ended.code == 1
    assert "NotReadyError: Service pkd_service is not running on port" in ended.err


@pytest.mark.long
def test_s4_03_42_43_44_47_prometheus_reads_the_run_while_it_goes_on(suite):
    port = free_port()
    with running_target("services", "ui_app", "--port", "0", "--error-share", "0.1") as target:
        process = suite.start(
            "python3", "scripts/performance_test.py", "load", "ui_app", "--users", "4", "--duration", "5",
            "--metrics-port", str(port), "--metrics-grace", "0s", UI_APP_PORT=str(target.ready["port"]),
        )  # fmt: skip
        seen = {}

        def errors_are_there():
            assert process.poll() is None, process.communicate()
            try:
                with urllib.request.urlopen(f"http://localhost:{port}/metrics", timeout=5) as answer:
                    text = answer.read().decode()
            except OSError:
                return False
            seen.update({family.name: family for family in text_string_to_metric_families(text)})
            return "perf_test_errors" in seen and bool(seen["perf_test_errors"].samples)

        wait_for(errors_are_there, timeout=30)
        ended = end(process, suite.folder)
    assert ended.code == 99, "a tenth of the answers are errors"
    requests, errors = seen["perf_test_requests"], seen["perf_test_errors"]
    assert (requests.type, errors.type) == ("counter", "counter")
    assert seen["perf_test_request_duration_seconds"].type == "histogram"
    assert {frozenset(each.labels) for each in requests.samples} == {frozenset({"endpoint", "method", "status"})}
    assert {each.labels["status"] for each in requests.samples} == {"200", "500"}
    assert {frozenset(each.labels) for each in errors.samples} == {frozenset({"endpoint", "error_type"})}
    failed = sum(each.value for each in requests.samples if each.labels["status"] == "500")
    assert sum(each.value for each in errors.samples) == failed > 0


def test_s4_45_46_monitoring_is_set_up_at_the_documented_places(suite):
    ended = suite.run("python", "scripts/performance_monitoring.py", "--setup")
    assert ended.code == 0, ended.err
    dashboard = json.loads((suite.folder / "monitoring/grafana/dashboards/performance-testing.json").read_text())
    assert "dashboard" not in dashboard, "wrapped in it, a file cannot be provisioned"
    assert "perf_test_requests_total" in json.dumps(dashboard)
    rules = YAML(typ="safe").load(suite.folder / "monitoring/prometheus/rules/performance-alerts.yml")
    assert all("perf_test_" in rule["expr"] for group in rules["groups"] for rule in group["rules"])
    compose = YAML(typ="safe").load(suite.folder / "docker-compose.yml")
    for service in ("prometheus", "grafana"):
        for volume in compose["services"][service]["volumes"]:
            if volume.startswith("./"):
                assert (suite.folder / volume.partition(":")[0]).is_dir(), volume


@pytest.mark.real("promtool")
def test_s4_46_prometheus_takes_the_rules(suite):
    assert suite.run("python", "scripts/performance_monitoring.py", "--setup").code == 0
    rules = suite.run("promtool", "check", "rules", "monitoring/prometheus/rules/performance-alerts.yml")
    assert rules.code == 0, rules.out + rules.err
    config = suite.run("promtool", "check", "config", "monitoring/prometheus/prometheus.yml")
    assert config.code == 0, config.out + config.err


@pytest.mark.long
def test_s4_58_the_summary_compares_runs_of_each_test(twice):
    ended = twice.run("python", "scripts/performance_monitoring.py", "--summary", "reports/performance/")
    assert ended.code == 0, ended.err
    assert re.search(r"^ui_app \(load\): 2 runs", ended.out, re.MULTILINE)
    assert re.search(r"^pkd_service \(load\): 1 run$", ended.out, re.MULTILINE)
    assert "ui_app (load): the last run against the one before" in ended.out
    assert "pkd_service (load): the last run" not in ended.out
    compared = ended.out.partition("the last run against the one before")[2]
    assert re.search(r"REGRESSED|IMPROVED|EQUIVALENT|INCONCLUSIVE", compared)


def test_a_folder_without_runs_is_said(suite):
    assert suite.run("python", "scripts/performance_monitoring.py", "--summary", "nowhere").code == 2


@pytest.mark.long
def test_in_ci_a_load_test_is_held_against_the_thresholds_of_its_service(suite, services):
    services["ui_app"].post("/_faults", {"error_share": 0.03})
    try:
        ended = suite.run("./scripts/run_perf_test.sh", "ui_app", "load", "4", "3", CI="true")
    finally:
        services["ui_app"].post("/_faults", {"error_share": 0})
    assert "exit code 0: warning: error_rate" in " ".join(ended.out.split()), ended.out + ended.err
    assert ended.code == 1
    assert "❌ violated: thresholds of ui_app" in ended.out
    assert "❌ error_rate <= 1%" in ended.out
    assert "✅ p95(response_time) <= 500ms" in ended.out
    (directory,) = suite.directories("load_test_ui_app")
    rows = suite.folder / "rows.csv"
    rows.write_bytes((directory / "results.csv").read_bytes())
    script = ["python", "scripts/validate_performance_thresholds.py", "--results-file"]
    assert suite.run(*script, str(rows), "--service", "passport-engine").code == 0
    assert suite.run(*script, str(rows), "--service", "ui_app").code == 1


@pytest.mark.long
def test_s4_07_services_are_started_by_make_and_stopped_again(suite):
    suite.environ |= {name: str(free_port()) for name in ("PKD_SERVICE_PORT", "UI_APP_PORT")}
    started = suite.run("make", "run-pkd-service", "OPTIONS=--error-share 1")
    try:
        assert started.code == 0, started.err
        port = suite.environ["PKD_SERVICE_PORT"]
        assert started.out == f"pkd_service runs on http://localhost:{port}\n"
        assert suite.run("make", "run-ui-app").code == 0
        assert suite.run("make", "run-ui-app").code == 0, "it runs already: nothing to do"
        other = suite.run("make", "run-pkd-service", "OPTIONS=--error-share 0")
        assert "pkd_service: runs already" in other.err
        with urllib.request.urlopen(f"http://127.0.0.1:{suite.environ['UI_APP_PORT']}/") as answer:
            assert answer.status == 200, "each service has options of its own"
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/")
        assert caught.value.code == 500
        caught.value.close()
    finally:
        stopped = suite.run("make", "stop-services")
    assert stopped.code == 0, stopped.err
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)


@pytest.mark.parametrize(
    ("target", "name"),
    [("run-pkd-service", "pkd_service"), ("run-document-processing", "document_processing"), ("run-ui-app", "ui_app")],
)
def test_s4_07_services_are_started_on_their_documented_ports(suite, target, name):
    for variable in [name for name in suite.environ if name.endswith("_PORT")]:
        del suite.environ[variable]
    said = suite.run("make", target, PYTHON="echo").out
    assert said == f"-m loadproof.suites.services.start {name} --port {PORTS[name]}\n"


def test_a_port_that_is_taken_is_said_with_what_to_do(suite, services):
    ended = suite.run("make", "run-ui-app")
    assert ended.code == 2
    assert f"ui_app: port {services['ui_app'].ready['port']} cannot be had" in ended.err
    assert "UI_APP_PORT=N" in ended.err


def test_s4_06_nothing_has_to_be_installed_beside_loadproof():
    needed = {re.match(r"[\w-]+", each)[0] for each in metadata.requires("loadproof") if "extra ==" not in each}
    assert {"locust", "prometheus-client"} <= needed
    done = subprocess.run(
        [sys.executable, "-c", "import sys, loadproof.suites.services.framework; sys.exit('aiohttp' in sys.modules)"],
        check=False,
    )
    assert done.returncode == 0
