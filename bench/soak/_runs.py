"""Runs of the command line, and what they came to."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent
TESTS = Path(__file__).parents[2] / "tests"

READER = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.1)

    @task
    def read(self):
        self.client.get("/json", name="read")
"""


def run(*words: str, suite: str = READER, core: int | None = None, seconds: float = 600) -> dict[str, Any]:
    """`loadproof WORDS` in an empty folder; what it left in `run.json`.

    Args:
        words: Of its command line.
        suite: The locustfile.
        core: The core that it is pinned to; None for none.
        seconds: Longest that it may take.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "locustfile.py").write_text(suite, encoding="utf-8")
        pinned = [] if core is None else ["taskset", "-c", str(core)]
        ended = subprocess.run(
            [*pinned, str(BIN / "loadproof"), *words],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        found = list(Path(folder).glob("reports/performance/*/run.json"))
        if not found:
            sys.exit(f"loadproof left no result:\n{ended.stdout}\n{ended.stderr}")
        return json.loads(found[0].read_text(encoding="utf-8"))


@contextmanager
def modelled(*words: str, core: int | None = None) -> Iterator[str]:
    """The URL of a service whose capacity is known; see `tests/modelled_service.py`."""
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    with subprocess.Popen(
        [*pinned, sys.executable, str(TESTS / "modelled_service.py"), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()
        process.wait(10)


def steal() -> float:
    """Seconds that the host has kept from this machine's cores since it started."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()
    return int(fields[8]) / 100
