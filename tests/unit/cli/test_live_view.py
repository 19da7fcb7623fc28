# ruff: noqa: RUF001 - dashes and signs are what is tested
import io
from dataclasses import replace
from pathlib import Path

import pytest

from loadproof.cli.dashboard import draw
from loadproof.cli.figures import level_line, recent_arrivals, recent_figures, stage_text, verdict_value
from loadproof.cli.plain import PlainView
from loadproof.cli.trends import Trends
from loadproof.record import Recorder, RunRecord
from loadproof.result import Outcome, Snapshot
from loadproof.supervisor.observer import Progress
from loadproof.supervisor.searching import LevelNow
from results_factory import (
    NASTY,
    arrive,
    capacity_result,
    checked_result,
    empty_result,
    open_result,
    result_of,
    sample,
    small_result,
    stress_result,
)

LEVEL = LevelNow(3, 30.0, "users", "step", 62.0, 82.0)


def progress_of(result, *, elapsed=None, **fields):
    """How far a run would be in which just this has been measured."""
    snapshot = Snapshot(
        record=result.record,
        measured_from=result.measured_from,
        measured_to=result.measured_to if elapsed is None else elapsed,
        unfinished=0,
        exception_count=0,
        health=result.health,
    )
    values = {
        "test_name": "checkout",
        "directory": Path("reports/x"),
        "elapsed": result.measured_to if elapsed is None else elapsed,
        "run_time": 60.0,
        "users": 7,
        "users_wanted": None,
        "snapshot": snapshot,
        "verdicts": result.verdicts,
    }
    return Progress(**values | fields)


def plain_lines(*progresses):
    out = io.StringIO()
    view = PlainView(out)
    view.started(progresses[0])
    for progress in progresses:
        view.progressed(progress)
    return out.getvalue().splitlines()


def drawn(*progresses, width=100, height=50):
    """What the terminal shows in the end."""
    trends = Trends()
    for progress in progresses:
        trends.note(progress)
    return "\n".join(line.plain for line in draw(progresses[-1], trends, (width, height)))


def test_a_closed_run_shows_no_arrivals():
    progress = progress_of(small_result())
    assert recent_arrivals(progress) is None
    assert "offered" not in drawn(progress)
    (_, line) = plain_lines(progress)
    assert line.startswith("0:10 users 7, 10/s, p50 48 ms, p95 500 ms, p99 500 ms, errors 3% (3)")
    assert "failing: exceptions = 0 (2, limit 0)" in line


def test_every_rule_stands_with_its_value_beside_its_limit_and_one_on_windows_with_the_worst_one():
    lines = [" ".join(line.split()) for line in drawn(progress_of(checked_result()), width=120).splitlines()]
    for line in (
        "✓ p95(response_time): warn >= 2s, fail >= 5s 500 ms 5 s",
        "⚠ error_rate: warn >= 1%, fail >= 5% 3% 1%",
        "✗ p95(response_time) < 80ms for 3s 80.1 ms 80 ms worst window until 0:09",
        "✓ error_rate < 20% within 5s abort 14% 20% worst window until 0:07",
        "? throughput > 5/s over 4s – 5/s",
        "✗ max(measure.queue_depth) < 20 25 20",
    ):
        assert line in lines


def test_what_is_broken_is_shown_however_many_rules_there_are():
    verdicts = result_of([sample()], rules=[f"requests < {n}" for n in range(100, 120)]).verdicts
    broken = replace(verdicts[-1], outcome=Outcome.FAIL)
    text = drawn(progress_of(empty_result(), verdicts=(*verdicts, broken)), height=18)
    assert "✗  requests < 119 " in text
    assert "and 11 more rules" in text


def test_the_plain_view_says_by_how_much_a_rule_fails():
    (_, line) = plain_lines(progress_of(checked_result()))
    assert "failing: p95(response_time) < 80ms for 3s (80.1 ms, limit 80 ms, worst window until 0:09); max(" in line


def test_a_live_value_never_looks_as_if_it_broke_a_limit_that_it_keeps():
    verdict = next(each for each in small_result().verdicts if each.outcome is Outcome.WARN)
    assert verdict_value(replace(verdict, observed=0.049996)) == "4.9996%, limit 1%"
    assert verdict_value(replace(verdict, observed=None, limit=None)) == "–"


def test_arrivals_are_those_of_the_last_ten_seconds_but_drops_those_of_the_run():
    result = open_result()
    arrivals = recent_arrivals(progress_of(result, elapsed=11.7))
    assert (arrivals.offered, arrivals.started, arrivals.dropped, arrivals.lag) == ("50/s", "50/s", 40, "11.9 ms")
    arrivals = recent_arrivals(progress_of(result, elapsed=12.0))
    assert (arrivals.offered, arrivals.started) == ("50/s", "46/s")


def test_arrivals_are_known_before_the_measured_part_and_absent_before_the_first_second():
    result = open_result()
    assert recent_arrivals(progress_of(result, elapsed=1.0)).offered == "50/s"
    assert recent_arrivals(progress_of(result, elapsed=0.4)).offered == "–"
    assert recent_arrivals(progress_of(empty_result(measured_from=3.0))) is None


def test_the_time_before_the_first_arrival_lowers_no_rate():
    record, recorder = RunRecord(), Recorder("1")
    for number in range(30):
        arrive(recorder, 5 + number / 10, 0.0001)
    record.merge(recorder.interval({}))
    arrivals = recent_arrivals(progress_of(empty_result(record=record), elapsed=8.0))
    assert (arrivals.offered, arrivals.started) == ("10/s", "10/s")


