"""The saved runs that a run is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.compare import compare_runs
from loadproof.errors import Problem, RunError, UsageError
from loadproof.judge import observe_baseline
from loadproof.result import load_runs
from loadproof.supervisor.judging import under_load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from loadproof.plan import Plan, Threshold
    from loadproof.result import Comparison, Observation, RunResult


class Baseline:
    """What a plan's ``baseline`` names, as it is when a run begins: afterwards ``latest`` is that run.

    Args:
        runs: The runs, oldest first; empty for no baseline.
    """

    def __init__(self, runs: Sequence[RunResult] = ()) -> None:
        self._runs = tuple(runs)

    @classmethod
    def of(cls, plan: Plan, cwd: Path, say: Callable[[str], None]) -> Baseline:
        """Load it; where there is none yet, say so and go on without.

        Raises:
            UsageError: There is none, and the plan requires one.
            RunError: What is there cannot be read.
        """
        if plan.baseline is None:
            return cls()
        try:
            return cls(load_runs(plan.baseline, results=cwd / plan.results, folder=cwd))
        except RunError as error:
            if error.slug != "no-run":
                raise
            if plan.require_baseline:
                where = plan.sources.get("baseline", "--baseline")
                hint = "make one: loadproof baseline set RUN"
                raise UsageError([Problem("no-baseline", where, str(error), hint)]) from None
            say(f"no baseline yet, so nothing is compared: {error}")
            return cls()

    @property
    def latest(self) -> RunResult | None:
        """The last of the runs; None without a baseline."""
        return self._runs[-1] if self._runs else None

    def references(self, rules: Sequence[Threshold]) -> tuple[Observation, ...]:
        """What the latest of the runs came to, by each rule that depends on it; empty without a baseline."""
        latest = self.latest
        if latest is None:
            return ()
        return tuple(observe_baseline(rule, under_load(latest)) for rule in rules if rule.needs_baseline)

    def compared(self, result: RunResult) -> Comparison | None:
        """How a run compares with it; None without a baseline."""
        return compare_runs(self._runs, [result]) if self._runs else None
