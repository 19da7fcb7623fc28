"""A small shop to put load on: ``python -m loadproof.suites.demo.target --port 0``.

It listens on loopback, prints ``{"port": N}`` once it does, and serves until its stdin closes or SIGTERM arrives, so
that it cannot outlive whoever started it. How long an answer takes, and which checkouts are refused, follows from
the seed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import threading
import time
from io import BytesIO
from random import Random
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REFUSED_SHARE = 0.003
"""Share of the checkouts that answer 503."""

DEFAULT_SEED = 34
"""Refuses the 23rd checkout: even a short run has an error to show."""

_SHORTEST, _LONGEST = 0.001, 0.008
_NAMES = ("Kettle", "Lamp", "Desk", "Chair", "Mug", "Clock", "Shelf", "Rug", "Vase", "Fan")
_PRODUCTS = [
    {"id": number, "name": f"{_NAMES[number % len(_NAMES)]} {number}", "price_cents": 450 + 375 * number}
    for number in range(1, 21)
]

Answer = tuple[dict[str, Any], int]


class Work:
    """How long the shop works on an answer, and which checkouts it refuses.

    The n-th draw depends on the seed alone, however many threads draw.

    Args:
        seed: Two shops with the same seed draw the same.
    """

    def __init__(self, seed: int) -> None:
        self._lock = threading.Lock()
        self._durations = Random(f"{seed} durations")
        self._refusals = Random(f"{seed} refusals")

    def duration(self, median: float) -> float:
        """Seconds of work: lognormal around ``median``, within 1 to 8 ms."""
        with self._lock:
            drawn = self._durations.lognormvariate(math.log(median), 0.4)
        return min(max(drawn, _SHORTEST), _LONGEST)

    def refuses(self) -> bool:
        """Whether the next checkout is refused."""
        with self._lock:
            return self._refusals.random() < REFUSED_SHARE


def create_app(seed: int = DEFAULT_SEED, sleep: Callable[[float], None] = time.sleep) -> Flask:
    """The shop as a WSGI application.

    Args:
        seed: Decides how long answers take and which checkouts are refused.
        sleep: Called with the seconds that an answer takes.
    """
    app = Flask(__name__)
    work = Work(seed)

    @app.get("/")
    def home() -> Answer:
        sleep(work.duration(0.002))
        return {"service": "shop", "products": len(_PRODUCTS)}, 200

    @app.get("/health")
    def health() -> Answer:
        return {"status": "ok"}, 200

    @app.get("/api/products")
    def list_products() -> Answer:
        sleep(work.duration(0.004))
        return {"products": _PRODUCTS}, 200

    @app.get("/api/products/<int:number>")
    def view_product(number: int) -> Answer:
        sleep(work.duration(0.002))
        product = _product(number)
        return (product, 200) if product else _unknown(number)

    @app.post("/api/cart")
    def add_to_cart() -> Answer:
        sleep(work.duration(0.003))
        order = request.get_json()
        product = _product(order.get("product"))
        return ({"items": [order]}, 201) if product else _unknown(order.get("product"))

    @app.post("/api/checkout")
    def checkout() -> Answer:
        sleep(work.duration(0.005))
        order = request.get_json()
        product = _product(order.get("product"))
        if product is None:
            return _unknown(order.get("product"))
        if work.refuses():
            return {"error": "the payment provider does not answer"}, 503
        return {"state": "confirmed", "total_cents": product["price_cents"] * order.get("quantity", 1)}, 200

    return app


def _product(number: Any) -> dict[str, Any] | None:
    return next((product for product in _PRODUCTS if product["id"] == number), None)


def _unknown(number: Any) -> Answer:
    return {"error": f"there is no product {number}"}, 404


class KeepAliveHandler(WSGIRequestHandler):
    """Answers request after request on one connection.

    Werkzeug's own ``run_wsgi`` sends ``Connection: close`` with every answer: a client would measure connecting.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def run_wsgi(self) -> None:
        """Read the whole body, call the application, send the whole answer."""
        environ = self.make_environ()
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
        else:
            environ["wsgi.input"] = BytesIO(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        response = Response.from_app(self.server.app, environ, buffered=True)
        self.send_response(response.status_code)
        for key, value in response.headers:
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.get_data())

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - Werkzeug's name
        """Say nothing: the load is the log."""


def serve(port: int, seed: int) -> None:
    """Serve the shop on loopback until stdin closes or SIGTERM arrives.

    Args:
        port: Where to listen; 0 takes a free one.
        seed: As for ``create_app``.

    Raises:
        SystemExit: The port is taken; Werkzeug has said so on stderr.
    """
    server = make_server("127.0.0.1", port, create_app(seed), threaded=True, request_handler=KeepAliveHandler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    if not sys.stdin.isatty():
        # Ctrl-C reaches the whole group of a terminal; the shop must stay open until the run has ended.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_shut_down_at_end_of_input, args=(server,), daemon=True).start()
    sys.stdout.write(json.dumps({"port": server.port}) + "\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.05)


def _shut_down_at_end_of_input(server: BaseWSGIServer) -> None:
    # Not sys.stdin.read(): a thread that holds that buffer's lock while the interpreter ends aborts the process.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.shutdown()


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``python -m loadproof.suites.demo.target``."""
    parser = argparse.ArgumentParser(description="A small shop to put load on.", allow_abbrev=False)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="decides durations and refusals")
    options = parser.parse_args(arguments)
    serve(options.port, options.seed)


if __name__ == "__main__":
    main()
