"""Rules on windows are judged on the worst window, second by second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadproof.judge import Watch
from loadproof.plan import parse_threshold
from loadproof.record import ArrivalCounts, Tally

NO_ARRIVALS = ArrivalCounts()


def rule(text):
    return parse_threshold(text, source="test")


def counted(successes=0, failures=0, *, took=0.1):
    """What ended in a second: so many of each, each taking so long."""
    tallies = {}
    for outcome, n in (("success", successes), ("failure", failures)):
        if n:
            tallies[outcome] = Tally()
            tallies[outcome].response.record(round(took * 1e9), n)
    return tallies


def watched(text, seconds, *, measured_from=0.0):
    """What a rule saw of seconds, one after the other."""
    watch = Watch(rule(text), measured_from)
    for number, tallies in enumerate(seconds):
        watch.add(float(number), number + 1.0, tallies, NO_ARRIVALS)
    return watch.seen()


def errors(*percents):
    """Seconds of 100 requests each, of which so many failed."""
    return [counted(100 - percent, percent) for percent in percents]


@pytest.mark.parametrize(
    ("percents", "worst", "at"),
    [
        ((5, 5, 5, 0, 0), 0.05, 3.0),
        ((5, 5, 0, 5, 5), 0.0, 3.0),
        ((0, 2, 9, 4, 0), 0.02, 4.0),
        ((1, 2, 3, 4, 5), 0.03, 5.0),
        ((7, 1, 7, 7, 7, 7, 1), 0.07, 5.0),
    ],
)
def test_for_is_judged_on_what_was_kept_up_so_long(percents, worst, at):
    seen = watched("error_rate < 1% for 3s", errors(*percents))
    assert seen.value == pytest.approx(worst)
    assert (seen.n, seen.at) == (300, at)


def test_of_a_lower_limit_the_lowest_that_was_kept_up_counts():
    seconds = [counted(n) for n in (50, 20, 30, 10, 60)]
    assert watched("throughput > 25/s for 2s", seconds).value == 30
    assert watched("throughput > 25/s for 1s", seconds).value == 10


def test_a_second_without_a_request_neither_breaks_nor_heals():
    broken, silent, good = counted(0, 10), counted(), counted(10)
    assert watched("error_rate < 1% for 3s", [broken, silent, broken]).value == 1.0
    assert watched("error_rate < 1% for 3s", [broken, silent, good]).value == 0.0
    unjudged = watched("error_rate < 1% for 3s", [broken, silent, silent])
    assert unjudged.value is None
    assert unjudged.missing == "less than 3 s could be judged"


def test_a_second_without_a_request_has_a_throughput():
    # Nothing is what a service that hangs answers with: a rule on the rate must not wait for the next answer.
    seen = watched("requests >= 1 for 3s", [counted(5), counted(), counted(), counted()])
    assert (seen.value, seen.at) == (0, 4.0)


def test_seconds_with_too_few_samples_say_nothing():
    seen = watched("p99(response_time) < 1s for 2s", [counted(298)] * 5)
    assert seen.value is None
    assert seen.missing == "no second could be judged: 298 samples, 299 needed for p99"
    assert watched("p99(response_time) < 1s for 2s min_samples 50", [counted(298)] * 5).value == pytest.approx(0.1)


def test_over_takes_all_of_a_whole_window_together():
    seen = watched("error_rate < 1% over 4s", errors(0, 0, 8, 0, 0, 0))
    assert (seen.value, seen.n) == (0.02, 400)
    assert seen.at == 4.0
    assert seen.interval[0] < 0.02 < seen.interval[1]
    assert watched("error_rate < 1% over 4s", errors(8, 8, 8)).missing == "less than 4 s were measured"


def test_within_also_counts_a_window_that_is_not_full_yet():
    assert watched("error_rate < 1% within 4s", errors(8, 0, 0, 0, 0)).value == 0.08
    assert watched("error_rate < 1% over 4s", errors(8, 0, 0, 0, 0)).value == 0.02


def test_quantiles_of_windows_are_those_of_all_requests_in_them():
    seconds = [counted(59, took=0.1), counted(59, took=0.2), counted(59, took=0.3), counted(59, took=0.1)]
    assert watched("p95(response_time) < 1s over 2s", seconds).value == pytest.approx(0.3, rel=0.001)
    assert watched("med(response_time) < 1s over 3s", seconds).value == pytest.approx(0.2, rel=0.001)


def test_after_leaves_out_the_start_of_the_measured_part():
    seconds = errors(50, 50, 0, 0, 2)
    assert watched("error_rate < 1% after 2s", seconds).value == pytest.approx(2 / 300)
    assert watched("error_rate < 1% after 2s", seconds, measured_from=1.0).value == 0.01
    assert watched("error_rate < 1% for 1s after 2s", seconds).value == 0.02
    too_late = watched("error_rate < 1% after 5s", seconds)
    assert (too_late.value, too_late.missing) == (None, "the measured part did not last longer than 5 s")


def test_rates_of_a_cut_last_second_are_those_of_its_length():
    watch = Watch(rule("throughput > 10/s for 1s"), 0.0)
    watch.add(0.0, 1.0, counted(20), NO_ARRIVALS)
    watch.add(1.0, 1.5, counted(6), NO_ARRIVALS)
    assert watch.seen().value == 20  # the last window of a second holds 20/s and 12/s, and 20/s was not kept up less


def test_drops_and_lags_are_watched_too():
    watch = Watch(rule("dropped_rate < 1% over 2s"), 0.0)
    for number, dropped in enumerate((0, 5, 5, 0)):
        arrivals = ArrivalCounts()
        arrivals.offered, arrivals.dropped = 100, dropped
        watch.add(float(number), number + 1.0, {}, arrivals)
    assert watch.seen().value == 0.05


def test_nothing_was_seen_of_nothing():
    for text in ("error_rate < 1% for 3s", "error_rate < 1% over 3s", "error_rate < 1% within 3s"):
        seen = watched(text, [])
        assert seen.value is None
        assert seen.missing
    assert watched("error_rate < 1% within 3s", [counted()] * 5).missing == (
        "no window could be judged: no request was finished"
    )


@given(
    st.lists(st.integers(0, 100) | st.none(), max_size=25),
    st.integers(1, 6),
    st.sampled_from(["for", "over", "within"]),
    st.booleans(),
)
def test_the_worst_window_is_that_of_all_windows(percents, length, kind, upper):
    operator = "<" if upper else ">"
    seconds = [counted() if percent is None else counted(100 - percent, percent) for percent in percents]
    seen = watched(f"error_rate {operator} 50% {kind} {length}s", seconds)
    worst, best = (max, min) if upper else (min, max)
    windows = []
    for end in range(1, len(percents) + 1):
        if kind == "for":
            if percents[end - 1] is None:
                continue
            starts = [s for s in range(end - length + 1) if percents[s] is not None]
            if starts:
                part = percents[starts[-1] : end]
                windows.append(best(p for p in part if p is not None))
        elif end >= length or kind == "within":
            part = [p for p in percents[max(0, end - length) : end] if p is not None]
            if part:
                windows.append(sum(part) / len(part))
    if windows:
        assert seen.value == pytest.approx(worst(windows) / 100)
    else:
        assert seen.value is None
