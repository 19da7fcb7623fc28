"""What scripts really do: custom clients, clocks of their own, forks, late requests; none of it may cost the result."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from commandline import children, end, loadproof, start, wait_for

BASE = """
import time
from locust import HttpUser, User, constant, events, task

class Reader(HttpUser):
    wait_time = constant(0.05)

    @task
    def read(self):
        self.client.get("/ok")
"""


@pytest.fixture
def suite(tmp_path):
    def write(text):
        (tmp_path / "locustfile.py").write_text(BASE + text)
        return tmp_path

    return write


WORDS = ("-u", "2", "-r", "2", "-t", "3s")


ODD = (
    "response=type('R', (), {'status_code': __import__('enum').Enum('E', 'A').A})()",
    "response=type('R', (), {'status_code': '200'})()",
    "start_time=time.time() * 1000",
    "start_time=time.time() + 86400",
    "response_time=float('nan')",
    "response_time=None",
    "response_time=-5",
    "response_length=None",
    "name=None",
)
"""What events of custom clients have instead of what they should have; each is sent as a method of its own."""


@pytest.mark.long
def test_odd_events_of_custom_clients_cost_nothing(suite, service):
    text = """
    @task
    def custom(self):
        usual = dict(name="call", response_time=7.0, response_length=1, exception=None, context={})
"""
    for number, fields in enumerate(ODD):
        text += f"        fields = usual | dict({fields})\n"
        text += f"        self.environment.events.request.fire(request_type='ODD{number}', **fields)\n"
    ended = loadproof(suite(text), "run", *WORDS, "-H", service.url)
    assert ended.code == 0, ended.out + ended.err
    entries = {entry["method"]: entry for entry in ended.metrics["endpoints"]}
    assert entries["GET"]["requests"] > 10
    for number, fields in enumerate(ODD):
        entry = entries[f"ODD{number}"]
        assert entry["requests"] == entries["ODD0"]["requests"] > 10, fields
        assert (entry["average_response_time"] is None) is fields.startswith("response_time"), fields
    assert len(ended.rows) == ended.metrics["total_requests"]
    assert ended.run["record"]["timeline"]["seconds"] < 10


@pytest.mark.long
def test_requests_of_test_start_and_test_stop_are_counted(suite, service):
    text = """
import requests

def outside(name):
    events.request.fire(request_type="SETUP", name=name, response_time=3.0, response_length=0, exception=None, context={})

@events.test_start.add_listener
def seed(environment, **kw):
    for _ in range(6000):
        outside("seed")

@events.test_stop.add_listener
def clean(environment, **kw):
    for _ in range(7):
        outside("clean")
"""
    ended = loadproof(suite(text), "run", *WORDS, "-H", service.url)
    counted = {e["name"]: e["requests"] for e in ended.metrics["endpoints"]}
    assert counted["seed"] == 6000
    assert counted["clean"] == 7
    assert len(ended.rows) == ended.metrics["total_requests"]


@pytest.mark.long
@pytest.mark.alone
def test_the_end_of_a_run_during_its_ramp_ends_the_load(suite, service):
    text = """
    def on_start(self):
        self.client.get("/started")
"""
    cwd = suite(text)
    words = ("-u", "100", "-r", "10", "-t", "4s", "--processes", "2", "--stop-timeout", "4")
    ended = loadproof(cwd, "run", *words, "-H", service.url)
    assert ended.code == 0, ended.out + ended.err
    assert service.seen["GET", "/started"] < 70
    assert ended.metrics["measured_to_s"] < 6.5
    assert ended.metrics["total_requests"] + ended.metrics["unfinished"] == service.seen.total()


@pytest.mark.long
def test_a_single_worker_that_is_killed_is_never_a_pass(suite, service, tmp_path):
    cwd = suite("")
    process = start(cwd, "run", "-u", "2", "-r", "2", "-t", "8s", "--processes", "1", "-H", service.url)
    wait_for(lambda: service.seen.total() > 60)
    (load,) = [p for p in children(process.pid) if os.getpgid(p) == p]
    os.kill(max(children(load)), signal.SIGKILL)
    ended = end(process, cwd)
    assert ended.code == 3, ended.out + ended.err
    assert "was lost" in ended.run["abort"]


@pytest.mark.alone
def test_a_child_that_outlives_the_load_process_does_not_hold_the_result(suite, service):
    text = """
