"""The compose files of the suites: valid, of one image, closed to other machines, and with commands that there are."""

import importlib.util
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from loadproof.suites.standing import find_target

ROOT = Path(__file__).parents[3]
SUITES = ROOT / "src/loadproof/suites"
FILES = {
    "fleet": "test/performance/docker-compose.yml",
    "async_requests": "docker-compose.yml",
    "virus_scan": "docker-compose.yml",
    "events": "tests/performance/docker-compose-test.yaml",
    "services": "docker-compose.yml",
}


@pytest.fixture(params=FILES)
def path(request):
    return SUITES / request.param / FILES[request.param]


@pytest.fixture
def document(path):
    return YAML(typ="safe").load(path)


def ours(document):
    return {name: service for name, service in document["services"].items() if "build" in service}


def test_it_is_what_compose_reads(path):
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    checked = subprocess.run(words, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_what_is_ours_is_built_from_the_one_dockerfile(path, document):
    assert ours(document)
    for service in ours(document).values():
        assert service["image"] == "loadproof"
        assert set(service["build"]) == {"context"}
        default = re.fullmatch(r"\$\{LOADPROOF_SOURCE:-(.*)\}", service["build"]["context"])[1]
        assert (path.parent / default).resolve() == ROOT
    assert (ROOT / "Dockerfile").is_file()


def test_no_port_is_open_to_other_machines(document):
    for service in document["services"].values():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_every_module_and_file_that_is_started_is_there(document):
    started = []
    for service in ours(document).values():
        command = service["command"]
        words = (
            shlex.split(command) if isinstance(command, str) else [part for word in command for part in word.split()]
        )
        modules = [after for word, after in pairwise(words) if word in ("-m", "-A")]
        modules += [word.partition(":")[0] for word in words if ":create_" in word]
        started += modules
        assert all(importlib.util.find_spec(module) for module in modules)
        folder = service.get("working_dir", "/suites")
        files = [f"{folder}/{word}" for word in words if word.endswith(".py")]
        started += files
        assert all((SUITES / Path(file).relative_to("/suites")).is_file() for file in files)
    assert started


def test_the_image_has_what_is_installed_and_nothing_else():
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    assert "*" in ignored
    taken = {line[1:] for line in ignored if line.startswith("!")}
    assert taken == {"src", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"}
    assert all((ROOT / name).exists() for name in taken)
    assert '"/source[targets]"' in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("name", ["async_requests", "virus_scan", "events", "services"])
def test_what_stands_without_containers_stands_in_them(name):
    target = find_target(name)
    parts = {part.name for part in target.real or target.embedded}
    services = set(YAML(typ="safe").load(SUITES / name / FILES[name])["services"])
    assert parts <= services
    assert services - parts <= {"signatures", "clamav", "prometheus", "grafana"}  # what only containers need
