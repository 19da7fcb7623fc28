"""The run over time in few, equally wide steps: what the charts draw and the table beside them lists."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from loadproof.record import OUTCOMES, Strain, Tally
from loadproof.record.tally import add_tallies
from loadproof.result import Outcome, pauses_of
from loadproof.stats import min_samples

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadproof.record import ArrivalWindow, Key, Tallies, Window
    from loadproof.result import RunResult, Verdict

PAUSED = "paused"
"""Label of the bands in which the user had stopped the load by hand."""

_STEPS_MAX = 180
_STEPS_WANTED = 40
_ENOUGH_FOR_P999 = 1_000
_NICE_WIDTHS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the run.

    Attributes:
        start: Seconds since the run's start.
        end: Where the next step starts, or the run ends.
        requests: Finished in it.
        failures: Failed in it.
        kinds: Failures by kind.
        p50: Median response time of successes in seconds; None without any.
        p95: 95th percentile of them.
        p99: 99th percentile of them.
        p999: 99.9th percentile of them; None also where there are fewer than a thousand, of which it is the longest.
        users: Mean number of users; None when it was never reported.
        offered: Arrivals that were due in it; None in a closed model, as below.
        started: Of these, iterations that were started.
        dropped: Of these, arrivals that nobody was free for.
        lag: Seconds that the event loop of a load process was late at most; None where that is not known.
        cpu: Share of a core that the busiest load process used at most in one second; None where that is not known.
    """

    start: float
    end: float
    requests: int
    failures: int
    kinds: dict[str, int]
    p50: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    users: float | None
    offered: int | None = None
    started: int | None = None
    dropped: int | None = None
    lag: float | None = None
    cpu: float | None = None

    @property
    def middle(self) -> float:
        """Where its values are drawn."""
        return (self.start + self.end) / 2

    def rate(self, count: int) -> float:
        """So many of its requests per second."""
        return count / (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the run that a chart shades.

    Attributes:
        start: Seconds since the run's start.
        end: Its end.
        outcome: What a level came to; None for a part that no figure holds.
        label: What stands on it.
    """

    start: float
    end: float
    outcome: Outcome | None
    label: str


@dataclass(frozen=True, slots=True)
class Breach:
    """The moment at which a rule on windows was broken most.

    Attributes:
        number: From 1 on, in the order of their time; rules broken in the same second share one.
        at: Seconds since the run's start: the end of the worst window.
        outcome: FAIL or WARN.
        rules: What was broken then.
    """

    number: int
    at: float
    outcome: Outcome
    rules: tuple[str, ...]


def breaches_of(result: RunResult) -> list[Breach]:
    """When rules on windows were broken; empty where none was, or none was on windows."""
    found: dict[int, list[Verdict]] = {}
    for verdict in sorted((each for each in result.verdicts if each.at is not None), key=lambda each: each.at or 0.0):
        if verdict.outcome in (Outcome.FAIL, Outcome.WARN):
            found.setdefault(math.floor(verdict.at or 0.0), []).append(verdict)
    return [
        Breach(
            number,
            those[0].at or 0.0,
            Outcome.FAIL if any(each.outcome is Outcome.FAIL for each in those) else Outcome.WARN,
            tuple(each.rule for each in those),
        )
        for number, those in enumerate(found.values(), 1)
    ]


def bands_of(result: RunResult) -> list[Band]:
    """What is shaded: the judged parts of levels, or the warm-up and the pauses of a plain run; empty without any."""
    if result.search is not None:
        return [Band(each.measured_from, each.measured_to, each.outcome, str(each.number)) for each in result.levels]
    pauses = [Band(since, until, None, PAUSED) for since, until in pauses_of(result.interventions, result.measured_to)]
    if not result.measured_from:
        return pauses
    warm_up = "set-up" if result.plan.get("warmup") is None else "warm-up"
    return [Band(0.0, result.measured_from, None, warm_up), *pauses]


def steps_of(result: RunResult) -> list[Step]:
    """The totals over time, without gaps; empty for a run that measured nothing.

    All steps are equally wide but the last, which ends with the run; less than half a step at the end is part of the
    step before it.
    """
    record = result.record
    arrivals = record.arrival_windows()
    is_open = any(window.arrivals.offered for window in arrivals)
    parts = list(zip(arrivals, record.strains(), strict=True))
    found, number = [], 0
    for windows, end in _groups(record.windows(), result.measured_to):
        step = _with_strain(_step(windows, end), [strain for _, strain in parts[number : number + len(windows)]])
        due = [window for window, _ in parts[number : number + len(windows)]]
        found.append(_with_arrivals(step, due) if is_open else step)
        number += len(windows)
    return found


def steps_of_entry(result: RunResult, key: Key) -> list[Step]:
    """The same of one entry, of which neither users nor arrivals are known; empty where there is no such entry."""
    return [_step(windows, end) for windows, end in _groups(result.record.windows_of(key), result.measured_to)]


def _groups(windows: list[Window], measured_to: float) -> Iterable[tuple[list[Window], float]]:
    """The windows of each step, and where it ends; nothing without windows."""
    if not windows:
        return
    end = windows[-1].end
    if windows[-1].start < measured_to < end:
        end = measured_to
    widest = max(window.end - window.start for window in windows)
    width = _width(end, widest, sum(tally.count for window in windows for tally in window.tallies.values()))
    last = max(0, math.ceil(end / width - 0.5) - 1)
    groups: dict[int, list[Window]] = {}
    for window in windows:
        groups.setdefault(min(last, int(window.start // width)), []).append(window)
    for group in groups.values():
        yield group, min(group[-1].end, end)


def _width(seconds: float, widest: float, requests: int) -> float:
    """Seconds of a step, a multiple of the widest window, which cannot be split.

    At most ``_STEPS_MAX`` steps; fewer, but not below ``_STEPS_WANTED``, where each would hold too few requests for a
    99th percentile.
    """
    least = seconds / _STEPS_MAX
    most = seconds / _STEPS_WANTED
    for_p99 = min_samples(0.99) * seconds / requests if requests else most
    wanted = max(least, min(most, for_p99))
    widths = (1.0, *(width for width in _NICE_WIDTHS if least <= width <= wanted))
    nice = widths[-1] if widths[-1] >= least else next((w for w in _NICE_WIDTHS if w >= least), math.ceil(least))
    return max(1.0, math.ceil(nice / widest) * widest)


def _step(windows: list[Window], end: float) -> Step:
    tallies: Tallies = windows[0].tallies
    if len(windows) > 1:
        tallies = {}
        for window in windows:
            add_tallies(tallies, window.tallies)
    good, failed = tallies.get("success", Tally()), tallies.get("failure", Tally())
    known = [(window.users, window.end - window.start) for window in windows if window.users is not None]
    return Step(
        start=windows[0].start,
        end=end,
        requests=_count(tallies, OUTCOMES),
        failures=failed.count,
        kinds=dict(failed.kinds),
        p50=good.response.quantile(0.5),
        p95=good.response.quantile(0.95),
        p99=good.response.quantile(0.99),
        p999=good.response.quantile(0.999) if good.count >= _ENOUGH_FOR_P999 else None,
        users=sum(users * width for users, width in known) / sum(width for _, width in known) if known else None,
    )


def _with_arrivals(step: Step, windows: list[ArrivalWindow]) -> Step:
    """The same step, with what became of the arrivals that were due in it."""
    return replace(
        step,
        offered=sum(window.arrivals.offered for window in windows),
        started=sum(window.arrivals.started for window in windows),
        dropped=sum(window.arrivals.dropped for window in windows),
    )


def _with_strain(step: Step, strains: list[Strain]) -> Step:
    """The same step, with how the load processes fared in it."""
    worst = reduce(Strain.worst, strains, Strain())
    return step if worst == Strain() else replace(step, lag=worst.lag, cpu=worst.cpu)


def _count(tallies: Tallies, outcomes: Iterable[str]) -> int:
    return sum(tally.count for outcome, tally in tallies.items() if outcome in outcomes)
