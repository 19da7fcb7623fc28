"""How values are worded in every report: a dash for what is absent, a mark for an outcome, no control codes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from loadproof.report.rules import plain_limits_of
from loadproof.result import Outcome
from loadproof.stats import min_samples
from loadproof.units import (
    format_beside,
    format_clock,
    format_count,
    format_duration,
    format_number,
    format_rate,
    format_ratio,
    format_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loadproof.record import Histogram
    from loadproof.report.coverage import Mix
    from loadproof.report.figures import Group, Measure
    from loadproof.result import Coverage, RunResult, Verdict
    from loadproof.units import Unit

ABSENT = "\N{EN DASH}"
"""Stands where there is no number: never a zero."""

MARKS = {Outcome.PASS: "✓", Outcome.WARN: "⚠", Outcome.FAIL: "✗", Outcome.INCONCLUSIVE: "?"}

TIMES = "\N{MULTIPLICATION SIGN}"
"""Stands after how often something happened."""

APPROXIMATE = "~"
"""Stands before a percentile that has fewer samples than it needs."""

APPROXIMATE_NOTE = f"{APPROXIMATE} fewer samples than this percentile needs: p95 59, p99 299, p99.9 2,995"

_GROUP_WORDS: Mapping[Group, str] = {
    "span": "spans",
    "iteration": "iterations",
    "setup": "the set-up",
    "measure": "values",
}

_LEAST_PROBABLE = 0.0001
_UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"


def printable(text: str, *, keep: str = "") -> str:
    """Text from outside without control codes, direction marks and lone surrogates, each replaced by one sign.

    Args:
        text: Anything that a target, a script or a file said.
        keep: Control characters that may stay, such as line ends.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in keep else _UNPRINTABLE for letter in text)


def shown(value: float | None, write: Callable[[float], str]) -> str:
    """A number as ``write`` puts it; a dash where there is none."""
    return ABSENT if value is None else write(value)


def shown_duration(seconds: float | None) -> str:
    """A duration, or a dash."""
    return shown(seconds, format_duration)


def shown_rate(per_second: float | None) -> str:
    """A rate, or a dash."""
    return shown(per_second, format_rate)


def shown_ratio(ratio: float | None) -> str:
    """A share in percent, or a dash."""
    return shown(ratio, format_ratio)


def shown_count(count: float | None) -> str:
    """A count with its thousands apart, or a dash."""
    return shown(count, format_count)


def shown_quantile(times: Histogram, quantile: float) -> str:
    """A percentile, ``~312 ms`` where it has fewer samples than it needs; a dash where it has none."""
    return shown_percentile(times.quantile(quantile), times.count, quantile)


def shown_percentile(seconds: float | None, samples: int, quantile: float) -> str:
    """The same of a percentile that is known already."""
    return (APPROXIMATE if 0 < samples < min_samples(quantile) else "") + shown_duration(seconds)


def shown_number(value: float | None) -> str:
    """A number without a unit, or a dash."""
    return shown(value, format_number)


def shown_measured(measure: Measure, quantile: float) -> str:
    """A percentile of what a script measured itself, ``~3`` where there are fewer values than it needs; or a dash."""
    mark = APPROXIMATE if 0 < measure.count < min_samples(quantile) else ""
    return mark + shown_number(measure.quantile(quantile))


def shown_observed(verdict: Verdict) -> str:
    """What a rule was judged on, with as many digits as set it apart from each of the rule's limits; or a dash."""
    return _beside(verdict)[0]


def shown_limit(verdict: Verdict) -> str:
    """What that was compared with, with as many digits as set the two apart; a dash where there was no limit."""
    return _beside(verdict)[1]


def shown_at(verdict: Verdict) -> str:
    """Of a rule on windows, when the worst one ended: ``worst window until 1:05``; empty for other rules."""
    return "" if verdict.at is None else f"worst window until {format_clock(verdict.at)}"


