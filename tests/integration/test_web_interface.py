"""Locust's web interface drives runs; each test it starts leaves a result of its own."""

from __future__ import annotations

import json
import signal
import socket
import time

import requests

from commandline import end, start, wait_for

SUITE = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        self.client.get("/ok")
"""


def answers(url):
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.ConnectionError:
        return False


def test_each_test_of_the_web_interface_leaves_a_result(tmp_path, service):
    (tmp_path / "locustfile.py").write_text(SUITE)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = start(tmp_path, "run", "--ui", "--web-port", str(port))
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: answers(url))
    for _ in range(2):
        before = service.seen.total()
        requests.post(f"{url}/swarm", data={"user_count": 3, "spawn_rate": 3, "host": service.url}, timeout=5)
        wait_for(lambda before=before: service.seen.total() > before + 50)
        requests.post(f"{url}/stop", timeout=5)
        time.sleep(1)
    process.send_signal(signal.SIGINT)
    ended = end(process, tmp_path)
    assert ended.code == 0, ended.out + ended.err
    assert url in ended.out
    metrics = [json.loads((d / "metrics.json").read_text()) for d in ended.directories]
    assert len(metrics) == 2
    assert sum(m["total_requests"] + m["unfinished"] for m in metrics) == service.seen.total()
    assert ended.out.count("PASS") >= 2
