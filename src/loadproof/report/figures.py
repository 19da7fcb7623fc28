"""The numbers that reports show, taken from a result; how they look is said elsewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from loadproof.record import OUTCOMES, Histogram, merged
from loadproof.record.recorder import MEASURE, SETUP, outside_totals, own_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadproof.record import Counts, Key, RunRecord, Tallies
    from loadproof.result import FailureSample, Level, RunResult

Group = Literal["request", "span", "iteration", "setup", "measure"]
"""What an entry is: a request that counts in totals, a span over several, iterations, a request of the set-up, or
values that a script measured itself, which are no requests and no durations."""

_SAMPLES_SHOWN = 5
NO_KIND = "(no kind)"
"""Failures that nobody gave a kind."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What an entry, or all of them together, came to.

    Attributes:
        requests: All that were finished.
        successes: Those that went well.
        expected: Non-2xx answers that the script declared to be right.
        failures: Those that failed.
        rate: Requests per second over the measured part; None where no time passed.
        good: Response times of successes.
        service: Service times of successes.
        every: Response times of all of them.
    """

    requests: int
    successes: int
    expected: int
    failures: int
    rate: float | None
    good: Histogram = field(repr=False)
    service: Histogram = field(repr=False)
    every: Histogram = field(repr=False)

    @property
    def error_rate(self) -> float | None:
        """Share of failures, 0..1; None without requests."""
        return self.failures / self.requests if self.requests else None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One entry with its figures.

    Attributes:
        name: Its name.
        method: Its request type.
        figures: Its numbers.
        group: What it is; only requests count in totals.
    """

    name: str
    method: str
    figures: Figures
    group: Group


@dataclass(frozen=True, slots=True)
class Measure:
    """Values that a script measured itself, in their own unit.

    Attributes:
        name: What the script calls them.
        count: How many.
        mean: Their mean.
        minimum: The least.
        maximum: The greatest.
    """

    name: str
    count: int
    mean: float | None
    minimum: float | None
    maximum: float | None
    _values: Histogram = field(repr=False)

    def quantile(self, quantile: float) -> float | None:
        """The value that a share of 0..1 of them does not exceed; None without values."""
        return own_value(self._values.quantile(quantile))


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """Failures of one kind.

    Attributes:
        kind: What they are called.
        count: How many.
        group: What failed; only requests count in totals.
        share: Of all requests that count in totals, 0..1; None for other groups.
        samples: The first of them, at most five, of different entries where there are several.
        samples_left: Samples that are kept but not among these.
    """

    kind: str
    count: int
    group: Group
    share: float | None
    samples: tuple[FailureSample, ...]
    samples_left: int


@dataclass(frozen=True, slots=True)
class ArrivalFigures:
    """What became of the arrivals of an open model over some time.

    Attributes:
        seconds: How long that was.
        offered: Arrivals that were due.
        started: Of these, iterations that were started.
        finished: Iterations that ended in the same time, some of which were due before it.
        dropped: Arrivals for which no user was free.
        late: Of those started, the ones that started more than 10 ms after their time.
        lag: How much later than intended they started.
    """

    seconds: float
    offered: int
    started: int
    finished: int
    dropped: int
    late: int
    lag: Histogram = field(repr=False)

    @property
    def dropped_rate(self) -> float | None:
        """Share of the offered that was dropped, 0..1; None where none was offered."""
        return self.dropped / self.offered if self.offered else None

    @property
    def late_rate(self) -> float | None:
        """Share of the started that started late, 0..1; None where none was started."""
        return self.late / self.started if self.started else None

    def rate(self, count: int) -> float | None:
        """So many per second; None where no time passed."""
        return count / self.seconds if self.seconds > 0 else None


@dataclass(frozen=True, slots=True)
class LevelFigures:
    """A level of a search with its numbers.

    Attributes:
        level: The level.
        figures: Its requests.
        arrivals: Its arrivals; None where users were counted.
    """

    level: Level
    figures: Figures
    arrivals: ArrivalFigures | None

    @property
    def achieved(self) -> float | None:
        """What came of the target: iterations finished per second, of a level of users requests; None if unknown."""
        if self.level.unit == "users":
            return self.figures.rate
        return None if self.arrivals is None else self.arrivals.rate(self.arrivals.finished)


def figures_of(tallies: Tallies, seconds: float) -> Figures:
    """The figures of some tallies over a time in seconds."""
    counts = {outcome: tallies[outcome].count if outcome in tallies else 0 for outcome in OUTCOMES}
    requests = sum(counts.values())
    good = tallies["success"].response if "success" in tallies else Histogram()
    return Figures(
        requests=requests,
        successes=counts["success"],
        expected=counts["expected"],
        failures=counts["failure"],
        rate=requests / seconds if seconds > 0 else None,
        good=good,
        service=tallies["success"].service if "success" in tallies else good,
        every=good if requests == counts["success"] else merged(tallies).response,
    )


def totals_of(result: RunResult) -> Figures:
    """The figures of the measured part, spans, iterations and the set-up left out."""
    return figures_of(result.record.totals(), result.duration)


def arrivals_of(result: RunResult) -> ArrivalFigures | None:
    """What became of the arrivals of the measured part; None for a closed model."""
    return arrival_figures_of(result.record, result.duration, is_open=result.health.offered is not None)


