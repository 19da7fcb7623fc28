"""Where the rows of advice apply: what was seen of a run, each in the words that advice begins with."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from loadproof.report.change_wording import shown_change_of
from loadproof.report.coverage import improbable_mixes_of, missed_of
from loadproof.report.evidence import Seen
from loadproof.report.figures import users_mean_of
from loadproof.report.wording import plural, shown_observed, shown_rate
from loadproof.result import Change, Outcome
from loadproof.units import format_count, format_duration, format_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from loadproof.report.evidence import Evidence
    from loadproof.report.figures import ErrorKind, Group
    from loadproof.result import Verdict

_NAMED_MAX = 3
_NAME_WIDTH = 60
_BUSY = 0.5
"""Share of their time that users spend waiting for answers, below which more load was possible."""

_DONE = 0.99
"""Share of the offered iterations that must be finished, for the rate to be what was asked for."""

_EVERYWHERE = 0.5
"""Share of all requests from which on a refusal is no matter of single ones."""

_START = 1 / 3
"""Share of the run in which failures of its start must be over."""

_FEWEST = 5
"""Failures that say anything of a start."""

_TIMES = ("response_time", "service_time", "first_byte_time", "iteration_time", "flow_time")
_GROUP_NOUNS: dict[Group, tuple[str, str]] = {
    "request": ("request", "requests"),
    "span": ("span", "spans"),
    "iteration": ("iteration", "iterations"),
    "setup": ("request of the set-up", "requests of the set-up"),
    "measure": ("value", "values"),
}


# What was seen of failures, by kind.


def _seen_of(kind: ErrorKind) -> Seen:
    share = "" if kind.share is None else f" ({format_ratio(kind.share)} of all requests)"
    return Seen(f"{plural(kind.count, *_GROUP_NOUNS[kind.group])} failed with {kind.kind}{share}", kind.count)


def of_kinds(*kinds: str) -> Callable[[Evidence], Iterable[Seen]]:
    """Failures of these kinds."""

    def find(evidence: Evidence) -> Iterator[Seen]:
        return (_seen_of(kind) for kind in evidence.kinds if kind.kind in kinds)

    return find


def other_kinds(evidence: Evidence, *, known: frozenset[str]) -> Iterator[Seen]:
    """Failures of kinds that no other row knows; HTTP statuses not among them."""
    return (_seen_of(kind) for kind in evidence.kinds if kind.kind not in known and _status_of(kind) is None)


def other_statuses(evidence: Evidence, *, known: frozenset[str], of_the_service: bool) -> Iterator[Seen]:
    """Failures with a status that no other row knows."""
    for kind in evidence.kinds:
        status = _status_of(kind)
        if status is not None and kind.kind not in known and (status >= 500) == of_the_service:
            yield _seen_of(kind)


def _status_of(kind: ErrorKind) -> int | None:
    match = re.fullmatch(r"http_([1-5][0-9][0-9])", kind.kind)
    return None if match is None else int(match[1])


def unauthorized(evidence: Evidence, *, everywhere: bool) -> Iterator[Seen]:
    """Refused authentication: of half of all requests or more, and of the set-up; or of fewer."""
    for kind in evidence.kinds:
        if kind.kind == "http_401" and (kind.share is None or kind.share >= _EVERYWHERE) == everywhere:
            yield _seen_of(kind)


def less_frequent_kinds(evidence: Evidence) -> Iterator[Seen]:
    """Kinds of failures that nothing else is said of."""
    rest = evidence.other_kinds
    if rest:
        failures = plural(sum(kind.count for kind in rest), "more failure")
        yield Seen(f"{plural(len(rest), 'other kind')} of errors made {failures}")


def failures_of_the_start(evidence: Evidence) -> Iterator[Seen]:
    """Kinds of failures that only the start of the run had."""
    result = evidence.result
    windows = [window for window in result.record.windows() if window.tallies]
    if result.search is not None or not windows:
        return
    end = windows[-1].end
    for kind in evidence.kinds:
        counts = [
            window.tallies["failure"].kinds.get(kind.kind, 0) if "failure" in window.tallies else 0
            for window in windows
        ]
        failed = [window for window, count in zip(windows, counts, strict=True) if count]
        if kind.group != "request" or sum(counts) < _FEWEST or failed[0] is not windows[0]:
            continue
        if failed[-1].end <= end * _START:
            until = format_duration(failed[-1].end)
            yield Seen(
                f"All {plural(sum(counts), 'failure')} with {kind.kind} came in the first {until} of the run",
                sum(counts) / 2,  # after what is said of the kind itself
            )


def failed_spans(evidence: Evidence, method: str) -> Iterator[Seen]:
    """Spans of a method, such as ``MAIL``, that failed, by name and kind."""
    for name, kind, count, total in evidence.failed_spans(method):
        yield Seen(f"{method} {_short(name)} failed {count:,} of {plural(total, 'time')} with {kind}", count)


def high_error_rate(evidence: Evidence) -> Iterator[Seen]:
    """Rules on the share of failures are broken."""
    broken = evidence.broken("error_rate")
    if broken:
        # That of the whole run is the one that a reader finds again; a window's is always worse.
        worst = max(broken, key=lambda verdict: (verdict.at is None, verdict.observed or 0.0))
        # Before what is said of each kind.
        yield Seen(f"An error rate of {shown_observed(worst)} breaks its rule", evidence.totals.failures + 1)


# What was seen of the run, its script and its generator.


def nothing_finished(evidence: Evidence) -> Iterator[Seen]:
    """Requests were sent, and none was answered."""
    result = evidence.result
    if not result.record.samples and result.unfinished:
        waiting = format_count(result.unfinished)
        yield Seen(f"Not one request was finished, and {waiting} were still waiting for an answer when the run ended")


def nothing_sent(evidence: Evidence) -> Iterator[Seen]:
    """There was not one request."""
    if not evidence.result.record.samples and not evidence.result.unfinished:
        yield Seen("Not one request was sent and finished")


def script_errors(evidence: Evidence) -> Iterator[Seen]:
    """Exceptions that left tasks or ``on_start``."""
    result = evidence.result
    if result.exceptions:
        worst = result.exceptions[0]
        where = f"{worst.user_class}.{worst.where}" if worst.user_class else worst.where
        often = "once" if result.exception_count == 1 else f"{format_count(result.exception_count)} times"
        yield Seen(f"The script itself failed {often}, most often with {worst.kind} in {where}", 1)


_NO_DATA = re.compile(
    r"empty (sequence|list|range|result|answer|response|data|page)|index out of range|non-?empty"
    r"|\bno (\w+ ){1,3}(found|left|available|exists?|seeded|returned)|\b(found|got|returned) no\b|not seeded"
    r"|\bno (events?|data|items?|users?|records?|rows|results?|organi[sz]ations?|products?)\b",
    re.IGNORECASE,
)


def no_data(evidence: Evidence) -> Iterator[Seen]:
    """Words of the script, and of its checks, on data that is not there."""
    said = [f"{error.kind}: {error.message}" for error in evidence.result.exceptions]
    said += [sample.message for sample in evidence.result.failures if not sample.kind.startswith("http_5")]
    for message, _ in Counter(text for text in said if _NO_DATA.search(text)).most_common(1):
        yield Seen(f"The script found no data to work with ({_short(message)})")


def generator_notes(evidence: Evidence) -> Iterator[Seen]:
    """What the load generator says of itself, word for word."""
    return (Seen(note) for note in evidence.result.health.notes)


# What was seen of declared things.


def never_ran(evidence: Evidence) -> Iterator[Seen]:
    """What was declared, was due, and never ran."""
    coverage = evidence.result.coverage
    missed = [] if coverage is None else missed_of(coverage)
    if missed:
        yield Seen(f"Declared and never hit: {_listed([item.title for item in missed])}", len(missed))


def improbable_mixes(evidence: Evidence) -> Iterator[Seen]:
    """Mixes of tasks or requests that chance does not explain."""
    coverage = evidence.result.coverage
    for title in [] if coverage is None else improbable_mixes_of(coverage):
        yield Seen(f"What ran of {title} is further from the planned mix than chance explains")


# What was seen of rules.


def _low_throughput(evidence: Evidence) -> str:
    """What breaks the rule; empty where no rule is broken."""
    if not _broken_throughput(evidence):
        return ""
    return f"Throughput ({shown_rate(evidence.totals.rate)}) breaks its rule"


def _broken_throughput(evidence: Evidence) -> list[Verdict]:
    return [each for each in evidence.broken("throughput", "requests") if each.unit == "/s"]


def _busy_share(evidence: Evidence) -> float | None:
    """Share of their time that users waited for answers; None where it is not known, or the model is open."""
    figures, users = evidence.totals, users_mean_of(evidence.result)
    if evidence.arrivals is not None or figures.rate is None or figures.every.mean is None or not users:
        return None
    # Little's law: the mean number of requests in flight is the rate times the mean response time.
    return figures.rate * figures.every.mean / users


def idle_users(evidence: Evidence) -> Iterator[Seen]:
    """Throughput is low although users have time."""
    said, busy = _low_throughput(evidence), _busy_share(evidence)
    if said and busy is not None and busy < _BUSY:
        yield Seen(f"{said}, and users waited for answers only {format_ratio(busy, 2)} of their time")


def busy_users(evidence: Evidence) -> Iterator[Seen]:
    """Throughput is low, and users have no time left; or nobody knows."""
    said, busy = _low_throughput(evidence), _busy_share(evidence)
    if said and evidence.arrivals is None and (busy is None or busy >= _BUSY):
        yield Seen(said)


def low_arrivals(evidence: Evidence, *, kept_up: bool) -> Iterator[Seen]:
    """In an open model the schedule sets the rate; only what it offered and nobody finished is the service's fault."""
    said, arrivals = _low_throughput(evidence), evidence.arrivals
    if not said or arrivals is None or (arrivals.finished >= _DONE * arrivals.offered) != kept_up:
        return
    offered, finished = (shown_rate(arrivals.rate(count)) for count in (arrivals.offered, arrivals.finished))
    came = "nearly all were finished" if kept_up else f"finished at {finished}"
    yield Seen(f"{said}, and iterations were offered at {offered} and {came}")


