"""Who may create something now: never more than the quota, never sooner than the gap, never after a final no."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_BACKOFF = 60.0
"""Seconds between two creations at most, however many failed."""


class Countable(Protocol):
    """As much of ``loadproof.kit.Quota`` as is needed here."""

    @property
    def left(self) -> int:
        """How many may still be taken."""

    def take(self) -> bool:
        """Take one."""

    def give_back(self) -> None:
        """Give one back."""


class Creations:
    """The creations of one worker.

    ``begin`` reserves one before the slow call, so that of many users that ask at once no more are let in than the
    quota has. Whoever was let in says how it went: ``made``, ``failed``, ``lost`` or ``stop``.

    Args:
        quota: How many in all.
        gap: Seconds between the end of one creation and the begin of the next.
        at_once: How many may be under way.
        clock: Seconds.
    """

    def __init__(
        self,
        quota: Countable,
        *,
        gap: float = 0.0,
        at_once: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._quota = quota
        self._gap = gap
        self._at_once = at_once
        self._clock = clock
        self._under_way = 0
        self._not_before = float("-inf")
        self._failures = 0
        self.stopped_by: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be created, and nothing is being created."""
        return not self._under_way and (self.stopped_by is not None or not self._quota.left)

    def begin(self) -> bool:
        """Whether the caller may create one now; it is reserved then."""
        if self.stopped_by is not None or self._under_way >= self._at_once or self._clock() < self._not_before:
            return False
        if not self._quota.take():
            return False
        self._under_way += 1
        return True

    def made(self) -> None:
        """It exists."""
        self._failures = 0
        self._end(self._gap)

    def failed(self) -> None:
        """It does not exist; after a pause that grows with each failure somebody may try again."""
        self._quota.give_back()
        self._end(self._backoff())

    def lost(self) -> None:
        """Nobody knows whether it exists, so it counts."""
        self._end(self._backoff())

    def stop(self, why: str) -> None:
        """It does not exist, and nothing shall be created any more."""
        self.stopped_by = why
        self._quota.give_back()
        self._end(0.0)

    def _backoff(self) -> float:
        self._failures += 1
        return max(self._gap, min(LONGEST_BACKOFF, 2.0 ** (self._failures - 1)))

    def _end(self, pause: float) -> None:
        self._under_way -= 1
        self._not_before = max(self._not_before, self._clock() + pause)


class Watch:
    """What was created and is not ready yet, each looked at from time to time.

    Args:
        interval: Seconds between two looks at the same one.
        clock: Seconds.
    """

    def __init__(self, *, interval: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = interval
        self._clock = clock
        self._due: dict[str, float] = {}
        self._since: dict[str, float] = {}

    def add(self, identity: str) -> None:
        """It was created just now."""
        self._since[identity] = now = self._clock()
        self._due[identity] = now + self._interval

    def take(self) -> str | None:
        """One that is due for a look; the next look at it is an interval later."""
        now = self._clock()
        for identity, due in self._due.items():
            if now >= due:
                self._due[identity] = now + self._interval
                return identity
        return None

    def settled(self, identity: str) -> float | None:
        """It is looked at no more; gives its age in seconds, None where it already was settled."""
        self._due.pop(identity, None)
        since = self._since.pop(identity, None)
        return None if since is None else self._clock() - since
