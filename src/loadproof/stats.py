"""The statistics behind intervals and sample sizes: pure functions, each with its source."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXACT_VARIANCE = 1_000.0
"""Variance of a binomial up to which its tails are summed exactly; beyond, the normal one is within a rank or two.

It is the variance that decides, not the number of samples: of 100,000 samples only 100 lie above p99.9.
"""


def min_samples(q: float) -> int:
    """Fewest samples with which the largest one bounds the ``q`` quantile from above with 95 % confidence.

    All of n samples lie below the quantile with probability ``q ** n``; so ``n >= ln 0.05 / ln q``: p90 29, p95 59,
    p99 299, p99.9 2,995. The median needs 5: fewer all fall on one side of it too often. Below one half the same holds
    for the smallest sample and ``1 - q``. Source: Wilks 1941, one-sided tolerance limits.

    Args:
        q: 0..1.

    Returns:
        At least 1; 1 for q 0 and 1, which are the extremes themselves.

    Raises:
        ValueError: ``q`` is not within 0..1.
    """
    if not 0.0 <= q <= 1.0:
        raise ValueError(f"a quantile is between 0 and 1, not {q}")
    tail = max(q, 1.0 - q)
    if tail >= 1.0:
        return 1
    # ln 0.05 / ln 0.9 is 28.43, and 29 samples do; a hair of rounding must not make it 30.
    return max(1, math.ceil(math.log(0.05) / math.log(tail) - 1e-9))


def quantile_interval_ranks(n: int, q: float, confidence: float = 0.95) -> tuple[int, int] | None:
    """Ranks whose values hold the ``q`` quantile between them, whatever the distribution.

    The number of samples below the quantile is binomial(n, q), and the ranks cut off at most half of what confidence
    leaves at each of its ends (Hahn and Meeker, Statistical Intervals, 5.2); by the normal approximation where the
    variance is large. Samples are taken as independent, which requests seldom quite are.

    Args:
        n: Samples.
        q: 0..1, neither end.
        confidence: Of the interval.

    Returns:
        Lower and upper rank, 1-based; None where n is too small for a two-sided interval: p95 has none below 72.
    """
    if n < 1 or not 0.0 < q < 1.0:
        return None
    alpha = (1.0 - confidence) / 2.0
    variance = n * q * (1.0 - q)
    if variance <= _EXACT_VARIANCE:
        lower, upper = _binomial_quantile(alpha, n, q), _binomial_quantile(1.0 - alpha, n, q) + 1
    else:
        middle, half = n * q, NormalDist().inv_cdf(1.0 - alpha) * math.sqrt(variance)
        lower, upper = math.floor(middle - half), math.ceil(middle + half) + 1
    return (lower, upper) if lower >= 1 and upper <= n else None


def wilson_interval(k: int, n: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """Interval of a share: ``k`` of ``n``. Wilson 1927 (JASA 22); holds near 0 and 1, where the naive one fails.

    Args:
        k: How many, 0..n.
        n: Of how many.
        confidence: Of the interval.

    Returns:
        Lower and upper bound within 0..1; None when n is 0.
    """
    if n < 1:
        return None
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    share = k / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return (0.0 if k == 0 else max(0.0, middle - half)), (1.0 if k == n else min(1.0, middle + half))


def mean_interval(n: int, mean: float, variance: float, confidence: float = 0.95) -> tuple[float, float] | None:
    """Interval of the mean of values that are never negative, by the central limit theorem.

    Args:
        n: Values.
        mean: Their mean.
        variance: Their variance, as ``squares / (n - 1)``.
        confidence: Of the interval.

    Returns:
        Lower and upper bound, at least 0; None below 30 values, where the theorem says little about skewed ones.
    """
    if n < 30:
        return None
    half = NormalDist().inv_cdf(0.5 + confidence / 2.0) * math.sqrt(variance / n)
    return max(0.0, mean - half), mean + half


def mser5(values: Sequence[float], *, batch: int = 5) -> int | None:
    """How many values at the start of a series belong to its warm-up, by the marginal standard error rule.

    Of the means of batches it leaves out the d first ones for which ``sum((z - mean)²) / (n - d)²`` of the rest is
    least, with d at most n - 5: what is cut off must take away more variance than it takes away data. Sources: White,
    Cobb and Spratt 2000 (Winter Simulation Conference); Hoad, Robinson and Davies 2010 (Journal of Simulation 4) on
    what it is worth. When the least lies in the second half, the series goes on changing. Eleven batches are the fewest
    of which that can be said: with fewer, d cannot get there.

    A shift, or a few large values, near the end also push the least there: no steady state is the answer then, too. So
    it is, by chance, for one in ten series of 60 values that are nothing but noise, and for one in forty of 300. Values
    that hang together for longer than a batch make cuts later than need be.

    Args:
        values: At even distances in time, oldest first. What fills no batch at the end is left out.
        batch: Values whose mean is looked at as one.

    Returns:
        A multiple of ``batch``; None where no steady state was found, or too few values were given, or one of them is
        not a finite number.
    """
    means = [math.fsum(values[at : at + batch]) / batch for at in range(0, len(values) - batch + 1, batch)]
    count = len(means)
    if count < 11 or not all(map(math.isfinite, means)):
        return None
    best, cut = math.inf, 0
    mean = squares = 0.0
    for kept, value in enumerate(reversed(means), 1):
        # Welford's update, so that a large mean hides no small variance.
        off = value - mean
        mean += off / kept
        squares += off * (value - mean)
        if kept >= 5 and squares / kept**2 <= best:
            best, cut = squares / kept**2, count - kept
    return cut * batch if cut <= count / 2 else None


def slope_interval(
    times: Sequence[float], values: Sequence[float], confidence: float = 0.95
) -> tuple[float, float, float] | None:
    """Slope of a straight line through values, by least squares, with its interval.

    Half of the interval is Student's t with n - 2 degrees of freedom times the slope's standard error (Draper and
    Smith, Applied Regression Analysis, 1.4).

    It takes deviations from the line as independent. What is counted second by second seldom is: a queue that is long
    now is long a second later. Where neighbours correlate by r, the true interval is about ``sqrt((1 + r) / (1 - r))``
    times as wide: 1.7 times at 0.5, 4.4 times at 0.9. So a slope whose interval leaves 0 out may still be none: ask
    for a size that matters as well, or give means over stretches longer than the memory of the values.

    Args:
        times: In any unit.
        values: As many.
        confidence: Of the interval.

    Returns:
        Slope, and the lower and upper bound of it, in values per unit of time; None below three points, or when all
        times are the same.

    Raises:
        ValueError: There are not as many values as times.
    """
    count = len(times)
    if count != len(values):
        raise ValueError(f"{count} times have {len(values)} values")
    if count < 3 or min(times) == max(times):
        return None
    middle, level = math.fsum(times) / count, math.fsum(values) / count
    spread = math.fsum((t - middle) ** 2 for t in times)
    slope = math.fsum((t - middle) * (y - level) for t, y in zip(times, values, strict=True)) / spread
    residual = math.fsum((y - level - slope * (t - middle)) ** 2 for t, y in zip(times, values, strict=True))
    half = student_quantile(0.5 + confidence / 2.0, count - 2) * math.sqrt(residual / (count - 2) / spread)
    return slope, slope - half, slope + half


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


def _binomial_quantile(p: float, n: int, q: float) -> int:
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
