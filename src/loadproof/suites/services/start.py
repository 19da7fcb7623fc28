"""Starts one of the services in the background: ``python -m loadproof.suites.services.start pkd_service``.

It is then a part of the target that ``loadproof target ps | logs | down services`` knows.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from loadproof.errors import ExitCode, LoadproofError, Problem, UsageError
from loadproof.suites.services.parts import PORTS, TARGET, port_variable
from loadproof.suites.standing import bring_up, find_standing, targets_folder

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
    try:
        port = _start(read.service, PORTS[read.service] if read.port is None else read.port, options)
    except LoadproofError as error:
        hint = error.hint
        if error.slug == "port-taken":
            hint = f"end what listens there, or start and test on another port: {port_variable(read.service)}=N"
        sys.stderr.write(f"❌ {error}\n" + (f"   try: {hint}\n" if hint else ""))
        return int(error.exit_code)
    sys.stdout.write(f"{read.service} runs on http://localhost:{port}\n")
    return int(ExitCode.PASS)


def _start(service: str, port: int, options: Sequence[str]) -> int:
    """Start it where it does not run yet; the port that it listens on.

    Its options are its own: they stand in its command, as those of the target go to every part that is started later.

    Raises:
        UsageError: It runs already, on another port or with other options as far as anybody knows.
        RunError: It did not come up.
    """
    folder = targets_folder()
    stood = find_standing(TARGET.name, folder)
    if stood is not None and stood.states().get(service) == "ready":
        if options or stood.ports[service] != port:
            what = f"runs already, on port {stood.ports[service]}"
            raise UsageError([Problem("target-stands", service, what, "make stop-services")])
        return port
    (part,) = (replace(part, command=(*part.command, *options)) for part in TARGET.embedded if part.name == service)
    return bring_up(replace(TARGET, embedded=(part,)), folder, ports={service: port}).ports[service]


if __name__ == "__main__":
    sys.exit(main())
