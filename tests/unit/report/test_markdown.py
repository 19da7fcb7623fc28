# ruff: noqa: RUF001 - dashes and signs are what is tested
import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from loadproof.report.markdown import MOST_BYTES, marker, render_markdown
from loadproof.report.markdown_text import code, figure, prose, table
from loadproof.result import (
    Change,
    ComparedRun,
    Comparison,
    Coverage,
    Declared,
    Difference,
    FailureSample,
    Outcome,
    ScriptError,
    Verdict,
)
from results_factory import (
    NASTY,
    capacity_result,
    empty_result,
    many_names_result,
    open_result,
    result_of,
    rich_result,
    sample,
    small_result,
    stress_result,
)

SPITEFUL = [
    "a|b",
    "a\\|b",
    "`x`",
    "``` x",
    NASTY,
    "<!-- x",
    "-->",
    "[a](http://evil.example)",
    "![a](http://evil.example/x.png)",
    "http://evil.example/x",
    "www.evil.example",
    "*a* **b** _c_ ~d~",
    "# a",
    "- a",
    "1. a",
    "> a",
    "===",
    "&lt;b&gt;",
    "a\\",
    "| --- |",
    "$x$",
    "</code><b>x</b>",
    "a  \nb",
]


def html_of(markdown):
    return MarkdownIt("gfm-like", {"linkify": False}).render(markdown)


def text_of(html):
    from html import unescape

    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).replace("\u200b", "").split())


def difference(change, **fields):
    values = {
        "name": None, "method": None, "metric": "p95(response_time)", "unit": "s", "baseline": 0.1, "candidate": 0.15,
        "ratio": 1.5, "interval": (1.3, 1.7), "tolerance": 0.05, "floor": 0.001, "change": change,
        "basis": "within one run",
    }  # fmt: skip
    return Difference(**values | fields)


def compared(*differences, remarks=()):
    run = ComparedRun("20260301T000000-aaaaaa", "checkout", "2026-03-01T00:00:00+00:00")
    return Comparison((run,), (run,), differences, remarks)


def test_the_empty_run_has_dashes_and_no_number():
    text = render_markdown(empty_result())
    assert "## ❔ INCONCLUSIVE: checkout" in text
    assert "| 0 | 0 | – | – | – | – | – | – |" in text
    assert "Not one request was sent" in text


def test_the_verdict_comes_first_behind_a_line_that_is_not_shown():
    result = small_result()
    lines = render_markdown(result).splitlines()
    assert lines[0] == marker(result) == "<!-- loadproof: checkout load -->"
    assert lines[1] == "## ❌ FAIL: checkout"
    assert lines[3] == "**Exit code 99**: failed: exceptions = 0"


@pytest.mark.parametrize("name", ["a--b", "-->", "größe 1/2", "a\nb", "--->", "-", "\ud800"])
def test_no_name_ends_the_marker(name):
    line = marker(result_of(test_name=name))
    assert re.fullmatch(r"<!-- loadproof: [\w.~%-]+ load -->", line)
    assert line.count("--") == 2


def test_the_markers_of_two_tests_differ():
    assert marker(result_of(test_name="a--b")) != marker(result_of(test_name="a-b"))
    assert marker(stress_result(test_name="a")) != marker(capacity_result(test_name="a"))


def test_every_rule_stands_with_observed_limit_interval_and_samples_and_the_worst_first():
    rows = [line for line in render_markdown(small_result()).splitlines() if "<code>" in line and "GET" not in line]
    assert rows[0].startswith("| ❌&nbsp;FAIL | <code>exceptions = 0</code><br>2 is not 0 | 2 | 0 | – |")
    assert "| ⚠️&nbsp;WARN | <code>error&#95;rate: warn &#62;= 1%, fail &#62;= 5%</code><br>" in rows[1]
    assert rows[1].endswith("| 3% | 1% | 1.03%&nbsp;… 8.45% | 100 |")
    assert rows[2].startswith("| ✅&nbsp;PASS |")


