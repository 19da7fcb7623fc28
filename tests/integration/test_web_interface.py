"""Locust's web interface drives runs: each test it starts leaves a result of its own, and our pages show how it goes."""

from __future__ import annotations

import csv
import io
import json
import signal
import socket
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from commandline import end, loadproof, start, wait_for

SUITE = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        self.client.get("/ok")
"""

LOGIN = """
from flask import Blueprint, redirect
from flask_login import UserMixin, login_user
from locust import events

class Somebody(UserMixin):
    def get_id(self):
        return "somebody"

@events.init.add_listener
def users(environment, web_ui, **_):
    if web_ui is None:
        return
    web_ui.app.secret_key = "for-this-test"
    web_ui.login_manager.user_loader(lambda _: Somebody())

    @web_ui.app.route("/let-me-in")
    def let_me_in():
        login_user(Somebody())
        return redirect("/")
"""


def answers(url):
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextmanager
def opened(cwd, port, *words, suite=SUITE, path=""):
    """The URL of the web interface of a run; at the end Ctrl-C, and what it left in the list that is given too."""
    (cwd / "locustfile.py").write_text(suite)
    process = start(cwd, "run", "--ui", "--web-port", str(port), *words)
    ended = []
    url = f"http://127.0.0.1:{port}{path}"
    try:
        wait_for(lambda: answers(f"{url}/"), 60)
        yield url, ended
    finally:
        process.send_signal(signal.SIGINT)
        ended.append(end(process, cwd))


def swarm(url, host, users=3):
    """Start a test, once there is a worker where the users are workers'; Locust forgets who asks earlier."""
    wait_for(lambda: requests.get(f"{url}/stats/requests", timeout=10).json().get("workers") != [])
    requests.post(f"{url}/swarm", data={"user_count": users, "spawn_rate": users, "host": host}, timeout=10)


