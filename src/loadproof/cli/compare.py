"""``loadproof compare BASELINE CANDIDATE``: what changed, and how sure that is."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.cli.help import HelpFormatter
from loadproof.compare import TOLERANCES, compare_runs
from loadproof.errors import ExitCode, Problem, UsageError
from loadproof.report.comparison import render_comparison
from loadproof.result import RESULTS, Change, load_runs
from loadproof.units import parse_duration, parse_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadproof.result import Comparison

_EPILOG = """a RUN is a result directory, a run.json, latest, latest:NAME, or the name of a kept baseline; several are a
glob in quotes, or a list with commas. Three runs or more a side, taken in turn, say most.

examples:
  loadproof compare latest:main latest:branch
  loadproof compare baselines/checkout.json latest:checkout --fail-on-regression
  loadproof compare 'reports/performance/load_test_main_*' 'reports/performance/load_test_branch_*'
  loadproof compare --baseline checkout latest:checkout --tolerance p95=5%

exit codes: 0, 2 usage, 3 not a run, 4 nothing could be compared, 5 regressed (with --fail-on-regression)"""


def main(words: Sequence[str]) -> int:
    """Compare saved runs and print what came of it.

    Raises:
        UsageError: An option is wrong.
        RunError: There is no such run.
    """
    options = _parser().parse_args(words)
    before, after, problems = _sides(options)
    tolerances, wrong = _by_quantity(options.tolerance, "--tolerance", _tolerance)
    floors, also_wrong = _by_quantity(options.floor, "--floor", _floor)
    problems += wrong + also_wrong
    if problems:
        raise UsageError(problems)
    comparison = compare_runs(
        load_runs(before, results=options.results),
        load_runs(after, results=options.results),
        tolerances=tolerances,
        floors=floors,
    )
    print(as_json(comparison) if options.json else _text(comparison), flush=True)
    return int(_code(comparison, fail_on_regression=options.fail_on_regression))


def as_json(comparison: Comparison) -> str:
    """The comparison as ``run.json`` has it, with what it came to."""
    return json.dumps({"change": comparison.change, **asdict(comparison)}, indent=2, ensure_ascii=False)


def _code(comparison: Comparison, *, fail_on_regression: bool) -> ExitCode:
    if comparison.change is Change.REGRESSED:
        return ExitCode.REGRESSED if fail_on_regression else ExitCode.PASS
    return ExitCode.PASS if comparison.differences else ExitCode.INCONCLUSIVE


def _text(comparison: Comparison) -> str:
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    width = max(80, min(140, shutil.get_terminal_size((100, 24)).columns))
    return render_comparison(comparison, unicode=unicode, width=width)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="loadproof compare",
        description="Say what changed from a baseline to a candidate, and how sure that is.",
        usage="loadproof compare BASELINE CANDIDATE [options]",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("runs", metavar="RUN", nargs="*", help="the baseline and the candidate; one with --baseline")
    parser.add_argument("--baseline", metavar="RUN", help="the baseline, instead of as the first word")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="DIR", help=f"where latest is, default {RESULTS}"
    )
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="p95=10%",
        help=f"change that does not matter, of {', '.join(TOLERANCES)}; several with commas",
    )
    parser.add_argument(
        "--floor", action="append", default=[], metavar="p95=5ms", help="absolute change that does not matter"
    )
    parser.add_argument("--fail-on-regression", action="store_true", help="exit 5 where anything regressed")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    return parser


def _sides(options: argparse.Namespace) -> tuple[str, str, list[Problem]]:
    words = [*([] if options.baseline is None else [options.baseline]), *options.runs]
    if len(words) == 2:
        return words[0], words[1], []
    what = f"two runs are compared, and {len(words)} {'is' if len(words) == 1 else 'are'} named"
    hint = "loadproof compare BASELINE CANDIDATE; a list of runs has commas"
    return "", "", [Problem("two-sides", "loadproof compare", what, hint)]


def _by_quantity(
    given: list[str], option: str, read: Callable[[str, str], float]
) -> tuple[dict[str, float], list[Problem]]:
    """``p95=10%`` and so on by quantity, and what is wrong with them."""
    found: dict[str, float] = {}
    problems = []
    for item in (part for text in given for part in text.split(",")):
        label, _, value = (part.strip() for part in item.partition("="))
        if label not in TOLERANCES:
            what = f"{item.strip()!r} is not a quantity and a value; quantities: {', '.join(TOLERANCES)}"
            problems.append(Problem("bad-value", option, what, f"{option} p95=..."))
            continue
        try:
            found[label] = read(label, value)
        except ValueError as error:
            problems.append(Problem("bad-value", option, str(error), None))
    return found, problems


def _tolerance(_label: str, text: str) -> float:
    return parse_ratio(text)


def _floor(label: str, text: str) -> float:
    if label.startswith("p"):
        return parse_duration(text)
    return parse_ratio(text)
