"""Locust's own tables say the same under Loadproof: counts, failures, sizes, errors, exceptions and their history."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from service import Service

from commandline import both, loadproof

pytestmark = pytest.mark.long

SCRIPT = r"""
from locust import FastHttpUser, HttpUser, User, constant, task
from locust.exception import StopUser

NAMES = ["unusual: \u00e4\u2713 \U0001f600", 'quotes "and", commas', "two\nlines", " spaces ", "=1+1", "100%", ""]

class Plain(HttpUser):
    fixed_count = 4
    wait_time = constant(0.5)
    round = 0

    @task
    def go(self):
        if self.round >= 4:
            raise StopUser
        self.round += 1
        self.client.get("/ok", name="ok")
        self.client.post("/echo", data="x" * self.round, name="echo")
        self.client.get("/status/500", name="broken")
        self.client.get("/status/404?page=%d" % self.round)
        with self.client.get("/ok", name="checked", catch_response=True) as response:
            if self.round % 2:
                response.failure("odd round")
        with self.client.get("/status/503", name="forgiven", catch_response=True) as response:
            response.success()
        with self.client.get("/ok", name="raises", catch_response=True) as response:
            response.failure(ValueError("not %d" % (self.round % 2)))
        for name in NAMES:
            self.client.get("/ok", name=name)
        if self.round == 2:
            raise RuntimeError("round two")
        if self.round == 3:
            {}["missing"]

class Fast(FastHttpUser):
    fixed_count = 2
    wait_time = constant(0.5)
    round = 0

    @task
    def go(self):
        if self.round >= 4:
            raise StopUser
        self.round += 1
        self.client.get("/ok", name="ok")
        self.client.get("/status/500", name="broken")
        self.client.get("/ok", name="fast")

class Own(User):
    fixed_count = 2

    @task
    def go(self):
        fire = self.environment.events.request.fire
        usual = {"request_type": "OWN", "exception": None, "context": {}}
        for n in range(5):
            fire(**usual, name="sized", response_time=10 * n, response_length=n)
        fire(**usual, name="untimed", response_time=None, response_length=0)
        usual["exception"] = "a text"
        fire(**usual, name="failed", response_time=7, response_length=1)
        usual["exception"] = OSError(2, "no")
        fire(**usual, name="failed", response_time=9, response_length=1)
        with self.environment.events.request.measure("OWN", "measured", response_length=6):
            raise ValueError("in a block")
        raise StopUser
"""

RESET = """
import time
from locust import HttpUser, constant, task
from locust.exception import StopUser

class Both(HttpUser):
    wait_time = constant(0)
    users = 0

    @task
    def go(self):
        Both.users += 1
        first = Both.users == 1
        if first:  # the other comes after a second and a half, and with it the reset
            time.sleep(1.1)  # what is fed once a second was fed before this
            for _ in range(5):
                self.client.get("/ok", name="early")
                self.client.get("/ok", name="both")
                self.client.get("/status/500", name="broken early")
        time.sleep(1.2 if first else 0.7)
        for _ in range(7):
            self.client.get("/ok", name="late")
            self.client.get("/ok", name="both")
            self.client.get("/status/500", name="broken late")
        raise StopUser
