"""A service that stands still for two seconds: what its users waited is only seen by those who keep coming."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from commandline import end, start, wait_for

pytestmark = pytest.mark.alone

READER = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.4)

    @task
    def read(self):
        self.client.get("/json", name="read")
"""

RATE, SECONDS, FROZEN = 50, 20, 2.0


def frozen_once(server, process, rows):
    """SIGSTOP for two seconds in the middle of the run, and that nothing else stood still."""
    wait_for(lambda: len(server.access_log_lines()) >= rows)
    os.kill(server.process.pid, signal.SIGSTOP)
    time.sleep(FROZEN)
    os.kill(server.process.pid, signal.SIGCONT)


def run(tmp_path, server, *words):
    (tmp_path / "locustfile.py").write_text(READER)
    process = start(tmp_path, "run", "-H", server.url, *words)
    freezer = threading.Thread(target=frozen_once, args=(server, process, RATE * 8))
    freezer.start()
    ended = end(process, tmp_path, timeout=90)
    freezer.join()
    assert ended.metrics["total_requests"] > 0.8 * RATE * SECONDS, ended.out + ended.err
    return ended


@pytest.mark.real("nginx")
def test_an_open_model_sees_what_users_waited(tmp_path, nginx):
    """Of 1,000 arrivals 100 wait 0 to 2 s, evenly: the worst 5 % at least 1 s, the worst 1 % at least 1.8 s."""
    ended = run(tmp_path, nginx, "--rate", f"{RATE}/s", "--duration", f"{SECONDS}s", "-u", "150", "--max-users", "150")
    assert ended.run["health"]["dropped"] == 0
    assert ended.metrics["p95_response_time"] == pytest.approx(1.0, abs=0.02 * 1.0 + 0.01)
    assert ended.metrics["p99_response_time"] == pytest.approx(1.8, abs=0.02 * 1.8 + 0.01)


@pytest.mark.long
@pytest.mark.real("nginx")
def test_a_closed_model_hardly_notices(tmp_path, nginx):
    """Twenty users wait once each: 20 of a thousand requests, which p95 does not see."""
    ended = run(tmp_path, nginx, "-u", "20", "-r", "20", "-t", f"{SECONDS}s")
    assert ended.metrics["service_time"]["p95_s"] < 0.1
