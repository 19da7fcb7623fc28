# ruff: noqa: RUF001 - dashes and signs are what is tested
import re
from dataclasses import replace

import pytest

from loadproof.report import render_text
from loadproof.report.layout import columns
from loadproof.result import ScriptError
from results_factory import NASTY, empty_result, many_names_result, result_of, rich_result, sample, small_result


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


def test_every_rule_stands_with_its_value_its_interval_and_its_samples():
    text = text_of(small_result())
    assert "⚠ WARN  error_rate: warn >= 1%, fail >= 5%          3% (1.03% … 8.45%), n 100" in text
    assert "3% is >= 1%" in text


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
