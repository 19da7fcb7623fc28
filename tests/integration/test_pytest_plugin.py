"""The pytest plugin as projects use it: pytest in a process of its own, with every installed plugin switched on."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from service import Service

from commandline import alive, children, environment, wait_for

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "tests/pytest_project"
GUIDE = (ROOT / "docs/pytest.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.timeout(300)  # many processes on what may be a busy machine

EXAMPLES = dict(re.findall(r"```\w+\n# (\S+)\n(.*?)```", GUIDE, re.DOTALL))
INI = "[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"


def start(folder, *words, **variables):
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", *words],
        cwd=folder,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end(process, timeout=200):
    try:
        return process.communicate(timeout=timeout)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"it did not end in {timeout} s\n{process.communicate()[0]}") from None


def run(folder, *words, **variables):
    return end(start(folder, *words, **variables))


def project_in(folder, **files):
    """A project with the locustfile and the services of ``tests/pytest_project``."""
    (folder / "pytest.ini").write_text(INI)
    for name in ("locustfile.py", "loadproof.toml"):
        shutil.copy(PROJECT / name, folder)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def _seconds(run):
    return datetime.fromisoformat(run["started_at"]).timestamp()


def endings(out):
    """Outcome letters of pytest's short summary, by test: ``FAILED``, ``SKIPPED``, ``ERROR``."""
    words = re.findall(r"^(FAILED|ERROR) \S+::(\w+)", out, re.MULTILINE)
    return {test: word for word, test in words}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project of ``tests/pytest_project`` and the examples of the guide, run by two workers: folder and output."""
    folder = tmp_path_factory.mktemp("project") / "shop"
    shutil.copytree(PROJECT, folder)
    server = Service()
    for name, text in EXAMPLES.items():
        if name.endswith(".py"):
            (folder / name).write_text(text.replace("http://localhost:8000", server.url))
    words = (
        "-n",
        "2",
        "--loadproof-results",
        "kept",
        "--junitxml",
        "junit.xml",
        "-o",
        "python_files=load_*.py test_*.py",
    )
    out = run(folder, *words, SHOP_URL=server.url)
    server.close()
    return folder, out


def test_a_project_sees_one_pass_one_fail_and_one_inconclusive(project):
    _, out = project
    assert "2 failed, 5 passed, 1 skipped" in out, out
    assert "PASS load_shop.py::test_that_passes" in out
    assert endings(out) == {"test_that_fails": "FAILED", "test_that_is_inconclusive": "FAILED"}


def test_a_failed_run_is_told_by_rule_observed_value_limit_and_report(project):
    folder, out = project
    assert re.search(r"^E +Failed: \w+: FAIL$", out, re.MULTILINE), out
    told = r"^E +✗ error_rate < 1%: (50|49\.\d)% is >= 1% \(\d+ samples\)$"
    assert re.search(told, out, re.MULTILINE), out
    assert re.search(rf"^E +report: {folder}/kept/load_test_\w+/report\.html$", out, re.MULTILINE)
    assert re.search(r"^> +loadproof\.run\(", out, re.MULTILINE)
    assert "_checked" not in out


def test_an_inconclusive_run_is_told_by_what_is_missing(project):
    _, out = project
    told = r"\? p99\(response_time\)\{name=\"/search\"\} < 1s: \d+ samples, 299 needed for p99"
    assert re.search(rf"^E +{told}$", out, re.MULTILINE), out
    assert re.search(r"^SKIPPED .*: \w+: INCONCLUSIVE$", out, re.MULTILINE), out


def test_the_summary_of_a_run_is_in_the_captured_output_of_its_test(project):
    _, out = project
    section = out.partition("_ test_that_fails _")[2]
    assert (
        section.index("Captured stdout call") < section.index("✗ FAIL  shop: exit code 99") < section.index("Report: ")
    )


def test_the_summary_lists_every_run_of_every_worker_with_its_report(project):
    _, out = project
    section = out.partition(" load runs ")[2].partition("short test summary")[0]
    listed = re.findall(r"^(\w+) load_shop\.py::(\w+)$", section, re.MULTILINE)
    assert sorted(listed) == [
        ("FAIL", "test_that_fails"),
        ("INCONCLUSIVE", "test_that_is_inconclusive"),
        ("INCONCLUSIVE", "test_that_may_be_inconclusive"),
        ("PASS", "test_that_passes"),
    ]
    reports = re.findall(r"^    (/.*/report\.html)$", section, re.MULTILINE)
    assert len(set(reports)) == 8
    assert all(Path(report).is_file() for report in reports)


def test_workers_run_at_once_and_leave_a_directory_for_each_run(project):
    folder, _ = project
    runs = [json.loads(path.read_text()) for path in folder.glob("kept/*/run.json")]
    assert len(runs) == 8
    assert all(each["finished"] for each in runs)
    times = sorted((_seconds(each), _seconds(each) + each["measured_to"]) for each in runs)
    assert any(later[0] < earlier[1] for earlier, later in pairwise(times))


def test_each_test_case_of_junit_xml_has_the_properties_of_its_run(project):
    folder, _ = project
    cases = {
        case.get("name"): {each.get("name"): each.get("value") for each in case.iter("property")}
        for case in ET.parse(folder / "junit.xml").iter("testcase")
        if case.get("classname") == "load_shop"
    }
    assert {name: properties["loadproof.outcome"] for name, properties in cases.items()} == {
        "test_that_passes": "PASS",
        "test_that_fails": "FAIL",
        "test_that_is_inconclusive": "INCONCLUSIVE",
        "test_that_may_be_inconclusive": "INCONCLUSIVE",
    }
    assert cases["test_that_passes"]["loadproof.name"] == "shop"
    assert re.match(r"[\d,]+ requests, p95 [\d.]+ ms, errors 0%$", cases["test_that_passes"]["loadproof.figures"])
    assert Path(cases["test_that_fails"]["loadproof.report"]).is_file()


WRONG = """
import asyncio
import pytest

