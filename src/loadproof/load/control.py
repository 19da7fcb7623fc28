"""Follows profiles and levels: how many users there are at each time, and when the run is over.

It runs where Locust's users are decided on, in the only process or in the master. What each process that makes load
does of its own accord is in ``loader.py``; the two speak through ``Loaders``.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import gevent
import locust.log
from locust.runners import STATE_RUNNING, STATE_SPAWNING

from loadproof.load.dispatch import ClassDispatcher, Mix
from loadproof.load.stepping import stepped
from loadproof.plan.profile import duration_of, target_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadproof.load.loader import Status
    from loadproof.load.scenarios import Cast
    from loadproof.plan import Profile

_TURN = 0.1
_SPAWN_RATE = 100.0
"""Told to Locust, which warns above it; our dispatcher starts all at once."""

_SETTLING = 30.0
"""Seconds that users may take, in ``on_start`` for example, before arrivals begin without them."""

_GOODBYE = 5.0
"""Seconds that iterations may go on after the last level of a search."""

_LEAD = 0.15
_FIRST_SECONDS = 5
_FEWEST_USERS = 10
_GUESS = 0.1
"""Seconds that iterations are taken to last before the first one was seen."""


class Loaders(Protocol):
    """The processes that make load."""

    def statuses(self) -> list[Status]:
        """What each said last."""

    def begin_shares(self) -> None:
        """Give each its share of arrivals and iterations."""

    def add(self, scenario: str, begins_at: float, profile: Profile) -> None:
        """Have each go on with a profile, from a time in seconds since the run's start."""


class _Course:
    """How a scenario goes on: its profiles, each from a time on."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.mix = Mix(cast.user_classes)
        self.segments: list[tuple[float, Profile]] = []
        self.extra = 0  # users beyond what the profile says, at the wish of whoever watches
        self.done = False

    def target(self, now: float) -> float:
        """Users, or arrivals per second."""
        begun = [segment for segment in self.segments if segment[0] <= now]
        return target_at(begun[-1][1], now - begun[-1][0]) if begun else 0.0

    def users(self, now: float) -> int:
        """Users of a closed scenario; where its profile has none there are none."""
        users = _whole(self.target(now))
        return max(1, users + self.extra) if users else 0

    @property
    def ends_at(self) -> float:
        """When its last profile is over; infinity for one without an end, and before there is one."""
        if not self.segments:
            return math.inf
        begins_at, profile = self.segments[-1]
        lasts = duration_of(profile)
        return math.inf if lasts is None else begins_at + lasts

    def grows(self, now: float) -> bool:
        """Whether its target is still to rise above what it is now."""
        here, at = self.target(now), self.segments[-1][0] if self.segments else 0.0
        for stage in self.segments[-1][1].stages if self.segments else ():
            at = math.inf if stage.duration is None else at + stage.duration
            if at > now and max(stage.start, stage.end) > here:
                return True
        return not self.segments

    def first_users(self, workers: int) -> int:
        """Users before the first arrival."""
        profile = self.cast.scenario.profile
        least = workers * len(self.cast.user_classes)
        if profile.start_users is not None:
            return max(profile.start_users, 1)
        rate = max(target_at(profile, second) for second in range(_FIRST_SECONDS + 1))
        return min(max(_FEWEST_USERS, math.ceil(rate * _GUESS), least), max(self.most_users(rate), least))

    def most_users(self, rate: float) -> int:
        """Most users of its pool: what the plan says, else what ten seconds' arrivals take."""
        profile = self.cast.scenario.profile
        if profile.max_users is not None:
            return profile.max_users
        highest = max([rate, *(max(stage.start, stage.end) for stage in profile.stages)])
        return min(10_000, max(100, math.ceil(10 * highest)))


