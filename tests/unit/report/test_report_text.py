# ruff: noqa: RUF001 - dashes and signs are what is tested
import re
from dataclasses import replace

import pytest

from loadproof.report import render_text
from loadproof.report.comparison import render_comparison
from loadproof.report.layout import columns
from loadproof.result import Coverage, Declared, GeneratorHealth, ScriptError
from results_factory import (
    NASTY,
    arrivals_health,
    capacity_result,
    checked_result,
    compared,
    declared_coverage,
    empty_result,
    many_names_result,
    measured,
    open_result,
    result_of,
    rich_result,
    sample,
    small_result,
    stress_result,
)


def text_of(result, **options):
    return render_text(result, **{"report_path": None} | options)


@pytest.fixture(scope="module")
def rich():
    return rich_result(seconds=30)


def test_the_verdict_comes_first_with_code_and_reason():
    first = text_of(small_result()).splitlines()[0]
    assert first == "✗ FAIL  checkout: exit code 99: failed: exceptions = 0"


def test_the_path_of_the_report_comes_last():
    assert (
        text_of(small_result(), report_path="reports/x/report.html").splitlines()[-1] == "Report: reports/x/report.html"
    )


def test_every_rule_stands_with_its_value_its_limit_its_interval_and_its_samples():
    text = text_of(small_result())
    assert re.search(r"\n +Observed  Limit +95 % interval +n\n", text)
    assert re.search(r"⚠ WARN  error_rate: warn >= 1%, fail >= 5% +3% +1% +1.03% … 8.45% +100\n", text)
    assert "3% is >= 1%" in text


def test_on_a_narrow_terminal_the_numbers_of_a_rule_stand_below_it():
    lines = text_of(small_result(), width=60).splitlines()
    at = lines.index("  ⚠ WARN  error_rate: warn >= 1%, fail >= 5%")
    assert lines[at + 1] == "          3% (1.03% … 8.45%), limit 1%, n 100"
    assert "Observed" not in text_of(small_result(), width=60)


def test_a_rule_on_windows_says_when_the_worst_one_ended():
    text = text_of(checked_result(), width=120)
    assert "80.1 ms is >= 80 ms; worst window until 0:09" in text
    assert text.count("worst window until") == 2


def test_a_rule_that_is_too_long_takes_lines_of_its_own():
    rule = 'p95(response_time){name="/a/very/long/path/of/an/endpoint", method=GET}: warn >= 2s, fail >= 5s'
    lines = text_of(result_of([sample("/a/very/long/path/of/an/endpoint")], rules=[rule])).splitlines()
    assert max(map(len, lines)) <= 100
    assert any(line.startswith(f"  ? INCONCLUSIVE  {rule[:40]}") for line in lines)


@pytest.mark.parametrize("width", [80, 100, 140])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_terminal(rich, width, unicode):
    lines = text_of(rich, width=width, unicode=unicode).splitlines()
    assert max(map(columns, lines)) <= width


def test_without_unicode_all_is_ascii(rich):
    text = text_of(replace(rich, test_name="größe"), unicode=False)
    assert text.isascii()
    assert text.startswith("x FAIL  gr\\xf6\\xdfe: exit code 99")


def test_absent_numbers_are_dashes():
    text = text_of(empty_result())
    assert "0 requests: 0 successful, 0 expected errors, 0 failed (–); –" in text
    assert re.search(r"successful( +–){7}\n", text)


def test_what_the_script_measured_stands_in_its_own_unit_and_is_neither_a_request_nor_a_duration():
    text = text_of(checked_result())
    blocks = {block.splitlines()[0]: block for block in text.split("\n\n")}
    table = blocks["Measured by the script (each in its own unit)"]
    assert re.search(r"queue_depth     100     13      1      13      24     25", table)
    assert re.search(r"cart.total        1  1,234  1,234  ~1,234  ~1,234  1,234", table)
    assert "MEASURE" not in text
    assert text.count("queue_depth") == text.count("measure.queue_depth") + 1
    assert "Measured by" not in text_of(small_result())


def test_many_values_of_the_script_are_counted():
    text = text_of(result_of(measured(f"value{i:02}", 1) for i in range(25)))
    assert "and 5 more" in text
    assert "value24" not in text


def test_coverage_says_what_never_ran_what_was_not_due_what_nobody_declared_and_how_the_mix_was():
    text = text_of(checked_result(), width=160)
    (block,) = [block for block in text.split("\n\n") if block.startswith("Coverage\n")]
    assert block.splitlines() == [
        "Coverage",
        "  5 of 7 declared ran",
        "  never hit: POST /refund",
        "  not due yet: Buyer.complain",
        "  not declared: POST /buy (10), GET /metrics (1)",
        "  mix of Browser, not as planned (probability 0.06%): look 64.4% (planned 50%), search 35.6% (planned 50%)",
        (
            "  mix of Buyer, as planned (probability 5.8%): buy 80% (planned 49.5%), return_it 20% (planned 49.5%), "
            "complain 0% (planned 0.99%)"
        ),
    ]


