"""Servers that the benchmarks run against, from Debian's packages, on loopback."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE = 100_000
"""Bytes of the body of ``/large``."""

_CONFIGURATION = """
daemon off;
master_process off;
pid {root}/nginx.pid;
error_log {root}/error.log warn;
events {{ worker_connections 10240; }}
http {{
    access_log off;
    default_type application/json;
    keepalive_requests 1000000000;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=16;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        {tls}
        location / {{ return 200 '{{"value": 1}}'; }}
        location = /large {{ root {root}; }}
        location = /served {{ stub_status; }}
    }}
}}
"""

_TLS = """
        listen 127.0.0.1:{port} ssl backlog=4096;
        ssl_certificate {root}/certificate.pem;
        ssl_certificate_key {root}/key.pem;
        ssl_protocols TLSv1.3;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
"""  # one version and one cipher: the same for whoever comes

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Site:
    """A running nginx: ``/large`` has 100 kB, any other path answers a small JSON, to GET and to POST.

    Attributes:
        url: Its base URL.
        tls_url: The same over TLS, with a certificate that nobody knows; empty unless it was asked for.
        pid: Its process.
    """

    url: str
    tls_url: str
    pid: int
    _asked: int = 0

    def served(self) -> int:
        """Requests that it has answered, without those that asked for this number."""
        return int(self._status()[2]) - self._asked

    def connections(self) -> int:
        """Connections that are open now, without the one that asks."""
        return int(self._status()[0]) - 1

    def cpu_seconds(self) -> float:
        """CPU time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS

    def _status(self) -> tuple[str, str, str]:
        """Open connections, handled ones, requests: as ``stub_status`` has them."""
        self._asked += 1
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"{self.url}/served", timeout=10) as answer:
            text = answer.read().decode()
        found = re.search(r"Active connections: (\d+).*?\n\s*\d+\s+(\d+)\s+(\d+)", text, re.DOTALL)
        if found is None:
            sys.exit(f"nginx said something else than its status: {text!r}")
        return found[1], found[2], found[3]


@contextmanager
def nginx(folder: Path, *, core: int) -> Iterator[str]:
    """A private nginx pinned to a core; its URL."""
    with site(folder, core=core) as running:
        yield running.url


@contextmanager
def site(folder: Path, *, core: int, tls: bool = False) -> Iterator[Site]:
    """A private nginx pinned to a core, in a folder that must not hold one yet; with TLS on a port of its own."""
    programs = ("nginx", "openssl") if tls else ("nginx",)
    if missing := [program for program in programs if shutil.which(program) is None]:
        sys.exit(f"{' and '.join(missing)} not installed: make system-packages")
    root = folder / "nginx"
    root.mkdir()
    port, tls_port = _free_ports(2)
    (root / "large").write_bytes(b"x" * LARGE)
    if tls:
        _write_certificate(root)
    options = _TLS.format(root=root, port=tls_port) if tls else ""
    (root / "nginx.conf").write_text(_CONFIGURATION.format(root=root, port=port, tls=options))
    command = ["nginx", "-p", str(root), "-c", str(root / "nginx.conf"), "-e", str(root / "error.log")]
    # In a session of its own: Ctrl-C reaches the benchmark, which ends the load first.
    process = subprocess.Popen(["taskset", "-c", str(core), *command], stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for_port(port, process)
        tls_url = f"https://127.0.0.1:{tls_port}" if tls else ""
        yield Site(f"http://127.0.0.1:{port}", tls_url, process.pid)
    finally:
        process.terminate()
        process.wait(5)


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when a server accepts connections; exit when it ended, or did not within 5 s."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    sys.exit(f"the server did not start: {process.args!r}")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


def _write_certificate(root: Path) -> None:
    """A key and a certificate signed with it, for 127.0.0.1."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(root / "key.pem")]
    name = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *key, *name, "-days", "2", "-out", str(root / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)