def shown(url):
    answer = requests.get(f"{url}/loadproof/view", timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def figure(view, label, group="totals"):
    (value,) = [value for name, value, _ in view[group] if name == label]
    return value


def count(view, label="Requests"):
    return int(figure(view, label).replace(",", ""))


def test_each_test_of_the_web_interface_leaves_a_result(tmp_path, service, port):
    with opened(tmp_path, port) as (url, after):
        for _ in range(2):
            before = service.seen.total()
            swarm(url, service.url)
            wait_for(lambda before=before: service.seen.total() > before + 50)
            requests.post(f"{url}/stop", timeout=5)
            time.sleep(1)
    (ended,) = after
    assert ended.code == 0, ended.out + ended.err
    assert url in ended.out
    assert f"rules, percentiles and reports: {url}/loadproof" in ended.out
    metrics = [json.loads((d / "metrics.json").read_text()) for d in ended.directories]
    assert len(metrics) == 2
    assert sum(m["total_requests"] + m["unfinished"] for m in metrics) == service.seen.total()
    assert ended.out.count("PASS") >= 2


@pytest.mark.parametrize(
    "processes", [pytest.param((), marks=pytest.mark.long), ("--processes", "2")], ids=["one process", "two workers"]
)
def test_the_view_follows_one_test_after_the_other_and_ends_with_what_is_in_its_files(
    tmp_path, service, port, processes
):
    rules = ("--threshold", "requests > 20", "--threshold", "requests > 1000000")
    with opened(tmp_path, port, *processes, *rules) as (url, after):
        assert shown(url) == {"view": None, "runs": [], "files": ["report.html", "metrics.json", "results.csv"]}
        last = []
        for number in range(2):
            swarm(url, service.url)
            wait_for(lambda: (shown(url)["view"] or {}).get("state") == "RUNNING")
            first = shown(url)["view"]
            wait_for(lambda first=first: count(shown(url)["view"]) > count(first) + 50)
            view = shown(url)["view"]
            rules = {rule["rule"]: rule for rule in view["rules"]}
            assert rules["requests > 1000000"]["outcome"] == "FAIL"
            assert rules["requests > 1000000"]["limit"] == "1,000,000"
            assert rules["requests > 20"]["outcome"] == "PASS"
            # The value of a rule and the figures are of one moment.
            assert rules["requests > 20"]["value"] == figure(view, "Requests")
            assert [(each["method"], each["name"]) for each in view["endpoints"]] == [("GET", "/ok")]
            assert view["endpoints"][0]["requests"] == figure(view, "Requests")
            assert view["users"] == "3 of 3"
            assert view["arrivals"] is None
            requests.post(f"{url}/stop", timeout=5)
            wait_for(lambda number=number: len(shown(url)["runs"]) == number + 1)
            last.append(shown(url))
    (ended,) = after
    assert [run["run"] for run in last[-1]["runs"]] == [each["view"]["run"] for each in reversed(last)]
    for seen, directory in zip(last, ended.directories, strict=True):
        metrics = json.loads((directory / "metrics.json").read_text())
        assert seen["view"]["run"] == metrics["run_id"]
        assert seen["view"]["state"] == metrics["verdict"] == "FAIL"
        assert count(seen["view"]) == metrics["total_requests"]
        assert len(seen["view"]["rules"]) == len(metrics["thresholds"])


def test_the_files_of_the_run_so_far_and_of_those_before_can_be_had(tmp_path, service, port):
    with opened(tmp_path, port, "--name", "shop") as (url, _):
        swarm(url, service.url)
        wait_for(lambda: (shown(url)["view"] or {}).get("state") == "RUNNING")
        wait_for(lambda: count(shown(url)["view"]) > 30)
        run = shown(url)["view"]["run"]

        def file(name):
            answer = requests.get(f"{url}/loadproof/runs/{run}/{name}", timeout=20)
            assert answer.status_code == 200, answer.text
            return answer

        metrics = file("metrics.json")
        assert metrics.json()["verdict"] is None
        assert metrics.json()["total_requests"] > 30
        assert f"{run}-metrics.json" in metrics.headers["Content-Disposition"]
        report = file("report.html")
        assert "UNFINISHED" in report.text
        assert "sandbox" in report.headers["Content-Security-Policy"], "it cannot reach Locust's buttons"
        rows = list(csv.DictReader(io.StringIO(file("results.csv").text, newline="")))
        assert len(rows) > 30
        assert None not in rows[-1].values()
        requests.post(f"{url}/stop", timeout=5)
        wait_for(lambda: len(shown(url)["runs"]) == 1)
        (directory,) = tmp_path.glob("reports/performance/*")
        for name in ("report.html", "metrics.json", "results.csv"):
            assert file(name).content == (directory / name).read_bytes()
        assert file("metrics.json").json()["verdict"] == "PASS"
        swarm(url, service.url)
        wait_for(lambda: shown(url)["view"]["run"] != run)
        assert file("metrics.json").json()["run_id"] == run, "the files of an earlier run stay what they are"


def test_nothing_but_the_files_of_runs_can_be_had_and_no_other_site_reads_them(tmp_path, service, port):
    with opened(tmp_path, port) as (url, _):
        swarm(url, service.url)
        wait_for(lambda: (shown(url)["view"] or {}).get("state") == "RUNNING")
        run = shown(url)["view"]["run"]
        for path in (
            f"runs/{run}/plan.toml",
            f"runs/{run}/log.txt",
            f"runs/{run}/..%2F..%2F..%2Flocustfile.py",
            f"runs/{run}/%2Fetc%2Fpasswd",
            "runs/../report.html",
            "runs/unknown/report.html",
            "pages.py",
            "page.html",
        ):
            answer = requests.get(f"{url}/loadproof/{path}", timeout=20)
            assert answer.status_code == 404, path
            assert "HttpUser" not in answer.text
        for path in ("", "/view", "/page.js", f"/runs/{run}/metrics.json"):
            answer = requests.get(f"{url}/loadproof{path}", headers={"Origin": "https://evil.example"}, timeout=20)
            assert answer.status_code == 200
            assert answer.headers["Access-Control-Allow-Origin"] not in ("*", "https://evil.example", "null")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert requests.post(f"{url}/loadproof{path}", timeout=20).status_code == 405


def listening(port):
    """The addresses on which it is listened on a port, as the kernel writes them."""
    return {
        line.split()[1].partition(":")[0]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].partition(":")[2], 16) == port
    }


@pytest.mark.long
def test_with_a_login_the_pages_ask_for_it_and_loopback_alone_is_served(tmp_path, service, port):
    with opened(tmp_path, port, "--web-login", "--autostart", "-u", "2", "-H", service.url, suite=SUITE + LOGIN) as (
        url,
        _,
    ):
        assert listening(port) == {"0100007F"}
        for path in ("", "/view", "/page.js", "/runs/any/report.html"):
            answer = requests.get(f"{url}/loadproof{path}", allow_redirects=False, timeout=20)
            assert answer.status_code == 302
            assert "/login" in answer.headers["Location"]
        assert b"loadproof-link" not in requests.get(f"{url}/", timeout=20).content
        with requests.Session() as somebody:
            somebody.get(f"{url}/let-me-in", timeout=20)
            assert somebody.get(f"{url}/loadproof", timeout=20).status_code == 200
            wait_for(lambda: somebody.get(f"{url}/loadproof/view", timeout=20).json()["view"] is not None)