def slow_responses(evidence: Evidence) -> Iterator[Seen]:
    """Rules on times are broken, with the slowest entries."""
    if not evidence.broken(*_TIMES):
        return
    timed = [
        (endpoint.figures.good.quantile(0.95) or 0.0, endpoint)
        for endpoint in evidence.endpoints
        if endpoint.figures.good.count and endpoint.group == "request"
    ]
    slowest = sorted(timed, key=lambda item: -item[0])[:_NAMED_MAX]
    listed = ", ".join(f"{e.method} {_short(e.name)} (p95 {format_duration(p95)})" for p95, e in slowest)
    yield Seen(f"Response times break a rule, slowest {listed}" if listed else "Response times break a rule")


def _unsettled(evidence: Evidence) -> list[Verdict]:
    """Rules that could not be judged; none where nothing was measured, which is said already."""
    return evidence.verdicts(Outcome.INCONCLUSIVE) if evidence.result.record.samples else []


def _by_the_generator(evidence: Evidence) -> bool:
    spoiled = {doubt.reason for doubt in evidence.result.health.doubts}
    return all(any(reason in each.reason for reason in spoiled) for each in _unsettled(evidence))


def unjudged(evidence: Evidence, *, spoiled: bool) -> Iterator[Seen]:
    """Rules that could not be judged, all of them on account of the generator or not, but for those of a search."""
    unsettled = _unsettled(evidence)
    if unsettled and evidence.result.search is None and _by_the_generator(evidence) == spoiled:
        yield Seen(f"Could not be judged: {'; '.join(f'{each.rule} ({each.reason})' for each in unsettled)}")


