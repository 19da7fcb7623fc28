"""``loadproof config show``: every value of a plan and of its suite, and the layer that set it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadproof.cli import run
from loadproof.errors import ExitCode, Problem, RunError, UsageError
from loadproof.plan import LocustTarget, load_plans
from loadproof.plan.redact import effective_plan, redacted
from loadproof.report.wording import ABSENT, printable
from loadproof.supervisor.handed_on import environ_for, folder_for_ledgers
from loadproof.supervisor.last_words import failed_before_start

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from loadproof.plan import Plan

_EPILOG = """Every option of loadproof run is taken: what is shown is what a run with the same words would use.

examples:
  loadproof config show
  loadproof config show locustfile.py -u 50 --set PERF_TEST_GET_ONLY=FALSE
  loadproof config show pkd_service --json"""


def main(words: Sequence[str]) -> int:
    """Show it.

    Raises:
        UsageError: The plan is wrong, or the suite refuses its settings.
        RunError: ``locustfile``: the locustfile cannot be read.
    """
    parser = _parser()
    words = list(words)
    if not words or words[0] in ("-h", "--help"):
        parser.print_help()
        return int(ExitCode.PASS if words else ExitCode.USAGE)
    if words[0] != "show":
        raise UsageError([Problem("bad-value", "ACTION", f"there is no {words[0]!r}", "loadproof config show")])
    options, read = run.read_options(words[1:], cwd=Path.cwd(), ours=parser)
    plans = load_plans(options, all_services=read.all)
    told = [(plan, _suite_settings(plan)) for plan in plans]
    if read.json:
        documents = [{"plan": redacted(plan), "settings": settings} for plan, settings in told]
        print(json.dumps(documents if read.all else documents[0], indent=2, ensure_ascii=False))
    else:
        print("\n".join(_text(plan, settings) for plan, settings in told).rstrip())
    return int(ExitCode.PASS)


def _suite_settings(plan: Plan) -> list[dict[str, Any]]:
    """What the locustfile has read; empty where it has no settings of its own, and for services."""
    if not isinstance(plan.target, LocustTarget):
        return []
    environ = environ_for(plan, os.environ, folder_for_ledgers(plan, Path.cwd()))
    words = [sys.executable, "-P", "-m", "loadproof.kit.telling", *plan.target.locustfile.split(",")]
    asked = subprocess.run(words, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if asked.returncode == int(ExitCode.USAGE):
        raise failed_before_start({"code": asked.returncode, "error": None}, None, asked.stderr.splitlines())
    sys.stderr.write(asked.stderr)
    if asked.returncode:
        raise RunError(f"{plan.target.locustfile} cannot be read", slug="locustfile", hint="its last words are above")
    try:
        settings: list[dict[str, Any]] = json.loads(asked.stdout.splitlines()[-1])
    except (ValueError, IndexError):  # the file ended the process, or wrote over our answer
        raise RunError(f"{plan.target.locustfile} ends while it is read", slug="locustfile") from None
    return settings


def _text(plan: Plan, settings: Sequence[dict[str, Any]]) -> str:
    lines = [effective_plan(plan)]
    if settings:
        rows = [(each["name"], ABSENT if each["value"] is None else each["value"], each["source"]) for each in settings]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        lines.append("# The suite's own settings, as it has read them.")
        lines += [
            printable(f"# {name:<{widths[0]}}  {value:<{widths[1]}}  {source}").rstrip() for name, value, source in rows
        ]
    return "\n".join([*lines, ""])


def _parser() -> argparse.ArgumentParser:
    parser = run.parser()
    parser.prog = "loadproof config"
    parser.usage = "loadproof config show [TARGET] [options of loadproof run]"
    parser.description = "Show every value of a plan and of its suite, and where each comes from. Nothing is sent."
    parser.epilog = _EPILOG
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    return parser
