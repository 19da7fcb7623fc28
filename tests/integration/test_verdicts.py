"""Rules are judged while the run goes on, and again when it is saved: with the same answer."""

from __future__ import annotations

import json

import pytest

from commandline import loadproof
from modelled import modelled

SUITE = """
import loadproof
from locust import HttpUser, constant, task


class Reader(HttpUser):
    wait_time = constant(0.02)

    @task(3)
    def read(self):
        self.client.get("/items", name="read")
        loadproof.measure("depth", 7.5)

    @task
    def look(self):
        self.client.get("/item", name="look")


class Writer(HttpUser):
    wait_time = constant(0.02)

    @task
    def write(self):
        self.client.post("/items", json={"a": 1}, name="write")
"""

LAZY = """
from locust import HttpUser, SequentialTaskSet, constant, task


class Lazy(HttpUser):
    wait_time = constant(0.01)
    turn = 0

    @task
    class Steps(SequentialTaskSet):
        @task
        def first(self):
            self.client.get("/a", name="first")
            self.interrupt()

        @task
        def second(self):
            self.client.get("/b", name="second")
"""


@pytest.fixture
def suite(tmp_path):
    (tmp_path / "locustfile.py").write_text(SUITE)
    return tmp_path


def rules(*texts):
    return [word for text in texts for word in ("--threshold", text)]


def judged_again(ended, *words):
    """What ``loadproof judge`` makes of a run: its exit code and its verdicts."""
    again = loadproof(ended.cwd, "judge", str(ended.directory), "--json", *words)
    return again.code, json.loads(again.out)["verdicts"]


@pytest.mark.alone
@pytest.mark.parametrize(
    ("rule", "until", "processes"),
    [
        pytest.param("error_rate < 5% abort", 3.0, [], marks=pytest.mark.long),
        ("error_rate < 10% within 2s abort", 3.5, ["--processes", "2"]),
        pytest.param("error_rate < 10% for 2s abort", 5.0, [], marks=pytest.mark.long),
    ],
)
def test_a_rule_ends_the_run_within_two_seconds_of_its_breach(suite, rule, until, processes):
    """Of a service that fails from its third second on; ``until`` is when the rule can be known to be broken."""
    with modelled("fails_after", "2.5") as url:
        ended = loadproof(suite, "run", "-u", "4", "-r", "4", "-t", "60s", "-H", url, *rules(rule), *processes)
    assert ended.code == 99
    run = ended.run
    # Users start after the run does, and windows are whole seconds: half a second for each.
    assert run["measured_to"] < until + 1.0 + 2.0
    verdict = ended.verdict(rule)
    assert verdict["outcome"] == "FAIL"
    assert verdict["observed"] >= verdict["limit"]
    assert run["abort"].startswith(f"ended by the rule {rule}")
    for name in ("report.html", "metrics.json", "results.csv"):
        assert (ended.directory / name).stat().st_size
    assert judged_again(ended) == (99, run["verdicts"])


@pytest.mark.long
@pytest.mark.parametrize("processes", [pytest.param([], marks=pytest.mark.long), ["--processes", "2"]])
def test_every_kind_of_rule_is_judged_in_a_run_and_again_when_it_is_saved(suite, processes):
    texts = {
        "max(measure.depth) = 5": ("FAIL", 7.5),
        "count(measure.depth){class=Writer} > 1": ("INCONCLUSIVE", None),
        "requests{class=Writer, name=write} > 5": ("PASS", None),
        "requests{class=Writer, name=read} > 5": ("INCONCLUSIVE", None),
        "throughput > 1/s for 2s": ("PASS", None),
        "p95(response_time){class=Reader} < 2s over 2s min_samples 5": ("PASS", None),
        "error_rate < 1% after 1s": ("PASS", 0.0),
        "error_rate < 1% over 1m": ("INCONCLUSIVE", None),
        "max(generator_cpu) > 0%": ("PASS", None),
        "coverage = 100%": ("PASS", 1.0),
        "p95(response_time) < baseline * 2": ("INCONCLUSIVE", None),
    }
    with modelled("fast") as url:
        ended = loadproof(suite, "run", "-u", "4", "-r", "4", "-t", "5s", "-H", url, *rules(*texts), *processes)
    seen = {text: ended.verdict(text) for text in texts}
    assert {text: verdict["outcome"] for text, verdict in seen.items()} == {
        text: outcome for text, (outcome, _) in texts.items()
    }, ended.out
    for text, (_, observed) in texts.items():
        if observed is not None:
            assert seen[text]["observed"] == pytest.approx(observed)
    assert ended.code == 99
    # Requests of a class are all the requests that its users made.
    rows = [row for row in ended.rows if row["user_class"] == "Writer"]
    assert seen["requests{class=Writer, name=write} > 5"]["observed"] == len(rows)
    assert judged_again(ended) == (99, ended.run["verdicts"])
    code, verdicts = judged_again(ended, "--baseline", str(ended.directory))
    (relative,) = [verdict for verdict in verdicts if "baseline" in verdict["rule"]]
    assert (code, relative["outcome"]) == (99, "PASS")


