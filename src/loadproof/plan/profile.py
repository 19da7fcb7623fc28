"""The arithmetic of profiles: how much load there is at a time, and when each arrival is due.

All times are seconds after the profile's start. A stage, and a profile, holds the moment it begins and not the one it
ends.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from loadproof.plan.model import Profile, Stage

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

_BLOCK = 4_096
"""Arrivals that are reckoned at a time, over all workers."""


def target_at(profile: Profile, t: float) -> float:
    """Users, or arrivals per second, that a profile wants at a time; 0 before it begins and once it is over."""
    for stage, begin, end in _laid_out(profile):
        if begin <= t < end:
            gone = min(1.0, (t - begin) / stage.duration) if stage.duration else 0.0
            return stage.start + (stage.end - stage.start) * gone
    return 0.0


def duration_of(profile: Profile) -> float | None:
    """Seconds that a profile lasts; None where it has no end."""
    *_, (_, _, end) = _laid_out(profile)
    return None if math.isinf(end) else end


def arrivals_until(profile: Profile, t: float) -> float:
    """How many arrivals an open profile wants before a time: the integral of its rate, seldom a whole number.

    Args:
        profile: An open one.
        t: Infinity for all; infinity is also what comes back then from a profile without an end.
    """
    return math.fsum(_integral(stage, t - begin) for stage, begin, _ in _laid_out(profile) if t > begin)


def ramp_end(profile: Profile) -> float:
    """When load stops growing: where the first stage begins that holds one target above 0; 0.0 where none does."""
    return next((begin for stage, begin, _ in _laid_out(profile) if stage.start == stage.end > 0), 0.0)


class Schedule:
    """When the arrivals of an open profile are due, and which user class each goes to.

    Arrival i, from 0, is due where the integral of the rate reaches its place. Even ones have the place i + 0.5, in the
    middle of what belongs to them: the first of 50/s comes at 10 ms, and a constant stage has exactly rate times
    duration. Those of a Poisson process have the sums of exponential gaps of mean 1 (time-change theorem: Lewis and
    Shedler 1979, Naval Research Logistics Quarterly 26). So each worker reckons the same schedule, and takes every n-th
    arrival of it.

    The same profile, weights and limit give the same schedule; gaps and classes are drawn apart, so that other weights
    leave the times as they are.

    Args:
        profile: An open one.
        worker: Whose arrivals: every ``workers``-th, from this one on; from 0.
        workers: How many there are.
        weights: How often arrivals go to each user class, relative to each other.
        limit: Arrivals after which the schedule ends, over all workers; None for no such limit.

    Raises:
        ValueError: There is no such worker, or weights are negative or sum to nothing.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        worker: int = 0,
        workers: int = 1,
        weights: Sequence[float] = (1.0,),
        limit: int | None = None,
    ) -> None:
        if not 0 <= worker < workers:
            raise ValueError(f"of {workers} workers there is none with the number {worker}")
        if min(weights, default=0.0) < 0.0 or not 0.0 < sum(weights) < math.inf:
            raise ValueError(f"weights are 0 or more, and not all 0: {list(weights)}")
        self._profile = profile
        self._spans = _spans(profile)
        self._worker, self._workers = worker, workers
        self._weights = tuple(weights)
        self._limit = math.inf if limit is None else limit

    def blocks(self) -> Iterator[tuple[list[float], list[int]]]:
        """This worker's arrivals, some thousand at a time, reckoned when they are asked for.

        Yields:
            Times, ascending, and the index of the user class that each goes to; neither is ever empty.
        """
        for arrivals, classes in zip(self._arrivals(), self._classes(), strict=False):
            mine = slice((self._worker - arrivals.first) % self._workers, len(arrivals.places), self._workers)
            times = self._times(arrivals.whole, arrivals.places[mine])
            if len(times):
                yield times.tolist(), classes[mine].tolist()

    def count_between(self, start: float, end: float) -> int:
        """How many of this worker's arrivals are due at ``start`` or later, but before ``end``.

        A Poisson process is drawn anew for it up to both times: some 15 s for each thousand million arrivals.

        Args:
            start: May lie before the profile.
            end: May lie behind it; finite where neither the profile nor a limit has an end.
        """
        return max(0, self._share(self._before(end)) - self._share(self._before(start)))

    def _share(self, count: int) -> int:
        """How many of the first arrivals are this worker's."""
        return (count - self._worker + self._workers - 1) // self._workers if count > self._worker else 0

    def _before(self, t: float) -> int:
        """Arrivals over all workers that are due before a time: exactly as many as ``blocks`` says."""
        place = min(arrivals_until(self._profile, t), self._limit)
        count = 0
        for arrivals in self._arrivals(near=place):
            count = arrivals.first + len(arrivals.places)
            # Rounding moves none by a whole place.
            if arrivals.whole + arrivals.places[-1] >= place - 1.0:
                times = self._times(arrivals.whole, arrivals.places)
                due = int(times.searchsorted(t))
                if due < len(times):
                    return arrivals.first + due
        return count

    def _arrivals(self, near: float = 0.0) -> Iterator[_Arrivals]:
        """All arrivals of all workers.

        Args:
            near: A place: even arrivals may begin at the last block that has none but earlier ones before it.
        """
        drawn = self._random_places() if self._profile.arrivals == "poisson" else _even_places(near)
        for arrivals in drawn:
            kept = min(self._placed(arrivals), max(0, self._limit - arrivals.first))
            if kept:
                yield _Arrivals(arrivals.first, arrivals.whole, arrivals.places[: int(kept)])
            if kept < _BLOCK:
                return

    def _placed(self, arrivals: _Arrivals) -> int:
        """How many lie within the profile."""
        return int(arrivals.places.searchsorted(self._spans[-1].border(arrivals.whole))) if self._spans else 0

    def _random_places(self) -> Iterator[_Arrivals]:
        import numpy as np  # noqa: PLC0415 - it takes long to load, and plans are read without it

        random = np.random.Generator(np.random.PCG64(self._seeds()[0]))
        whole, part = 0, 0.0
        for first in itertools.count(0, _BLOCK):
            places = random.standard_exponential(_BLOCK)
            places[0] += part
            np.cumsum(places, out=places)
            yield _Arrivals(first, whole, places)
            # The sum is kept in two, or its last digits would be lost after some thousand million.
            part = float(places[-1])
            whole, part = whole + int(part), part - int(part)

    def _classes(self) -> Iterator[Integers]:
        """Index of the user class for each of the arrivals of all workers."""
        import numpy as np  # noqa: PLC0415 - see above

        if len(self._weights) == 1:
            yield from itertools.repeat(np.zeros(_BLOCK, dtype=np.int64))
        random = np.random.Generator(np.random.PCG64(self._seeds()[1]))
        shares = np.cumsum(self._weights)
        shares /= shares[-1]  # so that the last is 1 exactly, which no draw reaches
        while True:
            yield np.searchsorted(shares, random.random(_BLOCK), side="right")

    def _seeds(self) -> list[np.random.SeedSequence]:
        """One for the gaps, one for the classes."""
        import numpy as np  # noqa: PLC0415 - see above

        return np.random.SeedSequence(self._profile.seed).spawn(2)

    def _times(self, whole: int, places: Floats) -> Floats:
        """When ascending places within the profile are reached: ``whole`` + ``places``."""
        import numpy as np  # noqa: PLC0415 - see above

        times = np.empty_like(places)
        done = 0
        for span in self._spans:
            until = int(places.searchsorted(span.border(whole)))
            if until > done:
                times[done:until] = span.times(whole, places[done:until])
                done = until
        return times


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """Arrivals that follow each other: the first one's index, and their places less ``whole``, ascending."""

    first: int
    whole: int
    places: Floats


