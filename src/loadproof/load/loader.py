"""What a process that makes load does of its own accord: its share of arrivals, and limits on iterations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadproof.load import gate
from loadproof.load.arrivals import Arrivals
from loadproof.load.dispatch import weights_of
from loadproof.load.iterations import IterationLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadproof.load.arrivals import Log
    from loadproof.load.gate import Tickets
    from loadproof.load.scenarios import Cast
    from loadproof.plan import Profile

Status = dict[str, Any]
"""What a process says of itself: plain values, as they go over Locust's messages.

``settled``   whether every user that runs waits for its first arrival, and how many do: ``free``
``needs``     users that it should have, by class, of open scenarios; ``ideal`` by scenario, were there no limits
``over``      names of scenarios whose arrivals have all been made
``in_flight`` iterations that go on, by scenario; of a limit on iterations under ``""``
``used_up``   whether no iteration is left to begin, and none goes on
``waiting``   users that may begin no more iterations
"""


class Loader:
    """The open scenarios and the limits of one process.

    Args:
        casts: All scenarios; empty leaves the load to Locust.
        names: Names of all user classes.
        iterations: Limit in total; None for none.
        per_user: Limit for each user; None for none.
        log: Where arrivals and iterations are counted.
    """

    def __init__(
        self, casts: Sequence[Cast], names: Sequence[str], *, iterations: int | None, per_user: int | None, log: Log
    ) -> None:
        self._arrivals = {
            cast.scenario.name: Arrivals(
                cast.names,
                weights_of(cast.user_classes),
                late=cast.scenario.profile.late,
                limit=iterations,
                log=log,
            )
            for cast in casts
            if cast.is_open
        }
        tickets: dict[str, Tickets] = {
            name: self._arrivals[cast.scenario.name] for cast in casts if cast.is_open for name in cast.names
        }
        self._limit: IterationLimit | None = None
        if iterations is not None or per_user is not None:
            self._limit = IterationLimit(iterations, per_user)
            tickets |= dict.fromkeys([name for name in names if name not in tickets], self._limit)
        self.paced = frozenset(name for name, giver in tickets.items() if giver.paced)
        """Classes whose iterations come on schedule."""
        self._take_out: Callable[[], None] | None = gate.install(tickets) if tickets else None

    def begin(self, rank: int, workers: int) -> None:
        """Say which share of everything is this process's."""
        for arrivals in self._arrivals.values():
            arrivals.begin(rank, workers)
        if self._limit is not None:
            self._limit.begin(rank, workers)

    def add(self, scenario: str, begins_ns: int, profile: Profile) -> None:
        """Go on with a profile from a time on this host's monotonic clock; nothing to do for a closed one."""
        if scenario in self._arrivals:
            self._arrivals[scenario].add(begins_ns, profile)

    def status(self, users: dict[str, int]) -> Status:
        """How it goes; ``users`` are those that run here, by class."""
        free: dict[str, int] = {}
        needs: dict[str, int] = {}
        for arrivals in self._arrivals.values():
            free |= arrivals.free()
            needs |= arrivals.needs(users)
        in_flight = {name: arrivals.in_flight for name, arrivals in self._arrivals.items()}
        if self._limit is not None:
            in_flight[""] = self._limit.in_flight
        return {
            "users": users,
            "settled": all(free[name] >= users.get(name, 0) for name in free),
            "free": sum(free.values()),
            "needs": needs,
            "ideal": {name: arrivals.ideal for name, arrivals in self._arrivals.items()},
            "over": [name for name, arrivals in self._arrivals.items() if arrivals.over],
            "in_flight": in_flight,
            "used_up": self._limit is not None and self._limit.used_up,
            "waiting": 0 if self._limit is None else self._limit.exhausted,
        }

    @property
    def in_flight(self) -> int:
        """Iterations of open scenarios that go on."""
        return sum(arrivals.in_flight for arrivals in self._arrivals.values())

    @property
    def iterations(self) -> int | None:
        """Iterations that were begun, and arrivals that were due; None where nothing counts them."""
        if not self._arrivals and self._limit is None:
            return None
        begun = 0 if self._limit is None else self._limit.begun
        return begun + sum(arrivals.made for arrivals in self._arrivals.values())

    def pause(self, *, paused: bool) -> None:
        """No arrival comes while it is paused."""
        for arrivals in self._arrivals.values():
            arrivals.pause(paused=paused)

    def stop_arrivals(self) -> None:
        """No further arrival: the test is about to stop."""
        for arrivals in self._arrivals.values():
            arrivals.close()

    def close(self) -> None:
        """Leave Locust as it was."""
        self.stop_arrivals()
        if self._take_out is not None:
            self._take_out()
            self._take_out = None
