# ruff: noqa: RUF001 - dashes are what is tested
"""The report in a real browser: what its script adds, and what is left where scripts are blocked, as Jenkins does."""

from __future__ import annotations

import functools
import json
import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest
from axe_core import axe_core

from chromium import chromium
from commandline import loadproof
from loadproof.report import render_html
from results_factory import (
    NASTY,
    capacity_result,
    checked_result,
    empty_result,
    long_result,
    many_names_result,
    open_result,
    result_of,
    rich_result,
    sample,
    small_result,
    stress_result,
)

pytestmark = pytest.mark.real("chromium")

SUITE = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        self.client.get("/ok", name="<script>document.title='harm'</script><img src=x onerror=document.title='harm'>")
"""

JENKINS = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';"
LISTED = "[...document.querySelectorAll('#endpoint-table tbody tr')].filter(r => r.offsetParent)"
NAMES = f"{LISTED}.map(r => r.cells[1].textContent.trim())"
CONTRAST = 4.5


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def show(tab, tmp_path):
    """Write a result's report and open it; the script of the page must not fail."""

    def shown(result, *, baseline=None, **how):
        path = tmp_path / "report.html"
        path.write_text(render_html(result, baseline), encoding="utf-8")
        tab.errors.clear()
        tab.open(path.as_uri(), **how)
        return tab

    yield shown
    assert tab.errors == []


@pytest.fixture
def serve():
    servers = []

    def start(folder, policy):
        class Handler(SimpleHTTPRequestHandler):
            def end_headers(self):
                if policy:
                    self.send_header("Content-Security-Policy", policy)
                super().end_headers()

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def click(tab, selector):
    assert tab.run(f"document.querySelector({json.dumps(selector)}).click() ?? true")


def test_the_report_of_a_run_reads_with_scripts_and_without_and_names_do_no_harm(tmp_path, service, serve, tab):
    (tmp_path / "locustfile.py").write_text(SUITE)
    ended = loadproof(tmp_path, "run", "--name", "page", "-u", "2", "-t", "3s", "-H", service.url)
    for policy in (None, JENKINS):
        tab.open(serve(ended.directory, policy) + "/report.html")
        assert "page" in tab.run("document.title")
        assert "harm" not in tab.run("document.title")
        text = tab.run("document.body.innerText")
        for words in ("PASS", "Thresholds", "Endpoints", "Loop lag", "Configuration"):
            assert words in text
        assert tab.run("document.documentElement.classList.contains('scripted')") is (policy is None)
        charts = tab.run(
            "[...document.querySelectorAll('#time svg')].filter(s => s.getBoundingClientRect().width > 500).length"
        )
        assert charts >= 6


@pytest.mark.long
def test_the_percentiles_of_a_baseline_are_drawn_beside_those_of_the_run(tmp_path, service, tab):
    (tmp_path / "locustfile.py").write_text(SUITE)
    words = ("run", "--name", "again", "-u", "2", "-t", "2s", "-H", service.url)
    loadproof(tmp_path, *words)
    first, second = loadproof(tmp_path, *words, "--baseline", "latest:again").directories
    before = json.loads((first / "run.json").read_text())["run_id"]
    tab.open((second / "report.html").as_uri())
    series = "data.plots.find(p => p.x[0] === 'percentile').s.map(s => s[0])"
    assert tab.run(series)[-1] == f"baseline, successes ({before})"


@pytest.mark.parametrize(
    ("column", "order"),
    [(0, "ascending"), (1, "ascending"), *((column, "descending") for column in range(2, 11))],
)
def test_the_table_sorts_by_every_column_and_back(show, column, order):
    tab = show(rich_result(seconds=30))
    value = f"(r => r.cells[{column}].dataset.v ?? r.cells[{column}].textContent.trim())"
    heading = f"#endpoint-table thead th:nth-child({column + 1})"
    for expected in (order, "descending" if order == "ascending" else "ascending"):
        click(tab, f"{heading} button")
        assert tab.run(f"document.querySelector('{heading}').getAttribute('aria-sort')") == expected
        found = tab.run(f"{LISTED}.map({value})")
        key = str.lower if column < 2 else float
        assert found == sorted(found, key=key, reverse=expected == "descending")
    assert tab.run("document.querySelectorAll('[aria-sort]').length") == 1


