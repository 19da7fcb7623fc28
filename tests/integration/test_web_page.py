"""Our page of the web interface in a real browser, beside a test that goes on."""

from __future__ import annotations

import json
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from itertools import pairwise

import pytest
from axe_core import axe_core
from service import Service

from chromium import chromium
from commandline import end, start, wait_for
from loadproof.supervisor.viewing import summary_of, view_of_result, view_of_running
from progress_factory import progress_of
from results_factory import (
    NASTY,
    capacity_result,
    empty_result,
    open_result,
    result_of,
    rich_result,
    sample,
    small_result,
    stress_result,
)

pytestmark = pytest.mark.real("chromium")

HOSTILE = "<img src=x onerror=document.title='harm'><script>document.title='harm'</script>"

SUITE = f"""
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task(5)
    def hostile(self):
        self.client.get("/ok", name={HOSTILE!r})

    @task
    def fails(self):
        with self.client.get("/status/503", name="fails", catch_response=True) as answer:
            answer.failure({HOSTILE!r})

    @task
    def slow(self):
        self.client.post("/slow/20", name="slow")
"""

RULES = ("requests > 1000000", "requests > 10")


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """Of a run that goes on until the tests are over; it ends well."""
    cwd = tmp_path_factory.mktemp("run")
    (cwd / "locustfile.py").write_text(SUITE)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    service = Service()
    rules = [word for rule in RULES for word in ("--threshold", rule)]
    process = start(
        cwd, "run", "--ui", "--autostart", "--name", "page", "-u", "3", "-r", "3", "-H", service.url,
        "--web-port", str(port), *rules,
    )  # fmt: skip
    try:
        wait_for(lambda: _listens(port), 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        ended = end(process, cwd)
        service.close()
    assert ended.code == 99, ended.out + ended.err
    assert "Traceback" not in ended.out + ended.err


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def look(tab, url):
    """Open our page, and wait until it shows a test; its script must not fail."""

    def looked(**how):
        tab.open("about:blank")  # the last page still complains that its server is gone
        tab.errors.clear()
        tab.open(f"{url}/loadproof", **how)
        wait_for(lambda: tab.run("!document.getElementById('all').hidden"), 30)
        wait_for(lambda: requests_shown(tab) > 0, 30)
        return tab

    yield looked
    assert tab.errors == []


def requests_shown(tab):
    found = tab.run("""
        [...document.querySelectorAll('#figures div > dt')].find(e => e.textContent === 'Requests')?.nextSibling.textContent
    """)
    return int((found or "0").replace(",", ""))


def texts(tab, selector):
    return tab.run(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent)")


@pytest.mark.long
def test_it_shows_figures_that_grow_while_the_test_goes_on(look):
    tab = look()
    assert texts(tab, "h1, #state") == ["page", "RUNNING"]
    first = requests_shown(tab)
    clock = tab.run("document.getElementById('line').textContent")
    wait_for(lambda: requests_shown(tab) > first + 50, 30)
    assert tab.run("document.getElementById('line').textContent") != clock
    rules = dict(zip(texts(tab, "#rules tbody th"), texts(tab, "#rules tbody td.outcome"), strict=True))
    assert rules["requests > 1000000"] == "✗ FAIL"
    assert rules["requests > 10"] == "✓ PASS"
    assert texts(tab, "#percentiles thead th")[-5:] == ["p50", "p90", "p95", "p99", "p99.9"]
    slow = tab.run("""
        [...document.querySelectorAll('#percentiles tr')].find(r => r.cells[1].textContent === 'slow').innerText
    """)
    assert "ms" in slow
    assert "Kind" in tab.run("document.getElementById('errors').innerText")
    assert len(texts(tab, "#generator dd")) == 6
    assert not any(tab.run(f"document.getElementById('{each}').hidden") is False for each in ("search", "arrivals"))


def test_a_hostile_name_is_text_here_and_in_locust_s_own_page(look, url):
    tab = look()
    wait_for(lambda: HOSTILE in texts(tab, "#percentiles tbody th"), 30)
    assert tab.run("document.images.length") == 0
    assert "harm" not in tab.run("document.title")
    for name in ("rules", "percentiles"):
        tab.open(f"{url}/?tab=loadproof-{name}")
        wanted = f"GET {HOSTILE}" if name == "percentiles" else "requests > 10"
        wait_for(lambda wanted=wanted: wanted in texts(tab, "tbody td"), 30)
        assert tab.run("document.title") == "Locust"
    assert tab.run("document.getElementById('loadproof-link').href") == f"{url}/loadproof"


def test_the_colours_are_those_that_were_chosen_on_locust_s_page(look):
    dark = "document.documentElement.classList.contains('dark')"
    tab = look(dark=True)
    assert tab.run(dark)
    tab.run("localStorage.theme = 'light'")
    assert not look(dark=True).run(dark)
    tab.run("delete localStorage.theme")
    assert not look().run(dark)


def test_the_report_of_the_run_so_far_opens_and_downloads(look, tmp_path):
    tab = look()
    tab.ask("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    names = ("report.html", "metrics.json", "results.csv")
    for name in names:
        tab.run(f"document.querySelector('#reports a[download$={json.dumps(name)}]').click() ?? true")
        wait_for(lambda name=name: list(tmp_path.glob(f"*-{name}")), 30)
    report, metrics, rows = (next(tmp_path.glob(f"*-{name}")) for name in names)
    assert "UNFINISHED" in report.read_text()
    assert json.loads(metrics.read_text())["total_requests"] > 0
    assert rows.read_text().startswith("timestamp")
    tab.open(tab.run("document.querySelector('#reports a[target]').href"))
    assert tab.run("document.documentElement.classList.contains('scripted')"), (
        "its script runs, and can do nothing here"
    )
    assert tab.run("window.origin") == "null"


def test_it_fits_a_telephone(look):
    tab = look(width=420)
    assert tab.run("document.documentElement.scrollWidth <= innerWidth")


def test_what_has_the_focus_keeps_it_while_figures_come(look):
    tab = look()
    tab.run("document.querySelector('#percentiles .wide').focus() ?? true")
    first = requests_shown(tab)
    wait_for(lambda: requests_shown(tab) > first + 30, 30)
    assert tab.run("document.activeElement.getAttribute('aria-label')").startswith("Worst first")


class Canned(ThreadingHTTPServer):
    """Serves our page with whatever view it is given: kinds of runs that would take long to make."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), CannedHandler)
        self.shown = {"view": None, "runs": [], "files": ["report.html", "metrics.json", "results.csv"]}
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def show(self, view, *results):
        self.shown |= {"view": view, "runs": [summary_of(result) for result in results]}


class CannedHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = {"/loadproof": "page.html"}.get(self.path, self.path.rpartition("/")[2])
        if name == "view":
            body = json.dumps(self.server.shown).encode()
        else:
            body = resources.files("loadproof.load.web").joinpath(name).read_bytes()
        self.send_response(200)
        kinds = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
        self.send_header("Content-Type", kinds.get(name.rpartition(".")[2], "application/json") + "; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def canned():
    server = Canned()
    yield server
    server.shutdown()
    server.server_close()


def opened(tab, canned, **how):
    tab.open("about:blank")
    tab.errors.clear()
    tab.open(f"{canned.url}/loadproof", **how)
    wait_for(lambda: tab.run("document.getElementById('state').textContent") != "…")
    return tab


def visible(tab):
    return tab.run("[...document.querySelectorAll('main section')].filter(s => s.checkVisibility()).map(s => s.id)")


ALWAYS = ["rules", "figures", "percentiles", "errors", "generator", "reports"]


@pytest.mark.parametrize(
    ("make", "more"),
    [
        (small_result, []),
        (empty_result, []),
        (open_result, ["arrivals"]),
        (stress_result, ["search"]),
        (capacity_result, ["search", "arrivals"]),
    ],
)
def test_sections_are_there_where_there_is_something_to_say(tab, canned, make, more):
    result = make()
    canned.show(view_of_result(result), result)
    opened(tab, canned)
    assert sorted(visible(tab)) == sorted(ALWAYS + more)
    assert tab.run("document.getElementById('state').textContent") == str(result.outcome)
    text = tab.run("document.querySelector('main').innerText")
    for rule in result.verdicts:
        assert rule.rule in text
    for level in result.levels:
        assert level.reason in text
    sampled = result.health.cpu_max is not None
    assert ("Not sampled yet" in text) is not (sampled or bool(result.health.notes or result.health.doubts))
    for note in (*result.health.notes, *(doubt.reason for doubt in result.health.doubts)):
        assert note in text
    assert tab.errors == []


def test_before_the_first_test_it_says_what_to_do(tab, canned):
    opened(tab, canned)
    assert visible(tab) == ["none"]
    assert tab.run("document.getElementById('state').textContent") == "WAITING"
    canned.show(view_of_running(progress_of(small_result()), "run-1"))
    wait_for(lambda: tab.run("document.getElementById('state').textContent") == "RUNNING")
    assert visible(tab) == ALWAYS


def test_a_search_that_goes_on_shows_the_levels_so_far(tab, canned):
    canned.show(view_of_running(progress_of(stress_result(), rules=()), "run-1"))
    opened(tab, canned)
    assert len(texts(tab, "#search tbody tr")) == len(stress_result().levels)
    assert "Each level of the search has a verdict of its own" in tab.run("document.getElementById('rules').innerText")


def test_it_says_so_when_nobody_answers_and_when_somebody_does_again(tab, canned):
    canned.show(view_of_result(small_result()), small_result())
    opened(tab, canned)
    alert = "(e => e.hidden ? '' : e.textContent)(document.getElementById('trouble'))"
    assert tab.run(alert) == ""
    kept = canned.shown
    canned.shown = {"why": "Loadproof does not answer now"}
    wait_for(lambda: tab.run(alert) == "Loadproof does not answer now")
    assert requests_shown(tab) == 100, "the last figures stay"
    canned.shown = kept
    wait_for(lambda: tab.run(alert) == "")
    canned.shutdown()
    canned.server_close()
    wait_for(lambda: "the last figures that came" in tab.run(alert))
    assert requests_shown(tab) == 100


def test_hostile_text_is_text_wherever_it_comes_from(tab, canned):
    result = result_of([sample(NASTY, HOSTILE, kind=HOSTILE)], test_name=HOSTILE, run_id=f"{HOSTILE}/../x")
    view = view_of_result(result)
    for key in ("line", "reason", "users"):
        view[key] = HOSTILE
    for key in ("cautions", "doubts", "rules"):
        view[key] = [HOSTILE] if key == "cautions" else [dict.fromkeys(("quantity", "reason", "rule", "value", "tone", "mark", "outcome", "limit", "interval", "note"), HOSTILE)]  # fmt: skip
    canned.show(view, result)
    opened(tab, canned)
    assert tab.run("document.images.length + document.querySelectorAll('main script, header script').length") == 0
    assert tab.run("document.title.startsWith('FAIL ')")
    assert tab.run(
        "[...document.querySelectorAll('#reports a')].every(a => a.href.startsWith(location.origin + '/loadproof/runs/%3C'))"
    )
    assert texts(tab, "h1") == [HOSTILE]


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    return axe_core(tmp_path_factory.mktemp("axe"))


def violations(tab):
    return tab.run(
        "axe.run().then(r => r.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html.slice(0, 200))]))"
    )


@pytest.mark.real("npm")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_serious_issue(look, axe, dark):
    tab = look(dark=dark)
    # As a user of DevTools would: the page's own policy lets no other script in.
    tab.run(f"{axe};true")
    assert violations(tab) == []
    tab.run(f"document.getElementById('line').style.color = '{'#444' if dark else '#ccc'}'")
    assert [issue[1] for issue in violations(tab)] == ["color-contrast"], "it would find one"
    headings = tab.run(
        "[...document.querySelectorAll('h1,h2,h3,h4')].filter(h => h.checkVisibility()).map(h => +h.tagName[1])"
    )
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))


@pytest.mark.real("npm")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    "make",
    [
        *(pytest.param(make, marks=pytest.mark.long) for make in (None, empty_result, open_result, stress_result)),
        capacity_result,
        rich_result,
    ],
)
def test_axe_finds_no_issue_in_any_kind_of_run(tab, canned, axe, make, dark):
    if make is not None:
        canned.show(view_of_result(make()), make())
    opened(tab, canned, dark=dark)
    tab.run(f"{axe};true")
    assert violations(tab) == []
