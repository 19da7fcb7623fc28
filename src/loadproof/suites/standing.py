"""Targets that stand: started in the background, found again by the next command, and taken down.

What is known of them is in a folder of this user's alone, so that ``ps``, ``logs`` and ``down`` work from everywhere.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from loadproof.errors import Problem, RunError, UsageError
from loadproof.result.files import write_atomically
from loadproof.suites import processes
from loadproof.suites.parts import Target, in_order
from loadproof.suites.processes import Place, Process, is_alive, is_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from loadproof.suites.parts import Part

FOLDER_VARIABLE = "LOADPROOF_TARGETS"
"""Environment variable that names the folder in which targets are kept."""

SUITES = ("fleet", "async_requests", "virus_scan", "events", "services")
"""The suites whose targets can be started."""

State = Literal["ready", "not ready", "gone"]

_STATE_FILE = "state.json"


@dataclass(frozen=True, slots=True)
class Standing:
    """A target that was started.

    Attributes:
        target: What it is made of.
        folder: Where its logs and volumes are.
        is_real: Whether it was started with ``--real``.
        options: Words that its own part was given.
        processes: What was started, in order.
    """

    target: Target
    folder: Path
    is_real: bool
    options: tuple[str, ...] = ()
    processes: tuple[Process, ...] = ()

    @property
    def parts(self) -> list[Part]:
        """What it is made of, in the order in which it starts."""
        return in_order(self.target.real if self.is_real else self.target.embedded)

    @property
    def ports(self) -> dict[str, int]:
        """Part to port, of those that listen."""
        return {each.part: each.port for each in self.processes if each.port is not None}

    def environ(self) -> dict[str, str]:
        """What the suite is told of the parts that were started."""
        told: dict[str, str] = {}
        for name, text in self.target.environ.items():
            with suppress(KeyError):  # that part was not
                told[name] = text.format(ports=self.ports)
        return told

    def states(self) -> dict[str, State]:
        """How each part is now; those that were never started are gone."""
        place = Place(self.target.name, self.folder, self.ports)
        started = {each.part: each for each in self.processes}
        states: dict[str, State] = {}
        for part in self.parts:
            process = started.get(part.name)
            if process is None or not is_alive(process):
                states[part.name] = "gone"
            else:
                states[part.name] = "ready" if is_ready(part, process, place) else "not ready"
        return states

    def save(self) -> None:
        """Write down what was started, for the next command."""
        said = {
            "is_real": self.is_real,
            "options": self.options,
            "processes": [asdict(each) for each in self.processes],
        }
        write_atomically(self.folder / _STATE_FILE, json.dumps(said, indent=2))


def find_target(name: str) -> Target:
    """The target of a suite.

    Raises:
        UsageError: ``unknown-target``: there is none of that name.
    """
    if name not in SUITES:
        hint = f"there are {', '.join(SUITES)}"
        raise UsageError([Problem("unknown-target", "NAME", f"there is no target {name!r}", hint)])
    target: Target = import_module(f"loadproof.suites.{name}.parts").TARGET
    return target


def targets_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where targets are kept: ``LOADPROOF_TARGETS``, else a folder of this user's alone among the temporary ones.

    Raises:
        RunError: ``targets-folder``: it belongs to somebody else, or cannot be made.
    """
    given = environ.get(FOLDER_VARIABLE)
    folder = Path(given) if given else Path(tempfile.gettempdir()) / f"loadproof-targets-{os.getuid()}"
    hint = f"set {FOLDER_VARIABLE} to a folder of your own"
    try:
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)  # PostgreSQL under root is a user of its own, and passes
    except OSError as error:
        raise RunError(f"{folder} cannot be made: {error.strerror}", slug="targets-folder", hint=hint) from None
    if folder.stat().st_uid != os.getuid():
        raise RunError(f"{folder} belongs to somebody else", slug="targets-folder", hint=hint)
    return folder


def find_standing(name: str, folder: Path) -> Standing | None:
    """A target as it was last started; None where it is not up.

    Args:
        name: The suite's.
        folder: Where targets are kept.
    """
    path = folder / name / _STATE_FILE
    if not path.is_file():
        return None
    said = json.loads(path.read_text(encoding="utf-8"))
    started = tuple(Process(**each) for each in said["processes"])
    return Standing(find_target(name), folder / name, said["is_real"], tuple(said["options"]), started)


