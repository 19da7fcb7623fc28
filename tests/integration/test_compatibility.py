"""The same file under Locust and under Loadproof, against nginx: the same counts."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from pathlib import Path

import pytest

from commandline import both, loadproof

pytestmark = pytest.mark.real("nginx")

FIXED = """
import os
from locust import (FastHttpUser, HttpUser, LoadTestShape, SequentialTaskSet, TaskSet, User, between, constant,
                    constant_pacing, events, tag, task)
from locust.exception import StopUser

seen = {"requests": 0, "started": 0}

@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--my-arg", default="unset")

@events.test_start.add_listener
def started(environment, **kw):
    seen["started"] += 1
    print("started with", environment.parsed_options.rounds, environment.parsed_options.my_arg)

@events.request.add_listener
def on_request(request_type, name, response_time, response_length, exception, context, **kw):
    seen["requests"] += 1

@events.quitting.add_listener
def done(environment, **kw):
    print("listener saw", seen["requests"], "requests")

class Rounds(HttpUser):
    weight = 2
    wait_time = between(0.001, 0.003)

    def on_start(self):
        self.round = 0
        self.client.get("/", name="home")

    @task
    def go(self):
        if self.round >= self.environment.parsed_options.rounds:
            raise StopUser()
        self.round += 1
        self.client.get(f"/items/{self.round}", name="/items/[n]")
        self.client.get("/json?page=%d" % self.round)
        with self.client.get("/status/404", catch_response=True) as response:
            if response.status_code == 404:
                response.success()
        with self.client.get("/json", name="checked", catch_response=True) as response:
            if self.round == 2:
                response.failure("not what we wanted")
        self.client.get("/status/500", name="broken")
        self.client.get("/redirect")
        with self.client.rename_request("renamed"):
            self.client.get("/json")

    def on_stop(self):
        self.client.get("/json", name="goodbye")

class Fast(FastHttpUser):
    weight = 1
    wait_time = constant_pacing(0.01)

    def on_start(self):
        self.round = 0

    @task
    def go(self):
        if self.round >= 5:
            raise StopUser()
        self.round += 1
        self.client.get("/json", name="fast")
        with self.client.get("/status/404", catch_response=True, name="fast 404") as response:
            response.success()
        self.client.get("/status/500", name="fast broken")

class Nested(HttpUser):
    fixed_count = 2
    wait_time = constant(0)

    class Outer(TaskSet):
        done = 0

        @task
        class Steps(SequentialTaskSet):
            @task
            def first(self):
                self.client.get("/json", name="step 1")

            @task
            def second(self):
                self.client.get("/json", name="step 2")

            @task
            def last(self):
                self.client.get("/json", name="step 3")
                self.user.rounds = getattr(self.user, "rounds", 0) + 1
                if self.user.rounds >= 4:
                    raise StopUser()
                self.interrupt()

    tasks = [Outer]

class Tagged(HttpUser):
    fixed_count = 1
    wait_time = constant(0)

    @tag("yes")
    @task
    def wanted(self):
        self.client.get("/json", name="tagged")
        raise StopUser()

class NotHttp(User):
    fixed_count = 1

    @task
    def custom(self):
        self.environment.events.request.fire(request_type="CUSTOM", name="own", response_time=12.5, response_length=3,
                                             exception=None, context={})
        with self.environment.events.request.measure("CUSTOM", "measured"):
            pass
        raise StopUser()
"""


def counts_of_csv(prefix):
    with Path(f"{prefix}_stats.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["Name"] != "Aggregated"]
    return {(r["Type"], r["Name"]): (int(r["Request Count"]), int(r["Failure Count"])) for r in rows}


def chi_square_p(ours, theirs):
    """P-value that two pairs of counts come from one mix: Pearson's chi-square with one degree of freedom."""
    total = sum(ours) + sum(theirs)
    statistic = 0.0
    for row in (ours, theirs):
        for column in (0, 1):
            expected = sum(row) * (ours[column] + theirs[column]) / total
            statistic += (row[column] - expected) ** 2 / expected
    return math.erfc(math.sqrt(statistic / 2))


def test_users_with_a_fixed_script_give_equal_counts(tmp_path, nginx):
    (tmp_path / "locustfile.py").write_text(FIXED)
    words = ("-u", "10", "-r", "10", "-t", "6s", "-H", nginx.url, "--rounds", "4", "--my-arg", "5")
    theirs, ours = both(tmp_path, ("--headless", *words, "--csv", "theirs"), ("run", *words, "--csv", "ours"))
    expected = counts_of_csv(tmp_path / "theirs")
    measured = {(e["method"], e["name"]): (e["requests"], e["failures"]) for e in ours.metrics["endpoints"]}
    assert measured == expected
    assert len(measured) == 21
    assert counts_of_csv(tmp_path / "ours") == expected
    said = [line for line in theirs.out.splitlines() if line.startswith(("started with", "listener saw"))]
    assert said == [line for line in ours.out.splitlines() if line.startswith(("started with", "listener saw"))]
    assert len(said) == 2


