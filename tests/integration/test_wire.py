"""What servers may do to a connection, to the byte: every request is answered by its own answer, or fails once."""

from __future__ import annotations

import json
import random
import re
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from commandline import loadproof

CASES = Path(__file__).with_name("wire_cases.py")
PROPERTIES = Path(__file__).with_name("wire_fuzz.py")


CASE_NAMES = re.findall(r"^@case\ndef (\w+)", CASES.read_text(), re.MULTILINE)
PROPERTY_NAMES = re.findall(r"^@given.*\ndef (\w+)", PROPERTIES.read_text(), re.MULTILINE)


def outcomes(program):
    command = [sys.executable, "-W", "ignore", program]
    run = subprocess.run(command, capture_output=True, text=True, timeout=115, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def cases():
    return outcomes(CASES)


@pytest.fixture(scope="module")
def properties():
    return outcomes(PROPERTIES)


@pytest.mark.long
@pytest.mark.parametrize("name", CASE_NAMES)
def test_whatever_happens_to_a_connection(cases, name):
    wrong = cases[name]
    if wrong and wrong.startswith("skipped: "):
        pytest.skip(wrong.removeprefix("skipped: "))
    assert wrong is None, wrong


@pytest.mark.parametrize("name", [*PROPERTY_NAMES, "each_byte_may_come_alone"])
def test_however_an_answer_is_cut(properties, name):
    assert properties[name] is None, properties[name]


def test_no_case_is_forgotten(cases, properties):
    assert set(cases) == set(CASE_NAMES)
    assert set(properties) == {*PROPERTY_NAMES, "each_byte_may_come_alone"}


# A whole run


class Unreliable:
    """Ends connections at random, and remembers which requests came and which it answered in full."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.received, self.answered, self.random = Counter(), set(), random.Random(11)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest = b""
        try:
            with sock:
                while True:
                    while b"\r\n\r\n" not in rest:
                        data = sock.recv(65536)
                        if not data:
                            return
                        rest += data
                    head, _, rest = rest.partition(b"\r\n\r\n")
                    path = head.split(b" ", 2)[1].decode()
                    self.received[path] += 1
                    data = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path.encode())
                    what = self.random.choice(["answer"] * 6 + ["nothing", "head", "body", "answer and end"])
                    size = {"nothing": 0, "head": 20, "body": len(data) - 3}.get(what, len(data))
                    if size == len(data):
                        self.answered.add(path)
                    sock.sendall(data[:size])
                    if what != "answer":
                        if self.random.random() < 0.5:
                            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return
        except OSError:
            return


RUN = """
import itertools
from locust import HttpUser, constant, task

count = itertools.count()

class Reader(HttpUser):
    wait_time = constant(0.01)

    @task
    def read(self):
        path = "/%d" % next(count)
        with self.client.get(path, catch_response=True) as response:
            if response.status_code and response.text != path:
                raise ValueError("the answer of another request")
"""


@pytest.mark.long
def test_a_run_counts_each_failure_once_and_sends_nothing_twice(tmp_path):
    server = Unreliable()
    (tmp_path / "locustfile.py").write_text(RUN)
    words = ("-u", "10", "-r", "10", "-t", "3s", "-H", server.url, "--no-ready-check")
    ended = loadproof(tmp_path, "run", *words)
    server.listener.close()
    assert ended.code == 99, ended.out + ended.err
    assert not ended.run["exceptions"], ended.run["exceptions"]
    metrics, rows = ended.metrics, ended.rows
    assert len(rows) == metrics["total_requests"] > 300
    assert metrics["total_requests"] == metrics["successful_requests"] + metrics["failed_requests"]
    assert set(server.received.values()) == {1}
    names = Counter(row["endpoint"] for row in rows)
    assert set(names.values()) == {1}
    good = {row["endpoint"] for row in rows if row["success"] == "true"}
    failed = set(names) - good
    assert good <= server.answered
    assert not failed & server.answered
    # What reached the server and has no row was cut off by the end; what has a row and never reached it has failed.
    assert len(set(server.received) - set(names)) <= metrics["unfinished"]
    assert set(names) - set(server.received) <= failed
    assert set(metrics["error_types"]) <= {"connection_closed", "connection_reset"}
    assert sum(metrics["error_types"].values()) == metrics["failed_requests"] == len(failed)
