"""Whole suites, written as Locust's users write theirs, under Locust and under Loadproof against one site of Flask."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from commandline import end, start

HERE = Path(__file__).parent
EXAMPLES = HERE / "examples"


@pytest.fixture(scope="module")
def site():
    """The site of ``checklist_flask.py``, in a process of its own: Locust, which that imports, patches threads."""
    program = (
        "from checklist_flask import FlaskServer; import time; print(FlaskServer().port, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=HERE, stdout=subprocess.PIPE, text=True) as process:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def both(folder, site, names, *words):
    """The same suite under both at once; each in a folder of its own."""
    running = []
    for program, first in (("locust", "--headless"), ("loadproof", "run")):
        (folder / program).mkdir()
        files = ",".join(str(EXAMPLES / name) for name in names)
        command = (first, "-f", files, "-H", site, *words, "--csv", "result")
        running.append((start(folder / program, *command, program=program), folder / program))
    return [end(process, cwd) for process, cwd in running]


def rows(ended):
    with (ended.cwd / "result_stats.csv").open(newline="") as file:
        return {
            (row["Type"], row["Name"]): (row["Request Count"], row["Failure Count"], row["Average Content Size"])
            for row in csv.DictReader(file)
            if row["Name"] != "Aggregated"
        }


def measured(ended):
    return {(e["method"], e["name"]): (str(e["requests"]), str(e["failures"])) for e in ended.metrics["endpoints"]}


def failures(ended):
    with (ended.cwd / "result_failures.csv").open(newline="") as file:
        return sorted((row["Method"], row["Name"], row["Error"], row["Occurrences"]) for row in csv.DictReader(file))


@pytest.fixture(scope="module")
def suites(tmp_path_factory, site):
    words = ("-u", "9", "-r", "9", "-t", "6s", "--exclude-tags", "slow")
    return both(tmp_path_factory.mktemp("suites"), site, ("shop.py", "steps.py", "api.py"), *words)


def test_suites_give_the_same_counts(suites):
    theirs, ours = suites
    assert measured(ours) == {key: row[:2] for key, row in rows(theirs).items()}
    assert ("GET", "excluded") not in measured(ours)
    assert len(measured(ours)) == 27
    heard = [[line for line in ended.out.splitlines() if line.startswith("heard")] for ended in (theirs, ours)]
    assert heard[0] == heard[1] != []


def test_suites_give_the_same_files_of_locusts(suites):
    theirs, ours = suites
    assert rows(ours) == rows(theirs)
    assert failures(ours) == failures(theirs)


@pytest.mark.long
def test_a_shape_ends_the_run_in_both(tmp_path, site):
    theirs, ours = both(tmp_path, site, ("shaped.py",))
    assert ours.code == theirs.code == 0, ours.out + ours.err
    assert ours.metrics["users_peak"] == 3
    assert measured(ours).keys() == rows(theirs).keys() == {("GET", "look")}


FUNCTIONS = """
import time

def test_look(session):
    session.get("/visits", name="look")
    time.sleep(0.05)

def test_look_fast(fastsession):
    fastsession.get("/visits", name="look fast")
    time.sleep(0.05)
"""


@pytest.fixture
def functions(tmp_path, monkeypatch):
    """Functions instead of users, outside of this repository: pytest's configuration would count for them."""
    for name in [name for name in os.environ if name.lower().endswith(("_proxy", "_ca_bundle", "netrc"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    return tmp_path / "functions.py"


@pytest.mark.long
def test_functions_as_pytest_has_them_are_run(tmp_path, site, functions):
    theirs, ours = both(tmp_path, site, (functions,), "-u", "4", "-r", "4", "-t", "4s")
    assert ours.code == theirs.code == 0, ours.out + ours.err
    assert measured(ours).keys() == rows(theirs).keys() == {("GET", "look"), ("GET", "look fast")}
    assert ours.run["health"]["fallbacks"] == {}
    clocks = {(row["endpoint"], row["clock"]) for row in ours.rows}
    assert clocks == {("look", "kernel"), ("look fast", "user")}


@pytest.mark.long
def test_a_trusted_environment_that_says_something_is_heeded(tmp_path, site, functions, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    ended = end(start(tmp_path, "run", str(functions), "-H", site, "-u", "2", "-t", "2s"), tmp_path)
    assert ended.code == 0, ended.out + ended.err
    assert set(ended.run["health"]["fallbacks"]) == {"environment"}


@pytest.mark.long
def test_only_tagged_tasks_are_run(tmp_path, site):
    theirs, ours = both(tmp_path, site, ("steps.py",), "Tagged", "-u", "1", "-t", "4s", "--tags", "both")
    assert measured(ours) == {key: row[:2] for key, row in rows(theirs).items()}
    assert {name for _, name in measured(ours)} == {"tagged", "measured", "measured from inside"}


@pytest.mark.skipif(
    find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None,
    reason="the SDK of opentelemetry is not installed (locust[otel])",
)
def test_spans_of_requests_are_made_under_otel(tmp_path, site):
    exporters = {
        f"OTEL_{kind}_EXPORTER": where for kind, where in (("TRACES", "console"), ("METRICS", "none"), ("LOGS", "none"))
    }
    words = ("run", "-f", str(EXAMPLES / "api.py"), "-H", site, "-u", "1", "-t", "2s", "--otel", "Rest")
    ended = end(start(tmp_path, *words, **exporters), tmp_path)
    log = (ended.directory / "log.txt").read_text()
    assert '"http.' in ended.out + log, ended.out + ended.err
    assert ended.run["health"]["fallbacks"]["instrumented requests"] > 0