def test_the_window_that_broke_a_rule_is_named():
    verdict = Verdict("error_rate < 1% for 10s", "toml", Outcome.FAIL, 0.2, "ratio", None, 50, reason="20%", at=65.0)
    assert "until 1:05" in render_markdown(replace(small_result(), verdicts=(verdict,)))


def test_the_comparison_shows_what_regressed_first_with_both_sides():
    result = replace(
        small_result(),
        comparison=compared(
            difference(Change.EQUIVALENT, metric="throughput", unit="/s", baseline=10.0, candidate=10.0, ratio=1.0),
            difference(Change.REGRESSED, name="/buy", method="POST"),
            difference(Change.INCONCLUSIVE, metric="error_rate", unit="ratio", baseline=0.01, candidate=0.02,
                       ratio=0.01, interval=(-0.01, 0.03), reason="too few requests"),
            remarks=("the baseline ran with 20 users",),
        ),
    )  # fmt: skip
    text = render_markdown(result).partition("### Compared")[2]
    assert "❌ **REGRESSED**, compared with 1 run: 20260301T000000-aaaaaa" in text
    rows = [line for line in text.splitlines() if line.startswith(("| ❌", "| ❔", "| ✅"))]
    assert rows[0] == (
        "| ❌&nbsp;REGRESSED | <code>POST /buy</code> | <code>p95(response&#95;time)</code> "
        "| 100&nbsp;ms | 150&nbsp;ms | +50% | +30%&nbsp;… +70% |"
    )
    assert "too few requests" in rows[1]
    assert "| 1% | 2% | +1&nbsp;pp | -1&nbsp;pp&nbsp;… +3&nbsp;pp |" in rows[1]
    assert rows[2].endswith("| 10/s | 10/s | 0% | +30%&nbsp;… +70% |")
    assert "- the baseline ran with 20 users" in text


def test_a_comparison_of_nothing_says_so():
    assert "Nothing could be compared." in render_markdown(replace(small_result(), comparison=compared()))


def test_what_was_declared_and_never_ran_is_listed_and_what_was_not_due_is_not():
    coverage = Coverage(
        (
            Declared("/a", "GET", "service", 3),
            Declared("/b", "GET", "expect", 0),
            Declared("Buyer.rare", None, "task", 0, 1.0),
        ),
        (("GET /odd", 4),),
    )
    text = render_markdown(replace(small_result(), coverage=coverage)).partition("### Coverage")[2]
    assert "Declared, and never ran (1 of 3):\n\n- <code>GET /b</code>" in text
    assert "Ran, and nobody declared it: <code>GET /odd</code> (4 requests)" in text
    assert "rare" not in text.partition("###")[0]
    assert "### Coverage" not in render_markdown(replace(small_result(), coverage=Coverage()))


def test_levels_of_a_search_stand_before_the_totals_and_those_that_failed_say_why():
    text = render_markdown(stress_result())
    assert text.index("### Levels") < text.index("### Totals of all levels together")
    assert "Stress: broke at 20 users" in text
    assert "| ❌&nbsp;FAIL |" in text
    assert "error&#95;rate was 12.5%, limit 5%" in text
    assert "| 7 | 31/s&nbsp;(confirm) |" in render_markdown(capacity_result())


def test_an_interrupted_run_says_why_and_a_checkpoint_what_it_is():
    result = replace(small_result(), abort="interrupted by Ctrl-C", exit_code=130)
    assert "**Ended before its time:** interrupted by Ctrl-C" in render_markdown(result)
    checkpoint = render_markdown(result_of([sample()], judged=False, finished=False))
    assert "⏳ UNFINISHED" in checkpoint
    assert "No exit code yet" in checkpoint
    assert "last checkpoint" in checkpoint


def test_failing_endpoints_come_first_and_at_most_twenty_are_listed():
    text = render_markdown(many_names_result(50)).partition("### Endpoints")[2]
    assert len(re.findall(r"^\| <code>GET ", text, re.MULTILINE)) == 20
    assert "And 30 endpoints more, none of them failing." in text
    first = render_markdown(small_result()).partition("| Endpoint |")[2].splitlines()[2]
    assert first.startswith("| <code>POST /buy</code> | 10 | 3 | 30% |")


