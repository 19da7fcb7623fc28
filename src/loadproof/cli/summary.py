"""``loadproof summary DIR``: the trend over all runs of a folder."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadproof.cli.help import HelpFormatter
from loadproof.cli.past_runs import read_past_runs
from loadproof.errors import ExitCode, Problem, UsageError
from loadproof.report.change_wording import shown_change
from loadproof.report.layout import Layout
from loadproof.report.wording import (
    ABSENT,
    outcome_mark,
    plural,
    shown_count,
    shown_duration,
    shown_rate,
    shown_ratio,
    shown_target,
)
from loadproof.trend import trends

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadproof.cli.past_runs import PassedOver
    from loadproof.trend import Quantity, Trend, TrendRow

SCHEMA_VERSION = 1
"""Version of what ``--json`` prints.

1: first version.
"""

_EPILOG = """Each run is held against the median of the finished ones before it, also those that --last does not show.
Times are of successes; of a search they are those of the highest level that was sustained.

examples:
  loadproof summary                          all runs in reports/performance
  loadproof summary artifacts --last 20
  loadproof summary --json | jq '.tests[].runs[-1]'"""

_DEFAULT = "reports/performance"
_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.-~=+*#"
_HEAD = ("Started (UTC)", "Outcome", "Users", "p50", "", "p95", "", "Throughput", "", "Errors", "", "Found", "", "Run")
_DRAWN: tuple[tuple[str, Quantity, Callable[[float | None], str]], ...] = (
    ("p95", "p95", shown_duration),
    ("throughput", "throughput", shown_rate),
)
_FOUND = (11, 12)
"""Columns of that table that a plain run does without."""


def main(words: Sequence[str]) -> int:
    """Print the trend of each test of a folder; broken and foreign directories are named and passed over."""
    read = _parser().parse_args(words)
    try:
        runs, passed_over = read_past_runs(read.folder)
    except OSError as error:
        what = f"{read.folder} cannot be read: {error.strerror or error}"
        hint = "name the folder that holds result directories, as --results of the run did"
        raise UsageError([Problem("missing-file", "DIR", what, hint)]) from error
    found = trends(runs)
    if read.json:
        print(json.dumps(_document(found, passed_over, read.last), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        page = Layout(unicode, max(80, min(180, shutil.get_terminal_size((140, 24)).columns)))
        print("\n".join(_text(found, passed_over, read, page)))
    return int(ExitCode.PASS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="loadproof summary",
        description="The trend over all runs of a folder: each run against the median of those before it.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    help_ = f"folder with result directories (default: {_DEFAULT})"
    parser.add_argument("folder", metavar="DIR", type=Path, nargs="?", default=Path(_DEFAULT), help=help_)
    parser.add_argument("--last", metavar="N", type=_positive, help="show only the last N runs of each test")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of runs, at least 1")
    return int(text)


def _text(
    found: Sequence[Trend], passed_over: Sequence[PassedOver], read: argparse.Namespace, page: Layout
) -> list[str]:
    blocks = [_trend(trend, read.last, page) for trend in found]
    if not found:
        blocks.append([page.plain(f"No runs in {read.folder}.")])
    if passed_over:
        lines = [f"Passed over: {plural(len(passed_over), 'directory', 'directories')}"]
        for each in passed_over:
            lines += page.wrapped(f"{each.directory}: {each.reason}", indent="    ", first="  - ")
        blocks.append(lines)
    return "\n\n".join("\n".join(block) for block in blocks).splitlines()


def _trend(trend: Trend, last: int | None, page: Layout) -> list[str]:
    rows = _last(trend, last)
    count = plural(len(trend.rows), "run")
    shown = f", the last {shown_count(len(rows))}" if len(rows) < len(trend.rows) else ""
    lines = page.wrapped(f"{trend.test_name} ({trend.kind}): {count}{shown}", indent="  ", first="")
    lines += [_drawn(title, [_shown_value(row, what) for row in rows], write, page) for title, what, write in _DRAWN]
    cells = [_cells(row) for row in rows]
    # A column without a title holds how the one before it has changed; no other run, no such column.
    kept = [
        column
        for column, title in enumerate(_HEAD)
        if (title or any(row[column] for row in cells)) and not (trend.kind == "load" and column in _FOUND)
    ]
    table = [tuple(row[column] for column in kept) for row in (_HEAD, *cells)]
    left = [kept.index(column) for column in (0, 1, 13)]
    return [*lines, *page.table(table, left=left, name=kept.index(13), optional=_optional(kept))]


def _optional(kept: list[int]) -> list[int]:
    """Columns that a narrow terminal does without: p50 with its change, users, other changes, then throughput."""
    return [kept.index(column) for column in (4, 3, 2, 10, 12, 8, 7) if column in kept]


def _cells(row: TrendRow) -> tuple[str, ...]:
    run = row.run
    outcome = f"{outcome_mark(run.outcome)} {run.outcome}" if run.finished and run.outcome else "… UNFINISHED"
    if run.abort:
        outcome += " (cut short)"
    return (
        f"{run.started_at:%Y-%m-%d %H:%M:%S}",
        outcome,
        shown_count(run.users_peak),
        shown_duration(run.p50),
        _change(row, "p50"),
        shown_duration(run.p95),
        _change(row, "p95"),
        shown_rate(run.throughput),
        _change(row, "throughput"),
        shown_ratio(run.error_rate),
        _change(row, "error_rate"),
        ABSENT if run.answer is None else shown_target(run.answer, run.answer_unit or "users"),
        _change(row, "answer"),
        Path(run.directory).name,
    )


def _change(row: TrendRow, quantity: Quantity) -> str:
    change = row.change.get(quantity)
    return "" if change is None else shown_change(change, points=quantity == "error_rate", digits=2)


def _drawn(title: str, values: Sequence[float | None], write: Callable[[float | None], str], page: Layout) -> str:
    """A line with a bar for each run, as high as its value is, and the least and the greatest of them in words."""
    known = [value for value in values if value is not None]
    span = f"{write(min(known))} … {write(max(known))}" if known else ABSENT
    return page.plain(f"  {title:<10} {_sparkline(values, unicode=page.unicode)}  {span}")


def _shown_value(row: TrendRow, quantity: Quantity) -> float | None:
    """None where the run was cut short: beside whole ones its bar would mislead."""
    return row.run.value(quantity) if row.run.counts else None


def _sparkline(values: Sequence[float | None], *, unicode: bool) -> str:
    """Bars from zero to the greatest value, so that a change looks no larger than it is; a space where none is."""
    bars = _BARS if unicode else _ASCII_BARS
    highest = max((value for value in values if value is not None), default=0.0)
    return "".join(
        " " if value is None else bars[round(value / highest * (len(bars) - 1)) if highest else 0] for value in values
    )


def _last(trend: Trend, last: int | None) -> Sequence[TrendRow]:
    return trend.rows if last is None else trend.rows[-last:]


def _document(found: Sequence[Trend], passed_over: Sequence[PassedOver], last: int | None) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "tests": [
            {
                "test_name": trend.test_name,
                "kind": trend.kind,
                "total_runs": len(trend.rows),
                "runs": [_run(row) for row in _last(trend, last)],
            }
            for trend in found
        ],
        "passed_over": [asdict(each) for each in passed_over],
    }


def _run(row: TrendRow) -> dict[str, Any]:
    """Values carry their unit; ``earlier_median`` and ``change_ratio`` lack what cannot be told."""
    run = row.run
    keys: dict[Quantity, str] = {
        "p50": "p50_s",
        "p95": "p95_s",
        "throughput": "requests_per_second",
        "error_rate": "error_ratio",
        "answer": "answer",
    }
    return {
        "directory": run.directory,
        "run_id": run.run_id,
        "started_at": run.started_at.isoformat(),
        "finished": run.finished,
        "outcome": None if run.outcome is None else str(run.outcome),
        "exit_code": run.exit_code,
        "abort": run.abort,
        "users_peak": run.users_peak,
        **{key: run.value(quantity) for quantity, key in keys.items()},
        "answer_unit": run.answer_unit,
        "earlier_median": {keys[quantity]: value for quantity, value in row.usual.items()},
        "change_ratio": {keys[quantity]: value for quantity, value in row.change.items()},
    }
