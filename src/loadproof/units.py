"""Quantities as people write them, and back: durations, rates, shares, counts, sizes, quantile labels.

Inside the project times are float seconds, rates are per second, ratios and quantiles are 0..1; units exist only in
text, and only here. Every parser raises ``ValueError`` with a sentence that says what would be right. Formatting keeps
three significant digits and drops trailing zeros; ``format_beside`` adds digits where rounding would hide a difference.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Literal

Unit = Literal["s", "ratio", "/s", "count", "bytes", "bytes/s", "value"]
"""Unit of a judged value: seconds, share of one, per second, how many, sizes, or a number of the script's own."""

_SECONDS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),  # U+00B5, the micro sign
    "μs": Decimal("1e-6"),  # U+03BC, the Greek letter, as other keyboards type it
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_PERIODS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_UNITS = "|".join(sorted(_SECONDS, key=len, reverse=True))
_NUMBER_ALONE = re.compile(_NUMBER)
_DURATION = re.compile(rf"(?:{_NUMBER}\s*(?:{_UNITS})\s*)+")
_DURATION_PART = re.compile(rf"({_NUMBER})\s*({_UNITS})")
_RATE = re.compile(rf"({_NUMBER})\s*(?:/\s*([a-z]+))?")
_RATIO = re.compile(rf"({_NUMBER})\s*(%)?")
_QUANTILE = re.compile(rf"p({_NUMBER})")
_SIZES = ("B", "kB", "MB", "GB", "TB")
_SIZE = re.compile(rf"({_NUMBER})\s*({'|'.join(_SIZES)})?")

_DIGITS = 3
_MOST_DIGITS = 30
"""Beyond the 17 digits that tell any two floats apart, and the four that a unit can cost."""


def parse_duration(text: str) -> float:
    """Read a duration: ``250ms``, ``1.5h``, ``1h20m``, ``1m 30s``; a bare number is seconds.

    Returns:
        Seconds, never negative.

    Raises:
        ValueError: It is not a duration, or its units are not from the largest to the smallest.
    """
    text = text.strip()
    if _NUMBER_ALONE.fullmatch(text):
        return _finite(Decimal(text), text)
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 250ms, 90s, 5m or 1h20m")
    total = Decimal(0)
    previous: Decimal | None = None
    for number, unit in _DURATION_PART.findall(text):
        scale = _SECONDS[unit]
        if previous is not None and scale >= previous:
            raise ValueError(f"{text!r} must name its units once each, from the largest to the smallest, as 1h20m does")
        total += Decimal(number) * scale
        previous = scale
    return _finite(total, text)


def parse_rate(text: str) -> float:
    """Read a rate: ``200/s``, ``10/m``, ``5/h``; a bare number is per second.

    Returns:
        Events per second, never negative.

    Raises:
        ValueError: It is not a rate.
    """
    match = _RATE.fullmatch(text.strip())
    period = _PERIODS.get(match[2] or "s") if match else None
    if match is None or period is None:
        raise ValueError(f"{text.strip()!r} is not a rate such as 200/s, 10/m or 5/h")
    return _finite(Decimal(match[1]) / period, text)


def parse_ratio(text: str) -> float:
    """Read a share: ``1%`` or ``0.01``.

    Returns:
        The share as a part of one, never negative; above 1.0 where the text says more than 100 %.

    Raises:
        ValueError: It is not a share.
    """
    match = _RATIO.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text.strip()!r} is not a share such as 1% or 0.01")
    return _finite(Decimal(match[1]) / (100 if match[2] else 1), text)


def parse_quantile_label(text: str) -> float:
    """Read a quantile's label: ``p95``, ``p99.9``, ``med``.

    Returns:
        The quantile, 0..1.

    Raises:
        ValueError: It is not such a label, or lies beyond p100.
    """
    text = text.strip()
    if text == "med":
        return 0.5
    match = _QUANTILE.fullmatch(text)
    if match is None or Decimal(match[1]) > 100:
        raise ValueError(f"{text!r} is not a quantile such as p50, p95, p99.9 or med")
    return float(Decimal(match[1]) / 100)


def quantile_label(quantile: float) -> str:
    """Name a quantile: 0.999 is ``p99.9``.

    Args:
        quantile: 0..1.
    """
    percent = round(_exact(quantile) * 100, 10)
    return f"p{_plain(percent)}"


def format_duration(seconds: float, digits: int = _DIGITS) -> str:
    """Write a duration for people: ``0.42 ms``, ``312 ms``, ``1.24 s``, ``2 m 05 s``, ``1 h 20 m``.

    Args:
        seconds: May be negative (a difference), infinite or NaN.
        digits: Significant digits below a minute; from a minute on, each digit beyond three is a decimal of the
            seconds.
    """
    if not math.isfinite(seconds):
        return _not_finite(seconds)
    sign = "-" if seconds < 0 else ""
    exact = abs(_exact(seconds))
    if exact == 0:
        return "0 s"
    rounded = _significant(exact, digits)
    if rounded >= 60:
        return sign + _minutes(exact, digits)
    if rounded >= 1:
        return f"{sign}{_plain(rounded)} s"
    if rounded >= Decimal("1e-6"):
        return f"{sign}{_plain(rounded * 1000)} ms"
    return f"{sign}{_plain(rounded * 1_000_000)} µs"


