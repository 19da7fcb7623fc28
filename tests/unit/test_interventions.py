"""A run that somebody touched never looks like one that nobody did."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadproof.plan import parse_threshold
from loadproof.report import render_html, render_text
from loadproof.result import Intervention, RunResult, paused_within, pauses_of, told, touched
from loadproof.supervisor.baseline import Baseline
from loadproof.supervisor.judging import SavedRules, judged
from results_factory import small_result

PAUSED = (Intervention(2.0, "paused"), Intervention(4.5, "resumed"))
ENDED = Intervention(9.0, "ended_early")


def rules_of(*texts):
    return SavedRules(
        thresholds=tuple(parse_threshold(text, source="test") for text in texts),
        strict=False,
        allow_inconclusive=False,
        fail_on_regression=False,
    )


@pytest.mark.parametrize(
    ("given", "pauses"),
    [
        ((), []),
        (PAUSED, [(2.0, 4.5)]),
        ((*PAUSED, Intervention(6.0, "paused")), [(2.0, 4.5), (6.0, 10.0)]),
        ((Intervention(6.0, "paused"), ENDED), [(6.0, 10.0)]),
        ((Intervention(12.0, "paused"),), []),
        ((Intervention(1.0, "resumed"), *PAUSED), [(2.0, 4.5)]),
        ((Intervention(1.0, "users", 1, 2),), []),
    ],
)
def test_pauses_end_where_somebody_went_on_or_the_run_ended(given, pauses):
    assert pauses_of(given, 10.0) == pauses


@pytest.mark.parametrize(
    ("start", "end", "seconds"), [(0, 10, 2.5), (3, 10, 1.5), (0, 3, 1.0), (5, 10, 0.0), (3, 4, 1.0)]
)
def test_only_the_pause_within_a_part_counts(start, end, seconds):
    assert paused_within(PAUSED, start, end) == seconds


def test_rates_leave_paused_time_out_and_counts_do_not():
    result = small_result()
    paused = replace(result, interventions=PAUSED)
    assert (result.duration, paused.duration) == (10.0, 7.5)
    rules = rules_of("throughput > 1/s", "requests > 1")
    before, after = judged(result, rules), judged(paused, rules)
    assert after.verdicts[0].observed == pytest.approx(before.verdicts[0].observed * 10 / 7.5)
    assert after.verdicts[1].observed == before.verdicts[1].observed
    assert (after.measured_from, after.measured_to) == (result.measured_from, result.measured_to)


def test_an_early_end_is_judged_as_usual_and_said_in_the_reason():
    rules = rules_of("requests > 1")
    ended = judged(replace(small_result(), interventions=(ENDED,)), rules)
    assert (ended.exit_code, ended.exit_reason) == (0, "every rule holds; ended early by the user")
    broken = judged(replace(small_result(), interventions=(ENDED,)), rules_of("requests > 1000000"))
    assert broken.exit_code == 99
    assert broken.exit_reason.endswith("; ended early by the user")
    interrupted = replace(small_result(), interventions=(ENDED,), abort="interrupted by Ctrl-C", abort_code=130)
    assert judged(interrupted, rules).exit_reason == "interrupted by Ctrl-C"


def test_what_was_done_is_saved_and_read_again(tmp_path):
    given = (*PAUSED, Intervention(5.0, "users", 10, 11), ENDED)
    result = replace(small_result(), interventions=given)
    result.save(tmp_path / "run.json")
    loaded = RunResult.load(tmp_path)
    assert loaded.interventions == given
    assert loaded.duration == 7.5


def test_a_run_that_was_saved_before_there_were_any_has_none(tmp_path):
    small_result().save(tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text()
    assert '"interventions":[],' in text
    (tmp_path / "run.json").write_text(text.replace('"interventions":[],', ""))
    assert RunResult.load(tmp_path).interventions == ()


def test_each_kind_is_told_in_a_sentence():
    given = (*PAUSED, *(Intervention(5.0 + n, "users", 10 + n, 11 + n) for n in range(8)), ENDED)
    paused, changed, ended = told(given, 10.0)
    assert paused.startswith("The user paused the run for 2.5 s (0:02 to 0:04)")
    assert "left out of every rate" in paused
    assert changed.startswith("The user changed the number of users by hand: from 10 to 11 at 0:05, from 11 to 12 at")
    assert changed.endswith("from 15 to 16 at 0:10, and 2 more times, to 18 in the end.")
    assert ended == "The user ended the run early, at 0:09; it is judged on what it had measured."
    assert touched(given, 10.0) == "paused for 2.5 s, users from 10 to 18 in 8 steps, ended early"


def test_a_run_that_nobody_touched_says_nothing():
    assert (told((), 10.0), touched((), 10.0)) == ((), "")
    assert "by hand" not in render_text(small_result())


def test_the_summary_says_it_beneath_the_verdict_and_the_report_under_health():
    result = replace(small_result(), interventions=PAUSED)
    result = replace(result, health=replace(result.health, notes=told(PAUSED, 10.0)))
    assert "by hand: paused for 2.5 s" in render_text(result).split("\n\n")[0]
    assert "The user paused the run for 2.5 s" in render_html(result)


def test_a_paused_baseline_is_the_limit_that_it_reached_under_load():
    rule = parse_threshold("throughput > baseline * 0.9", source="test")
    (calm,) = Baseline([small_result()]).references([rule])
    (paused,) = Baseline([replace(small_result(), interventions=PAUSED)]).references([rule])
    assert paused.value == pytest.approx(calm.value * 10 / 7.5)
