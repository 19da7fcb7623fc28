"""The load process's end of the wire: never blocks the loop that must send requests."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import gevent
import gevent.event
import gevent.socket

from loadproof.load.frames import Unpacker, pack

if TYPE_CHECKING:
    from collections.abc import Callable

_ROWS_WAITING_MAX = 64 * 1024 * 1024
"""Bytes of rows that may wait for a slow supervisor before rows are dropped and counted."""


class Channel:
    """Frames out through a queue and a writer greenlet, frames in through a callback.

    Args:
        fd: The socket; owned from here on.
        on_frame: Called in the reader's greenlet with each kind and payload.
        on_end: Called once when the supervisor is gone.
    """

    def __init__(self, fd: int, on_frame: Callable[[str, Any], None], on_end: Callable[[], None]) -> None:
        self._socket = gevent.socket.socket(fileno=fd)
        self._on_frame = on_frame
        self._on_end = on_end
        self._queue: deque[bytes] = deque()
        self._waiting = 0
        self._wake = gevent.event.Event()
        self._empty = gevent.event.Event()
        self._empty.set()
        self._closed = False
        self.rows_dropped = 0

    def open(self) -> None:
        """Start reading and writing; call it in the process that keeps the channel, after any fork."""
        gevent.spawn(self._write)
        gevent.spawn(self._read)

    def abandon(self) -> None:
        """Give up this process's copy of the socket: a forked worker speaks through its master."""
        self._closed = True
        self._socket.close()

    def send(self, kind: str, payload: Any = None) -> None:
        """Queue a frame; returns at once."""
        if self._closed:
            return
        frame = pack(kind, payload)
        self._queue.append(frame)
        self._waiting += len(frame)
        self._empty.clear()
        self._wake.set()

    def send_rows(self, rows: bytes, count: int) -> None:
        """Queue rows, or drop and count them when the supervisor is too far behind."""
        if self._waiting > _ROWS_WAITING_MAX:
            self.rows_dropped += count
        else:
            self.send("rows", rows)

    def flush(self, timeout: float) -> bool:
        """Wait until all is written; False when ``timeout`` seconds were not enough or the supervisor is gone."""
        return bool(self._empty.wait(timeout)) and not self._closed

    def _write(self) -> None:
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            while self._queue and not self._closed:
                frame = self._queue.popleft()
                try:
                    self._socket.sendall(frame)
                except OSError:
                    self._end()
                    return
                self._waiting -= len(frame)
            self._empty.set()

    def _read(self) -> None:
        frames = Unpacker()
        while not self._closed:
            try:
                data = self._socket.recv(65536)
            except OSError:
                data = b""
            if not data:
                self._end()
                return
            for kind, payload in frames.feed(data):
                self._on_frame(kind, payload)

    def _end(self) -> None:
        if not self._closed:
            self._closed = True
            self._queue.clear()
            self._empty.set()
            self._on_end()
