# ruff: noqa: RUF001 - dashes and signs are what is tested
import json
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from loadproof.record import Strain
from loadproof.report import html
from loadproof.result import Change, Comparison, Coverage, Declared, Outcome, ScriptError
from results_factory import (
    NASTY,
    SERVICE_PLAN,
    arrivals_health,
    capacity_result,
    checked_result,
    compared,
    declared_coverage,
    difference,
    empty_result,
    failed_sample,
    many_names_result,
    measured,
    open_result,
    result_of,
    rich_result,
    sample,
    small_result,
    stress_result,
)

DATA = {"type": "application/json", "id": "data"}
VOID = {"meta", "br", "input", "hr"}
SECTIONS = ["thresholds", "summary", "endpoints", "time", "errors", "advice", "generator", "configuration"]


class Page(HTMLParser):
    """Tags, attributes and text of a page; every tag must be closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text, self.code, self.data = [], [], [], {}, ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script" and self.tags[-1] == ("script", DATA):
            self.data = data
        elif self.open and self.open[-1] in ("script", "style"):
            self.code[self.open[-1]] = data
        else:
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def programs(self):
        """Scripts that a browser runs."""
        return [attributes for attributes in self.all("script") if attributes != DATA]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def page_of(result):
    return Page(html.render_html(result))


@pytest.fixture(scope="module")
def rich():
    """The whole page with real charts."""
    return html.render_html(rich_result(seconds=30))


def test_the_sections_stand_in_order(rich):
    assert [attributes["id"] for attributes in Page(rich).all("section")] == SECTIONS


def test_the_title_says_the_outcome_and_the_name(rich):
    assert "<title>FAIL · checkout · Loadproof</title>" in rich


def test_nothing_needs_a_style_a_script_or_another_file(rich):
    page = Page(rich)
    assert not [tag for tag, attributes in page.tags if "style" in attributes]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    links = [
        value for _, a in page.tags for name, value in a.items() if name in ("href", "src", "xlink:href", "action")
    ]
    assert set(links) == {f"#{section}" for section in SECTIONS}
    assert [tag for tag, _ in page.tags if tag in ("link", "img", "iframe", "object", "form")] == []
    assert not re.search(r"@import|url\((?!#)", rich)


def test_every_identifier_is_unique(rich):
    counts = Counter(a["id"] for _, a in Page(rich).tags if "id" in a)
    assert {name for name, count in counts.items() if count > 1} == set()


def test_its_own_policy_names_its_one_script_and_its_one_style(rich):
    page = Page(rich)
    assert (len(page.programs), len(page.all("style"))) == (1, 1)
    (policy,) = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        assert f"{tag}-src '{html._hash(page.code[tag])}'" in policy


def test_every_table_has_a_caption_and_every_heading_a_scope(rich):
    page = Page(rich)
    assert len(page.all("caption")) == len(page.all("table")) > 8
    assert {a.get("scope") for a in page.all("th")} == {"row", "col"}


def test_every_chart_says_what_it_shows_and_its_text_is_escaped(rich):
    labels = [a["aria-label"] for a in Page(rich).all("svg") if a.get("role") == "img"]
    assert labels[-8:] == [
        "Throughput: requests finished and failed per second",
        "Response times: percentiles of successful requests",
        "Errors: failures per second by kind",
        "Users: mean number at work",
        "Loop lag: how late the event loop of a load process was at most",
        "Generator's CPU: share of a core that the busiest load process used",
        "Percentiles: response time by percentile, over the measured part",
        "Spread: how many requests took how long, over the measured part",
    ]
    assert labels[:3] == [
        "Response times: POST /checkout",
        "Requests per second: POST /checkout",
        "Spread of response times: POST /checkout",
    ]
    assert len(labels) == 8 + 3 * 6


def test_outcomes_are_words_and_signs(rich):
    words = Page(rich).words
    for outcome in ("✗ FAIL", "✓ PASS", "? INCONCLUSIVE"):
        assert outcome in words


def test_markup_from_outside_does_no_harm(rich):
    assert "<script>alert" not in rich
    assert Page(rich).words.count(NASTY) >= 2


def test_the_same_run_makes_the_same_page(rich):
    assert html.render_html(rich_result(seconds=30)) == rich


def test_markup_and_control_codes_are_harmless_wherever_they_come_from():
    nasty = f"{NASTY}\"'>\x00\x1b\u202e\ud800{{{{ 7 * 7 }}}}"
    plan = {nasty: nasty, "target": {"locustfile": nasty}, "sources": {"target": nasty}, "effective": {nasty: nasty}}
    result = result_of(
        [sample(nasty, nasty, kind=nasty, message=nasty), sample(nasty, "FLOW", kind=nasty)],
        test_name=nasty,
        abort=nasty,
        plan=plan,
        environment={nasty: nasty},
        failures=(failed_sample(nasty, name=nasty, method=nasty, message=nasty, body=nasty),),
        exceptions=(ScriptError(nasty, nasty, nasty, nasty, nasty, 1),),
    )
    text = html.render_html(result)
    text.encode()
    assert "<script>alert" not in text
    assert not set(text) & set("\x00\x1b\u202e")
    assert "49" not in Page(text).words
    assert len(Page(text).programs) == 1


def test_the_empty_run_shows_dashes_and_no_charts():
    page = page_of(empty_result())
    words = page.words
    assert "? INCONCLUSIVE" in words
    assert "Error rate –" in words
    assert "Throughput –" in words
    assert "Nothing was measured, so there is nothing to draw." in words
    assert page.all("figure") == []


@pytest.mark.parametrize(
    ("samples", "figures"),
    [([sample()], 7), ([sample(kind="timeout")], 6), ([sample("order", "FLOW")], 1)],
    ids=["one sample", "only failures", "only spans"],
)
def test_small_runs_are_whole_reports(samples, figures):
    page = page_of(result_of(samples))
    assert [a["id"] for a in page.all("section")] == SECTIONS
    assert len(page.all("figure")) == figures


def test_the_figures_of_a_run_are_the_ones_that_were_measured():
    words = page_of(small_result()).words
    for expected in (
        "Requests finished 100",
        "Successful 95",
        "Expected errors 2",
        "Failed 3",
        "Error rate 3%",
        "Throughput 10/s",
        "Users, peak 5",
        "Unfinished 3",
        "Unrecorded 1",
        "POST /buy 10 3 30% 1/s 500 ms 500 ms ~500 ms ~500 ms 500 ms",
        "All endpoints 100 3 3% 10/s 69.4 ms 48 ms 500 ms ~500 ms 500 ms",
        "FLOW checkout 1 0 0%",
        "timeout 2 2%",
        "503 0 0 1",
        '{"error": "no database"}',
        "2 × KeyError in Buyer.buy: 'basket'",
    ):
        assert expected in words


def test_the_configuration_says_who_set_what():
    assert "users 40 --users" in page_of(small_result()).words
    words = page_of(result_of([sample()], plan=SERVICE_PLAN)).words
    assert "services.pkd.base_url http://localhost:8088 loadproof.toml: services.pkd.base_url" in words
    assert "POST /v1/crl crl 2 200, 409" in words


def test_a_run_that_is_not_finished_says_so():
    words = page_of(result_of([sample()], judged=False, finished=False)).words
    assert "… UNFINISHED" in words
    assert "Not finished: these are the figures of its last checkpoint." in words
    assert "No rule was judged." in words


def test_two_thousand_endpoints_are_all_listed_in_a_page_of_bounded_size():
    result = many_names_result()
    started = time.process_time()
    text = html.render_html(result)
    assert time.process_time() - started < 2.0
    assert len(text.encode()) < 5_000_000
    assert text.count("/details-of-it</th>") == 2_000


def test_reading_the_report_package_loads_no_template_engine():
    code = (
        "import sys, loadproof.report; sys.exit(bool({'jinja2', 'vl_convert', 'locust', 'gevent'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@pytest.fixture(scope="module")
def searched():
    """The whole page, with real charts, of a search on a schedule."""
    return html.render_html(capacity_result())


def test_a_search_needs_neither_a_style_nor_a_script(searched):
    page = Page(searched)
    assert not [tag for tag, attributes in page.tags if "style" in attributes]
    assert (len(page.programs), len(page.all("style"))) == (1, 1)
    counts = Counter(a["id"] for _, a in page.tags if "id" in a)
    assert {name for name, count in counts.items() if count > 1} == set()
    assert len(page.all("caption")) == len(page.all("table"))
    assert {a.get("scope") for a in page.all("th")} == {"row", "col"}
    sections = [a["id"] for a in page.all("section")]
    assert sections == ["levels", *SECTIONS]
    assert {a["href"] for a in page.all("a")} == {f"#{section}" for section in sections}


def test_every_chart_of_a_search_says_what_it_shows(searched):
    labels = [a["aria-label"] for a in Page(searched).all("svg") if a.get("role") == "img"]
    assert [label for label in labels if not label.endswith("GET /items")] == [
        "Response times by load: p95 and p99 of successful requests of each level",
        "Errors by load: share of requests that failed, and of arrivals that were dropped, at each level",
        "Arrivals: offered, started and dropped per second",
        "Throughput: requests finished and failed per second",
        "Response times: percentiles of successful requests",
        "Percentiles: response time by percentile, over the measured part",
        "Spread: how many requests took how long, over the measured part",
    ]


def test_the_shades_and_marks_of_charts_are_attributes(searched):
    shades = [a["fill"] for a in Page(searched).all("rect") if a.get("opacity") == "0.12"]
    assert len(shades) == 5 * 7
    assert set(shades) == {"#1a8a5a", "#cc3a3f"}


def test_charts_with_shades_keep_their_legends(searched):
    words = Page(searched).words
    for series in ("offered started dropped", "all requests failed", "p99 p95 p50", "p99 p95", "passed failed"):
        assert series in words


def test_the_answer_of_a_search_stands_on_top():
    result = stress_result()
    text = html.render_html(result)
    answer = f"Stress: {result.search.reason}."
    words = Page(text).words
    assert answer in words
    assert words.index(answer) < words.index("Exit code") < words.index("Levels")
    assert "5 levels in 1 m 00 s" in words


def test_an_answer_that_is_the_reason_of_the_exit_code_is_said_once():
    result = capacity_result()
    answered = replace(result, exit_code=0, exit_reason=result.search.reason)
    assert page_of(answered).words.count(result.search.reason) == 1


def test_every_level_has_its_outcome_in_words_and_what_it_failed_in():
    words = page_of(stress_result()).words
    assert "1 5 users step ✓ PASS 49.5/s 54 ms 59 ms 59 ms 0% – 2 10 users" in words
    assert "5 20 users repeat ✗ FAIL 198/s" in words
    assert "12.5% error_rate error_rate was 12.5%, limit 5%" in words
    words = page_of(capacity_result()).words
    assert "7 31/s confirm ✓ PASS 31/s" in words
    assert "Dropped Failed in" in words


@pytest.mark.parametrize("make", [stress_result, capacity_result])
def test_a_search_without_a_finished_level_is_a_whole_report(make):
    full = make()
    search = replace(full.search, outcome="interrupted", low=None, high=None, breaking_level=None, reason="interrupted")
    page = page_of(replace(empty_result(), kind=full.kind, search=search, outcome=Outcome.INCONCLUSIVE))
    assert "No level was finished." in page.words
    assert "No rule on the answer was given" not in page.words
    assert [a["id"] for a in page.all("section")] == ["levels", *SECTIONS]


def test_arrivals_stand_beside_requests_and_iterations_and_the_set_up_apart_from_them():
    words = page_of(open_result()).words
    for expected in (
        "Offered 900 Offered per second 50/s Started per second 47.8/s Finished per second 47.8/s Dropped 40",
        "Dropped, of the offered 4.44%",
        "Started late, over 10 ms 17 Start lag, p99 12 ms",
        "Successful, service time 861",
        "All endpoints 861",
        "Iterations, from their intended start to the end of their task; they count in no total",
        "ITERATION browse 861 0 0%",
        "measured from 2 s to 20 s (2 s of warm-up left out)",
        "What is shaded grey came before the measured part",
        "60 – – 50 10 40",
    ):
        assert expected in words


def test_requests_of_the_set_up_have_a_table_of_their_own():
    words = page_of(result_of([sample("/login", "POST setup", kind="timeout"), sample()])).words
    assert "Requests of the set-up, which users send before their first arrival; they count in no total" in words
    assert "timeout (of the set-up) 1 –" in words


def test_an_open_run_in_which_nothing_was_due_shows_dashes():
    empty = empty_result()
    words = page_of(replace(empty, health=arrivals_health(empty.record.arrivals))).words
    assert "Offered 0 Offered per second – Started per second – Finished per second – Dropped 0" in words


def test_markup_in_what_a_search_says_is_escaped():
    result = stress_result()
    levels = tuple(replace(level, reason=NASTY, metric=NASTY, role=NASTY) for level in result.levels)
    text = html.render_html(replace(result, levels=levels, search=replace(result.search, reason=NASTY)))
    assert "<script>alert" not in text
    assert Page(text).words.count(NASTY) == 16


CHECKED_SECTIONS = [
    *("thresholds", "comparison", "summary", "endpoints", "time", "errors", "advice", "coverage", "generator"),
    "configuration",
]


@pytest.fixture(scope="module")
def checked():
    """The whole page of a run with windows, a script's own values, coverage and a baseline."""
    return html.render_html(checked_result())


