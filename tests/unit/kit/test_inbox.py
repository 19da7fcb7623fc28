"""The inbox's client, on a scripted API and a clock that only waiting moves."""

from __future__ import annotations

import io
import json
import re
from email.message import Message as Headers
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlsplit

import pytest

from loadproof.errors import UsageError

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    import locust

    from loadproof.kit.inbox import Inbox, InboxError, Message
    from loadproof.kit.polling import PollTimeout


class Api:
    """In the place of urllib's opener: a list of mails, each there from a time on."""

    def __init__(self):
        self.now = 0.0
        self.takes = 0.0
        self.mails = []
        self.requests = []
        self.script = []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def add(self, identifier, to="anna@test.com", subject="Verify your email", at=0.0, **bodies):
        text, html = bodies.get("text", ""), bodies.get("html", "")
        summary = {"ID": identifier, "Subject": subject, "From": {"Address": "shop@test.com"}, "To": [{"Address": to}]}
        self.mails.insert(0, (at, summary, {**summary, "Text": text, "HTML": html}))

    def open(self, request, timeout):  # noqa: ARG002 - urllib's
        self.now += self.takes
        self.requests.append((request.method, request.full_url.removeprefix("http://mail:8025"), request.data))
        if self.script and (answer := self.script.pop(0)) is not None:
            if isinstance(answer, Exception):
                raise answer
            return io.BytesIO(answer)
        parts = urlsplit(request.full_url)
        if request.method == "DELETE":
            return io.BytesIO(b"ok")
        there = [(summary, whole) for at, summary, whole in self.mails if at <= self.now]
        if parts.path.startswith("/api/v1/message/"):
            return io.BytesIO(json.dumps(next(w for s, w in there if s["ID"] == parts.path.split("/")[-1])).encode())
        words = parse_qs(parts.query).get("query", ["to:"])[0].removeprefix("to:").strip('"')
        found = [summary for summary, _ in there if words in summary["To"][0]["Address"].lower()]
        return io.BytesIO(json.dumps({"messages": found}).encode())


@pytest.fixture
def api(monkeypatch):
    scripted = Api()
    monkeypatch.setattr("loadproof.kit.polling.monotonic", scripted.monotonic)
    monkeypatch.setattr("gevent.sleep", scripted.sleep)
    return scripted


@pytest.fixture
def inbox(api):
    client = Inbox("http://mail:8025/")
    client._opener = api
    return client


@pytest.fixture
def entries():
    """What was recorded: type, name, milliseconds, failure."""
    fired = []

    def listen(request_type, name, response_time, exception, **_):
        fired.append((request_type, name, response_time, None if exception is None else str(exception)))

    locust.events.request.add_listener(listen)
    yield fired
    locust.events.request.remove_listener(listen)


def found(mails):
    return [mail.identifier for mail in mails]


def test_a_search_by_recipient_takes_exact_addresses_only(api, inbox):
    api.add("1", to="joanna@test.com")
    api.add("2", to="Anna@test.com")
    api.add("3", to="anna@test.com.example")
    assert found(inbox.search(to="anna@test.com")) == ["2"]
    assert api.requests == [("GET", "/api/v1/search?query=to%3Aanna%40test.com&limit=50", None)]


def test_a_search_takes_a_pattern_for_the_subject(api, inbox):
    api.add("1", subject="Verify your email")
    api.add("2", subject="Reset your password")
    assert found(inbox.search(subject="^verify")) == ["1"]
    assert found(inbox.search(subject=re.compile("verify"))) == []
    assert found(inbox.search(subject=re.compile("pass|mail$"))) == ["2", "1"]
    assert found(inbox.search(to="anna@test.com", subject="password")) == ["2"]
    assert found(inbox.list(limit=7)) == ["2", "1"]
    assert api.requests[-1][1] == "/api/v1/messages?limit=7"


def test_an_address_that_needs_quotes_and_escapes_gets_them(api, inbox):
    inbox.search(to="anna+1&x=y@test.com")
    inbox.search(to="an na@test.com")
    assert [parse_qs(urlsplit(path).query)["query"] for _, path, _ in api.requests] == [
        ["to:anna+1&x=y@test.com"],
        ['to:"an na@test.com"'],
    ]


def test_a_mail_is_fetched_whole(api, inbox):
    api.add("1", text="Hello", html="<p>Hello</p>")
    mail = inbox.get(inbox.list()[0])
    assert mail == Message("1", "Verify your email", "shop@test.com", ("anna@test.com",), "Hello", "<p>Hello</p>")
    assert inbox.get("1") == mail


def test_deleting_names_ids_and_nothing_named_deletes_nothing(api, inbox):
    api.add("1")
    inbox.delete(inbox.list()[0], "7")
    inbox.delete()
    inbox.delete_all()
    deleted = [(path, json.loads(body)) for method, path, body in api.requests if method == "DELETE"]
    assert deleted == [("/api/v1/messages", {"IDs": ["1", "7"]}), ("/api/v1/messages", {"IDs": []})]


