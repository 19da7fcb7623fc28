"""``loadproof run`` from outside: what was sent is known, and what is reported must equal it."""

from __future__ import annotations

import csv
import json
import math
import re

import pytest
from service import Service

from commandline import loadproof
from loadproof.result import SCHEMA_VERSION

SIMPLE = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task(3)
    def read(self):
        self.client.get("/ok", name="read")

    @task
    def write(self):
        self.client.post("/echo", json={"a": 1}, name="write")
"""


@pytest.fixture
def suite(tmp_path):
    def write(text, name="locustfile.py"):
        (tmp_path / name).write_text(text)
        return tmp_path

    return write


def test_a_locustfile_runs_and_leaves_a_result_directory(suite, service):
    cwd = suite(SIMPLE)
    ended = loadproof(cwd, "run", "-u", "5", "-r", "5", "-t", "2s", "-H", service.url)
    assert ended.code == 0, ended.out + ended.err
    names = {path.name for path in ended.directory.iterdir()}
    assert names == {
        *("run.json", "metrics.json", "results.csv", "report.html", "junit.xml", "summary.md", "plan.toml", "log.txt")
    }
    assert ended.directory.name.startswith(f"load_test_{cwd.name}")
    assert str(ended.directory.relative_to(cwd)) in ended.out
    assert ended.out.index("PASS") < ended.out.index("report.html")
    assert ended.run["schema_version"] == SCHEMA_VERSION
    assert ended.run["finished"]


@pytest.mark.parametrize("processes", [pytest.param(1, marks=pytest.mark.long), 2])
def test_every_request_that_was_sent_is_counted(suite, service, processes):
    several = ["--processes", "2"] if processes == 2 else []
    ended = loadproof(suite(SIMPLE), "run", "-u", "6", "-r", "6", "-t", "3s", "-H", service.url, *several)
    assert ended.code == 0, ended.out + ended.err
    metrics = ended.metrics
    assert metrics["total_requests"] > 50
    assert metrics["total_requests"] + metrics["unfinished"] == service.seen.total()
    assert len(ended.rows) == metrics["total_requests"]
    assert len({row["worker"] for row in ended.rows}) == processes
    by_name = {(e["method"], e["name"]): e["requests"] for e in metrics["endpoints"]}
    assert by_name["GET", "read"] <= service.seen["GET", "/ok"]
    assert metrics["users_peak"] == 6


def nearest_rank(values, q):
    return sorted(values)[max(1, math.ceil(q * len(values))) - 1]


@pytest.fixture(scope="module")
def failing_now_and_then(tmp_path_factory):
    """A run of four seconds in which each seventh read fails."""
    folder, server = tmp_path_factory.mktemp("sevenths"), Service()
    (folder / "locustfile.py").write_text(SIMPLE.replace('"/ok"', '"/every/7"'))
    ended = loadproof(folder, "run", "-u", "5", "-r", "5", "-t", "4s", "-H", server.url)
    server.close()
    return ended


def test_every_number_can_be_recomputed_from_the_rows(failing_now_and_then):
    metrics, rows = failing_now_and_then.metrics, failing_now_and_then.rows
    times = [float(row["response_time"]) for row in rows]
    good = [float(row["response_time"]) for row in rows if row["success"] == "true"]
    failed = [row for row in rows if row["success"] == "false"]
    assert metrics["total_requests"] == len(rows)
    assert metrics["successful_requests"] == len(good)
    assert metrics["failed_requests"] == len(failed) > 0
    assert metrics["error_rate"] == pytest.approx(100 * len(failed) / len(rows), abs=0.005)
    assert metrics["average_response_time"] == pytest.approx(sum(times) / len(times), rel=1e-6)
    assert metrics["min_response_time"] == pytest.approx(min(times), abs=2e-9)
    assert metrics["max_response_time"] == pytest.approx(max(times), abs=2e-9)
    for key, q in (("median_response_time", 0.5), ("p95_response_time", 0.95), ("p99_response_time", 0.99)):
        assert metrics[key] == pytest.approx(nearest_rank(times, q), rel=1e-3)
        assert metrics["successful"][key] == pytest.approx(nearest_rank(good, q), rel=1e-3)
    window = metrics["measured_to_s"] - metrics["measured_from_s"]
    assert metrics["requests_per_second"] == pytest.approx(len(rows) / window)
    assert window == pytest.approx(4, abs=0.3)
    assert metrics["error_types"] == {"http_500": len(failed)}
    assert metrics["statuses"]["500"] == len(failed)


@pytest.mark.long
def test_results_are_not_overwritten_and_two_runs_at_once_do_not_clash(suite, service):
    from commandline import end, start

    cwd = suite(SIMPLE)
    words = ("run", "-u", "4", "-r", "4", "-t", "2s", "-H", service.url, "--processes", "2")
    both = [start(cwd, *words) for _ in range(2)]
    codes = [end(process, cwd).code for process in both]
    assert codes == [0, 0]
    directories = sorted((cwd / "reports/performance").iterdir())
    assert len(directories) == 2
    total = sum(json.loads((d / "metrics.json").read_text())["total_requests"] for d in directories)
    unfinished = sum(json.loads((d / "metrics.json").read_text())["unfinished"] for d in directories)
    assert total + unfinished == service.seen.total()


@pytest.mark.long
def test_three_percent_of_errors_warn_and_fail_only_when_asked_to(suite, service):
    cwd = suite(SIMPLE.replace('"/ok"', '"/every/25"').replace('"/echo"', '"/every/25"'))
    words = ("run", "-u", "8", "-r", "8", "-t", "2s", "-H", service.url)
    ended = loadproof(cwd, *words, "--results", "a")
    assert ended.code == 0, ended.out
    assert "WARN" in ended.out
    assert loadproof(cwd, *words, "--strict").code == 99
    assert loadproof(cwd, *words, "--threshold", "error_rate < 1%").code == 99


def test_a_target_that_refuses_everything_is_never_fast_and_never_a_pass(suite):
    ended = loadproof(
        suite(SIMPLE), "run", "-u", "3", "-r", "3", "-t", "2s", "-H", "http://127.0.0.1:9", "--no-ready-check"
    )
    assert ended.code == 99
    assert ended.verdict("error_rate")["outcome"] == "FAIL"
    assert ended.verdict("p95(response_time)")["outcome"] == "INCONCLUSIVE"
    assert ended.metrics["successful"] is None
    assert set(ended.metrics["error_types"]) == {"connection_refused"}


def test_a_target_that_does_not_answer_is_named_before_any_load(suite):
    ended = loadproof(suite(SIMPLE), "run", "-u", "3", "-t", "2s", "-H", "http://127.0.0.1:9")
    assert ended.code == 3
    assert "http://127.0.0.1:9 does not answer" in ended.err
    assert not (ended.cwd / "reports").exists()


def test_a_target_that_dies_in_the_middle_fails_the_run(suite, service):
    from commandline import end, start, wait_for

    cwd = suite(SIMPLE)
    process = start(cwd, "run", "-u", "3", "-r", "3", "-t", "4s", "-H", service.url)
    wait_for(lambda: service.seen.total() > 20)
    service.close()
    ended = end(process, cwd)
    assert ended.code == 99
    assert ended.metrics["failed_requests"] > 0


def test_exceptions_in_tasks_and_in_on_start_fail_the_run_and_are_named(suite, service):
    text = """
