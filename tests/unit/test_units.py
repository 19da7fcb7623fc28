import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof import units

FINITE = st.floats(min_value=0, max_value=1e9, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("5m", 300),
        ("1h20m", 4800),
        ("1m30s", 90),
        ("10", 10),
        ("0.5s", 0.5),
        (".5s", 0.5),
        ("1.5h", 5400),
        ("300 ms", 0.3),
        ("2 m 05 s", 125),
        ("100us", 0.0001),
        ("100µs", 0.0001),
        ("1d", 86400),
        ("0", 0),
    ],
)
def test_a_duration_is_read_in_seconds(text, seconds):
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "s", "-1s", "1x", "5m1h", "1s1s", "1,5s", "1e3", "nan", "inf", "٣s", "9" * 400]
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError):
        units.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "per_second"),
    [("200/s", 200), ("10/m", 10 / 60), ("36/h", 0.01), ("7", 7), ("1.5 / s", 1.5), ("60/min", 1)],
)
def test_a_rate_is_read_per_second(text, per_second):
    assert units.parse_rate(text) == pytest.approx(per_second, rel=1e-15)


@pytest.mark.parametrize("text", ["", "/s", "-1/s", "10/x", "10s", "ten"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(ValueError, match="is not a rate"):
        units.parse_rate(text)


@pytest.mark.parametrize(("text", "ratio"), [("1%", 0.01), ("0.01", 0.01), ("100 %", 1.0), ("0.1%", 0.001), ("0", 0.0)])
def test_a_share_is_read_as_a_part_of_one(text, ratio):
    assert units.parse_ratio(text) == ratio


@pytest.mark.parametrize("text", ["", "%", "-1%", "1%%", "1/s"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(ValueError, match="is not a share"):
        units.parse_ratio(text)


@pytest.mark.parametrize(
    ("label", "quantile"), [("p95", 0.95), ("p99.9", 0.999), ("p50", 0.5), ("p99.99", 0.9999), ("p0", 0), ("p29", 0.29)]
)
def test_a_quantile_and_its_label_name_each_other(label, quantile):
    assert units.parse_quantile_label(label) == quantile
    assert units.quantile_label(quantile) == label


def test_med_is_the_quantile_one_half():
    assert units.parse_quantile_label("med") == 0.5


@pytest.mark.parametrize("text", ["", "p", "95", "p101", "p-1", "p9x", "median"])
def test_what_is_no_quantile_is_refused(text):
    with pytest.raises(ValueError, match="is not a quantile"):
        units.parse_quantile_label(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (4.2e-7, "0.42 µs"),
        (4.2e-5, "0.042 ms"),
        (0.00042, "0.42 ms"),
        (0.0123456, "12.3 ms"),
        (0.312, "312 ms"),
        (0.9996, "1 s"),
        (1.2389, "1.24 s"),
        (59.94, "59.9 s"),
        (59.97, "1 m 00 s"),
        (125, "2 m 05 s"),
        (3599.6, "1 h 00 m"),
        (4800, "1 h 20 m"),
        (-0.5, "-500 ms"),
        (math.inf, "∞"),
        (math.nan, "n/a"),
    ],
)
def test_a_duration_is_written_with_three_digits(seconds, text):
    assert units.format_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (7.9, "0:07"), (65, "1:05"), (3725, "1:02:05"), (-1, "0:00")]
)
def test_elapsed_time_is_written_as_a_clock_does(seconds, text):
    assert units.format_clock(seconds) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0, "0%"), (1, "100%"), (0.0017, "0.17%"), (0.00001, "0.001%"), (0.99996, "99.996%"), (0.5, "50%"), (1.1, "110%")],
)
def test_a_share_is_never_rounded_to_nothing_or_to_all(ratio, text):
    assert units.format_ratio(ratio) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0, "0/s"), (19.83, "19.8/s"), (12345.6, "12,346/s"), (0.016667, "0.0167/s"), (0.1 + 0.2, "0.3/s")],
)
def test_a_rate_keeps_its_digits_before_the_point(rate, text):
    assert units.format_rate(rate) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (12345678, "12,345,678"), (1.25, "1.25"), (123456.7, "123,457")])
def test_a_whole_count_is_never_rounded(count, text):
    assert units.format_count(count) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (512, "512 B"), (999.9, "1 kB"), (1239, "1.24 kB"), (3.1e6, "3.1 MB")]
)
def test_a_size_is_written_in_decimal_units(size, text):
    assert units.format_bytes(size) == text


@pytest.mark.parametrize(
    ("value", "limit", "unit", "texts"),
    [
        (0.5, 0.5, "s", ("500 ms", "500 ms")),
        (0.312, 0.5, "s", ("312 ms", "500 ms")),
        (0.4999999, 0.5, "s", ("499.9999 ms", "500 ms")),
        (125.04, 125, "s", ("2 m 05.04 s", "2 m 05 s")),
        (3660.2, 3660, "s", ("1 h 01 m 00.2 s", "1 h 01 m 00 s")),
        (0.3 + 5e-17, 0.3, "s", ("300.00000000000004 ms", "300 ms")),
        (0.0099999, 0.01, "ratio", ("0.99999%", "1%")),
        (10.0001, 10, "/s", ("10.0001/s", "10/s")),
        (12345.4, 12345, "/s", ("12,345.4/s", "12,345/s")),
        (100, 100, "count", ("100", "100")),
    ],
)
def test_a_value_beside_its_limit_looks_different_where_it_differs(value, limit, unit, texts):
    assert units.format_beside(value, limit, unit) == texts


@settings(max_examples=60, deadline=None)
@given(FINITE, FINITE, st.sampled_from(["s", "ratio", "/s", "count"]))
def test_what_is_shown_never_contradicts_a_comparison(value, limit, unit):
    shown, shown_limit = units.format_beside(value, limit, unit)
    assert (shown == shown_limit) == (value == limit)


@settings(max_examples=60, deadline=None)
@given(st.floats(min_value=1e-6, max_value=59, allow_nan=False))
def test_a_written_duration_reads_back_within_its_digits(seconds):
    assert units.parse_duration(units.format_duration(seconds)) == pytest.approx(seconds, rel=5.1e-3)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.sampled_from("0123456789.hmsnuµd% /-eE_\u0663 \n"), max_size=12) | st.text(max_size=12))
def test_a_parser_gives_a_number_or_a_value_error(text):
    for parse in (units.parse_duration, units.parse_rate, units.parse_ratio, units.parse_quantile_label):
        try:
            value = parse(text)
        except ValueError:
            continue
        assert math.isfinite(value)
        assert value >= 0


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=1, max_value=99_999))
def test_every_quantile_label_reads_back(thousandths):
    quantile = thousandths / 100_000
    assert units.parse_quantile_label(units.quantile_label(quantile)) == pytest.approx(quantile, abs=1e-12)
