"""What changed since the baseline, as reports show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from loadproof.result import Change, Outcome

if TYPE_CHECKING:
    from loadproof.result import Comparison, Difference


class Badge(NamedTuple):
    """How a change looks.

    Attributes:
        mark: Its sign in text.
        outcome: The outcome whose picture it has.
        shade: The class of the style sheet that colours it.
    """

    mark: str
    outcome: Outcome
    shade: str


BADGES = {
    Change.IMPROVED: Badge("✓", Outcome.PASS, "pass"),
    Change.EQUIVALENT: Badge("=", Outcome.PASS, "pass"),
    Change.REGRESSED: Badge("✗", Outcome.FAIL, "fail"),
    Change.INCONCLUSIVE: Badge("?", Outcome.INCONCLUSIVE, "inconclusive"),
}
WORST_FIRST = (Change.REGRESSED, Change.INCONCLUSIVE, Change.IMPROVED, Change.EQUIVALENT)
"""What got worse, could not be told, got better, and stayed."""


def by_importance(comparison: Comparison) -> list[Difference]:
    """All requests first, within them and after them the worst first; else in their order."""
    return sorted(comparison.differences, key=lambda each: (each.name is not None, WORST_FIRST.index(each.change)))
