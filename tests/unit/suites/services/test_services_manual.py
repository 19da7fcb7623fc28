"""The manual of the services suite, its examples for build servers, and its containers."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pygments.lexers import GroovyLexer
from pygments.token import Comment, Error, String
from ruamel.yaml import YAML

from loadproof.suites.services import FOLDER
from loadproof.suites.services.parts import PORTS, port_variable
from loadproof.suites.services.target.__main__ import DEFAULT_KEY, KEY_VARIABLE

MANUAL = (FOLDER / "README.md").read_text(encoding="utf-8")
TESTS = Path(__file__).parents[3]


def yaml(name):
    return YAML(typ="safe").load(FOLDER / name)


def complaints(document, schema, folder):
    path = folder / "document.json"
    path.write_text(json.dumps(document))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode in (0, 1), ended.stderr
    return ended.stdout if ended.returncode else ""


def test_every_line_of_the_requirements_has_tests_that_there_are():
    rows = re.findall(r"^\| ((?:S4-\d\d(?:, )?)+|later) \| .*? \| (.*) \|$", MANUAL, re.MULTILINE)
    lines = {line for named, _ in rows for line in named.split(", ")}
    assert lines == {f"S4-{number:02}" for number in range(1, 64)} | {"later"}
    named = {test for _, tests in rows for test in re.findall(r"`(\w+)`", tests)}
    files = [*TESTS.glob("unit/suites/services/*.py"), *TESTS.glob("integration/suites/services/*.py")]
    known = {
        node.name
        for path in files
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert named <= known
    assert {name for name in known if name.startswith("test_s4_")} <= named


@pytest.mark.parametrize(
    "command",
    [
        "make run-pkd-service",
        "make run-document-processing",
        "make run-ui-app",
        "make perf-test-quick",
        "make perf-test-load SERVICE=pkd_service USERS=10 DURATION=60",
        "./scripts/run_perf_test.sh pkd_service load 10 60",
        "make perf-test-stress SERVICE=pkd_service MAX_USERS=100 RAMP_UP=300",
        "make perf-test-all",
        "./scripts/run_perf_test.sh document_processing load 20 120",
        "python scripts/performance_test.py stress ui_app --max-users 50 --ramp-up 180",
        "python scripts/performance_monitoring.py --setup",
        "python scripts/performance_test.py load pkd_service --metrics-port 9090",
        "python scripts/performance_monitoring.py --summary reports/performance/",
        "make perf-test`",
        "make perf-reports-clean",
    ],
)
def test_every_command_of_the_document_is_in_the_manual(command):
    assert command in MANUAL


def test_s4_60_61_63_the_manual_has_the_guidance_of_the_document():
    guidance = " ".join(MANUAL.partition("## Troubleshooting")[2].split())
    for words in (
        "❌ Service pkd_service is not running on port 8088", "make run-pkd-service", "logs", "API keys",
        "database connections", "CPU", "memory", "network", "configuration", "increase `timeout`", "queries",
        "response times", "indexes", "slow queries", "connection pooling", "worker pools", "memory limits", "caching",
        "more instances", "more resources", "load balancers",
    ):  # fmt: skip
        assert words in guidance


def test_s4_51_the_workflow_is_valid_and_has_the_steps_of_the_document(tmp_path):
    document = yaml("ci/github-actions.yml")
    assert complaints(document, "vendor.github-workflows", tmp_path) == ""
    steps = {step["name"]: step for step in document["jobs"]["performance"]["steps"] if "name" in step}
    assert steps["Run Performance Tests"]["run"] == "make perf-test-quick\n"
    upload = steps["Upload Performance Reports"]
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert upload["with"] == {"name": "performance-reports", "path": "reports/performance/"}
    assert upload["if"] == "always()", "reports of a failed test are the interesting ones"


def test_s4_52_jenkins_publishes_the_reports_as_the_document_says():
    text = (FOLDER / "ci/Jenkinsfile").read_text(encoding="utf-8")
    open_ones = []
    for kind, token in GroovyLexer().get_tokens(text):
        assert kind is not Error, token
        if kind in Comment or kind in String:
            continue
        for sign in token:
            if sign in "([{":
                open_ones.append(sign)
            elif sign in ")]}":
                assert open_ones.pop() + sign in ("()", "[]", "{}")
    assert open_ones == []
    (published,) = re.findall(r"publishHTML\(\[(.*?)\]\)", text, re.DOTALL)
    assert dict(re.findall(r"(\w+): (\S+?|'[^']*'),?\n", published)) == {
        "allowMissing": "false",
        "alwaysLinkToLastBuild": "true",
        "keepAll": "true",
        "reportDir": "'reports/performance'",
        "reportFiles": "'**/report.html'",
        "reportName": "'Performance Test Report'",
    }
    assert "sh 'make perf-test-quick'" in text


def test_the_containers_are_valid_and_start_the_services_on_the_documented_ports(tmp_path):
    document = yaml("docker-compose.yml")
    assert complaints(document, "vendor.compose-spec", tmp_path) == ""
    for name, port in PORTS.items():
        service = document["services"][name]
        variable = f"${{{port_variable(name)}:-{port}}}"
        assert service["command"] == f"python -m loadproof.suites.services.target {name} --port {variable}"
        assert service["stdin_open"] is True
        assert service["environment"][KEY_VARIABLE] == f"${{{KEY_VARIABLE}:-{DEFAULT_KEY}}}"
    assert {each["network_mode"] for each in document["services"].values()} == {"host"}
    assert [name for name, each in document["services"].items() if each.get("profiles") == ["monitoring"]] == [
        "prometheus", "grafana",
    ]  # fmt: skip


def test_what_watches_is_what_loadproof_sets_up():
    from importlib.resources import files

    ours = yaml("docker-compose.yml")["services"]
    theirs = YAML(typ="safe").load((files("loadproof.export") / "monitoring/compose.yml").read_text())["services"]
    for name, service in theirs.items():
        moved = [each.replace("./", "./monitoring/", 1) for each in service["volumes"]]
        assert ours[name] == service | {"volumes": moved, "profiles": ["monitoring"]}


def test_every_threshold_of_a_service_is_in_the_manual():
    from loadproof.suites.services.service_levels import DEFAULT, level_of

    rows = re.findall(r"^\| ([\w -]+) \| (\d+) ms \| (\d+) ms \| (\d+) % \| (\d+) \|$", MANUAL, re.MULTILINE)
    assert len(rows) == 8
    for name, *figures in rows:
        level = DEFAULT if name == "any other" else level_of(name)
        assert [int(each) for each in figures] == [
            level.average_ms, level.p95_ms, level.success_percent, level.per_second,
        ]  # fmt: skip


def test_what_a_build_server_runs_can_be_run():
    for name in ("run_perf_test.sh", "performance_test.py", "performance_monitoring.py"):
        assert (FOLDER / "scripts" / name).stat().st_mode & 0o111, name
