# ruff: noqa: RUF001 - dashes are what is tested
"""Every renderer meets every kind of run: what is written parses, holds the run's own figures, and nothing odd."""

from __future__ import annotations

import html as markup
import json
import re
from dataclasses import dataclass, replace
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from loadproof.export import render_metrics
from loadproof.record import merged
from loadproof.report import render_html, render_text
from loadproof.report.junit import render_junit
from loadproof.report.markdown import MOST_BYTES, render_markdown
from loadproof.report.wording import shown_count, shown_observed, shown_quantile, shown_rate, shown_ratio
from loadproof.result import Outcome, ScriptError
from results_factory import (
    NASTY,
    capacity_result,
    checked_result,
    declared_coverage,
    empty_result,
    failed_sample,
    long_result,
    many_names_result,
    open_result,
    record_of,
    result_of,
    sample,
    small_result,
    stress_result,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadproof.result import RunResult

HOSTILE = f"{NASTY}\"'>]]>|`*_[x](javascript:1)\x00\x1b[31m\u202e\ud800{{{{ 7 * 7 }}}}"
ABORT = "the target went away"


def hostile_result():
    plan = {HOSTILE: HOSTILE, "target": {"locustfile": HOSTILE}, "sources": {"target": HOSTILE}}
    return result_of(
        [sample(HOSTILE, "GET", kind=HOSTILE, message=HOSTILE), sample(f"{HOSTILE}2", "POST"), sample(HOSTILE, "FLOW")],
        test_name=HOSTILE,
        abort=HOSTILE,
        plan=plan,
        environment={HOSTILE: HOSTILE},
        failures=(failed_sample(HOSTILE, name=HOSTILE, message=HOSTILE, body=HOSTILE),),
        exceptions=(ScriptError(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1),),
        coverage=replace(declared_coverage(), unexpected=((HOSTILE, 1),), mix={HOSTILE: 0.0001}),
    )


def two_levels_result():
    full = stress_result()
    search = replace(
        full.search, outcome="held", last_good_level=10.0, breaking_level=None, reason="did not break up to 10 users"
    )
    return replace(full, levels=full.levels[:2], search=search, exit_reason="did not break up to 10 users")


def all_in_the_warm_up_result():
    record = record_of([sample(end=0.5 + i / 10) for i in range(20)])
    record.measure_from(5)
    record.set_users(7.5, {"Visitor": 1})
    return result_of(record=record, measured_from=5.0, measured_to=8.0)


RUNS: dict[str, Callable[[], RunResult]] = {
    "empty": empty_result,
    "one request": lambda: result_of([sample()]),
    "all failed": lambda: result_of([sample(end=i / 10, kind="timeout", message="timed out") for i in range(1, 90)]),
    "aborted": lambda: result_of([sample()] * 3, abort=ABORT, abort_code=3),
    "one second": lambda: result_of([sample(end=0.1 + i / 50) for i in range(40)], measured_to=1.0),
    "a day": lambda: long_result(endpoints=4),
    "200 endpoints": lambda: many_names_result(200),
    "hostile names": hostile_result,
    "nothing said of the plan": lambda: result_of([sample()] * 5, plan={}, environment={}),
    "nothing after the warm-up": all_in_the_warm_up_result,
    "arrivals": open_result,
    "two levels": two_levels_result,
    "capacity": capacity_result,
    "without baseline": small_result,
    "with baseline": checked_result,
    "not finished": lambda: result_of([sample()], judged=False, finished=False),
}


@dataclass(frozen=True)
class Renderer:
    """How something is written, how it is read back as plain words, and how large it may be."""

    write: Callable[[RunResult], str]
    words: Callable[[str], str]
    most: int
    has_totals: bool = True


class _Page(HTMLParser):
    """The text of a page whose tags are all closed in their turn; no attribute is a style or runs anything."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert not [name for name, _ in attrs if name == "style" or name.startswith("on")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


def html_words(text):
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    strictly(data[1])
    return " ".join(_Page(text).text)


def markdown_words(text):
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    tags = set(re.findall(r"<(\w+)", page))
    assert tags <= {
        *(
            "h2",
            "h3",
            "p",
            "strong",
            "em",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "code",
            "br",
            "ul",
            "li",
            "sub",
        ),
        *("details", "summary", "a", "pre"),
    }
    assert "javascript:" not in "".join(re.findall(r'href="[^"]*"', page))
    return markup.unescape(re.sub(r"<[^>]+>|<!--.*?-->", " ", page)).replace("\xa0", " ")


def junit_words(text):
    return " ".join(part for e in ET.fromstring(text).iter() for part in (*e.attrib.values(), e.text or ""))


def strictly(text):
    def refused(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refused)


def metrics_words(text):
    def flat(value):
        if isinstance(value, dict):
            return " ".join(f"{key} {flat(each)}" for key, each in value.items())
        if isinstance(value, list):
            return " ".join(map(flat, value))
        return "" if value is None else str(value)

    return flat(strictly(text))


def text_words(columns):
    def words(text):
        assert max(map(len, text.splitlines())) <= columns
        return text

    return words


RENDERERS = {
    "text": Renderer(lambda run: render_text(run, width=120), text_words(120), 20_000),
    "ascii": Renderer(lambda run: render_text(run, unicode=False, width=80), text_words(80), 20_000),
    "html": Renderer(render_html, html_words, 2_000_000),
    "markdown": Renderer(render_markdown, markdown_words, MOST_BYTES),
    "junit": Renderer(render_junit, junit_words, 500_000, has_totals=False),
    "metrics": Renderer(render_metrics, metrics_words, 500_000, has_totals=False),
}


@cache
def run_of(name):
    return RUNS[name]()


@cache
def written(renderer, run):
    return RENDERERS[renderer].write(run_of(run))


_IN_TEXT = ("{0} request", "{1} failed ({2}); {3}", " {4} {5} {6} ")
TOTALS = {
    "text": _IN_TEXT,
    "ascii": _IN_TEXT,
    "html": ("Requests finished {0} ", "Failed {1} Error rate {2} Throughput {3} ", " {4} {5} {6} "),
    "markdown": ("{0} {1} {2} {3} {4} {5} {6}",),
}
"""Where the requests, the failures, their share, the rate and three percentiles of a run stand in its reports."""


def flat(text):
    return " ".join(text.split())


@cache
def words_of(renderer, run):
    return RENDERERS[renderer].words(written(renderer, run))


every_run = pytest.mark.parametrize("run", RUNS)
every_renderer = pytest.mark.parametrize("renderer", RENDERERS)


@every_run
@every_renderer
def test_what_is_written_parses_and_is_of_bounded_size(renderer, run):
    text = written(renderer, run)
    assert words_of(renderer, run).strip()
    assert 0 < len(text.encode("utf-8", "replace")) < RENDERERS[renderer].most


@every_run
@every_renderer
def test_nothing_of_the_machinery_shows(renderer, run):
    words = words_of(renderer, run)
    # The small run keeps the traceback of an error of its script, which is shown on purpose.
    machinery = r"\bNone\b|\b(?:nan|inf|NaN|Infinity|undefined)\b|object at 0x|<\w+ of |Histogram|\bOutcome\."
    assert re.findall(machinery, words) == []
    assert run in ("without baseline", "with baseline") or "Traceback" not in words


@every_run
@every_renderer
def test_no_control_code_reaches_a_reader(renderer, run):
    words = words_of(renderer, run)
    if renderer != "metrics":  # JSON escapes them, and gives back what was measured
        assert not set(words) & set("\x00\x1b\u202e\ud800")


@every_renderer
def test_whatever_names_there_are_it_can_be_written_to_a_file(renderer):
    assert written(renderer, "hostile names").encode()


@every_renderer
def test_hostile_names_are_text_and_nothing_else(renderer):
    text = written(renderer, "hostile names")
    if renderer in ("html", "markdown", "junit"):
        assert "<script>alert" not in text
    assert "{{ 7 * 7 }}" in words_of(renderer, "hostile names")


@every_run
@every_renderer
def test_the_outcome_is_said_in_a_word(renderer, run):
    outcome = run_of(run).outcome
    words = words_of(renderer, run)
    assert (str(outcome) if outcome else ("UNFINISHED" if RENDERERS[renderer].has_totals else "")) in words


@every_run
@every_renderer
def test_the_totals_are_the_ones_of_the_result(renderer, run):
    result = run_of(run)
    tallies = result.record.totals()
    requests, failures = merged(tallies).count, merged(tallies, ("failure",)).count
    good, every = merged(tallies, ("success",)).response, merged(tallies).response
    rate = requests / (result.measured_to - result.measured_from) if result.measured_to else None
    words = flat(words_of(renderer, run))
    if renderer == "metrics":
        document = strictly(written(renderer, run))
        assert (document["total_requests"], document["failed_requests"]) == (requests, failures)
        assert document["requests_per_second"] == rate
        assert document["p95_response_time"] == every.quantile(0.95)
        assert (document["successful"] or {"p95_response_time": None})["p95_response_time"] == good.quantile(0.95)
    elif RENDERERS[renderer].has_totals and requests:
        values = (shown_count(requests), shown_count(failures), shown_ratio(failures / requests), shown_rate(rate))
        values += tuple(shown_quantile(good, q) for q in (0.5, 0.95, 0.99))
        for sentence in TOTALS[renderer]:
            expected = sentence.format(*values)
            assert (expected.replace("–", "-").replace("µ", "u") if renderer == "ascii" else expected) in words


@every_run
@every_renderer
def test_every_rule_has_its_outcome_and_its_observed_value(renderer, run):
    result = run_of(run)
    words = flat(words_of(renderer, run))
    if renderer == "metrics":
        listed = strictly(written(renderer, run))["thresholds"]
        told = [(each["rule"], each["outcome"], each["observed"], each["samples"]) for each in listed]
        assert told == [(v.rule, str(v.outcome), v.observed, v.n) for v in result.verdicts]
        return
    for verdict in result.verdicts:
        observed = shown_observed(verdict)
        assert verdict.rule in words
        assert (observed.replace("–", "-").replace("µ", "u") if renderer == "ascii" else observed) in words
    for outcome in {verdict.outcome for verdict in result.verdicts}:
        assert str(outcome) in words or (renderer == "junit" and outcome in (Outcome.PASS, Outcome.WARN))


@every_renderer
def test_why_a_run_ended_before_its_time_is_said(renderer):
    assert ABORT in flat(words_of(renderer, "aborted"))


@every_renderer
def test_the_answer_of_a_search_is_said(renderer):
    reason = run_of("two levels").search.reason
    assert reason in flat(words_of(renderer, "two levels"))


@every_renderer
def test_a_comparison_is_said_where_there_is_one_and_only_there(renderer):
    with_one = words_of(renderer, "with baseline")
    without = words_of(renderer, "without baseline")
    assert "REGRESSED" in with_one
    assert "REGRESSED" not in without


@every_renderer
def test_the_same_run_is_written_the_same_way(renderer):
    assert RENDERERS[renderer].write(small_result()) == RENDERERS[renderer].write(small_result())
