# ruff: noqa: RUF001 - dashes and signs are what is tested
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.record import Histogram
from loadproof.report import change_wording, wording
from loadproof.result import GeneratorHealth, Outcome, Verdict
from results_factory import difference, empty_result, result_of, sample


def verdict(observed, *, rule="error_rate: warn >= 1%, fail >= 5%", unit="ratio", interval=None, **rest):
    return Verdict(rule, "default", Outcome.PASS, observed, unit, interval, 100, **rest)


@pytest.mark.parametrize(
    "shown",
    [wording.shown_duration, wording.shown_rate, wording.shown_ratio, wording.shown_count],
)
def test_an_absent_number_is_a_dash_and_a_zero_is_a_zero(shown):
    assert shown(None) == "–"
    assert shown(0.0).startswith("0")


def test_a_percentile_of_too_few_samples_is_marked():
    times = Histogram()
    assert wording.shown_quantile(times, 0.95) == "–"
    times.record(10_000_000, 58)
    assert wording.shown_quantile(times, 0.95) == "~10 ms"
    times.record(10_000_000)
    assert wording.shown_quantile(times, 0.95) == "10 ms"


def test_control_codes_direction_marks_and_surrogates_are_replaced():
    assert wording.printable("a\x1b[31mb\u202ec\ud800") == "a\ufffd[31mb\ufffdc\ufffd"
    assert wording.printable("a\nb\x00", keep="\n") == "a\nb\ufffd"


@settings(max_examples=50)
@given(st.text())
def test_printable_text_is_printable_and_can_be_written(text):
    shown = wording.printable(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
    shown.encode()


def test_a_value_next_to_its_limit_is_never_rounded_onto_it():
    assert wording.shown_observed(verdict(0.049996)) == "4.9996%"
    assert wording.shown_observed(verdict(0.0321)) == "3.21%"
    assert wording.shown_observed(verdict(None)) == "–"


def test_a_value_is_set_apart_from_the_limit_that_it_was_compared_with_and_from_those_that_the_rule_names():
    warned = verdict(0.049996, limit=0.01)
    assert (wording.shown_observed(warned), wording.shown_limit(warned)) == ("4.9996%", "1%")
    close = verdict(0.0100004, limit=0.01)
    assert (wording.shown_observed(close), wording.shown_limit(close)) == ("1.00004%", "1%")


def test_a_limit_that_comes_from_a_baseline_is_set_apart_too():
    rule = "p95(response_time) < baseline * 1.1 + 5ms"
    relative = verdict(0.22501, rule=rule, unit="s", limit=0.225)
    assert (wording.shown_observed(relative), wording.shown_limit(relative)) == ("225.01 ms", "225 ms")


def test_a_limit_is_shown_where_nothing_was_observed_and_a_dash_where_there_is_none():
    assert wording.shown_limit(verdict(None, limit=0.05)) == "5%"
    assert wording.shown_limit(verdict(0.03)) == "–"


def test_a_rule_that_this_version_cannot_read_is_shown_all_the_same():
    unknown = verdict(0.123456, rule="p95(of something new) ~ 3", unit="s", limit=0.2)
    assert (wording.shown_observed(unknown), wording.shown_limit(unknown)) == ("123 ms", "200 ms")


def test_the_worst_window_of_a_rule_has_its_end():
    assert wording.shown_at(verdict(0.03, at=65.0)) == "worst window until 1:05"
    assert wording.shown_at(verdict(0.03)) == ""


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ratio": 1.02}, "+2%"),
        ({"ratio": 0.9}, "-10%"),
        ({"ratio": 1.0}, "0%"),
        ({"ratio": 1.0499996}, "+4.99996%"),
        ({"ratio": None}, "–"),
        ({"ratio": 12.0}, "×12"),
        ({"unit": "ratio", "ratio": 0.012, "tolerance": 0.005}, "+1.2 pp"),
        ({"unit": "ratio", "ratio": -0.051, "tolerance": 0.005}, "-5.1 pp"),
    ],
)
def test_a_change_is_a_percentage_and_of_shares_points(fields, expected):
    assert change_wording.shown_change_of(difference(**fields)) == expected


def test_the_interval_the_tolerance_and_what_is_detectable_are_changes_too():
    one = difference(floor=0.001)
    assert change_wording.shown_change_interval(one) == "-1% … +5%"
    assert change_wording.shown_tolerance(one) == "5% or 1 ms"
    assert change_wording.shown_detectable(one) == "+8%"
    none = difference(interval=None, detectable=None, unit="ratio", tolerance=0.005)
    assert change_wording.shown_change_interval(none) == change_wording.shown_detectable(none) == "–"
    assert change_wording.shown_tolerance(none) == "0.5 pp"


@pytest.mark.parametrize(("probability", "expected"), [(0.43, "43%"), (0.0006, "0.06%"), (1e-30, "under 0.01%")])
def test_probabilities_too_small_to_matter_are_shown_together(probability, expected):
    assert wording.shown_probability(probability) == expected


def test_an_interval_is_shown_in_its_unit():
    assert wording.shown_interval(verdict(0.03, interval=(0.01, 0.05))) == "1% … 5%"
    assert wording.shown_interval(verdict(0.03)) == "–"


def test_nouns_follow_their_number():
    assert [wording.plural(n, "row") for n in (0, 1, 2_000)] == ["0 rows", "1 row", "2,000 rows"]
    assert wording.plural(2, "process", "processes") == "2 processes"


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (GeneratorHealth(), "not sampled (1 process)"),
        (
            GeneratorHealth(cpu_max=0.5, loop_lag_p99=0.001),
            "nothing unusual (1 process, CPU peak 50% of a core, loop lag p99 1 ms)",
        ),
        (GeneratorHealth(cpu_max=0.95, notes=("Slow.",)), "⚠ 1 caution (1 process, CPU peak 95% of a core)"),
    ],
)
def test_the_health_of_the_generator_fits_a_line(health, expected):
    assert wording.health_line(result_of([sample()], health=health)) == expected


def test_a_run_without_an_outcome_is_unfinished():
    running = replace(empty_result(), outcome=None)
    assert (wording.outcome_word(running), wording.outcome_mark(None)) == ("UNFINISHED", "…")
