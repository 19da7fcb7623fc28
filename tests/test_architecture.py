"""The rules of the house that neither ruff, mypy nor import-linter knows."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import loadproof

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "loadproof"
OF_A_TEAM = re.compile(r"/suites/\w+/(perf|performance-test|scripts|src|test|tests)/")
"""Folders of suites whose names and files are the team's own; they are no packages of ours."""

MODULES = sorted(path for path in SOURCE.rglob("*.py") if not OF_A_TEAM.search(path.as_posix()))

UNSAID = ("utils", "util", "helpers", "helper", "common", "base", "manager", "types", "misc")
"""Names that say nothing of what a module does."""

# Written so that no pattern matches its own text.
INDEX_ADDRESSES = r"pypi\.org|files\.pythonhosted|--index[-]url|--extra[-]index|extra[-]index-url|https?://\S+/simple\b"
MACHINE_PATHS = r"(?<![\w.~$}-])/(?:root|work|home/\w+|Users/\w+)/"


def module_name(path):
    """Last part of a module's dotted name; a package's own for its ``__init__``."""
    return path.parent.name if path.stem == "__init__" else path.stem


def loaded_after(statement, candidates):
    """Which of the candidates a fresh interpreter has loaded after the statement."""
    script = f"import json, sys\n{statement}\nprint(json.dumps(sorted(set({candidates!r}) & set(sys.modules))))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True, timeout=60)
    return json.loads(run.stdout)


def tracked_files():
    """Every file that git tracks and that is still there."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    paths = [ROOT / name for name in listed.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def pins():
    """Name to version, as ``constraints.txt`` has them."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_after("import loadproof", ["gevent", "locust", "numpy", "pydantic", "rich", "msgpack"]) == []


def test_no_public_name_brings_gevent_or_locust_into_the_caller():
    assert loaded_after("from loadproof import *", ["gevent", "locust", "requests"]) == []


def test_the_command_line_starts_without_gevent_or_locust():
    statement = "from loadproof.cli import main\ntry: main(['--version'])\nexcept SystemExit: pass\n"
    silent = f"import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    exec({statement!r})"
    assert loaded_after(silent, ["gevent", "locust", "numpy", "jinja2"]) == []


def test_every_public_name_resolves_and_the_list_is_sorted():
    assert loadproof.__all__ == sorted(loadproof.__all__)
    assert [name for name in loadproof.__all__ if getattr(loadproof, name, None) is None] == []
    assert set(loadproof.__all__) <= set(dir(loadproof))


def test_the_version_is_that_of_the_installed_package():
    assert loadproof.__version__ == metadata.version("loadproof")


def test_type_checkers_see_the_homes_that_the_interpreter_uses():
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("loadproof")
        for alias in node.names
    }
    assert seen == loadproof._HOMES


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'loadproof' has no attribute 'run_plans'"):
        loadproof.run_plans  # noqa: B018 - the access is the test


@pytest.mark.parametrize("pattern", [INDEX_ADDRESSES, MACHINE_PATHS], ids=["index_address", "machine_path"])
def test_no_tracked_file_names_an(pattern):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked_files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (INDEX_ADDRESSES, "index = https://mirror.example/" + "simple"),
        (INDEX_ADDRESSES, "pip install --index" + "-url=x"),
        (INDEX_ADDRESSES, "see https://py" + "pi.org/project/locust"),
        (MACHINE_PATHS, "cd /ro" + "ot/project"),
        (MACHINE_PATHS, '"/wo' + 'rk/main"'),
        (MACHINE_PATHS, "/home/" + "someone/x"),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern, line):
    assert re.search(pattern, line)


def test_constraints_are_names_and_versions_in_order():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert [line for line in lines[1:] if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.!+]*", line)] == []
    names = [re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in lines[1:]]
    assert names == sorted(set(names))


def test_the_locust_release_is_the_one_that_was_looked_at():
    """A new Locust may change internals that Loadproof relies on: look at them before moving the pin."""
    assert metadata.version("locust") == pins()["locust"]


def test_every_module_says_by_its_name_what_it_does():
    folders = {path.parent for path in MODULES}
    assert sorted(str(path) for path in (*MODULES, *folders) if path.stem in UNSAID) == []


def test_no_public_function_hides_the_module_it_lives_in():
    hidden = []
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        if module_name(path) in functions:
            hidden.append(str(path.relative_to(ROOT)))
    assert hidden == []


def test_no_package_exports_a_name_that_is_also_one_of_its_modules():
    hidden = []
    for path in SOURCE.rglob("__init__.py"):
        modules = {child.stem for child in path.parent.iterdir() if child.suffix == ".py" or child.is_dir()}
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        own = ".".join(path.parent.relative_to(ROOT / "src").parts)
        names = {alias.asname or alias.name for node in imports if node.module != own for alias in node.names}
        hidden += [f"{path.relative_to(ROOT)}: {name}" for name in sorted(names & modules)]
    assert hidden == []


def test_every_package_has_an_init_that_says_what_it_is():
    packages = {path.parent for path in MODULES}
    silent = [
        str(package.relative_to(ROOT))
        for package in sorted(packages)
        if not (package / "__init__.py").exists()
        or ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) is None
    ]
    assert silent == []


def test_every_file_is_short_enough_to_be_one_thing():
    paths = sorted(SOURCE.rglob("*.py"))
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {str(path): length for path, length in lengths.items() if length >= 600} == {}


def test_no_two_modules_of_tests_share_a_name():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []
