"""``loadproof report RUN``: write the reports again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.cli.ending import print_summary
from loadproof.cli.help import HelpFormatter
from loadproof.errors import ExitCode
from loadproof.result import RESULTS, find_run
from loadproof.supervisor.files import restore, write_files

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str]) -> int:
    """Write what is made of a saved run again, and print its summary.

    Of a run whose supervisor died, everything is rebuilt from the last checkpoint and ``results.csv``.
    """
    parser = argparse.ArgumentParser(
        prog="loadproof report",
        description="Write report.html, metrics.json, junit.xml and summary.md of a saved run again, and print its "
        "summary. A run that crashed is rebuilt from its last checkpoint and results.csv.",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("run", metavar="RUN", help="a result directory, the run.json in it, or latest[:NAME]")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="DIR", help=f"where latest is, default {RESULTS}"
    )
    asked = parser.parse_args(words)
    result = restore(find_run(asked.run, results=asked.results))
    assert result.directory is not None
    complaints = write_files(result, result.directory)
    for complaint in complaints:
        print(f"⚠ {complaint}")
    print_summary(result)
    return int(ExitCode.COULD_NOT_RUN if complaints else ExitCode.PASS)
