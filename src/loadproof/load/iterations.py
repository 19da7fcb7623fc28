"""Limits on the number of iterations, in a run whose load is given as users."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

if TYPE_CHECKING:
    from loadproof.load.gate import Iteration

_WAITING = "waiting"


class IterationLimit:
    """Hands out so many tickets and no more.

    A user that gets none waits until the test ends: one that left would be replaced by Locust, whose books say how many
    there must be.

    Args:
        total: Iterations over all processes; None for no such limit.
        per_user: Iterations of each user; None for no such limit.
    """

    paced = False

    def __init__(self, total: int | None, per_user: int | None) -> None:
        self._total = total
        self._per_user = per_user
        self._left: int | None = None
        self._known = Event()
        self.in_flight = 0
        self.begun = 0
        self.exhausted = 0
        """Users that wait for the end."""

    def begin(self, rank: int, workers: int) -> None:
        """Say which share is this process's."""
        if self._total is not None:
            self._left = self._total // workers + (rank < self._total % workers)
        self._known.set()

    @property
    def used_up(self) -> bool:
        """Whether all iterations of a limit in total are done."""
        return self._left == 0 and not self.in_flight

    def take(self, user: Any) -> int:
        """The time now; it never returns once there are no tickets left."""
        if not self._known.is_set():
            self._known.wait()
        done = user.__dict__.get("loadproof_iterations", 0)
        if self._left == 0 or (self._per_user is not None and done >= self._per_user):
            self._wait_for_the_end(user)
        user.loadproof_iterations = done + 1
        if self._left is not None:
            self._left -= 1
        self.in_flight += 1
        self.begun += 1
        return time.monotonic_ns()

    def give_back(self, user: Any, task: str, iteration: Iteration, *, failed: bool) -> None:  # noqa: ARG002
        """One is done."""
        self.in_flight -= 1

    def let_go(self, user: Any) -> None:  # noqa: ARG002
        """One was cut off."""
        self.in_flight -= 1

    def _wait_for_the_end(self, user: Any) -> None:
        user._state = _WAITING  # noqa: SLF001 - so that Locust may stop it at once
        self.exhausted += 1
        try:
            while True:
                gevent.sleep(3600)
        finally:
            self.exhausted -= 1