@pytest.mark.parametrize(
    ("text", "html", "pattern", "token"),
    [
        ("go to https://h/login/confirm-email?token=aaa.bbb-c_c.ddd now", "", None, "aaa.bbb-c_c.ddd"),
        ("https://h/x?user=1&token=abc\n", "?token=other", None, "abc"),
        ("no link here", '<a href="https://h/x?user=1&amp;token=abc">', None, "abc"),
        ("Your code is 123456.", "", r"\b\d{6}\b", "123456"),
        ("Your code is 123456.", "", re.compile(r"CODE is (\d+)", re.IGNORECASE), "123456"),
    ],
)
def test_a_token_is_taken_from_the_text_else_from_the_html(text, html, pattern, token):
    mail = Message("1", "s", "f", ("t",), text, html)
    assert (mail.token() if pattern is None else mail.token(pattern)) == token


def test_a_mail_without_a_token_is_an_error_that_names_mail_and_pattern():
    with pytest.raises(InboxError, match="nothing in the mail 'Welcome' matches") as raised:
        Message("1", "Welcome", "f", ("t",), "Hello", "").token()
    assert raised.value.slug == "no-token-in-mail"


def test_waiting_for_a_mail_is_one_entry_with_its_true_duration(api, inbox, entries):
    api.takes = 0.2
    api.add("1", text="?token=abc", at=3.0)
    api.add("2", to="joanna@test.com")
    mail = inbox.wait_for(to="anna@test.com", subject="verify", name="verification mail")
    assert mail.token() == "abc"
    assert entries == [("MAIL", "verification mail", pytest.approx(api.now * 1000), None)]
    assert 3.2 <= api.now <= 4.2
    assert len(api.requests) > 3  # none of which is an entry


def test_the_newest_of_several_mails_is_taken(api, inbox):
    api.add("1")
    api.add("2")
    assert inbox.wait_for(to="anna@test.com").identifier == "2"


def test_a_mail_that_does_not_come_is_a_failure_with_the_time_that_was_waited(api, inbox, entries):
    api.takes = 0.25
    with pytest.raises(PollTimeout, match="not there within 10 s"):
        inbox.wait_for(to="anna@test.com", timeout=10)
    assert entries == [("MAIL", "mail", pytest.approx(api.now * 1000), "not there within 10 s")]
    assert 10 <= api.now <= 10.5


def test_a_wait_without_a_name_is_in_no_statistics(api, inbox, entries):
    api.add("1")
    inbox.wait_for(to="anna@test.com", name=None)
    with pytest.raises(PollTimeout):
        inbox.wait_for(to="bert@test.com", name=None)
    assert entries == []


def refused():
    return URLError(ConnectionRefusedError(111, "Connection refused"))


def test_an_inbox_that_comes_back_in_time_is_no_failure(api, inbox, entries):
    api.script = [refused(), HTTPError("", 502, "", Headers(), io.BytesIO())]
    api.add("1")
    assert inbox.wait_for(to="anna@test.com").identifier == "1"
    assert [(kind, failure) for kind, _, _, failure in entries] == [("MAIL", None)]


def test_an_inbox_that_stays_away_is_named_instead_of_the_mail(api, inbox, entries):
    api.script = [refused() for _ in range(99)]
    with pytest.raises(InboxError, match="the inbox at http://mail:8025 does not answer: Connection refused"):
        inbox.wait_for(to="anna@test.com", timeout=3)
    assert entries[0][3].startswith("the inbox at http://mail:8025 does not answer: Connection refused (is it running")
    assert entries[0][3].endswith("[inbox]")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (HTTPError("", 404, "", Headers(), io.BytesIO()), "answered 404 to /api/v1/messages"),
        (b"<html>", "does not answer /api/v1/messages as Mailpit does"),
        (b"[]", "does not answer /api/v1/messages as Mailpit does"),
        (TimeoutError(), "does not answer: TimeoutError"),
    ],
)
def test_what_is_no_mailpit_is_said(api, inbox, answer, said):
    api.script = [answer]
    with pytest.raises(InboxError, match=said):
        inbox.list()


@pytest.mark.parametrize("answer", [b"{}", b'{"messages": null}', b'{"messages": [3]}'])
def test_an_answer_without_mails_has_none(api, inbox, answer):
    api.script = [answer]
    assert inbox.list() == ()


def test_a_mail_without_recipients_or_sender_is_still_a_mail(api, inbox):
    api.script = [b'{"messages": [{"ID": "1", "To": null, "From": null, "Subject": "s"}]}']
    assert inbox.list() == (Message("1", "s", "", ()),)


@pytest.mark.parametrize(
    "url", ["localhost:8025", "ftp://x", "http://", "http://[::1", "http://u:s3cret@x", "http://a b"]
)
def test_an_address_that_cannot_be_right_is_refused_at_once(url):
    with pytest.raises(UsageError, match="such as http://localhost:8025") as raised:
        Inbox(url)
    assert "s3cret" not in str(raised.value)