class Control:
    """Decides, ten times a second, how many users there are, and when the run is over.

    Args:
        casts: The scenarios; empty where Locust decides on users, and only iterations are limited.
        environment: Locust's.
        clock: Seconds since the run's start.
        loaders: The processes that make load.
        endless: Whether a search goes on until it is told to stop.
        limited: Whether a number of iterations may end a schedule before its time.
        tell: Sends a frame to the supervisor.
        over: Called when all is done.
    """

    def __init__(
        self,
        casts: Sequence[Cast],
        environment: Any,
        *,
        clock: Callable[[], float],
        loaders: Loaders,
        endless: bool,
        limited: bool,
        tell: Callable[[str, Any], None],
        over: Callable[[], None],
    ) -> None:
        self._courses = [_Course(cast) for cast in casts]
        self._environment = environment
        self._clock = clock
        self._loaders = loaders
        self._endless = endless
        self._limited = limited
        self._tell = tell
        self._over = over
        self._greenlet: Any = None
        self._patience = environment.stop_timeout
        self._workers = 1
        self._short = 0
        self._stopped = False
        self._dispatched_at = 0.0
        self._seen: list[Status] = []
        self.wanted: dict[str, int] = {}
        self.ended_at: float | None = None
        """When the last schedule was over, in seconds since the run's start.

        None while one goes on, and where scenarios are closed: what their users still finish is counted."""
        if casts:
            environment.dispatcher_class = partial(ClassDispatcher, self.wanted)
            if not environment.stop_timeout:
                # Iterations that are going on may end; those of arrivals are waited for here.
                closed = [cast.scenario.graceful_stop for cast in casts if not cast.is_open]
                environment.stop_timeout = max(closed, default=0.0)

    def prepare(self, workers: int) -> None:
        """Decide on the first users, before Locust starts any."""
        self._workers = max(1, workers)
        for course in self._courses:
            if course.cast.is_open:
                self.wanted |= _at_least_one(course.mix.of(course.first_users(self._workers)), self._workers)
            else:
                later = course.cast.scenario.start > 0 or any(other.cast.is_open for other in self._courses)
                first = 0.0 if later else target_at(course.cast.scenario.profile, 0.0)
                self.wanted |= course.mix.of(_whole(first))

    @property
    def used(self) -> bool:
        """Whether it has followed a test already."""
        return self._greenlet is not None

    def start(self) -> None:
        """Follow the profiles from now on, in a greenlet of its own."""
        self._greenlet = gevent.spawn(self._run)
        self._greenlet.link_exception(self._on_failure)

    def _on_failure(self, _greenlet: Any) -> None:
        """Nobody follows the profiles any more: the run ends, and says that it broke."""
        locust.log.unhandled_greenlet_exception = True
        self._over()

    def stop(self) -> None:
        """The test is over, and no user may be started any more: Locust would begin another test with it."""
        self._stopped = True
        if self._greenlet is not None and self._greenlet is not gevent.getcurrent():
            self._greenlet.kill(block=False)

    def finish(self) -> None:
        """A search is over, or the user ends the run: iterations that are going on may end."""
        self._environment.stop_timeout = self._patience or _GOODBYE

    def abandon(self) -> None:
        """The run ends for a reason of somebody else: users may take as long as they were given, and no longer."""
        self._environment.stop_timeout = self._patience

    def go_on(self, begins_at: float, profile: Profile) -> None:
        """The next level of a search."""
        course = self._courses[0]
        if course.cast.is_open:
            self._grow_ahead(course, profile.stages[-1].end)
            self._loaders.add(course.cast.scenario.name, begins_at, profile)
        course.segments.append((begins_at, profile))

    def change_users(self, direction: int) -> tuple[int, int]:
        """A step more users, or fewer, on top of the closed profiles from now on, each scenario its share of it.

        Args:
            direction: 1 or -1.

        Returns:
            How many there were to be, and how many there are to be now.

        Raises:
            ValueError: It cannot be done, and why.
        """
        closed = [course for course in self._courses if not course.cast.is_open]
        if not closed:
            raise ValueError("arrivals come at the plan's rate, which cannot be changed during the run")
        now = self._clock()
        shares = {course: course.users(now) for course in closed if not course.done}
        before = sum(shares.values())
        left = stepped(before, direction) - before
        for course in sorted(shares, key=shares.__getitem__):  # the largest one has what rounding leaves
            part = left if len(shares) == 1 else round(left * shares[course] / sum(shares.values()))
            least = 1 - shares.pop(course)
            moved = max(part, least) if part else 0
            course.extra += moved
            left -= moved
        return before, sum(course.users(now) for course in closed if not course.done)

    # Its greenlet

    def _run(self) -> None:
        if any(course.cast.is_open for course in self._courses):
            self._settle()
        self._loaders.begin_shares()
        if self._courses:
            starts_at = self._begin()
            self._tell("schedule", {"starts_at": starts_at})
        while not self._is_over(self._seen):
            gevent.sleep(_TURN)
            if self._stopped:
                return
            self._seen = self._loaders.statuses()  # once a turn: asking for needs begins to count them anew
            self._turn(self._seen)
        self._over()

    def _settle(self) -> None:
        """Wait until the first users are ready."""
        deadline = self._clock() + _SETTLING
        first = sum(self.wanted[name] for course in self._courses if course.cast.is_open for name in course.cast.names)
        while self._clock() < deadline:
            statuses = self._loaders.statuses()
            if len(statuses) >= self._workers and sum(status["free"] for status in statuses) >= first:
                return
            gevent.sleep(0.02)

    def _begin(self) -> float:
        """Start all profiles, at the next whole second: windows of one second must not be cut."""
        is_open = any(course.cast.is_open for course in self._courses)
        lead = _LEAD * (1 + (self._workers > 1))
        starts_at = float(math.ceil(self._clock() + lead)) if is_open else 0.0
        for course in self._courses:
            scenario = course.cast.scenario
            begins_at = starts_at + scenario.start
            course.segments.append((begins_at, scenario.profile))
            if course.cast.is_open:
                self._loaders.add(scenario.name, begins_at, scenario.profile)
        return starts_at

    def _turn(self, statuses: Sequence[Status]) -> None:
        if self._environment.runner.state not in (STATE_SPAWNING, STATE_RUNNING):
            return  # the script's listeners still hear of the start, or the test is about to stop
        now = self._clock()
        before = dict(self.wanted)
        for course in self._courses:
            if course.done:
                continue
            if course.cast.is_open:
                self._follow_arrivals(course, now, statuses)
            else:
                self._follow_users(course, now)
        changed = self.wanted != before or (now >= self._dispatched_at + 1 and self._are_missing(statuses))
        if changed and not all(course.done for course in self._courses):
            self._dispatched_at = now
            self._environment.runner.start(sum(self.wanted.values()), _SPAWN_RATE)

    def _are_missing(self, statuses: Sequence[Status]) -> bool:
        """Whether users are needed that once were started and are gone: an exception in ``on_start`` ends one."""
        return any(
            need > status["users"].get(cls, 0) < self.wanted.get(cls, 0) // self._workers
            for status in statuses
            for cls, need in status["needs"].items()
        )

    def _follow_users(self, course: _Course, now: float) -> None:
        if now >= course.ends_at and not self._endless:
            course.done = True
        self.wanted |= course.mix.of(0 if course.done else course.users(now))

    def _follow_arrivals(self, course: _Course, now: float, statuses: Sequence[Status]) -> None:
        if self._are_made(course, now, statuses):
            course.done = True
            self.wanted |= dict.fromkeys(course.cast.names, 0)
            return
        asked = {
            cls: max((status["needs"].get(cls, 0) for status in statuses), default=0) * self._workers
            for cls in course.cast.names
        }
        self._grow(course, asked, course.target(now))
        self._say_what_is_short(
            course, sum(status["ideal"].get(course.cast.scenario.name, 0) for status in statuses), course.target(now)
        )

    def _are_made(self, course: _Course, now: float, statuses: Sequence[Status]) -> bool:
        """Whether all arrivals of a scenario have been made, and what came of them is over or has had its time."""
        if self._endless:
            return False
        if now >= course.ends_at + course.cast.scenario.graceful_stop:
            return True
        name = course.cast.scenario.name
        made = bool(statuses) and all(name in status["over"] for status in statuses)
        busy = sum(status["in_flight"].get(name, 0) for status in statuses)
        return made and not busy and (self._limited or now >= course.ends_at)

    def _grow(self, course: _Course, asked: dict[str, int], rate: float) -> None:
        """Give each class what it asks for, as far as the pool may grow; users are never taken away."""
        there = sum(self.wanted[cls] for cls in asked)
        room = max(0, course.most_users(rate) - there)
        more = {cls: max(0, want - self.wanted[cls]) for cls, want in asked.items()}
        total = sum(more.values())
        for cls, extra in more.items():
            self.wanted[cls] += extra if total <= room else extra * room // total

    def _grow_ahead(self, course: _Course, rate: float) -> None:
        """Have users for a new rate before it begins, by what the last one took."""
        before = course.segments[-1][1].stages[-1].end if course.segments else 0.0
        if rate > before > 0:
            ideal = sum(status["ideal"].get(course.cast.scenario.name, 0) for status in self._seen)
            there = max(1, sum(self.wanted[cls] for cls in course.cast.names))
            factor = ideal * rate / before / there
            self._grow(course, {cls: math.ceil(self.wanted[cls] * factor) for cls in course.cast.names}, rate)

    def _say_what_is_short(self, course: _Course, ideal: int, rate: float) -> None:
        """Tell the supervisor how many users it would have taken, where more than there may be."""
        if ideal > course.most_users(rate) and (self._endless or ideal > self._short * 1.1):
            self._short = ideal
            self._tell("short", {"max_users": course.most_users(rate), "needed": ideal})

    def _is_over(self, statuses: Sequence[Status]) -> bool:
        if statuses and len(statuses) >= self._environment.runner.worker_count and self._is_used_up(statuses):
            return True
        if not self._courses or self._endless or not all(course.done for course in self._courses):
            return False
        # Users of a closed scenario go on with what they do, and all of that is counted.
        if all(course.cast.is_open for course in self._courses):
            self.ended_at = min(self._clock(), max(course.ends_at for course in self._courses))
        return True

    def _is_used_up(self, statuses: Sequence[Status]) -> bool:
        """Whether a limit on iterations has been reached."""
        if all(status["used_up"] for status in statuses):
            return True
        users = sum(sum(status["users"].values()) for status in statuses)
        waiting = sum(status["waiting"] for status in statuses)
        runner, now = self._environment.runner, self._clock()
        if runner.state != STATE_RUNNING or any(course.grows(now) for course in self._courses if not course.done):
            return False  # more users are to come
        if not users and not self._courses:  # each has left by itself: an exception in ``on_start`` ends one
            return bool(runner.target_user_count > 0 and not runner.user_count)
        return bool(0 < users == waiting)


def _whole(target: float) -> int:
    """Users are whole; half a one is one."""
    return math.floor(target + 0.5)


def _at_least_one(users: dict[str, int], workers: int) -> dict[str, int]:
    """Every class on every worker, so that no arrival finds nobody only because its class is rare."""
    return {name: max(count, workers) for name, count in users.items()}
