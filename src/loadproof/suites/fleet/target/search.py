"""The grammar of ``?search=``: ``name = a and status <> ready or owner LIKE b%``, parsed, and as a condition of SQL.

A query is words between blanks: a column, an operator, a value, then again and again a join and three more. AND binds
more tightly than OR, as in SQL. Values may stand in single quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, true

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement

COLUMNS = ("region", "name", "cloud_provider", "status", "owner")
"""What can be asked for."""

OPERATORS = ("=", "<>", "LIKE")
JOINS = ("AND", "OR")

MOST_JOINS = 10
"""A query with more is refused."""

_VALUE = re.compile(r"[a-zA-Z0-9\-_%]*")
_WILDCARDS = str.maketrans({"%": "*", "_": "?"})


class SearchError(ValueError):
    """The query does not follow the grammar; the message says where."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One column against one value.

    Attributes:
        column: One of ``COLUMNS``.
        operator: One of ``OPERATORS``.
        value: Without quotes; after LIKE, ``%`` stands for any characters and ``_`` for one.
    """

    column: str
    operator: str
    value: str

    def condition(self, columns: Mapping[str, ColumnElement[str]]) -> ColumnElement[bool]:
        """The same in SQL."""
        column = columns[self.column]
        if self.operator == "=":
            return column == self.value
        if self.operator == "<>":
            return column != self.value
        # SQLite's own LIKE takes "A" for "a"; its GLOB does not, and values hold none of its other signs.
        return column.op("GLOB")(self.value.translate(_WILDCARDS))


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query.

    Attributes:
        alternatives: A row is found that fulfils every comparison of one of them. Empty: every row is found.
    """

    alternatives: tuple[tuple[Comparison, ...], ...] = ()

    def condition(self, columns: Mapping[str, ColumnElement[str]]) -> ColumnElement[bool]:
        """The same in SQL.

        Args:
            columns: What each of ``COLUMNS`` is there.
        """
        if not self.alternatives:
            return true()
        return or_(*(and_(*(each.condition(columns) for each in one)) for one in self.alternatives))


def parse_query(text: str) -> Query:
    """Read a query.

    Args:
        text: As it stands behind ``search=``, decoded. Blank: every row is found.

    Raises:
        SearchError: It does not follow the grammar.
    """
    words = text.split()
    if not words:
        return Query()
    if len(words) % 4 != 3:
        raise SearchError(f"a query is 'column operator value [AND|OR ...]', and this one has {len(words)} words")
    if len(words) // 4 > MOST_JOINS:
        raise SearchError(f"a query has at most {MOST_JOINS} joins, and this one {len(words) // 4}")
    alternatives = [[_comparison(*words[:3])]]
    for start in range(3, len(words), 4):
        join = words[start].upper()
        if join not in JOINS:
            raise SearchError(f"'{words[start]}' is no join: {' or '.join(JOINS)}")
        comparison = _comparison(*words[start + 1 : start + 4])
        if join == "AND":
            alternatives[-1].append(comparison)
        else:
            alternatives.append([comparison])
    return Query(tuple(tuple(one) for one in alternatives))


def _comparison(column: str, operator: str, value: str) -> Comparison:
    if column.lower() not in COLUMNS:
        raise SearchError(f"there is no column '{column}': {', '.join(COLUMNS)}")
    if operator.upper() not in OPERATORS:
        raise SearchError(f"there is no operator '{operator}': {', '.join(OPERATORS)}")
    bare = value[1:-1] if len(value) > 1 and value[0] == value[-1] == "'" else value
    if _VALUE.fullmatch(bare) is None:
        raise SearchError(f"{value} is no value: letters, digits, '-', '_', and '%' after LIKE")
    if "%" in bare and operator.upper() != "LIKE":
        raise SearchError(f"'%' in {value} means something after LIKE only")
    return Comparison(column.lower(), operator.upper(), bare)
