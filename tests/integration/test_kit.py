"""Each part of the kit in a real run: under Loadproof and under plain Locust, in one process and in two."""

from __future__ import annotations

import csv
import json
import os
import re
import socket
import time
from collections import Counter, defaultdict
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from service import Handler, Service

from commandline import end, start, wait_for

SUITE = Path(__file__).parent / "examples/kit_parts.py"
USERS = 6
WAYS = {
    "loadproof run": (("loadproof", "run"), 1),
    "loadproof run with two processes": (("loadproof", "run", "--processes", "2"), 2),
    "loadproof locust": (("loadproof", "locust", "--headless"), 1),
    "locust": (("locust", "--headless"), 1),
    "locust with two processes": (("locust", "--headless", "--processes", "2"), 2),
}
MEASURED = [way for way in WAYS if way.startswith("loadproof run")]
PLAIN = [way for way in WAYS if way not in MEASURED]
VARIANTS = ("loadproof locust", "locust with two processes")
RULES = {
    'p95(flow_time){name="checkout"} < 30s': ("FLOW", "checkout"),
    "p95(flow_time){flow=checkout} > 40ms": ("FLOW", "checkout"),
    "p95(flow_time){class=Shopper} < 30s": ("FLOW", "checkout"),  # of the others none was a success
    'p95(response_time){name="sign up", outcome=expected} < 30s': ("POST", "sign up"),
}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


