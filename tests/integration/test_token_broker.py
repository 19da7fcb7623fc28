"""The token broker as a process, between an issuer and many workers."""

from __future__ import annotations

import base64
import csv
import http.client
import json
import os
import pty
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fake_issuer import LONG_LIVED, Issuer

import commandline
from loadproof.kit.servers.keeper import expiry_of, fingerprint
from loadproof.kit.tokens import BrokerTokens, TokenError

MODULE = "loadproof.kit.servers.broker"
UNSET = ("OCM_OFFLINE_TOKEN", "LOADPROOF_BROKER_SECRET", "LOADPROOF_ISSUER_URL", "HTTP_PROXY", "http_proxy")


def environment(**more):
    return {name: value for name, value in os.environ.items() if name not in UNSET} | more


@pytest.fixture
def issuer():
    server = Issuer()
    yield server
    server.shutdown()
    server.server_close()


@contextmanager
def broker(issuer, *options, **variables):
    """A broker of the issuer; ``said`` holds its output once it has ended."""
    command = [sys.executable, "-m", MODULE, "--port", "0", "--issuer-url", issuer.url, *options]
    variables = {"OCM_OFFLINE_TOKEN": LONG_LIVED} | variables
    with subprocess.Popen(
        command, env=environment(**variables), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            process.port = json.loads(process.stdout.readline())["port"]
            process.url = f"http://127.0.0.1:{process.port}"
            yield process
            out, err = process.communicate(timeout=10)
            process.said = (out + err).decode()
            assert process.returncode == 0
            assert "s3cret" not in process.said
            assert "Traceback" not in process.said
        finally:
            process.kill()


def ask(process, path="/ocm_token", method="GET", body=None, **headers):
    with closing(http.client.HTTPConnection("127.0.0.1", process.port, timeout=10)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers


class GuardedHandler(BaseHTTPRequestHandler):
    """Lets in who shows a token; gives out pairs whose refresh token counts once."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        self.reply(self.server.look(self.path, self.headers.get("Authorization", "")), {"name": "anna"})

    def do_POST(self):
        form = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply(*self.server.pair(form, self.headers.get("Authorization")))

    def reply(self, status, document=None):
        payload = json.dumps(document or {}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args):
        pass


class Guarded(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), GuardedHandler)
        self.lock = threading.Lock()
        self.paths = Counter()
        self.expired = self.refused = self.logins = 0
        self.revoked = self.refresh = None
        self.password = "pass"

    def look(self, path, authorization):
        token = authorization.removeprefix("Bearer ")
        with self.lock:
            self.paths[path] += 1
            if path == "/broker" and self.paths[path] == 20:
                self.revoked = token
            if token == self.revoked:
                self.refused += 1
                return 401
            if (expiry_of(token) or 0) < time.time():
                self.expired += 1
                return 401
        return 200

    def pair(self, form, authorization):
        with self.lock:
            right = form.get("password") == self.password or (form.get("refresh") == self.refresh is not None)
            if not right or authorization is not None:
                return 401, None
            self.logins += 1
            self.refresh = f"refresh-{self.logins}"
            claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + 3, "n": self.logins}).encode()).decode()
            return 200, {"access": f"e30.{claims.rstrip('=')}.sig", "refresh": self.refresh}


@contextmanager
def guarded():
    server = Guarded()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def refused_start(*options, **variables):
    command = [sys.executable, "-m", MODULE, "--port", "0", *options]
    return subprocess.run(
        command, env=environment(**variables), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=20
    )  # fmt: skip


def until(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_trades_the_long_lived_token_for_a_short_lived_one(issuer):
    with broker(issuer, "--client-id", "my-client") as process:
        status, token, headers = ask(process)
        assert (status, headers["Content-Type"], token) == (200, "text/plain; charset=utf-8", issuer.tokens[0])
        assert headers["Cache-Control"] == "no-store"
        assert expiry_of(token) == pytest.approx(time.time() + 60, abs=5)
        form = {"grant_type": "refresh_token", "client_id": "my-client", "refresh_token": LONG_LIVED}
        assert issuer.forms == [form]
        state = json.loads(ask(process, "/health")[1])
        assert (state["status"], state["token"], state["renewals"]) == ("ok", "valid", 1)
        assert 40 < state["token_left_s"] <= 60


def test_the_client_id_is_that_of_the_cloud_services_by_default(issuer):
    with broker(issuer) as process:
        ask(process)
        assert issuer.forms[0]["client_id"] == "cloud-services"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_not_supported(issuer, method):
    with broker(issuer) as process:
        status, text, headers = ask(process, method=method, body=b"refresh_token=x")
        assert (status, text, headers["Allow"]) == (405, "Method is not supported.", "GET")
        assert ask(process, method="HEAD")[:2] == (405, "")
        assert issuer.forms == []


def test_other_paths_are_not_found(issuer):
    with broker(issuer) as process:
        assert ask(process, "/")[0] == 404
        assert ask(process, "/ocm_tokens")[0] == 404
        assert ask(process, "/ocm_token?x=1")[0] == 200


def test_twenty_workers_that_ask_together_cause_one_call_for_each_life_of_a_token(issuer):
    issuer.lifetime, issuer.takes = 2.0, 0.2
    started, seconds = time.monotonic(), 5.0
    got, worst = [], []

    def worker(process):
        with closing(http.client.HTTPConnection("127.0.0.1", process.port, timeout=10)) as connection:
            while time.monotonic() < started + seconds:
                connection.request("GET", "/ocm_token")
                answer = connection.getresponse()
                token = answer.read().decode()
                worst.append(expiry_of(token) - time.time())
                got.append((answer.status, token))
                time.sleep(0.02)

    with broker(issuer, "--leeway", "0.5") as process:
        started = time.monotonic()
        threads = [threading.Thread(target=worker, args=(process,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert {status for status, _ in got} == {200}
    assert len({token for _, token in got}) == len(issuer.forms)
    # A token is renewed after 1.5 s: 4 in 5 s, one more where the machine is slow to ask.
    assert 3 <= len(issuer.forms) <= 5
    assert sum(left <= 0 for left in worst) <= len(worst) / 100  # a worker may be stopped while it reads one


def test_the_issuer_may_be_down_for_three_seconds(issuer):
    issuer.lifetime, issuer.takes = 2.0, 0.0
    with broker(issuer, "--leeway", "0.5") as process:
        assert ask(process)[0] == 200
        issuer.down = True
        calls = len(issuer.forms)
        seen = []
        down_until = time.monotonic() + 3
        while time.monotonic() < down_until:
            status, text, headers = ask(process)
            seen.append(status)
            if status == 503:
                assert text.startswith("No token: the issuer http://127.0.0.1:")
                assert "answered 503 temporarily_unavailable: it is down or busy" in text
                assert int(headers["Retry-After"]) >= 1
            time.sleep(0.02)
        issuer.down = False
        # Valid until it expired, then honestly none; and the issuer was left in peace.
        assert seen == sorted(seen)
        assert set(seen) == {200, 503}
        assert 1 <= len(issuer.forms) - calls <= 5
        until(lambda: ask(process)[0] == 200)


def test_a_stale_long_lived_token_is_said_clearly_and_the_issuer_is_not_pestered(issuer):
    issuer.valid = "another"
    with broker(issuer) as process:
        answers = [ask(process) for _ in range(30)]
        assert {status for status, _, _ in answers} == {503}
        assert "invalid_grant: the long-lived token has expired or was revoked; get a new one" in answers[0][1]
        assert int(answers[0][2]["Retry-After"]) > 1
        assert len(issuer.forms) == 1
        assert "invalid_grant" in json.loads(ask(process, "/health")[1])["last_failure"]
        assert "s3cret" not in answers[0][1] + ask(process, "/health")[1]


def test_an_issuer_that_is_not_there_is_said_clearly(issuer):
    with broker(issuer, "--issuer-url", "http://127.0.0.1:9/token") as process:
        status, text, _ = ask(process)
        assert status == 503
        assert text == "No token: the issuer http://127.0.0.1:9/token cannot be reached: Connection refused."


def test_a_rotated_refresh_token_is_used_from_then_on(issuer):
    issuer.rotates, issuer.lifetime = True, 0.4
    with broker(issuer) as process:
        until(lambda: ask(process)[0] == 200 and len(issuer.forms) >= 3)
        used = [form["refresh_token"] for form in issuer.forms[:3]]
        assert used == [LONG_LIVED, "rotated-s3cret-1", "rotated-s3cret-2"]


def test_a_rotated_token_that_was_lost_gives_way_to_the_one_it_came_from(issuer):
    issuer.rotates, issuer.lifetime = True, 0.4
    with broker(issuer) as process:
        assert ask(process)[0] == 200
        issuer.valid, issuer.rotates = LONG_LIVED, False
        until(lambda: ask(process)[1] == issuer.tokens[-1] and len(issuer.tokens) >= 2)
        used = [form["refresh_token"] for form in issuer.forms[:3]]
        assert used == [LONG_LIVED, "rotated-s3cret-1", LONG_LIVED]


def test_without_exp_the_life_of_a_token_is_what_the_answer_says(issuer):
    issuer.without_exp = True
    with broker(issuer) as process:
        assert ask(process)[0] == 200
        assert 40 < json.loads(ask(process, "/health")[1])["token_left_s"] <= 60


def test_a_token_of_unknown_life_is_an_error_that_says_so(issuer):
    issuer.without_exp = issuer.without_expires_in = True
    with broker(issuer) as process:
        status, text, _ = ask(process)
        assert status == 503
        assert "does not say when it expires: it has no exp, and the answer no expires_in" in text


def test_no_secret_is_in_the_command_line_or_in_any_output(issuer, tmp_path):
    file = tmp_path / "offline"
    file.write_text(f"{LONG_LIVED}\n")
    issuer.rotates = True
    options = ("--token-file", str(file))
    with broker(issuer, *options, OCM_OFFLINE_TOKEN="", LOADPROOF_BROKER_SECRET="shared-s3cret") as process:
        assert ask(process)[0] == 401
        assert ask(process, **{"X-Loadproof-Broker-Secret": "wrong"})[0] == 401
        status, token, _ = ask(process, **{"X-Loadproof-Broker-Secret": "shared-s3cret"})
        assert status == 200
        assert ask(process, "/health")[0] == 200
        command_line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert b"s3cret" not in command_line
        assert b"--token-file" in command_line
    assert token not in process.said
    assert "broker: new token, good for 60 s" in process.said


def test_off_loopback_it_does_not_start_without_a_shared_secret(issuer):
    variables = {"OCM_OFFLINE_TOKEN": LONG_LIVED}
    ended = refused_start("--host", "0.0.0.0", "--issuer-url", issuer.url, **variables)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "--host 0.0.0.0: other machines could fetch tokens here, and there is no shared secret (export "
        "LOADPROOF_BROKER_SECRET for the broker and for all that load it, or listen on 127.0.0.1) [broker-secret]\n"
    )


def test_without_a_long_lived_token_it_does_not_start(issuer, tmp_path):
    ended = refused_start("--issuer-url", issuer.url)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("OCM_OFFLINE_TOKEN: there is no long-lived token (export OCM_OFFLINE_TOKEN, or name")
    missing = refused_start("--issuer-url", issuer.url, "--token-file", str(tmp_path / "none"))
    assert missing.returncode == 2
    assert "the file cannot be read: No such file or directory" in missing.stderr
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert refused_start("--issuer-url", issuer.url, "--token-file", str(tmp_path / "binary")).returncode == 2
    words = refused_start("--issuer-url", issuer.url, OCM_OFFLINE_TOKEN="two s3cret-words")
    assert words.returncode == 2
    assert "s3cret" not in words.stderr


def test_the_long_lived_token_cannot_be_given_on_the_command_line():
    ended = refused_start("--token", "s3cret")
    assert ended.returncode == 2
    assert "unrecognized arguments" in ended.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "nothing says where short-lived tokens come from"),
        ("issuer/token", "this is no address of the form https://host/path"),
        ("ftp://issuer/token", "this is no address of the form https://host/path"),
        ("https://user:pass@issuer/token", "this is no address of the form https://host/path"),
        ("http://[::1/token", "this is no address"),
        ("http://issuer.example/token", "the long-lived token would travel to issuer.example in clear"),
    ],
)
def test_an_issuer_that_cannot_be_right_stops_the_start(url, said):
    options = [] if url is None else ["--issuer-url", url]
    ended = refused_start(*options, OCM_OFFLINE_TOKEN=LONG_LIVED)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "[broker-start]" in ended.stderr


def test_the_long_lived_token_may_name_its_issuer(issuer):
    claims = base64.urlsafe_b64encode(json.dumps({"iss": f"http://127.0.0.1:{issuer.server_port}/realm"}).encode())
    issuer.valid = f"e30.{claims.decode().rstrip('=')}.sig"
    command = [sys.executable, "-m", MODULE, "--port", "0"]
    variables = environment(OCM_OFFLINE_TOKEN=issuer.valid)
    with subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # fmt: skip
        process.port = json.loads(process.stdout.readline())["port"]
        assert ask(process)[:2] == (200, issuer.tokens[0])
        process.communicate(timeout=10)


def test_a_taken_port_is_said_on_stderr(issuer):
    with broker(issuer) as process:
        second = refused_start("--issuer-url", issuer.url, "--port", str(process.port), OCM_OFFLINE_TOKEN=LONG_LIVED)
    assert second.returncode == 3
    assert f"cannot listen on 127.0.0.1:{process.port}: Address already in use" in second.stderr
    assert "[server-port]" in second.stderr


def test_it_ends_on_sigterm_and_not_on_the_ctrl_c_that_ends_the_run(issuer):
    with broker(issuer) as process:
        process.send_signal(signal.SIGINT)
        assert ask(process)[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_ctrl_c_at_its_own_terminal_ends_it_quietly(issuer):
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", MODULE, "--port", "0", "--issuer-url", issuer.url]
    variables = environment(OCM_OFFLINE_TOKEN=LONG_LIVED)
    with subprocess.Popen(command, env=variables, stdin=follower, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # fmt: skip
        process.port = json.loads(process.stdout.readline())["port"]
        assert ask(process, "/health")[0] == 200
        process.send_signal(signal.SIGINT)
        assert (process.wait(10), process.stdout.read(), process.stderr.read()) == (0, b"", b"")
    os.close(leader)
    os.close(follower)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--port", "99999"), "'99999' is no port: a whole number from 0 to 65535, 0 for a free one"),
        (("--leeway", "-3"), "'-3' is no number of seconds from 0.1 to 86400"),
        (("--timeout", "soon"), "'soon' is no number of seconds from 0.1 to 86400"),
    ],
)
def test_bad_values_are_said_in_words(options, said):
    ended = refused_start(*options)
    assert ended.returncode == 2
    assert said in ended.stderr


def test_an_issuer_whose_certificate_nobody_vouches_for_gets_no_token(issuer, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*words, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    issuer.socket = context.wrap_socket(issuer.socket, server_side=True)
    secure = issuer.url.replace("http:", "https:")
    with broker(issuer, "--issuer-url", secure) as process:
        status, text, _ = ask(process)
        assert status == 503
        assert "cannot be reached: " in text
        assert "certificate" in text
        assert issuer.forms == []
    with broker(issuer, "--issuer-url", secure, SSL_CERT_FILE=str(certificate)) as process:
        assert ask(process)[0] == 200


def test_what_workers_of_the_later_version_leave_is_kept_in_files(issuer, tmp_path):
    folder = tmp_path / "left"
    with broker(issuer, "--folder", str(folder)) as process:
        for number in range(3):
            assert ask(process, "/write_kafka_id", "POST", json.dumps({"kafkaId": f"k{number}"}))[:2] == (204, "")
        assert ask(process, "/write_svc_acc_id", "POST", json.dumps({"serviceAccountId": "s1"}))[0] == 204
        config = {"bootstrapURL": "broker:443", "username": "u", "password": 'p"w'}
        assert ask(process, "/write_kafka_config", "POST", json.dumps(config))[0] == 204
        elected = [ask(process, "/kafka_create_container_id", "POST", json.dumps({"containerId": c})) for c in "abc"]
        assert [(status, text) for status, text, _ in elected] == [(200, "a")] * 3
        assert ask(process, "/write_kafka_id", "GET")[:2] == (405, "Method is not supported.")
        for body in (b"", b"[]", b'{"kafkaId": 3}', b'{"kafkaId": "a\\nb"}', b'{"kafkaId": ""}', b"\xff"):
            assert ask(process, "/write_kafka_id", "POST", body)[0] == 400
        assert ask(process, "/write_kafka_id", "POST", **{"Content-Length": "1000001"})[0] == 413  # before it is sent
    assert (folder / "kafkas.txt").read_text() == "k0\nk1\nk2\n"
    assert (folder / "service_accounts.txt").read_text() == "s1\n"
    assert (folder / "config.txt").read_text() == '---\nbootstrapURL: "broker:443"\nusername: "u"\npassword: "p\\"w"\n'
    assert (folder / "config.txt").stat().st_mode & 0o777 == 0o600


def test_without_a_folder_nothing_is_kept_and_the_answer_says_so(issuer):
    with broker(issuer) as process:
        answer = ask(process, "/write_kafka_id", "POST", json.dumps({"kafkaId": "k"}))
        assert answer[:2] == (503, "The broker keeps no files: start it with --folder.")


def test_a_token_that_the_service_refused_is_renewed_once_for_all_workers(issuer):
    with broker(issuer) as process:
        first = ask(process)[1]
        refused = {"X-Loadproof-Refused": fingerprint(first)}
        again = [ask(process, **refused)[1] for _ in range(20)]
        assert set(again) == {issuer.tokens[1]}
        assert len(issuer.forms) == 2
        issuer.down = True  # and the word of one worker takes the token from nobody
        assert ask(process, **{"X-Loadproof-Refused": fingerprint(again[0])})[:2] == (200, again[0])


def test_providers_of_twenty_workers_get_their_tokens_here(issuer):
    with broker(issuer, LOADPROOF_BROKER_SECRET="shared-s3cret") as process:
        providers = [BrokerTokens(process.url, secret="shared-s3cret") for _ in range(20)]
        values = []
        threads = [threading.Thread(target=lambda p=p: values.append(p.value())) for p in providers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert values == [f"Bearer {issuer.tokens[0]}"] * 20
        assert len(issuer.forms) == 1
        with pytest.raises(TokenError, match="answered 401: its shared secret belongs into LOADPROOF_BROKER_SECRET"):
            BrokerTokens(process.url, secret="wrong").value()
        with pytest.raises(TokenError, match="answered 404: is this its /ocm_token"):
            BrokerTokens(f"{process.url}/token", secret="shared-s3cret").value()


def test_a_provider_gives_up_after_its_attempts_and_says_what_the_broker_said(issuer):
    issuer.down = True
    with broker(issuer) as process, pytest.raises(TokenError) as raised:
        BrokerTokens(process.url, attempts=2).value()
    said = str(raised.value)
    assert "answered 503: No token: the issuer http://127.0.0.1:" in said
    assert said.endswith("/health shows its state) [no-token]")
    assert 1 <= len(issuer.forms) <= 3


def test_a_provider_says_when_nothing_listens():
    with pytest.raises(TokenError, match=r"127\.0\.0\.1:9/ocm_token does not answer: Connection refused"):
        BrokerTokens("http://127.0.0.1:9", attempts=1).value()


LOCUSTFILE = """
import os
from locust import FastHttpUser, HttpUser, constant, task
from loadproof.kit.tokens import BrokerTokens, JwtPair, fetch_pair

tokens = BrokerTokens(os.environ["BROKER"], leeway=1)

class Plain(HttpUser):
    wait_time = constant(0.02)

    @task
    def look(self):
        with tokens.request(self.client, "GET", "/broker", name="plain", catch_response=True) as response:
            if response.status_code != 200:
                response.failure("not let in")

class Fast(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def look(self):
        tokens.request(self.client, "GET", "/broker", name="fast")

class Member(HttpUser):
    wait_time = constant(0.02)

    def on_start(self):
        self.pair = JwtPair(self.log_in, self.refresh, leeway=1)

    def log_in(self):
        return fetch_pair(self.client, "/pair", json={"username": "anna", "password": "pass"}, name="login")

    def refresh(self, token):
        return fetch_pair(self.client, "/refresh", json={"refresh": token}, name="refresh")

    @task
    def look(self):
        self.pair.request(self.client, "GET", "/member", name="member")
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "words", [pytest.param(("locust",), marks=pytest.mark.long), ("loadproof", "run")], ids=["locust", "loadproof_run"]
)
def test_users_stay_logged_in_over_many_tokens_and_over_one_that_is_refused(tmp_path, issuer, words):
    (tmp_path / "load.py").write_text(LOCUSTFILE)
    issuer.lifetime = 3.0
    with guarded() as service, broker(issuer, "--leeway", "1") as process:
        host = f"http://127.0.0.1:{service.server_port}"
        options = ("-f", "load.py", "--headless", "-u", "3", "-r", "3", "-t", "7s", "-H", host, "--csv", "stats")
        program, *command = words
        variables = {"BROKER": process.url, "no_proxy": "127.0.0.1"}
        running = commandline.start(tmp_path, *command, *options, program=program, **variables)
        ended = commandline.end(running, tmp_path)
    assert "Traceback" not in ended.err
    with (tmp_path / "stats_stats.csv").open() as file:
        rows = {row["Name"]: row for row in csv.DictReader(file) if row["Name"] != "Aggregated"}
    # The broker is asked by the way, and logins over the user's own client are requests.
    assert set(rows) == {"plain", "fast", "member", "login", "refresh"}
    counts = {name: int(row["Request Count"]) for name, row in rows.items()}
    failures = {name: int(row["Failure Count"]) for name, row in rows.items()}
    assert counts["login"] == 1
    assert 1 <= counts["refresh"] <= 4  # of the last seconds, Locust's file may know nothing
    # Nobody ever came with an expired token; one was refused before its time, and both its requests are recorded.
    assert service.expired == 0
    assert service.revoked
    assert 1 <= failures["plain"] + failures["fast"] <= 2
    assert failures["plain"] + failures["fast"] == service.refused
    assert failures["member"] == failures["login"] == failures["refresh"] == 0
    # A token is used for 2 s, and one of them was refused.
    assert 3 <= len(issuer.forms) <= 7
    if words[0] == "loadproof":
        in_flight = service.paths["/broker"] - counts["plain"] - counts["fast"]  # when the run ended: one for each user
        assert 0 <= in_flight <= 3  # not asked of Locust, whose last second is in no file
        assert ended.run["health"]["fallbacks"] == {}


PAGE = (Path(__file__).parents[2] / "docs/kit.md").read_text(encoding="utf-8")


def test_the_example_of_the_manual_runs(tmp_path, issuer):
    example = re.search(r"```python\n# tokens\.py\n(.*?)```", PAGE, re.DOTALL)[1]
    with guarded() as service, broker(issuer) as process:
        service.password = "tea"
        (tmp_path / "load.py").write_text(example.replace("http://127.0.0.1:8099", process.url))
        host = f"http://127.0.0.1:{service.server_port}"
        ended = commandline.loadproof(tmp_path, "run", "load.py", "-H", host, "-u", "2", "-r", "9", "-t", "2s")
    assert ended.code == 0, ended.out + ended.err
    assert {(row["method"], row["endpoint"], row["status_code"]) for row in ended.rows} == {
        ("GET", "list", "200"),
        ("GET", "look", "200"),
        ("POST", "log in", "200"),
        ("POST", "refresh", "200"),
    }
    assert service.paths["/kafkas"] > 1
    assert len(issuer.forms) == 1


@pytest.mark.long
def test_users_of_a_broker_that_is_down_fail_with_its_reason_and_hammer_nobody(tmp_path, issuer):
    issuer.down = True
    (tmp_path / "load.py").write_text(
        "import os\nfrom locust import HttpUser, task\nfrom loadproof.kit import BrokerTokens\n"
        "tokens = BrokerTokens(os.environ['BROKER'], attempts=2)\n"
        "class Plain(HttpUser):\n    @task\n    def look(self):\n        tokens.request(self.client, 'GET', '/broker')\n"
    )
    with guarded() as service, broker(issuer) as process:
        host = f"http://127.0.0.1:{service.server_port}"
        words = ("run", "load.py", "-H", host, "-u", "5", "-r", "9", "-t", "5s")
        ended = commandline.loadproof(tmp_path, *words, BROKER=process.url)
        assert service.paths == Counter()
        assert 1 <= len(issuer.forms) <= 8
    assert ended.code == 99, ended.out + ended.err
    (exception,) = ended.run["exceptions"]
    assert exception["count"] <= 50
    assert "No token: the issuer http://127.0.0.1:" in exception["message"]


@pytest.mark.parametrize("module", ["broker", "inbox", "keeper", "issuer", "process", "left_files", "mailbox"])
def test_the_servers_load_neither_gevent_nor_locust(module):
    script = (
        f"import sys, loadproof.kit.servers.{module}\n"
        "print(sorted({'gevent', 'locust', 'requests', 'pydantic', 'numpy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True, timeout=60)
    assert run.stdout == "[]\n"


def test_providers_need_neither_gevent_nor_locust():
    script = "import sys, loadproof.kit.tokens; print(sorted({'gevent', 'locust', 'requests'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True, timeout=60)
    assert run.stdout == "[]\n"
