"""``loadproof target``: the services that the suites load, started in the background and taken down again."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.cli.help import HelpFormatter
from loadproof.errors import ExitCode, Problem, UsageError
from loadproof.report.wording import ABSENT
from loadproof.suites.processes import is_alive
from loadproof.suites.standing import (
    SUITES,
    Standing,
    bring_up,
    find_standing,
    find_target,
    take_down,
    targets_folder,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARKS = {"ready": "✓", "not ready": "…", "gone": "✗"}
_POLL = 0.2  # seconds between two looks at a log that is followed
_TAIL = 100  # lines of a log, unless --tail says otherwise

_EPILOG = """examples:
  loadproof target up fleet                   on the ports that its document names
  loadproof target up events --real           on PostgreSQL, pgbouncer, Redis, Celery and gunicorn
  loadproof target up events --free-ports -- --token-lifetime 5
  loadproof target ps
  loadproof target logs events web -f
  loadproof target down events --volumes      and forget what it stored"""


def main(words: Sequence[str]) -> int:
    """Do what the action says.

    Raises:
        UsageError: There is no such target or part.
        RunError: It did not come up.
    """
    words, options = _split(words)
    read = _parser().parse_args(words)
    if read.action == "up":
        return _up(read, options)
    if options:
        raise UsageError([Problem("bad-value", "--", f"loadproof target {read.action} hands nothing on to the target")])
    return {"ps": _ps, "logs": _logs, "restart": _restart, "down": _down}[read.action](read)


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our words, and those behind ``--``."""
    words = list(words)
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def _up(read: argparse.Namespace, options: Sequence[str]) -> int:
    target = find_target(read.name)
    ports = _ports(read.port)
    say = (lambda _: None) if read.json else (lambda text: print(text, flush=True))
    stood = bring_up(
        target,
        targets_folder(),
        is_real=read.real,
        ports=ports,
        free_ports=read.free_ports,
        options=options,
        say=say,
    )
    _show([stood], as_json=read.json)
    return int(ExitCode.PASS)


def _ps(read: argparse.Namespace) -> int:
    if read.name:
        found = [_stood(read.name)]
    else:
        folder = targets_folder()
        found = [stood for name in SUITES if (stood := find_standing(name, folder))]
    _show(found, as_json=read.json)
    all_ready = all(state == "ready" for each in found for state in each.states().values())
    return int(ExitCode.PASS if all_ready else ExitCode.COULD_NOT_RUN)


def _logs(read: argparse.Namespace) -> int:
    stood = _stood(read.name)
    chosen = [each for each in stood.processes if read.part in (None, each.part)]
    if not chosen:
        raise _unknown_part(read.part, stood)
    with ExitStack() as held:
        files = [held.enter_context(Path(each.log).open(encoding="utf-8", errors="replace")) for each in chosen]
        for process, file in zip(chosen, files, strict=True):
            for line in deque(file, maxlen=max(0, read.tail)):
                print(f"{process.part} | {line.rstrip()}")
        goes_on = bool(read.follow)
        while goes_on:
            goes_on = any(map(is_alive, chosen))  # asked before reading: what it writes last is read too
            for process, file in zip(chosen, files, strict=True):
                for line in file:
                    print(f"{process.part} | {line.rstrip()}")
            sys.stdout.flush()
            time.sleep(_POLL)
    return int(ExitCode.PASS)


def _restart(read: argparse.Namespace) -> int:
    stood = _stood(read.name)
    if read.part is not None and read.part not in stood.states():
        raise _unknown_part(read.part, stood)
    ports = stood.ports
    take_down(stood, only=read.part)
    again = bring_up(
        stood.target, targets_folder(), is_real=stood.is_real, ports=ports, options=stood.options, say=print
    )
    _show([again], as_json=False)
    return int(ExitCode.PASS)