class Story:
    """A run, what its processes noted, and what Locust's table says."""

    def __init__(self, folder, way, url):
        (program, *first), self.processes = WAYS[way]
        (folder / "accounts.csv").write_text("name\n" + "".join(f"perf-user-{n}\n" for n in range(USERS)))
        words = [*first, "-f", str(SUITE), "-H", url, "-u", str(USERS + 1), "-r", "100", "-t", "4s", "--csv", "table"]
        if self.processes > 1:
            port = free_port()
            words += ["--master-bind-port", port, "--master-port", port] if way not in MEASURED else []
        if way in MEASURED:
            words += [word for rule in RULES for word in ("--threshold", rule)]
        notes = {"KIT_NOTES": str(folder / "notes"), "KIT_ACCOUNTS": str(folder / "accounts.csv")}
        self.ended = end(start(folder, *words, program=program, **notes), folder, 90)
        assert (folder / "notes").exists(), self.ended.err + self.ended.out
        lines = (folder / "notes").read_text().splitlines()
        self.notes = [(line["process"], line["kind"], line["value"]) for line in map(json.loads, lines)]

    def of(self, kind):
        return [value for _, noted, value in self.notes if noted == kind]

    def by_process(self, kind):
        found = defaultdict(list)
        for process, noted, value in self.notes:
            if noted == kind:
                found[process].append(value)
        return found

    @property
    def table(self):
        """Requests and failures by type and name, as Locust's own table has them."""
        with (self.ended.cwd / "table_stats.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["Name"] != "Aggregated"]
        return {(row["Type"], row["Name"]): (int(row["Request Count"]), int(row["Failure Count"])) for row in rows}

    @property
    def errors(self):
        with (self.ended.cwd / "table_failures.csv").open(newline="") as file:
            return {(row["Method"], row["Name"]): row["Error"] for row in csv.DictReader(file)}

    def endpoint(self, method, name):
        (found,) = [e for e in self.ended.metrics["endpoints"] if (e["method"], e["name"]) == (method, name)]
        return found


@pytest.fixture(scope="module")
def stories(tmp_path_factory):
    """Each way once, when it is first asked for."""
    told = {}
    server = Service()

    def tell(way):
        if way not in told:
            told[way] = Story(tmp_path_factory.mktemp("kit"), way, server.url)
        return told[way]

    yield tell
    server.close()


@pytest.fixture(params=[pytest.param(way, marks=pytest.mark.long if way in VARIANTS else ()) for way in WAYS])
def story(request, stories):
    return stories(request.param)


@pytest.fixture(params=MEASURED)
def measured(request, stories):
    return stories(request.param)


@pytest.fixture(params=[pytest.param(way, marks=pytest.mark.long if way in VARIANTS else ()) for way in PLAIN])
def plain(request, stories):
    return stories(request.param)


@pytest.mark.long
def test_each_row_went_to_one_user(story):
    rows = story.by_process("row")
    assert len(rows) == story.processes
    taken = Counter(story.of("row"))
    assert len(taken) > 20
    assert set(taken.values()) == {1}


def test_each_user_had_an_account_of_its_own_though_there_were_just_enough(story):
    assert len(story.by_process("account")) == story.processes
    assert sorted(story.of("account")) == [f"perf-user-{n}" for n in range(USERS)]


def test_exactly_one_process_led(story):
    assert len(story.of("leader")) == 1
    assert sorted(story.of("share")) == [[rank, story.processes] for rank in range(story.processes)]


def test_a_race_for_five_made_five_in_each_process(story):
    assert [len(made) for made in story.by_process("kafka").values()] == [5] * story.processes


def test_a_total_was_split_without_loss(story):
    assert len(story.of("prize")) == 7


def phase_at(seconds):
    return "begin" if seconds < 1 else "mix" if seconds < 3 else "end"


def test_phases_went_by_the_time_since_the_start_of_the_test(story):
    began = min(story.of("began at"))  # the master's own, where there is one
    for seen in story.by_process("phase").values():
        for at, name in seen:
            assert name in {phase_at(at - began - 0.05), phase_at(at - began + 0.05)}
        assert {"mix", "end"} <= {name for _, name in seen}


def test_a_flow_that_was_cut_off_by_the_end_of_the_run_is_neither_success_nor_failure(story):
    assert story.of("began") == [1]
    if story.ended.directories:
        assert "endless" not in {entry["name"] for entry in story.ended.metrics["endpoints"]}
        assert "endless" not in {row["endpoint"] for row in story.ended.rows}
    assert ("FLOW", "endless") not in story.table


def test_the_table_of_locust_has_every_entry(plain):
    table = plain.table
    assert table["POST", "create"] == (5 * plain.processes, 0)
    assert table["POST", "sign up"][1] == 0 < table["POST", "sign up"][0]
    for failing in (("POST", "broken"), ("MAIL", "late mail"), ("FLOW", "lost")):
        assert table[failing][0] == table[failing][1] > 0
    assert table["FLOW", "checkout"][1] == 0 < table["FLOW", "checkout"][0]
    assert table["GET", "look"][0] >= 3 * table["FLOW", "checkout"][0]


def test_failures_say_what_was_wrong_without_secrets(story):
    errors = story.errors
    assert "HTTP 500, expected 201 or 409: {" in errors["POST", "broken"]
    assert "s3cret" not in errors["POST", "broken"]
    assert "not there within 50 ms" in errors["MAIL", "late mail"]
    assert "state FAILED" in errors["FLOW", "lost"]


def test_loadproof_counts_expected_conflicts_apart(measured):
    sign_up = measured.endpoint("POST", "sign up")
    assert sign_up["failures"] == 0
    assert sign_up["expected"] == sign_up["requests"] > 0
    outcomes = Counter(row["error_message"] for row in measured.ended.rows if row["endpoint"] == "sign up")
    assert set(outcomes) == {"expected"}


def test_loadproof_knows_flows_their_times_and_their_users_and_leaves_them_out_of_totals(measured):
    checkout = measured.endpoint("FLOW", "checkout")
    assert checkout["failures"] == 0 < checkout["requests"]
    rows = [row for row in measured.ended.rows if row["method"] == "FLOW" and row["endpoint"] == "checkout"]
    assert len(rows) == checkout["requests"]
    assert {row["user_class"] for row in rows} == {"Shopper"}
    assert all(float(row["response_time"]) >= 0.04 for row in rows)  # two pauses of 20 ms
    requests = [row for row in measured.ended.rows if row["method"] in {"GET", "POST"}]
    assert measured.ended.metrics["total_requests"] == len(requests)


def test_the_share_of_kernel_stamps_is_one_of_requests(measured):
    clocks = Counter(row["clock"] for row in measured.ended.rows if row["method"] in {"GET", "POST"})
    shown = measured.ended.metrics["health"]["kernel_clock_ratio"]
    assert shown == pytest.approx(clocks["kernel"] / clocks.total())


@pytest.mark.parametrize("rule", RULES)
def test_rules_see_flows_by_their_name_and_class(measured, rule):
    verdict = measured.ended.verdict(rule)
    assert verdict["outcome"] in {"PASS", "INCONCLUSIVE"}  # a busy machine proves nothing
    assert verdict["n"] == measured.endpoint(*RULES[rule])["requests"] > 0
    assert 0 < verdict["observed"] < 30


def test_nothing_was_raised_in_any_of_them(story):
    assert "Traceback" not in story.ended.err + story.ended.out
    assert "Unknown message type" not in story.ended.err


REFUSED = """
from locust import HttpUser, task
from loadproof.kit.phases import Phase, Phases

Phases([Phase("seed", until=60), Phase("mix")], run_time=3600) and None
PHASES = Phases([Phase("mix"), Phase("cleanup", before_end=90)])


class Shopper(HttpUser):
    @task
    def look(self):
        self.client.get("/look")
"""


@pytest.mark.parametrize("command", [("loadproof", "run"), ("locust", "--headless")])
def test_a_run_too_short_for_its_phases_sends_nothing(tmp_path, service, command):
    (tmp_path / "locustfile.py").write_text(REFUSED)
    program, first = command
    ended = end(start(tmp_path, first, "-H", service.url, "-t", "60s", program=program), tmp_path)
    assert ended.code == 2
    assert "'mix' has no time in a run of 1 m 00 s" in ended.err + ended.out
    assert "Traceback" not in ended.err
    assert service.seen == {}


EMPTIED = """
from locust import HttpUser, constant, task
from loadproof.kit.feeders import Feeder

ROWS = Feeder([1, 2, 3, 4, 5], on_empty="stop_run")


class Shopper(HttpUser):
    wait_time = constant(0.01)

    @task
    def look(self):
        self.client.get(f"/look/{ROWS.next()}")
"""


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_a_run_ends_when_the_first_process_has_no_rows_left(tmp_path, service, way):
    (tmp_path / "locustfile.py").write_text(EMPTIED)
    (program, *words), processes = WAYS[way]
    if processes > 1 and way not in MEASURED:
        port = free_port()
        words += ["--master-bind-port", port, "--master-port", port]
    ended = end(start(tmp_path, *words, "-H", service.url, "-u", "2", "-t", "60s", program=program), tmp_path, 50)
    assert ended.code in {0, 4}, ended.err  # so few requests may prove nothing
    assert "are used up, out of 5: the run ends" in ended.err + ended.out + log_of(ended)
    assert 2 <= sum(service.seen.values()) <= 5
    assert max(service.seen.values()) == 1


def log_of(ended):
    return "".join((directory / "log.txt").read_text() for directory in ended.directories)


def test_the_suite_leaves_no_process_behind(story):
    for process in {process for process, _, _ in story.notes}:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.fixture
def page(tmp_path, service):
    """Locust's web interface over the suite and two workers: a function that starts a test there."""
    web, master = free_port(), free_port()
    (tmp_path / "accounts.csv").write_text("name\n" + "".join(f"perf-user-{n}\n" for n in range(USERS)))
    words = ["-f", str(SUITE), "-H", service.url, "--processes", "2", "--web-host", "127.0.0.1", "--web-port", web]
    words += ["--master-bind-port", master, "--master-port", master]
    notes = {"KIT_NOTES": str(tmp_path / "notes"), "KIT_ACCOUNTS": str(tmp_path / "accounts.csv")}
    process = start(tmp_path, *words, program="locust", **notes)

    def look():
        with urlopen(f"http://127.0.0.1:{web}/stats/requests", timeout=10) as answer:
            return json.load(answer)

    def workers():
        try:
            return len(look()["workers"]) == 2
        except OSError:
            return False

    def swarm(**said):
        form = urlencode({"user_count": USERS + 1, "spawn_rate": 100, **said}).encode()
        urlopen(f"http://127.0.0.1:{web}/swarm", form, timeout=10).close()

    wait_for(workers, 60)
    yield SimpleNamespace(swarm=swarm, state=lambda: look()["state"], notes=tmp_path / "notes", process=process)
    os.killpg(process.pid, 15)
    process.communicate(timeout=30)


@pytest.mark.long
def test_each_test_of_the_web_interface_begins_anew_and_one_without_an_end_does_not(page, service):
    page.swarm()
    time.sleep(1)  # the time in which users would have been started
    assert page.state() == "ready"
    assert not page.notes.exists()
    assert service.seen == {}
    for _ in range(2):
        page.notes.write_text("")
        page.swarm(run_time="4s")
        wait_for(lambda: page.state() in {"spawning", "running"}, 60)
        wait_for(lambda: page.state() == "stopped", 60)
        kinds = defaultdict(list)
        for line in map(json.loads, page.notes.read_text().splitlines()):
            kinds[line["kind"]].append(line["value"])
        assert sorted(kinds["account"]) == [f"perf-user-{n}" for n in range(USERS)]
        assert (len(kinds["leader"]), len(kinds["kafka"]), len(kinds["prize"])) == (1, 10, 7)
        assert min(kinds["row"]) == 0
        assert len(kinds["row"]) == len(set(kinds["row"]))


# The manual

PAGE = (Path(__file__).parents[2] / "docs/kit.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```python\n# (\w+)\.py\n(.*?)```", PAGE, re.DOTALL))
PARTS = ("polling", "expectations", "feeders", "accounts", "coordination", "phases")


