"""How fast the generator's core is from moment to moment.

A machine that is shared with others is up to twice as slow while they work, seconds at a time, and not equally so for
every program: figures from such seconds compare the neighbours. A probe on the core does the same little work forty
times a second, a hundredth of the core's time, and notes how much CPU time it took.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from bisect import bisect_left
from contextlib import contextmanager
from typing import TYPE_CHECKING

from _processes import end

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUIET = 1.1
"""Times its shortest that the work takes on a quiet core: a load on it leaves the work's memory cold."""

_VARIES = 0.05  # standard deviation of the slowness that makes a difference

_WORK = """
import sys, time
while True:
    time.sleep(0.025)
    began, total = time.thread_time_ns(), 0
    for i in range(8000):
        total += i * i
    took = time.thread_time_ns() - began
    sys.stdout.write(f"{time.monotonic()} {took}\\n")
    sys.stdout.flush()
"""
_SHORTEST = 100  # one of so many has the shortest time: a single one may be luck
_ENOUGH = 4  # times of work that say something of an interval


class Probe:
    """A running probe; see ``probe``.

    Attributes:
        pid: Its process.
    """

    def __init__(self, pid: int, found: Path) -> None:
        self.pid = pid
        self._found = found
        self._read = 0
        self._at: list[float] = []
        self._took: list[float] = []
        self._shortest = 0.0

    def slowness(self, began: float, ended: float) -> float | None:
        """How long the work took on average between two moments of the monotonic clock, as times its shortest.

        None where too little is known.
        """
        self._update()
        seen = self._took[bisect_left(self._at, began) : bisect_left(self._at, ended)]
        if len(seen) < _ENOUGH:
            return None
        return statistics.fmean(seen) / self._shortest

    def _update(self) -> None:
        with self._found.open() as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind("\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            at, took = line.split()
            self._at.append(float(at))
            self._took.append(float(took))
        if whole:
            self._shortest = sorted(self._took)[len(self._took) // _SHORTEST]


def on_a_quiet_core(runs: list[list[tuple[float, float]]]) -> list[float]:
    """The rate of each run, moved to where the core is quiet.

    Of a time in which the neighbours work a part, both the mean time of the probe's work and the rate are mixtures, by
    that part: so one is a straight line over the other. Its slope is that of all runs, by least squares.

    Args:
        runs: Of each run of one tool, slowness and rate of every part of it.
    """
    means = [(statistics.fmean(s for s, _ in run), statistics.fmean(rate for _, rate in run)) for run in runs]
    points = [point for run in runs for point in run]
    if statistics.pstdev(slowness for slowness, _ in points) < _VARIES:
        return [rate for _, rate in means]
    slope = statistics.linear_regression(*zip(*points, strict=True)).slope
    return [rate + min(0.0, slope) * (QUIET - slowness) for slowness, rate in means]


@contextmanager
def probe(folder: Path, *, core: int) -> Iterator[Probe]:
    """A probe on a core, which has seen it without load for some seconds."""
    found = folder / "probe.txt"
    with found.open("w") as out:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), sys.executable, "-c", _WORK],
            stdin=subprocess.DEVNULL,
            stdout=out,
            start_new_session=True,
        )
    try:
        time.sleep(5)
        yield Probe(process.pid, found)
    finally:
        end(process)
