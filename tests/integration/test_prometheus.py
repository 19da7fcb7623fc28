"""A real Prometheus scrapes real runs: every query of the dashboard has data, every alert fires where it should.

Six runs go on at once, each in a scenario of its own; the rules are the ones that are shipped, word for word.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from commandline import BIN, Ended, end, environment, wait_for
from loadproof.export.prometheus import RunMetrics
from loadproof.record import Recorder
from modelled import modelled
from results_factory import sample

pytestmark = [pytest.mark.real("prometheus", "promtool"), pytest.mark.timeout(180), pytest.mark.long]

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "src/loadproof/export/monitoring"
RULES = SHIPPED / "prometheus/rules/performance-alerts.yml"
SECONDS = 26

LOCUSTFILE = """
import time
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant({wait})

    @task
    def read(self):
        with self.client.get("/", name={name!r}, catch_response=True) as answer:
            {then}
"""
HOSTILE = 'read "it" \\ {x="1"} ü'

SCENARIOS = {
    # name: service, words, then, wait
    "healthy": (("fast",), ("-u", "2", "-r", "2", "-t", f"{SECONDS}s"), "pass", 0.01),
    "http_5xx": (("break", "0"), ("-u", "2", "-r", "2", "-t", f"{SECONDS}s"), "pass", 0.05),
    "too_slow": (
        ("workers", "20", "2.6"), ("--rate", "20/s", "--duration", f"{SECONDS}s", "--max-users", "20"), "pass", 0,
    ),
    "hanging": (("workers", "1", "1000"), ("-u", "2", "-r", "2", "-t", f"{SECONDS}s"), "pass", 0),
    "busy_generator": (
        ("fast",), ("--rate", "100/s", "--duration", f"{SECONDS}s", "--max-users", "50"),
        "end = time.perf_counter() + 0.02\n            while time.perf_counter() < end: pass", 0,
    ),
    "wrong_answers": (
        ("fast",), ("stress", "--max-users", "2", "--steps", "1", "--hold", "12s"), "answer.failure('wrong')", 0.05,
    ),
}  # fmt: skip

FIRING = {
    "healthy": set(),
    "http_5xx": {"LoadTestHttp5xx", "LoadTestErrorRate", "LoadTestThresholdFailed"},
    "too_slow": {"LoadTestSlow", "LoadTestArrivalsDropped", "LoadTestThresholdFailed"},
    "hanging": {"LoadTestNoTraffic"},
    "busy_generator": {"LoadTestGeneratorSick"},
    "wrong_answers": {"LoadTestErrorRate"},
}


LISTENING = re.compile(r'msg="Listening on".* address=(\S+)')
METRICS = re.compile(r"metrics: http://(\S+)/metrics")


def said(process, file, address):
    """The address that a program has written; each takes a free port itself, so that nobody else can take it before."""
    deadline = time.monotonic() + 60
    while (found := address.search(file.read_text())) is None:
        assert process.poll() is None, (
            f"it ended with {process.returncode}\n{file.read_text()}\n{process.stderr and process.stderr.read()}"
        )
        assert time.monotonic() < deadline, f"it said no address\n{file.read_text()}"
        time.sleep(0.05)
    return found[1]


def kill(process):
    if process.poll() is None:
        os.killpg(process.pid, 9)
        process.communicate()


class Prometheus:
    """A private one in a folder of its own, which looks every second, at addresses that have names."""

    def __init__(self, folder, targets):
        jobs = [{"targets": [address], "labels": {"instance": scenario}} for scenario, address in targets.items()]
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "loadproof", "static_configs": jobs}],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        self.log = (folder / "log").open("w")
        words = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
        self.process = subprocess.Popen(
            [*words, "--web.listen-address=127.0.0.1:0"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )  # fmt: skip
        self.url = ""

    def begin(self):
        self.url = f"http://{said(self.process, Path(self.log.name), LISTENING)}"
        wait_for(self.ready, 30)

    def ready(self):
        try:
            return urllib.request.urlopen(f"{self.url}/-/ready", timeout=2).status == 200
        except OSError:
            return False

    def query(self, query, **where):
        """Series over the whole time, each as its labels and the numbers that it ever had."""
        given = {
            "query": query,
            "step": "250ms",
        } | where  # what is late by a part of a second still has a step of its own
        try:
            address = f"{self.url}/api/v1/query_range?{urllib.parse.urlencode(given)}"
            answer = json.loads(urllib.request.urlopen(address, timeout=10).read())
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{query}: {error.read().decode()}") from error
        series = ((each["metric"], [float(value) for _, value in each["values"]]) for each in answer["data"]["result"])
        return [(labels, [value for value in values if value == value]) for labels, values in series]  # noqa: PLR0124

    def sees_any(self):
        """Whether any target still answered when it looked last."""
        now = time.time()
        return any(values[-1] for _, values in self.query("up", start=now, end=now))

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()


@dataclass
class Watched:
    prometheus: Prometheus
    ended: dict[str, Ended]
    since: float
    until: float

    def query(self, query):
        return self.prometheus.query(query, start=self.since, end=self.until)

    def last(self, query):
        """The last value of each run that has one."""
        return {labels["instance"]: values[-1] for labels, values in self.query(query) if values}

    def fired(self):
        """Run to the alerts that fired in it."""
        found = {scenario: set() for scenario in SCENARIOS}
        for labels, _ in self.query('ALERTS{alertstate="firing"}'):
            found[labels["instance"]].add(labels["alertname"])
        return found


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prometheus")
    processes = {}
    since = time.time()
    with ExitStack() as stack:
        for scenario, (service, words, then, wait) in SCENARIOS.items():
            url = stack.enter_context(modelled(*service))
            cwd = folder / scenario
            cwd.mkdir()
            (cwd / "locustfile.py").write_text(LOCUSTFILE.format(name=HOSTILE, then=then, wait=wait))
            command = [] if words[0] == "stress" else ["run"]
            nice = ["nice", "-n", "19"] if scenario == "busy_generator" else []  # it is busy on purpose, alone
            out = stack.enter_context((cwd / "out").open("w"))
            processes[scenario] = subprocess.Popen(
                [*nice, BIN / "loadproof", *command, *words, "-H", url, "--metrics-port", "0"],
                cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
                text=True, start_new_session=True,
            )  # fmt: skip
            stack.callback(kill, processes[scenario])
        addresses = {
            scenario: said(process, folder / scenario / "out", METRICS) for scenario, process in processes.items()
        }
        prometheus = Prometheus(folder, addresses)
        stack.callback(prometheus.close)
        prometheus.begin()
        ended = {
            scenario: replace(end(process, folder / scenario, 150), out=(folder / scenario / "out").read_text())
            for scenario, process in processes.items()
        }
        wait_for(lambda: not prometheus.sees_any(), 30)  # whatever it was told is in its database by then
        yield Watched(prometheus, ended, since, time.time())


def dashboard_queries():
    dashboard = json.loads((SHIPPED / "grafana/dashboards/performance-testing.json").read_text())
    return [
        pytest.param(target["expr"], id=f"{panel['title']}-{target['refId']}")
        for panel in dashboard["panels"]
        for target in panel["targets"]
    ]


def alerts():
    groups = YAML(typ="safe").load(RULES.read_text())["groups"]
    return [pytest.param(rule["expr"], id=rule["alert"]) for group in groups for rule in group["rules"]]


def test_every_run_ended_as_it_should(watched):
    codes = {scenario: ended.code for scenario, ended in watched.ended.items()}
    texts = "\n".join(f"== {scenario}\n{ended.out}{ended.err}" for scenario, ended in watched.ended.items())
    assert codes["healthy"] == 0, texts
    assert codes["http_5xx"] == codes["too_slow"] == 99, texts
    for ended in watched.ended.values():
        assert ended.out.startswith("metrics: http://127.0.0.1:"), ended.out


def test_what_prometheus_saw_last_is_what_the_run_found(watched):
    totals = watched.last("sum by (instance) (perf_test_requests_total)")
    durations = watched.last("sum by (instance) (perf_test_request_duration_seconds_count)")
    errors = watched.last("sum by (instance) (perf_test_errors_total)")
    for scenario in ("healthy", "http_5xx", "too_slow"):
        metrics = watched.ended[scenario].metrics
        assert totals[scenario] == durations[scenario] == metrics["total_requests"], scenario
        assert errors.get(scenario, 0) == metrics["failed_requests"], scenario
    sums = watched.last("sum by (instance) (perf_test_request_duration_seconds_sum)")
    healthy = watched.ended["healthy"].metrics
    assert sums["healthy"] / totals["healthy"] == pytest.approx(healthy["average_response_time"], rel=1e-6)
    dropped = watched.last("sum by (instance) (perf_test_arrivals_dropped_total)")
    assert dropped["too_slow"] == watched.ended["too_slow"].metrics["dropped"] > 0
    unfinished = watched.last("sum by (instance) (perf_test_unfinished_requests_total)")
    assert unfinished["hanging"] == watched.ended["hanging"].metrics["unfinished"] == 2
    assert watched.last("perf_test_running") == dict.fromkeys(SCENARIOS, 0)


def test_the_verdicts_arrive_with_the_last_scrape(watched):
    for scenario in ("healthy", "http_5xx", "too_slow"):
        seen = {
            labels["rule"]: values[-1] if values else None
            for labels, values in watched.query(f'perf_test_threshold_ok{{instance="{scenario}"}}')
        }
        words = {"PASS": 1, "WARN": 1, "FAIL": 0}
        for verdict in watched.ended[scenario].run["verdicts"]:
            if verdict["outcome"] in words:
                assert seen[verdict["rule"]] == words[verdict["outcome"]], (scenario, verdict)


def test_a_percentile_of_the_histogram_is_that_of_the_run(watched):
    query = "histogram_quantile(0.95, sum by (instance, le) (perf_test_request_duration_seconds_bucket))"
    exact = watched.ended["too_slow"].metrics["p95_response_time"]
    assert 2 < exact < 3.2
    assert watched.last(query)["too_slow"] == pytest.approx(exact, rel=0.25)


def test_names_arrive_as_they_are(watched):
    names = {labels["endpoint"] for labels, _ in watched.query("perf_test_requests_total")}
    assert HOSTILE in names


@pytest.mark.parametrize("query", dashboard_queries())
def test_every_query_of_the_dashboard_has_data(watched, query):
    asked = query.replace("$__rate_interval", "10s").replace("$instance", ".*").replace("$endpoint", ".*")
    assert "$" not in asked
    assert any(values for _, values in watched.query(asked)), asked


@pytest.mark.parametrize("expression", alerts())
def test_every_alert_has_a_value_to_compare(watched, expression):
    value = re.sub(r"\s*(==|>|<)\s*[\d.]+$", "", expression)
    assert value != expression
    seen = {labels["instance"] for labels, values in watched.query(value) if values}
    assert seen >= ({"too_slow"} if "arrivals" in expression else {"healthy", "http_5xx"})


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_alerts_fire_in_the_scenario_that_they_are_for(watched, scenario):
    assert watched.fired()[scenario] >= FIRING[scenario]


def test_nothing_fires_in_the_healthy_run_and_5xx_only_for_5xx(watched):
    fired = watched.fired()
    assert fired["healthy"] == set()
    assert {scenario for scenario, names in fired.items() if "LoadTestHttp5xx" in names} == {"http_5xx"}
    assert {scenario for scenario, names in fired.items() if "LoadTestNoTraffic" in names} == {"hanging"}
    assert {scenario for scenario, names in fired.items() if "LoadTestSlow" in names} == {"too_slow"}
    assert "LoadTestThresholdFailed" not in fired["wrong_answers"], "levels of a search may fail"


def promtool(*words, cwd=None, text=None):
    run = subprocess.run(
        ["promtool", *words], cwd=cwd, capture_output=True, check=False, input=text, text=True, timeout=60
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


def test_promtool_takes_the_rules_and_the_configuration(tmp_path):
    assert "7 rules found" in promtool("check", "rules", str(RULES))
    shutil.copytree(SHIPPED, tmp_path / "monitoring")
    assert "SUCCESS" in promtool("check", "config", str(tmp_path / "monitoring/prometheus/prometheus.yml"))


def test_every_alert_has_unit_tests_in_which_it_fires_and_does_not(tmp_path):
    tests = HERE / "performance_alerts_test.yml"
    promtool("test", "rules", str(tests))
    document = YAML(typ="safe").load(tests.read_text())
    cases = [case for test in document["tests"] for case in test.get("alert_rule_test", ())]
    firing = {case["alertname"] for case in cases if case["exp_alerts"]}
    assert firing == {param.id for param in alerts()}
    # In the healthy case nothing fires; and the tests notice a rule that no longer says what it said.
    assert [case for case in document["tests"][0]["promql_expr_test"] if case["exp_samples"]] == []
    for old, new in (('"5.."', '"4.."'), ("> 2\n", "> 3\n"), ("== 0\n        for: 15s", "== 1\n        for: 15s")):
        changed = RULES.read_text().replace(old, new)
        assert changed != RULES.read_text()
        (tmp_path / "rules.yml").write_text(changed)
        (tmp_path / "tests.yml").write_text(
            re.sub(r"  - \.\./.*performance-alerts\.yml", "  - rules.yml", tests.read_text())
        )
        with pytest.raises(AssertionError, match="FAILED"):
            promtool("test", "rules", "tests.yml", cwd=tmp_path)


def test_promtool_reads_the_text_of_hostile_and_many_names():
    metrics, recorder = RunMetrics(), Recorder("1")
    metrics.begin({"test_name": 'a "b" \\ \n{c="d"} 1\r\x00', "run_id": "1"})
    for name in (*(f"/item/{n}" for n in range(500)), HOSTILE, "\x00\x07\n", "\ud800", "", "#"):
        recorder.record(sample(name, status=500, kind="http_500"))
    metrics.add(recorder.interval({}))
    promtool("check", "metrics", text=metrics.render()[0].decode())
