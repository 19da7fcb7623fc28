"""The mark ``@pytest.mark.loadproof(...)``: what it may say, and how several become one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadproof.errors import Problem, UsageError
from loadproof.plan import parse_threshold
from loadproof.plan.defaults import layered

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from loadproof.plan import Threshold

SOURCE = "@pytest.mark.loadproof"
"""What the rules of marks name as the layer that set them."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What the marks of one test say.

    Attributes:
        rules: That each of its runs is held to; empty for none beside those that hold anyway.
        allow_inconclusive: Whether an inconclusive run skips the test instead of failing it; None leaves it to the run.
    """

    rules: tuple[Threshold, ...] = ()
    allow_inconclusive: bool | None = None


def read_marks(marks: Sequence[pytest.Mark]) -> Marked:
    """What the marks of a test say together.

    A rule replaces those of outer marks (of the class, of the module) on the same quantity, as a rule of a service
    replaces one of its file.

    Args:
        marks: Those named ``loadproof``, the closest first; empty for none.

    Raises:
        UsageError: With everything that is wrong with them.
    """
    problems: list[Problem] = []
    layers = [_rules(mark, problems) for mark in marks]
    allowed = [choice for mark in marks if (choice := _allowed(mark, problems)) is not None]
    if problems:
        raise UsageError(problems)
    return Marked(layered(*reversed(layers)), allowed[0] if allowed else None)


def _rules(mark: pytest.Mark, problems: list[Problem]) -> list[Threshold]:
    rules = []
    for text in mark.args:
        if not isinstance(text, str):
            hint = "write it as text: 'p95(response_time) < 500ms'"
            problems.append(Problem("threshold-syntax", SOURCE, f"{text!r} is no rule", hint))
            continue
        try:
            rules.append(parse_threshold(text, source=SOURCE))
        except UsageError as error:
            problems.extend(error.problems)
    return rules


def _allowed(mark: pytest.Mark, problems: list[Problem]) -> bool | None:
    for name in sorted(mark.kwargs.keys() - {"allow_inconclusive"}):
        hint = "a mark takes rules and allow_inconclusive; give everything else to loadproof.run()"
        problems.append(Problem("unknown-key", f"{SOURCE}({name}=…)", "there is no such option", hint))
    value = mark.kwargs.get("allow_inconclusive")
    if value is None or isinstance(value, bool):
        return value
    problems.append(Problem("bad-value", f"{SOURCE}(allow_inconclusive=…)", f"{value!r} is neither True nor False"))
    return None
