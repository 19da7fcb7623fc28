"""The numbers that reports show, taken from a result; how they look is said elsewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loadproof.record import OUTCOMES, Histogram, merged
from loadproof.record.recorder import outside_totals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadproof.record import Key, Tallies
    from loadproof.result import FailureSample, RunResult

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
        every: Response times of all of them.
    """

    requests: int
    successes: int
    expected: int
    failures: int
    rate: float | None
    good: Histogram = field(repr=False)
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
        is_span: Whether it spans other requests and so counts in no total.
    """

    name: str
    method: str
    figures: Figures
    is_span: bool


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """Failures of one kind.

    Attributes:
        kind: What they are called.
        count: How many.
        is_span: Whether they are failures of spans, which count in no total.
        share: Of all requests that count in totals, 0..1; None for spans.
        samples: The first of them, at most five, of different entries where there are several.
        samples_left: Samples that are kept but not among these.
    """

    kind: str
    count: int
    is_span: bool
    share: float | None
    samples: tuple[FailureSample, ...]
    samples_left: int


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
        every=good if requests == counts["success"] else merged(tallies).response,
    )


def totals_of(result: RunResult) -> Figures:
    """The figures of the whole run, spans left out."""
    return figures_of(result.record.totals(), result.duration)


def endpoints_of(result: RunResult) -> list[Endpoint]:
    """Every entry, worst first: by number of failures, then by the 95th percentile of successes, then by name."""
    entries = []
    for key in result.record.keys():  # noqa: SIM118 - it is no mapping
        figures = figures_of(result.record.tallies(key), result.duration)
        order = (-figures.failures, -(figures.good.quantile(0.95) or 0.0), key)
        entries.append((order, Endpoint(key[0], key[1], figures, outside_totals(key[1]))))
    return [endpoint for _, endpoint in sorted(entries, key=lambda entry: entry[0])]


def error_kinds_of(result: RunResult) -> list[ErrorKind]:
    """Failures by kind, most frequent first; those of spans after the others."""
    requests = totals_of(result).requests
    return [
        kind
        for is_span in (False, True)
        for kind in _kinds(result, is_span=is_span, requests=None if is_span else requests)
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


def _kinds(result: RunResult, *, is_span: bool, requests: int | None) -> list[ErrorKind]:
    keys = [key for key in result.record.keys() if (outside_totals(key[1])) is is_span]  # noqa: SIM118
    counts = _count_kinds(result, keys)
    samples: dict[str, list[FailureSample]] = {}
    for sample in result.failures:
        if outside_totals(sample.method) is is_span:
            samples.setdefault(sample.kind, []).append(sample)
    found = []
    for kind, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        picked = _varied(samples.get(kind, []))
        share = count / requests if requests else None
        found.append(ErrorKind(kind, count, is_span, share, picked, len(samples.get(kind, [])) - len(picked)))
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
