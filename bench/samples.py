"""What does it cost to record every request, and to write a row for each?

The same locustfile, in turn and pinned to one core, against nginx on the other: under Locust, under Loadproof without
rows, under Loadproof with all rows. Printed are ratios of requests per second within one round, and their spread.

    python bench/samples.py [--rounds 3] [--seconds 8] [--users 20]
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from _servers import nginx

SUITE = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0)

    @task
    def read(self):
        self.client.get("/json")
"""

BIN = Path(sys.executable).parent
GENERATOR = ["taskset", "-c", "0"]


def under_locust(cwd: Path, words: list[str], seconds: int) -> float:
    """Requests per second of Locust itself."""
    command = [*GENERATOR, str(BIN / "locust"), "--headless", "--only-summary", "--csv", "locust", *words]
    subprocess.run(command, cwd=cwd, capture_output=True, check=True, timeout=seconds + 60)
    with (cwd / "locust_stats_history.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    return float(last["Total Request Count"]) / seconds


def under_loadproof(cwd: Path, words: list[str], seconds: int, samples: str) -> float:
    """Requests per second under Loadproof."""
    results = tempfile.mkdtemp(dir=cwd)
    command = [*GENERATOR, str(BIN / "loadproof"), "run", "--samples", samples, "--results", results, *words]
    subprocess.run(command, cwd=cwd, capture_output=True, check=True, timeout=seconds + 60)
    (metrics,) = Path(results).glob("*/metrics.json")
    return float(json.loads(metrics.read_text())["requests_per_second"])


def main() -> None:
    """Measure in rounds and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--users", type=int, default=20)
    asked = parser.parse_args()
    ratios: dict[str, list[float]] = {"no rows / locust": [], "all rows / locust": [], "all rows / no rows": []}
    with tempfile.TemporaryDirectory() as folder, nginx(Path(folder), core=1) as url:
        cwd = Path(folder)
        (cwd / "locustfile.py").write_text(SUITE)
        words = ["-u", str(asked.users), "-r", str(asked.users), "-t", f"{asked.seconds}s", "-H", url]
        for _ in range(asked.rounds):
            locust = under_locust(cwd, words, asked.seconds)
            none = under_loadproof(cwd, words, asked.seconds, "none")
            every = under_loadproof(cwd, words, asked.seconds, "all")
            ratios["no rows / locust"].append(none / locust)
            ratios["all rows / locust"].append(every / locust)
            ratios["all rows / no rows"].append(every / none)
    print(f"requests per second, one core, {asked.rounds} rounds of {asked.seconds} s: min / median / max")
    for name, values in ratios.items():
        print(f"  {name:<20} {min(values):.2f} / {statistics.median(values):.2f} / {max(values):.2f}")


if __name__ == "__main__":
    main()
