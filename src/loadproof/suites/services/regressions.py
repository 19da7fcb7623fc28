"""The runs of a folder against each other: the trend of every test, and its last run held against the one before."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from loadproof.errors import ExitCode
from loadproof.suites.services.command import loadproof_command

if TYPE_CHECKING:
    from collections.abc import Iterator


def summarize(folder: str, *, fail_on_regression: bool) -> int:
    """Print what ``loadproof summary`` says of a folder, then what ``loadproof compare`` says of each test.

    Args:
        folder: It holds result directories.
        fail_on_regression: Whether a test that regressed is an error.

    Returns:
        The exit code: 0, that of the command that failed, or 5 where a test regressed and that is an error. That
        nobody can tell is none.
    """
    code = subprocess.call(loadproof_command(["summary", folder]))  # noqa: S603 - our own command line
    if code != ExitCode.PASS:
        return code
    listed = subprocess.run(  # noqa: S603 - our own command line
        loadproof_command(["summary", folder, "--json"]), stdout=subprocess.PIPE, check=True
    )
    for test, before, after in _last_pairs(json.loads(listed.stdout)):
        sys.stdout.write(f"\n{test}: the last run against the one before\n")
        sys.stdout.flush()
        words = ["compare", before, after, *(["--fail-on-regression"] if fail_on_regression else [])]
        compared = subprocess.call(loadproof_command(words))  # noqa: S603 - our own command line
        if compared not in (ExitCode.PASS, ExitCode.INCONCLUSIVE):
            code = code or compared
    return code


def _last_pairs(summary: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Of each test with two runs or more that ended in their time: its name, and the directories of the last two."""
    for test in summary["tests"]:
        whole = [run["directory"] for run in test["runs"] if run["finished"] and run["abort"] is None]
        if len(whole) > 1:
            yield f"{test['test_name']} ({test['kind']})", whole[-2], whole[-1]
