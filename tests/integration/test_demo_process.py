"""The demo's service as a process: what it prints, how it serves and how it ends."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from contextlib import closing

import pytest

from loadproof.suites.demo import TARGET_MODULE


@pytest.fixture
def shop():
    command = [sys.executable, "-m", TARGET_MODULE, "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.port = json.loads(process.stdout.readline())["port"]
        yield process
        process.kill()


@pytest.fixture
def connection(shop):
    with closing(http.client.HTTPConnection("127.0.0.1", shop.port, timeout=5)) as connection:
        yield connection


def test_it_answers_request_after_request_on_one_connection(connection):
    connection.connect()
    first = connection.sock
    for _ in range(3):
        connection.request("POST", "/api/cart", json.dumps({"product": 1}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)) == (201, {"items": [{"product": 1}]})
        # A body that no handler reads must not become the next request line.
        connection.request("POST", "/nowhere", b"x" * 1000)
        unknown = connection.getresponse()
        unknown.read()
        assert unknown.status == 404
    assert connection.sock is first


def test_a_head_request_has_no_body_and_keeps_the_connection(connection):
    for _ in range(2):
        connection.request("HEAD", "/api/products")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")


def test_it_ends_quietly_when_its_stdin_closes(shop):
    out, err = shop.communicate(timeout=5)
    assert (shop.returncode, out, err) == (0, b"", b"")


def test_it_ends_quietly_on_sigterm(shop):
    shop.send_signal(signal.SIGTERM)
    assert shop.wait(timeout=5) == 0
    assert (shop.stdout.read(), shop.stderr.read()) == (b"", b"")


def test_ctrl_c_of_the_terminal_does_not_close_it_before_its_parent_does(shop, connection):
    shop.send_signal(signal.SIGINT)
    connection.request("GET", "/health")
    assert connection.getresponse().status == 200


def test_a_taken_port_is_said_on_stderr(shop):
    second = subprocess.run(
        [sys.executable, "-m", TARGET_MODULE, "--port", str(shop.port)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=10,
    )
    assert second.returncode == 1
    assert f"Port {shop.port} is in use" in second.stderr
