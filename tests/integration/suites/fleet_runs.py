"""Runs of the fleet suite as a team makes them: ``make test/performance`` in a copy of the suite's folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

from fleet_processes import OFFLINE_TOKEN

import loadproof
from commandline import BIN, children, environment

SUITE = Path(loadproof.__file__).parent / "suites" / "fleet"
SMALL = {
    "PERF_TEST_USERS": "10",
    "PERF_TEST_WORKERS_NUMBER": "2",
    "PERF_TEST_USER_SPAWN_RATE": "20",
    "PERF_TEST_RUN_TIME": "2m",
    "PERF_TEST_MINUTE": "4",
}
"""A run of 8 seconds with 2 workers of 10 users each: enough requests that no part of the mix is missed."""


def copy_of_the_suite(folder):
    for name in ("Makefile", "loadproof.toml", "test"):
        source = SUITE / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    return folder


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Run:
    """One run that goes on or has ended.

    Attributes:
        code: Its exit code; make turns all but 0 into 2, and names the true one in its message.
    """

    def __init__(self, folder, process):
        self.folder = folder
        self.process = process
        self.code = self.out = self.err = None

    def end(self, timeout=90):
        try:
            self.out, self.err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.out, self.err = self.process.communicate()
            raise AssertionError(f"it did not end in {timeout} s\n{self.out}\n{self.err}") from None
        self.code = self.process.returncode
        return self

    @property
    def text(self):
        return f"{self.out}\n{self.err}"

    @property
    def directory(self):
        (only,) = (self.folder / "reports" / "performance").glob("load_test_*")
        return only

    @property
    def result(self):
        return json.loads((self.directory / "run.json").read_text())

    def verdict(self, rule):
        """Outcome of a rule, and what it observed."""
        (verdict,) = [each for each in self.result["verdicts"] if each["rule"] == rule]
        return verdict["outcome"], verdict["observed"]

    def ledgers(self, kind="kafka"):
        """What each worker created, in order: ledger lines of each process."""
        lines = defaultdict(list)
        for path in (self.folder / "reports" / "performance" / "ledgers").rglob(f"{kind}-*.jsonl"):
            lines[path.name] += [json.loads(line) for line in path.read_text().splitlines()]
        return dict(lines)

    def created(self, *, keep, kind="kafka"):
        """Ids by worker of what was created to be kept, or only to fill the database."""
        return {
            name: [line["id"] for line in lines if line["happened"] == "created" and line["facts"]["keep"] is keep]
            for name, lines in self.ledgers(kind).items()
        }

    def rows(self):
        """Locust's statistics: type and name to requests and failures."""
        lines = (self.folder / "reports" / "perf_test_stats.csv").read_text().splitlines()[1:]
        return {(row[0], row[1]): (int(row[2]), int(row[3])) for row in (line.split(",") for line in lines)}


def parameters(api, **given):
    return {
        "PERF_TEST_ROUTE_HOST": api.url if api else "http://127.0.0.1:9",
        "OCM_OFFLINE_TOKEN": OFFLINE_TOKEN,
        "LOADPROOF_ISSUER_URL": api.token_url if api else "http://127.0.0.1:9/token",
        "PERF_TEST_TOKEN_URL": f"http://127.0.0.1:{free_port()}/ocm_token",
        **given,
    }


def make(folder, target="test/performance", *words, **given):
    environ = {name: value for name, value in environment(**given).items() if value}
    process = subprocess.Popen(
        ["make", "--no-print-directory", target, *words],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return Run(folder, process)


def run(folder, api, **given):
    """A whole run in a fresh copy of the suite."""
    return make(copy_of_the_suite(folder), **parameters(api, **(SMALL | given))).end()


def python(folder, script, **given):
    words = [str(BIN / "python"), f"test/performance/{script}"]
    return subprocess.run(
        words, cwd=folder, env=environment(**given), capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def watching(look, every=0.1):
    """Look again and again beside what the block does; gives all that was seen, as (when, what)."""
    import threading

    seen, over = [], threading.Event()

    def watch():
        while not over.is_set():
            seen.append((time.time(), look()))
            over.wait(every)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def processes(pid):
    """Command line and environment of a process and all below it."""
    found = []
    for each in {pid} | children(pid):
        try:
            command, environ = (Path(f"/proc/{each}/{name}").read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue
        found.append((command.replace(b"\0", b" ").decode(), environ.decode()))
    return found


def files_with(folder, secret):
    """Files below a folder that hold a text."""
    return [str(path) for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
