"""A limit on the requests of a whole run, whatever the number of users."""

from __future__ import annotations

import time

import gevent


class RateLimit:
    """Hands out slots ``1/rate`` apart; a request waits for its own.

    Slots that nobody took are not saved up: after a pause the rate is the limit again, never above it.

    Args:
        rate: Requests per second in this process.
    """

    def __init__(self, rate: float) -> None:
        self._gap = 1.0 / rate
        self._next = 0.0

    def wait(self) -> None:
        """Return when this greenlet's request may leave."""
        now = time.monotonic()
        slot = max(self._next, now)
        self._next = slot + self._gap
        if slot > now:
            gevent.sleep(slot - now)
