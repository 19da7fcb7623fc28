"""How this process itself fares: the lag of its event loop, its share of a core, its pauses."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Any

import gevent

_STEP = 0.02
_SCHEDULER = Path("/proc/self/schedstat")


class LoopWatch:
    """Measures, once every 20 ms, how much later than asked the event loop comes back; and what may have held it up."""

    def __init__(self) -> None:
        self._lags: list[float] = []
        self._cpu = time.process_time()
        self._wall = time.monotonic()
        self._waited = _waited_for_cpu()
        self._collecting_since = 0.0
        self._longest_collection = 0.0

    def start(self) -> None:
        """Watch in a greenlet of its own until the process ends."""
        gc.callbacks.append(self._on_collection)
        gevent.spawn(self._watch)

    def facts(self) -> dict[str, Any]:
        """What was seen since the last call.

        ``cpu`` (share of one core), ``lags`` (seconds, sorted), ``starved`` (share of the time in which it could have
        run and no CPU was free; None where the system does not say), ``gc_pause`` (the longest, in seconds).
        """
        lags, self._lags = self._lags, []
        pause, self._longest_collection = self._longest_collection, 0.0
        cpu, wall, waited = time.process_time(), time.monotonic(), _waited_for_cpu()
        passed = max(wall - self._wall, 1e-9)
        used = (cpu - self._cpu) / passed
        starved = None if waited is None or self._waited is None else (waited - self._waited) / passed
        self._cpu, self._wall, self._waited = cpu, wall, waited
        return {"cpu": used, "lags": sorted(lags), "starved": starved, "gc_pause": pause, "seconds": passed}

    def _watch(self) -> None:
        while True:
            before = time.monotonic()
            gevent.sleep(_STEP)
            self._lags.append(max(0.0, time.monotonic() - before - _STEP))

    def _on_collection(self, phase: str, _info: dict[str, int]) -> None:
        now = time.monotonic()
        if phase == "start":
            self._collecting_since = now
        else:
            self._longest_collection = max(self._longest_collection, now - self._collecting_since)


def _waited_for_cpu() -> float | None:
    """Seconds that this process waited for a CPU while it could have run; None where the system does not say.

    The second field of the scheduler's statistics, in ns (Linux, Documentation/scheduler/sched-stats).
    """
    try:
        return int(_SCHEDULER.read_bytes().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return None
