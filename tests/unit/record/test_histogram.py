from __future__ import annotations

import math
import statistics
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.record.dense import DenseCounts
from loadproof.record.histogram import LONGEST, Histogram, index_of

HOUR = 3_600 * 10**9

durations = st.one_of(
    st.integers(0, 3_000),
    st.integers(0, HOUR),
    st.floats(0, 41.7).map(lambda exponent: int(2**exponent)),
)
samples = st.lists(durations, max_size=60)
few = settings(max_examples=60, deadline=None)


def histogram_of(values, *, bits=10, dense=False):
    histogram = Histogram(bits, dense=dense)
    for value in values:
        histogram.record(value)
    return histogram


def joined(*histograms):
    whole = Histogram()
    for histogram in histograms:
        whole.merge(histogram)
    return whole


def nearest_rank(values, q):
    return sorted(values)[max(1, math.ceil(q * len(values))) - 1]


def test_a_quantile_of_nothing_is_none():
    empty = Histogram()
    assert (empty.quantile(0.5), empty.mean, empty.minimum, empty.maximum) == (None, None, None, None)
    assert (empty.count, empty.total, empty.over, empty.buckets()) == (0, 0, 0, [])


@pytest.mark.parametrize("q", [-0.01, 1.01, math.nan])
def test_a_quantile_outside_of_0_to_1_is_refused(q):
    with pytest.raises(ValueError, match="between 0 and 1"):
        histogram_of([1]).quantile(q)


@few
@given(samples.filter(bool), st.sampled_from([0.0, 0.25, 0.5, 0.75, 0.875, 1.0]))
def test_a_quantile_is_within_a_thousandth_of_the_nearest_rank(values, q):
    expected = nearest_rank(values, q)
    assert histogram_of(values).quantile(q) * 1e9 == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_ranks_are_counted_in_decimals():
    assert histogram_of(range(1, 101)).quantile(0.07) == pytest.approx(7e-9)
    assert histogram_of(range(1, 101)).quantile(0.071) == pytest.approx(8e-9)


def test_equal_durations_are_given_back_as_they_are():
    histogram = histogram_of([300_000_000] * 3)
    assert [histogram.quantile(q) for q in (0, 0.5, 1)] == [0.3, 0.3, 0.3]
    assert (histogram.mean, histogram.minimum, histogram.maximum) == (0.3, 0.3, 0.3)


@few
@given(samples.filter(bool))
def test_number_sum_mean_and_extremes_are_exact(values):
    histogram = histogram_of(values)
    assert (histogram.count, histogram.total) == (len(values), sum(values))
    assert (histogram.minimum, histogram.maximum) == (min(values) / 10**9, max(values) / 10**9)
    assert histogram.mean == sum(values) / (len(values) * 10**9)


@few
@given(samples, st.sampled_from([0, 3, 10]), st.booleans())
def test_the_variance_is_that_of_the_bucket_middles_about_the_exact_mean(values, bits, dense):
    histogram = histogram_of(values, bits=bits, dense=dense)
    if len(values) < 2:
        assert histogram.variance is None
        return
    middles = [(n, (low + high) / 2) for low, high, n in histogram.buckets()]
    mean = histogram.mean
    expected = sum(n * (middle - mean) ** 2 for n, middle in middles) / (len(values) - 1)
    assert histogram.variance == pytest.approx(expected, rel=1e-6, abs=1e-21)


