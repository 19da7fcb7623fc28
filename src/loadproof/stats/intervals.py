"""Intervals of quantiles, shares and means, and how many samples they need."""

from __future__ import annotations

import math
from statistics import NormalDist

from loadproof.stats.distributions import binomial_quantile

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
        lower, upper = binomial_quantile(alpha, n, q), binomial_quantile(1.0 - alpha, n, q) + 1
    else:
        middle, half = n * q, NormalDist().inv_cdf(1.0 - alpha) * math.sqrt(variance)
        lower, upper = math.floor(middle - half), math.ceil(middle + half) + 1
    return (lower, upper) if lower >= 1 and upper <= n else None


def wilson_interval(k: float, n: float, confidence: float = 0.95) -> tuple[float, float] | None:
    """Interval of a share: ``k`` of ``n``. Wilson 1927 (JASA 22); holds near 0 and 1, where the naive one fails.

    Args:
        k: How many, 0..n; not a whole number where samples count for less than one.
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


def newcombe_interval(
    first: tuple[float, float], second: tuple[float, float], confidence: float = 0.95
) -> tuple[float, float] | None:
    """Interval of the difference of two shares, the second less the first.

    The two Wilson intervals, put together as the square root of sums of squares (Newcombe 1998, Statistics in Medicine
    17, method 10): it holds where there are few hits, or none.

    Args:
        first: How many of how many; not necessarily whole numbers.
        second: The same of the other.
        confidence: Of the interval.

    Returns:
        Lower and upper bound within -1..1; None where one of them has no samples.
    """
    one, two = wilson_interval(*first, confidence), wilson_interval(*second, confidence)
    if one is None or two is None:
        return None
    share_one, share_two = first[0] / first[1], second[0] / second[1]
    difference = share_two - share_one
    return (
        difference - math.hypot(share_two - two[0], one[1] - share_one),
        difference + math.hypot(two[1] - share_two, share_one - one[0]),
    )


def welch_freedom(first: tuple[float, float], second: tuple[float, float]) -> int:
    """Degrees of freedom of the difference of two independent estimates (Welch 1947, Biometrika 34).

    Args:
        first: Its standard error and the degrees of freedom of that.
        second: The same of the other.

    Returns:
        Rounded down, at least 1; those of both together where neither has an error.
    """
    (one, freedom_one), (two, freedom_two) = first, second
    if one == 0.0 and two == 0.0:
        return max(1, math.floor(freedom_one + freedom_two))
    scale = max(one, two)
    one, two = one / scale, two / scale
    return max(1, math.floor((one**2 + two**2) ** 2 / (one**4 / freedom_one + two**4 / freedom_two)))
