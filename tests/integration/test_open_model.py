"""Load on schedule, from outside: what was asked for is what arrived, and what could not be made is counted."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter

import pytest

from commandline import Ended, children, end, loadproof, start, wait_for
from modelled import modelled

SEVERAL = pytest.param(2, marks=pytest.mark.long)

PLAIN = """
from locust import HttpUser, task

class Reader(HttpUser):
    @task
    def read(self):
        self.client.get("/", name="read")
"""

MANY_KINDS = """
from locust import HttpUser, SequentialTaskSet, TaskSet, between, constant, task

class Reader(HttpUser):
    weight = 3
    wait_time = constant(30)  # says nothing in an open model

    def on_start(self):
        self.client.get("/", name="login")

    @task
    class Pages(TaskSet):
        wait_time = between(10, 20)

        @task(2)
        def two(self):
            self.client.get("/", name="first of two")
            self.client.get("/", name="second of two")

        @task
        def leave(self):
            self.client.get("/", name="leave")
            self.interrupt()

class Buyer(HttpUser):
    weight = 1

    @task
    class Steps(SequentialTaskSet):
        @task
        def one(self):
            self.client.get("/", name="one")

        @task
        def fail(self):
            with self.client.get("/", name="fail", catch_response=True) as answer:
                answer.failure("not what was asked for")
"""


@pytest.fixture
def suite(tmp_path):
    def write(text):
        (tmp_path / "locustfile.py").write_text(text)
        return tmp_path

    return write


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize("processes", [1, SEVERAL])
def test_a_rate_is_met_by_a_service_that_keeps_up(suite, processes):
    several = ["--processes", "2"] if processes == 2 else []
    with modelled("fast") as url:
        ended = loadproof(suite(PLAIN), "run", "-H", url, "--rate", "60/s", "--duration", "5s", *several)
    assert ended.code == 0, ended.out + ended.err
    metrics = ended.metrics
    assert metrics["dropped"] == 0
    assert metrics["offered_per_second"] == pytest.approx(60, rel=1e-9)
    assert metrics["total_requests"] == 300
    assert metrics["requests_per_second"] == pytest.approx(60, rel=0.01)
    assert len(ended.rows) == 300


@pytest.mark.alone
@pytest.mark.parametrize("processes", [1, SEVERAL])
def test_what_a_slow_service_could_not_take_is_dropped_and_counted(suite, processes):
    several = ["--processes", "2"] if processes == 2 else []
    with modelled("workers", "2", "0.1") as url:
        ended = loadproof(
            suite(PLAIN), "run", "-H", url, "--rate", "60/s", "--duration", "5s", "--max-users", "6", *several
        )
    assert ended.code == 99, ended.out + ended.err
    health = ended.run["health"]
    assert health["offered"] == 300
    assert health["started"] + health["dropped"] == 300
    assert health["started"] == ended.metrics["total_requests"] + ended.metrics["unfinished"]
    assert 60 <= health["started"] <= 140  # 20 a second, and those that the last users still finish
    assert ended.verdict("dropped_rate")["outcome"] == "FAIL"
    assert "raise --max-users" in ended.out


@pytest.mark.long
@pytest.mark.alone
def test_late_arrivals_run_when_they_shall_and_are_measured_from_their_time(suite):
    with modelled("workers", "1", "0.05") as url:
        ended = loadproof(
            suite(PLAIN), "run", "-H", url, "--rate", "40/s", "--duration", "3s", "--max-users", "1", "--late", "run"
        )
    assert ended.run["health"]["dropped"] == 0
    assert ended.metrics["total_requests"] == 120
    # The last of 120 begins after 119 x 50 ms, 3 s after it was due.
    assert ended.metrics["max_response_time"] == pytest.approx(3.0, abs=0.5)
    assert ended.metrics["service_time"]["max_s"] < 0.3


@pytest.mark.long
@pytest.mark.alone
def test_tasks_of_all_kinds_take_one_arrival_each(suite):
    with modelled("fast") as url:
        ended = loadproof(
            suite(MANY_KINDS), "run", "-H", url, "--rate", "100/s", "--duration", "4s", "-u", "8",
            "--threshold", "error_rate < 100%",
        )  # fmt: skip
    assert ended.code == 0, ended.out + ended.err
    names = Counter(row["endpoint"] for row in ended.rows)
    assert names["first of two"] == names["second of two"]
    assert abs(names["one"] - names["fail"]) <= 8
    iterations = names["first of two"] + names["leave"] + names["one"] + names["fail"]
    assert iterations == 400
    assert names["one"] + names["fail"] == pytest.approx(100, abs=40)  # a quarter of them, by weight
    setups = [row for row in ended.rows if row["phase"] == "setup"]
    assert {row["endpoint"] for row in setups} == {"login"}
    assert {row["method"] for row in setups} == {"GET setup"}
    assert ended.metrics["total_requests"] == 400 + names["second of two"]
    assert ended.metrics["error_rate"] == pytest.approx(100 * names["fail"] / ended.metrics["total_requests"], abs=1e-3)
    (flow,) = [entry for entry in ended.metrics["endpoints"] if entry["name"] == "Reader.two"]
    assert (flow["method"], flow["requests"], flow["in_totals"]) == ("ITERATION", names["first of two"], False)


@pytest.mark.long
@pytest.mark.alone
def test_two_runs_with_one_seed_have_the_same_schedule(suite):
    cwd = suite(PLAIN)
    counts = []
    with modelled("fast") as url:
        for _ in range(2):
            ended = loadproof(
                cwd,
                "run",
                "-H",
                url,
                "--rate",
                "50/s",
                "--duration",
                "3s",
                "--poisson",
                "--seed",
                "7",
                "--results",
                f"r{_}",
            )
            assert ended.code == 0, ended.out + ended.err
            (directory,) = (cwd / f"r{_}").iterdir()
            lines = (directory / "results.csv").read_text().splitlines()[1:]
            counts.append(len(lines))
    assert counts[0] == counts[1] != 150


@pytest.mark.parametrize("processes", [1, SEVERAL])
def test_a_run_ends_after_so_many_iterations(suite, processes):
    several = ["--processes", "2"] if processes == 2 else []
    with modelled("fast") as url:
        ended = loadproof(suite(PLAIN), "run", "-H", url, "-u", "4", "-r", "4", "--iterations", "101", *several)
    assert ended.code == 0, ended.out + ended.err
    assert ended.metrics["total_requests"] == 101
    assert ended.metrics["unfinished"] == 0


@pytest.mark.parametrize("processes", [1, SEVERAL])
def test_each_user_does_so_many_iterations(suite, processes):
    several = ["--processes", "2"] if processes == 2 else []
    with modelled("fast") as url:
        ended = loadproof(suite(PLAIN), "run", "-H", url, "-u", "5", "-r", "2", "--iterations-per-user", "7", *several)
    assert ended.code == 0, ended.out + ended.err
    assert ended.metrics["total_requests"] == 35


@pytest.mark.long
def test_stages_of_users_are_followed(suite):
    with modelled("fast") as url:
        ended = loadproof(suite(PLAIN), "run", "-H", url, "--stages", "2s:10,2s:10,1s:0", "--warmup", "ramp")
    assert ended.code == 0, ended.out + ended.err
    assert ended.run["record"]["user_peak"] == 10
    assert ended.metrics["measured_from_s"] == 2
    assert {row["phase"] for row in ended.rows} >= {"main"}


SCENARIOS = """
[run]
locustfile = "locustfile.py"