def test_what_has_no_value_is_sorted_last_whichever_way(show):
    samples = [sample("/a", took=0.2), sample("/b", took=0.1), sample("/never", kind="timeout")]
    tab = show(result_of(samples))
    for expected in (["/a", "/b", "/never"], ["/b", "/a", "/never"]):
        click(tab, "#endpoint-table thead th:nth-child(7) button")
        assert tab.run(NAMES) == expected


def test_the_table_filters_by_name_and_method_and_says_how_many_are_left(show):
    tab = show(many_names_result(40))
    write = "(text => { const f = document.querySelector('.filter'); f.value = text; f.dispatchEvent(new Event('input')); })"
    tab.run(f"{write}('ITEM/000')")
    assert sorted(tab.run(NAMES)) == [f"/item/000{i}/details-of-it" for i in range(10)]
    assert tab.run("document.querySelector('.filtering [role=status]').textContent") == "10 of 40 endpoints"
    tab.run(f"{write}('')")
    assert len(tab.run(NAMES)) == 40


def test_a_row_opens_to_its_own_charts_which_go_where_it_goes(show):
    tab = show(many_names_result(40))
    click(tab, "#endpoint-table tbody tr:nth-child(15) .opener")
    name = tab.run("document.querySelectorAll('#endpoint-table tbody tr')[14].cells[1].textContent")
    labels = tab.run("[...document.querySelectorAll('.opened svg')].map(s => s.getAttribute('aria-label'))")
    assert labels == [
        f"{what} of GET {name}" for what in ("response times", "requests per second", "spread of response times")
    ]
    assert tab.run("document.querySelectorAll('.opened path.line.blue').length") == 2
    click(tab, "#endpoint-table thead th:nth-child(2) button")
    assert tab.run("document.querySelector('.opened').previousElementSibling.cells[1].textContent") == name
    assert tab.run("document.querySelector('.opener[aria-expanded=true]').getAttribute('aria-controls')") == tab.run(
        "document.querySelector('.opened').id"
    )
    click(tab, ".opener[aria-expanded=true]")
    assert tab.run("document.querySelector('.opened').offsetParent === null")


def test_the_script_draws_the_same_as_we_do(show):
    result = rich_result(seconds=40)
    tab = show(result)
    ours, theirs = tab.run("""
        const shapes = (svg) => [...svg.querySelectorAll('path,rect,text')]
            .filter((e) => !['rule'].includes(e.getAttribute('class')))
            .map((e) => [e.tagName, e.getAttribute('class'), e.getAttribute('d'), e.getAttribute('x'), e.getAttribute('y'),
                         e.getAttribute('text-anchor'), e.getAttribute('stroke-dasharray'), e.textContent]);
        document.querySelectorAll('.opener').forEach((b) => b.click());
        [[...document.querySelectorAll('.unscripted svg')].map(shapes), [...document.querySelectorAll('.opened svg')].map(shapes)]
    """)
    assert len(ours) == 18
    assert ours == theirs


def test_names_do_no_harm_in_what_the_script_makes(show):
    tab = show(
        result_of([sample(NASTY, kind=f"</script>{NASTY}"), sample("<img src=x onerror=document.title='harm'>")])
    )
    tab.run("document.querySelectorAll('.opener').forEach(b => b.click())")
    tab.run("document.querySelectorAll('#time svg')[1].dispatchEvent(new PointerEvent('pointermove', {clientX: 500}))")
    assert tab.run("document.querySelectorAll('img').length") == 0
    assert "harm" not in tab.run("document.title")
    assert NASTY in tab.run("document.querySelector('#errors').textContent")


def test_charts_say_their_values_at_the_pointer_all_at_the_same_time(show):
    tab = show(open_result())
    tab.run("document.querySelector('#time figure').scrollIntoView()")
    x, y = tab.run("(b => [b.left + b.width * (64 + 900 * 11.5 / 21) / 980, b.top + b.height / 2])"
                   "(document.querySelector('#time svg').getBoundingClientRect())")  # fmt: skip
    tab.move(x, y)
    lines = tab.run("document.querySelector('.tip').innerText").split("\n")
    assert lines == ["0:11", "offered 50/s", "started 10/s", "dropped 40/s"]
    rules = tab.run("[...document.querySelectorAll('#time .rule')].map(r => r.getAttribute('visibility'))")
    assert rules.count("visible") == 4
    tab.move(5, 5)
    assert tab.run("document.querySelector('.tip').hidden")
    assert "visible" not in tab.run(
        "[...document.querySelectorAll('#time .rule')].map(r => r.getAttribute('visibility'))"
    )


