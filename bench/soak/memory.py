"""Does memory stay where it is at full speed, with a row for every request?

One core at full speed against nginx for a while; resident memory of the supervisor and of the load process is read each
second, and its growth after the first five seconds is printed. Exits 1 when either grows by 50 MB or more.

    python bench/soak/memory.py [--seconds 30] [--names 1]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from _servers import nginx

SUITE = """
import random
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0)

    @task
    def read(self):
        self.client.get("/json", name="entry %d" % random.randrange(NAMES))
"""

LIMIT_MB = 50
SETTLED = 5


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB; 0 when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * 4096 / 1e6


def child_of(pid: int) -> int | None:
    """The load process below the supervisor."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(words[0]) if words else None


def main() -> int:
    """Run, watch, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--names", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, nginx(Path(folder), core=1) as url:
        cwd = Path(folder)
        (cwd / "locustfile.py").write_text(SUITE.replace("NAMES", str(asked.names)))
        words = ["run", "-u", "20", "-r", "20", "-t", f"{asked.seconds}s", "-H", url, "--results", "results"]
        command = ["taskset", "-c", "0", str(Path(sys.executable).parent / "loadproof"), *words]
        supervisor = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True)
        seen: dict[str, list[float]] = {"supervisor": [], "load process": []}
        started = time.monotonic()
        while supervisor.poll() is None and time.monotonic() - started < asked.seconds + 1:
            load = child_of(supervisor.pid)
            seen["supervisor"].append(resident_mb(supervisor.pid))
            if load is not None:
                seen["load process"].append(resident_mb(load))
            time.sleep(1)
        out = supervisor.communicate(timeout=120)[0]
        rows = sum(path.read_bytes().count(b"\n") - 1 for path in cwd.glob("results/*/results.csv"))
    print(out.strip().splitlines()[0])
    print(f"{rows:,} rows in {asked.seconds} s, {asked.names} names")
    worst = 0.0
    for name, values in seen.items():
        alive = [value for value in values if value]
        growth = max(alive[SETTLED:], default=0.0) - (alive[SETTLED] if len(alive) > SETTLED else 0.0)
        worst = max(worst, growth)
        print(f"  {name:<13} {alive[0]:.0f} MB at its start, grew by {growth:.1f} MB after {SETTLED} s")
    return 1 if worst >= LIMIT_MB else 0


if __name__ == "__main__":
    sys.exit(main())
