"""An nginx of our own, on a free port of 127.0.0.1, without root."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from commandline import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CONFIGURATION = """
daemon off;
master_process off;
pid {root}/nginx.pid;
error_log {root}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    log_format plain '$request_method $request_uri $status';
    access_log {root}/access.log plain;
    default_type application/json;
    keepalive_requests 1000000;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = / {{ return 200 '{{"service": "nginx"}}'; }}
        location = /json {{ return 200 '{{"value": 1}}'; }}
        location ~ ^/items/(?<item>[0-9]+)$ {{ return 200 '{{"item": $item}}'; }}
        location = /status/404 {{ return 404 '{{"error": "not found"}}'; }}
        location = /status/500 {{ return 500 '{{"error": "broken"}}'; }}
        location = /redirect {{ return 302 /json; }}
        location = /big {{ root {root}/files; default_type application/octet-stream; }}
        location = /slow {{ alias {root}/files/big; default_type application/octet-stream; limit_rate 200k; }}
        location / {{ return 404 '{{"error": "no such page"}}'; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A private nginx.

    Paths: ``/`` ``/json`` ``/items/<n>`` small JSON, ``/status/404`` ``/status/500``, ``/redirect`` to ``/json``,
    ``/big`` 100 kB, ``/slow`` the same at 200 kB a second.
    """

    process: subprocess.Popen[bytes]
    root: Path
    port: int

    @property
    def url(self) -> str:
        """Base URL without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def access_log_lines(self) -> list[str]:
        """What was answered so far: ``METHOD URI STATUS``, in the order in which nginx finished it."""
        return (self.root / "access.log").read_text(encoding="utf-8").splitlines()

    def stop(self) -> None:
        """End it; one process did everything, so nothing of it is left afterwards."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextmanager
def private_nginx(root: Path) -> Iterator[Nginx]:
    """One that keeps its files under ``root`` and ends with the block."""
    (root / "files").mkdir(parents=True)
    (root / "files" / "big").write_bytes(b"0123456789" * 10_000)
    port = free_port()
    configuration = root / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(root=root, port=port), encoding="utf-8")
    command = [shutil.which("nginx"), "-p", str(root), "-c", str(configuration), "-e", str(root / "error.log")]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        server = Nginx(process, root, port)
        try:
            _wait_until_it_accepts(server)
            yield server
        finally:
            server.stop()


def _wait_until_it_accepts(server: Nginx) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            pytest.fail(f"nginx did not start: {server.process.stderr.read().decode()}")
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    pytest.fail("nginx did not accept a connection within 5 s")
