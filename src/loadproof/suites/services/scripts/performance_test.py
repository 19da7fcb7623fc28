#!/usr/bin/env python3
"""Load and stress tests of one service: ``python scripts/performance_test.py load pkd_service --users 10``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from loadproof.suites.services.command import PLAN_FILE, become_loadproof, plan_file
from loadproof.suites.services.framework import PerformanceTestFramework, RequestResult, RunResults

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

__all__ = ["PerformanceTestFramework", "RequestResult", "RunResults"]

DEFAULT_METRICS_PORT = 9090

_EPILOG = """Every other option goes to loadproof run or loadproof stress: --threshold, --host, --results, ...
The timeout of requests stands in loadproof.toml.

exit codes: 0 pass, 2 usage, 3 not running or could not be finished, 4 inconclusive, 99 thresholds failed,
            130 / 143 interrupted"""


def parser() -> argparse.ArgumentParser:
    """The documented options."""
    ours = argparse.ArgumentParser(
        description="Test how a service of loadproof.toml performs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    kinds = ours.add_subparsers(dest="kind", required=True, metavar="{load,stress}")
    load = kinds.add_parser("load", help="a constant number of users", epilog=_EPILOG, allow_abbrev=False)
    load.add_argument("--users", default="10", metavar="N", help="users at the same time (default: 10)")
    load.add_argument("--duration", default="60", metavar="SECONDS", help="how long it lasts (default: 60)")
    load.add_argument("--rps", metavar="N", help="at most N requests per second over the whole run (default: no limit)")
    stress = kinds.add_parser("stress", help="more and more users", epilog=_EPILOG, allow_abbrev=False)
    stress.add_argument("--max-users", default="100", metavar="N", help="users of the last step (default: 100)")
    stress.add_argument("--ramp-up", default="300", metavar="SECONDS", help="time to get there (default: 300)")
    for kind in (load, stress):
        kind.formatter_class = argparse.RawDescriptionHelpFormatter
        kind.add_argument("service", help="a service of loadproof.toml, or all")
        kind.add_argument(
            "--metrics-port",
            nargs="?",
            const=str(DEFAULT_METRICS_PORT),
            metavar="PORT",
            help=f"let Prometheus read the run at http://localhost:PORT/metrics ({DEFAULT_METRICS_PORT} without PORT)",
        )
    return ours


def command(words: Sequence[str]) -> list[str]:
    """The words of ``loadproof`` that say the same.

    Raises:
        SystemExit: With code 2 where the words are wrong, with 0 after ``--help``.
    """
    read, rest = parser().parse_known_args(words)
    told = ["run" if read.kind == "load" else "stress", *(["--all"] if read.service == "all" else [read.service])]
    if "--plan" not in {word.partition("=")[0] for word in rest} and str(plan_file()) != PLAN_FILE:
        told += ["--plan", str(plan_file())]
    if read.kind == "load":
        told += ["--users", read.users, "--run-time", read.duration]
        told += ["--rps", read.rps] if read.rps is not None else []
    else:
        told += ["--max-users", read.max_users, "--ramp-up", read.ramp_up]
    return [*told, *(["--metrics-port", read.metrics_port] if read.metrics_port is not None else []), *rest]


def main() -> NoReturn:
    """Become the command."""
    become_loadproof(command(sys.argv[1:]))


if __name__ == "__main__":
    main()
