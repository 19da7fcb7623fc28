"""What a run tells those who watch it: the terminal, a test, nobody."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from loadproof.result import Level, RunResult, Snapshot, Verdict
    from loadproof.supervisor.searching import LevelNow


@dataclass(frozen=True, slots=True)
class Goal:
    """What a run is to get done, where not only its time ends it.

    Attributes:
        what: ``iterations``, or ``levels`` of a search.
        done: How many are.
        total: How many it takes; None where nobody knows.
    """

    what: Literal["iterations", "levels"]
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        test_name: Name of the test.
        directory: Where its files go.
        elapsed: Seconds since the run's start.
        run_time: Seconds it will last; None when nobody knows.
        users: Users running now.
        users_wanted: Users it will reach; None under a shape.
        snapshot: What was measured so far.
        verdicts: How the rules stand now; empty in a search, whose levels have their own.
        level: The level of a search that is held now; None between two, and in a plain run.
        levels: Levels that are over.
        goal: What is to be done beside or instead of letting time pass; None for nothing.
        paused: Whether the user has paused it.
        ending: Whether it is about to end at the user's wish.
    """

    test_name: str
    directory: Path
    elapsed: float
    run_time: float | None
    users: int
    users_wanted: int | None
    snapshot: Snapshot
    verdicts: tuple[Verdict, ...]
    level: LevelNow | None = None
    levels: tuple[Level, ...] = ()
    goal: Goal | None = None
    paused: bool = False
    ending: bool = False


class Observer(Protocol):
    """Watches runs. Called in the supervisor's thread; an observer that is slow delays only the supervisor."""

    def started(self, progress: Progress) -> None:
        """A test began."""

    def progressed(self, progress: Progress) -> None:
        """Called about twice a second."""

    def said(self, line: str) -> None:
        """A script printed a line, or the load process warned."""

    def finished(self, result: RunResult) -> None:
        """A test is over and its files are written."""


class Silent:
    """An observer that looks away."""

    def started(self, progress: Progress) -> None:
        """Nothing."""

    def progressed(self, progress: Progress) -> None:
        """Nothing."""

    def said(self, line: str) -> None:
        """Nothing."""

    def finished(self, result: RunResult) -> None:
        """Nothing."""


class Guarded:
    """Keeps a run safe from whoever watches it: a closed terminal must not end it.

    Args:
        observer: Told everything until it fails with an ``OSError`` or on characters it cannot show; nothing after.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def started(self, progress: Progress) -> None:
        """A test began."""
        self._tell("started", progress)

    def progressed(self, progress: Progress) -> None:
        """Called about twice a second."""
        self._tell("progressed", progress)

    def said(self, line: str) -> None:
        """A script printed a line, or the load process warned."""
        self._tell("said", line)

    def finished(self, result: RunResult) -> None:
        """A test is over and its files are written."""
        self._tell("finished", result)

    def _tell(self, what: str, about: object) -> None:
        try:
            getattr(self._observer, what)(about)
        except (OSError, UnicodeError):
            self._observer = Silent()


class StopSignal:
    """Asks a run to end, from a signal handler or another thread.

    The first request ends the run as if its time were over, the second one at once.
    """

    def __init__(self) -> None:
        self._here, self._there = socket.socketpair()
        self._here.setblocking(False)  # noqa: FBT003 - its signature
        self._there.setblocking(False)  # noqa: FBT003

    def request(self, number: int) -> None:
        """Ask; ``number`` is the signal that asks, and decides the exit code."""
        try:
            self._there.send(bytes([number]))
        except OSError:
            return

    def fileno(self) -> int:
        """Readable when somebody asked."""
        return self._here.fileno()

    def take(self) -> list[int]:
        """The signals that asked since the last call."""
        try:
            return list(self._here.recv(64))
        except BlockingIOError:
            return []

    def close(self) -> None:
        """No more requests."""
        self._here.close()
        self._there.close()
