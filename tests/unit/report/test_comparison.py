# ruff: noqa: RUF001 - dashes and signs are what is tested
from dataclasses import replace

import pytest

from loadproof.report.change_wording import shown_change_of
from loadproof.report.comparison import render_comparison
from loadproof.report.layout import columns
from loadproof.result import Change, ComparedRun, Comparison, Difference

RUN = ComparedRun("r1", "checkout", "2026-03-04T05:06:07+00:00", "0123456789ab")
MEDIAN = Difference(
    name=None,
    method=None,
    metric="p50(response_time)",
    unit="s",
    baseline=0.1,
    candidate=0.12,
    ratio=1.2,
    interval=(1.15, 1.25),
    tolerance=0.05,
    floor=50e-6,
    change=Change.REGRESSED,
    basis="between runs",
    detectable=1.12,
)
ERRORS = replace(
    MEDIAN, metric="error_rate", unit="ratio", baseline=0.01, candidate=0.014, ratio=0.004, interval=(-0.001, 0.009),
    change=Change.INCONCLUSIVE, detectable=0.011, reason="the interval is too wide", runs_needed=7,
)  # fmt: skip


def comparison(*differences, **fields):
    return Comparison(**{"baseline": (RUN,), "candidate": (RUN,), "differences": differences} | fields)


def test_nothing_compared_says_so_and_why():
    empty = Comparison((), (), (), ("There is no run on the side of the baseline.",))
    assert render_comparison(empty).splitlines() == [
        "? INCONCLUSIVE  nothing could be compared",
        "  baseline: no run",
        "  candidate: no run",
        "",
        "What else differs",
        "  - There is no run on the side of the baseline.",
    ]


def test_the_verdict_comes_first_with_what_got_worse():
    first = render_comparison(comparison(MEDIAN)).splitlines()[0]
    assert first == "✗ REGRESSED  p50(response_time) of all requests +20%"


def test_a_quantity_shows_both_sides_the_change_its_interval_and_what_is_detectable():
    (row,) = [line for line in render_comparison(comparison(MEDIAN), width=120).splitlines() if " p50 " in line]
    assert row.split("  ")[1:] != []
    for part in ("✗ REGRESSED", "all requests", "100 ms", "120 ms", "+20%", "+15% … +25%", "+12%"):
        assert part in row


def test_shares_differ_by_percentage_points():
    text = render_comparison(comparison(ERRORS), width=120)
    assert "+0.4 pp" in text
    assert "-0.1 pp … +0.9 pp" in text


def test_what_cannot_be_told_says_why_and_what_would_settle_it():
    text = render_comparison(comparison(ERRORS))
    assert "  - error_rate of all requests: the interval is too wide; about 7 runs a side would settle it" in text


def test_what_got_worse_stands_above_what_did_not():
    entries = [
        replace(MEDIAN, name=f"/{change}", method="GET", change=change)
        for change in (Change.EQUIVALENT, Change.IMPROVED, Change.REGRESSED)
    ]
    lines = render_comparison(comparison(*entries)).splitlines()
    order = [next(i for i, line in enumerate(lines) if f"GET /{change}" in line and "p50  " in line)
             for change in (Change.REGRESSED, Change.IMPROVED, Change.EQUIVALENT)]  # fmt: skip
    assert order == sorted(order)


def test_a_comparison_within_one_run_says_what_it_cannot_know():
    assert "what differs from run to run is not in the intervals" in render_comparison(
        comparison(replace(MEDIAN, basis="within one run"))
    )
    assert "what differs from run to run" not in render_comparison(comparison(MEDIAN))


def test_ascii_has_nothing_else():
    text = render_comparison(comparison(MEDIAN, replace(ERRORS, interval=None, ratio=None)), unicode=False)
    assert text.isascii()
    assert text.startswith("x REGRESSED")


@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_line_is_wider_than_the_page(width):
    long = replace(MEDIAN, name="/very/long/" + "x" * 200, method="GET")
    lines = render_comparison(comparison(MEDIAN, long, ERRORS), width=width).splitlines()
    assert max(columns(line) for line in lines) <= width


def test_control_codes_of_a_name_do_not_reach_the_terminal():
    assert "\x1b" not in render_comparison(comparison(replace(MEDIAN, name="/\x1b[2J", method="GET")))


@pytest.mark.parametrize(("ratio", "text"), [(1.0, "0%"), (0.5, "-50%"), (1.125, "+12.5%"), (12.0, "×12"), (None, "–")])
def test_a_ratio_reads_as_a_change(ratio, text):
    assert shown_change_of(replace(MEDIAN, ratio=ratio)) == text


def test_more_rows_than_a_page_wants_are_counted():
    many = [replace(MEDIAN, name=f"/{number}", method="GET") for number in range(100)]
    text = render_comparison(comparison(*many))
    assert "and 40 more quantities" in text
    assert text.count("REGRESSED") == 61
