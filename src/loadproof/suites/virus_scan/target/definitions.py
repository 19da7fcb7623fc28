"""How far the service's virus definitions lag behind, and how they catch up after a start."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIRED = 26123
"""The version that is current."""

TOLERATED = 1
"""Versions that the service may lag behind without calling itself outdated."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """Definitions that were old when the service started, and are brought up to date while it runs.

    Attributes:
        lag: Versions behind at the start.
        fades_after: Seconds until they are current, evenly; 0 keeps the lag for ever.
        started_at: On ``clock``.
        clock: Seconds.
    """

    lag: int
    fades_after: float
    started_at: float
    clock: Callable[[], float]

    @property
    def actual(self) -> int:
        """The version that the service has now."""
        if not self.fades_after:
            return REQUIRED - self.lag
        left = 1 - (self.clock() - self.started_at) / self.fades_after
        return REQUIRED - max(0, math.ceil(self.lag * left))

    @property
    def is_outdated(self) -> bool:
        """Whether the service calls itself outdated."""
        return abs(REQUIRED - self.actual) > TOLERATED
