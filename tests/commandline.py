"""Runs the command line as a user does: a subprocess in a folder of its own."""

from __future__ import annotations

import csv
import json
import os
import random
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent


@dataclass
class Ended:
    code: int
    out: str
    err: str
    cwd: Path

    @property
    def directories(self) -> list[Path]:
        return sorted((self.cwd / "reports/performance").glob("*_test_*"))

    @property
    def directory(self) -> Path:
        (only,) = self.directories
        return only

    @property
    def run(self) -> dict:
        return json.loads((self.directory / "run.json").read_text())

    @property
    def metrics(self) -> dict:
        return json.loads((self.directory / "metrics.json").read_text())

    @property
    def rows(self) -> list[dict[str, str]]:
        with (self.directory / "results.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def verdict(self, rule: str) -> dict:
        (verdict,) = [v for v in self.run["verdicts"] if v["rule"].startswith(rule)]
        return verdict


def environment(**extra: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOCUST_", "LOADPROOF_"))}
    return kept | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "120"} | extra


def start(cwd: Path, *words: str, program: str = "loadproof", **extra: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [BIN / program, *words],
        cwd=cwd,
        env=environment(**extra),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str], cwd: Path, timeout: float = 60) -> Ended:
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        out, err = process.communicate()
        raise AssertionError(f"it did not end in {timeout} s\n{out}\n{err}") from None
    return Ended(process.returncode, out, err, cwd)


def loadproof(cwd: Path, *words: str, timeout: float = 60, **extra: str) -> Ended:
    return end(start(cwd, *words, **extra), cwd, timeout)


def locust(cwd: Path, *words: str, timeout: float = 60) -> Ended:
    return end(start(cwd, *words, program="locust"), cwd, timeout)


def both(cwd: Path, theirs: tuple[str | Path, ...], ours: tuple[str | Path, ...], timeout: float = 90) -> list[Ended]:
    """Locust and Loadproof with their words, at once: most of the time either waits."""
    running = [start(cwd, *theirs, program="locust"), start(cwd, *ours)]
    return [end(process, cwd, timeout) for process in running]


def wait_for(condition, timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def free_port() -> int:
    """One that nobody listens on, and that no other program is given that asks for any: those come from higher up."""
    for port in random.sample(range(10_000, 32_000), 100):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("none of 100 ports is free")


def children(pid: int) -> set[int]:
    """All processes below ``pid``."""
    found: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            child = int(stat.parent.name)
            found |= {child} | children(child)
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