def test_charts_say_their_values_to_the_keyboard_and_aloud(show):
    tab = show(open_result())
    tab.run("document.querySelector('#time svg').focus()")
    for key, expected in (
        ("Home", "0:00: offered 50/s, started 50/s, dropped 0/s"),
        ("ArrowRight", "0:01: offered 50/s, started 50/s, dropped 0/s"),
        ("End", "0:20: offered 0/s, started 0/s, dropped 0/s"),
    ):
        tab.press(key)
        assert tab.run("document.querySelector('[aria-live]').textContent") == expected
    tab.press("Escape")
    assert tab.run("document.querySelector('.tip').hidden")


def test_the_percentiles_and_the_spread_say_theirs_too(show):
    tab = show(small_result(), baseline=small_result())
    spoken = []
    for number in (-2, -1):
        tab.run(f"[...document.querySelectorAll('#time svg')].at({number}).focus()")
        tab.press("End")
        spoken.append(tab.run("document.querySelector('[aria-live]').textContent"))
    assert spoken[0] == "p99: successes –, all requests 2 s, baseline, successes (20260304T050607-abcdef) –"
    assert spoken[1] == "2 s to 2.51 s: successful 0, failed or expected errors 2"


def luminance(colour):
    channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("dark", [False, True])
def test_the_text_and_lines_of_charts_stand_out_on_light_and_dark(show, dark):
    tab = show(rich_result(seconds=30), dark=dark)
    ground = luminance(tab.run("getComputedStyle(document.querySelector('#time svg .ground')).fill"))
    assert (ground < 0.1) is dark
    texts = tab.run("[...document.querySelectorAll('#time svg text')].map(t => getComputedStyle(t).fill)")
    lines = tab.run("[...document.querySelectorAll('#time svg .line')].map(t => getComputedStyle(t).stroke)")
    for colours, least in ((texts, CONTRAST), (lines, 3.0)):
        assert colours
        for colour in set(colours):
            low, high = sorted((luminance(colour), ground))
            assert (high + 0.05) / (low + 0.05) >= least, colour


def test_without_scripts_the_worst_endpoints_open_to_drawn_charts(show):
    tab = show(many_names_result(40), scripts=False)
    assert tab.run("document.querySelectorAll('.unscripted details').length") == 10
    assert tab.run("document.querySelectorAll('.opener, .filter, thead button').length") == 0
    click(tab, ".unscripted summary")
    assert tab.run("document.querySelector('.unscripted svg').getBoundingClientRect().width > 200")


def pages(pdf):
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_it_prints_light_with_the_charts_of_the_worst_endpoints_and_without_what_only_a_screen_has(show):
    tab = show(rich_result(seconds=30), dark=True)
    pdf = tab.pdf()
    assert pdf.startswith(b"%PDF")
    assert 4 <= pages(pdf) <= 12
    tab.ask("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    seen = (
        "(s => [...document.querySelectorAll(s)].filter(e => e.checkVisibility({contentVisibilityAuto: true})).length)"
    )
    assert tab.run(f"{seen}('.unscripted svg')") == 18
    assert tab.run(f"{seen}('nav, .filter, .opener')") == 0
    assert luminance(tab.run("getComputedStyle(document.querySelector('#time svg .ground')).fill")) == 1
    assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    tab.ask("Emulation.setEmulatedMedia", media="")


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    return axe_core(tmp_path_factory.mktemp("axe"))


@pytest.mark.real("npm")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    "make",
    [
        *(
            pytest.param(make, marks=pytest.mark.long)
            for make in (small_result, empty_result, open_result, checked_result, stress_result)
        ),
        capacity_result,
        rich_result,
    ],
)
def test_axe_finds_no_serious_issue(show, axe, make, dark):
    tab = show(make(), dark=dark)
    tab.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    tab.run("document.querySelector('.opener')?.click()")
    tab.run(f"{axe};true")
    found = tab.run(
        "axe.run().then(r => r.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html.slice(0, 200))]))"
    )
    assert [issue for issue in found if issue[0] in ("serious", "critical")] == []
    headings = tab.run("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))


@pytest.mark.long
@pytest.mark.alone
def test_a_day_of_two_hundred_endpoints_is_a_small_file_that_opens_at_once(tab, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render_html(long_result()), encoding="utf-8")
    assert path.stat().st_size < 5_000_000
    seconds = tab.open(path.as_uri())
    assert tab.run("document.querySelectorAll('.opener').length") == 200
    assert tab.run("document.querySelectorAll('#time svg[tabindex]').length") >= 6
    assert seconds < 3
