"""What a user did to a run while it went on: such a run is not like one that nobody touched, and says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from loadproof.units import format_clock, format_count, format_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHANGES_TOLD = 6


@dataclass(frozen=True, slots=True)
class Intervention:
    """One thing that was done by hand.

    Attributes:
        at: When, in seconds since the run's start.
        kind: ``paused`` and ``resumed``: no iteration began in between; ``users``: there were to be more, or fewer;
            ``ended_early``: the run was ended before its time, in good order.
        before: Users that there were to be before; None for other kinds.
        after: Users that there were to be from then on; None for other kinds.
    """

    at: float
    kind: Literal["paused", "resumed", "users", "ended_early"]
    before: int | None = None
    after: int | None = None


def pauses_of(interventions: Iterable[Intervention], until: float) -> list[tuple[float, float]]:
    """When the run was paused and when it went on, in the order of time; empty for a run that nobody paused.

    Args:
        interventions: In the order of time.
        until: When a pause ends that nobody ended.
    """
    pauses: list[tuple[float, float]] = []
    since: float | None = None
    for each in interventions:
        if each.kind == "paused" and since is None:
            since = each.at
        elif each.kind == "resumed" and since is not None:
            pauses.append((since, each.at))
            since = None
    if since is not None and since < until:
        pauses.append((since, until))
    return pauses


def paused_within(interventions: Iterable[Intervention], start: float, end: float) -> float:
    """Seconds of a part of the run in which it was paused: 0.0 where nobody did."""
    return sum(max(0.0, min(until, end) - max(since, start)) for since, until in pauses_of(interventions, end))


def touched(interventions: Iterable[Intervention], until: float) -> str:
    """What was done, in a few words; empty for a run that nobody touched.

    Args:
        interventions: In the order of time.
        until: How far the run has come, or came.
    """
    given = tuple(interventions)
    paused = paused_within(given, 0.0, until)
    changes = [each for each in given if each.kind == "users"]
    words = []
    if paused:
        words.append(f"paused for {format_duration(paused)}")
    if changes:
        steps = f" in {len(changes)} steps" if len(changes) > 1 else ""
        first, last = changes[0].before or 0, changes[-1].after or 0
        words.append(f"users from {format_count(first)} to {format_count(last)}{steps}")
    if any(each.kind == "ended_early" for each in given):
        words.append("ended early")
    return ", ".join(words)


def told(interventions: Iterable[Intervention], until: float) -> tuple[str, ...]:
    """What was done, one sentence for each kind; empty for a run that nobody touched.

    Args:
        interventions: In the order of time.
        until: How far the run has come, or came.
    """
    given = tuple(interventions)
    pauses = pauses_of(given, until)
    sentences = []
    if pauses:
        when = ", ".join(f"{format_clock(since)} to {format_clock(end)}" for since, end in pauses)
        length = format_duration(sum(end - since for since, end in pauses))
        sentences.append(
            f"The user paused the run for {length} ({when}): no iteration began then. That time is left out of every "
            "rate, so that the throughput is that of the time under load; what was still being finished counts."
        )
    changes = [each for each in given if each.kind == "users"]
    if changes:
        shown = [
            f"from {format_count(each.before or 0)} to {format_count(each.after or 0)} at {format_clock(each.at)}"
            for each in changes[:_CHANGES_TOLD]
        ]
        last = changes[-1].after or 0
        more = len(changes) - len(shown)
        rest = f", and {more} more times, to {format_count(last)} in the end" if more else ""
        sentences.append(f"The user changed the number of users by hand: {', '.join(shown)}{rest}.")
    sentences += [
        f"The user ended the run early, at {format_clock(each.at)}; it is judged on what it had measured."
        for each in given
        if each.kind == "ended_early"
    ][:1]
    return tuple(sentences)
