"""--metrics-port from outside: what a scraper reads of each kind of run, the taken port, the last scrape."""

from __future__ import annotations

import os
import signal
import socket
import time
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from commandline import end, free_port, loadproof, start, wait_for
from modelled import modelled

READER = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        self.client.get("/", name="read")
"""


@pytest.fixture
def cwd(tmp_path):
    (tmp_path / "locustfile.py").write_text(READER)
    return tmp_path


@pytest.fixture
def port():
    return free_port()


def scrape(port):
    """Name and labels to value; empty where nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    return {
        (each.name.removeprefix("perf_test_"), *sorted(each.labels.items())): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def total(found, name):
    return sum(value for key, value in found.items() if key[0] == name)


@pytest.mark.long
def test_with_several_processes_the_counts_are_those_of_all(cwd, port):
    with modelled("fast") as url:
        process = start(
            cwd, "run", "-H", url, "-u", "6", "-r", "6", "-t", "5s", "--processes", "2", "--warmup", "2s",
            "--metrics-port", str(port),
        )  # fmt: skip
        seen = []
        wait_for(lambda: total(scrape(port), "requests_total") > 0, 30)
        while (found := scrape(port)).get(("running",), 0) == 1:
            seen.append(total(found, "requests_total"))
            assert total(found, "generator_cpu_ratio") > 0 or not seen[-1]
            time.sleep(0.2)
        final = found
        while process.poll() is None:
            final = scrape(port) or final
            time.sleep(0.2)
        ended = end(process, cwd)
    assert ended.code == 0, ended.out + ended.err
    assert seen == sorted(seen)
    assert len({key for key in final if key[0] == "generator_cpu_ratio"}) == 2
    # The warm-up counts here, and does not count in the summary: every row of the run has been counted.
    assert total(final, "requests_total") == len(ended.rows) > ended.metrics["total_requests"]
    assert total(final, "request_duration_seconds_count") == len(ended.rows)


def test_a_taken_port_ends_the_command_before_anything_is_sent(cwd, service):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = loadproof(cwd, "run", "-H", service.url, "-t", "2s", LOADPROOF_METRICS_PORT=str(port))
    assert ended.code == 2
    assert f"LOADPROOF_METRICS_PORT: port {port} of 127.0.0.1 cannot be opened: Address already in use" in ended.err
    assert "name a free one with --metrics-port" in ended.err
    assert "metrics-port" in ended.err.splitlines()[-1]
    assert not service.seen
    assert ended.directories == []


@pytest.mark.long
def test_it_listens_on_loopback_alone_and_only_where_it_is_asked(cwd, port):
    with modelled("fast") as url:
        process = start(cwd, "run", "-H", url, "-t", "4s", "--metrics-port", str(port), "--metrics-grace", "0")
        wait_for(lambda: scrape(port), 30)
        listening = {
            int(line.split()[1].partition(":")[2], 16): line.split()[1].partition(":")[0]
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
            if line.split()[3] == "0A"
        }
        ended = end(process, cwd)
        assert listening[port] == "0100007F"
        without = loadproof(cwd, "run", "-H", url, "-t", "1s")
    assert ended.code == without.code == 0
    assert f"metrics: http://127.0.0.1:{port}/metrics" in ended.out
    assert "metrics:" not in without.out


@pytest.mark.long
def test_the_last_scrape_is_waited_for_and_has_the_verdict_of_every_rule(cwd, port):
    with modelled("fast") as url:
        process = start(
            cwd, "run", "-H", url, "-t", "3s", "--metrics-port", str(port), "--threshold", "requests > 1000000"
        )
        wait_for(lambda: scrape(port), 30)
        wait_for(lambda: list(cwd.glob("reports/performance/*/report.html")), 30)
        time.sleep(1.0)
        assert process.poll() is None
        found = scrape(port)
        began = time.monotonic()
        ended = end(process, cwd)
    assert time.monotonic() - began < 15, "it waited for another one"
    assert ended.code == 99, ended.out + ended.err
    assert "stays open for one more scrape, 20 s at most (Ctrl-C ends this)" in ended.out
    assert ended.out.index("exit code 99") < ended.out.index("one more scrape"), "the summary comes first"
    assert found["running",] == 0
    rules = {dict(key[1:])["rule"]: value for key, value in found.items() if key[0] == "threshold_ok"}
    assert rules.keys() == {verdict["rule"] for verdict in ended.run["verdicts"]}
    assert rules["requests > 1000000"] == 0
    assert total(found, "requests_total") == ended.metrics["total_requests"]


@pytest.mark.long
def test_ctrl_c_ends_the_wait_and_the_code_stays_that_of_the_run(cwd, port):
    with modelled("fast") as url:
        process = start(cwd, "run", "-H", url, "-t", "2s", "--metrics-port", str(port), "--metrics-grace", "60s")
        wait_for(lambda: list(cwd.glob("reports/performance/*/report.html")), 30)
        time.sleep(1.0)
        assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        began = time.monotonic()
        ended = end(process, cwd)
    assert time.monotonic() - began < 30
    assert ended.code == 0, ended.out + ended.err
    assert "60 s at most" in ended.out


def test_an_interrupted_run_waits_for_no_scrape(cwd, port):
    with modelled("fast") as url:
        process = start(cwd, "run", "-H", url, "-t", "60s", "--metrics-port", str(port), "--metrics-grace", "60s")
        wait_for(lambda: total(scrape(port), "requests_total") > 0, 30)
        os.kill(process.pid, signal.SIGINT)
        began = time.monotonic()
        ended = end(process, cwd)
    assert ended.code == 130
    assert time.monotonic() - began < 30


@pytest.mark.long
def test_a_search_shows_the_level_that_it_holds(cwd, port):
    with modelled("workers", "2", "0.02") as url:
        process = start(
            cwd, "capacity", "-H", url, "--start-rate", "30", "--trial", "3s", "--settle", "1s", "--confirm", "3s",
            "--slo", "p95(response_time) < 500ms", "--metrics-port", str(port),
        )  # fmt: skip
        levels = set()

        def two_levels():
            found = scrape(port)
            levels.update(value for key, value in found.items() if key == ("level_target", ("unit", "per_second")))
            return len(levels) > 1 and total(found, "levels_total")

        wait_for(two_levels, 40)
        found = scrape(port)
        os.kill(process.pid, signal.SIGINT)
        ended = end(process, cwd)
    assert min(levels) == 30
    assert found["info", ("kind", "capacity"), ("run_id", ended.run["run_id"]),
                 ("test_name", ended.run["test_name"]), ("version", ended.run["environment"]["loadproof"])] == 1  # fmt: skip
    assert total(found, "arrivals_offered_total") >= total(found, "arrivals_started_total") > 0
