"""The load process as the supervisor sees it: a child with its own process group, a wire, and its output."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from loadproof.errors import RunError
from loadproof.load.frames import FD_VARIABLE, pack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SOCKET_BUFFER = 4 * 1024 * 1024


class LoadProcess:
    """``python -m loadproof.load`` and everything below it.

    Args:
        job: What it shall run, plain values.
        cwd: Where it runs: the user's folder.
        environ: Its environment.

    Attributes:
        wire: This end of the socket pair, non-blocking.
        stdout: What scripts print, non-blocking.
        stderr: Locust's log and tracebacks, non-blocking.
    """

    def __init__(self, job: Mapping[str, object], *, cwd: Path | None, environ: Mapping[str, str]) -> None:
        self.wire, theirs = socket.socketpair()
        for end in (self.wire, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
        environment = {**environ, FD_VARIABLE: str(theirs.fileno())}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-u", "-m", "loadproof.load"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(),),
                cwd=cwd,
                env=environment,
                start_new_session=True,  # Ctrl-C in the terminal is the supervisor's to handle
            )
        except OSError as error:
            self.wire.close()
            raise RunError(f"the load process could not be started: {error}", slug="load-process") from error
        finally:
            theirs.close()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.stdout, self.stderr = self._process.stdout, self._process.stderr
        for stream in (self.stdout, self.stderr):
            os.set_blocking(stream.fileno(), False)
        self._unsent = bytearray()
        self.send("job", dict(job))
        self.wire.setblocking(False)  # noqa: FBT003 - its signature

    @property
    def pid(self) -> int:
        """Process id; also the id of its process group."""
        return self._process.pid

    def send(self, kind: str, payload: object = None) -> None:
        """Send a frame, what the wire does not take now with the next ``flush``; nothing when the process is gone."""
        self._unsent += pack(kind, payload)
        self.flush()

    def flush(self) -> bool:
        """Send what is left of frames, as far as the wire takes it now; whether nothing is left."""
        while self._unsent:
            try:
                sent = self.wire.send(self._unsent)
            except BlockingIOError:
                return False
            except OSError:
                self._unsent.clear()
                return True
            del self._unsent[:sent]
        return True

    def exit_code(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def group_alive(self) -> bool:
        """Whether any process of the group is left."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def kill(self) -> None:
        """SIGKILL to whatever is left of the group."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return

    def clear(self, grace: float) -> None:
        """Wait for the whole group to end, at most ``grace`` seconds, then kill what is left; close everything."""
        deadline = time.monotonic() + grace
        while time.monotonic() < deadline:
            if self._process.poll() is not None and not self.group_alive():
                break
            time.sleep(0.02)
        else:
            self.kill()
        self._process.wait()
        self.kill()
        self.wire.close()
        self.stdout.close()
        self.stderr.close()
