"""Text from outside in Markdown, such that it stays text: neither markup, nor links, nor names of people to notify.

Backslashes are not enough: a table cell ends at a pipe even within a code span, HTML passes through Markdown, and
GitHub looks for names and issues in what is already rendered. Character references are text wherever they stand.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from loadproof.report.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LONGEST = 300
_LONGEST_CODE = 120
_MARKUP = re.compile(
    r"[\\`*_\[\]<>#|~&$]"  # wherever they stand
    r"|:(?=//)|(?<=www)\."  # addresses
    r"|^(?:[-+=]+(?=\s|$)|[0-9]+(?=[.)](?:\s|$)))"  # lists and rules
    r"|  +"
)
_MENTION = re.compile(r"@|&#35;(?=[0-9])")
_BREAK = "&#8203;"
"""A space of no width: what stands behind it no longer belongs to the sign before it."""


def prose(text: str, *, most: int = _LONGEST) -> str:
    """A sentence that may hold text from outside, on one line.

    Args:
        text: Any text.
        most: Characters that are shown of it; a longer one loses its end.
    """
    return _MENTION.sub(lambda match: ("&#64;" if match[0] == "@" else match[0]) + _BREAK, _encoded(text, most))


def code(text: str, *, most: int = _LONGEST_CODE) -> str:
    """A name, a rule or a path, in the letters of a typewriter; a longer one loses its middle.

    GitHub leaves names and issue numbers alone in it.
    """
    line = _one_line(text)
    if len(line) > most:
        line = f"{line[: most - most // 2 - 1]}…{line[-(most // 2) :]}"
    return f"<code>{_encoded(line, most).replace('@', '&#64;')}</code>" if line else "<code>&#32;</code>"


def figure(text: str) -> str:
    """A number with its unit, or a few words, which are not torn apart; an interval may be, between its ends."""
    return prose(text).replace(" ", "&nbsp;").replace("&nbsp;…&nbsp;", "&nbsp;… ")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> list[str]:
    """Lines of a table whose cells are Markdown already.

    Args:
        head: Titles of its columns.
        rows: Its cells.
        right: Columns of numbers, by their position.
    """
    numbers = set(right)
    rule = ["--:" if column in numbers else ":--" for column in range(len(head))]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def _encoded(text: str, most: int) -> str:
    line = _one_line(text)
    if len(line) > most:
        line = f"{line[: most - 1]}…"
    return _MARKUP.sub(lambda match: "".join(f"&#{ord(letter)};" for letter in match[0]), line)


def _one_line(text: str) -> str:
    return printable(" ".join(text.split("\n")).replace("\r", "").replace("\t", " ")).strip()