[profiles.steady]
target = "20/s"
duration = "4s"

[scenarios.browse]
classes = ["Browser"]
profile = "steady"

[scenarios.work]
classes = ["Worker"]
start = "1s"
target = 3
duration = "2s"
"""

TWO_CLASSES = """
from locust import HttpUser, constant, task

class Browser(HttpUser):
    @task
    def browse(self):
        self.client.get("/", name="browse")

class Worker(HttpUser):
    wait_time = constant(0.1)

    @task
    def work(self):
        self.client.get("/", name="work")
"""


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize("processes", [1, SEVERAL])
def test_scenarios_run_side_by_side_each_on_its_own_profile(suite, processes):
    several = ["--processes", "2"] if processes == 2 else []
    cwd = suite(TWO_CLASSES)
    (cwd / "loadproof.toml").write_text(SCENARIOS)
    with modelled("fast") as url:
        ended = loadproof(cwd, "run", "-H", url, *several)
    assert ended.code == 0, ended.out + ended.err
    names = Counter(row["endpoint"] for row in ended.rows)
    assert names["browse"] == 80
    assert 30 <= names["work"] <= 100  # three users, ten a second each, for two seconds
    assert ended.run["record"]["users_by_class_peak"]["Worker"] == 3


def test_the_profile_of_a_suite_and_one_of_the_plan_cannot_both_decide(suite):
    shape = (
        "\nfrom locust import LoadTestShape\nclass Steps(LoadTestShape):\n    def tick(self):\n        return None\n"
    )
    with modelled("fast") as url:
        ended = loadproof(suite(PLAIN + shape), "run", "-H", url, "--rate", "10/s", "--duration", "2s")
    assert ended.code == 2, ended.out + ended.err
    assert "Steps" in ended.err


@pytest.mark.long
def test_a_schedule_ends_where_its_last_worker_is_lost(suite):
    cwd = suite(PLAIN)
    with modelled("fast") as url:
        process = start(cwd, "run", "-H", url, "--rate", "20/s", "--duration", "60s", "--processes", "1")
        wait_for(lambda: sum(len(path.read_bytes()) for path in cwd.glob("reports/performance/*/results.csv")) > 1000)
        (load,) = [pid for pid in children(process.pid) if pid == os.getpgid(pid)]
        (worker,) = children(load)
        os.kill(worker, signal.SIGKILL)
        ended = end(process, cwd, timeout=40)
    assert ended.code == 3, ended.out + ended.err
    assert "was lost" in ended.out


def test_users_that_run_no_tasks_cannot_be_scheduled(suite):
    functions = "def test_read(session):\n    session.get('/')\n"
    cwd = suite("")
    (cwd / "locustfile.py").write_text(functions)
    with modelled("fast") as url:
        ended = loadproof(cwd, "run", "-H", url, "--rate", "10/s", "--duration", "2s")
    assert ended.code == 2, ended.out + ended.err
    assert "without tasks" in ended.err


@pytest.mark.long
def test_a_run_that_was_killed_is_rebuilt_without_its_warm_up(suite):
    cwd = suite(PLAIN)
    with modelled("fast") as url:
        process = start(cwd, "run", "-H", url, "--rate", "50/s", "--duration", "60s", "--warmup", "3s")
        wait_for(lambda: sum(len(path.read_bytes()) for path in cwd.glob("reports/performance/*/results.csv")) > 30_000)
        os.kill(process.pid, signal.SIGKILL)
        end(process, cwd)
    (directory,) = cwd.glob("reports/performance/*")
    ended = loadproof(cwd, "report", str(directory))
    assert ended.code == 0, ended.out + ended.err
    rows = [row for row in Ended(0, "", "", cwd).rows if row["phase"] == "main"]
    metrics = json.loads((directory / "metrics.json").read_text())
    assert metrics["total_requests"] == len(rows)
    assert metrics["measured_from_s"] >= 3
