"""Single keys of the terminal, and its modes: whatever happens, it is left as it was found."""

from __future__ import annotations

import atexit
import os
import re
import signal
import termios
import tty
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from loadproof.supervisor import Wish

_WISHES: dict[str, Wish] = {"q": "end", "p": "pause", "+": "more", "=": "more", "-": "fewer", "_": "fewer"}
_HELP = "?h"
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)
"""What arrows and function keys send."""


class Screen(Protocol):
    """What shares the terminal with the keys."""

    def toggle_help(self) -> None:
        """Show what the keys do, or hide it."""

    def suspend(self) -> None:
        """The program is about to be stopped, as by Ctrl-Z: leave the terminal in order. Called in a signal handler."""

    def resume(self) -> None:
        """It goes on, and what was drawn is no longer where it was. Called in a signal handler."""

    def ask_first(self, is_ours: Callable[[], bool] | None) -> None:
        """Ask, before anything is drawn, whether the terminal is ours; None when nobody need be asked any more."""


class Keys:
    """Reads keys as they are pressed, without Enter and without showing them. Ctrl-C and Ctrl-Z stay what they are.

    A context manager: within it the terminal gives single keys, after it, it is as it was; also when the program is
    stopped by Ctrl-Z, ended by Ctrl-backslash, or fails.

    Args:
        fd: The terminal that is typed at.
        screen: Told of what is not for the run.
    """

    def __init__(self, fd: int, screen: Screen) -> None:
        self._fd = fd
        self._screen = screen
        self._found: list[Any] | None = None
        self._handlers: dict[int, Any] = {}
        self._taken = False

    def __enter__(self) -> Self:
        self._found = termios.tcgetattr(self._fd)
        atexit.register(self._restore)
        for number, handler in (
            (signal.SIGTSTP, self._on_stop),
            (signal.SIGQUIT, self._on_stop),
            (signal.SIGCONT, self._on_continue),
        ):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, handler)
        self._screen.ask_first(self.look)
        self.look()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._screen.ask_first(None)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._restore()
        atexit.unregister(self._restore)

    def look(self) -> bool:
        """Whether this program is in the foreground; back there it takes the keys again.

        A shell says nothing to a program that it takes from the background while that runs.
        """
        if not self._in_foreground():
            self._taken = False
        elif not self._taken:
            self._taken = True
            tty.setcbreak(self._fd, termios.TCSAFLUSH)  # what was typed before was not meant for it
        return self._taken

    def fileno(self) -> int:
        """Readable when a key was pressed."""
        return self._fd

    def take(self) -> list[Wish] | None:
        """What the keys ask for that were pressed since the last call; None when the terminal is gone."""
        if not self._in_foreground():
            return []  # what is typed now is for the shell
        try:
            data = os.read(self._fd, 1024)
        except OSError:
            return None
        if not data:
            return None
        wishes: list[Wish] = []
        for key in _SEQUENCE.sub("", data.decode("utf-8", "replace")).lower():
            if key in _HELP:
                self._screen.toggle_help()
            elif key in _WISHES:
                wishes.append(_WISHES[key])
        return wishes

    def _in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:
            return False

    def _restore(self) -> None:
        """As it was found; what was typed and not read is not for the shell."""
        self._taken = False
        if self._found is not None and self._in_foreground():
            try:
                termios.tcsetattr(self._fd, termios.TCSAFLUSH, self._found)
            except termios.error:
                return  # the terminal is gone

    # Signals

    def _on_stop(self, number: int, _frame: object) -> None:
        """Do what the signal does by itself, with the terminal in order meanwhile."""
        self._restore()
        self._screen.suspend()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._on_stop)  # it was stopped, and goes on
        self._on_continue(number, None)

    def _on_continue(self, _number: int, _frame: object) -> None:
        self._taken = False  # whoever had the terminal meanwhile may have changed it
        self.look()
        self._screen.resume()
