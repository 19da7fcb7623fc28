"""Entry of ``python -m loadproof.suites.virus_scan.target``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.suites.serving import serve_app
from loadproof.suites.virus_scan.target.app import Faults, Service, create_app
from loadproof.suites.virus_scan.target.clamd import MAX_LENGTH
from loadproof.suites.virus_scan.target.scanners import ClamdScanner, PatternScanner

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the scanning service until stdin closes or SIGTERM arrives."""
    options = _parser().parse_args(arguments)
    scanner = ClamdScanner(options.clamd) if options.clamd else PatternScanner()
    service = Service(
        scanner=scanner,
        # Not by option: every user of the machine reads those.
        user=os.environ.get("APP_USER", "app1"),
        password=os.environ.get("APP_PWD", "letmein"),
        max_length=options.max_length,
        faults=Faults(lag=options.version_lag, fades_after=options.version_fades_after, scan_delay=options.scan_delay),
    )
    serve_app(create_app(service), options.port, scanner="clamd" if options.clamd else "patterns")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadproof.suites.virus_scan.target",
        description="A virus scanning service. APP_USER and APP_PWD say who may scan (default: app1, letmein).",
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--clamd", type=Path, help="Unix socket of clamd (default: patterns in this process)")
    parser.add_argument("--max-length", type=int, default=MAX_LENGTH, help="largest file in bytes (default: 25 MiB)")
    parser.add_argument("--version-lag", type=int, default=0, help="versions that definitions are behind at the start")
    parser.add_argument(
        "--version-fades-after", type=float, default=0.0, help="seconds until they are current (default: never)"
    )
    parser.add_argument("--scan-delay", type=float, default=0.0, help="seconds that each scan takes longer")
    return parser


if __name__ == "__main__":
    main()
