"""Is a rate met, and do arrivals begin in time?

500 arrivals a second for a minute, from core 0, against nginx on core 1, three times. A round is met when what was
started is within 0.5 % of what was offered and the 99th percentile of the start lag is below 5 ms. Exits 1 unless two
of three rounds are met.

    python bench/soak/on_schedule.py [--rate 500] [--seconds 60] [--rounds 3]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from _runs import run, steal
from _servers import nginx


def main() -> int:
    """Run the rounds and say how many were met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    met = 0
    with tempfile.TemporaryDirectory() as folder, nginx(Path(folder), core=1) as url:
        for number in range(asked.rounds):
            before = steal()
            result = run("run", "-H", url, "--rate", f"{asked.rate}/s", "--duration", f"{asked.seconds}s", core=0)
            health = result["health"]
            share = health["started"] / (asked.rate * asked.seconds)
            lag = health["start_lag_p99"]
            good = abs(share - 1) <= 0.005 and lag < 0.005
            met += good
            print(
                f"round {number + 1}: {health['offered']:,} offered, {health['started']:,} started ({share:.2%} of the "
                f"rate), {health['dropped']} dropped, start lag p99 {lag * 1000:.3f} ms, "
                f"CPU {health['cpu_mean']:.0%}, host's steal {steal() - before:.2f} s: {'met' if good else 'NOT MET'}",
                flush=True,
            )
    print(f"{met} of {asked.rounds} rounds met")
    return 0 if met * 3 >= asked.rounds * 2 else 1


if __name__ == "__main__":
    sys.exit(main())
