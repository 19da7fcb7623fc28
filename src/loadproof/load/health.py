"""How this process itself fares: the lag of its event loop and its share of a core."""

from __future__ import annotations

import time
from typing import Any

import gevent

_STEP = 0.02


class LoopWatch:
    """Measures, once every 20 ms, how much later than asked the event loop comes back."""

    def __init__(self) -> None:
        self._lags: list[float] = []
        self._cpu = time.process_time()
        self._wall = time.monotonic()

    def start(self) -> None:
        """Watch in a greenlet of its own until the process ends."""
        gevent.spawn(self._watch)

    def facts(self) -> dict[str, Any]:
        """What was seen since the last call: ``cpu`` (share of one core) and ``lags`` (seconds, sorted)."""
        lags, self._lags = self._lags, []
        cpu, wall = time.process_time(), time.monotonic()
        used = (cpu - self._cpu) / max(wall - self._wall, 1e-9)
        self._cpu, self._wall = cpu, wall
        return {"cpu": used, "lags": sorted(lags)}

    def _watch(self) -> None:
        while True:
            before = time.monotonic()
            gevent.sleep(_STEP)
            self._lags.append(max(0.0, time.monotonic() - before - _STEP))
