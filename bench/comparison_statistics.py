"""Do the intervals of a comparison hold what they promise?

Simulated runs whose truth is known: in each second a level that follows an AR(1) process, lognormal times about it,
and, in half of the cells, bursts in which everything takes three times as long (one in 33 s, for 2 s, on average).
Pairs go through the very functions that `loadproof compare` uses, one quantity at a time, uncorrected for their number:

- coverage: how often the 95 % interval of the ratio holds the true one, of all pairs that got an interval;
- false alarms: how often B is REGRESSED though it is like A;
- power: how often B, whose times are all 20 % longer, is REGRESSED, of pairs whose stated detectable effect is less.

Each line also says in how many pairs a run could not speak for itself, which makes them INCONCLUSIVE; a cell where that
is so in four of five pairs makes no promise. With several runs a side, each run also has a level of its own, which no
single run can know of. Exits 1 where something is not met.

Cells of several runs have more pairs, which cost less: of 250, a coverage of 94 % is too often under 93 % by chance.

    python bench/comparison_statistics.py [--pairs N] [--only within|between] [--processes 2]
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import sys
from dataclasses import dataclass
from functools import partial

import numpy as np

from loadproof.compare.limits import TOLERANCES, decide
from loadproof.compare.sides import QUANTILES, Reading, contrast_of, courses_of_counts
from loadproof.result import Change

PAIRS_WITHIN, PAIRS_BETWEEN = 200, 1_000
SLOWER = 1.2
LEAST_COVERAGE = 0.93
MOST_FALSE_ALARMS = 0.05
LEAST_POWER = 0.90
LEAST_GIVEN = 0.20
LEAST_DETECTABLE = 30  # pairs, of which a power can be told

STEP = 0.01  # of the logarithm: buckets of 1 %, between those of windows of all requests (0.4 %) and of entries (3 %)
LOWEST = -4.0
BUCKETS = 1_300
EDGES = [math.exp(LOWEST + STEP * number) for number in range(BUCKETS + 1)]

LEVEL_SPREAD = 0.15  # standard deviation of the level within a run, on the logarithmic scale
SPREAD = 0.5  # of single times about it
BURST_EVERY, BURST_ENDS, BURST = 0.03, 0.5, 3.0


@dataclass(frozen=True)
class Cell:
    """One kind of pair: seconds, requests per second, AR(1) coefficient, bursts, runs a side, spread between them."""

    seconds: int
    rate: int
    memory: float
    bursts: bool
    runs: tuple[int, int] = (1, 1)
    between: float = 0.0

    def __str__(self) -> str:
        runs = f"{self.runs[0]} v {self.runs[1]}"
        between = f" {self.between:.0%} apart" if self.between else ""
        return (
            f"{runs}{between}, {self.seconds} s, {self.rate}/s, memory {self.memory}{', bursts' if self.bursts else ''}"
        )


WITHIN = [
    Cell(seconds, rate, memory, bursts)
    for seconds, rate in ((60, 20), (60, 100), (300, 50))
    for memory in (0.0, 0.5, 0.8, 0.9)
    for bursts in (False, True)
]
BETWEEN = [
    Cell(60, 20, 0.5, bursts, runs, between)
    for runs in ((2, 2), (4, 1), (3, 3), (5, 5))
    for between in (0.02, 0.06)
    for bursts in (False, True)
] + [Cell(60, 100, 0.0, bursts=False, runs=runs, between=0.02) for runs in ((3, 3), (5, 5))]


@dataclass
class Tally:
    """What became of the pairs of a cell, for one quantile."""

    pairs: int = 0
    given: int = 0
    covered: int = 0
    alarms: int = 0
    detectable: int = 0
    found: int = 0
    widths: tuple[float, ...] = ()


def simulated(cell: Cell, drawing: np.random.Generator) -> np.ndarray:
    """Counts of one run: a row for each second, a number for each bucket."""
    level = np.empty(cell.seconds)
    level[0] = drawing.normal(0.0, LEVEL_SPREAD)
    pushes = drawing.normal(0.0, LEVEL_SPREAD * math.sqrt(1.0 - cell.memory**2), cell.seconds)
    for second in range(1, cell.seconds):
        level[second] = cell.memory * level[second - 1] + pushes[second]
    if cell.bursts:
        bursting = False
        for second, chance in enumerate(drawing.random(cell.seconds)):
            bursting = chance < (1.0 - BURST_ENDS if bursting else BURST_EVERY)
            level[second] += math.log(BURST) if bursting else 0.0
    if cell.between:
        level += drawing.normal(0.0, cell.between)
    seconds = np.repeat(np.arange(cell.seconds), drawing.poisson(cell.rate, cell.seconds))
    times = level[seconds] + drawing.normal(0.0, SPREAD, len(seconds))
    buckets = np.clip(((times - LOWEST) / STEP).astype(int), 0, BUCKETS - 1)
    flat = np.bincount(seconds * BUCKETS + buckets, minlength=cell.seconds * BUCKETS)
    return flat.reshape(cell.seconds, BUCKETS)


def readings(counts: np.ndarray, *, alone: bool) -> dict[str, Reading]:
    """What one run says of each quantile; of its course only where it stands alone."""
    whole = counts.sum(axis=0)
    used = np.flatnonzero(whole)
    first, last = int(used[0]), int(used[-1]) + 1
    reached = np.cumsum(whole)
    courses = courses_of_counts(EDGES[first : last + 1], counts[:, first:last], seconds=1.0) if alone else {}
    found = {}
    for label, q in QUANTILES.items():
        bucket = int(np.searchsorted(reached, max(1, math.ceil(q * int(reached[-1])))))
        value = math.sqrt(EDGES[bucket] * EDGES[bucket + 1])
        found[label] = Reading(value, "", STEP, partial(courses.get, q, ""))
    return found


def count_pair(tally: Tally, label: str, sides: tuple[list[Reading], list[Reading]]) -> None:
    """Compare a pair as it is, and with the second side slower."""
    tally.pairs += 1
    found = contrast_of(*sides, lower_is_better=True)
    if isinstance(found, str):
        return
    tally.given += 1
    tolerance = TOLERANCES[label]
    one, two = (math.exp(sum(math.log(each.value or 1.0) for each in side) / len(side)) for side in sides)
    same = decide(found, tolerance=tolerance, floor=0.0, baseline=one, candidate=two, alpha=0.05)
    tally.covered += same.interval[0] <= 1.0 <= same.interval[1]
    tally.alarms += same.change is Change.REGRESSED
    tally.widths += (math.log(same.interval[1] / same.interval[0]) / 2.0,)
    if same.detectable <= SLOWER:
        tally.detectable += 1
        slower = type(found)(found.log_ratio + math.log(SLOWER), found.error, found.freedom, found.runs)
        later = decide(slower, tolerance=tolerance, floor=0.0, baseline=one, candidate=SLOWER * two, alpha=0.05)
        tally.found += later.change is Change.REGRESSED


def outcome(task: tuple[Cell, int]) -> tuple[Cell, dict[str, Tally]]:
    """All pairs of a cell."""
    cell, pairs = task
    drawing = np.random.default_rng(
        [20_261_121, cell.seconds, cell.rate, int(cell.memory * 10), cell.bursts, *cell.runs]
    )
    tallies = {label: Tally() for label in QUANTILES}
    alone = sum(cell.runs) < 4
    for _ in range(pairs):
        runs = [[simulated(cell, drawing) for _ in range(count)] for count in cell.runs]
        sides = [[readings(counts, alone=alone) for counts in side] for side in runs]
        for label, tally in tallies.items():
            one, two = ([each[label] for each in side] for side in sides)
            count_pair(tally, label, (one, two))
    return cell, tallies


def line(label: str, tally: Tally) -> tuple[str, bool]:
    """What one quantile of a cell came to, and whether it is as promised."""
    given = tally.given / tally.pairs
    if given < LEAST_GIVEN:
        alarms = tally.alarms / tally.pairs
        return f"{label}: INCONCLUSIVE ({given:.0%} of pairs judged)", alarms <= MOST_FALSE_ALARMS
    coverage, alarms = tally.covered / tally.given, tally.alarms / tally.pairs
    width = sorted(tally.widths)[len(tally.widths) // 2]
    power = f"{tally.found / tally.detectable:.1%} of {tally.detectable}" if tally.detectable else "none detectable"
    met = coverage >= LEAST_COVERAGE and alarms <= MOST_FALSE_ALARMS
    said = (
        f"{label}: judged {given:.0%}, coverage {coverage:.1%}, ±{width:.1%}, false alarms {alarms:.1%}, power {power}"
    )
    return (said if met else f"{said}  NOT MET"), met


def main() -> int:
    """All cells that were asked for, and all of them together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, help=f"of each cell: {PAIRS_WITHIN} of single runs, else {PAIRS_BETWEEN}")
    parser.add_argument("--only", choices=("within", "between"))
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    within = [(cell, asked.pairs or PAIRS_WITHIN) for cell in WITHIN if asked.only != "between"]
    between = [(cell, asked.pairs or PAIRS_BETWEEN) for cell in BETWEEN if asked.only != "within"]
    good = True
    whole = {label: Tally() for label in QUANTILES}
    with multiprocessing.get_context("fork").Pool(asked.processes) as pool:
        for cell, tallies in pool.imap(outcome, within + between):
            print(cell, flush=True)
            for label, tally in tallies.items():
                text, met = line(label, tally)
                print(f"    {text}", flush=True)
                good = good and met
                for field in ("pairs", "given", "covered", "alarms", "detectable", "found"):
                    setattr(whole[label], field, getattr(whole[label], field) + getattr(tally, field))
    print("all cells")
    for label, tally in whole.items():
        power = tally.found / tally.detectable if tally.detectable else 1.0
        good = good and (power >= LEAST_POWER or tally.detectable < LEAST_DETECTABLE)
        print(
            f"    {label}: {tally.pairs} pairs, coverage {tally.covered / max(1, tally.given):.1%} of {tally.given}, "
            f"false alarms {tally.alarms / tally.pairs:.2%}, power {power:.1%} of {tally.detectable} detectable"
        )
    print("met" if good else "NOT MET")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
