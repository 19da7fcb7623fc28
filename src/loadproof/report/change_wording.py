"""How changes are worded: with their sign, in percent of what was before, and those of shares in percentage points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.units import format_number

if TYPE_CHECKING:
    from loadproof.result import Difference


def shown_change(change: float, *, points: bool = False, digits: int = 3) -> str:
    """A change: ``+5.2%``, ``-12%``, ``0%``, and ``+0.4 pp``.

    Unlike a share, a change of 99.99999 % is nothing else than one of 100 %, and is rounded to it.

    Args:
        change: As a share of what was before, or the difference of two shares.
        points: Whether it is the latter.
        digits: Significant digits.
    """
    text = format_number(100.0 * change, digits)
    sign = "+" if change > 0 and text != "0" else ""
    return f"{sign}{text}{' pp' if points else '%'}"


def shown_ratio_of(difference: Difference, ratio: float | None) -> str | None:
    """What a difference's ratio, or a bound of its interval, says of the change; None where there is none.

    Args:
        difference: Of shares the ``ratio`` is their difference already.
        ratio: The value to show.
    """
    if ratio is None:
        return None
    points = difference.unit == "ratio"
    return shown_change(ratio if points else ratio - 1.0, points=points)
