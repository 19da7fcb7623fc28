"""One part of a target as a process: started in the background, looked at, ended."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from loadproof.errors import RunError
from loadproof.suites.parts import Accepts, Announces, Answers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadproof.suites.parts import Command, Part

_POLL = 0.1  # seconds between two looks
_STOP_WITHIN = 10.0  # seconds from SIGTERM to SIGKILL
_ASK_WITHIN = 2.0  # seconds for an answer that says whether a part is ready
_COMMAND_WITHIN = 10.0  # the same for a command that asks, which may have to start an interpreter first
_LAST_LINES = 12  # of a log, shown when a part does not come up
_ROOT = Path("/")
_FURTHER_PROGRAMS = ("usr/lib/postgresql/*/bin", "usr/sbin", "usr/local/sbin")  # where Debian keeps servers
_ERRORS_FROM = 400  # RFC 9110 15: statuses of errors


@dataclass(frozen=True, slots=True)
class Process:
    """A part that was started.

    Attributes:
        part: Its name.
        pid: Of the process, which leads a session of its own.
        born: When that process was made, so that no other with the same pid is taken for it.
        port: Where it listens; None for nowhere.
        log: Its output.
    """

    part: str
    pid: int
    born: float
    port: int | None
    log: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parts of one target live.

    Attributes:
        target: Name of the target, for messages.
        folder: Where logs and volumes are.
        ports: Part to port.
    """

    target: str
    folder: Path
    ports: Mapping[str, int]

    def fill(self, text: str, part: Part) -> str:
        """A text of the table with everything filled in."""
        own = self.ports.get(part.name)
        return text.format(python=sys.executable, folder=self.folder / part.name, port=own, ports=self.ports)


_children: list[subprocess.Popen[bytes]] = []
"""What this process started: asked for its end, so that none stays a zombie."""


def start(part: Part, place: Place, options: Sequence[str] = (), *, leash: int | None = None) -> Process:
    """Start a part in the background, with its stdin open and its output in a log.

    Args:
        part: What to start.
        place: Where.
        options: Words for its command, where it takes any.
        leash: A pipe to read from, given to it as its stdin: what ends when that closes never outlives who holds the
            other end. None for a stdin that stays open.

    Raises:
        RunError: ``port-taken``, ``missing-program``, or ``target-not-ready`` where a command before it failed.
    """
    port = place.ports.get(part.name)
    why_not = None if port is None else _why_not(port)
    if why_not is not None:
        hint = f"end what listens there, or choose: --port {part.name}=N, or --free-ports"
        if why_not == errno.EACCES:
            hint = f"ports below 1024 need more rights: --port {part.name}=N, or --free-ports"
        what = f"{place.target} {part.name}: port {port} cannot be had: {os.strerror(why_not)}"
        raise RunError(what, slug="port-taken", hint=hint)
    _prepare(part, place)
    words = [*_words(part.command, part, place), *(options if part.takes_options else ())]
    log = place.folder / f"{part.name}.log"
    stdin = _open_stdin(place.folder / f"{part.name}.stdin") if leash is None else os.dup(leash)
    try:
        with log.open("wb") as output:
            child = subprocess.Popen(  # noqa: S603 - the suite's own table of commands
                words,
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=place.folder,
                env=_environ(part, place),
                start_new_session=True,
            )
    finally:
        os.close(stdin)
    _children.append(child)
    return Process(part.name, child.pid, psutil.Process(child.pid).create_time(), port, str(log))


def wait_until_ready(part: Part, process: Process, place: Place) -> None:
    """Until it is ready.

    Raises:
        RunError: ``target-not-ready``: it ended, or its time is over.
    """
    deadline = time.monotonic() + part.start_timeout
    while not is_ready(part, process, place):
        gone = not is_alive(process)
        if gone or time.monotonic() > deadline:
            tail = "\n".join(last_lines(Path(process.log), _LAST_LINES))
            why = "ended" if gone else f"was not ready within {part.start_timeout:.0f} s"
            what = f"{place.target} {part.name} {why}; its log ends with:\n{tail}"
            hint = f"loadproof target logs {place.target} {part.name}"
            if "ModuleNotFoundError" in tail:
                hint = "pip install 'loadproof[targets]'"
            raise RunError(what, slug="target-not-ready", hint=hint)
        time.sleep(_POLL)