def test_coverage_and_the_comparison_are_sections_of_their_own_that_need_neither_a_style_nor_a_script(checked):
    page = Page(checked)
    assert [a["id"] for a in page.all("section")] == CHECKED_SECTIONS
    assert {a["href"] for a in page.all("a")} == {f"#{section}" for section in CHECKED_SECTIONS}
    assert not [tag for tag, attributes in page.tags if "style" in attributes]
    assert len(page.all("caption")) == len(page.all("table"))
    assert {a.get("scope") for a in page.all("th")} == {"row", "col"}


def test_every_rule_stands_with_its_limit_its_interval_and_its_worst_window(checked):
    words = Page(checked).words
    for expected in (
        "Observed Limit 95 % interval Samples Reason",
        "error_rate: warn >= 1%, fail >= 5% set by loadproof.toml 3% 1% 1.03% … 8.45% 100 3% is >= 1%",
        "80.1 ms 80 ms – 31 80.1 ms is >= 80 ms; worst window until 0:09",
        "14% 20% 7% … 26% 50 worst window until 0:07",
        "200 ms 1 s 100 ms … 300 ms 50 –",
    ):
        assert expected in words


def test_what_the_script_measured_has_a_table_in_its_own_unit(checked):
    words = Page(checked).words
    assert "Measured by the script, each in its own unit; they count in no total" in words
    assert "cart.total 1 1,234 1,234 ~1,234 ~1,234 1,234 queue_depth 100 13 1 13 24 25" in words
    assert "MEASURE" not in words


