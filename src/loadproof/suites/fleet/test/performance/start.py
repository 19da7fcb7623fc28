"""``make test/performance``: the token server, the workers and their master, from one command and without docker.

``start.py cleanup RUN`` removes what a run has left instead, with a token server as well. Both exit as ``loadproof``
does; 2 where something is missing, and then nothing was sent.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REQUIRED = ("PERF_TEST_ROUTE_HOST", "OCM_OFFLINE_TOKEN")
NOT_PROVIDED = f"Env vars required to run the performance tests ({' or '.join(REQUIRED)} not provided!"
REPORTS = Path("reports")
LOCUSTFILE = Path(__file__).with_name("locustfile.py")

STOP_TIMEOUT = 10
"""Seconds that requests in flight at the end may still take."""

_USAGE, _COULD_NOT_RUN = 2, 3
_ASK_WITHIN = 2.0


def main(words: Sequence[str]) -> int:
    """Make one run, or clean up after one, and give the exit code.

    Args:
        words: Of the command line: none, or ``cleanup`` and the run.
    """
    if not all(os.environ.get(name) for name in REQUIRED):
        return _refuse(NOT_PROVIDED)
    program = _loadproof()
    if program is None:
        return _refuse("Please install loadproof to run performance tests")
    settings = RunSettings.load()
    if words:
        return with_token_server(settings.token_url, [program, *words])
    why = settings.refused_host(settings.route_host or "") or settings.refused_run_time()
    if why is not None:
        return _refuse(why)
    for line in settings.in_vain():
        _say(line)
    _say(
        f"{settings.workers} workers x {settings.users} users = {settings.all_users} users, "
        f"{settings.spawn_rate} more each second, for {settings.seconds / settings.minute:g} minutes, "
        f"against {settings.route_host}{settings.base_path}"
    )
    return with_token_server(settings.token_url, run_command(program, settings))


def with_token_server(url: str, command: list[str]) -> int:
    """Run a command that needs tokens, and give its exit code."""
    REPORTS.mkdir(exist_ok=True)
    try:
        with token_server(url):
            return _run(command)
    except TokenServerError as error:
        _say(str(error))
        return _COULD_NOT_RUN


def run_command(program: str, settings: RunSettings) -> list[str]:
    """What is run: Loadproof with the options that the team's own start has always had."""
    return [
        *(program, "run", str(LOCUSTFILE), "--name", "fleet"),
        *("--host", str(settings.route_host), "--processes", str(settings.workers)),
        *("--users", str(settings.all_users), "--spawn-rate", str(settings.spawn_rate)),
        *("--run-time", f"{settings.seconds:.0f}s", "--stop-timeout", str(STOP_TIMEOUT)),
        *("--headless", "--only-summary"),
        *("--csv", str(REPORTS / "perf_test"), "--csv-full-history"),
        *("--html", str(REPORTS / "perf_test_report.html"), "--logfile", str(REPORTS / "perf_test_logfile")),
        *shlex.split(settings.additional_options),
    ]


class TokenServerError(Exception):
    """No token server could be had."""


@contextmanager
def token_server(url: str) -> Iterator[None]:
    """One that runs as long as the block lasts, unless one runs already.

    Args:
        url: Where its tokens are.

    Raises:
        TokenServerError: It could not be started.
    """
    if is_running(url):
        _say(f"using the token server at {url}")
        yield
        return
    parts = urlsplit(url)
    if parts.hostname not in {"127.0.0.1", "localhost"}:
        raise TokenServerError(f"no token server answers at {url}, and none can be started on another machine")
    words = [sys.executable, "-m", "loadproof.kit.servers.broker", "--port", str(parts.port), "--folder", str(REPORTS)]
    server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        if not server.stdout.readline():
            raise TokenServerError(f"the token server did not start (exit {server.wait()})")
        yield
    finally:
        server.stdin.close()
        server.wait()
        server.stdout.close()


def is_running(url: str) -> bool:
    """Whether a token server answers there; it is not asked for a token."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=_ASK_WITHIN)
    try:
        connection.request("GET", "/health")
        return "token" in json.loads(connection.getresponse().read())
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()


def _run(command: list[str]) -> int:
    """Run it to its end; Ctrl-C reaches it by itself, SIGTERM is passed on."""
    # The load needs no long-living token: only the token server has it.
    environ = {name: value for name, value in os.environ.items() if name != "OCM_OFFLINE_TOKEN"}
    signal.signal(signal.SIGINT, lambda *_: None)
    process = subprocess.Popen(command, env=environ)  # noqa: S603 - put together above
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    return process.wait()


def _loadproof() -> str | None:
    """The command ``loadproof``: that of this interpreter, else the one that is found."""
    beside = Path(sys.executable).with_name("loadproof")
    return str(beside) if beside.exists() else shutil.which("loadproof")


def _refuse(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return _USAGE


def _say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
