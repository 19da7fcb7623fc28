"""axe-core, which finds what keeps people from using a page: fetched from npm when a test wants it, never kept here."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile

import pytest

_SECONDS = 120


def axe_core(folder):
    """Its script; the test is skipped where npm cannot fetch it, which only fails where all is promised.

    Args:
        folder: Where the package may be put.
    """
    missing = "npm is not on PATH" if shutil.which("npm") is None else _fetched(folder)
    if missing:
        reason = f"there is no axe-core: {missing}"
        if os.environ.get("LOADPROOF_REQUIRE_REAL") == "1":
            pytest.fail(f"LOADPROOF_REQUIRE_REAL=1, and {reason}", pytrace=False)
        pytest.skip(reason)
    (package,) = folder.glob("axe-core-*.tgz")
    with tarfile.open(package) as content:
        return content.extractfile("package/axe.min.js").read().decode()


def _fetched(folder):
    """Put the package into the folder; why that cannot be done, or nothing."""
    command = ["npm", "pack", "axe-core@4", "--silent", "--pack-destination", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    return f"npm cannot fetch it: {ended.stderr.strip()[:200]}" if ended.returncode else ""