def test_coverage_shows_what_never_ran_first_and_the_planned_beside_the_actual_mix(checked):
    words = Page(checked).words
    for expected in (
        "5 of 7 declared ran; 1 never hit ; 1 not due yet in a run this short.",
        "⚠ The mix of Browser is not as planned (probability 0.06%). The mix of Buyer is as planned (probability 5.8%).",
        "POST /refund expect 0 – – – never hit Buyer.complain task 0 0.1 0% 0.99% not due yet GET /read expect 90 – – –",
        "Browser.look task 58 45 64.4% 50% ran",
        "Requested and not declared Name Requests POST /buy 10 GET /metrics 1",
    ):
        assert expected in words


def test_the_comparison_shows_all_requests_first_then_what_got_worse(checked):
    words = Page(checked).words
    for expected in (
        "✗ REGRESSED against the baseline. Baseline: 20260303T050607-fedcba (fedcba987654).",
        "The baseline ran on 8 CPUs, the candidate on 4.",
        "Intervals rest on the spread within one run.",
        "✓ IMPROVED all requests error_rate 8.1% 3% -5.1 pp -9 … -1.2 pp 0.5 pp –",
        "✗ REGRESSED POST /buy p95(response_time) 200 ms 310 ms +55% +31% … +84% 5% or 1 ms +8%",
        "the interval reaches from better to worse; 4 runs on each side would settle it",
        "? INCONCLUSIVE GET /new p99(response_time) – 204 ms – – 5% –",
        "= EQUIVALENT GET /read p95(response_time)",
    ):
        assert expected in words
    assert words.index("all requests throughput") < words.index("POST /buy p95") < words.index("GET /read p95")


