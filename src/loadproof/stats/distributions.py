"""Quantiles and tails of the distributions that intervals are made with."""

from __future__ import annotations

import math
from statistics import NormalDist


def student_quantile(p: float, freedom: int) -> float:
    """Quantile of Student's t distribution, true to eight digits for ``p`` within 0.0001..0.9999.

    Up to 200 degrees of freedom it inverts the exact sum (Abramowitz and Stegun 26.7.3 and 26.7.4); beyond, it expands
    about the normal quantile (26.7.5), whose first term left out is below 1e-10 there.

    Args:
        p: 0..1, neither end.
        freedom: Degrees of freedom, at least 1.

    Raises:
        ValueError: One of them lies outside.
    """
    if not 0.0 < p < 1.0 or freedom < 1:
        raise ValueError(f"there is no quantile {p} of Student's t with {freedom} degrees of freedom")
    if p < 0.5:
        return -student_quantile(1.0 - p, freedom)
    if freedom > 200:
        return _expanded_student_quantile(NormalDist().inv_cdf(p), freedom)
    low, high = 0.0, math.pi / 2.0
    while (angle := (low + high) / 2.0) not in {low, high}:
        if _student_within(angle, freedom) < 2.0 * p - 1.0:
            low = angle
        else:
            high = angle
    return math.sqrt(freedom) * math.tan(angle)


def chi_square_tail(distance: float, freedom: int) -> float:
    """P(X >= distance) for X with a chi-square distribution of whole degrees of freedom.

    Source: Abramowitz and Stegun 26.4.4 and 26.4.5.

    Args:
        distance: At least 0.
        freedom: Degrees of freedom, at least 1.

    Raises:
        ValueError: One of them lies outside.
    """
    if freedom < 1 or distance < 0:
        raise ValueError(f"there is no chi-square tail beyond {distance} with {freedom} degrees of freedom")
    if distance == 0:
        return 1.0
    half = distance / 2.0
    # Each term by its logarithm: none of them overflows.
    tail = math.erfc(math.sqrt(half)) if freedom % 2 else 0.0
    powers = [k / 2.0 for k in range(1, freedom - 1, 2)] if freedom % 2 else [float(k) for k in range(freedom // 2)]
    tail += math.fsum(math.exp(power * math.log(half) - half - math.lgamma(power + 1.0)) for power in powers)
    return min(1.0, tail)


def chi_square_quantile(p: float, freedom: float) -> float:
    """Quantile of a chi-square distribution, within 2 % from 2 degrees of freedom on for ``p`` within 0.1..0.9.

    Source: Wilson and Hilferty 1931 (PNAS 17): the cube root is nearly normal.

    Args:
        p: 0..1, neither end.
        freedom: Degrees of freedom, above 0.
    """
    part = 2.0 / (9.0 * freedom)
    root = 1.0 - part + NormalDist().inv_cdf(p) * math.sqrt(part)
    return float(freedom * max(0.0, root) ** 3)


def binomial_quantile(p: float, n: int, q: float) -> int:
    """Smallest k with P(X <= k) >= p for X ~ binomial(n, q), summed in logarithms so that nothing underflows."""
    log_q, log_rest, log_n = math.log(q), math.log1p(-q), math.lgamma(n + 1)
    # What lies further than this below the middle is less than 1e-15 in all.
    first = max(0, math.floor(n * q - 10.0 * math.sqrt(n * q * (1.0 - q)) - 20.0))
    total = 0.0
    for k in range(first, n):
        total += math.exp(log_n - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * log_q + (n - k) * log_rest)
        if total >= p:
            return k
    return n


def _student_within(angle: float, freedom: int) -> float:
    """P(abs(T) < sqrt(freedom) * tan(angle)), a finite sum for whole degrees of freedom."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 1.0)
    if odd and freedom > 1:
        total = term
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return 2.0 / math.pi * (angle + sine * total) if odd else sine * total


def _expanded_student_quantile(z: float, freedom: int) -> float:
    terms = (
        (z**3 + z) / 4.0,
        (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0,
        (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0,
        (79.0 * z**9 + 776.0 * z**7 + 1482.0 * z**5 - 1920.0 * z**3 - 945.0 * z) / 92160.0,
    )
    return z + math.fsum(term / freedom**power for power, term in enumerate(terms, 1))
