"""The examples of ``docs/ci``: valid by the schemas of their servers, with commands that Loadproof knows."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from pygments.lexers import GroovyLexer
from pygments.token import Comment, Error, String
from ruamel.yaml import YAML

from loadproof.cli import run
from loadproof.export.metrics import render_metrics
from results_factory import empty_result, small_result

FOLDER = Path(__file__).parents[2] / "docs/ci"
MANUAL = FOLDER.parent / "ci.md"
EXAMPLES = sorted(FOLDER.iterdir())
COMMAND = re.compile(r"(?<![\w-])(?:\.venv/bin/)?loadproof ((?:run|stress|capacity) [^\n'`]*)")


def read(name):
    return YAML(typ="safe").load(FOLDER / name)


def extended(document):
    """A pipeline of GitLab as it is run, with ``extends`` carried out: its schema lets templates hold anything."""
    templates = {name: document.pop(name) for name in list(document) if name.startswith(".")}
    jobs = [job for job in document.values() if isinstance(job, dict)]
    assert [job["extends"] for job in jobs] == list(templates) * 2
    for job in jobs:
        job.update(templates[job.pop("extends")] | job)
    return document


def complaints(document, options, folder):
    path = folder / "document.json"
    path.write_text(json.dumps(document))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *options, str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode in (0, 1), ended.stderr
    return ended.stdout if ended.returncode else ""


def test_the_example_of_github_is_valid_by_its_schema(tmp_path):
    document, options = read("github.yml"), ["vendor.github-workflows"]
    assert complaints(document, options, tmp_path) == ""
    del document["jobs"]["load"]["runs-on"]
    assert "runs-on" in complaints(document, options, tmp_path)


def test_the_example_of_gitlab_is_valid_by_its_schema(tmp_path):
    document, options = extended(read("gitlab-ci.yml")), ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    assert complaints(document, options, tmp_path) == ""
    document["load test"]["artifacts"]["when"] = "sometimes"
    assert "sometimes" in complaints(document, options, tmp_path)


def test_the_jenkinsfile_is_balanced_groovy_that_reads_every_exit_code():
    """Whether it compiles was tried with Groovy 2.4, which Jenkins uses: see ``docs/ci.md``."""
    text = (FOLDER / "Jenkinsfile").read_text(encoding="utf-8")
    open_ones = []
    for kind, token in GroovyLexer().get_tokens(text):
        assert kind is not Error, token
        if kind in Comment or kind in String:
            continue
        for sign in token:
            if sign in "([{":
                open_ones.append(sign)
            elif sign in ")]}":
                assert open_ones, text
                assert open_ones.pop() + sign in ("()", "[]", "{}")
    assert open_ones == []
    assert re.match(r"(//[^\n]*\n)*pipeline \{", text)
    assert re.findall(r"code [=!]= (\d+)", text) == ["4", "5", "99", "0"]


@pytest.mark.parametrize("path", [*EXAMPLES, MANUAL], ids=lambda path: path.name)
def test_every_command_that_is_shown_has_only_options_that_exist(path):
    from loadproof.cli import capacity, stress

    commands = COMMAND.findall(path.read_text(encoding="utf-8"))
    assert commands
    parsers = {"run": run.parser(), "stress": stress.parser(), "capacity": capacity.parser()}
    for command in commands:
        kind, *words = shlex.split(command, comments=True)
        _, rest = parsers[kind].parse_known_args(words)
        options = [word for word in rest if word.startswith("-")]
        assert set(options) <= {"-u", "-r", "-t", "-H"}, command


def test_every_example_is_named_in_the_manual_and_keeps_what_a_run_leaves():
    manual = MANUAL.read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES] == ["Jenkinsfile", "github.yml", "gitlab-ci.yml"]
    for path in EXAMPLES:
        assert f"ci/{path.name}" in manual
        assert "--results reports" in path.read_text(encoding="utf-8")


def test_the_metrics_of_gitlab_come_from_what_a_run_leaves(tmp_path):
    (script,) = read("gitlab-ci.yml")[".performance"]["after_script"]
    for name, result in (("a", small_result()), ("b", empty_result())):
        (tmp_path / "reports" / name).mkdir(parents=True)
        (tmp_path / "reports" / name / "metrics.json").write_text(render_metrics(result))
    program = script.partition("<<'END'\n")[2].rpartition("END")[0]
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=60)
    lines = (tmp_path / "metrics.txt").read_text().splitlines()
    assert lines[-1] == 'loadproof_error_rate{test="checkout"} 3.0'
    assert len(lines) == 5  # a run that measured nothing has no figures
    assert all(re.fullmatch(r'loadproof_[a-z0-9_]+\{test="checkout"\} [0-9.e-]+', line) for line in lines)