def test_runs_without_a_baseline_or_declared_things_have_no_such_sections():
    for coverage in (None, Coverage()):
        page = page_of(result_of([sample()], coverage=coverage))
        assert [a["id"] for a in page.all("section")] == SECTIONS
        assert "Comparison" not in page.words
        assert "Coverage" not in page.words
        assert "Measured by" not in page.words


def test_a_comparison_of_nothing_says_so():
    words = page_of(result_of([sample()], comparison=Comparison((), (), ()))).words
    assert "? INCONCLUSIVE against the baseline." in words
    assert "Nothing could be compared." in words


def test_very_long_lists_are_cut_and_the_rest_is_counted():
    coverage = Coverage(
        declared=tuple(Declared(f"/{i}", "GET", "expect", 1) for i in range(600)),
        unexpected=tuple((f"GET /x{i}", 1) for i in range(2_000)),
    )
    many = tuple(difference(of=(f"/{i}", "GET")) for i in range(300))
    comparison = replace(compared(), differences=many, baseline=compared().baseline * 15)
    text = html.render_html(result_of([sample()], coverage=coverage, comparison=comparison))
    words = Page(text).words
    for rest in ("100 more in run.json.", "1,950 more in run.json.", "and 5 more."):
        assert rest in words
    assert words.count("EQUIVALENT GET") == 200
    assert len(text.encode()) < 1_000_000