class Manual(Handler):
    """What the examples of the manual speak to."""

    def _decide(self, _body):
        if self.path == "/conversions":
            return 202, b'{"url": "/conversions/7"}'
        if self.path.startswith("/conversions/"):
            with self.server.lock:
                self.server.count += 1
                return 200, b'{"state": "COMPLETE"}' if self.server.count % 2 else b'{"state": "RUNNING"}'
        if self.path == "/users":
            return 201, b"{}"
        return 200, b'{"items": ["tea"]}'


@pytest.fixture(scope="module")
def manual(tmp_path_factory):
    """All examples of the manual in one run: what it printed, and its entries without the failed ones."""
    folder = tmp_path_factory.mktemp("manual")
    for name in PARTS:
        (folder / f"{name}.py").write_text(EXAMPLES[name])
    (folder / "orders.csv").write_text("article\n" + "tea\n" * 5)
    server = Service()
    server.RequestHandlerClass = Manual
    files = ",".join(f"{name}.py" for name in PARTS)
    words = ("run", "-f", files, "-H", server.url, "-u", str(len(PARTS)), "-r", "100", "-t", "4s")
    ended = end(start(folder, *words), folder, 90)
    server.close()
    return ended


def test_the_examples_of_the_manual_run(manual):
    entries = {(e["method"], e["name"]): e for e in manual.metrics["endpoints"]}
    assert {key for key, entry in entries.items() if entry["failures"]} == set()
    named = {("FLOW", "conversion"), ("POST", "convert"), ("GET", "state"), ("POST", "sign up"), ("GET", "search")}
    named |= {("POST", "enter an order"), ("POST", "log in"), ("GET", "look"), ("POST", "create")}
    assert set(entries) == named | {("GET", "/clusters"), ("GET", "/cleanup")}
    assert entries["POST", "enter an order"]["requests"] == 5
    assert entries["POST", "create"]["requests"] == 5
    assert manual.run["exceptions"] == []
    assert "one of 1 processes says this" in manual.out + log_of(manual)