def arrival_figures_of(record: RunRecord | Counts, seconds: float, *, is_open: bool = False) -> ArrivalFigures | None:
    """The same of any counts.

    Args:
        record: What was counted.
        seconds: How long that took.
        is_open: Whether there may have been arrivals although none was due; else None is returned then.
    """
    arrivals = record.arrivals
    if not arrivals.offered and not is_open:
        return None
    return ArrivalFigures(
        seconds=seconds,
        offered=arrivals.offered,
        started=arrivals.started,
        finished=merged(record.select(method="ITERATION")).count,
        dropped=arrivals.dropped,
        late=arrivals.late,
        lag=arrivals.lag,
    )


def level_figures_of(level: Level) -> LevelFigures:
    """The figures of one level of a search."""
    seconds = level.measured_to - level.measured_from
    is_open = level.unit == "per_second"
    return LevelFigures(
        level=level,
        figures=figures_of(level.record.totals(), seconds),
        arrivals=arrival_figures_of(level.record, seconds, is_open=True) if is_open else None,
    )


def levels_of(result: RunResult) -> list[LevelFigures]:
    """The levels of a search in their order; empty for a plain run."""
    return [level_figures_of(level) for level in result.levels]


def group_of(method: str) -> Group:
    """What entries of a method are."""
    if method == "ITERATION":
        return "iteration"
    if method == MEASURE:
        return "measure"
    if method.endswith(SETUP):
        return "setup"
    return "span" if outside_totals(method) else "request"


def endpoints_of(result: RunResult) -> list[Endpoint]:
    """Every entry, worst first: by number of failures, then by the 95th percentile of successes, then by name.

    Values that a script measured itself are not among them: see ``measures_of``.
    """
    entries = []
    for key in result.record.keys():  # noqa: SIM118 - it is no mapping
        if group_of(key[1]) == "measure":
            continue
        figures = figures_of(result.record.tallies(key), result.duration)
        order = (-figures.failures, -(figures.good.quantile(0.95) or 0.0), key)
        entries.append((order, Endpoint(key[0], key[1], figures, group_of(key[1]))))
    return [endpoint for _, endpoint in sorted(entries, key=lambda entry: entry[0])]


def measures_of(result: RunResult) -> list[Measure]:
    """The values that the script measured itself, by name; empty where it measured none."""
    found = []
    for key in result.record.keys():  # noqa: SIM118 - it is no mapping
        if group_of(key[1]) == "measure":
            values = merged(result.record.tallies(key)).response
            mean, least, most = (own_value(value) for value in (values.mean, values.minimum, values.maximum))
            found.append(Measure(key[0], values.count, mean, least, most, values))
    return found


def error_kinds_of(result: RunResult) -> list[ErrorKind]:
    """Failures by kind, most frequent first; those of requests before those of spans, iterations and the set-up."""
    requests = totals_of(result).requests
    groups: tuple[Group, ...] = get_args(Group)
    return [
        kind for group in groups for kind in _kinds(result, group, requests=requests if group == "request" else None)
    ]


def status_counts_of(result: RunResult) -> list[tuple[int, dict[str, int]]]:
    """HTTP status -> number by outcome, ascending, over what counts in totals."""
    counts: dict[int, dict[str, int]] = {}
    for outcome, tally in result.record.totals().items():
        for status, count in tally.statuses.items():
            counts.setdefault(status, {})[outcome] = count
    return sorted(counts.items())


def user_peak_of(result: RunResult) -> int | None:
    """Most users at one time; None where it was never reported."""
    return result.record.user_peak if result.record.users_by_class_peak else None


def users_mean_of(result: RunResult) -> float | None:
    """Mean number of users over time; None where it was never reported."""
    known = [
        (window.users, window.end - window.start) for window in result.record.windows() if window.users is not None
    ]
    seconds = sum(width for _, width in known)
    return sum(users * width for users, width in known) / seconds if seconds else None


def _kinds(result: RunResult, group: Group, *, requests: int | None) -> list[ErrorKind]:
    keys = [key for key in result.record.keys() if group_of(key[1]) == group]  # noqa: SIM118
    counts = _count_kinds(result, keys)
    samples: dict[str, list[FailureSample]] = {}
    for sample in result.failures:
        if group_of(sample.method) == group:
            samples.setdefault(sample.kind, []).append(sample)
    found = []
    for kind, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        picked = _varied(samples.get(kind, []))
        share = count / requests if requests else None
        found.append(ErrorKind(kind, count, group, share, picked, len(samples.get(kind, [])) - len(picked)))
    return found


def _count_kinds(result: RunResult, keys: Iterable[Key]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for key in keys:
        failed = result.record.tallies(key).get("failure")
        if failed is not None:
            counts.update(failed.kinds)
            counts[NO_KIND] += failed.count - sum(failed.kinds.values())
    return +counts


def _varied(samples: list[FailureSample]) -> tuple[FailureSample, ...]:
    """At most five: the first of each entry, then the first of all; in the order of their time."""
    firsts = list({(sample.name, sample.method): sample for sample in reversed(samples)}.values())
    firsts.sort(key=lambda sample: sample.at)
    rest = [sample for sample in samples if sample not in firsts]
    return tuple(sorted((firsts + rest)[:_SAMPLES_SHOWN], key=lambda sample: sample.at))