def _down(read: argparse.Namespace) -> int:
    folder = targets_folder()
    stood = find_standing(read.name, folder)
    if stood is None:
        # What it stored may still be there.
        stood = Standing(find_target(read.name), folder / read.name, is_real=False)
        if not (read.volumes and stood.folder.is_dir()):
            print(f"{read.name} is not up")
            return int(ExitCode.PASS)
    take_down(stood, volumes=read.volumes)
    print(f"{read.name} is down{', and what it stored is gone' if read.volumes else ''}")
    return int(ExitCode.PASS)


def _show(stood: Sequence[Standing], *, as_json: bool) -> None:
    """A table of parts with their health, and what the suite is told."""
    if as_json:
        print(json.dumps([_document(each) for each in stood], indent=2))
        return
    if not stood:
        print("no target is up; loadproof target up NAME starts one")
        return
    rows = [("", "Target", "Part", "State", "Address", "Pid", "Log")]
    for each in stood:
        states = each.states()
        started = {process.part: process for process in each.processes}
        for part, state in states.items():
            process = started.get(part)
            port = None if process is None else process.port
            address = f"127.0.0.1:{port}" if port else ABSENT
            pid, log = (ABSENT, ABSENT) if process is None else (str(process.pid), process.log)
            rows.append((_MARKS[state], each.target.name, part, state, address, pid, log))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for each in stood:
        if each.environ():
            print(f"\n{each.target.name} is told so:")
        for name, value in each.environ().items():
            print(f"  export {name}={value}")


def _document(stood: Standing) -> dict[str, object]:
    states = stood.states()
    parts = {
        process.part: {"state": states[process.part], "port": process.port, "pid": process.pid, "log": process.log}
        for process in stood.processes
    }
    return {"target": stood.target.name, "is_real": stood.is_real, "parts": parts, "environ": stood.environ()}


def _stood(name: str) -> Standing:
    find_target(name)
    found = find_standing(name, targets_folder())
    if found is None:
        raise UsageError([Problem("not-up", name, "is not up", f"loadproof target up {name}")])
    return found


def _unknown_part(part: str | None, stood: Standing) -> UsageError:
    hint = f"{stood.target.name} has {', '.join(stood.states())}"
    return UsageError([Problem("unknown-part", "PART", f"{stood.target.name} has no part {part!r}", hint)])


def _ports(words: Sequence[str]) -> dict[str, int]:
    ports: dict[str, int] = {}
    for word in words:
        part, equals, number = word.partition("=")
        if not equals or not number.isdecimal() or not 0 < int(number) < 2**16:
            raise UsageError(
                [Problem("bad-value", "--port", f"must be PART=NUMBER, and is {word!r}", "--port web=8001")]
            )
        ports[part] = int(number)
    return ports


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="loadproof target",
        description="Start the services that the suites load, look at them, and take them down.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def add(name: str, help_: str, *, optional_name: bool = False) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=help_, formatter_class=HelpFormatter, allow_abbrev=False)
        action.add_argument("name", metavar="NAME", nargs="?" if optional_name else None, help=", ".join(SUITES))
        return action

    up = add("up", "start every part that does not run yet, and wait until each is ready")
    up.add_argument("--real", action="store_true", help="with the databases and queues that the team has")
    up.add_argument("--free-ports", action="store_true", help="take any free ports instead of the documented ones")
    up.add_argument(
        "--port", action="append", default=[], metavar="PART=N", help="the port of one part (again for more)"
    )
    ps = add("ps", "the parts that were started, and how they are; exit 3 unless all are ready", optional_name=True)
    for action in (up, ps):
        action.add_argument("--json", action="store_true", help="print it as JSON")
    logs = add("logs", "what the parts have written")
    logs.add_argument("part", metavar="PART", nargs="?", help="one part (default: all)")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as they write more")
    logs.add_argument("-n", "--tail", type=int, default=_TAIL, metavar="N", help=f"the last N lines (default {_TAIL})")
    restart = add("restart", "end and start again, on the same ports, with what was stored")
    restart.add_argument("part", metavar="PART", nargs="?", help="one part (default: all)")
    down = add("down", "end every part")
    down.add_argument("-v", "--volumes", action="store_true", help="delete what they stored")
    return parser
