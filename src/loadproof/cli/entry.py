"""``loadproof``: which command, and what becomes of errors."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from importlib import import_module, metadata
from typing import TYPE_CHECKING

from loadproof.cli.help import HelpFormatter
from loadproof.errors import ExitCode, LoadproofError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "run": "run a locustfile or a service, measure, judge, report",
    "stress": "raise the load until the service breaks, and say where and why",
    "capacity": "find the highest rate that the service sustains",
    "demo": "load a small service that Loadproof brings, to see what you get",
    "target": "start the services of the suites in the background, and take them down",
    "cleanup": "remove what a run created in the service and left behind",
    "config": "show every value of a plan and of its suite, and where it comes from",
    "judge": "judge a saved run again, by its own rules or by others",
    "report": "write the reports of a saved run again, also of one that crashed",
    "compare": "compare runs with a baseline: what changed, and how sure that is",
    "baseline": "keep a run as the baseline of its test, or list what is kept",
    "summary": "the trend over all runs of a folder",
    "monitor": "write a Grafana dashboard, alerting rules and what runs them",
    "locust": "Locust's own command line, word for word",
}

_EPILOG = """examples:
  loadproof demo
  loadproof run locustfile.py -u 50 -r 10 -t 1m -H http://127.0.0.1:8080
  loadproof run pkd_service --rate 200/s --duration 5m --threshold 'p95(response_time) < 500ms'
  loadproof stress pkd_service --max-users 100
  loadproof capacity pkd_service --slo 'p99(response_time) < 250ms'

exit codes: 0 pass, 2 usage, 3 could not run, 4 inconclusive, 5 regressed, 99 thresholds failed,
            130 / 143 interrupted"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code; the console script exits with it.

    Args:
        argv: Words after the program's name; None for those of the process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] not in COMMANDS:
        return _no_command(words)
    command = import_module(f"loadproof.cli.{words[0]}")
    code = int(ExitCode.BUG)
    try:
        code = int(command.main(words[1:]))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough; say nothing more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except LoadproofError as error:
        _explain(error)
        code = int(error.exit_code)
    except KeyboardInterrupt:
        code = int(ExitCode.INTERRUPTED)
    except Exception:  # noqa: BLE001 - anything else is a bug of ours, and says so
        traceback.print_exc()
        print(
            "\nThis is a bug in loadproof, not in your suite. Please report it with the lines above.", file=sys.stderr
        )
    return code


def _no_command(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="loadproof",
        description="Tells whether your service holds under load, and proves it.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="version", version=f"loadproof {metadata.version('loadproof')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        commands.add_parser(name, help=summary)
    if not words:
        parser.print_help()
        return int(ExitCode.USAGE)
    parser.parse_args(words)
    return int(ExitCode.PASS)


def _explain(error: LoadproofError) -> None:
    """What happened, where, what to try, and where to read more."""
    if isinstance(error, UsageError):
        for problem in error.problems:
            print(f"❌ {problem.where}: {problem.what}", file=sys.stderr)
            if problem.hint:
                print(f"   try: {problem.hint}", file=sys.stderr)
        slugs = ", ".join(dict.fromkeys(problem.slug for problem in error.problems))
    else:
        print(f"❌ {error}", file=sys.stderr)
        if error.hint:
            print(f"   try: {error.hint}", file=sys.stderr)
        slugs = error.slug
    print(f"   (exit {int(error.exit_code)}; docs/messages.md explains: {slugs})", file=sys.stderr)
