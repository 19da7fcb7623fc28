"""What the processes of the platform share beside the database: faults, counts, and how often somebody came."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from loadproof.suites.events.target.faults import Faults

if TYPE_CHECKING:
    from redis import Redis

SHARE_EVERY = 0.25
"""Seconds after which processes that share a Redis know each other's counts and faults."""


class Board(Protocol):
    """Shared by every part of the platform."""

    def faults(self) -> Faults:
        """The faults that are switched on."""

    def set_faults(self, faults: Faults) -> None:
        """Switch faults on and off."""

    def loses_mail(self) -> bool:
        """Whether the mail at hand gets lost; takes one of those that are to be lost next."""

    def count(self, name: str) -> None:
        """One more of something."""

    def counts(self) -> dict[str, int]:
        """How many there were of everything."""

    def hits(self, key: str, window: float) -> int:
        """How often ``key`` came within the present window of so many seconds, this time included."""

    def close(self) -> None:
        """Pass on what is not shared yet."""


class LocalBoard:
    """A board for one process."""

    def __init__(self, faults: Faults | None = None) -> None:
        self._lock = threading.Lock()
        self._faults = faults or Faults()
        self._counts: Counter[str] = Counter()
        self._hits: Counter[tuple[str, int]] = Counter()

    def faults(self) -> Faults:
        """The faults that are switched on."""
        return self._faults

    def set_faults(self, faults: Faults) -> None:
        """Switch faults on and off."""
        with self._lock:
            self._faults = faults

    def loses_mail(self) -> bool:
        """Whether the mail at hand gets lost."""
        with self._lock:
            left = self._faults.lose_next_mails
            if left:
                self._faults = self._faults.model_copy(update={"lose_next_mails": left - 1})
                return True
        return random.random() < self._faults.lose_mail_share

    def count(self, name: str) -> None:
        """One more of something."""
        with self._lock:
            self._counts[name] += 1

    def counts(self) -> dict[str, int]:
        """How many there were of everything."""
        with self._lock:
            return dict(self._counts)

    def hits(self, key: str, window: float) -> int:
        """How often ``key`` came within the present window."""
        slot = int(time.time() // window)
        with self._lock:
            self._hits[key, slot] += 1
            return self._hits[key, slot]

    def close(self) -> None:
        """Nothing is shared."""


class RedisBoard:
    """A board for several processes: each counts for itself, and a thread passes it on.

    Args:
        redis: Connected to the Redis that all of them use.
        unreachable: What it raises when it is not there.
    """

    def __init__(self, redis: Redis, unreachable: type[Exception]) -> None:
        self._redis = redis
        self._unreachable = unreachable
        self._lock = threading.Lock()
        self._faults = Faults()
        self._unshared: Counter[str] = Counter()
        self._closing = threading.Event()
        self._share()
        self._thread = threading.Thread(target=self._keep_sharing, name="board", daemon=True)
        self._thread.start()

    def faults(self) -> Faults:
        """The faults that were switched on, at most ``SHARE_EVERY`` ago."""
        return self._faults

    def set_faults(self, faults: Faults) -> None:
        """Switch faults on and off, for all processes."""
        self._faults = faults
        values = faults.model_dump(exclude={"lose_next_mails"})
        self._redis.set("events:faults", Faults.model_validate(values).model_dump_json())
        self._redis.set("events:lose_next_mails", faults.lose_next_mails)

    def loses_mail(self) -> bool:
        """Whether the mail at hand gets lost; exact however many workers ask."""
        if int(self._redis.decr("events:lose_next_mails")) >= 0:
            return True
        self._redis.set("events:lose_next_mails", 0)
        return random.random() < self._faults.lose_mail_share

    def count(self, name: str) -> None:
        """One more of something."""
        with self._lock:
            self._unshared[name] += 1

    def counts(self) -> dict[str, int]:
        """How many there were of everything; those of other processes at most ``SHARE_EVERY`` late."""
        self._share()
        stored = self._redis.hgetall("events:counts")
        return {name.decode() if isinstance(name, bytes) else name: int(value) for name, value in stored.items()}

    def hits(self, key: str, window: float) -> int:
        """How often ``key`` came within the present window, at all processes."""
        name = f"events:hits:{key}:{int(time.time() // window)}"
        count = int(self._redis.incr(name))
        self._redis.expire(name, int(window) + 1)
        return count

    def close(self) -> None:
        """Pass on what is not shared yet."""
        self._closing.set()
        self._thread.join()
        self._share()

    def _keep_sharing(self) -> None:
        while not self._closing.wait(SHARE_EVERY):
            with suppress(OSError, self._unreachable):  # it may be restarting; what was counted is kept until then
                self._share()

    def _share(self) -> None:
        with self._lock:
            unshared, self._unshared = self._unshared, Counter()
        try:
            with self._redis.pipeline() as together:
                for name, value in unshared.items():
                    together.hincrby("events:counts", name, value)
                together.get("events:faults")
                *_, stored = together.execute()
        except BaseException:
            with self._lock:
                self._unshared.update(unshared)
            raise
        if stored:
            self._faults = Faults.model_validate_json(stored)


def open_board(broker_url: str | None, faults: Faults | None = None) -> Board:
    """The board for a platform whose broker is at ``broker_url``; None: a platform in one process."""
    if broker_url is None:
        return LocalBoard(faults)
    from redis import Redis, RedisError  # noqa: PLC0415 - a platform in one process needs no Redis

    board = RedisBoard(Redis.from_url(broker_url), RedisError)
    if faults is not None:
        board.set_faults(faults)
    return board
