import math
import random
from statistics import median

import pytest

from loadproof.stats import (
    autocorrelation,
    block_length,
    bootstrap_mean,
    bootstrap_quantiles,
    chi_square_quantile,
    chi_square_tail,
    correlation_time,
    effective_blocks,
    effective_samples,
    newcombe_interval,
    sum_variance,
    welch_freedom,
)


def series(count, memory, seed=1):
    rng = random.Random(seed)
    values = [rng.gauss(0, 1)]
    for _ in range(count - 1):
        values.append(memory * values[-1] + rng.gauss(0, math.sqrt(1 - memory**2)))
    return values


def test_no_windows_have_no_quantiles_and_no_mean():
    assert bootstrap_quantiles([1.0, 2.0], [], [0.5]) == []
    assert bootstrap_quantiles([1.0, 2.0], [[0]] * 20, [0.5]) == []
    assert bootstrap_quantiles([1.0, 2.0], [[5]] * 15, [0.5]) == []
    assert bootstrap_mean([]) is None
    assert bootstrap_mean([0.0] * 20) is None


def test_autocorrelation_of_alternating_values_is_minus_one_then_one():
    assert autocorrelation([1.0, -1.0] * 50, 2) == pytest.approx([1.0, -0.99, 0.98])


def test_values_that_are_all_the_same_do_not_correlate():
    assert autocorrelation([3.0] * 10, 3) == [1.0, 0.0, 0.0, 0.0]


def test_blocks_of_noise_are_short_and_of_a_first_order_series_as_derived():
    assert block_length(series(2_000, 0.0)) < 4
    derived = ((2 * 0.8 / (1 - 0.8**2)) ** 2 * 2_000) ** (1 / 3)  # G / g of a first-order series is 2 r / (1 - r^2)
    found = median(block_length(series(2_000, 0.8, seed)) for seed in range(12))
    assert found == pytest.approx(derived, rel=0.2)


def test_correlation_time_nears_its_derived_value_from_above():
    assert correlation_time(series(20_000, 0.8)) == pytest.approx(9.0, rel=0.1)
    assert 1.0 < correlation_time(series(60, 0.0, seed=2)) < 2.5


def test_the_variance_of_a_sum_is_no_less_than_derived_and_at_most_twice_that():
    values = series(5_000, 0.5)
    mean = math.fsum(values) / len(values)
    derived = 5_000 * (1 + 0.5) / (1 - 0.5)
    assert 0.9 * derived < sum_variance([value - mean for value in values]) < 2 * derived


def test_blocks_of_one_have_a_degree_of_freedom_for_each_value():
    assert effective_blocks(60, 1) == pytest.approx(60.0)
    assert effective_blocks(60, 5) == pytest.approx(60 / (2 / (1 - 0.64) - 1))


def test_no_failure_and_nothing_but_failures_keep_every_sample():
    assert effective_samples([10] * 20, [0] * 20) == 200
    assert effective_samples([10] * 20, [10] * 20) == 200
    assert effective_samples([], []) == 0


def test_failures_in_one_burst_count_for_few_samples():
    assert effective_samples([10] * 60, [10] * 3 + [0] * 57) < 60


def test_counts_and_hits_must_be_as_many():
    with pytest.raises(ValueError, match="2 counts have 1 hits"):
        effective_samples([1, 2], [1])


def test_newcombe_agrees_with_his_own_example():
    """56 of 70 against 48 of 80: 0.0524 to 0.3339 (Newcombe 1998, table II, method 10)."""
    low, high = newcombe_interval((48, 80), (56, 70))
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_newcombe_of_no_samples_is_none_and_of_no_hits_holds_zero():
    assert newcombe_interval((0, 0), (1, 10)) is None
    low, high = newcombe_interval((0, 100), (0, 100))
    assert low < 0 < high


def test_welch_of_equal_sides_has_all_degrees_of_freedom_and_of_a_sure_one_those_of_the_other():
    assert welch_freedom((1.0, 4), (1.0, 4)) == 8
    assert welch_freedom((1.0, 4), (0.0, 4)) == 4
    assert welch_freedom((0.0, 4), (0.0, 4)) == 8
    assert welch_freedom((1e-200, 4), (1e-200, 4)) == 8


@pytest.mark.parametrize("freedom", [2, 4, 8, 30])
@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.9])
def test_chi_square_quantile_inverts_the_tail(p, freedom):
    assert chi_square_tail(chi_square_quantile(p, freedom), freedom) == pytest.approx(1 - p, abs=0.01)


def test_the_error_of_a_median_of_noise_is_about_what_theory_says():
    """Of n values of density f at the median it is 1 / (2 f sqrt(n)); here n is 6,000, and f 2 for values of 0.5 to 1."""
    rng = random.Random(3)
    edges = [0.5 * 2 ** (number / 200) for number in range(201)]
    counts = [[0] * 200 for _ in range(300)]
    for row in counts:
        for _ in range(20):
            row[int(200 * math.log2(2 * rng.uniform(0.5, 1.0)))] += 1
    (middle,) = bootstrap_quantiles(edges, counts, [0.5])
    assert math.exp(middle.log) == pytest.approx(0.75, abs=0.01)
    expected = 1 / (2 * 2 * math.sqrt(6_000)) / 0.75
    assert 0.8 * expected < middle.error < 1.8 * expected
    assert middle.blocks < 300 / 15


def test_the_same_counts_always_give_the_same_error():
    counts = [[number % 7, 3] for number in range(60)]
    assert bootstrap_quantiles([1.0, 2.0, 3.0], counts, [0.5]) == bootstrap_quantiles([1.0, 2.0, 3.0], counts, [0.5])


def test_the_error_of_a_mean_rate_falls_with_the_root_of_time():
    rng = random.Random(4)
    values = [20 + rng.gauss(0, 4) for _ in range(1_200)]
    short, long = bootstrap_mean(values[:75]), bootstrap_mean(values)
    assert math.exp(long.log) == pytest.approx(20, rel=0.03)
    assert 2.5 < short.error / long.error < 8
