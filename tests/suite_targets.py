"""Starts the target of a suite as whoever needs it does: a process that ends with its stdin."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import time
import urllib.request

from commandline import end, environment

START = 30.0
"""Seconds that a target may take to be ready."""


class Target:
    """A target that is ready.

    Attributes:
        process: Its process; None where somebody else ends it.
        ready: What it said on its first line.
        url: Where it listens.
    """

    def __init__(self, process, ready):
        self.process = process
        self.ready = ready
        self.url = f"http://127.0.0.1:{ready['port']}"

    def get(self, path):
        """What a GET answers, as JSON."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def post(self, path, body):
        """What a POST of JSON answers, as JSON."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    @property
    def state(self):
        """What it has done."""
        return self.get("/_state")


def end_when(process, cwd, condition, timeout=90.0):
    """End a load test as soon as a condition holds, or when it ends by itself.

    How long a test must go on for it to have seen enough says how busy the machine is.
    """
    deadline = time.monotonic() + timeout
    while process.poll() is None and not condition():
        assert time.monotonic() < deadline, "it never saw enough"
        time.sleep(0.1)
    if process.poll() is None:
        process.terminate()  # Locust ends in order; SIGINT would strike wherever it is
    return end(process, cwd)


@contextlib.contextmanager
def running_target(suite, *options, module="target", **extra):
    """Start ``python -m loadproof.suites.SUITE.MODULE``, wait until it is ready, end it by closing its stdin."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"loadproof.suites.{suite}.{module}", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(**extra),
        start_new_session=True,
    )
    try:
        assert select.select([process.stdout], [], [], START)[0], "it never got ready"
        line = process.stdout.readline()
        assert line, f"it ended with {process.wait(10)} before it was ready"
        yield Target(process, json.loads(line))
        process.stdin.close()
        process.wait(15)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdin.close()
        process.stdout.close()
