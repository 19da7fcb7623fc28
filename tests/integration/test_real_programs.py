"""The private nginx of these tests, and the marker that asks for real programs."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def connection(nginx):
    with closing(http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=5)) as connection:
        yield connection


@pytest.mark.real("nginx")
def test_nginx_serves_its_pages_on_one_connection_and_logs_each(nginx, connection):
    connection.connect()
    first = connection.sock
    pages = {
        "/": (200, b'{"service": "nginx"}'),
        "/json": (200, b'{"value": 1}'),
        "/items/42?x=1": (200, b'{"item": 42}'),
        "/status/404": (404, b'{"error": "not found"}'),
        "/status/500": (500, b'{"error": "broken"}'),
        "/big": (200, b"0123456789" * 10_000),
    }
    seen = {}
    for page in pages:
        connection.request("GET", page)
        answer = connection.getresponse()
        seen[page] = (answer.status, answer.read())
    assert seen == pages
    connection.request("POST", "/json", json.dumps({"a": 1}))
    assert connection.getresponse().read() == b'{"value": 1}'
    connection.request("GET", "/redirect")
    redirect = connection.getresponse()
    redirect.read()
    assert (redirect.status, redirect.headers["Location"]) == (302, f"{nginx.url}/json")
    assert connection.sock is first
    assert nginx.access_log_lines() == [
        *(f"GET {page} {status}" for page, (status, _) in pages.items()),
        "POST /json 200",
        "GET /redirect 302",
    ]


@pytest.mark.real("nginx")
def test_nginx_is_gone_when_it_is_stopped_and_stopping_twice_is_fine(nginx, connection):
    nginx.stop()
    nginx.stop()
    assert nginx.process.returncode == 0
    with pytest.raises(ConnectionRefusedError):
        connection.connect()


@pytest.mark.parametrize(("required", "outcome"), [("", "1 skipped"), ("1", "1 error")])
def test_a_missing_program_skips_its_test_by_name_and_fails_it_where_it_was_promised(
    tmp_path, monkeypatch, required, outcome
):
    monkeypatch.setenv("LOADPROOF_REQUIRE_REAL", required)
    (tmp_path / "conftest.py").write_text((TESTS / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(
        'import pytest\n\n@pytest.mark.real("no-such-program")\ndef test_it():\n    raise SystemExit\n'
    )
    options = ["-p", "no:cacheprovider", "-c", str(TESTS.parent / "pyproject.toml"), f"--rootdir={tmp_path}"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert f"{outcome} in" in run.stdout
    assert "no-such-program not on PATH (make system-packages installs it)" in run.stdout