def unanswered(evidence: Evidence) -> Iterator[Seen]:
    """Rules on the answer of a search that found none."""
    unsettled = _unsettled(evidence)
    if unsettled and evidence.result.search is not None:
        rules = "; ".join(each.rule for each in unsettled)
        yield Seen(f"Could not be judged: {rules}, as the search found no answer to it")


# What was seen of the comparison.


def regressed(evidence: Evidence) -> Iterator[Seen]:
    """What is worse than in the baseline."""
    comparison = evidence.result.comparison
    worse = [] if comparison is None else [d for d in comparison.differences if d.change is Change.REGRESSED]
    if worse:
        listed = [f"{each.metric} of {each.title} ({shown_change_of(each)})" for each in worse]
        yield Seen(f"Worse than the baseline: {_listed(listed)}")


def not_comparable(evidence: Evidence) -> Iterator[Seen]:
    """The comparison with the baseline says nothing."""
    comparison = evidence.result.comparison
    if comparison is not None and comparison.change is Change.INCONCLUSIVE:
        needed = max((each.runs_needed or 0 for each in comparison.differences if each.name is None), default=0)
        runs = f", and {plural(needed, 'run')} on each side would settle it" if needed else ""
        yield Seen(f"Nobody can say whether the service changed since the baseline{runs}")


# What no figure holds.


def unfinished(evidence: Evidence) -> Iterator[Seen]:
    """Requests cut off at the end."""
    result = evidence.result
    if result.unfinished and result.record.samples:
        yield Seen(f"{plural(result.unfinished, 'request')} had no answer when the run ended, and no figure holds them")


def unrecorded(evidence: Evidence) -> Iterator[Seen]:
    """Answers whose entry the script dropped."""
    if evidence.result.unrecorded:
        yield Seen(f"{plural(evidence.result.unrecorded, 'answer')} went uncounted")


def rows_dropped(evidence: Evidence) -> Iterator[Seen]:
    """Rows that could not be written."""
    if evidence.result.rows_dropped:
        yield Seen(f"results.csv lacks {plural(evidence.result.rows_dropped, 'row')}; the figures are whole")


def _listed(items: list[str]) -> str:
    """The first few, and how many more there are."""
    more = len(items) - _NAMED_MAX
    shown = ", ".join(_short(item) for item in items[:_NAMED_MAX])
    return f"{shown} and {more:,} more" if more > 0 else shown


def _short(name: str) -> str:
    half = _NAME_WIDTH // 2
    return name if len(name) <= _NAME_WIDTH else f"{name[:half]}…{name[-(half - 1) :]}"