from locust import HttpUser, constant, task

class Half(HttpUser):
    wait_time = constant(0.05)

    @task
    def good(self):
        self.client.get("/ok")

    @task
    def bad(self):
        {}["missing"]

class Stillborn(HttpUser):
    def on_start(self):
        raise ValueError("no account left\\nsecond line")

    @task
    def never(self):
        self.client.get("/never")
"""
    ended = loadproof(suite(text), "run", "-u", "4", "-r", "4", "-t", "3s", "-H", service.url)
    assert ended.code == 99
    found = {(e["user_class"], e["where"], e["kind"], e["message"]) for e in ended.run["exceptions"]}
    assert ("Half", "bad", "KeyError", "'missing'") in found
    assert ("Stillborn", "on_start", "ValueError", "no account left") in found
    assert "KeyError" in ended.out
    assert "no account left" in ended.out
    assert ended.verdict("exceptions")["outcome"] == "FAIL"


@pytest.mark.long
def test_a_run_without_a_single_request_is_inconclusive(suite, service):
    text = "from locust import HttpUser, task\n\nclass Idle(HttpUser):\n    @task\n    def nothing(self):\n        import time; time.sleep(0.1)\n"
    cwd = suite(text)
    ended = loadproof(cwd, "run", "-u", "2", "-t", "2s", "-H", service.url)
    assert ended.code == 4
    assert ended.metrics["average_response_time"] is None
    assert loadproof(cwd, "run", "-u", "2", "-t", "1s", "-H", service.url, "--allow-inconclusive").code == 0


@pytest.mark.long
def test_requests_cut_off_by_the_end_are_counted_as_unfinished(suite, service):
    text = SIMPLE.replace('"/ok"', '"/slow/30000"').replace('"/echo"', '"/slow/30000"')
    ended = loadproof(suite(text), "run", "-u", "5", "-r", "5", "-t", "2s", "-H", service.url)
    assert ended.code == 4
    assert ended.metrics["unfinished"] == 5
    assert ended.metrics["total_requests"] == 0


def test_a_script_that_sets_the_exit_code_wins_and_it_is_said(suite, service):
    text = (
        SIMPLE
        + """
