import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.stats import mean_interval, min_samples, quantile_interval_ranks, wilson_interval


def coverage(n, q, ranks):
    """Exact probability that the quantile lies between two ranks: lower <= X < upper for X ~ binomial(n, q)."""
    lower, upper = ranks
    return math.fsum(math.comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(lower, upper))


@pytest.mark.parametrize(
    ("q", "n"),
    [(0.5, 5), (0.75, 11), (0.9, 29), (0.95, 59), (0.99, 299), (0.999, 2995), (0.9999, 29956)],
)
def test_a_quantile_needs_the_samples_of_the_one_sided_tolerance_limit(q, n):
    assert min_samples(q) == n
    assert q**n <= 0.05 < q ** (n - 1)


def test_a_low_quantile_needs_as_many_samples_as_its_mirror_image():
    assert min_samples(0.05) == min_samples(0.95) == 59
    assert min_samples(0.01) == 299


def test_an_extreme_needs_one_sample():
    assert (min_samples(0.0), min_samples(1.0)) == (1, 1)


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
def test_a_quantile_outside_0_to_1_is_refused(q):
    with pytest.raises(ValueError, match="a quantile is between 0 and 1"):
        min_samples(q)


@pytest.mark.parametrize(
    ("n", "q", "ranks"),
    [
        (6, 0.5, (1, 6)),
        (10, 0.5, (2, 9)),
        (100, 0.5, (40, 61)),
        (72, 0.95, (64, 72)),
        (1000, 0.95, (936, 964)),
        (5000, 0.999, (4990, 5000)),
    ],
)
def test_the_ranks_of_an_interval_are_those_of_the_binomial(n, q, ranks):
    assert quantile_interval_ranks(n, q) == ranks


@pytest.mark.parametrize(("n", "q"), [(0, 0.5), (5, 0.5), (71, 0.95), (300, 0.99), (100, 0.0), (100, 1.0)])
def test_there_is_no_interval_where_no_two_ranks_can_hold_the_quantile(n, q):
    assert quantile_interval_ranks(n, q) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.floats(0.01, 0.99), st.sampled_from([0.8, 0.95, 0.99]))
def test_an_interval_holds_the_quantile_at_least_as_often_as_it_says(n, q, confidence):
    ranks = quantile_interval_ranks(n, q, confidence)
    if ranks is not None:
        assert 1 <= ranks[0] < ranks[1] <= n
        assert coverage(n, q, ranks) >= confidence - 1e-9


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_more_samples_never_take_an_interval_away(q):
    sizes = [*range(100, 9_000, 449), 20_000, 100_000, 1_000_000, 50_000_000]
    given_one = [quantile_interval_ranks(n, q) is not None for n in sizes]
    assert given_one == sorted(given_one)
    assert given_one[-1]


@pytest.mark.parametrize("q", [0.5, 0.95, 0.999])
def test_the_normal_approximation_takes_over_where_it_is_as_wide_to_two_ranks(q):
    border = math.floor(1_000 / (q * (1 - q)))
    exact, approximate = quantile_interval_ranks(border, q), quantile_interval_ranks(border + 2, q)
    assert abs((exact[1] - exact[0]) - (approximate[1] - approximate[0])) <= 2


def test_more_confidence_makes_a_wider_interval():
    narrow, wide = quantile_interval_ranks(1000, 0.9, 0.8), quantile_interval_ranks(1000, 0.9, 0.99)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize(
    ("k", "n", "interval"),
    [
        (0, 100, (0.0, 0.0369935)),
        (3, 50, (0.0206150, 0.1621709)),
        (50, 100, (0.4038315, 0.5961685)),
        (100, 100, (0.9630065, 1.0)),
        (1, 1, (0.2065493, 1.0)),
    ],
)
def test_a_share_has_the_interval_of_wilson(k, n, interval):
    assert wilson_interval(k, n) == pytest.approx(interval, abs=1e-7)


def test_a_share_of_nothing_has_no_interval():
    assert wilson_interval(0, 0) is None


@settings(max_examples=60)
@given(st.integers(1, 10**9), st.floats(0, 1))
def test_the_interval_of_a_share_holds_it(n, part):
    k = round(part * n)
    low, high = wilson_interval(k, n)
    assert 0 <= low <= k / n <= high <= 1


def test_a_mean_has_the_interval_of_the_central_limit_theorem():
    assert mean_interval(100, 2.0, 0.25) == pytest.approx((2 - 0.0979982, 2 + 0.0979982), abs=1e-7)


def test_the_mean_of_fewer_than_30_has_no_interval():
    assert mean_interval(29, 1.0, 0.1) is None
    assert mean_interval(30, 1.0, 0.0) == (1.0, 1.0)


def test_the_interval_of_a_mean_of_times_starts_at_0():
    assert mean_interval(30, 0.1, 4.0)[0] == 0.0
