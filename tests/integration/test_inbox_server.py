"""The embedded inbox as a process: mails in by SMTP, out by Mailpit's API and the kit's client."""

from __future__ import annotations

import csv
import http.client
import json
import re
import signal
import smtplib
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest
from service import Handler, Service

import commandline

MODULE = "loadproof.kit.servers.inbox"


@contextmanager
def inbox(*options):
    """An inbox; it must end quietly when its stdin closes."""
    command = [sys.executable, "-m", MODULE, "--port", "0", "--smtp-port", "0", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            announced = json.loads(process.stdout.readline())
            process.port, process.smtp_port = announced["port"], announced["smtp_port"]
            yield process
            out, err = process.communicate(timeout=10)
            assert (process.returncode, out, err) == (0, b"", b"")
        finally:
            process.kill()


def ask(process, path, method="GET", body=None, **headers):
    with closing(http.client.HTTPConnection("127.0.0.1", process.port, timeout=10)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read().decode()
        return answer.status, json.loads(content) if "json" in answer.headers["Content-Type"] else content


def mail(to="anna@test.com", subject="Verify your email", text="Hello", html=None):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Shop <shop@test.com>", to, subject
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message


def send(process, *messages):
    with smtplib.SMTP("127.0.0.1", process.smtp_port, timeout=10) as smtp:
        for message in messages:
            smtp.send_message(message)


def subjects(answer):
    return [entry["Subject"] for entry in answer[1]["messages"]]


def test_a_mail_that_is_sent_is_listed_found_shown_and_deleted():
    with inbox() as process:
        link = f"https://host/login/confirm-email?token={'a' * 200}.b.c"
        send(process, mail(text=f"Go to {link}", html=f'<a href="{link}">verify</a>'), mail("joanna@test.com", "Other"))
        status, listed = ask(process, "/api/v1/messages")
        assert (status, listed["total"], listed["count"]) == (200, 2, 2)
        assert subjects((status, listed)) == ["Other", "Verify your email"]
        assert subjects(ask(process, "/api/v1/messages?limit=1")) == ["Other"]
        assert subjects(ask(process, "/api/v1/messages?start=1&limit=5")) == ["Verify your email"]
        found = ask(process, f"/api/v1/search?query={quote('to:anna@test.com')}&limit=50")
        assert subjects(found) == ["Other", "Verify your email"]  # as Mailpit: a part of an address is enough
        quoted = quote('to:"joanna@test.com" subject:other from:shop')
        assert subjects(ask(process, f"/api/v1/search?query={quoted}")) == ["Other"]
        entry = listed["messages"][1]
        assert entry["From"] == {"Name": "Shop", "Address": "shop@test.com"}
        status, whole = ask(process, f"/api/v1/message/{entry['ID']}")
        assert (status, whole["Text"].strip()) == (200, f"Go to {link}")
        assert link in whole["HTML"]
        assert ask(process, "/api/v1/message/nope") == (404, "message not found")
        assert ask(process, "/api/v1/info")[1]["Messages"] == 2
        assert ask(process, "/api/v1/messages", "DELETE", json.dumps({"ids": [entry["ID"]]})) == (200, "ok")
        assert subjects(ask(process, "/api/v1/messages")) == ["Other"]
        assert ask(process, "/api/v1/messages", "DELETE", b"oops")[0] == 400
        assert ask(process, "/api/v1/messages", "DELETE") == (200, "ok")
        assert ask(process, "/api/v1/messages")[1]["total"] == 0


def test_other_methods_and_paths_are_refused():
    with inbox() as process:
        assert ask(process, "/api/v1/messages", "POST", b"x")[0] == 405
        assert ask(process, "/api/v1/tags")[0] == 404
        too_large = {"Content-Length": "1000001"}  # announced alone: it is refused before it is sent
        assert ask(process, "/api/v1/messages", "DELETE", **too_large)[0] == 413


def test_the_page_shows_mails_as_text_whatever_they_hold():
    with inbox() as process:
        send(process, mail(subject="<script>alert(1)</script>", text="<img src=x onerror=alert(2)>"))
        status, page = ask(process, "/")
        assert status == 200
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "&lt;img src=x" in page
        assert "<script" not in page
        assert "<img" not in page
        assert "anna@test.com" in page


def test_only_the_last_mails_are_kept():
    with inbox("--max-messages", "3") as process:
        send(process, *(mail(subject=f"mail {number}") for number in range(7)))
        assert subjects(ask(process, "/api/v1/messages")) == ["mail 6", "mail 5", "mail 4"]
        assert ask(process, "/api/v1/info")[1]["RuntimeStats"] == {"SMTPAccepted": 7, "MessagesGivenUp": 4}


def test_a_mail_that_is_too_large_is_refused_and_the_next_one_is_taken():
    with inbox() as process:
        with pytest.raises(smtplib.SMTPException):
            send(process, mail(text="x" * 70 + ("\n" + "x" * 70) * 150_000))
        send(process, mail())
        assert ask(process, "/api/v1/messages")[1]["total"] == 1


def test_many_who_send_and_read_at_once_lose_nothing():
    with inbox() as process:
        reads = []

        def work(number):
            for turn in range(5):
                send(process, mail(f"user-{number}@test.com", f"mail {number}.{turn}"))
                reads.append(ask(process, f"/api/v1/search?query=to:user-{number}@test.com&limit=50"))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(10, 22)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(reads) == 60
        assert {status for status, _ in reads} == {200}
        assert ask(process, "/api/v1/messages")[1]["total"] == 60
        assert len(ask(process, "/api/v1/search?query=to:user-15@test.com")[1]["messages"]) == 5


def test_it_ends_on_sigterm_and_not_on_the_ctrl_c_that_ends_the_run():
    with inbox() as process:
        process.send_signal(signal.SIGINT)
        assert ask(process, "/api/v1/info")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def start(*options, code=None):
    command = [sys.executable, "-m", MODULE] if code is None else [sys.executable, "-c", code]
    return subprocess.run(
        [*command, *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=20
    )


def test_taken_ports_are_said():
    with inbox() as process:
        taken = start("--port", str(process.port), "--smtp-port", "0")
        assert (taken.returncode, taken.stdout) == (3, "")
        assert f"cannot listen on 127.0.0.1:{process.port}: Address already in use" in taken.stderr
        taken = start("--port", "0", "--smtp-port", str(process.smtp_port))
        assert (taken.returncode, taken.stdout) == (3, "")
        assert f"cannot listen on 127.0.0.1:{process.smtp_port}: " in taken.stderr
        assert "[server-port]" in taken.stderr
    assert start("--max-messages", "0").returncode == 2


def test_without_aiosmtpd_it_says_how_to_install_it():
    code = "import sys; sys.modules['aiosmtpd'] = None\nfrom loadproof.kit.servers.inbox import main\nsys.exit(main(sys.argv[1:]))"
    ended = start("--port", "0", "--smtp-port", "0", code=code)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == (
        "the embedded inbox takes mail by aiosmtpd, which is not installed (pip install 'loadproof[targets]') "
        "[missing-extra]\n"
    )


LOCUSTFILE = """
import os, smtplib, threading, time
from email.message import EmailMessage
from locust import HttpUser, constant, task
from loadproof.kit.inbox import Inbox
from loadproof.kit.polling import flow

inbox = Inbox(os.environ["INBOX"])

def send(to):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@test.com", to, "Verify your email"
    message.set_content(f"https://host/x?token=token-of-{to.split('@')[0]}")
    time.sleep(0.4)
    with smtplib.SMTP("127.0.0.1", int(os.environ["SMTP"])) as smtp:
        smtp.send_message(message)

class Newcomer(HttpUser):
    wait_time = constant(0)

    @task
    def verify(self):
        name = f"user-{id(self)}-{time.monotonic_ns()}"
        self.client.get("/ok", name="register")
        threading.Thread(target=send, args=(f"{name}@test.com",)).start()
        mail = inbox.wait_for(to=f"{name}@test.com", subject="verify", interval=0.1, name="verification")
        assert mail.token() == f"token-of-{name}"
        inbox.delete(mail)
        with flow("registration"):
            inbox.wait_for(to=f"nobody-{name}@test.com", timeout=0.3, interval=0.1, name="never")
        self.client.get("/ok", name="verify")
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "words", [pytest.param(("locust",), marks=pytest.mark.long), ("loadproof", "run")], ids=["locust", "loadproof_run"]
)
def test_a_locustfile_waits_for_its_mails_and_only_the_waits_are_entries(tmp_path, service, words):
    (tmp_path / "load.py").write_text(LOCUSTFILE)
    host = f"http://127.0.0.1:{service.server_port}"
    options = ("-f", "load.py", "--headless", "-u", "2", "-r", "2", "-t", "4s", "-H", host, "--csv", "stats")
    with inbox() as process:
        addresses = {"INBOX": f"http://127.0.0.1:{process.port}", "SMTP": str(process.smtp_port)}
        program, *command = words
        running = commandline.start(tmp_path, *command, *options, "--stop-timeout", "5", program=program, **addresses)
        ended = commandline.end(running, tmp_path)
    assert "Traceback" not in ended.err
    with (tmp_path / "stats_stats.csv").open() as file:
        rows = {(row["Type"], row["Name"]): row for row in csv.DictReader(file)}
    assert set(rows) == {
        *(("GET", "register"), ("GET", "verify")),
        *(("MAIL", "verification"), ("MAIL", "never"), ("FLOW", "registration"), ("", "Aggregated")),
    }
    arrived, never, registered = (
        rows[key] for key in (("MAIL", "verification"), ("MAIL", "never"), ("FLOW", "registration"))
    )
    assert int(arrived["Request Count"]) >= 2
    assert arrived["Failure Count"] == "0"
    assert float(arrived["Min Response Time"]) >= 400
    assert int(never["Request Count"]) == int(never["Failure Count"]) == int(registered["Failure Count"]) >= 1
    assert float(never["Min Response Time"]) >= 300


class Registration(Handler):
    """Mails a link to who registers, and knows its token again."""

    def _decide(self, body):
        form = json.loads(body)
        if self.path == "/account/register":
            link = f"https://host/login/confirm-email?token=token-of-{form['email'].split('@')[0]}"
            send(self.server.inbox, mail(form["email"], text=f"Welcome! {link}"))
            return 201, b"{}"
        return (200, b"{}") if form["token"].startswith("token-of-perf-") else (400, b"{}")


@pytest.mark.long
def test_the_example_of_the_manual_runs_with_the_embedded_inbox(tmp_path):
    page = (Path(__file__).parents[2] / "docs/kit.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n# inbox\.py\n(.*?)```", page, re.DOTALL)[1]
    server = Service()
    server.RequestHandlerClass = Registration
    with inbox() as process:
        server.inbox = process
        (tmp_path / "load.py").write_text(example.replace("http://127.0.0.1:8025", f"http://127.0.0.1:{process.port}"))
        ended = commandline.loadproof(tmp_path, "run", "load.py", "-H", server.url, "-u", "2", "-r", "9", "-t", "3s")
    server.close()
    assert ended.code == 0, ended.out + ended.err
    entries = {(row["method"], row["name"]): row for row in ended.metrics["endpoints"]}
    requests = {("POST", "register"), ("POST", "verify")}
    assert set(entries) == requests | {("MAIL", "verification mail"), ("FLOW", "registration")}
    assert entries["MAIL", "verification mail"]["requests"] >= 2
    assert sum(entries[key]["requests"] for key in requests) == ended.metrics["total_requests"]
