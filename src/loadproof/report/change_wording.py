"""How changes are worded, in every report: in percent of what was before, and those of shares in percentage points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.report.wording import ABSENT, TIMES
from loadproof.units import format_number, format_ratio, format_value

if TYPE_CHECKING:
    from loadproof.result import Difference

_POINTS = " pp"
_MANIFOLD = 10.0
_MOST_DIGITS = 13


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
    return f"{sign}{text}{_POINTS if points else '%'}"


def shown_change_of(difference: Difference) -> str:
    """How far the candidate is from the baseline: ``+12%``, of shares ``+1.2 pp``; or a dash."""
    return _shown(difference, difference.ratio)


def shown_change_interval(difference: Difference) -> str:
    """The 95 % confidence interval of that, or a dash; the unit of shares stands once."""
    bounds = shown_bounds(difference)
    return f"{bounds[0].removesuffix(_POINTS)} … {bounds[1]}" if bounds else ABSENT


def shown_bounds(difference: Difference) -> tuple[str, ...]:
    """The lower and the upper end of that interval, each with its unit; empty where there is none."""
    return tuple(_shown(difference, bound) for bound in difference.interval or ())


def shown_tolerance(difference: Difference) -> str:
    """The change that does not matter: ``5%``, of shares ``1 pp``, or an absolute floor where there is one."""
    share = format_ratio(difference.tolerance)
    relative = f"{share.removesuffix('%')}{_POINTS}" if difference.unit == "ratio" else share
    return f"{relative} or {format_value(difference.floor, difference.unit)}" if difference.floor else relative


def shown_detectable(difference: Difference) -> str:
    """The smallest change that would be found, or a dash."""
    return _shown(difference, difference.detectable)


def _shown(difference: Difference, ratio: float | None) -> str:
    """With as many digits as set it apart from the tolerance; from ten times on as a factor; a dash for None.

    Of shares the ``ratio`` is their difference already.
    """
    if ratio is None:
        return ABSENT
    points = difference.unit == "ratio"
    if ratio >= _MANIFOLD and not points:
        return f"{TIMES}{format_value(ratio, 'value')}"
    change = round(ratio if points else ratio - 1, 12)  # 1.05 - 1 is a little more than 0.05
    size, tolerance = 100 * abs(change), 100 * difference.tolerance
    apart = (n for n in range(3, _MOST_DIGITS) if format_number(size, n) != format_number(tolerance, n))
    return shown_change(change, points=points, digits=next(apart, 3))
