"""The fast client does what Locust's own does: the same calls, the same answers, events and bytes on the wire."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("client_cases.py")
NAMES = re.findall(r'^simple\("(\w+)"|^@case\ndef (\w+)', CASES.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    run = subprocess.run([sys.executable, CASES, folder], capture_output=True, text=True, timeout=110, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)


@pytest.mark.parametrize("name", [a or b for a, b in NAMES])
@pytest.mark.parametrize("aspect", ["found", "events", "sent"])
def test_the_fast_client_is_seen_to_do_what_locusts_does(seen, name, aspect):
    theirs, ours = seen["cases"][name]
    assert ours[aspect] == theirs[aspect]


def test_only_what_is_out_of_the_ordinary_is_left_to_requests(seen):
    assert set(seen["fallbacks"]) <= {
        "adapters", "auth", "body", "cookies", "files", "header encoding", "hooks", "session settings", "stream",
        "timeout", "unknown argument",
    }  # fmt: skip
