"""The runs of a folder against each other: the trend of every test, and its last runs held against those before."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from loadproof.errors import ExitCode
from loadproof.suites.services.command import loadproof_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SIDE = 3
"""Runs a side that are compared where there are as many: from so many on, what differs from run to run is known."""


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
    option = ["--fail-on-regression"] if fail_on_regression else []
    for test, before, after in _last_sides(json.loads(listed.stdout)):
        single = len(after) == 1
        said = "the last run against the one before" if single else "the last three runs against the three before"
        sys.stdout.write(f"\n{test}: {said}\n")
        sys.stdout.flush()
        words = ["compare", ",".join(before), ",".join(after), *option]
        compared = subprocess.call(loadproof_command(words))  # noqa: S603 - our own command line
        if compared not in (ExitCode.PASS, ExitCode.INCONCLUSIVE):
            code = code or compared
    return code


def _last_sides(summary: dict[str, Any]) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """Of each test with two runs or more that ended in their time: its name, and the directories to compare."""
    for test in summary["tests"]:
        whole = [run["directory"] for run in test["runs"] if run["finished"] and run["abort"] is None]
        side = _SIDE if len(whole) >= 2 * _SIDE else 1
        if len(whole) > 1:
            yield f"{test['test_name']} ({test['kind']})", whole[-2 * side : -side], whole[-side:]
