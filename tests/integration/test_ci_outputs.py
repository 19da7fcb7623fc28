"""What a run leaves for CI servers: ``junit.xml`` by pytest's own schema, ``summary.md``, and what GitHub is told."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from junit_schema import junit_schema

from commandline import end, loadproof, start, wait_for
from loadproof.report.junit import render_junit
from loadproof.result import Change, ComparedRun, Comparison, Coverage, Declared, Difference
from results_factory import (
    NASTY,
    capacity_result,
    empty_result,
    open_result,
    result_of,
    rich_result,
    sample,
    small_result,
    stress_result,
)

SUITE = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        self.client.get("/ok", name="<read> | it")
"""
MARKER = "<!-- loadproof: ci load -->"


@pytest.fixture(scope="session")
def schema(request, tmp_path_factory):
    return xmlschema.XMLSchema(
        str(junit_schema(getattr(request.config, "cache", None), tmp_path_factory.mktemp("pytest")))
    )


@pytest.fixture
def cwd(tmp_path):
    (tmp_path / "locustfile.py").write_text(SUITE)
    return tmp_path


def words(service, *more):
    return ("run", "--name", "ci", "-u", "3", "-r", "3", "-H", service.url, *more)


def everything():
    nasty = f"{NASTY}\x00\x1b[2J\ud800]]>&\nb"
    run = ComparedRun("r", "checkout", "2026-03-01T00:00:00+00:00")
    same = {"tolerance": 0.05, "floor": 0.0, "basis": "within one run", "interval": (0.9, 1.3)}
    differences = tuple(
        Difference(nasty, "GET", f"p{i}(response_time)", "s", 0.1, 0.2, 2.0, change=change, reason=nasty, **same)
        for i, change in enumerate(Change)
    )
    declared = (Declared(nasty, "GET", "expect", 0), Declared("a", None, "task", 3, 2.5))
    return replace(
        result_of([sample(nasty, kind=nasty, message=nasty)], test_name=nasty, abort=nasty),
        coverage=Coverage(declared, ((nasty, 1),)),
        comparison=Comparison((run,), (run,), differences, (nasty,)),
    )


@pytest.mark.parametrize(
    "make", [empty_result, small_result, rich_result, open_result, stress_result, capacity_result, everything]
)
def test_the_cases_are_valid_by_the_schema_of_pytest(make, schema):
    schema.validate(render_junit(make()))


def test_the_schema_does_refuse_what_is_not_such_a_document(schema):
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(render_junit(small_result()).replace("<testcase ", "<testcase assertions='3' "))


def test_a_failed_run_tells_ci_servers_why(cwd, service, schema):
    rule = "p95(response_time) < 1us"
    ended = loadproof(cwd, *words(service, "-t", "2s", "--threshold", rule), GITHUB_ACTIONS="")
    assert ended.code == 99, ended.out + ended.err
    assert "::" not in ended.out
    text = (ended.directory / "junit.xml").read_text(encoding="utf-8")
    schema.validate(text)
    cases = {case.get("name"): case for case in ET.fromstring(text).iter("testcase")}
    assert cases[rule].find("failure") is not None
    assert cases["load test"].get("classname") == "ci.run"
    summary = (ended.directory / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith(f"{MARKER}\n## ❌ FAIL: ci\n")
    assert "<code>GET &#60;read&#62; &#124; it</code>" in summary


def test_an_interrupted_run_leaves_them_too(cwd, service, schema):
    process = start(cwd, *words(service, "-t", "60s"))
    wait_for(lambda: service.seen.total() >= 50)
    process.send_signal(signal.SIGINT)
    ended = end(process, cwd)
    assert ended.code == 130, ended.out + ended.err
    text = (ended.directory / "junit.xml").read_text(encoding="utf-8")
    schema.validate(text)
    case = next(ET.fromstring(text).iter("testcase"))
    assert case.find("error").get("message") == "ended before its time: interrupted by Ctrl-C"
    assert "interrupted by Ctrl-C" in (ended.directory / "summary.md").read_text(encoding="utf-8")
    shown = loadproof(cwd, "summary")
    assert shown.code == 0, shown.err
    assert "ci (load): 1 run" in shown.out
    assert "(cut short)" in shown.out


def test_in_github_actions_the_job_gets_its_summary_and_annotations(cwd, service):
    page = cwd / "step_summary.md"
    rule = "p95(response_time) < 1us"
    run = words(service, "-t", "1s", "--threshold", rule)
    ended = loadproof(cwd, *run, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(page))
    assert ended.code == 99, ended.out + ended.err
    (annotation,) = [line for line in ended.out.splitlines() if line.startswith("::error ")]
    assert annotation.startswith(f"::error title=ci%3A FAIL {rule}::")
    assert page.read_text(encoding="utf-8") == (ended.directory / "summary.md").read_text(encoding="utf-8") + "\n"


@pytest.mark.long
def test_github_is_told_on_request_and_a_search_too(cwd, service):
    page = cwd / "step_summary.md"
    search = ("stress", "--name", "ci", "-H", service.url, "--max-users", "2", "--steps", "2", "--hold", "3s")
    ended = loadproof(cwd, *search, "--github", GITHUB_STEP_SUMMARY=str(page))
    assert ended.code in (0, 4), ended.out + ended.err  # a busy machine may not be able to judge so short a search
    assert ended.out.count("::error ") == (ended.code == 4)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!-- loadproof: ci stress -->")
    assert "### Levels" in text
    (test,) = json.loads(loadproof(cwd, "summary", "--json").out)["tests"]
    assert (test["test_name"], test["kind"], test["total_runs"]) == ("ci", "stress", 1)
