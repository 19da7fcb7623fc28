"""The schema of ``junit.xml`` that pytest tests its own with.

It ships in pytest's source package alone, at ``testing/example_scripts/junit-10.xsd``, and nothing of others is copied
into this repository: so pip fetches the package of the installed version from whatever index it is set up for, once for
each checkout.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from importlib import metadata
from pathlib import Path

import pytest

_MEMBER = "testing/example_scripts/junit-10.xsd"
_NO_INDEX = ("No matching distribution found", "Could not find a version")


def junit_schema(cache, folder):
    """Path of the schema; the test is skipped where there is no package index, which only fails where all is promised.

    Args:
        cache: pytest's cache, which keeps it; None where pytest runs without one.
        folder: Where the package may be put.
    """
    version = metadata.version("pytest")
    kept = (folder if cache is None else Path(cache.mkdir("junit_schema"))) / f"junit-10-pytest-{version}.xsd"
    if not kept.is_file():
        with tarfile.open(_download(version, folder)) as package:
            content = package.extractfile(f"pytest-{version}/{_MEMBER}").read()
        fresh = kept.with_suffix(f".{os.getpid()}")  # several workers of pytest-xdist may be at it
        fresh.write_bytes(content)
        fresh.replace(kept)
    return kept


def _download(version, folder):
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "pytest", "--disable-pip-version-check"),
        *("--quiet", "--retries", "1", "--timeout", "20", "--dest", str(folder), f"pytest=={version}"),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    if ended.returncode and any(words in ended.stderr for words in _NO_INDEX):
        reason = "no package index from which pip could fetch pytest's source package"
        if os.environ.get("LOADPROOF_REQUIRE_REAL") == "1":
            pytest.fail(f"LOADPROOF_REQUIRE_REAL=1, and {reason}\n{ended.stderr}", pytrace=False)
        pytest.skip(reason)
    assert ended.returncode == 0, ended.stderr
    (package,) = folder.glob("pytest-*.tar.gz")
    return package
