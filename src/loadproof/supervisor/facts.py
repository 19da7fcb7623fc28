"""What the load processes report beside samples, put together over all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from loadproof.record import Histogram
from loadproof.result import FailureSample, GeneratorHealth, ScriptError

_FAILURES_PER_KIND = 5


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


class Facts:
    """Sums over workers, kept as they come in."""

    def __init__(self) -> None:
        self._workers: dict[str, _Worker] = {}
        self._failures: dict[tuple[str, str], list[FailureSample]] = {}
        self._lags = Histogram()
        self._cpu_sum = 0.0
        self._cpu_count = 0
        self.cpu_max: float | None = None
        self.last_at = 0.0

    def add(self, worker: str, facts: dict[str, Any]) -> None:
        """Take in the facts of one delta."""
        entry = self._workers.setdefault(worker, _Worker())
        entry.unfinished = facts["unfinished"]
        entry.unrecorded = facts["unrecorded"]
        entry.rows_dropped = facts["rows_dropped"]
        entry.samples, entry.kernel = facts["samples"], facts["kernel"]
        entry.fallbacks = facts["fallbacks"]
        entry.makes_load = facts["makes_load"]
        entry.users = facts["users"]
        entry.exceptions = facts.get("exceptions", entry.exceptions)
        self.last_at = max(self.last_at, facts["at"])
        for item in facts["failures"]:
            kept = self._failures.setdefault((item["name"], item["kind"]), [])
            if len(kept) < _FAILURES_PER_KIND:
                kept.append(FailureSample(**item))
        if entry.makes_load:
            cpu = facts["health"]["cpu"]
            self._cpu_sum += cpu
            self._cpu_count += 1
            self.cpu_max = max(self.cpu_max or 0.0, cpu)
            for lag in facts["health"]["lags"]:
                self._lags.record(int(lag * 1e9))

    def in_order(self, worker: str, number: int) -> bool:
        """Whether this is the delta that follows the last one of its worker."""
        entry = self._workers.setdefault(worker, _Worker())
        expected, entry.deltas = entry.deltas + 1, number
        return number == expected

    def lose(self, worker: str) -> None:
        """A worker is gone, and its users with it; what it reported stands."""
        if worker in self._workers:
            self._workers[worker].users = {}

    def users(self) -> dict[str, int]:
        """Users by class, over all workers."""
        total: dict[str, int] = {}
        for worker in self._workers.values():
            for name, count in worker.users.items():
                total[name] = total.get(name, 0) + count
        return total

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

    def health(self) -> GeneratorHealth:
        """How the generator fared so far."""
        samples = sum(worker.samples for worker in self._workers.values())
        return GeneratorHealth(
            cpu_mean=self._cpu_sum / self._cpu_count if self._cpu_count else None,
            cpu_max=self.cpu_max,
            loop_lag_p99=self._lags.quantile(0.99),
            loop_lag_max=self._lags.maximum,
            kernel_clock_share=self._kernel() / samples if samples else None,
            fallbacks=self._fallbacks(),
            notes=self._notes(samples),
        )

    def _kernel(self) -> int:
        return sum(worker.kernel for worker in self._workers.values())

    def _fallbacks(self) -> dict[str, int]:
        total: dict[str, int] = {}
        for worker in self._workers.values():
            for reason, count in worker.fallbacks.items():
                total[reason] = total.get(reason, 0) + count
        return dict(sorted(total.items(), key=lambda item: -item[1]))

    def _notes(self, samples: int) -> tuple[str, ...]:
        notes = []
        lag = self._lags.quantile(0.99) or 0.0
        fallbacks = self._fallbacks()
        if fallbacks:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in fallbacks.items())
            notes.append(f"Prepared or sent by requests instead of the fast client, and slower: {reasons}.")
        if samples and self._kernel() >= 0.99 * samples:
            return tuple(notes)  # the kernel's clock does not care how busy this process is
        if self.cpu_max is not None and self.cpu_max > 0.9:
            notes.append(
                f"A load process used {self.cpu_max:.0%} of a core at its peak: times are measured in Python and may "
                "hold the generator's own delay; add --processes."
            )
        if lag > 0.01:
            notes.append(
                f"The event loop woke up to {lag * 1000:.0f} ms late (99th percentile): response times may be too long "
                "by as much."
            )
        return tuple(notes)
