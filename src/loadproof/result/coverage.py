"""What a suite declares, against what ran."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXPECTED_ENOUGH = 5.0

DeclaredBy = Literal["service", "expect", "task"]


@dataclass(frozen=True, slots=True)
class Declared:
    """Something that a suite declares.

    Attributes:
        name: An entry's name, or a glob over such; of a task its user class and name: ``Shopper.buy``.
        method: Request type; None for any, and for tasks.
        by: ``service``: a request of a service without code; ``expect``: an entry of ``[coverage]``; ``task``: a task
            of a user class that ran.
        hits: How often it ran.
        expected: How often it should have run, by the weights and by how often the others did; None where no mix is
            planned.
    """

    name: str
    method: str | None
    by: DeclaredBy
    hits: int
    expected: float | None = None

    @property
    def was_due(self) -> bool:
        """Whether it ran, or should have: of what is expected five times, one in 150 does not run by chance."""
        return self.hits > 0 or self.expected is None or self.expected >= _EXPECTED_ENOUGH

    @property
    def title(self) -> str:
        """Method and name, or the name alone."""
        return self.name if self.method is None else f"{self.method} {self.name}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was declared, and what came of it.

    Attributes:
        declared: In the order of the suite; empty where nothing is declared.
        unexpected: Entries that nobody declared, with their number of requests; empty where nothing is declared
            but tasks.
        mix: User class, or ``requests`` of a service, to the probability of a mix at least as far from the planned one
            as what ran (chi-square); only of those with enough of each.
    """

    declared: tuple[Declared, ...] = ()
    unexpected: tuple[tuple[str, int], ...] = ()
    mix: Mapping[str, float] = field(default_factory=dict)

    @property
    def missed(self) -> tuple[Declared, ...]:
        """What was declared and never ran."""
        return tuple(item for item in self.declared if not item.hits)