@dataclass(frozen=True, slots=True)
class _Span:
    """A stage that has arrivals, and where it lies: in time, and in places.

    Places are kept in two, a whole number and the rest, so that none of their digits are lost however many there are.

    Attributes:
        rate: Arrivals per second at its start.
        slope: By how much the rate grows each second.
        begin: Seconds after the profile's start.
        last: The last moment that belongs to it.
        since: Place at which it begins.
        until: Place at which it ends.
    """

    rate: float
    slope: float
    begin: float
    last: float
    since: tuple[int, float]
    until: tuple[int, float]

    def border(self, whole: int) -> float:
        """Where it ends, counted from a place."""
        return (self.until[0] - whole) + self.until[1]

    def times(self, whole: int, places: Floats) -> Floats:
        """When places within it are reached.

        ``2k / (a + sqrt(a² + 2kb))`` solves ``ax + bx²/2 = k`` without a division by zero where the rate is constant,
        and without cancelling where it hardly grows.
        """
        import numpy as np  # noqa: PLC0415 - it takes long to load, and plans are read without it

        twice = 2.0 * np.maximum(0.0, (whole - self.since[0]) + (places - self.since[1]))
        below = self.rate + np.sqrt(np.maximum(0.0, self.rate**2 + twice * self.slope))
        passed = np.divide(twice, below, out=np.zeros_like(twice), where=below > 0.0)
        times: Floats = np.minimum(self.begin + passed, self.last)
        return times


def _even_places(near: float) -> Iterator[_Arrivals]:
    import numpy as np  # noqa: PLC0415 - see above

    places = np.arange(_BLOCK, dtype=np.float64) + 0.5
    for first in itertools.count(max(0, int(near) - 2) // _BLOCK * _BLOCK, _BLOCK):
        yield _Arrivals(first, first, places)


def _spans(profile: Profile) -> tuple[_Span, ...]:
    spans: list[_Span] = []
    whole, part = 0, 0.0
    for stage, begin, end in _laid_out(profile):
        amount = _integral(stage, math.inf)
        if amount <= 0.0:
            continue
        since = whole, part
        if math.isinf(amount):
            part = math.inf
        else:
            part += amount % 1.0
            whole, part = whole + int(amount) + int(part), part % 1.0
        last = math.nextafter(end, begin)
        spans.append(_Span(stage.start, _slope(stage), begin, last, since, (whole, part)))
    return tuple(spans)


def _laid_out(profile: Profile) -> Iterator[tuple[Stage, float, float]]:
    """Each stage with when it begins and when it ends, which may be never."""
    begin = 0.0
    for stage in profile.stages:
        end = math.inf if stage.duration is None else begin + stage.duration
        yield stage, begin, end
        begin = end


def _slope(stage: Stage) -> float:
    return (stage.end - stage.start) / stage.duration if stage.duration else 0.0


def _integral(stage: Stage, seconds: float) -> float:
    """Arrivals within the first seconds of a stage, or within all of it."""
    if stage.duration is None:
        return stage.start * seconds if stage.start else 0.0  # 0 times infinity is no number
    if seconds >= stage.duration:
        return (stage.start + stage.end) / 2.0 * stage.duration
    return seconds * (stage.start + _slope(stage) * seconds / 2.0)
