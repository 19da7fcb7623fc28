"""A server that knows the truth: it answers each request after a known delay, and keeps when it did.

Per request: the kernel's stamp of its arrival, and the clock read right before the answer is handed to the kernel. What
lies between is what a generator should report; on top of it comes the way over loopback, some ten microseconds each.
One process, one thread. Prints its port; on SIGTERM it writes its stamps to a file and ends:

    python bench/_delays.py STAMPS.csv
"""

from __future__ import annotations

import heapq
import random
import re
import select
import signal
import socket
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("qq")
_ID = re.compile(rb"[?&]id=(\d+)")
_ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"value": 1}'
_SPIN_NS = 200_000

DELAYS = 1000
"""Length of the sequence; request n waits for the delay with number n modulo this."""


def delays() -> list[float]:
    """The sequence, in seconds, always the same: most short, some long, as services are."""
    draw = random.Random(1)
    return [
        draw.choices((draw.uniform(2e-3, 8e-3), draw.uniform(8e-3, 40e-3), 80e-3), (70, 27, 3))[0]
        for _ in range(DELAYS)
    ]


class Server:
    """Connections, answers that are due, and stamps of those that were sent."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.settimeout(0)
        self._poll = select.epoll()
        self._poll.register(self._listener.fileno(), select.EPOLLIN)
        self._open: dict[int, tuple[socket.socket, bytearray]] = {}
        self._due: list[tuple[int, int, int, int]] = []
        self._delays = [int(seconds * 1e9) for seconds in delays()]
        self.port: int = self._listener.getsockname()[1]
        self.stamps: list[tuple[int, int, int]] = []

    def serve(self) -> None:
        """Never returns."""
        while True:
            for fileno, _ in self._poll.poll(self._timeout()):
                if fileno == self._listener.fileno():
                    self._accept()
                else:
                    self._read(fileno)
            while self._due and self._due[0][0] <= time.time_ns():
                self._answer()

    def _timeout(self) -> float | None:
        """Until shortly before the next answer is due: the kernel wakes by the millisecond."""
        if not self._due:
            return None
        left = self._due[0][0] - time.time_ns() - _SPIN_NS
        return left // 1_000_000 / 1e3 if left > 0 else 0.0

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._open[connection.fileno()] = connection, bytearray()
        self._poll.register(connection.fileno(), select.EPOLLIN)

    def _read(self, fileno: int) -> None:
        connection, buffered = self._open[fileno]
        try:
            data, ancillary, _, _ = connection.recvmsg(65536, 64)
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        if not data:
            self._poll.unregister(fileno)
            self._open.pop(fileno)[0].close()
            return
        buffered += data
        if not buffered.endswith(b"\r\n\r\n"):
            return
        found = _ID.search(bytes(buffered))
        buffered.clear()
        if found is None or not ancillary:  # a warm-up, of which nothing is kept, or one that nobody stamped
            with suppress(OSError):
                connection.send(_ANSWER)
            return
        seconds, nanos = _STAMP.unpack(ancillary[0][2])
        received = seconds * 1_000_000_000 + nanos
        number = int(found[1])
        heapq.heappush(self._due, (received + self._delays[number % DELAYS], fileno, number, received))

    def _answer(self) -> None:
        _, fileno, number, received = heapq.heappop(self._due)
        if fileno not in self._open:
            return
        send = self._open[fileno][0].send
        with suppress(OSError):  # at the end of a run users go without waiting
            sent = time.time_ns()
            send(_ANSWER)
            self.stamps.append((number, received, sent))


def main() -> None:
    """Serve until SIGTERM."""
    server = Server()

    def leave(_number: int, _frame: FrameType | None) -> None:
        lines = ["id,received_ns,sent_ns", *(f"{number},{got},{sent}" for number, got, sent in server.stamps)]
        Path(sys.argv[1]).write_text("\n".join(lines) + "\n")
        sys.exit()

    signal.signal(signal.SIGTERM, leave)
    print(server.port, flush=True)
    server.serve()


if __name__ == "__main__":
    main()