def test_markup_in_what_is_declared_measured_or_compared_is_escaped():
    coverage = declared_coverage()
    nasty = tuple(replace(item, name=NASTY, method=NASTY) for item in coverage.declared)
    coverage = replace(coverage, declared=nasty, unexpected=((NASTY, 1),), mix={NASTY: 0.1})
    comparison = compared()
    worse = difference(NASTY, Change.REGRESSED, of=(NASTY, NASTY), reason=NASTY, basis=NASTY)
    runs = tuple(replace(run, run_id=NASTY, commit=NASTY) for run in comparison.baseline)
    comparison = replace(comparison, differences=(worse,), remarks=(NASTY,), baseline=runs)
    text = html.render_html(result_of([measured(NASTY, 3)], coverage=coverage, comparison=comparison))
    assert "<script>alert" not in text
    assert Page(text).words.count(NASTY) >= 20


def test_advice_stands_with_what_was_seen_its_likely_cause_what_to_try_and_its_name():
    words = page_of(small_result()).words
    assert (
        "2 requests failed with timeout (2% of all requests). Likely cause: answers took too long. To try: look at slow"
    ) in words
    assert "raise the timeout that the suite sets. (timeouts)" in words
    assert ".. " not in page_of(open_result()).words


def test_the_worst_endpoints_have_charts_of_their_own_and_the_others_are_told_to_the_script():
    samples = [sample(f"/{i:02}", end=second + 0.5, took=0.01 * (i + 1)) for i in range(25) for second in range(4)]
    page = page_of(result_of(samples, measured_to=4.0))
    summaries = [f"GET /{i:02}" for i in range(24, 14, -1)]
    drawn = [
        a["aria-label"].partition(": ")[2] for a in page.all("svg") if "Requests per second" in a.get("aria-label", "")
    ]
    assert drawn == summaries
    told = json.loads(page.data)["endpoints"]
    assert len(told) == 25
    assert [title for title, _ in told[0]] == ["response times", "requests per second", "spread of response times"]
    assert told[24][0][1]["s"][0][3] == [0.01] * 4
    assert "With scripts, every row of the table opens to its own charts." in page.words


def test_what_the_script_is_told_cannot_end_its_element():
    page = page_of(result_of([sample(kind=f"</script>{NASTY}&amp;<!--")]))
    assert "<" not in page.data
    (errors,) = [plot for plot in json.loads(page.data)["plots"] if "alert" in plot["s"][0][0]]
    assert errors["s"][0][0] == f"</script>{NASTY}&amp;<!--"


def test_the_moment_of_a_breach_is_said_and_marked_in_every_chart_over_time(checked):
    page = Page(checked)
    assert "✗ Breach 1 at 0:09, the end of the worst window: p95(response_time) < 80ms for 3s ." in page.words
    marked = [plot["m"] for plot in json.loads(page.data)["plots"] if plot["x"][0] == "clock"]
    assert len(marked) == 4
    assert set(map(str, marked)) == {"[[9, 'red', 'breach 1']]"}


def test_a_baseline_stands_beside_the_percentiles_of_the_run():
    baseline = replace(result_of([sample(took=0.3)] * 20), run_id="the-one-before")
    page = Page(html.render_html(small_result(), baseline))
    (spectrum,) = [plot for plot in json.loads(page.data)["plots"] if plot["x"][0] == "percentile"]
    name, colour, _, values = spectrum["s"][-1]
    assert (name, colour) == ("baseline, successes (the-one-before)", "grey")
    assert {value for value in values if value is not None} == {0.3}
    assert max(x for x, value in zip(spectrum["p"], values, strict=True) if value is not None) == 20


def test_a_record_that_kept_no_loop_lag_says_so_and_one_that_did_draws_it():
    missing = "How late the event loop was over time is not known of this run"
    assert missing in page_of(small_result()).words
    result = small_result()
    result.record.add_strain(3.0, Strain(0.004, 0.5))
    page = page_of(result)
    assert missing not in page.words
    assert "0:02 10 0 10/s 24 ms 29 ms 29 ms – 4 4 ms 50% 0:03 10 0 10/s 34 ms 39 ms 39 ms – 5 – –" in page.words