from locust import events

@events.quitting.add_listener
def decide(environment, **kw):
    environment.process_exit_code = 7
"""
    )
    ended = loadproof(suite(text), "run", "-u", "2", "-t", "2s", "-H", service.url)
    assert ended.code == 7
    assert "process_exit_code" in ended.out


@pytest.mark.long
def test_names_from_outside_do_no_harm(suite, service):
    text = SIMPLE.replace('name="read"', 'name="<script>alert(1)</script>"').replace('name="write"', 'name="=1+2"')
    ended = loadproof(suite(text), "run", "-u", "2", "-t", "2s", "-H", service.url)
    html = (ended.directory / "report.html").read_text()
    assert "<script>alert(1)" not in html
    assert "alert(1)" in html
    with (ended.directory / "results.csv").open(newline="") as file:
        cells = {cell for row in csv.reader(file) for cell in row}
    assert not any(cell.startswith("=") for cell in cells)


def test_secrets_are_redacted_everywhere(suite, service):
    text = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.1)

    @task
    def read(self):
        self.client.get("/status/500", headers={"Authorization": "Bearer s3cret-token"})
"""
    url = service.url.replace("http://", "http://joe:s3cret-password@")
    ended = loadproof(suite(text), "run", "-u", "1", "-t", "2s", "-H", url)
    for path in ended.directory.iterdir():
        assert "s3cret" not in path.read_text(), path.name
    assert "s3cret" not in ended.out + ended.err


@pytest.mark.long
def test_users_prints_reach_the_terminal_and_the_log(suite, service):
    ended = loadproof(
        suite("print('hello from the suite')\n" + SIMPLE), "run", "-u", "1", "-t", "1s", "-H", service.url
    )
    assert "hello from the suite" in ended.out
    assert "hello from the suite" in (ended.directory / "log.txt").read_text()


@pytest.mark.long
def test_only_failed_requests_get_rows_when_asked(suite, service):
    ended = loadproof(
        suite(SIMPLE.replace('"/ok"', '"/every/5"')),
        "run", "-u", "2", "-t", "2s", "-H", service.url, "--samples", "errors",
    )  # fmt: skip
    assert {row["success"] for row in ended.rows} == {"false"}
    assert len(ended.rows) == ended.metrics["failed_requests"]


def test_options_that_only_ask_are_answered_by_locust(suite):
    ended = loadproof(suite(SIMPLE), "run", "--list")
    assert ended.code == 0
    assert "Reader" in ended.out
    assert not (ended.cwd / "reports").exists()


@pytest.mark.long
def test_what_is_said_a_thousand_times_is_shown_three_times(suite, service):
    text = SIMPLE.replace('self.client.get("/ok", name="read")', "raise ValueError('again and again')")
    ended = loadproof(suite(text), "run", "-u", "2", "-t", "2s", "-H", service.url)
    assert (ended.directory / "log.txt").read_text().count("again and again") > 20
    assert ended.out.partition("Thresholds")[0].count("again and again") == 3
    assert "only in log.txt" in ended.out


