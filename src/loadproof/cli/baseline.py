"""``loadproof baseline``: keep a run as the baseline of its test, or list what is kept."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadproof.cli.help import HelpFormatter
from loadproof.errors import ExitCode, RunError
from loadproof.result import BASELINES, RESULTS, RunResult, find_run, keep_baseline, kept_baselines
from loadproof.units import format_count, format_duration

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str]) -> int:
    """Keep a run, or list those that are kept.

    Raises:
        RunError: There is no such run, or it cannot be kept.
    """
    options = _parser().parse_args(words)
    return _set(options) if options.action == "set" else _list(options)


def _set(options: argparse.Namespace) -> int:
    run = find_run(options.run, results=options.results)
    path = keep_baseline(run, name=options.name, folder=options.folder)
    print(f"{path}: commit it, and compare with it: loadproof compare {path} RUN")
    return int(ExitCode.PASS)


def _list(options: argparse.Namespace) -> int:
    rows: list[dict[str, Any]] = []
    for path in kept_baselines(options.folder):
        try:
            run = RunResult.load(path)
        except RunError as error:
            rows.append({"file": str(path), "problem": str(error)})
            continue
        rows.append(
            {
                "file": str(path),
                "test_name": run.test_name,
                "kind": run.kind,
                "run_id": run.run_id,
                "started_at": run.started_at,
                "commit": run.environment.get("commit"),
                "requests": run.record.samples,
                "duration_s": run.duration,
                "outcome": run.outcome,
            }
        )
    if options.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not rows:
        print(f"no baseline is kept in {options.folder}; loadproof baseline set RUN keeps one")
    else:
        print("\n".join(_line(row) for row in rows))
    return int(ExitCode.PASS)


def _line(row: dict[str, Any]) -> str:
    if "problem" in row:
        return f"{row['file']}: {row['problem']}"
    commit = f", commit {row['commit']}" if row["commit"] else ""
    took = format_duration(float(str(row["duration_s"])))
    requests = format_count(int(str(row["requests"])))
    when = str(row["started_at"])[:19].replace("T", " ")
    return f"{row['file']}: {row['kind']} test {row['test_name']} of {when}, {requests} requests in {took}{commit}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="loadproof baseline",
        description="Keep a run as the baseline of its test, in a file that can be committed, or list what is kept.",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    keep = actions.add_parser("set", help="keep a run", formatter_class=HelpFormatter, allow_abbrev=False)
    keep.add_argument("run", metavar="RUN", help="a result directory, a run.json, latest, or latest:NAME")
    keep.add_argument("--name", help="name of the baseline, default the test's")
    keep.add_argument(
        "--results", type=Path, default=RESULTS, metavar="DIR", help=f"where latest is, default {RESULTS}"
    )
    kept = actions.add_parser("list", help="list what is kept", formatter_class=HelpFormatter, allow_abbrev=False)
    kept.add_argument("--json", action="store_true", help="print it as JSON")
    for action in (keep, kept):
        action.add_argument("--folder", type=Path, default=BASELINES, metavar="DIR", help=f"default {BASELINES}")
    return parser
