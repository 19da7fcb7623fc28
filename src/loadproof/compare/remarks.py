"""In what two sides differ that may explain a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadproof.record.recorder import MEASURE, SETUP, outside_totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loadproof.record import Key
    from loadproof.result import RunResult

_SHOWN = 5
_APART = ("ITERATION", MEASURE)

_ENVIRONMENT = {
    "host": "the machine",
    "machine": "the kind of processor",
    "cpus": "the number of cores",
    "system": "the system",
    "python": "Python",
    "locust": "Locust",
    "loadproof": "Loadproof",
}

_PLAN = {
    "target": "the target",
    "host": "the host",
    "users": "the users",
    "spawn_rate": "the spawn rate",
    "run_time": "the run time",
    "rps": "the limit on requests per second",
    "scenarios": "the load",
    "iterations": "the iterations",
    "iterations_per_user": "the iterations per user",
    "warmup": "the warm-up",
    "processes": "the load processes",
    "client": "the client",
    "search": "the search",
}


def remarks_on(baselines: Sequence[RunResult], candidates: Sequence[RunResult]) -> list[str]:
    """One sentence each; empty where the two sides differ in nothing but what they measured."""
    if not baselines or not candidates:
        side = "baseline" if not baselines else "candidate"
        return [f"There is no run on the side of the {side}."]
    runs = [*baselines, *candidates]
    remarks = []
    kinds = sorted({run.kind for run in runs})
    if len(kinds) > 1:
        remarks.append(f"Runs of different kinds ({', '.join(kinds)}) are not compared.")
    remarks += _facts(_PLAN, [run.plan for run in baselines], [run.plan for run in candidates])
    remarks += _facts(_ENVIRONMENT, [run.environment for run in baselines], [run.environment for run in candidates])
    remarks += _overlap(baselines, candidates)
    for run in runs:
        if not run.finished:
            remarks.append(f"Run {run.run_id} was not finished: these are the figures of its last checkpoint.")
        elif run.abort:
            remarks.append(f"Run {run.run_id} ended before its time: {run.abort}.")
        reasons = dict.fromkeys((doubt.quantity, doubt.reason) for doubt in run.health.doubts)
        remarks += [f"The generator of run {run.run_id} spoiled its {what}: {why}." for what, why in reasons]
    if kinds == ["load"]:
        remarks += _entries(baselines, candidates)
        if any(is_scheduled(run) for run in runs):
            remarks.append("Throughput is not compared: the load was scheduled, not up to the service.")
    return list(dict.fromkeys(remarks))


def is_scheduled(run: RunResult) -> bool:
    """Whether the rate of requests was set, so that the throughput says nothing of the service."""
    return run.plan.get("rps") is not None or run.health.offered is not None or run.record.arrivals.offered > 0


def entries_of(runs: Iterable[RunResult]) -> tuple[set[Key], set[Key]]:
    """Requests and spans that each of the runs has; neither iterations, the set-up, nor values of a script's own."""
    requests: set[Key] | None = None
    spans: set[Key] | None = None
    for run in runs:
        every = {key for key in run.record.keys() if key[1] not in _APART and not key[1].endswith(SETUP)}  # noqa: SIM118
        own = {key for key in every if outside_totals(key[1])}
        requests = every - own if requests is None else requests & (every - own)
        spans = own if spans is None else spans & own
    return requests or set(), spans or set()


def _facts(
    names: Mapping[str, str], before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[str]:
    remarks = []
    for key, name in names.items():
        one, two = ({_said(each.get(key)): None for each in side} for side in (before, after))
        if set(one) == set(two) and len(one) == 1:
            continue
        remarks.append(f"{name[0].upper()}{name[1:]}: {_listed(one)} against {_listed(two)}.")
    return remarks


def _listed(values: Iterable[str]) -> str:
    """The first two, and how many more there are."""
    every = list(values)
    return " and ".join(every[:2]) + (f" and {len(every) - 2} more" if len(every) > 2 else "")


def _said(value: Any) -> str:
    """A value of a plan or an environment in a few words."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        value = value.get("base_url") or value.get("locustfile") or value.get("kind") or value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _overlap(baselines: Sequence[RunResult], candidates: Sequence[RunResult]) -> list[str]:
    shared = {run.run_id for run in baselines} & {run.run_id for run in candidates}
    return [f"Run {run_id} is on both sides." for run_id in sorted(shared)]


def _entries(baselines: Sequence[RunResult], candidates: Sequence[RunResult]) -> list[str]:
    remarks = []
    before, after = ({key for side in entries_of(runs) for key in side} for runs in (baselines, candidates))
    for side, alone in (("baseline", before - after), ("candidate", after - before)):
        if alone:
            names = [f"{method} {name}" for name, method in sorted(alone, key=lambda key: (key[1], key[0]))]
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            remarks.append(f"Only the {side} has {', '.join(names[:_SHOWN])}{more}.")
    return remarks
