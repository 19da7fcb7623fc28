from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from commandline import BIN, environment, wait_for
from loadproof.suites.virus_scan.target.clamd import SOCKET_NAME, prepare_folder
from loadproof.suites.virus_scan.target.scanners import EICAR
from suite_targets import running_target

CONTRACT = Path(__file__).parents[1] / "contract" / "virus_scan" / "locustfile.py"
AUTH = ("app1", "letmein")
NAMES = {"CHECK", "CHECK_VERSION", "MALWARE", "CLEAN", "USER_DEFINED", "UNAUTHORISED"}
LARGE = 5 << 20


@contextmanager
def target(*options, **extra):
    with running_target("virus_scan", *options, **extra) as running:
        yield running


def pieces(content, size=1024):
    """A generator: requests sends it chunked."""
    return (content[start : start + size] for start in range(0, len(content), size))


def scan(running, content, auth=AUTH, session=requests):
    return session.post(f"{running.url}/v2/scan-chunked", data=content, auth=auth, timeout=30)


def test_a_chunked_upload_is_scanned_as_it_comes():
    with target() as running:
        assert scan(running, iter([EICAR[:20], EICAR[20:]])).json()["malware"] is True
        assert scan(running, pieces(b"lorem ipsum" * 1000)).json()["malware"] is False
        assert scan(running, pieces(os.urandom(LARGE) + EICAR, 4099)).json()["malware"] is True
        assert running.state == {
            "checks": 0,
            "versions": 0,
            "scans": 3,
            "malware": 2,
            "bytes": 68 + 11_000 + LARGE + 68,
            "chunked": 3,
            "unauthorised": 0,
        }


def test_a_wrong_password_is_a_401_however_much_of_the_body_is_still_to_come():
    with target() as running, requests.Session() as session:
        for content in (pieces(bytes(LARGE), 65536), bytes(LARGE), iter([EICAR]), None):
            for _ in range(5):
                content_again = pieces(bytes(LARGE), 65536) if hasattr(content, "gi_frame") else content
                assert scan(running, content_again, ("app1", "wrong"), session).status_code == 401
        # The same connections are good for what follows.
        assert scan(running, iter([EICAR]), session=session).json()["malware"] is True
        assert running.state["unauthorised"] == 20
        assert running.state["bytes"] == 68


def test_a_file_over_the_limit_is_a_413_and_not_a_reset():
    with target("--max-length", "1000") as running, requests.Session() as session:
        for _ in range(5):
            assert scan(running, pieces(bytes(LARGE), 65536), session=session).status_code == 413
        assert scan(running, iter([b"a" * 1000]), session=session).status_code == 200


def test_the_password_comes_from_the_environment():
    with target(APP_USER="me", APP_PWD="other") as running:
        assert scan(running, EICAR).status_code == 401
        assert scan(running, EICAR, ("me", "other")).status_code == 200


def test_definitions_lag_at_first_and_catch_up():
    with target("--version-lag", "5", "--version-fades-after", "2") as running:
        first = requests.get(f"{running.url}/check_version", timeout=10)
        assert (first.status_code, first.json()["outdated"]) == (500, True)
        wait_for(lambda: requests.get(f"{running.url}/check_version", timeout=10).status_code == 200)


def test_a_delay_is_part_of_the_time_that_is_answered():
    with target("--scan-delay", "0.2") as running:
        began = time.monotonic()
        assert scan(running, b"clean").json()["time"] >= 0.2
        assert time.monotonic() - began >= 0.2


@pytest.mark.long
@pytest.mark.parametrize("program", [pytest.param("locust", marks=pytest.mark.long), "loadproof locust"])
def test_a_suite_of_plain_locust_runs_against_it_as_it_is(tmp_path, program):
    folder = tmp_path / "client-examples"
    folder.mkdir()
    (folder / "5MiB.bin").write_bytes(bytes(LARGE))
    words = ["-f", CONTRACT, "--headless", "-u", "6", "-r", "10", "-t", "5s", "--json-file", "out"]
    first, *rest = program.split()
    with target() as running:
        ended = subprocess.run(
            [BIN / first, *rest, *words, "-H", running.url],
            cwd=tmp_path,
            env=environment(CLAMD_RESPONSE_THRESHOLD="5"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        state = running.state
    rows = {row["name"]: row for row in json.loads((tmp_path / "out.json").read_text())}
    assert set(rows) == NAMES
    assert {name: row["num_failures"] for name, row in rows.items()} == dict.fromkeys(NAMES, 0)
    assert "Traceback" not in ended.stdout + ended.stderr
    assert ended.returncode == 0
    assert state["malware"] >= rows["MALWARE"]["num_requests"]
    assert state["unauthorised"] >= rows["UNAUTHORISED"]["num_requests"]


@contextmanager
def private_clamd():
    """Clamd in a folder of its own, with the signatures of the project."""
    # Not tmp_path: a Unix socket's path has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="clamd-") as name:
        folder = Path(name)
        configuration = prepare_folder(folder, max_length=25 << 20)
        command = ["/usr/sbin/clamd", "--foreground", f"--config-file={configuration}"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            wait_for((folder / SOCKET_NAME).exists, timeout=60)
            yield folder / SOCKET_NAME, process
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.real("clamd")
def test_real_clamd_finds_malware_and_takes_clean_files_of_5_mib():
    with private_clamd() as (socket, process), target("--clamd", str(socket)) as running:
        assert running.ready["scanner"] == "clamd"
        assert requests.get(f"{running.url}/check", timeout=10).text == "Service OK"
        found = scan(running, iter([EICAR[:20], EICAR[20:]])).json()
        assert (found["malware"], found["reason"]) == (True, "Eicar-Test-Signature.UNOFFICIAL")
        clean = scan(running, iter([b"lorem ", b"ipsum"])).json()
        assert (clean["malware"], clean["reason"]) == (False, None)
        large = scan(running, pieces(os.urandom(LARGE))).json()
        assert large["malware"] is False
        assert 0 < large["time"] < 30
        assert running.state["bytes"] == 68 + 11 + LARGE
        wrong = scan(running, pieces(bytes(LARGE)), ("app1", "wrong"))
        assert wrong.status_code == 401
        process.terminate()
        process.wait(30)
        assert requests.get(f"{running.url}/check", timeout=10).status_code == 503
        assert scan(running, EICAR).status_code == 500