def format_clock(seconds: float) -> str:
    """Write elapsed time as a clock does, rounded down: ``0:07``, ``1:05``, ``1:02:05``.

    Args:
        seconds: Below zero counts as zero; must be finite.
    """
    minutes, second = divmod(max(0, math.floor(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def format_ratio(ratio: float, digits: int = _DIGITS) -> str:
    """Write a share as a percentage: ``0.17%``.

    ``0%`` and ``100%`` are written only where they are exact; digits are added until they are not.
    """
    if not math.isfinite(ratio):
        return _not_finite(ratio)
    exact = _exact(ratio) * 100
    rounded = _significant(exact, digits)
    while rounded == 100 and exact != 100 and digits < _MOST_DIGITS:
        digits += 1
        rounded = _significant(exact, digits)
    return f"{_plain(rounded)}%"


def format_count(count: float, digits: int = _DIGITS) -> str:
    """Write a count with its thousands apart: ``12,345``; whole numbers are never rounded.

    Args:
        count: A count, or a mean of counts.
        digits: Significant digits of what is not whole.
    """
    if not math.isfinite(count):
        return _not_finite(count)
    exact = _exact(count)
    return _thousands(exact if exact == exact.to_integral_value() else _rounded_tail(exact, digits))


def format_rate(per_second: float, digits: int = _DIGITS) -> str:
    """Write a rate: ``19.8/s``, ``12,345/s``; digits before the point are never rounded away."""
    if not math.isfinite(per_second):
        return f"{_not_finite(per_second)}/s"
    return f"{_thousands(_rounded_tail(_exact(per_second), digits))}/s"


def parse_bytes(text: str) -> float:
    """Read a size in decimal units: ``512 B``, ``1.5MB``; a bare number is bytes.

    Raises:
        ValueError: It is not a size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text.strip()!r} is not a size such as 512 B, 64kB or 1.5MB")
    return _finite(Decimal(match[1]) * 1000 ** _SIZES.index(match[2] or "B"), text)


def format_bytes(count: float, digits: int = _DIGITS) -> str:
    """Write a size in decimal units: ``512 B``, ``1.24 kB``, ``3.1 MB``."""
    if not math.isfinite(count):
        return f"{_not_finite(count)} B"
    rounded = _significant(_exact(count), digits)
    power = 0
    while abs(rounded) >= 1000 and power < len(_SIZES) - 1:
        rounded /= 1000
        power += 1
    return f"{_plain(rounded)} {_SIZES[power]}"


def format_number(value: float, digits: int = _DIGITS) -> str:
    """Write a number that has no unit; digits before the point are never rounded away."""
    return _thousands(_rounded_tail(_exact(value), digits)) if math.isfinite(value) else _not_finite(value)


def format_value(value: float, unit: Unit, digits: int = _DIGITS) -> str:
    """Write a judged value in its unit, with ``digits`` significant digits."""
    if unit == "bytes/s":
        return f"{format_bytes(value, digits)}/s"
    return _WRITERS[unit](value, digits)


def format_beside(value: float, limit: float, unit: Unit) -> tuple[str, str]:
    """Write a value and the limit it was held against, so that what is shown never contradicts the verdict.

    Both are rounded alike, and digits are added until two numbers that differ also look different (as coverage.py does
    for its own limit).

    Returns:
        The value's text and the limit's text.
    """
    for digits in range(_DIGITS, _MOST_DIGITS + 1):
        texts = format_value(value, unit, digits), format_value(limit, unit, digits)
        if value == limit or texts[0] != texts[1]:
            return texts
    return repr(value), repr(limit)


def _finite(number: Decimal, text: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{text.strip()[:20]!r}... is too large")
    return value


def _not_finite(value: float) -> str:
    return "n/a" if math.isnan(value) else "∞" if value > 0 else "-∞"


def _exact(value: float) -> Decimal:
    """The shortest decimal that reads back as this float, so that 0.3 is 0.3; floats that differ stay apart."""
    return Decimal(repr(float(value)))


def _significant(exact: Decimal, digits: int) -> Decimal:
    return Context(prec=digits).plus(exact)


def _rounded_tail(exact: Decimal, digits: int) -> Decimal:
    """Round to ``digits`` significant digits, but keep every digit before the point."""
    return _significant(exact, max(digits, exact.adjusted() + 1 + digits - _DIGITS))


def _minutes(exact: Decimal, digits: int) -> str:
    decimals = digits - _DIGITS
    if decimals == 0 and exact >= Decimal("3599.5"):
        minutes = int((exact / 60).to_integral_value())
        return f"{minutes // 60} h {minutes % 60:02d} m"
    rounded = round(exact, decimals)
    minute, second = divmod(rounded, 60)
    whole = int(second.to_integral_value(ROUND_FLOOR))
    tail = f"{whole:02d}{_plain(second - whole)[1:]} s"
    return f"{minute // 60} h {minute % 60:02} m {tail}" if minute >= 60 else f"{minute} m {tail}"


def _plain(number: Decimal) -> str:
    """Digits without an exponent and without trailing zeros."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _thousands(number: Decimal) -> str:
    whole, point, tail = _plain(number).partition(".")
    return f"{int(whole):,}{point}{tail}" if whole != "-0" else f"-0{point}{tail}"


_WRITERS = {
    "s": format_duration,
    "ratio": format_ratio,
    "/s": format_rate,
    "count": format_count,
    "bytes": format_bytes,
    "value": format_number,
}
