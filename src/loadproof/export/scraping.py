"""The port on which a run can be scraped: a small HTTP server in a daemon thread."""

from __future__ import annotations

import gzip
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Render = Callable[[str], tuple[bytes, str]]

PATH = "/metrics"
_SLOWEST = 10.0
"""Seconds that a scraper may take for its request, and for reading the answer."""

_MOST_AT_ONCE = 8
_WORTH_ZIPPING = 1_000


class ScrapeServer:
    """Serves ``/metrics`` until it is closed; each scrape in a thread of its own, at most eight at once.

    Args:
        host: Address to listen on.
        port: Port; 0 for any that is free.
        render: Gives what a scrape gets, and its content type, by the ``Accept`` of the request.

    Attributes:
        url: Where it is.

    Raises:
        OSError: The port is taken, or the address is none of this machine.
    """

    def __init__(self, host: str, port: int, render: Render) -> None:
        self._server = _server_class(host)((host, port), _Handler)
        self._server.render = render
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_address[1]}{PATH}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="loadproof-metrics", daemon=True
        )
        self._thread.start()

    def scraped_since(self, moment: float) -> bool:
        """Whether a scrape that began at, or after, a time of ``time.monotonic()`` was answered to its end."""
        return self._server.last_answered >= moment

    @property
    def was_scraped(self) -> bool:
        """Whether anybody was ever answered."""
        return self._server.last_answered > 0

    def close(self) -> None:
        """Listen no more; an answer that is being sent goes on in its own thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    """What ``http.server`` has would ask DNS for the name of the address, which may take seconds."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64
    render: Render
    last_answered = 0.0
    """When the latest scrape began that was answered to its end, by ``time.monotonic()``."""

    def __init__(self, *arguments: object) -> None:
        self.places = threading.BoundedSemaphore(_MOST_AT_ONCE)
        super().__init__(*arguments)  # type: ignore[arg-type]

    def process_request(self, request: object, client_address: object) -> None:
        if not self.places.acquire(blocking=False):
            self.shutdown_request(request)  # type: ignore[arg-type]
            return
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self.places.release()

    def handle_error(self, _request: object, _client_address: object) -> None:
        """Say nothing: a scraper that went away is none of the user's business."""


class _Server6(_Server):
    address_family = socket.AF_INET6


def _server_class(host: str) -> type[_Server]:
    return _Server6 if ":" in host else _Server


class _Handler(BaseHTTPRequestHandler):
    """Answers one request, then closes."""

    server: _Server
    timeout = _SLOWEST

    def do_GET(self) -> None:
        """Answer a scrape; whoever comes by browser is told where to look."""
        began = time.monotonic()
        if self.path.partition("?")[0] != PATH:
            self._answer(404, f"The metrics are at {PATH}.\n".encode(), "text/plain; charset=utf-8")
            return
        body, content_type = self.server.render(self.headers.get("Accept", ""))
        self._answer(200, body, content_type)
        self.server.last_answered = max(self.server.last_answered, began)

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        zipped = len(body) >= _WORTH_ZIPPING and "gzip" in self.headers.get("Accept-Encoding", "")
        if zipped:
            body = gzip.compress(body, 1)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if zipped:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002 - the parent's name
        """Log nothing."""
