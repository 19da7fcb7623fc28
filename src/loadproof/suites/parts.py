"""What a suite's target is made of: processes, their order, and how one sees that each is ready.

Texts of commands and environments may hold ``{python}``, ``{folder}`` (the part's own, which is its volume), ``{port}``
(its own) and ``{ports[NAME]}`` (that of another part).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Command = tuple[str, ...]
"""A program and its words."""


@dataclass(frozen=True, slots=True)
class Announces:
    """Ready when it has printed a line of JSON with its ``port``."""


@dataclass(frozen=True, slots=True)
class Accepts:
    """Ready when its port accepts a connection."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Ready when a GET of this path is answered with a status below 400."""

    path: str


@dataclass(frozen=True, slots=True)
class Succeeds:
    """Ready when this command ends with 0."""

    command: Command


Ready = Announces | Accepts | Answers | Succeeds


@dataclass(frozen=True, slots=True)
class Part:
    """One process of a target.

    Attributes:
        name: Unique within the target.
        command: What runs in the foreground and ends on SIGTERM. Its stdin stays open.
        port: The port that the team's document names; None for a process that listens nowhere.
        ready: How one sees that it is.
        environ: Variables beyond those of the caller.
        needs: Parts that must be ready before.
        once: Commands before the first start, when its folder is new.
        after: Commands each time it has become ready; they must do no harm the second time.
        user: Who runs it when root starts it, as PostgreSQL wants it; None for the caller.
        package: Debian's package that brings the program; empty where Loadproof itself does.
        takes_options: Whether words behind ``--`` of ``loadproof target up`` are handed to it.
        start_timeout: Seconds until it must be ready.
    """

    name: str
    command: Command
    port: int | None = None
    ready: Ready = Announces()
    environ: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    once: tuple[Command, ...] = ()
    after: tuple[Command, ...] = ()
    user: str | None = None
    package: str = ""
    takes_options: bool = False
    start_timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class Demo:
    """How ``loadproof demo NAME`` loads the target.

    Attributes:
        locustfile: Relative to ``folder``; a service's name where there is no locustfile.
        folder: Where the team runs it, relative to the suite's own folder.
        users: How many, where the user does not say it.
        run_time: How long, where the user does not say it.
        options: Further options of ``loadproof run``; they may hold ``{ports[NAME]}``.
    """

    locustfile: str
    folder: str = "."
    users: int = 20
    run_time: str = "15s"
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """The service of a suite.

    Attributes:
        name: The suite's.
        embedded: Its parts where everything is Loadproof's own, in any order.
        real: Its parts with ``--real``: the databases and queues that the team has; empty where there are none.
        environ: What the suite is told of it, as the team's document names it.
        demo: How it is loaded to see it.
    """

    name: str
    embedded: tuple[Part, ...]
    demo: Demo
    real: tuple[Part, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)


def in_order(parts: tuple[Part, ...]) -> list[Part]:
    """The parts so that each comes after all that it needs; those that need the same keep their order.

    Raises:
        ValueError: A part needs one that does not exist, or they need each other.
    """
    left, ordered = list(parts), list[Part]()
    while left:
        ready = {part.name for part in ordered}
        part = next((part for part in left if ready.issuperset(part.needs)), None)
        if part is None:
            raise ValueError(f"nothing can start before {left[0].name}, which needs {', '.join(left[0].needs)}")
        ordered.append(part)
        left.remove(part)
    return ordered