@few
@given(st.lists(st.integers(1_000_000, 1_000_000_000), min_size=20, max_size=60, unique_by=lambda ns: ns // 10_000_000))
def test_the_variance_of_durations_that_differ_is_theirs_to_a_thousandth(values):
    assert histogram_of(values).variance * 1e18 == pytest.approx(statistics.variance(values), rel=2e-3)


def test_the_variance_of_equal_durations_is_next_to_nothing():
    assert 0 <= histogram_of([1_000_000] * 50).variance < 1e-12


def test_durations_below_1024_ns_have_a_bucket_each():
    histogram = histogram_of(range(1025))
    assert [n for _, _, n in histogram.buckets()] == [1] * 1025
    assert histogram.buckets()[1023] == (1023e-9, 1024e-9, 1)


@few
@given(st.integers(1, LONGEST))
def test_a_bucket_holds_its_duration_and_is_at_most_a_thousandth_as_wide(ns):
    ((low, high, n),) = histogram_of([ns]).buckets()
    assert n == 1
    assert round(low * 1e9) <= ns < round(high * 1e9)
    assert round(high * 1e9) - round(low * 1e9) <= max(1, ns / 1024)


def test_neighbouring_buckets_touch():
    values = [1 << shift for shift in range(10, 41)] + [(1 << shift) - 1 for shift in range(11, 42)]
    buckets = histogram_of(values).buckets()
    assert all(high <= low for (_, high, _), (low, _, _) in pairwise(buckets))
    assert index_of(2047, 10) + 1 == index_of(2048, 10)


def test_durations_of_over_an_hour_are_counted_apart_and_are_in_the_last_bucket():
    histogram = histogram_of([HOUR, HOUR + 1, 2 * HOUR])
    assert (histogram.count, histogram.over, histogram.maximum) == (3, 2, 7200.0)
    assert [n for _, _, n in histogram.buckets()] == [3]
    assert histogram_of([2 * HOUR]).quantile(0.5) == 7200.0


def test_a_negative_duration_counts_as_none():
    histogram = histogram_of([-5, 7])
    assert (histogram.total, histogram.minimum, histogram.quantile(0.5)) == (7, 0.0, 0.0)


def test_a_duration_is_recorded_many_times_at_once():
    histogram = Histogram()
    histogram.record(5_000_000, 7)
    assert histogram == histogram_of([5_000_000] * 7)


@few
@given(samples, samples, samples)
def test_merging_is_exact_whatever_the_order(a, b, c):
    one, two, three = histogram_of(a), histogram_of(b), histogram_of(c)
    whole = histogram_of(a + b + c)
    assert joined(one, two, three) == joined(three, joined(two, one)) == joined(joined(one, two), three) == whole


@few
@given(samples, samples, st.integers(0, 10), st.integers(0, 10))
def test_of_two_precisions_the_coarser_one_remains(a, b, bits, other_bits):
    coarser = min(bits, other_bits)
    expected = histogram_of(a + b, bits=coarser)
    assert joined(histogram_of(a, bits=bits), histogram_of(b, bits=other_bits)) == expected
    dense = histogram_of(a, bits=bits, dense=True)
    dense.merge(histogram_of(b, bits=other_bits))
    assert dense == expected


@few
@given(samples, st.integers(0, 10), st.integers(0, 10))
def test_a_coarse_histogram_is_what_coarse_buckets_would_have_counted(values, bits, coarser):
    fine = histogram_of(values, bits=bits)
    assert fine.coarse(coarser) == histogram_of(values, bits=min(bits, coarser))
    assert fine == histogram_of(values, bits=bits)


def test_a_coarse_histogram_is_on_its_own():
    fine = histogram_of([5])
    fine.coarse(10).record(6)
    assert fine.count == 1
    assert fine == histogram_of([5])


@few
@given(st.lists(st.one_of(durations, st.integers(HOUR, 2**90)), max_size=60), st.booleans(), st.integers(0, 10))
def test_decoding_inverts_encoding(values, dense, bits):
    histogram = histogram_of(values, dense=dense, bits=bits)
    assert Histogram.decode(histogram.encode()) == histogram
    assert Histogram.decode(histogram.encode()).quantile(0.5) == histogram.quantile(0.5)


@few
@given(st.dictionaries(durations, st.integers(1, 2**60), max_size=20))
def test_large_counts_survive_encoding(counts):
    histogram = Histogram()
    for ns, n in counts.items():
        histogram.record(ns, n)
    decoded = Histogram.decode(histogram.encode())
    assert decoded == histogram
    assert decoded.count == sum(counts.values())


@few
@given(st.binary(max_size=40))
def test_other_bytes_are_no_histogram(data):
    for prefix in (b"", b"=", b"z"):
        with pytest.raises(ValueError, match="not an encoded histogram"):
            Histogram.decode(prefix + data)


def test_a_broken_histogram_is_refused():
    encoded = histogram_of(range(0, 10**9, 10**7)).encode()
    for broken in (encoded[:-1], encoded[:20], encoded[1:]):
        with pytest.raises(ValueError, match="not an encoded histogram"):
            Histogram.decode(broken)


def test_encoding_is_compact():
    histogram = histogram_of(range(10**7, 10**8, 10**4))
    assert len(histogram.buckets()) > 3_000
    assert len(histogram.encode()) < len(histogram.buckets())
    assert len(histogram_of([10**7]).encode()) < 40


@few
@given(st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 2**40)), max_size=50))
def test_dense_counts_count_as_a_dict_does(items):
    expected = {}
    for index, n in items:
        expected[index] = expected.get(index, 0) + n
    dense = DenseCounts(items)
    assert list(dense.items()) == sorted(expected.items())
    assert [dense.get(index, -1) for index in (*expected, 50_000)] == [*expected.values(), -1]


@few
@given(samples)
def test_a_dense_histogram_counts_as_another_does(values):
    dense = histogram_of(values, dense=True)
    assert dense == histogram_of(values)
    copy = dense.copy()
    copy.record(1)
    assert dense == histogram_of(values)


def test_a_histogram_is_shown_by_its_figures():
    assert repr(histogram_of([10**9, 2 * 10**9])) == "<Histogram of 2, 1.0..2.0 s, 10 bits>"
