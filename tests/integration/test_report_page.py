"""The report in a real browser, with scripts and under a policy that blocks them, as Jenkins serves it."""

from __future__ import annotations

import functools
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from commandline import loadproof

SUITE = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        self.client.get("/ok", name="<script>document.title='harm'</script><img src=x onerror=document.title='harm'>")
"""

JENKINS = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';"


@pytest.fixture
def serve():
    servers = []

    def start(folder, policy):
        class Handler(SimpleHTTPRequestHandler):
            def end_headers(self):
                if policy:
                    self.send_header("Content-Security-Policy", policy)
                super().end_headers()

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def chromium(url, profile, *more):
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={profile}", *more, url,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)


@pytest.mark.real("chromium")
def test_the_report_reads_with_scripts_and_without_and_names_do_no_harm(tmp_path, service, serve):
    (tmp_path / "locustfile.py").write_text(SUITE)
    ended = loadproof(tmp_path, "run", "--name", "page", "-u", "2", "-t", "3s", "-H", service.url)
    for policy in (None, JENKINS):
        url = serve(ended.directory, policy) + "/report.html"
        profile = tmp_path / f"profile-{bool(policy)}"
        dom = chromium(url, profile, "--dump-dom").stdout
        title = dom.partition("<title>")[2].partition("</title>")[0]
        assert "page" in title
        assert "harm" not in title
        for words in ("PASS", "Thresholds", "Endpoints", "Configuration", "<svg"):
            assert words in dom
        picture = tmp_path / f"page-{bool(policy)}.png"
        chromium(url, profile, f"--screenshot={picture}", "--window-size=1200,2000")
        assert picture.stat().st_size > 20_000
