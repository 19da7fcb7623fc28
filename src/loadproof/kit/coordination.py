"""Which of the load processes this one is, when the test began, and quotas that are never exceeded.

The master tells its workers who they are with Locust's own message that starts a test: among the parsed options, of
which Locust hands on those that it does not know. So it is there before the first user, however early or late a worker
is. For this a locustfile imports names of the kit at its top: the master listens for the test's start from then on.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
import locust
from locust.runners import MasterRunner, WorkerRunner

from loadproof.kit.errors import KitError

OPTION = "kit_test"
"""Attribute of Locust's parsed options in which the master says what it knows of the test."""

_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Share:
    """The place of a process among those that make load.

    Attributes:
        rank: 0 to ``of - 1``; -1 in a process that has no part in what was shared out when the test began: a master,
            or a worker that came later.
        of: How many processes there were then.
    """

    rank: int
    of: int

    def takes(self, index: int) -> bool:
        """Whether the thing with this number, from 0 on, is this process's own."""
        return self.rank >= 0 and index % self.of == self.rank

    def part(self, total: int) -> int:
        """How many of ``total`` things are this process's own: all parts add up to ``total``."""
        return 0 if self.rank < 0 else total // self.of + (self.rank < total % self.of)


class _Place:
    """What this process knows of the test that it is part of.

    Attributes:
        number: Which test it is: 1 for the first after the start of the master; 0 before.
        share: Its place; None before the first test, and where the master did not say.
        started: When the test began, on this host's monotonic clock; None before the first.
        run_time: Seconds that the test is to last; None where Locust does not know.
        environment: Locust's; None outside of Locust.
    """

    def __init__(self) -> None:
        self.number = 0
        self.share: Share | None = None
        self.started: float | None = None
        self.run_time: float | None = None
        self.environment: Any = None

    def on_test_start(self, environment: Any, **_: object) -> None:
        """Listener: a test begins. It comes before those of the script, which may ask."""
        self.environment = environment
        options = environment.parsed_options
        if isinstance(environment.runner, WorkerRunner) or getattr(options, "worker", False):
            self._begin_as_worker(environment)
            return
        self.number += 1
        self.started = time.monotonic()
        run_time = getattr(options, "run_time", None)
        self.run_time = float(run_time) if isinstance(run_time, int | float) and run_time > 0 else None
        if isinstance(environment.runner, MasterRunner):
            self._begin_as_master(environment.runner, options)
        else:
            self.share = Share(0, 1)

    def _begin_as_master(self, runner: Any, options: Any) -> None:
        clients = runner.clients
        active = [client.id for client in (*clients.ready, *clients.running, *clients.spawning)]
        ranks = {client: rank for rank, client in enumerate(sorted(active, key=runner.get_worker_index))}
        self.share = Share(-1, len(ranks))
        if options is not None:
            known = {"number": self.number, "ranks": ranks, "run_time": self.run_time}
            clock = {"started": self.started, "epoch": time.time(), "boot_id": _boot_id()}
            setattr(options, OPTION, known | clock)

    def _begin_as_worker(self, environment: Any) -> None:
        said = getattr(environment.parsed_options, OPTION, None)
        if said is None:  # the master's locustfile does not import the kit
            self.share = None
            return
        deadline = time.monotonic() + _PATIENCE
        while environment.runner is None and time.monotonic() < deadline:
            gevent.sleep(0)  # told to start before Locust has finished making the runner, which knows our name
        rank = said["ranks"].get(getattr(environment.runner, "client_id", None), -1)
        self.number, self.run_time = said["number"], said["run_time"]
        self.share = Share(rank, len(said["ranks"]))
        if said["boot_id"] and said["boot_id"] == _boot_id():
            self.started = said["started"]
        elif rank >= 0:
            self.started = time.monotonic()
        else:  # too late to have seen the start, and another host shares only the wall clock
            self.started = time.monotonic() - max(0.0, time.time() - said["epoch"])


place = _Place()
"""This process's own."""

locust.events.test_start.add_listener(place.on_test_start)


def share() -> Share:
    """This process's place among those that make load: ``Share(0, 1)`` where it is the only one.

    Known from the ``test_start`` event on. Outside of Locust, in a unit test for example, it is ``Share(0, 1)``.

    Raises:
        KitError: Locust runs, and no test has begun yet; or its master does not know the kit.
    """
    if place.share is not None:
        return place.share
    if "locust.main" not in sys.modules:
        return Share(0, 1)
    raise KitError(
        "asked for this process's share of the test, and it has been told of none",
        slug="no-share",
        hint="write `from loadproof.kit import share` at the top of the locustfile; ask in tasks or on test_start",
    )


def is_leader() -> bool:
    """Whether this process is the one that does what only one may do: true in exactly one that makes load.

    Raises:
        KitError: As in ``share``.
    """
    return share().rank == 0


def elapsed() -> float:
    """Seconds since the test began: since the master's ``test_start``, not since this file was imported.

    Raises:
        KitError: No test has begun.
    """
    if place.started is None:
        raise KitError(
            "asked for the time since the test began, and none has",
            slug="no-share",
            hint="ask in on_start, in tasks or on test_start",
        )
    return time.monotonic() - place.started


class Quota:
    """So many of something and no more, however many users want one at the same time.

    ``take`` counts one *before* the slow call that makes it, so that others see it while the call is under way.
    A new test begins at 0.

    Args:
        name: What it counts, for its text.
        per_worker: Most in each load process.
        total: Most in all of them together; each has its part, and the parts add up to it.

    Raises:
        ValueError: Not exactly one of the two is given, or it is negative.
    """

    def __init__(self, name: str, *, per_worker: int | None = None, total: int | None = None) -> None:
        limit = total if per_worker is None else per_worker
        if limit is None or (per_worker is not None and total is not None) or limit < 0:
            raise ValueError(f"the quota {name!r} needs one of per_worker and total, of at least 0")
        self.name = name
        self._per_worker = per_worker
        self._total = total
        self._used = 0
        self._test = 0

    @property
    def limit(self) -> int:
        """Most in this process."""
        return share().part(self._total) if self._total is not None else self._per_worker or 0

    @property
    def used(self) -> int:
        """How many are taken in this process."""
        self._begin()
        return self._used

    @property
    def left(self) -> int:
        """How many may still be taken in this process."""
        return self.limit - self.used

    def take(self) -> bool:
        """Reserve one, in one step; False if none is left."""
        if self.left <= 0:
            return False
        self._used += 1
        return True

    def give_back(self) -> None:
        """Release one that was taken: what it was for was not made.

        Raises:
            ValueError: None is taken.
        """
        if not self.used:
            raise ValueError(f"none of the quota {self.name!r} is taken, so none can be given back")
        self._used -= 1

    def _begin(self) -> None:
        if self._test != place.number:
            self._test, self._used = place.number, 0

    def __repr__(self) -> str:
        limit = f"per_worker={self._per_worker}" if self._total is None else f"total={self._total}"
        return f"Quota({self.name!r}, {limit}, used={self.used})"


def _boot_id() -> str:
    """Tells hosts apart: two processes with the same value share one monotonic clock. Empty where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