@pytest.mark.long
def test_with_a_base_path_the_pages_are_below_it(tmp_path, service, port):
    words = ("--web-base-path", "/load", "--autostart", "-u", "1", "-H", service.url)
    with opened(tmp_path, port, *words, path="/load") as (url, after):
        assert requests.get(f"{url}/loadproof", timeout=20).status_code == 200
        assert requests.get(f"{url}/loadproof/page.css", timeout=20).status_code == 200
        assert requests.get(f"http://127.0.0.1:{port}/loadproof", timeout=20).status_code == 404
        wait_for(lambda: shown(url)["view"] is not None)
    assert f"{url}/loadproof" in after[0].out


def test_this_locust_shows_our_link_and_our_tables_in_its_own_page(tmp_path, service, port):
    """What we extend of Locust's is not promised by it: a new one may call it otherwise."""
    with opened(tmp_path, port, "--autostart", "-u", "2", "-H", service.url) as (url, after):
        page = requests.get(f"{url}/", timeout=20).text
        assert page.count('<a id="loadproof-link" href="loadproof"') == 1
        for key in ("loadproof-rules", "loadproof-percentiles"):
            assert page.count(f'"key": "{key}"') == 2, "a tab, and its table"
        wait_for(lambda: count(shown(url)["view"]) > 50)
        for _ in range(3):
            statistics = requests.get(f"{url}/stats/requests", timeout=20)
        tables = {each["key"]: each["data"] for each in statistics.json()["extended_stats"]}
        assert statistics.text.count('"extended_stats"') == 1
        assert statistics.json()["state"] == "running"
        assert {"name": "exceptions = 0", "outcome": "✓ PASS", "value": "0", "limit": "0", "note": ""} in tables[
            "loadproof-rules"
        ]
        (row,) = tables["loadproof-percentiles"]
        assert row["name"] == "GET /ok"
        assert {"requests", "responseP50", "responseP999", "serviceP50", "serviceP99"} <= row.keys()
        assert row["responseP50"].endswith("ms")
    assert "lacks what Loadproof adds" not in after[0].out + after[0].err


@pytest.mark.long
def test_autoquit_closes_it_when_the_last_iteration_is_over_too(tmp_path, service, port):
    (tmp_path / "locustfile.py").write_text(SUITE)
    words = ("--autostart", "--autoquit", "1", "--iterations", "40", "-u", "2", "-r", "2", "-H", service.url)
    ended = loadproof(tmp_path, "run", "--ui", "--web-port", str(port), *words)
    assert ended.code == 0, ended.out + ended.err
    assert service.seen.total() == 40
    assert ended.metrics["total_requests"] == 40


@pytest.mark.long
def test_an_open_model_shows_its_arrivals_and_can_be_started_again(tmp_path, service, port):
    with opened(tmp_path, port, "--rate", "40/s", "--duration", "8s", "--max-users", "10") as (url, after):
        for number in range(2):
            swarm(url, service.url, users=1)  # what the form says of users is passed over
            wait_for(lambda: (shown(url)["view"] or {}).get("state") == "RUNNING")
            wait_for(lambda: figure_of_arrivals(url, "due") > 0)
            assert figure_of_arrivals(url, "due") <= 320
            wait_for(lambda number=number: len(shown(url)["runs"]) == number + 1)
            assert figure_of_arrivals(url, "due") == 320
    (ended,) = after
    metrics = [json.loads((directory / "metrics.json").read_text()) for directory in ended.directories]
    assert len(metrics) == 2
    for each in metrics:
        assert each["total_requests"] + each["dropped"] == 320


def figure_of_arrivals(url, label):
    arrivals = shown(url)["view"]["arrivals"] or ()
    return next((int(value.replace(",", "")) for name, value, _ in arrivals if label in name.lower()), 0)


@pytest.mark.long
def test_a_search_shows_the_levels_that_are_over(tmp_path, service, port):
    (tmp_path / "locustfile.py").write_text(SUITE)
    words = ("--max-users", "4", "--steps", "2", "--hold", "4s", "-H", service.url, "--ui", "--web-port", str(port))
    process = start(tmp_path, "stress", *words, "--autostart", "--autoquit", "3")
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: answers(f"{url}/"), 60)
    wait_for(lambda: len((shown(url)["view"] or {}).get("levels") or ()) >= 1, 60)
    ended = end(process, tmp_path, 90)
    assert ended.code == 0, ended.out + ended.err
    assert {level["target"] for level in ended.metrics["levels"]} == {2, 4}  # a busy machine may repeat one
