"""SEARCH: which load to hold next, and what was found. Pure: all is worked out from the levels judged so far.

Both searches are told as one course of steps (``_course``), a generator that is given each level as it is judged. To
know the next step the course is gone through again from its start, so that nothing is kept between two questions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, takewhile
from typing import TYPE_CHECKING, NamedTuple, Protocol

from loadproof.plan.model import Stress
from loadproof.result import Outcome, SearchResult
from loadproof.units import format_count, format_duration, format_rate

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from loadproof.plan.model import Capacity
    from loadproof.result import Level, LevelRole, LevelUnit, SearchOutcome

MOST_TRIALS = 40
"""Trials after which a search for a capacity gives up; it usually takes 12 to 20."""

LOWEST_RATE = 0.01
"""Arrivals per second below which no capacity is looked for: one in 100 s."""

_MOST_UNJUDGED = 3
_DIGITS = 4

_SURE = 0.99
_LEAST_SURE = 0.8
"""How probable it must be that the interval holds the capacity; and, when trials run out, at least."""

_SETTLED_BY = 30
"""Trials after which no more are made only to be surer."""

_SPREADS = (0.01, 0.03, 0.05)
"""How far from its capacity a service may fail or pass by chance, as a ratio; each is as likely as the others.

A trial of n requests tells a rate to about 2 / sqrt(n) where a queue decides: 3 % at 200/s for 20 s.
"""

_LAPSE = 0.02
"""Share of trials that come out by accident, whatever the rate: a pause, a neighbour on the machine."""

_EASE = 1.018
"""Trials pass a little above the capacity: 99 % is enough of what was offered, and in a short window few of the long
queues are seen that make a high quantile, so that it is below its true value more often than above."""

_AROUND = 1.35
_ASTRAY = 1.15
"""How far around the border the capacity is looked for; and how far off a trial must come out to look elsewhere."""

_FINE = 0.0025
"""Steps of log rate in which likely capacities are told apart."""

_FINEST = 0.005
"""No precision below this is aimed at: rates have four digits."""


@dataclass(frozen=True, slots=True)
class Step:
    """A level to hold next.

    Attributes:
        target: Users, or arrivals per second.
        role: See ``Level.role``.
        settle: Whole seconds at its start that are not judged.
        hold: Whole seconds after these that are.
        rest: Whether the load goes to zero, and what is in progress ends, before it begins.
    """

    target: float
    role: LevelRole
    settle: int
    hold: int
    rest: bool


class Search(Protocol):
    """What to hold next, and what came of it."""

    def next(self, levels: Sequence[Level]) -> Step | None:
        """The next level to hold.

        Args:
            levels: All that were held so far, in their order.

        Returns:
            None when the search is over.
        """

    def result(self, levels: Sequence[Level], *, interrupted: bool = False) -> SearchResult:
        """What was found.

        Args:
            levels: As above.
            interrupted: Whether the run ended; a search that is over all the same has its answer.
        """


def search_for(plan: Stress | Capacity) -> Search:
    """The search that a plan asks for."""
    return StressSearch(plan) if isinstance(plan, Stress) else CapacitySearch(plan)


def _after(course: Generator[Step, Level, SearchResult], levels: Iterable[Level]) -> Step | SearchResult:
    """Where a course is once these levels were held: at a step, or at its end."""
    try:
        step = next(course)
        for level in levels:
            step = course.send(level)
    except StopIteration as over:
        result: SearchResult = over.value
        return result
    return step


class StressSearch:
    """Goes from level to level until one breaks: fails, and fails again when it is held again.

    A level that passes the second time was a blip, and the search goes on. One that has too few samples does not break.
    One at which the generator was at its limit is held again, and ends the search if it still is.

    Args:
        plan: What is searched for.
    """

    def __init__(self, plan: Stress) -> None:
        self._plan = plan

    def next(self, levels: Sequence[Level]) -> Step | None:
        """See ``Search.next``."""
        step = _after(self._course(), levels)
        return step if isinstance(step, Step) else None

    def result(self, levels: Sequence[Level], *, interrupted: bool = False) -> SearchResult:
        """See ``Search.result``; before the search is over the outcome is ``interrupted`` in any case."""
        result = _after(self._course(), levels)
        if isinstance(result, SearchResult):
            return result
        said = "interrupted" if interrupted else "not over yet"
        if not levels:
            return self._result((), "interrupted", f"{said}: no level was finished")
        last = levels[-1]
        if last.outcome is Outcome.FAIL:
            said = f"{said}: {last.reason} at {self._load(last)}, which was not held again"
        return self._result(levels, "interrupted", said)

    def _course(self) -> Generator[Step, Level, SearchResult]:
        levels: list[Level] = []
        for target in self._plan.levels:
            failed = limited = 0
            role: LevelRole = "step"
            while True:
                level = yield Step(target, role, self._plan.settle, self._plan.hold, rest=False)
                levels.append(level)
                failed += level.outcome is Outcome.FAIL
                limited += level.limited_by_generator
                if failed == 2:
                    return self._broke(levels)
                if limited == 2:
                    said = f"limited by the generator at {self._load(level)}: {level.reason}"
                    return self._result(levels, "generator_limited", said)
                if level.outcome is not Outcome.FAIL and not level.limited_by_generator:
                    break
                role = "repeat"
        last = levels[-1]
        if last.outcome is Outcome.INCONCLUSIVE:
            said = f"nobody can tell whether {self._load(last)} broke it: {last.reason}"
            return self._result(levels, "unsettled", said)
        return self._result(levels, "did_not_break", f"did not break up to {self._load(last)}")

    def _broke(self, levels: Sequence[Level]) -> SearchResult:
        level = levels[-1]
        return self._result(levels, "broke", f"broke at {self._load(level)}: {level.reason}", broken=level)

    def _result(
        self, levels: Sequence[Level], outcome: SearchOutcome, said: str, broken: Level | None = None
    ) -> SearchResult:
        ends = [list(held)[-1] for _, held in groupby(levels, key=lambda level: level.target)]
        good = [level.target for level in takewhile(lambda level: level.outcome is Outcome.PASS, ends)]
        if outcome != "did_not_break" or len(good) < len(ends):
            sustained = f"{self._named(good[-1])} sustained" if good else "no level is known to be sustained"
            said = f"{said}; {sustained}"
        blips = [each for each in levels if each.outcome is Outcome.FAIL and each.target in good]
        for blip in blips:
            said += f"; once {blip.reason} at {self._load(blip)}, but not when it was held again"
        return SearchResult(
            kind="stress",
            outcome=outcome,
            unit=self._plan.unit,
            max_level=ends[-1].target if ends else None,
            last_good_level=good[-1] if good else None,
            breaking_level=broken.target if broken else None,
            metric=broken.metric if broken else None,
            reason=said,
        )

    def _load(self, level: Level) -> str:
        return self._named(level.target)

    def _named(self, target: float) -> str:
        return _load_of(target, self._plan.unit)


class CapacitySearch:
    """Finds the highest rate that is sustained: doubles it until it fails, then halves the gap in log rate.

    One trial near the border proves little: by chance a service may fail just below its capacity and pass just above
    it. So trials are repeated around the border, each where the answer is still most open, until an interval of at most
    twice the precision holds the capacity with a probability of 99 % by all trials together (``_likely``). Its upper
    end must have failed, and its lower end must pass once more, for longer.

    Args:
        plan: What is searched for.
    """

    def __init__(self, plan: Capacity) -> None:
        self._plan = plan

    def next(self, levels: Sequence[Level]) -> Step | None:
        """See ``Search.next``."""
        step = _after(_Trials(self._plan).course(), levels)
        return step if isinstance(step, Step) else None

    def result(self, levels: Sequence[Level], *, interrupted: bool = False) -> SearchResult:
        """See ``Search.result``; before the search is over the outcome is ``interrupted`` in any case."""
        trials = _Trials(self._plan)
        result = _after(trials.course(), levels)
        if isinstance(result, SearchResult):
            return result
        said = "interrupted" if interrupted else "not over yet"
        return trials.unfinished("interrupted", said if levels else f"{said}: no trial was finished")


class _Likely(NamedTuple):
    """Where the capacity is, by all trials.

    Attributes:
        low: Lower end of the interval, of a given width, that most probably holds it.
        chance: How probable that is, 0..1.
        median: The rate that is as probably above it as below.
    """

    low: float
    chance: float
    median: float


@lru_cache(maxsize=256)
def _likely(evidence: tuple[tuple[float, float, bool], ...], low: float, high: float, width: float) -> _Likely:
    """Where the capacity is, by Bayes' theorem.

    As QUEST does it: Watson and Pelli 1983, Perception & Psychophysics 33. A trial at a rate x fails with the logistic
    probability 1 / (1 + exp(-1.702 ln(x / capacity) / spread)); the spread is unknown too, and shrinks with the root of
    the trial's length. Before any trial each rate is as likely, in logs.

    Args:
        evidence: See ``_Trials._evidence``.
        low: Lowest rate to think of.
        high: Highest rate to think of.
        width: Upper end of the interval by its lower end.
    """
    import numpy as np  # noqa: PLC0415 - only searches need it, and it takes long to load

    rates = np.arange(math.log(low), math.log(high), _FINE)
    tried, lengths, passed = (np.array(column)[:, None] for column in zip(*evidence, strict=True))
    chances = np.zeros(len(rates))
    for spread in _SPREADS:
        steps = 1.702 * (np.log(tried) - rates) * np.sqrt(lengths) / spread
        fails = _LAPSE / 2 + (1 - _LAPSE) / (1 + np.exp(-np.clip(steps, -30, 30)))
        chances += np.prod(np.where(passed, 1 - fails, fails), axis=0)
    below = np.cumsum(chances / chances.sum())
    cells = int(math.log(width) / _FINE)
    inside = below[cells:] - np.concatenate(([0.0], below[: -cells - 1]))
    best = np.flatnonzero(inside >= inside.max() - 1e-4)
    middle = best[len(best) // 2]
    return _Likely(
        low=math.exp(rates[middle]),
        chance=float(inside[middle]),
        median=math.exp(rates[int(np.searchsorted(below, 0.5))]),
    )


class _OverError(Exception):
    """Ends a course before it has its answer."""

    def __init__(self, outcome: SearchOutcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


class _Trials:
    """The course of a search for a capacity, and what its trials came to."""

    def __init__(self, plan: Capacity) -> None:
        self._plan = plan
        self._levels: list[Level] = []
        self._votes: dict[float, list[Level]] = {}
        self._max_rate = plan.max_rate or math.inf
        self._precision = max(plan.precision, _FINEST)
        # A hair less than twice the precision, so that rounded rates are not further apart either.
        self._width = (1 + 2 * self._precision) * (1 - 10 ** (1 - _DIGITS))

    def course(self) -> Generator[Step, Level, SearchResult]:
        """All steps, one after the other."""
        try:
            return (yield from self._course())
        except _OverError as over:
            return self.unfinished(over.outcome, over.reason)

    def _course(self) -> Generator[Step, Level, SearchResult]:
        low, high = yield from self._bracket()
        while True:
            if high is None:
                if (yield from self._sustains(low)) and (yield from self._confirms(low)):
                    return self._reached_the_limit(low)
                low, high = yield from self._below(low)
            elif self._passes(low) is None and not (yield from self._judged(low)):
                low, high = yield from self._below(low)
            else:
                low, high = yield from self._halved(low, high)
                found = yield from self._settled(low, high)
                if isinstance(found, SearchResult):
                    return found
                low, high = found

    def _halved(self, low: float, high: float) -> Generator[Step, Level, tuple[float, float]]:
        """The place to look around: a rate that passed and one that failed, as near as the precision asks."""
        while high > low * (1 + self._precision):
            middle = _neat(math.sqrt(low * high))
            if (yield from self._judged(middle)):
                low = middle
            else:
                high = middle
        return low, high

    def _settled(self, low: float, high: float) -> Generator[Step, Level, SearchResult | tuple[float, float | None]]:
        """The answer around a border, or another place to look around."""
        ceiling, unconfirmed = math.inf, 0
        while True:
            likely = _likely(self._evidence(), low / _AROUND, high * _AROUND, self._width)
            lower = min(_neat(likely.low / _EASE), ceiling, self._max_rate / math.sqrt(self._width))
            upper = min(_neat(lower * self._width), self._max_rate)
            if likely.chance < _SURE and len(self._levels) < _SETTLED_BY:
                rate = min(_neat(likely.median), self._max_rate)
            elif likely.chance < _LEAST_SURE:
                around = f"trials around {_rate(_neat(likely.median))} come out both ways"
                raise _OverError("unsettled", f"{around}: longer ones might tell")
            elif lower < ceiling and not self._fails_up_to(upper):
                rate = upper
            elif (yield from self._confirms(lower)):
                return self._found(lower, upper)
            else:
                # The first failure may be an accident: the same rate may be tried again. From the second on, nothing
                # that high is believed any more.
                ceiling = _neat(lower / (1 + unconfirmed * self._precision / 2))
                unconfirmed += 1
                continue
            passed = yield from self._judged(rate)
            if passed and rate == self._max_rate and self._count(rate)[0] >= 2:
                return rate, None
            if passed and rate > high * _ASTRAY:
                return (yield from self._above(rate))
            if not passed and rate < low / _ASTRAY:
                return (yield from self._below(rate))

    def _fails_up_to(self, upper: float) -> bool:
        """Whether a rate failed that is at most that high, and none between it and there passed."""
        failed = [rate for rate in self._votes if rate <= upper and self._passes(rate) is False]
        return bool(failed) and not any(self._passes(rate) for rate in self._votes if max(failed) < rate <= upper)

    def _evidence(self) -> tuple[tuple[float, float, bool], ...]:
        """Of each trial that was judged: rate, how long it was in trials, and whether it passed."""
        return tuple(
            (rate, (level.measured_to - level.measured_from) / self._plan.trial, level.outcome is Outcome.PASS)
            for rate, votes in sorted(self._votes.items())
            for level in votes
            if level.outcome in (Outcome.PASS, Outcome.FAIL)
        )

    def _bracket(self) -> Generator[Step, Level, tuple[float, float | None]]:
        """A rate that did not fail, and one above it that did; None where the highest allowed did not."""
        rate = min(self._plan.start_rate, self._max_rate)
        if (yield from self._trial(rate)) is False:
            return (yield from self._below(rate))
        return (yield from self._above(rate))

    def _above(self, rate: float) -> Generator[Step, Level, tuple[float, float | None]]:
        """The same, from a rate on that did not fail."""
        failed = [each for each in self._votes if each > rate and self._passes(each) is False]
        if failed:
            return rate, min(failed)
        unjudged = 1 if self._passes(rate) is None else 0
        while rate < self._max_rate:
            low, rate = rate, min(_neat(rate * 2), self._max_rate)
            passed = yield from self._trial(rate)
            if passed is False:
                return low, rate
            unjudged = 0 if passed else unjudged + 1
            if unjudged == _MOST_UNJUDGED:
                raise _OverError("unsettled", self._unjudged(rate))
        return rate, None

    def _below(self, rate: float) -> Generator[Step, Level, tuple[float, float | None]]:
        """The same, for a rate that failed."""
        high = rate
        passed = [each for each in self._votes if each < rate and self._passes(each)]
        if passed:
            return max(passed), high
        while True:
            low = _neat(high / 2)
            if low < max(LOWEST_RATE, 1 / self._plan.trial):
                worst = self._failure(high)
                raise _OverError("unsettled", f"not even {_rate(high)} was sustained: {worst.reason if worst else ''}")
            if (yield from self._judged(low)):
                return low, high
            high = low

    def _trial(self, rate: float, role: LevelRole | None = None, hold: int = 0) -> Generator[Step, Level, bool | None]:
        """Make a trial: True where it passed, False where it failed, None where it had too few samples."""
        votes = self._votes.setdefault(rate, [])
        role = role or ("repeat" if votes else "step")
        for attempt in range(2):
            if len(self._levels) == MOST_TRIALS:
                raise _OverError("unsettled", f"no clear answer after {MOST_TRIALS} trials")
            level = yield Step(
                rate,
                "repeat" if attempt and role == "step" else role,
                self._plan.settle,
                hold or self._plan.trial,
                rest=True,
            )
            self._levels.append(level)
            if not level.limited_by_generator:
                votes.append(level)
                return {Outcome.PASS: True, Outcome.FAIL: False}.get(level.outcome)
        raise _OverError("generator_limited", f"limited by the generator at {_rate(rate)}: {level.reason}")

    def _judged(self, rate: float) -> Generator[Step, Level, bool]:
        """Make a trial, and longer ones where it has too few samples."""
        for attempt in range(_MOST_UNJUDGED):
            passed = yield from self._trial(rate, hold=self._plan.trial * 2**attempt)
            if passed is not None:
                return passed
        raise _OverError("unsettled", self._unjudged(rate))

    def _sustains(self, rate: float) -> Generator[Step, Level, bool]:
        """Whether two trials of at most three pass; those that were made already count."""
        while True:
            passes, fails = self._count(rate)
            if max(passes, fails) >= 2:
                return passes > fails
            yield from self._judged(rate)

    def _confirms(self, rate: float) -> Generator[Step, Level, bool]:
        """Whether the long trial passes; one with too few samples adds nothing to those before, and passes."""
        return (yield from self._trial(rate, "confirm", self._plan.confirm)) is not False

    def _count(self, rate: float) -> tuple[int, int]:
        """How many trials of a rate passed, and how many failed."""
        outcomes = [level.outcome for level in self._votes.get(rate, ())]
        return outcomes.count(Outcome.PASS), outcomes.count(Outcome.FAIL)

    def _passes(self, rate: float) -> bool | None:
        """What most trials of a rate came to; the last confirmation outweighs the others."""
        votes = self._votes.get(rate, ())
        confirmations = [level for level in votes if level.role == "confirm"]
        if confirmations and confirmations[-1].outcome is not Outcome.INCONCLUSIVE:
            return confirmations[-1].outcome is Outcome.PASS
        passes, fails = self._count(rate)
        return None if not passes + fails else passes > fails

    def _found(self, low: float, high: float) -> SearchResult:
        held = self._votes[low][-1]
        seconds = format_duration(held.measured_to - held.measured_from)
        said = f"sustained {_rate(low)} for {seconds}"
        failure = self._failure(high)
        if failure is not None:
            said = f"{said}; at {_rate(failure.target)} {failure.reason}"
        return self._result("found", low, high, said + self._instability(low, high), failure)

    def _reached_the_limit(self, low: float) -> SearchResult:
        seconds = format_duration(self._plan.confirm)
        said = f"sustained {_rate(low)} for {seconds}, the highest rate that was to be tried"
        return self._result("did_not_break", low, None, said + self._instability(low, math.inf))

    def unfinished(self, outcome: SearchOutcome, said: str) -> SearchResult:
        """What is known of a capacity that was not found."""
        failed = [rate for rate in self._votes if self._passes(rate) is False]
        high = min(failed, default=None)
        passed = [rate for rate in self._votes if self._passes(rate) and (high is None or rate < high)]
        low = max(passed, default=None)
        if low is not None:
            said = f"{said}; {_rate(low)} was sustained"
        failure = None if high is None else self._failure(high)
        if failure is not None and failure.reason not in said:
            said = f"{said}; at {_rate(failure.target)} {failure.reason}"
        return self._result(outcome, low, high, said, failure)

    def _result(
        self, outcome: SearchOutcome, low: float | None, high: float | None, said: str, failure: Level | None = None
    ) -> SearchResult:
        return SearchResult(
            kind="capacity",
            outcome=outcome,
            unit="per_second",
            max_level=max(self._votes, default=None),
            metric=failure.metric if failure else None,
            low=low,
            high=high,
            reason=said,
        )

    def _failure(self, high: float) -> Level | None:
        """The failure that says why a rate is too high: of the highest rate up to it that failed in most trials."""
        rates = [rate for rate in self._votes if rate <= high and self._passes(rate) is False]
        failures = [level for level in self._votes[max(rates)] if level.outcome is Outcome.FAIL] if rates else []
        return failures[0] if failures else None

    def _instability(self, low: float, high: float) -> str:
        """What contradicts the answer: a rate well above it that passed, or one at or well below it that failed."""
        long = [level for votes in self._votes.values() for level in votes if level.role == "confirm"]
        again = [level.target for level in long if level.outcome is Outcome.FAIL]
        if again:
            return f"; unstable: {_rate(min(again))} failed when it was held as long before"
        apart = 1 + self._precision
        passed = [rate for rate in self._votes if rate > high * apart and self._count(rate)[0]]
        if passed:
            return f"; unstable: {_rate(max(passed))} once passed although a lower rate failed, so the lower one counts"
        failed = [rate for rate in self._votes if rate < low / apart and self._count(rate)[1]]
        return f"; unstable: {_rate(min(failed))} once failed although a higher rate passed" if failed else ""

    def _unjudged(self, rate: float) -> str:
        level = self._votes[rate][-1]
        return f"nobody can tell whether {_rate(rate)} is sustained, as trials are too short: {level.reason}"


def _neat(rate: float) -> float:
    """A rate that a person can read: rounded to four digits."""
    return float(f"{rate:.{_DIGITS}g}")


def _rate(rate: float) -> str:
    return format_rate(rate, _DIGITS)


def _load_of(target: float, unit: LevelUnit) -> str:
    if unit == "per_second":
        return _rate(target)
    return "1 user" if target == 1 else f"{format_count(target)} users"