def bring_up(
    target: Target,
    folder: Path,
    *,
    is_real: bool = False,
    ports: Mapping[str, int] | None = None,
    free_ports: bool = False,
    options: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
    leash: int | None = None,
) -> Standing:
    """Start every part that does not run yet, and wait until each is ready.

    Args:
        target: What to start.
        folder: Where targets are kept.
        is_real: With the databases and queues that the team has.
        ports: Part to port, instead of the documented ones.
        free_ports: Whether parts whose port is not given take any that is free.
        options: Words for the part that takes them; those of the last time where there are none.
        say: Told what is being started.
        leash: As for ``processes.start``.

    Raises:
        RunError: ``missing-program``, ``port-taken`` or ``target-not-ready``. What was started before stands.
        UsageError: ``no-real-parts``, ``unknown-part``, or ``target-stands`` where it stands with other parts, ports
            or options.
    """
    if is_real and not target.real:
        raise UsageError([Problem("no-real-parts", "--real", f"{target.name} has no other parts than its own")])
    before = find_standing(target.name, folder)
    alive = {each.part: each for each in before.processes if is_alive(each)} if before else {}
    if before is not None and alive:
        _check_that_it_stands_so(before, alive, is_real=is_real, ports=ports or {}, options=options)
    own = folder / target.name
    own.mkdir(mode=0o711, parents=True, exist_ok=True)
    given = tuple(options) or (before.options if before else ())
    now = Standing(target, own, is_real, given, tuple(alive.values()))
    chosen = _ports(now, dict(ports or {}), free_ports=free_ports)
    place = Place(target.name, own, chosen)
    for part in now.parts:
        if part.name in alive:
            processes.wait_until_ready(part, alive[part.name], place)
            continue
        say(f"starting {part.name}")
        process = processes.start(part, place, given, leash=leash)
        now = replace(now, processes=(*now.processes, process))
        now.save()
        processes.wait_until_ready(part, process, place)
        for command in part.after:
            processes.run(command, part, place)
    return now


def take_down(stood: Standing, *, volumes: bool = False, only: str | None = None) -> None:
    """End the parts, the last one first.

    Args:
        stood: What to end.
        volumes: Whether what they stored is deleted too.
        only: The one part to end; None for all.
    """
    for process in reversed(stood.processes):
        if only in (None, process.part):
            processes.stop(process)
    left = tuple(each for each in stood.processes if only not in (None, each.part))
    if left:
        replace(stood, processes=left).save()
    else:
        (stood.folder / _STATE_FILE).unlink(missing_ok=True)
    if volumes and not left:
        shutil.rmtree(stood.folder)


@contextmanager
def borrowed(target: Target, *, is_real: bool = False, options: Sequence[str] = ()) -> Iterator[Standing]:
    """A target on free ports, as long as the block lasts; nothing of it stays.

    However this process ends, parts that end with their stdin end too.
    """
    with tempfile.TemporaryDirectory(prefix="loadproof-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        leash, held = os.pipe()
        try:
            yield bring_up(target, folder, is_real=is_real, free_ports=True, options=options, leash=leash)
        finally:
            stood = find_standing(target.name, folder)
            if stood is not None:
                take_down(stood)
            os.close(leash)
            os.close(held)


def _check_that_it_stands_so(
    before: Standing,
    alive: Mapping[str, Process],
    *,
    is_real: bool,
    ports: Mapping[str, int],
    options: Sequence[str],
) -> None:
    """What is asked for must be how it stands: a part that runs takes neither another port nor other options.

    Raises:
        UsageError: ``target-stands``.
    """
    takers = [part.name for part in before.parts if part.takes_options and part.name in alive]
    for differs, how in (
        (before.is_real != is_real, "other parts"),
        (any(name in alive and alive[name].port != port for name, port in ports.items()), "other ports"),
        (bool(options) and bool(takers) and tuple(options) != before.options, "other options"),
    ):
        if differs:
            hint = f"loadproof target down {before.target.name}"
            raise UsageError([Problem("target-stands", before.target.name, f"stands already, with {how}", hint)])


def _ports(now: Standing, given: dict[str, int], *, free_ports: bool) -> dict[str, int]:
    """Part to port: the given one, that on which it runs, any that is free, or the documented one."""
    listening = {part.name: part.port for part in now.parts if part.port is not None}
    unknown = [name for name in given if name not in listening]
    if unknown:
        hint = f"parts that listen: {', '.join(listening)}"
        raise UsageError(
            [Problem("unknown-part", f"--port {name}", "is no part that listens", hint) for name in unknown]
        )
    return {
        name: now.ports.get(name) or given.get(name) or (processes.free_port() if free_ports else documented)
        for name, documented in listening.items()
    }
