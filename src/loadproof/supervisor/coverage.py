"""What a suite declares, against what ran."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from loadproof.plan import Service
from loadproof.record.recorder import SETUP, outside_totals
from loadproof.result import Coverage, Declared
from loadproof.stats import chi_square_tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loadproof.plan import Plan
    from loadproof.record import Key, RunRecord

_EXPECTED_EACH = 5.0
"""Fewest executions of each part of a mix for which the chi-square distribution holds. Source: Cochran 1954."""


def coverage_of(
    plan: Plan,
    record: RunRecord,
    tasks: Sequence[Mapping[str, Any]],
    executed: Mapping[tuple[str, str], int],
    peak: int,
    *,
    user_classes: Sequence[str] = (),
) -> Coverage:
    """Hold what is declared against what was measured.

    Args:
        plan: What was run.
        record: What was counted.
        tasks: The tasks that user classes choose among: see ``loadproof.load.task_counts.declared_tasks``.
        executed: Owner and task to how often users began it.
        peak: Most users at a time, any of which may not have come to the next task of a sequence.
        user_classes: Names of those that were part of the run.
    """
    counts: dict[Key, int] = {
        key: sum(tally.count for tally in record.tallies(key).values())
        for key in record.keys()  # noqa: SIM118
    }
    requests, mix = _requests(plan, counts)
    of_classes = [entry for name in user_classes for entry in plan.coverage.classes.get(name, ())]
    listed = [_expected(entry, counts) for entry in dict.fromkeys((*plan.coverage.expect, *of_classes))]
    chosen, mixes = _tasks(tasks, executed, peak) if plan.coverage.tasks else ([], {})
    declared = (*requests, *listed, *chosen)
    unexpected = _unexpected(counts, [*requests, *listed]) if requests or listed else ()
    return Coverage(declared=declared, unexpected=unexpected, mix=mix | mixes)


def _requests(plan: Plan, counts: Mapping[Key, int]) -> tuple[list[Declared], dict[str, float]]:
    """The requests of a service without code."""
    if not isinstance(plan.target, Service):
        return [], {}
    specs = plan.target.requests
    hits = [counts.get((spec.name or spec.path, spec.method), 0) for spec in specs]
    weights = [1.0 if spec.weight is None else spec.weight for spec in specs]
    random = any(spec.weight is not None for spec in specs)
    expected: list[float | None] = [None] * len(specs)
    if random:
        expected = [sum(hits) * weight / sum(weights) for weight in weights]
    declared = [
        Declared(spec.name or spec.path, spec.method, "service", hit, want)
        for spec, hit, want in zip(specs, hits, expected, strict=True)
    ]
    distinct = len({(item.name, item.method) for item in declared}) == len(declared)
    return declared, _mix("requests", declared) if random and distinct else {}


def _expected(entry: str, counts: Mapping[Key, int]) -> Declared:
    """An entry of ``[coverage] expect``: ``GET /items``, ``/items`` or a glob."""
    method, space, name = entry.partition(" ")
    if not space or not method.isupper():
        method, name = "", entry
    hits = sum(
        count
        for (own, its), count in counts.items()
        if (own == name or fnmatchcase(own, name)) and (not method or its.upper() == method)
    )
    return Declared(name, method or None, "expect", hits)


def _tasks(
    tasks: Sequence[Mapping[str, Any]], executed: Mapping[tuple[str, str], int], peak: int
) -> tuple[list[Declared], dict[str, float]]:
    """The tasks of user classes and task sets, and how far their mix is from the planned one."""
    totals: Counter[str] = Counter()
    for (owner, _), count in executed.items():
        totals[owner] += count
    declared: list[Declared] = []
    by_owner: dict[str, list[Declared]] = {}
    for item in tasks:
        owner, task = item["owner"], item["task"]
        if item["share"] is not None:
            expected = item["share"] * totals[owner]
        elif item["after"] is not None:
            expected = max(0.0, float(executed.get((owner, item["after"]), 0) - peak))
        else:
            expected = 0.0
        one = Declared(f"{owner}.{task}", None, "task", executed.get((owner, task), 0), expected)
        declared.append(one)
        if item["share"] is not None:
            by_owner.setdefault(owner, []).append(one)
    mixes: dict[str, float] = {}
    for owner, ones in by_owner.items():
        mixes |= _mix(owner, ones)
    return declared, mixes


def _mix(title: str, items: Sequence[Declared]) -> dict[str, float]:
    """The chance of a mix at least as far from the planned one (Pearson's chi-square); nothing where it says little."""
    if len(items) < 2 or any(item.expected is None or item.expected < _EXPECTED_EACH for item in items):
        return {}
    distance = sum((item.hits - item.expected) ** 2 / item.expected for item in items if item.expected)
    return {title: chi_square_tail(distance, len(items) - 1)}


def _unexpected(counts: Mapping[Key, int], declared: Iterable[Declared]) -> tuple[tuple[str, int], ...]:
    """Requests that nobody declared, most frequent first."""
    known = list(declared)
    found = [
        (f"{method} {name}", count)
        for (name, method), count in counts.items()
        if not outside_totals(method)
        and not method.endswith(SETUP)
        and not any(
            (item.name == name or fnmatchcase(name, item.name)) and item.method in (None, method) for item in known
        )
    ]
    return tuple(sorted(found, key=lambda item: (-item[1], item[0])))