@pytest.fixture
def flag():
    open("was_set_up", "w").close()

@pytest.mark.loadproof("p95(respones_time) < 1s")
def test_misspelt_rule(flag, loadproof):
    pass

def test_misspelt_option(loadproof):
    loadproof.run("shop", usrs=3)

def test_nobody_there(loadproof):
    loadproof.run("shop", run_time="1s")

def test_endless(loadproof):
    loadproof.run("locustfile.py", host="http://127.0.0.1:9")

@pytest.mark.loadproof("error_rate < 1%")
def test_no_run(loadproof):
    pass

@pytest.mark.loadproof("error_rate < 1%")
def test_no_fixture():
    pass

@pytest.mark.loadproof("error_rate < 1%")
class TestOfAMarkedClass:
    def test_other(self):
        pass

@pytest.mark.loadproof("error_rate < 1%")
def test_own_failure(loadproof):
    assert 1 == 2

def test_host_of_locusts_own_option(loadproof, request):
    with pytest.raises(Exception, match="127.0.0.1:99 does not answer"):
        loadproof.run("locustfile.py", host=request.config.getoption("--host"), run_time="1s")

def test_modules():
    import sys
    assert not {"gevent", "locust"} & set(sys.modules)
"""


def test_what_is_wrong_is_told_with_its_hint_and_sends_nothing(tmp_path):
    out = run(project_in(tmp_path, test_wrong=WRONG), "-H", "http://127.0.0.1:99", SHOP_URL="http://127.0.0.1:9")
    assert endings(out) == {
        "test_misspelt_rule": "ERROR",
        "test_misspelt_option": "FAILED",
        "test_nobody_there": "FAILED",
        "test_endless": "FAILED",
        "test_no_run": "FAILED",
        "test_no_fixture": "FAILED",
        "test_own_failure": "FAILED",
    }, out
    assert "3 passed" in out, "it lives beside the plugin of Locust, and takes its host from -H"
    assert "did you mean response_time?" in out
    assert "\n        ^ (did you" in out
    assert not (tmp_path / "was_set_up").exists()
    assert "did you mean users?" in out
    assert re.search(r"^E +loadproof\.errors\.NotReadyError: ", out, re.MULTILINE)
    assert re.search(r"^E +try: start it", out, re.MULTILINE)
    assert "give run_time=" in out
    assert out.count("rules were held against nothing: error_rate < 1%") >= 2
    assert out.count("assert 1 == 2") >= 1
    assert "supervisor/run.py" not in out
    assert " load runs " not in out


LONG = """
import asyncio
import pytest

def test_sync(loadproof):
    loadproof.run("shop", users=2, run_time="1m")