def test_the_running_supervisor_has_loaded_neither_gevent_nor_locust(suite, service):
    from pathlib import Path

    from commandline import children, end, start, wait_for

    cwd = suite(SIMPLE)
    process = start(cwd, "run", "-u", "2", "-r", "2", "-t", "3s", "-H", service.url)
    wait_for(lambda: service.seen.total() > 10)
    supervisor = Path(f"/proc/{process.pid}/maps").read_text()
    load = "".join(Path(f"/proc/{pid}/maps").read_text() for pid in children(process.pid))
    assert "greenlet" in load
    assert "gevent" not in supervisor
    assert "greenlet" not in supervisor
    assert end(process, cwd).code == 0


@pytest.mark.long
def test_locusts_own_outputs_are_written_beside_ours(suite, service):
    cwd = suite(SIMPLE)
    words = ("--csv", "theirs", "--html", "theirs.html", "--json-file", "theirs", "--logfile", "theirs.log")
    ended = loadproof(cwd, "run", "-u", "2", "-r", "2", "-t", "3s", "-H", service.url, *words)
    assert ended.code == 0, ended.out + ended.err
    stats = json.loads((cwd / "theirs.json").read_text())
    assert sum(entry["num_requests"] for entry in stats) == ended.metrics["total_requests"]
    assert "read" in (cwd / "theirs.html").read_text()
    assert (cwd / "theirs_stats_history.csv").exists()
    assert "All users spawned" in (cwd / "theirs.log").read_text()


def tables_of(html):
    """Each table of a page as rows of cell texts."""
    from html.parser import HTMLParser

    class Tables(HTMLParser):
        def __init__(self):
            super().__init__()
            self.tables, self.cell = [], None

        def handle_starttag(self, tag, attrs):  # noqa: ARG002 - HTMLParser calls it
            if tag == "table":
                self.tables.append([])
            elif tag == "tr":
                self.tables[-1].append([])
            elif tag in ("td", "th"):
                self.cell = ""

        def handle_endtag(self, tag):
            if tag in ("td", "th"):
                self.tables[-1][-1].append(self.cell.strip())
                self.cell = None

        def handle_data(self, data):
            if self.cell is not None:
                self.cell += data

    parser = Tables()
    parser.feed(html)
    return parser.tables


def number(text):
    """A figure of the report in base units: seconds, ratio, per second or a count."""
    units = {"µs": 1e-6, "ms": 1e-3, "s": 1.0, "%": 0.01, "/s": 1.0, "": 1.0}
    match = re.fullmatch(r"~?([\d,.]+) ?(µs|ms|s|%|/s|)", text)
    return float(match[1].replace(",", "")) * units[match[2]]


def test_the_figures_of_the_report_are_those_of_the_rows(failing_now_and_then):
    ended = failing_now_and_then
    rows = ended.rows
    duration = ended.metrics["measured_to_s"]
    found = {}
    for table in tables_of((ended.directory / "report.html").read_text()):
        if table[0][:4] == ["Method", "Name", "Requests", "Failures"]:
            found = {cells[1]: dict(zip(table[0][2:], cells[2:], strict=True)) for cells in table[1:]}
    assert set(found) == {"read", "write", "All endpoints"}
    for name, shown in found.items():
        mine = [row for row in rows if name in (row["endpoint"], "All endpoints")]
        good = [float(row["response_time"]) for row in mine if row["success"] == "true"]
        failed = len(mine) - len(good)
        assert number(shown["Requests"]) == len(mine)
        assert number(shown["Failures"]) == failed
        # Three digits are shown.
        assert number(shown["Errors"]) == pytest.approx(failed / len(mine), rel=6e-3, abs=1e-9)
        assert number(shown["Rate"]) == pytest.approx(len(mine) / duration, rel=6e-3)
        assert number(shown["Avg"]) == pytest.approx(sum(good) / len(good), rel=6e-3)
        assert number(shown["Max"]) == pytest.approx(max(good), rel=6e-3)
        for label, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            assert number(shown[label]) == pytest.approx(nearest_rank(good, q), rel=6e-3)
