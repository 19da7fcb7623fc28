"""Whatever dies, a true result remains and nothing is left running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from commandline import BIN, alive, children, end, environment, loadproof, start, wait_for

SUITE = """
from locust import HttpUser, LoadTestShape, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        self.client.get("/ok")
"""

SHAPE = (
    SUITE
    + """

class Steps(LoadTestShape):
    def tick(self):
        return (4, 4) if self.get_run_time() < 60 else None
"""
)


TWO_SECONDS = 400
"""Rows that four users who wait for 20 ms each time cannot fill in less; figures are reported more often than that."""


@pytest.fixture
def running(tmp_path, service):
    """Starts a run and waits until it has sent a hundred requests."""
    started = []

    def run(text, *words):
        (tmp_path / "locustfile.py").write_text(text)
        process = start(tmp_path, "run", "-u", "4", "-r", "4", "-H", service.url, *words)
        started.append(process)
        wait_for(lambda: service.seen.total() >= 100)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, 9)
            process.communicate()


def rows_in(folder):
    """Rows that are in the one result of a run that goes on."""
    return sum(path.read_bytes().count(b"\n") - 1 for path in folder.glob("reports/performance/*/results.csv"))


def load_process(supervisor: int) -> int:
    (found,) = [
        p
        for p in children(supervisor)
        if "loadproof.load" in Path(f"/proc/{p}/cmdline").read_text() and os.getpgid(p) == p
    ]
    return found


def assert_gone(pids):
    wait_for(lambda: not any(alive(pid) for pid in pids), timeout=20)


@pytest.mark.parametrize("several", [pytest.param((), marks=pytest.mark.long), ("--processes", "2")])
def test_ctrl_c_on_a_bounded_run_saves_the_part_and_exits_130(running, tmp_path, service, several):
    process = running(SUITE, "-t", "60s", *several)
    below = children(process.pid)
    process.send_signal(signal.SIGINT)
    ended = end(process, tmp_path)
    assert ended.code == 130, ended.out + ended.err
    assert "interrupted" in ended.run["abort"]
    assert ended.metrics["total_requests"] + ended.metrics["unfinished"] == service.seen.total()
    assert len(ended.rows) == ended.metrics["total_requests"]
    assert (ended.directory / "report.html").exists()
    assert_gone(below)


@pytest.mark.long
def test_ctrl_c_ends_an_unbounded_run_by_its_verdict(running, tmp_path):
    process = running(SUITE)
    process.send_signal(signal.SIGINT)
    ended = end(process, tmp_path)
    assert ended.code == 0, ended.out + ended.err
    assert ended.run["abort"] is None


def test_sigterm_during_a_shape_saves_the_part_and_exits_143(running, tmp_path):
    process = running(SHAPE)
    below = children(process.pid)
    process.send_signal(signal.SIGTERM)
    ended = end(process, tmp_path)
    assert ended.code == 143, ended.out + ended.err
    assert ended.metrics["total_requests"] >= 100
    assert_gone(below)


@pytest.mark.long
def test_sigterm_to_the_load_process_under_a_shape_saves_the_part(running, tmp_path):
    process = running(SHAPE)
    os.kill(load_process(process.pid), signal.SIGTERM)
    ended = end(process, tmp_path)
    assert ended.code == 143, ended.out + ended.err
    assert "SIGTERM" in ended.run["abort"]


@pytest.mark.parametrize("several", [pytest.param((), marks=pytest.mark.long), ("--processes", "2")])
def test_kill_9_of_the_load_process_leaves_a_result_and_no_process(running, tmp_path, several):
    process = running(SUITE, "-t", "60s", *several)
    wait_for(lambda: rows_in(tmp_path) >= TWO_SECONDS)  # at least one delta is in
    below = children(process.pid)
    os.kill(load_process(process.pid), signal.SIGKILL)
    ended = end(process, tmp_path)
    assert ended.code == 3, ended.out + ended.err
    assert "SIGKILL" in ended.run["abort"]
    assert ended.metrics["total_requests"] > 0
    assert_gone(below)


def test_kill_9_of_the_supervisor_leaves_a_run_that_can_be_rebuilt_and_no_process(running, tmp_path):
    process = running(SUITE, "-t", "60s", "--processes", "2")
    wait_for(lambda: rows_in(tmp_path) > 50)
    below = children(process.pid)
    process.kill()
    process.communicate()
    assert_gone(below)
    (directory,) = (tmp_path / "reports/performance").iterdir()
    ended = loadproof(tmp_path, "report", str(directory))
    assert ended.code == 0, ended.err
    metrics = json.loads((directory / "metrics.json").read_text())
    rows = (directory / "results.csv").read_bytes().count(b"\n") - 1
    assert metrics["total_requests"] == rows > 50
    assert json.loads((directory / "run.json").read_text())["abort"] is not None
    assert (directory / "report.html").exists()


@pytest.mark.long
def test_a_second_ctrl_c_does_not_wait_for_a_slow_on_stop(running, tmp_path):
    slow = SUITE + "\n    def on_stop(self):\n        import time; time.sleep(60)\n"
    process = running(slow, "-t", "60s")
    wait_for(lambda: rows_in(tmp_path) >= TWO_SECONDS)
    below = children(process.pid)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    ended = end(process, tmp_path, timeout=15)
    assert ended.code == 130
    assert ended.metrics["total_requests"] > 0
    assert_gone(below)


def test_a_lost_worker_is_said_and_what_it_had_reported_is_kept(running, tmp_path):
    process = running(SUITE, "-t", "6s", "--processes", "2")
    wait_for(lambda: rows_in(tmp_path) > 100)
    load = load_process(process.pid)
    victim = max(children(load))
    os.kill(victim, signal.SIGKILL)
    ended = end(process, tmp_path)
    assert ended.code == 3, ended.out + ended.err
    assert "worker" in ended.run["abort"]
    assert ended.metrics["total_requests"] > 100


def test_a_full_disk_costs_rows_and_says_how_many_but_not_the_run(tmp_path, service):
    (tmp_path / "locustfile.py").write_text(SUITE.replace("0.02", "0.001"))

    # The kernel refuses to let any file grow beyond 100 kB: to a writer that is a full disk.
    process = subprocess.Popen(
        ["prlimit", "--fsize=100000", BIN / "loadproof", "run", "-u", "8", "-r", "8", "-t", "4s", "-H", service.url],
        cwd=tmp_path,
        env=environment(),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = process.communicate(timeout=60)
    (directory,) = (tmp_path / "reports/performance").iterdir()
    run = json.loads((directory / "run.json").read_text())
    rows = (directory / "results.csv").read_bytes()
    metrics = json.loads((directory / "metrics.json").read_text())
    assert run["rows_dropped"] > 0
    assert rows.endswith(b"\n")
    assert (
        rows.count(b"\n") - 1 + run["rows_dropped"]
        == metrics["total_requests"]
        == service.seen.total() - metrics["unfinished"]
    )
    assert process.returncode == 0, out + err
    assert f"{run['rows_dropped']:,}" in out or str(run["rows_dropped"]) in out


def test_ctrl_c_before_the_test_begins_sends_nothing_and_leaves_nothing(tmp_path, service):
    (tmp_path / "locustfile.py").write_text("import time\ntime.sleep(20)\n" + SUITE)
    process = start(tmp_path, "run", "-H", service.url)
    wait_for(lambda: children(process.pid))
    below = children(process.pid)
    process.send_signal(signal.SIGINT)
    ended = end(process, tmp_path, timeout=10)
    assert ended.code == 130
    assert "nothing was sent" in ended.err
    assert not (tmp_path / "reports").exists()
    assert_gone(below)
