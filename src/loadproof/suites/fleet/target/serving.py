"""Serves an application on loopback until nobody needs it any more."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_GRACE = 1
_BACKLOG = 1024


def serve_until_unneeded(app: ASGIApp, port: int) -> None:
    """Serve on 127.0.0.1 until stdin closes or SIGTERM arrives, so that it cannot outlive whoever started it.

    Prints ``{"port": N}`` once it accepts connections.

    Args:
        app: What is served.
        port: 0 takes a free one.

    Raises:
        SystemExit: The port is taken.
    """
    # The protocol must be named: asyncio looks at it before it switches Nagle's algorithm off, which costs 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        raise SystemExit(f"port {port} of 127.0.0.1: {error.strerror}") from None
    listening.listen(_BACKLOG)
    unneeded = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: unneeded.set())
    if sys.stdin.isatty():
        signal.signal(signal.SIGINT, lambda *_: unneeded.set())
    else:
        # Ctrl-C reaches the whole group of a terminal; the service must stay until the run has ended.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait_for_end_of_input, args=(unneeded,), daemon=True).start()
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GRACE)
    server = uvicorn.Server(config)
    # In a thread, because uvicorn takes the signals for itself in the main one.
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    serving.start()
    while not server.started and serving.is_alive():
        time.sleep(0.01)
    sys.stdout.write(json.dumps({"port": listening.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    unneeded.wait()
    server.should_exit = True
    serving.join()


def _wait_for_end_of_input(unneeded: threading.Event) -> None:
    # Not sys.stdin.read(): a thread that holds that buffer's lock while the interpreter ends aborts the process.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    unneeded.set()
