"""Does a search find a capacity that is known?

Services whose capacity follows from how they are made, on core 1, searched with short trials from core 0: a pool of
workers, one worker with exponential times under a limit on p95, a limit on the rate, and one that collapses beyond its
peak. Each once with one load process and once with two. Exits 1 where an answer is more than 7 % off.

    python bench/soak/capacity.py [--only workers,mm1,bucket,collapse] [--processes 1,2]
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from _runs import modelled, run

TOLERANCE = 0.07
TRIALS = ("--trial", "8s", "--settle", "2s", "--confirm", "15s")
LONGEST = 1800.0
"""Seconds that one search may take: an overloaded service is left to recover after each trial."""

MU, LIMIT = 200.0, 0.1

KINDS = {
    # what is run, the rules, the true capacity, how arrivals are spaced
    "workers": (("workers", "3", "0.02"), ("p95(response_time) < 250ms",), 150.0, ()),
    "mm1": (("mm1", str(MU)), (f"p95(response_time) < {LIMIT}s",), MU + math.log(0.05) / LIMIT, ("--poisson",)),
    "bucket": (("bucket", "150"), ("error_rate < 1%",), 150 / 0.99, ()),
    "collapse": (("collapse", "120"), ("p95(response_time) < 500ms",), 120.0, ()),
}


def main() -> int:
    """All kinds that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--processes", default="1,2")
    asked = parser.parse_args()
    off = 0
    for name in asked.only.split(","):
        service, rules, truth, spacing = KINDS[name]
        for processes in asked.processes.split(","):
            began = time.monotonic()
            slo = [word for rule in rules for word in ("--slo", rule)]
            several = [] if processes == "1" else ["--processes", processes]
            with modelled(*service, core=1) as url:
                words = ("-H", url, "--start-rate", "40", *slo, *TRIALS, *spacing, *several)
                result = run("capacity", *words, core=0, seconds=LONGEST)
            search = result["search"]
            low, high = search["low"], search["high"]
            good = search["outcome"] == "found" and abs(low / truth - 1) <= TOLERANCE
            off += not good
            print(
                f"{name}, {processes} load process{'es' if several else ''}: {low and round(low, 1)} to "
                f"{high and round(high, 1)}/s, true {truth:.1f}/s ({(low or 0) / truth - 1:+.1%}), "
                f"{len(result['levels'])} trials in {time.monotonic() - began:.0f} s: {'met' if good else 'NOT MET'}",
                flush=True,
            )
            print(f"  {search['reason']}", flush=True)
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
