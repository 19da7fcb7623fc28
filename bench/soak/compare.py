"""Do comparisons of real runs come out right?

A small service on core 1, four workers that take 12 ms for a request and a queue before them, in three speeds: as it
is, 15 % slower and 40 % slower. Each is run several times from core 0, in turn, so that whatever the machine does falls
on all of them alike. Then `compare_runs` holds the sides against each other: the same service against itself must never
be REGRESSED; 15 % slower must be REGRESSED on p50 and neither IMPROVED nor EQUIVALENT on p95; 40 % slower must be
REGRESSED on both. Exits 1 where one of these does not hold.

    python bench/soak/compare.py [--runs 5] [--seconds 8]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from _runs import modelled, run

from loadproof.compare import compare_runs
from loadproof.report.comparison import render_comparison
from loadproof.result import Change, Comparison, RunResult

SECONDS_A_REQUEST = 0.012
WORKERS = 4
SPEEDS = {"A": 1.0, "A again": 1.0, "15 % slower": 1.15, "40 % slower": 1.4}

SUITE = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        self.client.get("/json", name="read")
"""


def measured(speed: float, seconds: int, folder: Path, number: int) -> RunResult:
    """One run against a service of that speed."""
    service = ("workers", str(WORKERS), str(SECONDS_A_REQUEST * speed))
    words = ("run", "--samples", "none", "-u", "8", "-r", "8", "-t", f"{seconds}s", "--warmup", "1s")
    with modelled(*service, core=1) as url:
        document = run(*words, "-H", url, suite=SUITE, core=0)
    path = folder / f"{number}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return RunResult.load(path)


def changes(comparison: Comparison) -> dict[str, Change]:
    """What each quantity of all requests came to."""
    return {each.metric: each.change for each in comparison.differences if each.name is None}


def holds(name: str, found: dict[str, Change]) -> bool:
    """Whether it came out as it must."""
    p50, p95 = found["p50(response_time)"], found["p95(response_time)"]
    if name == "A again":
        return Change.REGRESSED not in found.values()
    if name == "15 % slower":
        return p50 is Change.REGRESSED and p95 not in (Change.IMPROVED, Change.EQUIVALENT)
    return p50 is p95 is Change.REGRESSED


def main() -> int:
    """All runs, then all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8)
    asked = parser.parse_args()
    sides: dict[str, list[RunResult]] = {name: [] for name in SPEEDS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(asked.runs):
            order = list(SPEEDS.items())
            for name, speed in order if number % 2 == 0 else reversed(order):
                sides[name].append(measured(speed, asked.seconds, Path(folder), len(list(Path(folder).iterdir()))))
    off = 0
    for name in list(SPEEDS)[1:]:
        comparison = compare_runs(sides["A"], sides[name])
        good = holds(name, changes(comparison))
        off += not good
        print(f"\n{name}: {'met' if good else 'NOT MET'}\n{render_comparison(comparison, width=120)}", flush=True)
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
