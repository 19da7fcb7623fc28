"""A server that plays scripts byte by byte, and callers that note all that can be seen of a request.

For programs that are run in a process of their own: Locust patches the standard library when it is imported.
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from locust.clients import HttpSession, ResponseContextManager
from locust.event import EventHook

from loadproof.http import session
from loadproof.http.errors import error_kind
from loadproof.http.fast import Session

import gevent  # isort: skip
import urllib3  # isort: skip
from gevent.server import StreamServer  # isort: skip

HANG = 4.0
_RESET = struct.pack("ii", 1, 0)

LOCUSTS, OURS = HttpSession, Session


def install() -> None:
    """As the load process does it, with the kernel's stamps; the sessions to compare stay those named above."""
    session.install("fast")


@dataclass(frozen=True)
class Reply:
    """What is sent to one request.

    ``pieces`` are bytes and the seconds to wait after them; ``then`` is what follows: ``keep`` the connection for the
    next request, ``close`` it, or ``reset`` it.
    """

    pieces: tuple[tuple[bytes, float], ...]
    then: str = "keep"


def whole(data: bytes, then: str = "keep") -> Reply:
    return Reply(((data, 0),), then)


def answer(body: bytes = b"", *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


class Script:
    """Plays the reply that was laid out for a path; any other path is answered with the path itself."""

    def __init__(self, host="127.0.0.1", family=socket.AF_INET):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, 0))
        listener.listen(256)
        self.server = StreamServer(listener, self.handle)
        self.server.start()
        self.port = self.server.server_port
        self.url = f"http://{'[' + host + ']' if ':' in host else host}:{self.port}"
        self.replies: dict[str, object] = {}
        self.received = Counter()
        self.connections = 0
        self.paths = 0

    def lay(self, reply) -> str:
        """A new path that is answered so; ``reply`` is a Reply or ``function(sock, head, rest)``."""
        self.paths += 1
        path = f"/{self.paths}"
        self.replies[path] = reply
        return path

    def own(self) -> str:
        """A new path that answers with its own name."""
        self.paths += 1
        return f"/own/{self.paths}"

    def handle(self, sock, _address):
        self.connections += 1
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest = b""
        try:
            while rest is not None:
                while b"\r\n\r\n" not in rest:
                    data = sock.recv(65536)
                    if not data:
                        return
                    rest += data
                head, _, rest = rest.partition(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                self.received[path] += 1
                rest = self.play(sock, self.replies.get(path), head, rest, path)
        except OSError:
            return
        finally:
            sock.close()

    def play(self, sock, reply, head, rest, path):
        """Send the reply; hands back what is left unread, None to end the connection."""
        if callable(reply):
            return reply(sock, head, rest)
        rest = read_body(sock, head, rest)
        if reply is None:
            body = b"" if head.startswith(b"HEAD") else path.encode()
            sock.sendall(
                b"HTTP/1.1 200 OK\r\nX-Path: %s\r\nContent-Length: %d\r\n\r\n" % (path.encode(), len(path)) + body
            )
            return rest
        for data, pause in reply.pieces:
            if data:
                sock.sendall(data)
            if pause:
                gevent.sleep(pause)
        if reply.then == "keep":
            return rest
        if reply.then == "reset":
            reset(sock)
        return None

    def close(self):
        self.server.stop(timeout=1)


def read_body(sock, head: bytes, rest: bytes) -> bytes:
    """Read what the head's length says; hands back what follows."""
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(rest) < length:
        data = sock.recv(1 << 20)
        if not data:
            raise ConnectionAbortedError
        rest += data
    return rest[length:]


def reset(sock) -> None:
    """End a connection by RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    sock.close()


@dataclass(frozen=True)
class Seen:
    """All that a caller sees of one request; ``error`` is the class of the exception that was reported."""

    events: int
    error: str | None
    kind: str | None
    status: int | None
    reason: str | None
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    clean: bool

    def __repr__(self):
        fields = {**self.__dict__, "headers": str(self.headers)[:300], "body": (self.body or b"")[:60]}
        return f"<Seen {fields} ({len(self.body or b'')} bytes)>"

    @property
    def failed(self) -> bool:
        """Whether it failed for another reason than its status."""
        return self.error not in (None, "HTTPError")

    @property
    def answer(self) -> tuple:
        return self.status, self.reason, self.headers, self.body


class HangError(BaseException):
    """A request that outlived every timeout."""


class Caller:
    """One session with its events."""

    def __init__(self, session_class, base):
        self.events = []
        hook = EventHook()
        hook.add_listener(self.on_request)
        self.client = session_class(base, hook, None)
        self.client.trust_env = False

    def on_request(self, exception, response, response_length, **_):
        self.events.append((exception, response, response_length))

    def ask(self, method, path, **options) -> Seen:
        """One request. What is clean: one event, whose exception is one of the wire's, and nothing escapes."""
        before = len(self.events)
        guard = gevent.Timeout.start_new(HANG, HangError(f"{method} {path} hangs"))
        try:
            response = self.client.request(method, path, **options)
        except Exception as error:  # noqa: BLE001 - it is what is asked
            escaped = f"escaped: {type(error).__name__}: {error}"
            return Seen(len(self.events) - before, escaped, None, None, None, (), None, clean=False)
        finally:
            guard.close()
        new = self.events[before:]
        exception = new[0][0] if new else None
        clean = len(new) == 1 and isinstance(response, ResponseContextManager) and new[0][1] is response
        if exception is not None:
            clean = clean and isinstance(exception, OSError | HTTPException | urllib3.exceptions.HTTPError)
        try:
            body = response.content
        except RuntimeError:
            body = None
        return Seen(
            len(new),
            None if exception is None else type(exception).__name__,
            None if exception is None else error_kind(exception, response.status_code),
            response.status_code,
            response.reason,
            tuple(sorted((name.lower(), value) for name, value in response.headers.items())),
            body,
            clean,
        )

    def gets_its_own(self, server, then: str = "keep") -> None:
        """Another request, which must get the answer that belongs to it; after a close, as soon as that has arrived."""
        if then != "keep":
            gevent.sleep(0.003)
        path = server.own()
        seen = self.ask("GET", path, timeout=2)
        assert seen.clean, seen
        assert (seen.status, seen.body, dict(seen.headers).get("x-path")) == (200, path.encode(), path), seen
        assert server.received[path] == 1, server.received[path]

    def close(self):
        self.client.close()


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
