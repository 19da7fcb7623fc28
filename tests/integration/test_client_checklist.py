"""Each box of the checklist for a client that takes the place of Locust's: ours is seen to do what Locust's does."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from commandline import free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_CASE = re.compile(r'^calls\(\s*"(\w+)"|^@(?:case|change|argument)\ndef (\w+)', re.MULTILINE)
_NGINX = """
daemon off;
master_process off;
pid {root}/nginx.pid;
error_log {root}/error.log warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    default_type application/json;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    gzip_types application/json;
    ssl_certificate {root}/cert.pem;
    ssl_certificate_key {root}/key.pem;
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{secure} ssl;
        listen 127.0.0.1:{mutual} ssl;
        ssl_client_certificate {root}/client.pem;
        ssl_verify_client optional;
        set $refused "$server_port$ssl_client_verify";
        if ($refused = "{mutual}NONE") {{ return 403; }}
        add_header X-Reused $connection_requests always;
        location = /json {{ return 200 '{{"value": 1}}'; }}
        location = /none {{ return 204; }}
        location = /who {{ return 200 '$ssl_client_s_dn'; }}
        location = /protocol {{ return 200 '$ssl_protocol'; }}
        location = /few {{ keepalive_requests 12; return 200 '{{}}'; }}
        location = /closes {{ keepalive_timeout 0; return 200 '{{}}'; }}
        location = /idle {{ keepalive_timeout 100ms; return 200 '{{}}'; }}
        location = /secure {{ return 301 https://localhost:{secure}/json; }}
        location = /big {{ root {root}/files; }}
        location = /slow {{ alias {root}/files/big; limit_rate 200k; limit_rate_after 1; }}
        location = /gzip {{ gzip on; alias {root}/files/text; }}
        location = /gzip-old {{ gzip on; chunked_transfer_encoding off; alias {root}/files/text; }}
        location = /locked {{ auth_basic "site"; auth_basic_user_file {root}/users; alias {root}/files/text; }}
        location = /small {{ client_max_body_size 1k; proxy_pass http://127.0.0.1:{plain}/json; }}
        location = /only-get {{ limit_except GET {{ deny all; }} alias {root}/files/text; }}
        location / {{ return 404 '{{"error": "no such page"}}'; }}
    }}
}}
"""


def cases_of(program):
    return [first or second for first, second in _CASE.findall((HERE / program).read_text())]


def started(program, *words):
    command = [sys.executable, HERE / program, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process):
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err[-3000:]
    return json.loads(out)["cases"]


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def differences(theirs, ours, where=""):
    """Where two observations differ: the step, what was seen with Locust's session, and what with ours."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        names = [
            name for name in ("raised", "status_code") if theirs.get(name) != ours.get(name)
        ] or theirs.keys() | ours.keys()
        return [
            line for name in sorted(names) for line in differences(theirs.get(name), ours.get(name), f"{where}.{name}")
        ]
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [
            line
            for i, pair in enumerate(zip(theirs, ours, strict=True))
            for line in differences(*pair, f"{where}[{i}]")
        ]
    return [] if theirs == ours else [f"{where}: theirs {theirs!r}, ours {ours!r}"]


@pytest.fixture(scope="module")
def programs():
    """Those that need nothing else, started together: each waits for most of its time."""
    running = {name: started(f"checklist_{name}.py") for name in ("cases", "settings", "flask")}
    yield running
    for process in running.values():
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def calls(programs):
    return ended(programs["cases"])


@pytest.fixture(scope="module")
def settings(programs):
    return ended(programs["settings"])


@pytest.fixture(scope="module")
def flask_site(programs):
    return ended(programs["flask"])


@pytest.fixture(scope="module")
def nginx_site(tmp_path_factory):
    root = tmp_path_factory.mktemp("nginx")
    (root / "files").mkdir()
    (root / "files" / "big").write_bytes(b"0123456789" * 10_000)
    (root / "files" / "text").write_bytes(b'{"text": "again and again"}' * 100)
    (root / "users").write_text("joe:{PLAIN}secret\n")
    for name, key in (("cert.pem", "key.pem"), ("client.pem", "client.key")):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", root / key, "-out", root / name],
            check=True, capture_output=True,
        )  # fmt: skip
    ports = [free_port() for _ in range(3)]
    (root / "ports").write_text(" ".join(map(str, ports)))
    (root / "nginx.conf").write_text(
        _NGINX.format(root=root, **dict(zip(("plain", "secure", "mutual"), ports, strict=True)))
    )
    command = [shutil.which("nginx"), "-p", root, "-c", root / "nginx.conf", "-e", root / "error.log"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + 5
            while not accepts(ports[0]):
                assert process.poll() is None, process.stderr.read()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield ended(started("checklist_nginx.py", root))
        finally:
            process.terminate()
            process.wait(timeout=5)


@pytest.mark.parametrize("name", cases_of("checklist_cases.py"))
def test_a_call_does_what_locusts_does(calls, name):
    assert differences(*calls[name]) == []


@pytest.mark.parametrize("name", cases_of("checklist_settings.py"))
def test_a_changed_setting_takes_effect(settings, name):
    assert differences(*settings[name]) == []


@pytest.mark.parametrize("name", cases_of("checklist_flask.py"))
def test_a_site_of_flask_sees_no_difference(flask_site, name):
    assert differences(*flask_site[name]) == []


@pytest.mark.real("nginx", "openssl")
@pytest.mark.parametrize("name", cases_of("checklist_nginx.py"))
def test_nginx_sees_no_difference(nginx_site, name):
    assert differences(*nginx_site[name]) == []


@pytest.mark.long
@pytest.mark.parametrize("fixture", ["calls", "settings", "flask_site"])
def test_no_case_breaks_with_locusts_own(fixture, request):
    for name, (theirs, _) in request.getfixturevalue(fixture).items():
        found = theirs["found"]
        assert found != "hangs", name
        assert not isinstance(found, list) or found[:1] != ["escaped"], (name, found)


def test_each_case_that_the_table_names_is_there():
    table = (ROOT / "docs/compatibility.md").read_text().partition("## Checklist")[2]
    cells = [line.split(" | ")[-1] for line in table.splitlines() if line.startswith("| ")]
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    known = set()
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text = path.read_text()
        known |= set(re.findall(r"^def (\w+)", text, re.MULTILINE)) | set(
            re.findall(r'^(?:simple|calls)\(\s*"(\w+)"', text, re.MULTILINE)
        )
    assert named
    assert named <= known, named - known