def test_an_open_run_shows_what_is_offered_started_and_dropped():
    progress = progress_of(open_result(), elapsed=12.0)
    text = drawn(progress)
    for words in ("offered 50/s", "started 46/s", "start lag p99 11.9 ms", "dropped 40"):
        assert words in text
    (_, line) = plain_lines(progress)
    assert "users 7, offered 50/s, started 46/s, dropped 40, start lag p99 11.9 ms, " in line


def test_a_warm_up_says_how_long_it_still_lasts():
    result = replace(open_result(), measured_from=12.0)
    assert stage_text(progress_of(result, elapsed=10.5)) == "warm-up, 0:01 left of it"
    assert "warm-up, 0:01 left of it" in drawn(progress_of(result, elapsed=10.5))
    assert plain_lines(progress_of(result, elapsed=10.5))[1].startswith("0:10 warm-up, 0:01 left of it; users 7, ")
    assert stage_text(progress_of(result, elapsed=12.0)) == ""


@pytest.mark.parametrize(
    ("elapsed", "said"),
    [
        (57.0, "level 3: 30 users (step), settling, 0:25 left in it"),
        (62.0, "level 3: 30 users (step), judged, 0:20 left in it"),
        (82.4, "level 3: 30 users (step), judged, 0:00 left in it"),
    ],
)
def test_a_level_says_what_is_held_and_for_how_long(elapsed, said):
    progress = progress_of(stress_result(), elapsed=elapsed, level=LEVEL, run_time=None)
    assert stage_text(progress) == said
    assert said in drawn(progress)
    assert f" {said}; users 7" in plain_lines(progress)[1]


def test_a_level_of_a_rate_is_a_rate():
    level = LevelNow(1, 113.1, "per_second", "repeat", 2.0, 22.0)
    said = stage_text(progress_of(capacity_result(), elapsed=5.0, level=level))
    assert said == "level 1: 113.1/s (repeat), judged, 0:17 left in it"


def test_between_two_levels_that_is_said():
    result = stress_result()
    assert stage_text(progress_of(result, levels=result.levels[:2])) == "between two levels"
    assert stage_text(progress_of(result)) == ""


def test_a_level_that_is_over_is_one_line_with_its_verdict():
    first, *_, last = stress_result().levels
    assert level_line(first) == "level 1: 5 users  PASS  p95 59 ms, 0 errors"
    assert level_line(last) == (
        "level 5: 20 users (repeat)  FAIL  p95 59 ms, 248 errors: error_rate was 12.5%, limit 5%"
    )


def test_a_level_in_which_nothing_succeeded_has_a_dash_and_drops_are_counted():
    level = capacity_result().levels[0]
    record = type(level.record)()
    record.arrivals.offered = record.arrivals.dropped = 12
    silent = replace(level, record=record, target=1.0)
    assert level_line(silent) == "level 1: 1/s  PASS  p95 –, 0 errors, 12 dropped"
    assert level_line(replace(silent, unit="users")) == "level 1: 1 user  PASS  p95 –, 0 errors"


def test_a_terminal_that_has_not_room_for_all_levels_shows_the_last_ones():
    result = stress_result()
    levels = tuple(replace(result.levels[0], number=number) for number in range(1, 12))
    text = drawn(progress_of(result, levels=levels, verdicts=()), height=17)
    assert "6 levels before" in text
    assert "✓ level 7: 5 users  PASS" in text
    assert "✓ level 11: 5 users  PASS" in text
    assert "level 6: " not in text


def test_a_long_reason_is_cut_on_the_terminal_and_markup_in_it_is_shown_as_it_is():
    level = replace(stress_result().levels[-1], reason=f"[bold]{NASTY}[/] " + "x" * 200)
    lines = drawn(progress_of(stress_result(), levels=(level,)), width=120).splitlines()
    (line,) = [line for line in lines if "level 5" in line]
    assert f"[bold]{NASTY}[/]" in line
    assert line.rstrip().endswith("…")


def test_the_plain_view_tells_of_each_level_once_and_of_the_last_one_at_the_end(monkeypatch):
    result = stress_result()
    monkeypatch.setattr("loadproof.cli.plain.print_summary", lambda _: None)
    out = io.StringIO()
    view = PlainView(out)
    view.started(progress_of(result, elapsed=0.1))
    for done in (0, 1, 1, 3):
        view.progressed(progress_of(result, elapsed=1.0, levels=result.levels[:done]))
    view.finished(result)
    lines = out.getvalue().splitlines()
    assert [line.partition(":")[0] for line in lines[1:]] == [f"level {number}" for number in range(1, 6)]


def test_a_quiet_view_tells_of_no_level():
    result = stress_result()
    out = io.StringIO()
    view = PlainView(out, quiet=True)
    view.progressed(progress_of(result, levels=result.levels))
    assert out.getvalue() == ""


def test_a_run_whose_end_nobody_knows_says_so_and_one_that_has_a_time_shows_what_is_left():
    unknown = progress_of(stress_result(), elapsed=5.0, run_time=None)
    assert plain_lines(unknown) == ["checkout: running until it ends or Ctrl-C, results in reports/x"]
    assert "Ctrl-C ends the run" in drawn(unknown)
    known = progress_of(stress_result(), elapsed=5.0, run_time=300.0)
    assert plain_lines(known) == ["checkout: running for 5:00, results in reports/x"]
    assert "0:05 / 5:00" in drawn(known)
    assert "4:55 left" in drawn(known)


def test_figures_of_a_run_that_has_just_begun_are_dashes():
    figures = recent_figures(progress_of(empty_result()))
    assert (figures.rate, figures.rate_text, figures.p50, figures.error_text) == (None, "–", "–", "–")
