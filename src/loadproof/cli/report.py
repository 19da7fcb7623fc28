"""``loadproof report RUN``: write the reports again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.cli.ending import print_summary
from loadproof.cli.help import HelpFormatter
from loadproof.errors import ExitCode, RunError
from loadproof.result import RESULTS, find_run, load_runs
from loadproof.supervisor.files import restore, write_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadproof.result import RunResult


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
    parser.add_argument(
        "--baseline", metavar="RUN", help="draw this saved run beside it (default: the one that it was compared with)"
    )
    asked = parser.parse_args(words)
    result = restore(find_run(asked.run, results=asked.results))
    assert result.directory is not None
    complaints = write_files(result, result.directory, _baseline(result, asked.baseline, asked.results))
    for complaint in complaints:
        print(f"⚠ {complaint}")
    print_summary(result)
    return int(ExitCode.COULD_NOT_RUN if complaints else ExitCode.PASS)


def _baseline(result: RunResult, asked: str | None, results: Path) -> RunResult | None:
    """The run to draw beside it; None where it was compared with none, or that one is no longer there.

    Raises:
        RunError: There is no run as asked for, or it cannot be read.
    """
    if asked is not None:
        return load_runs(asked, results=results)[-1]
    compared = {run.run_id for run in result.comparison.baseline} if result.comparison else set()
    if not compared:
        return None
    try:
        candidates = load_runs(result.plan["baseline"] or "", results=results)
    except RunError:
        return None
    # "latest" is another run now.
    return next((run for run in reversed(candidates) if run.run_id in compared), None)
