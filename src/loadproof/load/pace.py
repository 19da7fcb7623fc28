"""A limit on the requests of a whole run, whatever the number of users."""

from __future__ import annotations

import time

import gevent

_LATEST = 0.2
"""Seconds after its slot at which a request may still leave: a 25th of the 5 s over which the rate keeps its limit."""


class RateLimit:
    """Hands out slots ``1/rate`` apart; a request waits for its own.

    Slots that nobody took are not saved up, and of those that a pause of the process made late no more than 0.2 s:
    after it the rate is the limit again, not above it.

    Args:
        rate: Requests per second in this process.
    """

    def __init__(self, rate: float) -> None:
        self._gap = 1.0 / rate
        self._next = 0.0

    def wait(self) -> None:
        """Return when this greenlet's request may leave."""
        now = time.monotonic()
        slot = self._take(now)
        if slot <= now:
            return
        gevent.sleep(slot - now)
        woken = time.monotonic()
        if woken - slot > _LATEST:  # once: in a process that always is so late, requests would wait for ever
            gevent.sleep(self._take(woken) - woken)

    def _take(self, now: float) -> float:
        slot = max(self._next, now)
        self._next = slot + self._gap
        return slot
