"""What the load processes report beside samples, put together over all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from loadproof.record import Strain
from loadproof.result import FailureSample, ScriptError
from loadproof.supervisor.health import HealthTally

_FAILURES_PER_KIND = 5
_OVERLAP = 0.6
"""A report belongs to a part of the run in which most of its second lies."""


@dataclass(slots=True)
class _Worker:
    """The latest word of one process; its counts run on, so the latest is the whole."""

    unfinished: int = 0
    unrecorded: int = 0
    rows_dropped: int = 0
    samples: int = 0
    kernel: int = 0
    fallbacks: dict[str, int] = field(default_factory=dict)
    makes_load: bool = True
    deltas: int = 0
    users: dict[str, int] = field(default_factory=dict)
    exceptions: list[dict[str, Any]] = field(default_factory=list)
    tasks: list[tuple[str, str, int]] = field(default_factory=list)
    in_flight: int | None = None
    iterations: int | None = None
    at: float = 0.0
    lost: bool = False


class Facts:
    """Sums over workers, kept as they come in."""

    def __init__(self) -> None:
        self._workers: dict[str, _Worker] = {}
        self._failures: dict[tuple[str, str], list[FailureSample]] = {}
        self.health = HealthTally()
        self._watched: tuple[float, HealthTally] | None = None
        self.last_at = 0.0

    def add(self, worker: str, facts: dict[str, Any]) -> None:
        """Take in the facts of one delta."""
        entry = self._workers.setdefault(worker, _Worker())
        entry.unfinished = facts["unfinished"]
        entry.unrecorded = facts["unrecorded"]
        entry.rows_dropped = facts["rows_dropped"]
        self._add_health(worker, entry, facts)
        entry.samples, entry.kernel = facts["samples"], facts["kernel"]
        entry.fallbacks = facts["fallbacks"]
        entry.makes_load = facts["makes_load"]
        entry.in_flight = facts["in_flight"]
        entry.tasks = facts.get("tasks", entry.tasks)
        entry.iterations = facts.get("iterations", entry.iterations)
        entry.at = facts["at"]
        entry.users = facts["users"]
        entry.exceptions = facts.get("exceptions", entry.exceptions)
        self.last_at = max(self.last_at, facts["at"])
        for item in facts["failures"]:
            kept = self._failures.setdefault((item["name"], item["kind"]), [])
            if len(kept) < _FAILURES_PER_KIND:
                kept.append(FailureSample(**item))

    def _add_health(self, worker: str, entry: _Worker, facts: dict[str, Any]) -> None:
        if not facts["makes_load"]:
            return
        increments: dict[str, Any] = {
            "samples": facts["samples"] - entry.samples,
            "kernel": facts["kernel"] - entry.kernel,
            "fallbacks": {
                reason: count - entry.fallbacks.get(reason, 0)
                for reason, count in facts["fallbacks"].items()
                if count > entry.fallbacks.get(reason, 0)
            },
        }
        self.health.add(worker, facts["health"], **increments)
        if self._watched is not None and facts["at"] - facts["health"]["seconds"] >= self._watched[0] - _OVERLAP:
            self._watched[1].add(worker, facts["health"], **increments)

    def watch_health(self, start: float) -> HealthTally:
        """Tally apart what processes say of the time from ``start`` on; until this is called again."""
        self._watched = (start, HealthTally())
        return self._watched[1]

    @property
    def in_flight(self) -> int | None:
        """Iterations of open scenarios that go on; None where there are none."""
        known = [worker.in_flight for worker in self._workers.values() if worker.in_flight is not None]
        return sum(known) if known else None

    @property
    def iterations(self) -> int | None:
        """Iterations that were begun, and arrivals that were due; None where nothing counts them."""
        known = [worker.iterations for worker in self._workers.values() if worker.iterations is not None]
        return sum(known) if known else None

    @property
    def reported_until(self) -> float:
        """How far the reports of all that make load reach."""
        return min(
            (worker.at for worker in self._workers.values() if worker.makes_load and not worker.lost), default=0.0
        )

    def at(self, worker: str) -> float:
        """How far the reports of one reach."""
        return self._workers[worker].at if worker in self._workers else 0.0

    def in_order(self, worker: str, number: int) -> bool:
        """Whether this is the delta that follows the last one of its worker."""
        entry = self._workers.setdefault(worker, _Worker())
        expected, entry.deltas = entry.deltas + 1, number
        return number == expected

    def lose(self, worker: str) -> None:
        """A worker is gone, and its users with it; what it reported stands."""
        if worker in self._workers:
            self._workers[worker].users = {}
            self._workers[worker].in_flight = None
            self._workers[worker].lost = True

    def users(self) -> dict[str, int]:
        """Users by class, over all workers."""
        total: dict[str, int] = {}
        for worker in self._workers.values():
            for name, count in worker.users.items():
                total[name] = total.get(name, 0) + count
        return total

    def tasks(self) -> dict[tuple[str, str], int]:
        """Owner and task to how often users began it."""
        found: dict[tuple[str, str], int] = {}
        for worker in self._workers.values():
            for owner, task, count in worker.tasks:
                found[owner, task] = found.get((owner, task), 0) + count
        return found

    @property
    def unfinished(self) -> int:
        """Requests that were in flight when their users were stopped."""
        return sum(worker.unfinished for worker in self._workers.values())

    @property
    def unrecorded(self) -> int:
        """Answers whose entry the script dropped."""
        return sum(worker.unrecorded for worker in self._workers.values())

    @property
    def rows_dropped(self) -> int:
        """Rows that never left a load process."""
        return sum(worker.rows_dropped for worker in self._workers.values())

    @property
    def workers(self) -> int:
        """Processes that made load; 0 before the first word of any."""
        return sum(worker.makes_load for worker in self._workers.values())

    def exceptions(self) -> tuple[ScriptError, ...]:
        """Errors of the script, equal ones of several workers together, most frequent first."""
        found: dict[tuple[str, str, str, str], ScriptError] = {}
        for worker in self._workers.values():
            for item in worker.exceptions:
                key = (item["user_class"], item["where"], item["kind"], item["message"])
                known = found.get(key)
                found[key] = ScriptError(**item | {"count": item["count"] + (known.count if known else 0)})
        return tuple(sorted(found.values(), key=lambda error: -error.count))

    def failures(self) -> tuple[FailureSample, ...]:
        """The first samples of each failure, in the order of their time."""
        return tuple(sorted((s for kept in self._failures.values() for s in kept), key=lambda sample: sample.at))


def strain_of(facts: dict[str, Any]) -> Strain | None:
    """How a process fared in the time that its facts are of; None where it makes no load, or that time is short."""
    health = facts["health"]
    if not facts["makes_load"] or health["seconds"] < _OVERLAP:
        return None
    return Strain(health["lags"][-1] if health["lags"] else None, health["cpu"])