@pytest.mark.asyncio
async def test_coroutines(loadproof):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.05)
            ticks += 1

    try:
        await asyncio.gather(
            tick(),
            loadproof.run_async("shop", users=2, run_time="1m", name="awaited"),
            asyncio.to_thread(loadproof.run, "shop", users=2, run_time="1m", name="in_a_thread"),
        )
    finally:
        with open("ticks", "w") as file:
            file.write(str(ticks))
"""


def loading(process):
    """Load processes below one of pytest."""
    found = set()
    for pid in children(process.pid):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        found |= {pid} if b"loadproof.load" in words else set()
    return found


@pytest.mark.long
def test_ctrl_c_ends_every_child_process_and_keeps_the_results(tmp_path, service):
    ways = {
        "sync": (1, ("-k", "test_sync")),
        "coroutines": (2, ("-k", "test_coroutines")),
        "worker": (1, ("-n", "1", "-k", "test_sync")),
    }
    processes = {}
    for way, (_, words) in ways.items():
        (tmp_path / way).mkdir()
        folder = project_in(tmp_path / way, test_long=LONG)
        processes[way] = start(folder, "--loadproof-results", "kept", *words, SHOP_URL=service.url)
    for way, (runs, _) in ways.items():
        wait_for(lambda way=way, runs=runs: len([*tmp_path.glob(f"{way}/kept/*/run.json")]) == runs, timeout=40)
    below = {way: children(process.pid) for way, process in processes.items()}
    assert {way: len(loading(process)) for way, process in processes.items()} == {way: ways[way][0] for way in ways}
    for process in processes.values():
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    for way, process in processes.items():
        out = end(process)
        assert process.returncode == 2, out
        assert not [pid for pid in below[way] if alive(pid)]
        saved = [json.loads(path.read_text()) for path in tmp_path.glob(f"{way}/kept/*/run.json")]
        assert {(run["finished"], run["exit_code"], run["abort"]) for run in saved} == {
            (True, 130, "interrupted by Ctrl-C")
        }
        if way != "worker":  # what a worker had to say is lost with it
            assert out.count("NOT PASSED test_long.py::") == len(saved), out
    assert int((tmp_path / "coroutines" / "ticks").read_text()) > 10, "the event loop stood still"


def test_it_adds_one_fixture_one_mark_and_one_option(tmp_path):
    project_in(tmp_path)
    words = ("--fixtures", "--markers", "--help")
    lists = dict(zip(words, [end(each) for each in [start(tmp_path, word, "-q") for word in words]], strict=True))
    assert re.findall(r"^(\w+) -- .*loadproof/pytest_plugin", lists["--fixtures"], re.MULTILINE) == ["loadproof"]
    assert re.findall(r"^@pytest\.mark\.(loadproof\w*)", lists["--markers"], re.MULTILINE) == ["loadproof"]
    assert re.findall(r"^  (\S*loadproof\S*)", lists["--help"], re.MULTILINE) == ["--loadproof-results=DIR"]
    assert re.search(r"^  --host(=HOST)?, ?-H", lists["--help"], re.MULTILINE), "Locust's own is still there"


def test_starting_pytest_loads_nothing_but_the_plugin():
    script = "import sys, loadproof.pytest_plugin\nprint(sorted(m for m in sys.modules if m.startswith('loadproof')))\n"
    script += "assert not {'gevent', 'locust', 'numpy', 'pydantic', 'requests'} & set(sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.strip() == "['loadproof', 'loadproof.pytest_plugin', 'loadproof.pytest_plugin.summary']"


@pytest.mark.long
def test_every_example_of_the_guide_passes(project):
    folder, out = project
    assert sorted(EXAMPLES) == [
        "loadproof.toml", "test_async.py", "test_expectations.py", "test_rules.py", "test_shop.py",
    ]  # fmt: skip
    assert (folder / "loadproof.toml").read_text() == EXAMPLES["loadproof.toml"]
    assert GUIDE.count("```python") == sum(name.endswith(".py") for name in EXAMPLES)
    assert [test for test in endings(out) if not test.startswith("test_that_")] == []
    assert len(re.findall(r"^PASS test_\w+\.py::test_the_shop", out, re.MULTILINE)) == 3
    assert "FAIL test_expectations.py::test_orders_are_known_to_fail" in out
