"""A timeline of a run: what users do depends on how long the test has been going on, and how long it has left."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import gevent
import locust
from locust.exception import StopTest
from locust.runners import WorkerRunner

from loadproof.errors import ExitCode, Problem, UsageError
from loadproof.kit.coordination import elapsed, place
from loadproof.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_log = logging.getLogger(__name__)

_SLACK = 1.0
"""Seconds by which two statements of how long a run lasts may differ."""

_timelines: WeakSet[Phases] = WeakSet()


@dataclass(frozen=True, slots=True)
class Phase:
    """One part of a run. It begins where the one before it ends, and the first one with the test.

    Attributes:
        name: What it is called.
        until: When it ends, in seconds since the test began; None where the next phase, or the run's end, says it.
        before_end: When it begins, in seconds before the end of the run; None where the phase before it says it.
    """

    name: str
    until: float | None = None
    before_end: float | None = None


class Phases:
    """The phases of a run, in their order, from the real start of the test on.

    Args:
        phases: At least one, without gaps: of two neighbours one says where the border between them is.
        run_time: Seconds from the start of the test to its end; None takes Locust's own ``--run-time``. A run that
            Locust is to end at another time is refused before its first user starts.
        clock: Gives the seconds since the test began.

    Raises:
        UsageError: The phases leave a gap or overlap, or the run is too short for them. With ``run_time`` it is raised
            at once; else before the first user of a test starts, and that test is ended.
    """

    def __init__(
        self, phases: Sequence[Phase], run_time: float | None = None, clock: Callable[[], float] = elapsed
    ) -> None:
        self._phases = tuple(phases)
        self._run_time = run_time
        self._clock = clock
        _check_borders(self._phases)
        if run_time is not None or not self._relative:
            self._starts(run_time)
        _timelines.add(self)

    @property
    def _relative(self) -> bool:
        return any(phase.before_end is not None for phase in self._phases)

    def now(self) -> str:
        """Name of the phase that it is; of the last one also when the run should be over.

        Raises:
            KitError: No test has begun.
        """
        return self._phases[self._current()].name

    @property
    def left(self) -> float:
        """Seconds until the present phase is over; infinite where nothing says when.

        Raises:
            KitError: No test has begun.
        """
        end = self._ends()[self._current()]
        return max(0.0, end - self._clock())

    def _current(self) -> int:
        now = self._clock()
        return sum(now >= start for start in self._starts(self._length())[1:])

    def _ends(self) -> tuple[float, ...]:
        length = self._length()
        return (*self._starts(length)[1:], float("inf") if length is None else length)

    def _length(self) -> float | None:
        return place.run_time if self._run_time is None else self._run_time

    def _starts(self, run_time: float | None) -> tuple[float, ...]:
        """When each phase begins, in seconds since the test did; raises UsageError where one would have no time."""
        if run_time is None and self._relative:
            raise _problem("the run has no end that is known, and phases count from it", "pass run_time, or -t")
        starts = [0.0]
        for before, phase in pairwise(self._phases):
            starts.append(before.until if before.until is not None else (run_time or 0.0) - (phase.before_end or 0.0))
        ends = [*starts[1:], float("inf") if run_time is None else run_time]
        for phase, start, end in zip(self._phases, starts, ends, strict=True):
            if not start < end:
                lasts = "" if run_time is None else f" in a run of {format_duration(run_time)}"
                times = f"it would begin at {_signed(start)} and end at {_signed(end)}"
                raise _problem(f"phase {phase.name!r} has no time{lasts}: {times}", "make the run longer")
        return tuple(starts)

    def check(self, run_time: float | None) -> None:
        """See whether the run that Locust is about to make has time for all phases.

        Args:
            run_time: Seconds after which Locust ends it; None where Locust does not know.

        Raises:
            UsageError: It does not.
        """
        if self._run_time is None:
            self._starts(run_time)
        elif run_time is not None and abs(run_time - self._run_time) > _SLACK:
            ends, said = format_duration(run_time), format_duration(self._run_time)
            raise _problem(f"Locust ends the run after {ends}, and its phases are made for {said}", "make them agree")


def _check_borders(phases: tuple[Phase, ...]) -> None:
    names = [phase.name for phase in phases]
    if not names or len(set(names)) < len(names):
        raise _problem(f"at least one phase is needed, each with a name of its own: {', '.join(names) or 'none'}")
    if phases[0].before_end is not None:
        raise _problem(f"the first phase, {names[0]!r}, begins with the test, and cannot have before_end")
    if phases[-1].until is not None:
        raise _problem(f"the last phase, {names[-1]!r}, ends with the run, and cannot have until")
    for before, phase in pairwise(phases):
        if (before.until is None) is (phase.before_end is None):
            said = "nothing says" if before.until is None else "two things say"
            hint = f"either {before.name!r} has until, or {phase.name!r} has before_end"
            raise _problem(f"{said} when {before.name!r} ends and {phase.name!r} begins", hint)


def _signed(seconds: float) -> str:
    """A time in a run, which wrong phases make negative."""
    return f"-{format_duration(-seconds)}" if seconds < 0 else format_duration(seconds)


def _problem(what: str, hint: str | None = None) -> UsageError:
    return UsageError([Problem("bad-phases", "Phases", what, hint)])


def _check_all(environment: Any, run_time: float | None) -> None:
    """Refuse a run that is too short, in the process that decides on runs."""
    if isinstance(environment.runner, WorkerRunner) or getattr(environment.parsed_options, "worker", False):
        return
    for phases in _timelines:
        phases.check(run_time)


def _on_init(environment: Any, **_: object) -> None:
    """Listener: without a web interface it is known by now how long the run is to last, unless a shape says it."""
    # Locust's timer for the end would start from the loop's idea of the time, which is as old as the imports took.
    gevent.get_hub().loop.update_now()
    options = environment.parsed_options
    run_time = getattr(options, "run_time", None)
    if not getattr(options, "headless", False) or (not run_time and environment.shape_class is not None):
        return
    try:
        _check_all(environment, float(run_time) if run_time else None)
    except UsageError as error:
        _log.error("%s", error)
        sys.exit(ExitCode.USAGE)


def _on_test_start(environment: Any, **_: object) -> None:
    """Listener: the web interface may have said something else."""
    try:
        _check_all(environment, place.run_time)
    except UsageError as error:
        raise StopTest(str(error)) from error


locust.events.init.add_listener(_on_init)
locust.events.test_start.add_listener(_on_test_start)