def test_the_comparison_with_the_baseline_follows_the_thresholds():
    lines = text_of(checked_result(), width=120).splitlines()
    at = lines.index("Comparison with the baseline")
    assert lines.index("Thresholds") < at < lines.index("Totals")
    own = render_comparison(compared(), width=118).splitlines()
    assert [line.removeprefix("  ") for line in lines[at + 1 : at + 1 + len(own)]] == own
    assert "Comparison" not in text_of(small_result())


def test_a_run_that_declares_nothing_has_no_coverage():
    assert "Coverage" not in text_of(small_result())
    assert "Coverage" not in text_of(result_of([sample()], coverage=Coverage()))


def test_very_much_that_is_declared_or_not_is_counted():
    coverage = Coverage(
        declared=tuple(Declared(f"/{i}", "GET", "expect", 0) for i in range(15)),
        unexpected=tuple((f"GET /x{i}", 1) for i in range(400)),
        mix={f"User{i}": 0.5 for i in range(12)},
    )
    text = text_of(result_of([sample()], coverage=coverage), width=1_000)
    assert "GET /8, GET /9 and 5 more\n" in text
    assert "GET /x9 (1) and 390 more\n" in text
    assert "and 2 more with a planned mix" in text


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_of_a_checked_run_is_wider_than_the_terminal(width, unicode):
    text = text_of(checked_result(), width=width, unicode=unicode)
    assert max(map(columns, text.splitlines())) <= width
    assert unicode or text.isascii()


def test_names_that_are_declared_cannot_steer_the_terminal():
    nasty = "a\x1b[2J\u202e"
    coverage = declared_coverage()
    declared = tuple(replace(item, name=f"{nasty}.{nasty}") for item in coverage.declared)
    coverage = replace(coverage, declared=declared, unexpected=((nasty, 1),), mix={nasty: 0.1})
    text = text_of(result_of([measured(nasty, 3)], coverage=coverage))
    assert not set(text) & {"\x1b", "\u202e"}


def test_at_most_twenty_endpoints_are_listed_and_the_rest_is_counted():
    text = text_of(many_names_result(50))
    assert len(re.findall(r"^  GET ", text, re.MULTILINE)) == 20
    assert "  and 30 more, none of them failing" in text


def test_failing_endpoints_that_are_not_listed_are_counted():
    text = text_of(result_of(sample(f"/{i}", kind="timeout") for i in range(25)))
    assert "  and 5 more, 5 of them failing" in text


def test_spans_are_marked_as_outside_the_totals():
    assert "FLOW and MAIL span other requests and count in no total (1)" in text_of(small_result())
    assert "FLOW" not in text_of(result_of([sample()]))


def test_uncertain_percentiles_are_explained_once_and_only_where_there_are_any():
    assert text_of(small_result()).count("fewer samples than") == 1
    assert "fewer samples" not in text_of(result_of(sample(end=i / 400, took=0.001) for i in range(3_000)))


def test_kinds_of_errors_stand_with_their_first_message():
    assert re.search(r"timeout +2 +2%  timeout of /buy", text_of(small_result()))


def test_many_kinds_and_many_exceptions_are_counted():
    errors = tuple(ScriptError("U", "t", f"E{i}", "", "", 1) for i in range(7))
    text = text_of(result_of((sample(kind=f"kind{i}") for i in range(12)), exceptions=errors))
    assert "and 2 failures of 2 more kinds" in text
    assert "and 2 more errors of other kinds" in text


def test_text_from_outside_cannot_steer_the_terminal():
    nasty = "a\x1b[2J\r\nb\x07\u202e"
    error = ScriptError("U\x1b", "t\x1b", "E\x1b", nasty, "", 1)
    result = result_of(
        [sample(nasty, kind=f"k{nasty}", message=nasty)], test_name=nasty, exceptions=(error,), abort=nasty
    )
    text = text_of(result, report_path=nasty)
    assert not set(text) & {"\x1b", "\r", "\x07", "\u202e"}


def test_names_with_markup_are_shown_as_they_are():
    assert NASTY in text_of(result_of([sample(NASTY)]))


def test_a_run_that_ended_early_or_has_not_ended_says_so():
    assert "ended before its time: a worker was lost" in text_of(result_of([sample()], abort="a worker was lost"))
    running = result_of([sample()], judged=False, finished=False)
    text = text_of(running)
    assert text.startswith("… UNFINISHED  checkout: no exit code yet")
    assert "not finished: these are the figures of its last checkpoint" in text
    assert "no rule was judged" in text


