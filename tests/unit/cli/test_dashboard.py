"""The live view fits every terminal, and shows what matters most where there is little room."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from loadproof.cli.dashboard import draw, spark
from loadproof.cli.grid import stacked, table
from loadproof.cli.plain import PlainView
from loadproof.cli.trends import Trends
from loadproof.record import Recorder, RunRecord
from loadproof.result import GeneratorHealth, Intervention, Outcome, Snapshot, Verdict
from loadproof.supervisor import Goal, Progress
from loadproof.supervisor.searching import LevelNow
from results_factory import (
    NASTY,
    capacity_result,
    checked_result,
    empty_result,
    many_names_result,
    open_result,
    rich_result,
    sample,
    small_result,
    stress_result,
)

SIZES = [(80, 24), (120, 40), (200, 50), (60, 12), (40, 8), (20, 4), (8, 2), (1, 1)]
EVERYDAY = [(80, 24), (120, 40), (40, 8), (1, 1)]


def progress_of(result, *, elapsed=None, interventions=(), health=None, **fields):
    """How far a run would be in which just this has been measured."""
    snapshot = Snapshot(
        record=result.record,
        measured_from=result.measured_from,
        measured_to=result.measured_to if elapsed is None else elapsed,
        unfinished=0,
        exception_count=result.exception_count,
        health=health or result.health,
        interventions=interventions,
    )
    values = {
        "test_name": "checkout",
        "directory": Path("reports/x"),
        "elapsed": result.measured_to if elapsed is None else elapsed,
        "run_time": 60.0,
        "users": 7,
        "users_wanted": 10,
        "snapshot": snapshot,
        "verdicts": result.verdicts,
        "levels": result.levels,
    }
    return Progress(**values | fields)


def lines_of(*progresses, size=(120, 40), **settings):
    trends = Trends()
    for progress in progresses:
        trends.note(progress)
    return [line.plain for line in draw(progresses[-1], trends, size, **settings)]


def words_of(*progresses, **settings):
    """Lines with single spaces."""
    return [" ".join(line.split()) for line in lines_of(*progresses, **settings)]


RUNS = {
    "empty": lambda: progress_of(empty_result()),
    "closed": lambda: progress_of(small_result()),
    "open": lambda: progress_of(open_result()),
    "checked": lambda: progress_of(checked_result()),
    "long": lambda: progress_of(rich_result()),
    "a stress test": lambda: progress_of(stress_result(), level=LevelNow(3, 30.0, "users", "step", 62.0, 82.0)),
    "a capacity": lambda: progress_of(capacity_result(), goal=Goal("levels", 3, None)),
    "many entries": lambda: progress_of(many_names_result(300)),
    "touched": lambda: progress_of(
        small_result(), interventions=(Intervention(1.0, "paused"), Intervention(3.0, "users", 5, 6)), paused=True
    ),
    "hostile": lambda: progress_of(
        small_result(), test_name=NASTY, health=GeneratorHealth(notes=(f"{NASTY} " * 9, "second"))
    ),
}


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(size, id="{}x{}".format(*size), marks=[] if size in EVERYDAY else [pytest.mark.long])
        for size in SIZES
    ],
)
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("explained", [False, True], ids=["", "with help"])
def test_nothing_is_wider_or_higher_than_the_terminal(run, size, explained):
    columns, rows = size
    progress = RUNS[run]()
    trends = Trends()
    trends.note(progress)
    lines = draw(progress, trends, size, keys=True, explained=explained)
    assert 1 <= len(lines) <= max(1, rows - 1)
    assert max(line.cell_len for line in lines) <= columns
    console = Console(file=io.StringIO(), width=columns, height=rows, color_system="truecolor", force_terminal=True)
    with console.capture() as capture:
        for line in lines:
            console.print(line)
    drawn = re.sub(r"\x1b\[[0-9;]*m", "", capture.get()).splitlines()
    assert len(drawn) == len(lines)  # none was wrapped
    assert not any("\x1b" in line for line in drawn)


@pytest.mark.parametrize("size", SIZES[:3], ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_usual_size_shows_progress_figures_rules_endpoints_errors_health_and_keys(size):
    text = "\n".join(lines_of(progress_of(small_result()), size=size, keys=True))
    for part in (
        "checkout", "0:50 left", "users 7/10", "rate ", "p95 ", "peak", "Thresholds", "exceptions = 0", "Endpoints",
        "/read", "Errors", "timeout", "generator", "q end", "p pause", "+/- users", "? help",
    ):  # fmt: skip
        assert part in text, part


def test_a_large_terminal_is_used():
    progress = progress_of(many_names_result(300), verdicts=())
    assert len(lines_of(progress, size=(200, 50))) == 49
    assert max(len(line.rstrip()) for line in lines_of(progress, size=(200, 50))) > 180
    shown = [sum("/" in line for line in lines_of(progress, size=size)) for size in ((80, 24), (200, 50))]
    assert shown[1] > 2 * shown[0]


def test_a_run_bounded_by_time_shows_what_is_left():
    (title, *_) = words_of(progress_of(small_result(), elapsed=12.0))
    assert re.fullmatch(r"checkout ━+─+ 0:12 / 1:00 0:48 left", title)


def test_a_run_bounded_by_iterations_shows_these_and_what_is_left_at_this_pace():
    states = [
        progress_of(small_result(), elapsed=at, run_time=None, goal=Goal("iterations", done, 1_000))
        for at, done in ((10.0, 100), (20.0, 200))
    ]
    (title, *_) = words_of(*states)
    assert re.fullmatch(r"checkout ━+─+ 0:20 200 / 1,000 iterations about 1:20 left", title)


def test_of_two_bounds_the_nearer_one_says_what_is_left():
    states = [
        progress_of(small_result(), elapsed=at, run_time=60.0, goal=Goal("iterations", done, 1_000))
        for at, done in ((10.0, 100), (20.0, 200))
    ]
    assert words_of(*states)[0].endswith("0:20 / 1:00 200 / 1,000 iterations 0:40 left")


def test_a_search_shows_its_steps():
    level = LevelNow(3, 30.0, "users", "step", 62.0, 82.0)
    progress = progress_of(stress_result(), elapsed=70.0, run_time=170.0, level=level, goal=Goal("levels", 2, 8))
    title, stage, *_ = words_of(progress)
    assert title.endswith("1:10 / 2:50 2 of 8 levels done at most 1:40 left")
    assert stage == "level 3: 30 users (step), judged, 0:12 left in it"


def test_a_run_without_an_end_shows_only_how_long_it_has_been():
    assert words_of(progress_of(small_result(), elapsed=12.0, run_time=None))[0] == "checkout 0:12"


def test_a_paused_run_says_so_in_its_title_and_what_goes_on_again():
    touched = (Intervention(4.0, "paused"),)
    progress = progress_of(small_result(), elapsed=10.0, interventions=touched, paused=True)
    lines = words_of(progress, keys=True)
    assert lines[0].startswith("checkout PAUSED")
    assert "by hand paused for 6 s" in lines
    assert lines[-1] == "q end, with report p go on +/- users ? help"


def test_the_plain_view_says_that_a_run_is_paused():
    out = io.StringIO()
    PlainView(out).progressed(progress_of(small_result(), paused=True, levels=()))
    assert out.getvalue().startswith("0:10 paused, users 7, ")


def test_a_run_that_is_about_to_end_says_so():
    (title, *_) = words_of(progress_of(small_result(), ending=True))
    assert title.startswith("checkout ENDING")
    assert "left" not in title


def test_without_keys_none_are_named():
    lines = words_of(progress_of(small_result()))
    assert lines[-1] == "Ctrl-C ends the run"
    assert not any("pause" in line for line in lines)


def test_help_explains_every_key():
    text = "\n".join(words_of(progress_of(small_result()), keys=True, explained=True))
    for key in ("q end the run early", "p pause:", "+ - a tenth more users", "Ctrl-C interrupt"):
        assert key in text


def test_failures_are_listed_by_kind_and_endpoint_most_frequent_first():
    lines = words_of(progress_of(stress_result(), levels=()))
    at = lines.index("Errors")
    assert lines[at + 1] == "496 http_503 GET /items"


def test_health_shows_the_first_caution_and_how_many_more_there_are():
    health = GeneratorHealth(cpu_max=0.4, notes=("It is tired.", "And hungry."))
    assert "generator ⚠ It is tired. and 1 more" in words_of(progress_of(small_result(), health=health))
    calm = GeneratorHealth(cpu_max=0.4, loop_lag_p99=0.001)
    said = "generator nothing unusual (CPU peak 40% of a core, loop lag p99 1 ms)"
    assert said in words_of(progress_of(small_result(), health=calm))


def test_the_course_shows_one_sign_for_each_second_until_there_are_more_than_columns():
    record, recorder = RunRecord(), Recorder("1")
    for second in range(10):
        for number in range(second + 1):
            recorder.record(sample(end=second + 0.1 + number / 100, took=0.01 * (second + 1)))
    record.merge(recorder.interval({}))
    text = lines_of(progress_of(empty_result(record=record), elapsed=10.0))
    (rate,) = [line for line in text if "peak 10/s" in line]
    assert rate == "rate ▁▂▃▄▄▅▆▇██ peak 10/s".replace("▁▂▃▄▄▅▆▇██", spark([float(n) for n in range(1, 11)]))
    (slow,) = [line for line in text if line.startswith("p95  ")]
    assert slow.startswith(f"p95  {spark([0.01 * n for n in range(1, 11)])} peak 10")


def test_a_second_without_answers_has_no_sign_but_a_rate():
    assert spark([1.0, None, 0.0, 2.0]) == "▄ ▁█"
    assert spark([]) == ""
    assert spark([None, 0.0]) == " ▁"


def test_what_is_reported_late_still_counts_in_its_second():
    record, recorder = RunRecord(), Recorder("1")
    recorder.record(sample(end=0.5))
    record.merge(recorder.interval({}))
    trends = Trends()
    trends.note(progress_of(empty_result(record=record), elapsed=1.0))
    recorder.record(sample(end=0.6))
    recorder.record(sample(end=1.5))
    record.merge(recorder.interval({}))
    trends.note(progress_of(empty_result(record=record), elapsed=2.0))
    assert [second.rate for second in trends.seconds()] == [2.0, 1.0]


@pytest.mark.parametrize(
    ("rule", "limit", "values", "trend"),
    [
        ("p95(response_time) < 500ms", 0.5, (0.100, 0.200), "worse"),
        ("p95(response_time) < 500ms", 0.5, (0.200, 0.100), "better"),
        ("p95(response_time) < 500ms", 0.5, (0.200, 0.202), "steady"),
        ("throughput > 10/s", 10.0, (20.0, 15.0), "worse"),
        ("throughput: warn < 10/s, fail < 1/s", 1.0, (20.0, 25.0), "better"),
        ("error_rate: warn >= 1%, fail >= 5%", 0.05, (0.0, 0.01), "worse"),
        ("exceptions = 0", 0.0, (1.0, 3.0), "worse"),
        ("exceptions = 0", 0.0, (0.0, 0.0), "steady"),
        ("p95(response_time) < 500ms", None, (0.1, 0.2), ""),
    ],
)
def test_a_trend_says_whether_a_value_comes_nearer_to_breaking_its_rule(rule, limit, values, trend):
    trends = Trends()
    for at, observed in zip((1.0, 2.0), values, strict=True):
        verdict = Verdict(rule, "test", Outcome.PASS, observed, "s", None, 100, limit=limit)
        trends.note(progress_of(empty_result(), elapsed=at, verdicts=(verdict,)))
    assert trends.trend(verdict) == trend


def test_a_trend_is_that_of_the_last_ten_seconds():
    trends = Trends()
    verdict = Verdict("p95(response_time) < 500ms", "test", Outcome.PASS, 0.1, "s", None, 100, limit=0.5)
    for at in range(30):
        each = replace(verdict, observed=0.1 if at < 15 else 0.2)
        trends.note(progress_of(empty_result(), elapsed=float(at), verdicts=(each,)))
    assert trends.trend(verdict) == "steady"


def test_one_value_has_no_trend():
    trends = Trends()
    verdict = Verdict("p95(response_time) < 500ms", "test", Outcome.PASS, 0.1, "s", None, 100, limit=0.5)
    trends.note(progress_of(empty_result(), elapsed=1.0, verdicts=(verdict,)))
    assert trends.trend(verdict) == ""


class Block:
    def __init__(self, name, wanted, least=2):
        self.name, self.wanted, self.least = name, wanted, least

    def lines(self, rows, columns):

        return [Text(self.name * min(columns, 3)) for _ in range(min(rows, self.wanted))]


def heights(*blocks, rows):
    text = [line.plain for line in stacked(blocks, rows, 10)]
    return [text.count(block.name * 3) for block in blocks], len(text)


def test_rows_are_dealt_out_in_turn_and_first_things_first():
    assert heights(Block("a", 9), Block("b", 3), Block("c", 9), rows=30) == ([9, 3, 9], 24)  # and empty rows between
    assert heights(Block("a", 9), Block("b", 3), Block("c", 9), rows=12) == ([5, 3, 4], 12)
    assert heights(Block("a", 9, least=6), Block("b", 3), Block("c", 9), rows=8) == ([6, 2, 0], 8)
    assert heights(Block("a", 0), Block("b", 1), rows=1) == ([0, 1], 1)
    assert heights(Block("a", 9), rows=0) == ([0], 0)


def test_cells_of_a_table_are_left_out_before_the_name_gets_too_narrow():

    rows = [[Text("a name of twenty-odd."), Text("12345"), Text("1234567")]]
    (wide,) = table(rows, 40, cut=0, left=[0], optional=[1])
    assert wide.plain == "a name of twenty-odd.  12345  1234567"
    (narrow,) = table(rows, 30, cut=0, left=[0], optional=[1])
    assert narrow.plain == "a name of twenty-odd.  1234567"
    (cut,) = table(rows, 26, cut=0, left=[0], optional=[1])
    assert cut.plain == "a name of twenty…  1234567"
