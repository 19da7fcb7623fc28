"""Does anything grow in a long run at full speed?

One core at full speed against nginx for ten minutes; resident memory and open descriptors of the supervisor and of the
load process are read every few seconds. Exits 1 when, after the warm-up, the memory of either grows by more than the
tolerance or its descriptors become more, when a request failed, or when the run did not end well. Growth is from the
median of the first fifth of what was read after the warm-up to that of the last fifth.

    python bench/soak/full_speed.py [--minutes 10] [--users 20] [--tolerance 20] [--samples all]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
from _servers import nginx

SUITE = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0)

    @task
    def read(self):
        self.client.get("/json")
"""

WARM_UP = 0.2
"""Share of the run in which caches, buffers and pools may fill."""

PAGE = os.sysconf("SC_PAGE_SIZE")


class Reading(NamedTuple):
    """What a process held at a moment.

    Attributes:
        at: Seconds since the run began.
        memory: Resident, in MB.
        descriptors: How many are open.
    """

    at: float
    memory: float
    descriptors: int


def reading(pid: int, at: float) -> Reading | None:
    """What a process holds now; None when it is gone."""
    root = Path(f"/proc/{pid}")
    try:
        pages = int((root / "statm").read_text().split()[1])
        descriptors = sum(1 for _ in (root / "fd").iterdir())
    except (OSError, IndexError):
        return None
    return Reading(at, pages * PAGE / 1e6, descriptors) if pages else None


def child_of(pid: int) -> int | None:
    """The load process below the supervisor."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        found = [int(word) for task in tasks for word in (task / "children").read_text().split()]
    except OSError:
        return None
    return min(found, default=None)


def watch(supervisor: subprocess.Popen[str], seconds: float, every: float) -> dict[str, list[Reading]]:
    """Read both processes until the load ends."""
    seen: dict[str, list[Reading]] = {"supervisor": [], "load process": []}
    began = time.monotonic()
    while supervisor.poll() is None and (at := time.monotonic() - began) < seconds:
        for name, pid in (("supervisor", supervisor.pid), ("load process", child_of(supervisor.pid))):
            found = None if pid is None else reading(pid, at)
            if found is not None:
                seen[name].append(found)
        time.sleep(every)
    return seen


def grew(values: list[float]) -> float:
    """From the median of the first fifth to that of the last."""
    size = max(1, len(values) // 5)
    return statistics.median(values[-size:]) - statistics.median(values[:size])


def judge(name: str, readings: list[Reading], seconds: float, tolerance: float) -> bool:
    """Print what became of a process; whether it stayed within the tolerance."""
    settled = [found for found in readings if found.at >= seconds * WARM_UP]
    if len(settled) < 5:
        print(f"  {name:<13} read {len(settled)} times after the warm-up: too few to say anything")
        return False
    memory = [found.memory for found in settled]
    slope = statistics.linear_regression([found.at / 60 for found in settled], memory).slope
    more, descriptors = grew(memory), grew([found.descriptors for found in settled])
    print(
        f"  {name:<13} {memory[0]:7.1f} MB first, {memory[-1]:7.1f} MB last, {slope:+.2f} MB a minute, "
        f"grew by {more:.1f} MB; descriptors {settled[0].descriptors} first, {settled[-1].descriptors} last"
    )
    return more <= tolerance and descriptors <= 0


def main() -> int:
    """Run, watch, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--every", type=float, default=3, help="seconds between two readings")
    parser.add_argument("--tolerance", type=float, default=20, help="MB that either process may grow by")
    parser.add_argument("--samples", default="all", help="which requests get a row, as in loadproof run")
    asked = parser.parse_args()
    seconds = asked.minutes * 60
    with tempfile.TemporaryDirectory() as folder, nginx(Path(folder), core=1) as url:
        cwd = Path(folder)
        (cwd / "locustfile.py").write_text(SUITE)
        words = ["run", "-u", str(asked.users), "-r", str(asked.users), "-t", f"{seconds:.0f}s", "-H", url]
        more = ["--results", "results", "--samples", asked.samples]
        command = ["taskset", "-c", "0", str(Path(sys.executable).parent / "loadproof"), *words, *more]
        with (cwd / "said.txt").open("w") as said:
            supervisor = subprocess.Popen(command, cwd=cwd, stdout=said, stderr=said, text=True)
            try:
                seen = watch(supervisor, seconds, asked.every)
                code = supervisor.wait(120 + seconds)
            finally:
                if supervisor.poll() is None:
                    supervisor.send_signal(signal.SIGTERM)
                    supervisor.wait(30)
        found = list(cwd.glob("results/*/metrics.json"))
        if not found:
            print((cwd / "said.txt").read_text())
            return 1
        metrics = json.loads(found[0].read_text())
    total, failed = metrics["total_requests"], metrics["failed_requests"]
    print(
        f"{total:,} requests in {seconds:.0f} s, {total / seconds:,.0f} a second, {failed:,} failed, exit code {code}; "
        f"tolerance {asked.tolerance:.0f} MB after {seconds * WARM_UP:.0f} s"
    )
    within = [judge(name, readings, seconds, asked.tolerance) for name, readings in seen.items()]
    return 0 if all(within) and failed == 0 and code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
