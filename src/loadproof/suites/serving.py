"""Serves the target of a suite: on loopback, ready when it says so, and never longer than whoever started it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fastapi import FastAPI

_PATIENCE = 75  # seconds that a connection may be idle: longer than users of a load test think
_GRACE = 2  # seconds for requests in flight at the end


class _Server(uvicorn.Server):
    """Says on stdout when it is ready; leaves the signals to ``serve_app``."""

    def __init__(self, config: uvicorn.Config, ready: Mapping[str, Any]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(json.dumps(dict(self._ready)) + "\n")
            sys.stdout.flush()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn's own raises a signal again once it has ended: an orderly end would look like a death."""
        yield


def serve_app(app: FastAPI, port: int, **facts: object) -> None:
    """Serve on 127.0.0.1 until stdin closes or SIGTERM arrives.

    Prints ``{"port": N, ...}`` in one line when it is ready. It answers with ``httptools``: of Uvicorn's two parsers,
    the one that reads on after an early answer, so that a client still sending its body gets that answer, not a reset.

    Args:
        app: What is served.
        port: Where; 0 takes a free one.
        facts: What the line says beside the port.

    Raises:
        SystemExit: The port is taken, or the application could not start.
    """
    with _listening(port) as listener:
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            log_level="warning",
            access_log=False,
            timeout_keep_alive=_PATIENCE,
            timeout_graceful_shutdown=_GRACE,
        )
        server = _Server(config, {"port": listener.getsockname()[1], **facts})

        def end(*_: object) -> None:
            server.should_exit = True

        signal.signal(signal.SIGTERM, end)
        # Ctrl-C reaches the whole group of a terminal: a target that a run has started must stay until that has ended.
        signal.signal(signal.SIGINT, end if sys.stdin.isatty() else signal.SIG_IGN)
        threading.Thread(target=_end_with_input, args=(server,), daemon=True).start()
        server.run(sockets=[listener])
    if not server.started:
        raise SystemExit(3)


@contextlib.contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    # With its protocol named: asyncio switches Nagle's algorithm off only then, and with it on, answers take 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise SystemExit(f"cannot listen on 127.0.0.1:{port}: {error.strerror}; try --port 0") from error
        yield listener


def _end_with_input(server: uvicorn.Server) -> None:
    # Not sys.stdin.read(): a thread that holds that buffer's lock while the interpreter ends aborts the process.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.should_exit = True