@pytest.mark.parametrize("make", [open_result, stress_result, capacity_result])
@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_line_of_a_scheduled_run_is_wider_than_the_terminal(make, width):
    for unicode in (True, False):
        assert max(map(columns, text_of(make(), width=width, unicode=unicode).splitlines())) <= width


def test_an_open_run_says_what_was_offered_achieved_and_dropped():
    lines = text_of(open_result()).splitlines()
    at = lines.index("Arrivals")
    assert lines[at + 1 : at + 3] == [
        "  offered 900 (50/s), started 860 (47.8/s), finished 861 (47.8/s)",
        "  dropped 40 (4.44%), late 17 (1.98%), start lag p99 12 ms",
    ]


def test_response_time_stands_beside_service_time_in_an_open_run():
    late = sample(end=1.0, took=0.02)._replace(intended_at=0.93)
    text = text_of(result_of([late], health=GeneratorHealth(offered=1)))
    assert re.search(r"\n  response time +70 ms ", text)
    assert re.search(r"\n  service time +20 ms ", text)
    assert "service time " not in text_of(small_result())


def test_what_was_left_out_as_warm_up_is_said():
    assert "load test, measured from 2 s to 20 s (2 s of warm-up left out), at most" in text_of(open_result())
    assert "(2 s of set-up left out)" in text_of(open_result(plan={}))
    scheduled = {"scenarios": [{"name": "default"}], "warmup": 1.0}
    assert "(2 s of set-up and warm-up left out)" in text_of(open_result(plan=scheduled))


def test_iterations_and_the_set_up_stand_apart_from_endpoints():
    text = text_of(result_of([sample("/login", "POST setup"), sample("U.buy", "ITERATION"), sample()]))
    blocks = {block.splitlines()[0]: block for block in text.split("\n\n")}
    assert "U.buy" in blocks["Iterations (count in no total)"]
    assert "POST setup" in blocks["Requests of the set-up (count in no total)"]
    endpoints = next(block for title, block in blocks.items() if title.startswith("Endpoints"))
    assert "/read" in endpoints
    assert "ITERATION" not in endpoints
    assert "setup" not in endpoints


def test_an_open_run_in_which_nothing_was_due_shows_dashes():
    empty = empty_result()
    text = text_of(replace(empty, health=arrivals_health(empty.record.arrivals)))
    assert "offered 0 (–), started 0 (–), finished 0 (–)" in text
    assert "dropped 0 (–), late 0 (–), start lag p99 –" in text


def test_a_search_says_its_answer_first_and_then_its_levels():
    lines = text_of(stress_result(), width=120).splitlines()
    assert lines[1] == "  stress: broke at 20 users: error_rate was 12.5%, limit 5%; 15 users sustained"
    at = lines.index("Levels (achieved: requests finished per second; times of successes)")
    assert lines[at + 1].split() == [
        *("#", "Load", "Role", "Outcome", "Achieved", "p50", "p95", "p99", "Errors", "Dropped", "Failed", "in")
    ]
    assert lines[at + 2].split()[:8] == ["1", "5", "users", "step", "✓", "PASS", "49.5/s", "54"]
    assert lines[at + 5].endswith("12.5%        –  error_rate")
    assert lines[at + 6] == "      error_rate was 12.5%, limit 5%"
    assert at < 6


def test_an_answer_that_is_the_reason_of_the_exit_code_is_said_once():
    result = capacity_result()
    text = text_of(replace(result, exit_code=0, exit_reason=result.search.reason), width=140)
    assert text.count("31/s sustained") == 1


def test_levels_of_rates_achieve_iterations_and_count_what_was_dropped():
    text = text_of(capacity_result(), width=120)
    assert "Levels (achieved: iterations finished per second; times of successes)" in text
    assert re.search(r"7 +31/s  confirm  ✓ PASS +31/s .* 0%        0  –\n", text)


def test_a_search_has_no_thresholds_unless_its_answer_has_rules():
    assert "Thresholds" not in text_of(stress_result())
    assert "✓ PASS  breaking_level > 10" in text_of(stress_result(rules=("breaking_level > 10",)))


def test_a_search_without_a_finished_level_says_so():
    search = replace(stress_result().search, reason="interrupted: no level was finished")
    assert "Levels\n  no level was finished" in text_of(empty_result(search=search))


def test_only_the_last_of_very_many_levels_are_listed():
    result = stress_result()
    text = text_of(replace(result, levels=result.levels[:1] * 45))
    assert "the first 5 are in the report alone" in text
    assert len(re.findall(r"5 users  ", text)) == 40
