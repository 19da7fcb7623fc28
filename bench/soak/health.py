"""Is a generator that is starved reported, and one that is idle not?

A run with little to do must not be called sick, twenty times over. One whose tasks burn the CPU, and one that shares
its core with other programs, must be: what that spoils is not judged, and service times, which the kernel stamps,
stand. Exits 1 where any of it fails.

    python bench/soak/health.py [--runs 20]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from _runs import READER, run
from _servers import nginx

BURNING = """
import time
from locust import HttpUser, task

class Reader(HttpUser):
    @task
    def read(self):
        self.client.get("/json", name="read")
        until = time.perf_counter() + 0.008
        while time.perf_counter() < until:
            pass
"""

RULES = ("--threshold", "p50(response_time) < 1s", "--threshold", "p50(service_time) < 1s")


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    """How the rules on times came out."""
    return {verdict["rule"]: verdict["outcome"] for verdict in result["verdicts"]}


def sick(url: str, what: str, suite: str, rate: int) -> bool:
    """Whether a run at a rate that it cannot keep is reported as it should be."""
    result = run("run", "-H", url, "--rate", f"{rate}/s", "--duration", "15s", *RULES, suite=suite, core=0)
    health, came = result["health"], outcomes(result)
    good = (
        bool(health["notes"])
        and came["p50(response_time) < 1s"] == "INCONCLUSIVE"
        and came["p50(service_time) < 1s"] == "PASS"
    )
    print(f"{what}: {'reported' if good else 'NOT REPORTED'}", flush=True)
    print(f"  start lag p99 {health['start_lag_p99'] * 1000:.1f} ms, dropped {health['dropped']}, {came}")
    for note in health["notes"]:
        print(f"  {note}")
    return good


def main() -> int:
    """All of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, nginx(Path(folder), core=1) as url:
        called_sick = 0
        for number in range(asked.runs):
            words = ("--rate", "50/s", "--duration", "5s") if number % 2 else ("-u", "5", "-r", "5", "-t", "5s")
            result = run("run", "-H", url, *words, *RULES, suite=READER, core=0)
            if result["health"]["notes"] or result["outcome"] != "PASS":
                called_sick += 1
                print(f"idle run {number + 1} is {result['outcome']}: {result['health']['notes']}", flush=True)
        print(f"{called_sick} of {asked.runs} idle runs were called sick", flush=True)
        good = sick(url, "tasks that burn 8 ms of CPU, 150 a second", BURNING, 150)
        spin = "while True: pass"
        others = [subprocess.Popen(["taskset", "-c", "0", sys.executable, "-c", spin]) for _ in range(12)]
        try:
            good &= sick(url, "twelve other programs on the same core, 5,000 a second", READER, 5000)
        finally:
            for other in others:
                other.kill()
    return 0 if good and not called_sick else 1


if __name__ == "__main__":
    sys.exit(main())