def is_ready(part: Part, process: Process, place: Place) -> bool:
    """Whether it does what its table says of a part that is ready."""
    if not is_alive(process):
        return False
    ready = part.ready
    if isinstance(ready, Announces):
        return _announced(Path(process.log)) == process.port and _accepts(process.port)
    if isinstance(ready, Accepts):
        return _accepts(process.port)
    if isinstance(ready, Answers):
        return _answers(f"http://127.0.0.1:{process.port}{ready.path}")
    words = _words(ready.command, part, place)
    try:
        asked = subprocess.run(  # noqa: S603 - as above
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environ(part, place),
            cwd=place.folder,
            check=False,
            timeout=_COMMAND_WITHIN,
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def is_alive(process: Process) -> bool:
    """Whether the process that was started is still there."""
    for child in _children:
        child.poll()
    try:
        found = psutil.Process(process.pid)
        return found.create_time() == process.born and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def stop(process: Process) -> None:
    """SIGTERM to the process, and SIGKILL to what is left of its session after ten seconds, or behind it."""
    if not is_alive(process):
        return
    with suppress(ProcessLookupError):  # it has ended since
        os.kill(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_WITHIN
    while is_alive(process) and time.monotonic() < deadline:
        time.sleep(_POLL / 2)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def run(command: Command, part: Part, place: Place) -> None:
    """Run a command of a part to its end.

    Raises:
        RunError: ``missing-program``, or ``target-not-ready`` where it failed.
    """
    words = _words(command, part, place)
    try:
        done = subprocess.run(  # noqa: S603 - the suite's own table of commands
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=place.folder,
            env=_environ(part, place),
            check=False,
            timeout=part.start_timeout,
        )
    except subprocess.TimeoutExpired:
        what = f"{place.target} {part.name}: {Path(command[0]).name} had not ended after {part.start_timeout:.0f} s"
        raise RunError(what, slug="target-not-ready") from None
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-_LAST_LINES:])
        what = f"{place.target} {part.name}: {Path(command[0]).name} ended with {done.returncode}\n{tail}"
        raise RunError(what, slug="target-not-ready")


def find_program(name: str) -> str | None:
    """Where a program is, on PATH or where Debian keeps servers; None where it is not installed."""
    further = [str(path) for pattern in _FURTHER_PROGRAMS for path in sorted(_ROOT.glob(pattern))]
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *further]))


def last_lines(log: Path, number: int) -> list[str]:
    """The end of a log; empty where there is none."""
    if not log.is_file():
        return []
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-number:]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _open_stdin(pipe: Path) -> int:
    """A pipe of which a part holds both ends: its stdin stays open as long as it lives."""
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe, 0o600)
    return os.open(pipe, os.O_RDWR)


def _prepare(part: Part, place: Place) -> None:
    """Its folder, filled by the commands of a first start; none of it stays where one fails."""
    volume = place.folder / part.name
    if volume.exists():
        return
    volume.mkdir(mode=0o700)
    try:
        if part.user is not None and os.getuid() == 0:
            shutil.chown(volume, part.user)
        for command in part.once:
            run(command, part, place)
    except BaseException:
        shutil.rmtree(volume)
        raise


def _words(command: Command, part: Part, place: Place) -> list[str]:
    filled = [place.fill(word, part) for word in command]
    program = find_program(filled[0])
    if program is None:
        hint = f"apt-get install {part.package}" if part.package else None
        what = f"{place.target} {part.name}: there is no program {filled[0]}"
        raise RunError(what, slug="missing-program", hint=hint)
    as_user = ["runuser", "-u", part.user, "--"] if part.user is not None and os.getuid() == 0 else []
    return [*as_user, program, *filled[1:]]


def _environ(part: Part, place: Place) -> dict[str, str]:
    return {**os.environ, **{name: place.fill(text, part) for name, text in part.environ.items()}}


def _announced(log: Path) -> int | None:
    """The port that the last line of JSON names; None where there is none yet."""
    found = None
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("{"):
            with suppress(json.JSONDecodeError):
                said: dict[str, Any] = json.loads(line)
                found = said.get("port", found)
    return found


def _accepts(port: int | None) -> bool:
    if port is None:
        return True
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), _ASK_WITHIN):
        return True
    return False


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=_ASK_WITHIN) as answer:  # noqa: S310 - http on loopback
        status: int = answer.status
        return status < _ERRORS_FROM
    return False


def _why_not(port: int) -> int | None:
    """The system's number of the reason why nothing can listen there; None where something can."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno
    return None
