# ruff: noqa: RUF001 - dashes and signs are what is tested
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.record import Histogram
from loadproof.report import wording
from loadproof.result import GeneratorHealth, Outcome, Verdict
from results_factory import PLAN, empty_result, result_of, sample


def verdict(observed, *, rule="error_rate: warn >= 1%, fail >= 5%", unit="ratio", interval=None):
    return Verdict(rule, "default", Outcome.PASS, observed, unit, interval, 100)


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
    rule = {"text": "error_rate: warn >= 1%, fail >= 5%", "warn": {"limit": 0.01}, "fail": {"limit": 0.05}}
    plan = PLAN | {"thresholds": [rule]}
    assert wording.shown_observed(verdict(0.049996), plan) == "4.9996%"
    assert wording.shown_observed(verdict(0.0321), plan) == "3.21%"
    assert wording.shown_observed(verdict(0.049996), {}) == "5%"
    assert wording.shown_observed(verdict(None), plan) == "–"


def test_a_rule_without_a_limit_to_warn_is_shown_too():
    plan = PLAN | {"thresholds": [{"text": "exceptions = 0", "warn": None, "fail": {"limit": 0.0}}]}
    assert wording.shown_observed(verdict(2, rule="exceptions = 0", unit="count"), plan) == "2"


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
