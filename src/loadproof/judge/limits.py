"""Whether a value breaks a limit."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def breaks(value: float, comparison: str, limit: float) -> bool:
    """Whether ``value comparison limit`` is true, which is how a rule keeps what breaks it."""
    return _COMPARE[comparison](value, limit)
