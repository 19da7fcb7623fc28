#!/usr/bin/env python3
"""Prometheus and Grafana for the tests, and how their results have changed from run to run."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from loadproof.suites.services.command import become_loadproof
from loadproof.suites.services.regressions import summarize

if TYPE_CHECKING:
    from collections.abc import Sequence


def parser() -> argparse.ArgumentParser:
    """The documented options."""
    ours = argparse.ArgumentParser(
        description="Set up the monitoring of performance tests, or compare their results.",
        epilog="--setup takes every option of loadproof monitor setup, such as --force and --dir.",
        allow_abbrev=False,
    )
    what = ours.add_mutually_exclusive_group(required=True)
    what.add_argument("--setup", action="store_true", help="write dashboard and alerting rules into monitoring/")
    what.add_argument("--summary", metavar="DIR", help="the trend of every test in DIR, and its last run compared")
    ours.add_argument("--metrics-port", metavar="PORT", help="with --setup: port that Prometheus finds runs on (9090)")
    ours.add_argument("--fail-on-regression", action="store_true", help="with --summary: exit 5 where a test regressed")
    return ours


def main(words: Sequence[str] | None = None) -> int:
    """Do what the words say.

    Returns:
        The exit code, where this process does not become ``loadproof``.
    """
    ours = parser()
    read, rest = ours.parse_known_args(words)
    if read.setup:
        if read.fail_on_regression:
            ours.error("--fail-on-regression belongs to --summary")
        become_loadproof(
            ["monitor", "setup", *(["--metrics-port", read.metrics_port] if read.metrics_port else []), *rest]
        )
    if rest or read.metrics_port:
        ours.error(f"--summary takes no {' '.join(rest) or '--metrics-port'}")
    return summarize(read.summary, fail_on_regression=read.fail_on_regression)


if __name__ == "__main__":
    sys.exit(main())