def test_uncertain_percentiles_are_explained_once_and_only_where_there_are_any():
    assert render_markdown(small_result()).count("fewer samples than") == 1
    many = result_of(sample(end=i / 400, took=0.001) for i in range(3_000))
    assert "fewer samples than" not in render_markdown(many)


def monstrous():
    """All that there can be, each as long and as spiteful as it can be."""
    name = "|`<" * 170
    names = [f"/{i}{name}" for i in range(300)]
    verdicts = tuple(
        Verdict(f"p95(response_time){{name='{each}'}} < 1s", "x", Outcome.FAIL, 2.0, "s", None, 9, reason=name)
        for each in names
    )
    return replace(
        result_of([sample(each, kind=each, message=each) for each in names], rules=()),
        test_name=name,
        verdicts=verdicts,
        exit_reason="; ".join(verdict.rule for verdict in verdicts),
        abort=name * 9,
        comparison=compared(
            *(difference(Change.REGRESSED, name=each, method="GET", reason=name * 3) for each in names),
            remarks=tuple(name * 5 for _ in range(300)),
        ),
        coverage=Coverage(
            tuple(Declared(each, "GET", "expect", 0) for each in names), tuple((each, 1) for each in names)
        ),
        exceptions=tuple(ScriptError(name, name, f"E{i}", name, "", 1) for i in range(300)),
        failures=tuple(FailureSample(each, "GET", each, each, None, each, 1.0) for each in names),
    )


def test_it_is_never_longer_than_a_comment_may_be():
    text = render_markdown(monstrous())
    assert len(text.encode()) <= MOST_BYTES
    assert "Ended before its time" in text
    assert len(re.findall("<code>", text)) > 10


@pytest.mark.parametrize(
    "make", [empty_result, small_result, rich_result, open_result, stress_result, capacity_result, monstrous]
)
def test_every_table_is_one_and_every_row_has_all_its_cells(make):
    text = render_markdown(make())
    html = html_of(text)
    tables = re.findall(r"<table>(.*?)</table>", html, re.DOTALL)
    assert len(tables) == len(re.findall(r"^\| :?--", text, re.MULTILINE)) >= 1
    for each in tables:
        width = len(re.findall(r"<th[ >]", each))
        assert [len(re.findall(r"<td[ >]", row)) for row in re.findall(r"<tr>(.*?)</tr>", each, re.DOTALL)][1:] == [
            width
        ] * (each.count("<tr>") - 1)
    assert "|" not in text_of(re.sub(r"<code>.*?</code>", "", html, flags=re.DOTALL)) or make is monstrous


@pytest.mark.parametrize("text", SPITEFUL)
def test_spiteful_text_is_shown_as_it_is_wherever_it_stands(text):
    line = " ".join(text.split())
    for page in (prose(text), f"- {prose(text)}", f"a {prose(text)}", code(text)):
        html = html_of(page)
        assert text_of(html) == (f"a {line}" if page.startswith("a ") else line)
        assert set(re.findall(r"<(\w+)", html)) <= {"p", "ul", "li", "code"}
    html = html_of("\n".join(table(["h", "i"], [[prose(text), code(text)]])))
    cells = [text_of(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", html)]
    assert cells == [line, line]


def test_nobody_is_notified_and_no_issue_is_linked():
    """GitHub looks at the rendered text, in which a space of no width is a border; not within ``code``."""
    assert prose("ask @octocat about #12") == "ask &#64;&#8203;octocat about &#35;&#8203;12"
    assert code("@octocat") == "<code>&#64;octocat</code>"


def test_long_text_is_cut_and_control_codes_are_replaced():
    assert prose("a" * 400, most=10) == "aaaaaaaaa…"
    assert code("abcdefghij", most=5) == "<code>ab…ij</code>"
    assert prose("a\x1b[2Jb\u202e") == "a\ufffd&#91;2Jb\ufffd"
    assert code("") == "<code>&#32;</code>"


def test_a_number_keeps_its_unit_beside_it():
    assert figure("1.5 s") == "1.5&nbsp;s"
    assert figure("1 ms … 2 ms") == "1&nbsp;ms&nbsp;… 2&nbsp;ms"
