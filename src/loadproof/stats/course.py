"""Values over time: where they are steady, whether they rise, how long they hang together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from loadproof.stats.distributions import student_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def autocorrelation(values: Sequence[float], longest: int) -> list[float]:
    """Correlation of a series with itself, ``0`` to ``longest`` steps later, from its deviations from the mean.

    Each sum is divided by the number of values, not of pairs (Box and Jenkins 2.1.5): so it makes a possible series.

    Args:
        values: At even distances in time.
        longest: Steps, fewer than there are values.

    Returns:
        1 first; all 0 after it where the values are all the same.
    """
    count = len(values)
    mean = math.fsum(values) / count
    off = [value - mean for value in values]
    whole = math.fsum(value * value for value in off)
    if whole <= 0.0:
        return [1.0] + [0.0] * longest
    return [math.fsum(a * b for a, b in zip(off, off[step:], strict=False)) / whole for step in range(longest + 1)]


def block_length(values: Sequence[float]) -> float:
    """Mean block length with which the stationary bootstrap of a mean errs least.

    ``(G² / g²)^(1/3) T^(1/3)`` with ``G = sum(w_k |k| R_k)`` and ``g = sum(w_k R_k)`` over the autocovariances R, and
    the flat-top window w that reaches twice as far as correlations stand out: Politis and White 2004 (Econometric
    Reviews 23), with the correction by Patton, Politis and White 2009 (28).

    Args:
        values: At even distances in time; at least 8.

    Returns:
        In values, at least 1; 1 where nothing stands out, or all are the same.
    """
    count = len(values)
    in_a_row = max(5, math.ceil(math.sqrt(math.log10(count))))
    longest = min(count - 1, math.ceil(math.sqrt(count)) + in_a_row)
    seen = autocorrelation(values, longest)
    stands_out = 2.0 * math.sqrt(math.log10(count) / count)
    out = [step for step in range(1, longest + 1) if abs(seen[step]) >= stands_out]
    quiet_from = next(
        (m for m in range(longest - in_a_row + 1) if not any(m < step <= m + in_a_row for step in out)), None
    )
    last = quiet_from if quiet_from is not None else max(out)
    reach = min(2 * max(1, last), longest)
    flat_top = [1.0 if 2 * step <= reach else 2.0 * (1.0 - step / reach) for step in range(1, reach + 1)]
    weighted = [weight * rho for weight, rho in zip(flat_top, seen[1:], strict=False)]
    spread = 1.0 + 2.0 * math.fsum(weighted)
    slope = 2.0 * math.fsum(step * value for step, value in enumerate(weighted, 1))
    if spread <= 0.0:
        return 1.0
    return min(max(1.0, math.cbrt((slope / spread) ** 2 * count)), float(count))


def correlation_time(values: Sequence[float]) -> float:
    """How many neighbours say together what one alone would, were they independent; cautiously.

    ``(1 + r) / (1 - r)``, which holds for a series of first order (Priestley 1981, 5.3.2), with r at the upper end of
    where the correlation of neighbours may lie: the one seen, plus ``(1 + 3 r) / T`` by which it is seen too small
    (Kendall 1954, Biometrika 41), plus 1.28 standard errors, ``sqrt((1 - r²) / T)``. A short series cannot rule out
    that it hangs together, and this is what that costs: of 60 values that are noise, each counts for 0.6.

    Args:
        values: At even distances in time; at least 8.

    Returns:
        At least 1.
    """
    count = len(values)
    seen = max(0.0, autocorrelation(values, 1)[1])
    upper = seen + (1.0 + 3.0 * seen) / count + 1.28 * math.sqrt((1.0 - seen * seen) / count)
    upper = min(upper, 1.0 - 2.0 / count)
    return (1.0 + upper) / (1.0 - upper)


def sum_variance(values: Sequence[float]) -> float:
    """Variance of the sum of a series that hangs together, cautiously: rather too large than too small.

    The sum of squares times ``correlation_time``; of the values, and of the sums of some neighbours, ``sqrt(T) / 2.5``
    of them, whichever is more. What varies slowly may hardly show in single values, in which the noise of counting
    hides it; in sums of neighbours it does.

    Args:
        values: Deviations from their mean, at even distances in time; at least 8.
    """
    together = max(2, round(math.sqrt(len(values)) / 2.5))
    joined = [math.fsum(values[at : at + together]) for at in range(0, len(values) - together + 1, together)]
    return max(
        math.fsum(value * value for value in series) * correlation_time(series) * len(values) / (len(series) * width)
        for series, width in ((values, 1), (joined, together))
        if len(series) > 1
    )


def effective_blocks(count: int, length: int) -> float:
    """Degrees of freedom of a variance that blocks of mean ``length`` were drawn for.

    The stationary bootstrap weighs correlations by ``(1 - 1/L)^k``, and such an estimate scatters as one with
    ``T / sum(w_k²)`` degrees of freedom (Priestley 1981, 6.2.4, on spectral windows).

    Args:
        count: Values.
        length: Mean length of a block, in values, at least 1.
    """
    kept = 1.0 - 1.0 / length
    return count / (2.0 / (1.0 - kept * kept) - 1.0)


def effective_samples(counts: Sequence[int], hits: Sequence[int]) -> float:
    """How many independent samples tell as much of a share as these do, whose hits come in bursts.

    The variance of the number of hits, from their course over time (``sum_variance``), by what a binomial one
    would have (Kish 1965, 8.2, the design effect).

    Args:
        counts: Samples in each window.
        hits: How many of them count, such as failures.

    Returns:
        At most the number of samples; that number where nothing, or everything, was hit, or there are under 8 windows.

    Raises:
        ValueError: There are not as many counts as hits.
    """
    if len(counts) != len(hits):
        raise ValueError(f"{len(counts)} counts have {len(hits)} hits")
    samples, hit = sum(counts), sum(hits)
    if len(counts) < 8 or not 0 < hit < samples:
        return float(samples)
    share = hit / samples
    off = [each - share * count for count, each in zip(counts, hits, strict=True)]
    return samples / max(1.0, sum_variance(off) / (samples * share * (1.0 - share)))