"""

RUNNERS = ("run", "locust")


@dataclass
class Tables:
    prefix: Path

    def rows(self, suffix):
        with Path(f"{self.prefix}_{suffix}.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    @property
    def stats(self):
        return {(row["Type"], row["Name"]): row for row in self.rows("stats")}

    def columns(self, *names):
        return {key: tuple(row[name] for name in names) for key, row in self.stats.items()}

    @property
    def counts(self):
        return {
            key: (int(requests), int(failures), float(size))
            for key, (requests, failures, size) in self.columns(
                "Request Count", "Failure Count", "Average Content Size"
            ).items()
        }

    @property
    def errors(self):
        found = Counter()
        for row in self.rows("failures"):
            found[row["Method"], row["Name"], row["Error"]] += int(row["Occurrences"])
        assert len(found) == len(self.rows("failures"))
        return found

    @property
    def exceptions(self):
        return sorted((int(row["Count"]), row["Message"], row["Traceback"]) for row in self.rows("exceptions"))

    def history(self, key=("", "Aggregated")):
        return [row for row in self.rows("stats_history") if (row["Type"], row["Name"]) == key]


def run(folder, script, *words):
    (folder / "locustfile.py").write_text(script, encoding="utf-8")
    service = Service()
    words = (*words, "-H", service.url, "--csv-full-history")
    try:
        both(folder, ("--headless", *words, "--csv", "theirs"), ("run", *words, "--csv", "run"))
        loadproof(folder, "locust", "--headless", *words, "--csv", "locust")
    finally:
        service.close()
    return {who: Tables(folder / who) for who in ("theirs", *RUNNERS)}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return run(tmp_path_factory.mktemp("alone"), SCRIPT, "-u", "8", "-r", "8", "-t", "6s")


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    return run(tmp_path_factory.mktemp("workers"), SCRIPT, "-u", "8", "-r", "8", "-t", "6s", "--processes", "2")


@pytest.fixture(scope="module")
def reset(tmp_path_factory):
    return run(tmp_path_factory.mktemp("reset"), RESET, "-u", "2", "-r", "0.67", "-t", "7s", "--reset-stats")


@pytest.fixture(params=["alone", "workers"])
def tables(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("who", RUNNERS)
def test_requests_failures_and_sizes_are_those_of_locust(tables, who):
    counts = tables[who].counts
    assert counts == tables["theirs"].counts
    assert counts["", "Aggregated"][:2] == (4 * 4 * 14 + 2 * 4 * 3 + 2 * 9, 4 * 4 * 3 + 4 * 2 + 2 * 4 + 2 * 3)
    assert counts["GET", "broken"] == (24, 24, 47.0)
    assert counts["GET", "checked"] == (16, 8, 12.0)
    assert counts["GET", "forgiven"] == (16, 0, 47.0)
    assert counts["POST", "echo"] == (16, 0, 2.5)
    assert counts["GET", "two\nlines"] == counts["GET", "/ok"] == (16, 0, 12.0)
    assert counts["OWN", "untimed"] == (2, 0, 0.0)


@pytest.mark.parametrize("who", RUNNERS)
def test_rows_stand_in_locusts_order(tables, who):
    assert list(tables[who].stats) == list(tables["theirs"].stats)


@pytest.mark.parametrize("who", RUNNERS)
def test_errors_have_locusts_words_and_their_occurrences(tables, who):
    errors = tables[who].errors
    assert errors == tables["theirs"].errors
    assert errors["GET", "raises", "ValueError('not 1')"] == 8
    assert errors["OWN", "failed", "a text"] == 2
    assert errors.total() == tables[who].counts["", "Aggregated"][1]


@pytest.mark.parametrize("who", RUNNERS)
def test_an_error_is_first_seen_before_it_is_last_seen(tables, who):
    rows = tables[who].rows("failures")
    assert {
        (row["Name"], row["Error"]) for row in rows if not row["First Seen"] or row["First Seen"] > row["Last Seen"]
    } == set()


@pytest.mark.parametrize("who", RUNNERS)
def test_exceptions_of_tasks_are_those_of_locust(tables, who):
    assert tables[who].exceptions == tables["theirs"].exceptions
    assert [(count, message) for count, message, _ in tables[who].exceptions] == [(4, "'missing'"), (4, "round two")]


@pytest.mark.parametrize("who", RUNNERS)
def test_times_that_the_script_gives_are_in_the_tables_as_given(tables, who):
    names = ("Median Response Time", "Average Response Time", "Min Response Time", "Max Response Time")
    theirs, ours = tables["theirs"].columns(*names), tables[who].columns(*names)
    for name in ("sized", "untimed", "failed"):
        key = ("OWN", name)
        assert [float(text) for text in ours[key]] == [float(text) for text in theirs[key]]


@pytest.mark.parametrize("who", RUNNERS)
def test_times_of_a_row_are_in_order(tables, who):
    for row in tables[who].stats.values():
        low, middle, mean, high = (float(row[f"{of} Response Time"]) for of in ("Min", "Median", "Average", "Max"))
        assert low <= middle <= high
        assert low <= mean <= high
        shares = [
            float(row[share]) for share in ("50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "100%")
        ]
        assert shares == sorted(shares)


@pytest.mark.parametrize("who", RUNNERS)
def test_rates_of_all_rows_are_over_one_time(tables, who):
    seconds = {round(int(row["Request Count"]) / float(row["Requests/s"]), 6) for row in tables[who].stats.values()}
    failing = [row for row in tables[who].stats.values() if row["Failure Count"] != "0"]
    seconds |= {round(int(row["Failure Count"]) / float(row["Failures/s"]), 6) for row in failing}
    (only,) = seconds
    assert 0.3 < only < 7


@pytest.mark.parametrize("who", RUNNERS)
def test_history_grows_to_the_totals(tables, who):
    table = tables[who]
    assert table.rows("stats_history")[0].keys() == tables["theirs"].rows("stats_history")[0].keys()
    assert {(row["Type"], row["Name"]) for row in table.rows("stats_history")} == set(table.stats)
    for key, (requests, failures, size) in table.counts.items():
        rows = table.history(key)
        for name in ("Timestamp", "Total Request Count", "Total Failure Count"):
            values = [int(row[name]) for row in rows]
            assert values == sorted(values)
        last = rows[-1]
        assert (int(last["Total Request Count"]), int(last["Total Failure Count"])) == (requests, failures)
        assert float(last["Total Average Content Size"]) == size
        assert float(last["Total Average Response Time"]) == float(table.stats[key]["Average Response Time"])


@pytest.mark.parametrize("who", RUNNERS)
def test_history_has_at_each_moment_what_its_names_have_together(tables, who):
    moments = {}
    for row in tables[who].rows("stats_history"):
        total, parts = moments.setdefault(row["Timestamp"], ([], []))
        (total if row["Name"] == "Aggregated" else parts).append(int(row["Total Request Count"]))
    assert len(moments) >= 2
    assert all(sum(total) == sum(parts) for total, parts in moments.values())


@pytest.mark.parametrize("who", RUNNERS)
def test_what_is_reset_once_all_users_are_there_is_gone(reset, who):
    counts = reset[who].counts
    assert counts == reset["theirs"].counts
    assert {key[1]: requests for key, (requests, _, _) in counts.items()} == {
        "early": 0, "broken early": 0, "late": 14, "broken late": 14, "both": 14, "Aggregated": 42,
    }  # fmt: skip
    assert reset[who].errors == reset["theirs"].errors
    assert reset[who].errors.total() == 14
