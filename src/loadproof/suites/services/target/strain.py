"""How much a service bears: how long it takes, what fails, and where it breaks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Callable

_ACTIVE_FOR = 1.0
"""Seconds after its last request for which a client still counts as a user."""

_LONGEST_QUEUE = 0.5
"""Seconds of waiting that a service at its highest rate takes on; what would wait longer is refused."""

_STEEPNESS = 3.0
"""Share of the requests that fail, by the share of the users that are too many."""


class Faults(BaseModel):
    """What is wrong with the service: options of its command line, and keys of ``POST /_faults``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latency: float = Field(default=0.002, ge=0, le=600, description="seconds that an answer takes")
    error_share: float = Field(default=0.0, ge=0, le=1, description="share of the requests that is answered 500")
    most_users: int | None = Field(default=None, ge=1, description="users beyond which it slows down and fails")
    most_per_second: float | None = Field(default=None, gt=0, description="requests per second it can do; more wait")


class Fate(NamedTuple):
    """What becomes of a request.

    Attributes:
        delay: Seconds until it is answered.
        status: The status that it fails with; None where it is served.
    """

    delay: float
    status: int | None


class Strain:
    """Decides the fate of every request from how many there are.

    Failures are spread evenly instead of drawn, so that every run meets the same share of them. A user is a connection
    that a request came over within the last second.

    Args:
        faults: At the start.
        clock: Seconds; never goes back.
    """

    def __init__(self, faults: Faults, clock: Callable[[], float]) -> None:
        self.faults = faults
        self._clock = clock
        self._last_seen: dict[object, float] = {}
        self._looked_at = -math.inf
        self._free_at = -math.inf
        self._errors_due = 0.0
        self._refusals_due = 0.0

    @property
    def users(self) -> int:
        """Connections that are in use now."""
        horizon = self._clock() - _ACTIVE_FOR
        return sum(seen >= horizon for seen in self._last_seen.values())

    def arrive(self, client: object) -> Fate:
        """The fate of a request that has just arrived; ``leave`` says when it is answered."""
        now = self._clock()
        self._last_seen[client] = math.inf  # in use for as long as it waits for its answer
        delay = self.faults.latency
        excess = self._excess(now)
        if excess > 0:
            self._refusals_due += min(1.0, _STEEPNESS * excess)
            delay += excess
        waiting = self._queue(now)
        if waiting is None or self._refusals_due >= 1.0:
            self._refusals_due = max(0.0, self._refusals_due - 1.0)
            return Fate(delay, 503)
        self._errors_due += self.faults.error_share
        if self._errors_due >= 1.0 - 1e-9:
            self._errors_due = max(0.0, self._errors_due - 1.0)
            return Fate(delay + waiting, 500)
        return Fate(delay + waiting, None)

    def leave(self, client: object) -> None:
        """A request of this client was answered, or given up."""
        self._last_seen[client] = self._clock()

    def _excess(self, now: float) -> float:
        """Share of the users that are too many, 0..1."""
        if now - self._looked_at > _ACTIVE_FOR:
            self._looked_at = now
            self._last_seen = {c: seen for c, seen in self._last_seen.items() if seen >= now - _ACTIVE_FOR}
        most = self.faults.most_users
        if most is None or len(self._last_seen) <= most:
            return 0.0
        return max(0.0, 1.0 - most / self.users)

    def _queue(self, now: float) -> float | None:
        """Seconds that a request waits for its turn; None where the queue is full."""
        rate = self.faults.most_per_second
        if rate is None:
            return 0.0
        start = max(now, self._free_at)
        if start - now > _LONGEST_QUEUE:
            return None
        self._free_at = start + 1.0 / rate
        return start - now
