"""The statistics behind intervals, sample sizes and comparisons: pure functions, each with its source."""

from __future__ import annotations

from loadproof.stats.course import (
    autocorrelation,
    block_length,
    correlation_time,
    effective_blocks,
    effective_samples,
    mser5,
    slope_interval,
    sum_variance,
)
from loadproof.stats.distributions import chi_square_quantile, chi_square_tail, student_quantile
from loadproof.stats.intervals import (
    mean_interval,
    min_samples,
    newcombe_interval,
    quantile_interval_ranks,
    welch_freedom,
    wilson_interval,
)
from loadproof.stats.resampling import Estimate, bootstrap_mean, bootstrap_quantiles

__all__ = [
    "Estimate",
    "autocorrelation",
    "block_length",
    "bootstrap_mean",
    "bootstrap_quantiles",
    "chi_square_quantile",
    "chi_square_tail",
    "correlation_time",
    "effective_blocks",
    "effective_samples",
    "mean_interval",
    "min_samples",
    "mser5",
    "newcombe_interval",
    "quantile_interval_ranks",
    "slope_interval",
    "student_quantile",
    "sum_variance",
    "welch_freedom",
    "wilson_interval",
]