import os

@events.test_start.add_listener
def fork(environment, **kw):
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)

class Breaker(User):
    @task
    def leave(self):
        time.sleep(1.5)
        os._exit(9)
"""
    before = time.monotonic()
    ended = loadproof(suite(text), "run", "-u", "2", "-r", "2", "-t", "25s", "-H", service.url)
    assert time.monotonic() - before < 15
    assert ended.code == 3, ended.out + ended.err
    assert ended.metrics["total_requests"] > 0


@pytest.mark.long
def test_modules_of_the_folder_do_not_shadow_those_of_the_generator(suite, service):
    cwd = suite("")
    (cwd / "http.py").write_text("raise RuntimeError('shadowed')\n")
    (cwd / "msgpack.py").write_text("raise RuntimeError('shadowed')\n")
    (cwd / "mine.py").write_text("VALUE = 1\n")
    (cwd / "locustfile.py").write_text("from mine import VALUE\n" + (cwd / "locustfile.py").read_text())
    ended = loadproof(cwd, "run", *WORDS, "-H", service.url)
    # Locust itself puts the folder first once it loads the file; until then nothing of it may be found.
    assert "shadowed" not in ended.err + ended.out
    assert ended.code == 0, ended.out + ended.err


def test_secrets_in_urls_and_messages_do_not_reach_any_file(suite, service):
    text = """
    @task
    def telling(self):
        self.client.get("/ok?api_key=SEKRET1&x=1")

    @task
    def broken(self):
        raise ValueError("token=SEKRET2 https://joe:SEKRET3@host/")
"""
    ended = loadproof(suite(text), "run", *WORDS, "-H", service.url)
    assert ended.code == 99
    for path in ended.directory.iterdir():
        assert "SEKRET" not in path.read_text(), path.name
    assert "SEKRET" not in ended.out + ended.err


@pytest.mark.long
def test_ctrl_c_twice_exits_130_also_without_a_run_time(suite, service):
    cwd = suite("\n    def on_stop(self):\n        time.sleep(30)\n")
    process = start(cwd, "run", "-u", "2", "-r", "2", "-H", service.url)
    wait_for(lambda: service.seen.total() > 40)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    ended = end(process, cwd, timeout=15)
    assert ended.code == 130, ended.out + ended.err


@pytest.mark.long
def test_a_reader_that_goes_away_does_not_end_the_run(suite, service):
    cwd = suite("")
    command = f"loadproof run -u 2 -r 2 -t 3s -H {service.url} | head -n 1"
    import subprocess

    from commandline import environment

    subprocess.run(["bash", "-c", command], cwd=cwd, env=environment(), capture_output=True, timeout=60, check=True)
    (directory,) = Path(cwd / "reports/performance").iterdir()
    import json

    assert json.loads((directory / "run.json").read_text())["exit_code"] == 0


@pytest.mark.parametrize("words", [("--worker",), ("--master", "--expect-workers", "1")])
def test_workers_that_others_start_are_refused_with_a_way_out(suite, words):
    ended = loadproof(suite(""), "run", *words)
    assert ended.code == 2
    assert f"loadproof locust {words[0]}" in ended.err


@pytest.mark.parametrize("host", ["http://127.0.0.1:99999", "http://a..b"])
def test_a_host_that_cannot_be_reached_by_any_means_is_refused(suite, host):
    ended = loadproof(suite(""), "run", *WORDS, "-H", host)
    assert ended.code in (2, 3)
    assert "This is a bug" not in ended.err
    assert not (ended.cwd / "reports").exists()