@pytest.mark.long
def test_a_random_mix_has_the_same_names_in_the_same_shares(tmp_path, nginx):
    (tmp_path / "locustfile.py").write_text("""
from locust import HttpUser, TaskSet, constant, tag, task

class Mix(HttpUser):
    weight = 3
    wait_time = constant(0.002)

    @task(5)
    def a(self):
        self.client.get("/json", name="a")

    @task(2)
    def b(self):
        self.client.get("/json", name="b")

    @tag("not this")
    @task(10)
    def c(self):
        self.client.get("/json", name="c")

class Other(HttpUser):
    weight = 1
    wait_time = constant(0.002)
    tasks = {}

    @task
    class Inner(TaskSet):
        @task(3)
        def d(self):
            self.client.get("/json", name="d")

        @task
        def e(self):
            self.client.get("/json", name="e")
            self.interrupt()
""")
    words = ("-u", "8", "-r", "8", "-t", "4s", "-H", nginx.url, "--exclude-tags", "not this")
    _, ours = both(tmp_path, ("--headless", *words, "--csv", "theirs"), ("run", *words))
    theirs = {name: count for (_, name), (count, _) in counts_of_csv(tmp_path / "theirs").items()}
    measured = {e["name"]: e["requests"] for e in ours.metrics["endpoints"]}
    assert set(measured) == set(theirs) == {"a", "b", "d", "e"}
    # a and b are one user's choice, d and e another's: the classes' speeds are not part of the mix
    for pair in (("a", "b"), ("d", "e")):
        assert chi_square_p([measured[name] for name in pair], [theirs[name] for name in pair]) > 0.001


@pytest.mark.long
def test_a_load_shape_decides_users_and_end(tmp_path, nginx):
    (tmp_path / "locustfile.py").write_text("""
from locust import HttpUser, LoadTestShape, constant, task

class U(HttpUser):
    wait_time = constant(0.05)

    @task
    def t(self):
        self.client.get("/json")

class Steps(LoadTestShape):
    def tick(self):
        return (2, 10) if self.get_run_time() < 2 else (6, 10) if self.get_run_time() < 4 else None
""")
    ended = loadproof(tmp_path, "run", "-H", nginx.url)
    assert ended.code == 0, ended.out + ended.err
    assert ended.metrics["users_peak"] == 6
    assert 3.5 < ended.metrics["measured_to_s"] < 7


@pytest.mark.long
@pytest.mark.parametrize("processes", [1, 2])
def test_what_was_counted_is_what_nginx_wrote_down(tmp_path, nginx, processes):
    (tmp_path / "locustfile.py").write_text("""
from locust import FastHttpUser, HttpUser, constant, task

class U(HttpUser):
    wait_time = constant(0.001)

    @task(20)
    def t(self):
        self.client.get("/json")

    @task
    def slow(self):
        self.client.get("/slow")

class F(FastHttpUser):
    wait_time = constant(0.001)

    @task(20)
    def t(self):
        self.client.get("/json")

    @task
    def slow(self):
        self.client.get("/slow")
""")
    several = ("--processes", "2") if processes == 2 else ()
    ended = loadproof(tmp_path, "run", "-u", "10", "-r", "10", "-t", "4s", "-H", nginx.url, *several)
    metrics = ended.metrics
    nginx.stop()
    lines = Counter(line.split()[0] for line in nginx.access_log_lines())
    assert metrics["unfinished"] > 0
    assert metrics["total_requests"] + metrics["unfinished"] == lines.total()


def test_locusts_own_command_line_behaves_as_locust(tmp_path, nginx):
    (tmp_path / "locustfile.py").write_text(FIXED)
    words = ("--headless", "--host", nginx.url, "--users", "20", "--spawn-rate", "20", "--run-time", "6s", "--csv")
    theirs, ours = both(tmp_path, (*words, "theirs"), ("locust", *words, "ours"))
    assert ours.code == theirs.code == 1
    assert counts_of_csv(tmp_path / "ours") == counts_of_csv(tmp_path / "theirs")
    for suffix in ("stats", "stats_history", "failures", "exceptions"):
        heads = [(tmp_path / f"{who}_{suffix}.csv").read_text().splitlines()[0] for who in ("ours", "theirs")]
        assert heads[0] == heads[1]
    names = [
        {line.split()[1] for line in run.out.splitlines() if line.startswith(("GET", "CUSTOM"))}
        for run in (ours, theirs)
    ]
    assert names[0] == names[1]
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    "words", [("--version",), ("--help",), ("--headless", "--nonsense"), ("-f", "missing.py"), ("--list",)]
)
def test_locusts_own_answers_are_the_same(tmp_path, words):
    (tmp_path / "locustfile.py").write_text(FIXED)
    theirs, ours = both(tmp_path, words, ("locust", *words))
    assert (ours.code, ours.out) == (theirs.code, theirs.out)
    assert _without_time(ours.err) == _without_time(theirs.err)


def _without_time(log):
    return re.sub(r"\[\d{4}-[^]]+\]", "", log)
