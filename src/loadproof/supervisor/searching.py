"""Leads a search: has one level after another made, and judges each by its own window."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from loadproof.judge import MeasuredLevel, judge_level
from loadproof.plan import Capacity, Profile, Stage
from loadproof.result import Doubt
from loadproof.search import search_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadproof.plan import Stress
    from loadproof.record import Counts, RunRecord
    from loadproof.result import GeneratorHealth, Level, SearchResult
    from loadproof.search import Step
    from loadproof.supervisor.facts import Facts
    from loadproof.supervisor.health import HealthTally

_LEAD = 0.6
"""Seconds before a level begins in which every process that makes load must have heard of it."""

BETWEEN_LEVELS = 1.5
"""About how many seconds pass between the end of a level and the next one's start, at a whole second."""

_GROWTH = 0.8
"""Share of the time to settle in which users grow."""

_LONGEST_REST = 60.0
"""Seconds that a service is given to finish what it was overloaded with, before the next trial."""

_TOLERATED_DROPS = 0.01
"""As the rule on ``dropped_rate`` that levels have by default."""


@dataclass(frozen=True, slots=True)
class LevelNow:
    """The level that is held now.

    Attributes:
        number: 1 for the first.
        target: Users, or arrivals per second.
        unit: ``users`` or ``per_second``.
        role: See ``Level.role``.
        measured_from: Start of the part that will be judged, seconds since the run's start.
        measured_to: End of it.
    """

    number: int
    target: float
    unit: str
    role: str
    measured_from: float
    measured_to: float


class _Held:
    """A level while it is held."""

    def __init__(self, number: int, step: Step, begins_at: int, record: RunRecord, facts: Facts) -> None:
        self.number = number
        self.step = step
        self.measured_from = begins_at + step.settle
        self.measured_to = self.measured_from + step.hold
        self.counts: Counts = record.watch(self.measured_from, self.measured_to)
        self.health: HealthTally = facts.watch_health(self.measured_from)
        self.in_flight: list[tuple[float, int]] = []
        self._before: tuple[int, int] | None = None

    def look(self, now: float, facts: Facts) -> None:
        """Note how it stands."""
        if now >= self.measured_from and self._before is None:
            self._before = _errors(facts)
        at, in_flight = facts.last_at, facts.in_flight
        inside = self.measured_from <= at <= self.measured_to
        if in_flight is not None and inside and (not self.in_flight or at > self.in_flight[-1][0] + 0.5):
            self.in_flight.append((at, in_flight))

    def errors(self, facts: Facts) -> tuple[int, int]:
        """Errors of the script, and requests cut off, since it is judged."""
        exceptions, unfinished = _errors(facts)
        before = self._before or (exceptions, unfinished)
        return exceptions - before[0], unfinished - before[1]


class Searching:
    """A search that is going on.

    Args:
        plan: What is searched for.
        record: What is counted.
        facts: What load processes report beside.
        send: Sends a frame to the load process.
    """

    def __init__(
        self, plan: Stress | Capacity, record: RunRecord, facts: Facts, send: Callable[[str, Any], None]
    ) -> None:
        self._plan = plan
        self._search = search_for(plan)
        self._record = record
        self._facts = facts
        self._send = send
        self._held: _Held | None = None
        self._resting: tuple[Step, float] | None = None
        self._target = 0.0
        self._needed: int | None = None
        self.levels: list[Level] = []
        self.over = False

    @property
    def _is_open(self) -> bool:
        return isinstance(self._plan, Capacity) or self._plan.unit == "per_second"

    @property
    def now(self) -> LevelNow | None:
        """The level that is held; None between two."""
        held = self._held
        if held is None:
            return None
        unit = "per_second" if self._is_open else "users"
        return LevelNow(
            held.number, held.step.target, unit, held.step.role, float(held.measured_from), float(held.measured_to)
        )

    def turn(self, now: float) -> None:
        """Do what is due; ``now`` in seconds since the run's start."""
        if self.over:
            return
        if self._resting is not None:
            self._end_rest(now)
        elif self._held is None:
            self._next(now)
        else:
            self._held.look(now, self._facts)
            if self._facts.reported_until >= self._held.measured_to:
                self._judge(self._held)
                self._next(now)

    def result(self, *, interrupted: bool = False) -> SearchResult:
        """What is known now."""
        return self._search.result(self.levels, interrupted=interrupted)

    def _next(self, now: float) -> None:
        step = self._search.next(self.levels)
        if step is None:
            self.over = True
            self._send("finish", None)
        elif step.rest and self.levels:
            self._hold(0.0, now + _LEAD / 2, 0)
            self._resting = (step, now)
        else:
            self._begin(step, now)

    def _end_rest(self, now: float) -> None:
        assert self._resting is not None
        step, since = self._resting
        idle = not self._facts.in_flight and self._facts.reported_until > since + 1
        if idle or now > since + _LONGEST_REST:
            self._resting = None
            self._begin(step, now)

    def _begin(self, step: Step, now: float) -> None:
        begins_at = math.ceil(now + _LEAD)
        self._held = _Held(len(self.levels) + 1, step, begins_at, self._record, self._facts)
        self._hold(step.target, begins_at, step.settle)

    def _hold(self, target: float, begins_at: float, settle: int) -> None:
        """Have a target held from a time on; users grow to it while it settles."""
        stages = [Stage(duration=None, start=target, end=target)]
        if target == 0:
            stages = [Stage(duration=1.0, start=0.0, end=0.0)]
        elif settle and not self._is_open:
            stages.insert(0, Stage(duration=_GROWTH * settle, start=self._target, end=target))
        profile = Profile(
            model="open" if self._is_open else "closed",
            stages=tuple(stages),
            arrivals=self._plan.arrivals,
            seed=self._plan.seed + len(self.levels),
        )
        self._target = target
        self._send("level", {"begins_at": begins_at, "profile": profile.model_dump(mode="json")})

    def run_short(self, needed: int) -> None:
        """The plan's ``max_users`` were too few for the level that is held."""
        if self._held is not None and self._facts.last_at >= self._held.measured_from:
            self._needed = needed

    def _health(self, held: _Held) -> GeneratorHealth:
        """How the generator fared: a pool that the plan keeps too small says nothing of the service."""
        health = held.health.health(held.counts, is_open=self._is_open, drops_spoil=_TOLERATED_DROPS)
        needed, self._needed = self._needed, None
        if needed is None or not held.counts.arrivals.dropped or getattr(self._plan, "max_users", None) is None:
            return health
        said = f"arrivals were dropped for want of users: it takes about {needed}; raise --max-users"
        return replace(health, doubts=(*health.doubts, Doubt("dropped_rate", said)))

    def _judge(self, held: _Held) -> None:
        exceptions, unfinished = held.errors(self._facts)
        self._record.unwatch(held.counts)
        measured = MeasuredLevel(
            number=held.number,
            target=held.step.target,
            unit="per_second" if self._is_open else "users",
            role=held.step.role,
            measured_from=float(held.measured_from),
            measured_to=float(held.measured_to),
            record=held.counts,
            exception_count=exceptions,
            unfinished=unfinished,
            health=self._health(held),
            in_flight=tuple(held.in_flight),
        )
        self.levels.append(judge_level(measured, self._plan.rules))
        self._held = None


def _errors(facts: Facts) -> tuple[int, int]:
    return sum(error.count for error in facts.exceptions()), facts.unfinished