def _beside(verdict: Verdict) -> tuple[str, str]:
    """The observed value and the limit."""
    observed, limit, unit = verdict.observed, verdict.limit, verdict.unit
    if observed is None:
        return ABSENT, ABSENT if limit is None else format_value(limit, unit)
    beside = [format_beside(observed, other, unit)[0] for other in plain_limits_of(verdict.rule)]
    if limit is None:
        return max([format_value(observed, unit), *beside], key=len), ABSENT
    own, limit_text = format_beside(observed, limit, unit)
    return max([own, *beside], key=len), limit_text


def shown_interval(verdict: Verdict) -> str:
    """The 95 % confidence interval of what a rule was judged on, or a dash."""
    if verdict.interval is None:
        return ABSENT
    low, high = (format_value(bound, verdict.unit) for bound in verdict.interval)
    return f"{low} … {high}"


def shown_value(value: float | None, unit: Unit) -> str:
    """A judged value in its unit, or a dash."""
    return shown(value, partial(format_value, unit=unit))


def shown_probability(probability: float) -> str:
    """A probability in percent, those too small to matter together."""
    return f"under {format_ratio(_LEAST_PROBABLE)}" if probability < _LEAST_PROBABLE else format_ratio(probability, 2)


def coverage_line(coverage: Coverage) -> str:
    """How much of what is declared ran: ``12 of 14 declared ran``."""
    hit = len(coverage.declared) - len(coverage.missed)
    if not coverage.declared:
        return "nothing is declared"
    return f"{format_count(hit)} of {format_count(len(coverage.declared))} declared ran"


def mix_word(mix: Mix) -> str:
    """Whether a mix is the planned one: ``as planned (probability 43%)``."""
    judged = "not as planned" if mix.is_improbable else "as planned"
    return f"{judged} (probability {shown_probability(mix.probability)})"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun: ``1 request``, ``2 requests``."""
    return f"{format_count(count)} {one if count == 1 else many or f'{one}s'}"


def shown_target(target: float, unit: str) -> str:
    """The load of a level: ``30 users``, or ``200/s``."""
    if unit == "per_second":
        return format_rate(target, 4)
    return "1 user" if target == 1 else f"{format_count(target)} users"


def group_words(group: Group) -> str:
    """Whose failures they are, where not of requests: ``spans``, ``iterations``, ``the set-up``; else empty."""
    return _GROUP_WORDS.get(group, "")


def measured_part(result: RunResult) -> str:
    """Which part of the run the figures are of: ``measured for 60 s``."""
    if result.search is not None:
        return f"{plural(len(result.levels), 'level')} in {shown_duration(result.duration)}"
    if not result.measured_from:
        return f"measured for {shown_duration(result.duration)}"
    first, last = shown_duration(result.measured_from), shown_duration(result.measured_to)
    parts = [("set-up", result.plan.get("scenarios")), ("warm-up", result.plan.get("warmup") is not None)]
    left_out = " and ".join(part for part, known in parts if known) or "set-up"
    return f"measured from {first} to {last} ({first} of {left_out} left out)"


def outcome_word(result: RunResult) -> str:
    """What the run came to in one word; ``UNFINISHED`` for one that has no outcome yet."""
    return "UNFINISHED" if result.outcome is None else str(result.outcome)


def outcome_mark(outcome: Outcome | None) -> str:
    """The sign of an outcome; ``…`` for a run that has none yet."""
    return "…" if outcome is None else MARKS[outcome]


def health_line(result: RunResult) -> str:
    """In one line, whether the load generator can be trusted."""
    health = result.health
    parts = [plural(result.workers, "process", "processes")]
    if health.cpu_max is not None:
        parts.append(f"CPU peak {shown_ratio(health.cpu_max)} of a core")
    if health.loop_lag_p99 is not None:
        parts.append(f"loop lag p99 {shown_duration(health.loop_lag_p99)}")
    if health.notes:
        state = f"{MARKS[Outcome.WARN]} {plural(len(health.notes), 'caution')}"
    else:
        state = "nothing unusual" if len(parts) > 1 else "not sampled"
    return f"{state} ({', '.join(parts)})"
