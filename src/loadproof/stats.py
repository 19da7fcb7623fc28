"""The statistics behind intervals and sample sizes: pure functions, each with its source."""

from __future__ import annotations

import math
from statistics import NormalDist

_EXACT_UP_TO = 5_000
"""Samples up to which binomial tails are summed exactly; beyond, the normal approximation is closer than a bucket."""


def min_samples(q: float) -> int:
    """Fewest samples with which the largest one bounds the ``q`` quantile from above with 95 % confidence.

    ``n >= ln 0.05 / ln q``: p90 29, p95 59, p99 299, p99.9 2,995. For quantiles below one half the same holds for the
    smallest sample and ``1 - q``; the median needs 5. Source: Wilks 1941, one-sided tolerance limits.

    Args:
        q: 0..1.

    Returns:
        At least 1; 1 for q 0 and 1, which are the extremes themselves.
    """
    tail = max(q, 1.0 - q)
    if tail >= 1.0:
        return 1
    # ln 0.05 / ln 0.9 is 28.43, and 29 samples do; a hair of rounding must not make it 30.
    return max(1, math.ceil(math.log(0.05) / math.log(tail) - 1e-9))


def quantile_interval_ranks(n: int, q: float, confidence: float = 0.95) -> tuple[int, int] | None:
    """Ranks whose values hold the ``q`` quantile between them, whatever the distribution.

    The number of samples below the quantile is binomial(n, q); the ranks are its tails' (Hahn & Meeker, Statistical
    Intervals, 5.2). Samples are taken as independent; requests seldom quite are.

    Args:
        n: Samples.
        q: 0..1, neither end.
        confidence: Of the interval.

    Returns:
        Lower and upper rank, 1-based; None where n is too small for a two-sided interval.
    """
    if n < 1 or not 0.0 < q < 1.0:
        return None
    alpha = (1.0 - confidence) / 2.0
    if n <= _EXACT_UP_TO:
        lower, upper = _binomial_quantile(alpha, n, q), _binomial_quantile(1.0 - alpha, n, q) + 1
    else:
        middle, half = n * q, NormalDist().inv_cdf(1.0 - alpha) * math.sqrt(n * q * (1.0 - q))
        lower, upper = math.floor(middle - half), math.ceil(middle + half) + 1
    return (lower, upper) if lower >= 1 and upper <= n else None


def wilson_interval(k: int, n: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """Interval of a share: ``k`` of ``n``. Wilson 1927; holds near 0 and 1, where the naive one fails.

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
    """Interval of a mean by the central limit theorem.

    Returns:
        Lower and upper bound; None below 30 samples, where the theorem says little about skewed times.
    """
    if n < 30:
        return None
    half = NormalDist().inv_cdf(0.5 + confidence / 2.0) * math.sqrt(variance / n)
    return max(0.0, mean - half), mean + half


def _binomial_quantile(p: float, n: int, q: float) -> int:
    """Smallest k with P(X <= k) >= p for X ~ binomial(n, q), summed in logarithms so that nothing underflows."""
    total = 0.0
    log_q, log_rest = math.log(q), math.log1p(-q)
    log_n = math.lgamma(n + 1)
    for k in range(n + 1):
        total += math.exp(log_n - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * log_q + (n - k) * log_rest)
        if total >= p - 1e-12:
            return k
    return n
