"""A terminal, as far as the live view uses one; and a program that runs in it."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Terminal:
    """As much of a terminal as the view uses: it wraps, scrolls, and wraps lines anew when it becomes narrower."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.above = []  # scrolled out
        self.screen = [""]
        self.row = self.column = 0
        self.wraps = self.shows_cursor = True
        self.scrolled = 0

    def write(self, text):
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\n|\r|[^\x1b\n\r]", text):
            if part == "\n":
                self._down()
                self.column = 0
            elif part == "\r":
                self.column = 0
            elif part.startswith("\x1b"):
                self._obey(part)
            else:
                self._put(part)

    def _put(self, letter):
        if self.column >= self.columns:
            if self.wraps:
                self._down()
                self.column = 0
            else:
                self.column = self.columns - 1
        line = self.screen[self.row].ljust(self.column)
        self.screen[self.row] = line[: self.column] + letter + line[self.column + 1 :]
        self.column += 1

    def _down(self):
        self.row += 1
        if self.row == len(self.screen):
            self.screen.append("")
        if len(self.screen) > self.rows:
            self.above.append(self.screen.pop(0))
            self.row -= 1
            self.scrolled += 1

    def _obey(self, code):
        if code == "\x1b[K":  # the cursor stays on the last column once that is written
            self.screen[self.row] = self.screen[self.row][: min(self.column, self.columns - 1)]
        elif code == "\x1b[J":
            self._obey("\x1b[K")
            del self.screen[self.row + 1 :]
        elif code == "\x1b[H":
            self.row = self.column = 0
        elif code.endswith("A"):
            self.row = max(0, self.row - int(code[2:-1]))
        elif code in ("\x1b[?7h", "\x1b[?7l"):
            self.wraps = code.endswith("h")
        elif code in ("\x1b[?25h", "\x1b[?25l"):
            self.shows_cursor = code.endswith("h")

    def resize(self, columns, rows):
        """As tmux, kitty and the terminals of Gnome and macOS do it; the cursor is on the last line."""
        wrapped = []
        for line in self.screen:
            wrapped += [line[at : at + columns] for at in range(0, max(1, len(line)), columns)]
        self.columns, self.rows = columns, rows
        while len(wrapped) > rows:
            self.above.append(wrapped.pop(0))
        while self.above and len(wrapped) < rows:
            wrapped.insert(0, self.above.pop())
        self.screen = wrapped
        self.row = len(wrapped) - 1
        self.column = len(wrapped[-1])

    @property
    def shown(self):
        return [line.rstrip() for line in self.screen]


class Program:
    """A program in a terminal of its own, whose session and foreground it is.

    Args:
        words: Its command line.
        columns: Of the terminal.
        rows: Of the terminal.
    """

    def __init__(self, *words: str | Path, cwd: Path, env: dict[str, str], columns: int = 80, rows: int = 24) -> None:
        self._master, self.slave = pty.openpty()
        self.screen = Terminal(columns, rows)
        self.raw = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.resize(columns, rows)
        self.modes = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            words, cwd=cwd, env=env, stdin=self.slave, stdout=self.slave, stderr=self.slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - there is one thread here
        )  # fmt: skip

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if (columns, rows) != (self.screen.columns, self.screen.rows):
            self.screen.resize(columns, rows)

    def read(self, seconds: float = 0.1) -> None:
        """Take in what it writes for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self._master], [], [], left)[0]:
                text = self._decoder.decode(os.read(self._master, 1 << 16))
                self.raw += text
                self.screen.write(text)

    def wait_for(self, condition: str | Callable[[], bool], timeout: float = 60.0) -> None:
        """Until that is on the screen, or true."""
        deadline = time.monotonic() + timeout
        while not (condition in self.text if isinstance(condition, str) else condition()):
            assert time.monotonic() < deadline, f"{condition} never came\n{self.text}"
            self.read(0.05)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self.screen.shown)

    @property
    def all_text(self) -> str:
        """The same, with what has scrolled away."""
        return "\n".join([*(line.rstrip() for line in self.screen.above), *self.screen.shown])

    @property
    def is_raw(self) -> bool:
        """Whether single keys are read."""
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    @property
    def is_as_found(self) -> bool:
        """Whether the terminal is as it was before."""
        return termios.tcgetattr(self.slave) == self.modes and self.screen.wraps and self.screen.shows_cursor

    def end(self, timeout: float = 60.0) -> int:
        """Its exit code, once it has ended by itself."""
        deadline = time.monotonic() + timeout
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it did not end\n{self.text}"
            self.read(0.05)
        self.read(0.2)
        return self.process.returncode

    def close(self) -> None:
        """Kill it where it still runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, 9)
            self.process.wait()
        os.close(self._master)
        os.close(self.slave)
