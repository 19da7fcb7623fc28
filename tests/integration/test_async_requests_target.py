from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from commandline import BIN, environment, wait_for
from suite_targets import running_target

CONTRACT = Path(__file__).parents[1] / "contract" / "async_requests" / "locustfile.py"
CHECK_FILE = {
    "params": {
        "type": "check_file",
        "collection": "article_4_direction",
        "dataset": "article_4_direction_area",
        "original_filename": "field.jpg",
        "uploaded_filename": "B1E16917",
    }
}


@contextmanager
def target(*options):
    with running_target("async_requests", *options) as running:
        yield running


def create(running):
    return running.post("/requests", CHECK_FILE)["id"]


def test_a_job_takes_its_time_and_then_is_complete():
    with target("--job-seconds", "0.3") as running:
        began = time.monotonic()
        request_id = create(running)
        wait_for(lambda: running.get(f"/requests/{request_id}")["status"] == "COMPLETE")
        assert time.monotonic() - began >= 0.3
        assert running.state == {"NEW": 0, "PROCESSING": 0, "COMPLETE": 1, "FAILED": 0}


def test_one_worker_does_one_job_at_a_time():
    with target("--job-seconds", "30") as running:
        for _ in range(5):
            create(running)
        wait_for(lambda: running.state["PROCESSING"] == 1)
        assert running.state == {"NEW": 4, "PROCESSING": 1, "COMPLETE": 0, "FAILED": 0}


def test_more_workers_do_more_at_a_time():
    with target("--job-seconds", "30", "--concurrency", "3") as running:
        for _ in range(5):
            create(running)
        wait_for(lambda: running.state["PROCESSING"] == 3)
        assert running.state["NEW"] == 2


def test_the_share_of_jobs_that_fail_can_be_given():
    with target("--job-seconds", "0", "--failing-share", "1") as running:
        for _ in range(5):
            create(running)
        wait_for(lambda: running.state["FAILED"] == 5)


def test_it_ends_with_its_input_although_a_job_is_under_way_and_leaves_nothing(tmp_path):
    with running_target("async_requests", "--job-seconds", "3600", TMPDIR=str(tmp_path)) as running:
        create(running)
        wait_for(lambda: running.state["PROCESSING"] == 1)
        assert list(tmp_path.iterdir())
    assert running.process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_it_ends_on_sigterm():
    with target() as running:
        os.kill(running.process.pid, signal.SIGTERM)
        assert running.process.wait(15) == 0


def test_ctrl_c_passes_by_a_target_that_a_run_has_started():
    with target() as running:
        os.kill(running.process.pid, signal.SIGINT)
        time.sleep(0.3)
        assert running.get("/health")["name"] == "request-api"


def test_ctrl_c_at_a_terminal_ends_it_in_order():
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "loadproof.suites.async_requests.target"]
    process = subprocess.Popen(command, stdin=its, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert json.loads(process.stdout.readline())["port"] > 0
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        os.close(ours)
        os.close(its)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_port_that_is_taken_is_said_in_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "loadproof.suites.async_requests.target", "--port", str(port)]
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
    assert ended.returncode != 0
    assert ended.stderr == f"cannot listen on 127.0.0.1:{port}: Address already in use; try --port 0\n"


@pytest.mark.parametrize(
    ("option", "value"), [("--job-seconds", "-1"), ("--failing-share", "1.5"), ("--concurrency", "0")]
)
def test_an_option_that_cannot_be_is_refused(option, value):
    command = [sys.executable, "-m", "loadproof.suites.async_requests.target", option, value]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert option in ended.stderr


@pytest.mark.long
@pytest.mark.parametrize("program", [pytest.param("locust", marks=pytest.mark.long), "loadproof locust"])
def test_a_suite_of_plain_locust_runs_against_it_as_it_is(tmp_path, program):
    with target("--job-seconds", "0.05") as running:
        ended = run_contract(program, tmp_path, running.url)
        state = running.state
    assert ended.returncode == 0
    rows = {(row["method"], row["name"]): row for row in json.loads((tmp_path / "out.json").read_text())}
    assert set(rows) == {("POST", "/requests"), ("GET", "/requests/{id}")}
    assert all(row["num_requests"] > 0 and row["num_failures"] == 0 for row in rows.values())
    assert state["FAILED"] == 0
    assert sum(state.values()) >= rows["POST", "/requests"]["num_requests"]
    assert "COMPLETE" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def run_contract(program, cwd, url):
    words = ["-f", CONTRACT, "--headless", "-u", "3", "-r", "10", "-t", "4s", "-H", url, "--json-file", "out"]
    first, *rest = program.split()
    return subprocess.run(
        [BIN / first, *rest, *words],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def private_redis(folder):
    """Redis on a free port of loopback, in a folder of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens(port))
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(15)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def celery_worker(broker, database, concurrency):
    command = [sys.executable, "-m", "loadproof.suites.async_requests.target.celery_queue"]
    options = ["--broker", broker, "--database", str(database), "--concurrency", str(concurrency)]
    process = subprocess.Popen([*command, *options], stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.mark.real("redis-server")
def test_jobs_go_through_redis_to_a_celery_worker_and_back():
    with tempfile.TemporaryDirectory() as folder, private_redis(folder) as broker:
        database = Path(folder, "requests.db")
        options = ("--broker", broker, "--database", str(database), "--job-seconds", "0.2")
        with target(*options) as running, celery_worker(broker, database, concurrency=2) as worker:
            assert running.ready["queue"] == "celery"
            ids = [create(running) for _ in range(4)]
            running.post("/_faults", {"failing_share": 1})
            failing = create(running)
            wait_for(lambda: running.state["COMPLETE"] == 4 and running.state["FAILED"] == 1, timeout=40)
            assert {running.get(f"/requests/{i}")["status"] for i in ids} == {"COMPLETE"}
            assert running.get(f"/requests/{failing}")["response"]["error"]["errType"] == "User Error"
            assert worker.poll() is None
            assert running.get("/health")["dependencies"][1] == {"name": "sqs", "status": "HEALTHY"}


@pytest.mark.long
def test_a_broker_that_is_gone_is_a_500_and_not_healthy():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with target("--broker", f"redis://127.0.0.1:{nobody.getsockname()[1]}/0") as running:
            assert requests.post(f"{running.url}/requests", json=CHECK_FILE, timeout=20).status_code == 500
            answer = requests.get(f"{running.url}/health", timeout=20)
            assert (answer.status_code, answer.json()["dependencies"][1]["status"]) == (500, "UNREACHABLE")
