"""A suite as its team has it: a folder of their own."""

from __future__ import annotations

import shutil
import sys
from importlib import import_module, metadata, util
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def suite_folder(name):
    """Where a suite comes with Loadproof."""
    return Path(import_module(f"loadproof.suites.{name}").__file__).parent


def copy_suite(name, folder):
    """Copy a suite without its target; what programs write there is thrown away with the copy."""
    ignored = shutil.ignore_patterns("target", "__pycache__", "reports", "*.bin")
    return Path(shutil.copytree(suite_folder(name), folder, ignore=ignored))


def load_module(suite, path):
    """A module of a team's own project, by its path, as Locust loads them."""
    path = suite_folder(suite) / path
    spec = util.spec_from_file_location(f"{suite}_{path.stem}", path)
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
        spec.loader.exec_module(module)
    return module


def pins(requirements):
    """Name to version of a requirements.txt, which holds nothing else."""
    lines = requirements.read_text().splitlines()
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def all_needed(names):
    """Names of all distributions that these need, themselves included, as they are installed here."""
    needed, left = set(), [(canonicalize_name(name), "") for name in names]
    while left:
        this = name, extra = left.pop()
        if this in needed:
            continue
        needed.add(this)
        for wanted in map(Requirement, metadata.requires(name) or ()):
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                left += [(canonicalize_name(wanted.name), each) for each in ("", *wanted.extras)]
    return {name for name, _ in needed}
