"""What to look at first: what was seen in a run, the likely cause, and what to try.

The table is in ``advice_rows``; whoever knows a service better adds rows of their own:
``advise(result, (*ROWS, *own))``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadproof.report.advice_rows import ROWS
from loadproof.report.evidence import ABOUT, Evidence, Row, Seen
from loadproof.report.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadproof.report.evidence import Words
    from loadproof.result import RunResult

__all__ = ["ROWS", "Advice", "Evidence", "Row", "Seen", "advise", "what_to_look_at"]


@dataclass(frozen=True, slots=True)
class Advice:
    """One piece of advice, in text without control codes.

    Attributes:
        slug: The row that it is of, a heading of ``docs/advice.md``.
        seen: What was seen: a clause that begins a sentence.
        cause: The likely cause, a clause; empty where ``seen`` says it.
        attempt: What to try, a clause; empty where ``seen`` says it.
    """

    slug: str
    seen: str
    cause: str
    attempt: str

    @property
    def sentence(self) -> str:
        """All of it as one sentence."""
        rest = "; ".join(part for part in (self.cause, self.attempt) if part)
        return _ended(f"{self.seen}: {rest}" if rest else self.seen)


def advise(result: RunResult, rows: Iterable[Row] = ROWS) -> tuple[Advice, ...]:
    """Advice on a run, most important first; empty where nothing calls for attention.

    Args:
        result: The run.
        rows: The table; of rows with the same slug the last one counts, so that own rows can replace those of ``ROWS``.
    """
    evidence = Evidence(result)
    found = [
        (ABOUT.index(row.about), -seen.weight, row, seen)
        for row in {row.slug: row for row in rows}.values()
        for seen in row.find(evidence)
    ]
    found.sort(key=lambda each: each[:2])  # stable: of equal weight in the order of the table
    return tuple(
        Advice(
            slug=row.slug,
            seen=printable(seen.text),
            cause=_said(row.cause, evidence),
            attempt=_said(row.attempt, evidence),
        )
        for _, _, row, seen in found
    )


def what_to_look_at(result: RunResult) -> list[str]:
    """The same, one sentence each."""
    return [advice.sentence for advice in advise(result)]


def _said(words: Words, evidence: Evidence) -> str:
    return printable(words if isinstance(words, str) else words(evidence))


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
