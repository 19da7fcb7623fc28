"""``loadproof judge RUN``: judge a saved run again."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.cli.ending import print_summary
from loadproof.cli.help import HelpFormatter
from loadproof.errors import ExitCode, Problem, UsageError
from loadproof.judge import observe_baseline
from loadproof.plan import parse_threshold
from loadproof.plan.defaults import layered
from loadproof.result import RESULTS, find_run
from loadproof.supervisor.files import restore
from loadproof.supervisor.judging import judged, saved_rules, under_load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadproof.plan import Threshold
    from loadproof.result import RunResult

_EPILOG = """examples:
  loadproof judge reports/performance/load_test_shop_20260304_050607
  loadproof judge reports/performance/load_test_shop_20260304_050607 --threshold 'p99(response_time) < 300ms'
  loadproof judge latest --json"""


def main(words: Sequence[str]) -> int:
    """Judge a saved run by the rules that it was made with, and print its summary; files stay as they are.

    Without options the verdicts and the exit code are those that the run gave itself.
    """
    parser = argparse.ArgumentParser(
        prog="loadproof judge",
        description="Judge a saved run again: by its own rules, or by others as well. Its files stay as they are.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("run", metavar="RUN", help="a result directory, the run.json in it, latest[:NAME], or a kept baseline")
    add("--results", type=Path, default=RESULTS, metavar="DIR", help=f"where latest is, default {RESULTS}")
    add("--threshold", action="append", default=[], metavar="RULE", help="one more rule (again for more)")
    add("--baseline", metavar="RUN", help="what rules on a baseline are held against")
    add("--strict", action="store_true", help="a warning fails the run")
    add("--allow-inconclusive", action="store_true", help="an inconclusive run exits 0")
    add("--json", action="store_true", help="verdicts as JSON")
    asked = parser.parse_args(words)
    result = restore(find_run(asked.run, results=asked.results))
    rules = saved_rules(result)
    own = _parsed(asked.threshold)
    rules = replace(
        rules,
        thresholds=layered(rules.thresholds, own),
        strict=rules.strict or asked.strict,
        allow_inconclusive=rules.allow_inconclusive or asked.allow_inconclusive,
    )
    if asked.baseline:
        baseline = restore(find_run(asked.baseline, results=asked.results))
        dependent = [rule for rule in rules.thresholds if rule.needs_baseline]
        result = replace(result, references=tuple(observe_baseline(rule, under_load(baseline)) for rule in dependent))
    result = judged(result, rules)
    if asked.json:
        print(json.dumps(_document(result), indent=2, ensure_ascii=False))
    else:
        print_summary(result)
    return int(ExitCode.BUG) if result.exit_code is None else result.exit_code


def _parsed(texts: Sequence[str]) -> list[Threshold]:
    """The rules of ``--threshold``; all that cannot be read are said at once."""
    rules: list[Threshold] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            rules.append(parse_threshold(text, source="--threshold"))
        except UsageError as error:
            problems.extend(error.problems)
    if problems:
        raise UsageError(problems)
    return rules


def _document(result: RunResult) -> dict[str, object]:
    return {
        "run_id": result.run_id,
        "test_name": result.test_name,
        "outcome": result.outcome,
        "exit_code": result.exit_code,
        "exit_reason": result.exit_reason,
        "verdicts": [asdict(verdict) for verdict in result.verdicts],
    }
