"""Whether a value breaks a limit; and the limits that the generator itself is held to."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LAG_FLOOR = 0.005
LAG_SHARE = 0.1
"""A lag beyond 5 ms, or a tenth of the median where that is more, is worth a word."""

LAG_SPOILS = 5.0
"""Times as much, and what it holds up cannot be judged."""

STARVED = 0.1
"""Share of the time without a CPU from which on the generator may have made less load than it should."""

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
