"""Two sides compared: what changed from the baseline to the candidate, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from loadproof.units import Unit

Basis = Literal["between runs", "within one run", "between levels"]
"""Where the spread comes from that an interval is made of; of one search a side it lies between two levels."""


class Change(StrEnum):
    """What a comparison came to."""

    IMPROVED = "IMPROVED"
    REGRESSED = "REGRESSED"
    EQUIVALENT = "EQUIVALENT"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Difference:
    """One quantity on both sides.

    Attributes:
        name: The entry's name; None for all requests together.
        method: Its request type; None for all requests together.
        metric: What is compared, as rules call it: ``p50(response_time)``, ``throughput``, ``error_rate``.
        unit: Of ``baseline`` and ``candidate``.
        baseline: Of several runs the geometric mean of each one's, of shares the plain one; None where there is none.
        candidate: The same of the other side.
        ratio: Candidate by baseline; of shares their difference; None where one of them is missing.
        interval: 95 % confidence interval of ``ratio``, corrected for the number of quantities; None where none can be
            given.
        tolerance: Change that does not matter, as a share of the baseline (0.05 for 5 %); of shares as their
            difference.
        floor: Absolute change in ``unit`` that does not matter.
        change: What it came to.
        basis: Where the interval comes from.
        detectable: Smallest ratio (of shares: difference) that would be found in nine of ten such comparisons; None
            where nobody can say.
        runs_needed: Runs on each side that would settle an inconclusive one; None where it is settled, or nobody can
            say.
        reason: Why, in words, where it is INCONCLUSIVE; else empty.
    """

    name: str | None
    method: str | None
    metric: str
    unit: Unit
    baseline: float | None
    candidate: float | None
    ratio: float | None
    interval: tuple[float, float] | None
    tolerance: float
    floor: float
    change: Change
    basis: Basis
    detectable: float | None = None
    runs_needed: int | None = None
    reason: str = ""

    @property
    def title(self) -> str:
        """Whose it is: method and name, or ``all requests``."""
        return "all requests" if self.name is None else f"{self.method} {self.name}"


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A run that was compared.

    Attributes:
        run_id: Its unique name.
        test_name: Name that runs of the same test share.
        started_at: Start of its load, UTC, ISO 8601.
        commit: Commit of the repository that it ran in; None when unknown.
    """

    run_id: str
    test_name: str
    started_at: str
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides compared.

    Attributes:
        baseline: Runs of what is compared with.
        candidate: Runs of what is looked at.
        differences: All requests first, then one entry after another.
        remarks: In what the two sides differ that may explain a change, one sentence each: plans, environments, sick
            generators, entries on one side only.
    """

    baseline: tuple[ComparedRun, ...]
    candidate: tuple[ComparedRun, ...]
    differences: tuple[Difference, ...]
    remarks: tuple[str, ...] = ()

    @property
    def change(self) -> Change:
        """What it came to.

        REGRESSED where anything did; else INCONCLUSIVE where all requests together are so, or nothing could be
        compared; else IMPROVED where anything did; else EQUIVALENT.
        """
        changes = {difference.change for difference in self.differences}
        if Change.REGRESSED in changes:
            return Change.REGRESSED
        totals = [each.change for each in self.differences if each.name is None]
        if not totals or Change.INCONCLUSIVE in totals:
            return Change.INCONCLUSIVE
        return Change.IMPROVED if Change.IMPROVED in changes else Change.EQUIVALENT
