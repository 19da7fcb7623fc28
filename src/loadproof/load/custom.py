"""Values of a script's own."""

from __future__ import annotations

import math
from typing import Protocol


class Sink(Protocol):
    """What takes the values."""

    def on_measure(self, name: str, value: float) -> None:
        """Count one value."""


sinks: list[Sink] = []
"""Whoever counts them in this process; nobody outside of a run of Loadproof."""


def measure(name: str, value: float) -> None:
    """Count a value of the script's own, such as the depth of a queue, for rules and reports.

    Rules know it as ``measure.NAME``: ``avg(measure.queue_depth) < 10``. Values are kept to 0.1 %, and to a thousandth.
    Outside of a run of Loadproof, under plain Locust for example, it does nothing.

    Args:
        name: Letters, digits, ``_``, ``-`` and dots, so that rules can name it.
        value: At least 0.

    Raises:
        ValueError: The name cannot be used in rules, or the value is negative or no number.
    """
    if not name or not name.replace("_", "").replace("-", "").replace(".", "").isalnum():
        raise ValueError(f"{name!r} cannot be the name of a metric: use letters, digits, _, - and dots")
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} is {value}, and only numbers from 0 on are counted")
    for sink in sinks:
        sink.on_measure(name, value)
