"""Searches from outside: the service's limit is known, and the answer must name it."""

from __future__ import annotations

import os
import signal
import time

import pytest

from commandline import end, loadproof, start, wait_for
from modelled import modelled

READER = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.05)

    @task
    def read(self):
        self.client.get("/", name="read")
"""

BURNING = """
import time
from locust import HttpUser, task

class Reader(HttpUser):
    @task
    def read(self):
        self.client.get("/", name="read")
        until = time.perf_counter() + 0.02
        while time.perf_counter() < until:
            pass
"""


@pytest.fixture
def suite(tmp_path):
    def write(text):
        (tmp_path / "locustfile.py").write_text(text)
        return tmp_path

    return write


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.long)])
def test_stress_finds_the_step_at_which_the_service_breaks_and_says_by_what(suite, processes):
    several = ["--processes", "2"] if processes == 2 else []
    busy = READER.replace("constant(0.05)", "constant(0)")
    with modelled("break", "5") as url:
        ended = loadproof(
            suite(busy), "stress", "-H", url, "--max-users", "12", "--steps", "4", "--hold", "3s", *several
        )
    assert ended.code == 0, ended.out + ended.err
    search = ended.run["search"]
    assert (search["outcome"], search["unit"]) == ("broke", "users")
    assert (search["last_good_level"], search["breaking_level"], search["metric"]) == (3, 6, "error_rate")
    assert [(level["target"], level["role"], level["outcome"]) for level in ended.run["levels"]] == [
        (3, "step", "PASS"), (6, "step", "FAIL"), (6, "repeat", "FAIL"),
    ]  # fmt: skip
    assert ended.metrics["search"]["breaking_level"] == 6
    assert "broke at 6 users" in ended.out
    assert "error_rate" in ended.out


@pytest.mark.long
@pytest.mark.parametrize("users", ["7", "15"])
def test_a_short_stress_reaches_its_maximum_whatever_it_is(suite, users):
    with modelled("fast") as url:
        ended = loadproof(suite(READER), "stress", "-H", url, "--max-users", users, "--ramp-up", "5")
    assert ended.code == 0, ended.out + ended.err
    search = ended.run["search"]
    assert (search["outcome"], search["max_level"]) == ("did_not_break", int(users))
    assert f"did not break up to {users} users" in ended.out
    assert ended.run["record"]["user_peak"] == int(users)
    assert ended.metrics["search"]["outcome"] == "did_not_break"


@pytest.mark.long
def test_users_go_on_from_one_level_to_the_next(suite):
    counting = READER + "\n    def on_start(self):\n        self.client.get('/', name='login')\n"
    with modelled("fast") as url:
        ended = loadproof(suite(counting), "stress", "-H", url, "--max-users", "6", "--steps", "3", "--hold", "2s")
    assert ended.code == 0, ended.out + ended.err
    assert sum(row["endpoint"] == "login" for row in ended.rows) == 6


@pytest.mark.long
def test_ctrl_c_in_the_middle_leaves_the_levels_that_are_over(suite):
    cwd = suite(READER)
    with modelled("fast") as url:
        process = start(cwd, "stress", "-H", url, "--max-users", "30", "--steps", "10", "--hold", "2s")
        wait_for(lambda: list(cwd.glob("reports/performance/*/results.csv")))
        time.sleep(12)
        os.kill(process.pid, signal.SIGINT)
        ended = end(process, cwd)
    assert ended.code == 130, ended.out + ended.err
    levels = ended.run["levels"]
    assert [level["target"] for level in levels] == [3 * number for number in range(1, len(levels) + 1)]
    assert len(levels) >= 2
    assert all(level["outcome"] == "PASS" for level in levels)
    assert ended.run["search"]["outcome"] == "interrupted"
    assert ended.run["search"]["last_good_level"] == levels[-1]["target"]


@pytest.mark.long
def test_capacity_finds_the_rate_that_a_pool_of_workers_sustains(suite):
    """Roughly, for the sake of time; `make soak` finds more of them, within 7 %, with two processes too."""
    with modelled("workers", "2", "0.025") as url:
        ended = loadproof(
            suite(READER), "capacity", "-H", url, "--slo", "p95(response_time) < 250ms", "--start-rate", "40",
            "--trial", "2s", "--settle", "1s", "--confirm", "3s", "--precision", "20%", timeout=110,
        )  # fmt: skip
    assert ended.code == 0, ended.out + ended.err
    search = ended.run["search"]
    assert search["outcome"] == "found"
    assert search["low"] <= 80 * 1.07
    assert search["high"] >= 80 * 0.93
    assert search["high"] / search["low"] <= 1.45
    assert ended.metrics["capacity"]["rate_per_second"] == search["low"]


@pytest.mark.long
def test_a_generator_at_its_limit_is_no_capacity(suite):
    with modelled("fast") as url:
        ended = loadproof(
            suite(BURNING), "capacity", "-H", url, "--start-rate", "20", "--trial", "3s", "--settle", "1s",
            "--confirm", "4s", timeout=200,
        )  # fmt: skip
    assert ended.code == 4, ended.out + ended.err
    search = ended.run["search"]
    assert search["outcome"] == "generator_limited"
    assert "limited by the generator" in ended.out
    assert ended.metrics["capacity"]["rate_per_second"] is None
    assert ended.metrics["capacity"]["limited_by"] == "generator"


@pytest.mark.long
def test_a_rule_on_the_answer_decides_the_exit_code(suite):
    busy = READER.replace("constant(0.05)", "constant(0)")
    with modelled("break", "2") as url:
        ended = loadproof(
            suite(busy), "stress", "-H", url, "--max-users", "6", "--steps", "2", "--hold", "2s",
            "--threshold", "breaking_level > 5",
        )  # fmt: skip
    assert ended.code == 99, ended.out + ended.err
    assert ended.verdict("breaking_level")["outcome"] == "FAIL"
