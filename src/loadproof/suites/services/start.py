"""Starts one of the services in the background: ``python -m loadproof.suites.services.start pkd_service``.

It is then a part of the target that ``loadproof target ps | logs | down services`` knows.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from loadproof.errors import ExitCode, LoadproofError
from loadproof.suites.services.parts import PORTS, TARGET
from loadproof.suites.standing import bring_up, targets_folder

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str] | None = None) -> int:
    """Start it, wait until it is ready, and say where it is; one that runs already is left alone.

    Returns:
        The exit code: 0, or that of the error, which was printed.
    """
    parser = argparse.ArgumentParser(
        prog="python -m loadproof.suites.services.start",
        description="Start a service of the suite in the background. All other options go to the service itself.",
        allow_abbrev=False,
    )
    parser.add_argument("service", choices=list(PORTS))
    parser.add_argument("--port", type=int, help="where it listens (default: the documented port)")
    read, options = parser.parse_known_args(words)
    target = replace(TARGET, embedded=tuple(part for part in TARGET.embedded if part.name == read.service))
    port = PORTS[read.service] if read.port is None else read.port
    try:
        stood = bring_up(target, targets_folder(), ports={read.service: port}, options=options)
    except LoadproofError as error:
        sys.stderr.write(f"❌ {error}\n")
        if error.hint:
            sys.stderr.write(f"   try: {error.hint}\n")
        return int(error.exit_code)
    sys.stdout.write(f"{read.service} runs on http://localhost:{stood.ports[read.service]}\n")
    return int(ExitCode.PASS)


if __name__ == "__main__":
    sys.exit(main())
