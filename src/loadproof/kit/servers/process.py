"""What the servers of the kit share: HTTP on loopback, and how their processes begin and end.

A process prints one line of JSON once it listens, serves until its stdin closes or SIGTERM arrives, so that it cannot
outlive whoever started it, and says on stderr what went wrong.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from argparse import ArgumentTypeError
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any

from loadproof.errors import ExitCode, LoadproofError, Problem, RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LARGEST_BODY = 1_000_000
_IDLE = 75.0
"""Seconds after which a connection without requests is closed."""


class Server(ThreadingHTTPServer):
    """Serves HTTP, one thread for each connection.

    Args:
        host: Address to listen on.
        port: 0 takes a free one; ``server_port`` says which.
        handler: Answers the requests.

    Raises:
        RunError: The address cannot be listened on.
    """

    daemon_threads = True
    request_queue_size = 512  # the standard library's five refuse workers that all come at once

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), handler)
        except OSError as error:
            raise cannot_listen(host, port, error) from error

    def server_bind(self) -> None:
        """Bind, without the standard library's look-up of the host's full name, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers request after request on one connection; each answer leaves in one segment."""

    protocol_version = "HTTP/1.1"
    server_version = "loadproof"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = _IDLE

    def answer(
        self, status: int, body: str = "", kind: str = "text/plain", headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a whole answer; to HEAD, without the body."""
        payload = body.encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(payload)))
        self.send_header("Cache-Control", "no-store")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(payload)

    def answer_json(self, value: object, status: int = 200) -> None:
        """Send a value as JSON."""
        self.answer(status, json.dumps(value), "application/json")

    def read_body(self) -> bytes | None:
        """The request's body; None when it is too large or of a kind that is not read, and the connection must end.

        Each request has to come through here before it is answered: an unread body would become the next request.
        """
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Say nothing of single requests."""


def port_number(text: str) -> int:
    """A port of the command line, for argparse.

    Raises:
        ArgumentTypeError: It is none.
    """
    if not text.isdecimal() or int(text) > 65_535:
        raise ArgumentTypeError(f"{text!r} is no port: a whole number from 0 to 65535, 0 for a free one")
    return int(text)


def cannot_listen(host: str, port: int, error: OSError) -> RunError:
    """The error for an address that cannot be listened on."""
    return RunError(
        f"cannot listen on {host}:{port}: {error.strerror or error}",
        slug="server-port",
        hint="another program has that port, or the address is not of this machine; --port 0 takes a free port",
    )


def refused_start(slug: str, where: str, what: str, hint: str) -> UsageError:
    """The error for a server that was started with something wrong or missing."""
    return UsageError([Problem(slug, where, what, hint)])


def serve(server: Server, announcement: Mapping[str, object]) -> None:
    """Print the announcement and serve until stdin closes, or SIGTERM or Ctrl-C at its own terminal arrives.

    Args:
        server: Listens already; it is closed in the end.
        announcement: One line of JSON on stdout.
    """

    def shut_down(*_: object) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, shut_down)
    if sys.stdin is not None and sys.stdin.isatty():
        signal.signal(signal.SIGINT, shut_down)
    else:
        # Ctrl-C reaches the whole group of a terminal; a server must stay until the run has ended.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_shut_down_at_end_of_input, args=(server,), daemon=True).start()
    sys.stdout.write(json.dumps(announcement) + "\n")
    sys.stdout.flush()
    with server:
        server.serve_forever(poll_interval=0.05)


def _shut_down_at_end_of_input(server: Server) -> None:
    # Not sys.stdin.read(): a thread that holds that buffer's lock while the interpreter ends aborts the process.
    try:
        while os.read(0, 4096):
            pass
    except OSError:  # closed from the start
        pass
    server.shutdown()


def exit_code_of(work: Callable[[], None]) -> int:
    """Do the work of a process; say on stderr what went wrong, and give the exit code."""
    try:
        work()
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except LoadproofError as error:
        hint = f" ({error.hint})" if error.hint else ""
        sys.stderr.write(f"{error}{hint} [{error.slug}]\n")
        return error.exit_code
    return ExitCode.PASS
