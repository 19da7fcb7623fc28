"""What a suite declares against what ran, as reports show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadproof.result import Coverage, Declared

IMPROBABLE = 0.001
"""Probability below which chance does not explain a mix: one of a thousand right mixes is called improbable."""


@dataclass(frozen=True, slots=True)
class MixPart:
    """A part of a mix.

    Attributes:
        item: What was declared.
        planned: Its share by the weights, 0..1.
        actual: Its share of what ran, 0..1; None where nothing ran.
    """

    item: Declared
    planned: float
    actual: float | None


@dataclass(frozen=True, slots=True)
class Mix:
    """What users choose among by weights.

    Attributes:
        title: User class, or ``requests`` of a service.
        parts: In the order of the suite.
        probability: Of a mix at least as far from the planned one by chance.
    """

    title: str
    parts: tuple[MixPart, ...]
    probability: float

    @property
    def is_improbable(self) -> bool:
        """Whether chance does not explain it."""
        return self.probability < IMPROBABLE


def missed_of(coverage: Coverage) -> list[Declared]:
    """What was declared, should have run, and never did."""
    return [item for item in coverage.missed if item.was_due]


def not_due_of(coverage: Coverage) -> list[Declared]:
    """What never ran in a run too short to expect it."""
    return [item for item in coverage.missed if not item.was_due]


def improbable_mixes_of(coverage: Coverage) -> list[str]:
    """User classes whose mix chance does not explain."""
    return [title for title, probability in coverage.mix.items() if probability < IMPROBABLE]


def mixes_of(coverage: Coverage) -> list[Mix]:
    """Planned and actual mixes, the least probable first; only of those with enough of each."""
    found = []
    for title, probability in sorted(coverage.mix.items(), key=lambda item: item[1]):
        items = [item for item in coverage.declared if item.expected and _is_of(item, title)]
        planned, ran = sum(item.expected or 0.0 for item in items), sum(item.hits for item in items)
        parts = tuple(
            MixPart(item, (item.expected or 0.0) / planned, item.hits / ran if ran else None) for item in items
        )
        found.append(Mix(title, parts, probability))
    return found


def _is_of(item: Declared, title: str) -> bool:
    if title == "requests":
        return item.by == "service"
    return item.by == "task" and item.name.rpartition(".")[0] == title
