"""A service whose behaviour is in the path: what it answered is known, so that what was measured can be checked."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave in one segment

    def _answer(self) -> None:
        if self.server.dead:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        self.server.seen[self.command, self.path] += 1
        status, payload = self._decide(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)
        self.wfile.flush()

    def _decide(self, body: bytes) -> tuple[int, bytes]:
        words = self.path.partition("?")[0].strip("/").split("/")
        if words[0] == "status":
            return int(words[1]), b'{"token": "s3cret-value", "detail": "as asked"}'
        if words[0] == "slow":
            time.sleep(float(words[1]) / 1000)
        if words[0] == "every":  # /every/N: each Nth answer is a 500
            with self.server.lock:
                self.server.count += 1
                if self.server.count % int(words[1]) == 0:
                    return 500, b'{"error": "every now and then"}'
        if words[0] == "echo":
            return 200, body
        return 200, b'{"ok": true}'

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *args: object) -> None:
        pass


class Service(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: Counter[tuple[str, str]] = Counter()
        self.lock = threading.Lock()
        self.count = 0
        self.dead = False
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that was killed mid-request is part of the tests

    def close(self) -> None:
        self.dead = True
        self.shutdown()
        self.server_close()
