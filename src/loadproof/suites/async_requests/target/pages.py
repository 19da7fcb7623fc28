"""Pages of a result: which rows are asked for, and how many there are."""

from __future__ import annotations

import json
import re
from typing import Any

_EQUALS = re.compile(r"\$((?:\.[\w-]+(?:\[\*\])?)+)\s*==\s*(.+)")
_STEP = re.compile(r"\.([\w-]+)(\[\*\])?")


def matching(rows: list[dict[str, Any]], condition: str) -> list[dict[str, Any]]:
    """The rows that a condition holds for.

    Args:
        rows: The rows of a result.
        condition: A path and a value, as ``$.issue_logs[*].severity == "error"``; ``[*]`` is any of a list.

    Raises:
        ValueError: The condition says something else.
    """
    parsed = _EQUALS.fullmatch(condition.strip())
    if parsed is None:
        raise ValueError('jsonpath must compare one path with one value, as $.issue_logs[*].severity == "error"')
    value = json.loads(parsed[2])
    steps = [(step[1], step[2] is not None) for step in _STEP.finditer(parsed[1])]
    return [row for row in rows if value in _values(row, steps)]


def _values(row: Any, steps: list[tuple[str, bool]]) -> list[Any]:
    """All values that a path leads to."""
    found = [row]
    for name, is_any in steps:
        found = [value[name] for value in found if isinstance(value, dict) and name in value]
        if is_any:
            found = [item for value in found if isinstance(value, list) for item in value]
    return found