@pytest.mark.long
@pytest.mark.alone
def test_scenarios_are_judged_apart(suite):
    (suite / "loadproof.toml").write_text(
        '[profiles.slow]\ntarget = "5/s"\nduration = "4s"\n[profiles.quick]\ntarget = "20/s"\nduration = "4s"\n'
        '[scenarios.reading]\nclasses = ["Reader"]\nprofile = "quick"\n'
        '[scenarios.writing]\nclasses = ["Writer"]\nprofile = "slow"\n'
    )
    texts = ("requests{scenario=reading} >= 79", "requests{scenario=writing} <= 21")
    with modelled("fast") as url:
        ended = loadproof(suite, "run", "-H", url, *rules(*texts))
    assert [ended.verdict(text)["observed"] for text in texts] == [80, 20], ended.out
    assert ended.code == 0


def test_an_endpoint_that_is_declared_and_never_called_fails_the_run_by_name(suite):
    (suite / "loadproof.toml").write_text('[coverage]\nexpect = ["GET read", "/checkout"]\n')
    with modelled("fast") as url:
        ended = loadproof(suite, "run", "-u", "2", "-t", "2s", "-H", url)
    assert ended.code == 99
    assert "never ran: /checkout" in ended.out
    assert ended.verdict("coverage")["reason"].endswith("never ran: /checkout")
    unexpected = dict(ended.run["coverage"]["unexpected"])
    assert set(unexpected) == {"GET look", "POST write"}


def test_a_task_of_a_sequence_that_is_never_reached_fails_the_run_by_name(suite):
    (suite / "locustfile.py").write_text(LAZY)
    with modelled("fast") as url:
        ended = loadproof(suite, "run", "-u", "2", "-t", "3s", "-H", url)
    assert ended.code == 99
    assert "never ran: Steps.second" in ended.out


@pytest.mark.long
def test_a_suite_whose_tasks_all_ran_passes_and_shows_its_mix(suite):
    with modelled("fast") as url:
        ended = loadproof(suite, "run", "-u", "4", "-r", "4", "-t", "5s", "-H", url)
    assert ended.code == 0
    declared = {item["name"]: item for item in ended.run["coverage"]["declared"]}
    assert set(declared) == {"Reader.read", "Reader.look", "Writer.write"}
    done = sum(row["endpoint"] == "read" for row in ended.rows)
    assert done <= declared["Reader.read"]["hits"] <= done + 4  # the last of each user may have been cut off
    reads, looks = declared["Reader.read"]["hits"], declared["Reader.look"]["hits"]
    assert declared["Reader.read"]["expected"] == pytest.approx(0.75 * (reads + looks))
    assert 0 < ended.run["coverage"]["mix"]["Reader"] <= 1
    assert "depth" not in {row["endpoint"] for row in ended.rows}


def test_a_rule_without_sense_ends_before_anything_is_sent(suite):
    ended = loadproof(suite, "run", "-H", "http://127.0.0.1:9", *rules("p95(error_rate) < 1%", "errors = 0"))
    assert ended.code == 2
    assert "error_rate is one number already" in ended.err
    assert "did you mean failures?" in ended.err
    assert ended.directories == []


def test_a_saved_run_can_be_judged_by_other_rules(suite):
    with modelled("fast") as url:
        ended = loadproof(suite, "run", "-u", "2", "-t", "2s", "-H", url)
    before = {path.name: path.read_bytes() for path in ended.directory.iterdir()}
    code, verdicts = judged_again(ended, *rules("requests > 1000000", "failures = 0"))
    assert code == 99
    assert [verdict["outcome"] for verdict in verdicts[-2:]] == ["FAIL", "PASS"]
    bad = loadproof(suite, "judge", str(ended.directory), *rules("rps > 1"))
    assert bad.code == 2
    assert {path.name: path.read_bytes() for path in ended.directory.iterdir()} == before


@pytest.mark.long
def test_a_run_is_compared_with_its_baseline_and_judged_by_it(suite):
    relative = "max(measure.depth) <= baseline + 1"
    with modelled("fast") as url:
        load = ("run", "-u", "2", "-t", "2s", "-H", url, "--name", "shop", "--baseline", "latest:shop")
        missing = loadproof(suite, *load, "--require-baseline")
        assert (missing.code, missing.directories) == (2, [])
        first = loadproof(suite, *load, *rules(relative))
        assert "no baseline yet" in first.out
        assert first.verdict(relative)["outcome"] == "INCONCLUSIVE"
        second = loadproof(suite, *load, *rules(relative), "--results", "others")
    assert "no baseline yet" in second.out  # latest is looked for where results go
    kept = loadproof(suite, "baseline", "set", "latest:shop")
    assert kept.code == 0, kept.err
    with modelled("fast") as url:
        third = loadproof(
            suite, "run", "-u", "2", "-t", "2s", "-H", url, "--baseline", "shop", "--results", "third", *rules(relative)
        )
    (path,) = (suite / "third").glob("*/run.json")
    run = json.loads(path.read_text())
    assert [run["run_id"] for run in run["comparison"]["baseline"]] == [first.run["run_id"]]
    verdict = next(verdict for verdict in run["verdicts"] if verdict["rule"] == relative)
    assert (verdict["outcome"], verdict["observed"], verdict["limit"]) == ("PASS", 7.5, 8.5)
    assert "all requests" in third.out
    again = loadproof(suite, "judge", str(path.parent), "--json")
    assert json.loads(again.out)["verdicts"] == run["verdicts"]
