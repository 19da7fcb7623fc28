"""Quantiles of counts over time, and how far they would be off in another run of the same length.

Only comparisons need it, and it alone needs numpy, which is loaded with its first call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from loadproof.stats.course import block_length, effective_blocks, sum_variance

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 1_000
"""How often a run is drawn anew: a standard error is then known to 2.2 %."""

SEED = 20_260_304
"""Of the blocks that are drawn: the same runs give the same interval, always."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A quantity on the logarithmic scale, with how far it may be off.

    Attributes:
        log: Natural logarithm of the value.
        error: Standard error of ``log``.
        freedom: Degrees of freedom that ``error`` is known with.
        tail: Relative standard error of the share of values beyond a quantile, 0..; 0 for what is no quantile.
        blocks: Block length that the course over time asks for, in windows.
    """

    log: float
    error: float
    freedom: float
    tail: float = 0.0
    blocks: float = 1.0


def bootstrap_quantiles(
    edges: Sequence[float], counts: Sequence[Sequence[int]], quantiles: Sequence[float]
) -> list[Estimate]:
    """Quantiles with their errors, from histograms of equally long windows, by the stationary block bootstrap.

    Windows that follow each other hang together, so blocks of them are drawn: at random starts, round the end, and of
    a length that is geometric with mean ``L`` (Politis and Romano 1994, JASA 89). Each resample is one product of how
    often each window was drawn with the histograms, and its quantile is read there, with values spread evenly (in
    logarithms) within a bucket.

    ``L`` is an eighth of the windows: longer than what ``block_length`` asks for wherever that can be trusted (it must
    be at most a twelfth). Long blocks cost precision of the error, which its degrees of freedom pay for; short ones
    would cost its truth. Two corrections make it larger: blocks that overlap in a series whose mean is taken off see
    ``(2 L - 1) / T`` of the variance less than there is; and where the correlation of neighbours, at the upper end of
    what it may be, asks for more, the error is raised to that (see ``sum_variance``). Both are calibrated in
    ``bench/comparison_statistics.py``.

    Args:
        edges: Borders of the buckets, ascending and above 0: one more than there are buckets.
        counts: A row for each window, a number for each bucket.
        quantiles: Each 0..1, neither end.

    Returns:
        One for each quantile; empty below 16 windows, or where nothing was counted.
    """
    import numpy as np  # noqa: PLC0415 - only comparisons need it

    windows = np.asarray(counts, dtype=np.float32)
    if len(windows) < 16 or not windows.any():
        return []
    borders = np.log(np.asarray(edges, dtype=np.float64))
    weights = _weights(len(windows), _mean_length(len(windows)))
    drawn = np.cumsum(weights @ windows, axis=1)
    return [_estimate(windows, drawn, weights, borders, q) for q in quantiles]


def _estimate(windows: Any, drawn: Any, weights: Any, borders: Any, q: float) -> Estimate:
    """One quantile, given the resamples as cumulated histograms."""
    import numpy as np  # noqa: PLC0415 - see above

    whole = float(_log_quantiles(np.cumsum(windows.sum(axis=0, keepdims=True), axis=1), borders, q)[0])
    first_beyond = int(np.searchsorted(borders, whole))
    beyond, samples = windows[:, first_beyond:].sum(axis=1), windows.sum(axis=1)
    share = float(beyond.sum() / samples.sum())
    shares = (weights @ beyond) / np.maximum(weights @ samples, 1.0)
    influence = (beyond - share * samples).tolist()
    raised = _raised(influence, float(shares.std()) * float(samples.sum()))
    return Estimate(
        log=whole,
        error=float(_log_quantiles(drawn, borders, q).std()) * raised,
        freedom=effective_blocks(len(windows), _mean_length(len(windows))),
        tail=float(shares.std()) * raised / share if share else math.inf,
        blocks=block_length(influence),
    )


def bootstrap_mean(values: Sequence[float]) -> Estimate | None:
    """The mean of values of equally long windows with its error, the same way.

    Args:
        values: Such as requests per second, oldest first; never negative.

    Returns:
        None below 16 values, or where all are 0.
    """
    import numpy as np  # noqa: PLC0415 - see above

    count = len(values)
    mean = math.fsum(values) / count if count else 0.0
    if count < 16 or mean <= 0.0:
        return None
    weights = _weights(count, _mean_length(count))
    means = (weights @ np.asarray(values, dtype=np.float32)) / count
    influence = [value - mean for value in values]
    error = float(means.std()) * _raised(influence, float(means.std()) * count) / mean
    return Estimate(math.log(mean), error, effective_blocks(count, _mean_length(count)), 0.0, block_length(influence))


def _mean_length(windows: int) -> int:
    return max(2, round(windows / 8))


def _raised(influence: Sequence[float], drawn: float) -> float:
    """What an error is multiplied by: for the mean that was taken off, and for correlation that blocks do not see.

    Args:
        influence: By how much each window moves the sum.
        drawn: Standard error of the sum as it was drawn.
    """
    count = len(influence)
    overlap = 1.0 / math.sqrt(1.0 - (2 * _mean_length(count) - 1) / count)
    if drawn <= 0.0:
        return overlap
    return max(overlap, math.sqrt(sum_variance(influence)) / drawn)


@lru_cache(maxsize=8)
def _weights(windows: int, length: int) -> Any:
    """How often each window is drawn in each resample: an array of resamples by windows."""
    import numpy as np  # noqa: PLC0415 - see above

    drawing = np.random.default_rng(SEED)
    starts = drawing.integers(0, windows, (RESAMPLES, windows))
    begins = drawing.random((RESAMPLES, windows)) < 1.0 / length
    begins[:, 0] = True
    place = np.arange(windows)
    begun = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    drawn = (np.take_along_axis(starts, begun, axis=1) + place - begun) % windows
    flat = (drawn + np.arange(RESAMPLES)[:, None] * windows).ravel()
    return np.bincount(flat, minlength=RESAMPLES * windows).reshape(RESAMPLES, windows).astype(np.float32)


def _log_quantiles(reached: Any, borders: Any, q: float) -> Any:
    """Of each row of cumulated counts the logarithm of its quantile."""
    import numpy as np  # noqa: PLC0415 - see above

    ranks = q * reached[:, -1]
    bucket = np.argmax(reached >= ranks[:, None], axis=1)
    row = np.arange(len(reached))
    below = np.where(bucket > 0, reached[row, np.maximum(bucket - 1, 0)], 0.0)
    part = np.clip((ranks - below) / np.maximum(reached[row, bucket] - below, 1e-9), 0.0, 1.0)
    return borders[bucket] + part * (borders[bucket + 1] - borders[bucket])
