"""Mails as they are kept and found, without any server."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from loadproof.kit.servers.inbox import _named_ids
from loadproof.kit.servers.mailbox import Mailbox, read_mail, search

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def mail(
    to="anna@test.com", subject="Verify your email", text="Hello", html=None, sender="Shop <shop@test.com>", **headers
):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    for name, value in headers.items():
        message[name] = value
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return read_mail(bytes(message), "bounce@test.com", [to], NOW)


def subjects(mails):
    return [found.subject for found in mails]


def test_a_mail_is_shown_as_mailpit_shows_it():
    kept = mail(
        to="Anna A <anna@test.com>", text="Hello\nAnna", html="<p>Hello</p>", Date="Tue, 1 Jan 2030 10:00:00 +0200"
    )
    summary, whole = kept.summary(), kept.whole()
    assert summary["From"] == {"Name": "Shop", "Address": "shop@test.com"}
    assert summary["To"] == [{"Name": "Anna A", "Address": "anna@test.com"}]
    assert (summary["Subject"], summary["Snippet"]) == ("Verify your email", "Hello Anna")
    assert (summary["Created"], summary["Attachments"]) == ("2030-01-02T03:04:05.000Z", 0)
    assert (whole["Text"], whole["HTML"]) == ("Hello\nAnna\n", "<p>Hello</p>\n")
    assert whole["Date"] == "2030-01-01T10:00:00.000+02:00"
    assert whole["ReturnPath"] == "bounce@test.com"
    assert whole["ID"] == summary["ID"] == kept.identifier
    assert len(kept.identifier) == 22


def test_words_beyond_ascii_are_decoded():
    kept = mail(subject="Bestätigen Sie, bitte: ✓", text="Grüße\n", sender='"Müller, Jörg" <j@test.com>')
    assert (kept.subject, kept.text) == ("Bestätigen Sie, bitte: ✓", "Grüße\n")
    assert (kept.sender.name, kept.sender.address) == ("Müller, Jörg", "j@test.com")


def test_a_long_link_is_whole_after_decoding():
    link = f"https://host/confirm?token={'a' * 300}.b.c"
    assert link in mail(text=f"Go to {link} please").text


def test_recipients_that_no_header_names_are_blind_copies():
    raw = b"From: a@test.com\r\nTo: b@test.com\r\nCc: c@test.com\r\n\r\nHi"
    kept = read_mail(raw, "a@test.com", ["b@test.com", "C@test.com", "d@test.com"], NOW)
    assert [address.address for address in kept.recipients["Bcc"]] == ["d@test.com"]
    assert [address.address for address in kept.recipients["Cc"]] == ["c@test.com"]


def test_attachments_are_counted_and_not_kept():
    message = EmailMessage()
    message["To"] = "b@test.com"
    message.set_content("text")
    message.add_attachment(b"x" * 1000, maintype="application", subtype="pdf", filename="a.pdf")
    message.add_attachment("more text", filename="b.txt")
    kept = read_mail(bytes(message), "a@test.com", ["b@test.com"], NOW)
    assert (kept.text, kept.summary()["Attachments"], kept.whole()["Attachments"]) == ("text\n", 2, [])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"no header at all",
        b"\xff\xfe\x00" * 50,
        b"Subject: =?nope?q?x?=\r\n\r\nbody",
        b"Subject: =?utf-8?b?!!!?=\r\nFrom: =?utf-8?q?=FF?= <a@b>\r\n\r\n",
        b"From: <<>>,,;:\r\nTo: (\r\nDate: never\r\n\r\n",
        b"Content-Type: text/plain; charset=nope\r\n\r\nbody",
        b"Content-Type: text/plain; charset*=bad''%ff\r\n\r\nbody",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
        b"To: " + b"a@b, " * 5000 + b"\r\n\r\n",
    ],
)
def test_malformed_mails_are_kept_as_well_as_it_can_be(raw):
    kept = read_mail(raw, "a@test.com", ["b@test.com"], NOW)
    assert kept.summary()["From"]["Address"]
    assert kept.size == len(raw)
    assert isinstance(kept.whole()["Text"], str)


def test_a_body_of_an_unknown_charset_is_still_readable():
    raw = b"Content-Type: text/plain; charset=nope\r\n\r\nVerify: caf\xc3\xa9"
    assert read_mail(raw, "a@b", ["c@d"], NOW).text == "Verify: café"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Verify your email", "Reset your password"]),
        ("to:anna@test.com", ["Verify your email"]),
        ('to:"anna@test.com"', ["Verify your email"]),
        ("to:@TEST.com", ["Verify your email", "Reset your password"]),
        ("from:shop subject:reset", ["Reset your password"]),
        ('subject:"your password"', ["Reset your password"]),
        ('subject:"password your"', []),
        ("subject:your subject:email", ["Verify your email"]),
        ("hello", ["Verify your email"]),
        ('"come back"', ["Reset your password"]),
        ("unknown:anna", []),
        ('to:"', ["Verify your email", "Reset your password"]),
    ],
)
def test_the_search_finds(query, found):
    mails = [mail(text="Hello"), mail(to="bert+1@test.com", subject="Reset your password", text="come back")]
    assert subjects(search(mails, query)) == found


def test_the_oldest_mails_give_way_in_number():
    box = Mailbox(most=3)
    for number in range(5):
        box.add(mail(subject=f"mail {number}"))
    assert subjects(box.newest_first()) == ["mail 4", "mail 3", "mail 2"]
    assert (len(box), box.received, box.given_up) == (3, 5, 2)
    assert box.find("latest").subject == "mail 4"


def test_the_oldest_mails_give_way_in_size_and_the_last_one_always_stays():
    box = Mailbox(most=100, largest=1000)
    for number in range(3):
        box.add(mail(subject=f"mail {number}", text="x" * 600))
    assert subjects(box.newest_first()) == ["mail 2"]
    box.remove([])
    box.add(mail(subject="small"))
    box.add(mail(subject="small too"))
    assert len(box) == 2


def test_mails_are_removed_by_id_or_all_together():
    box = Mailbox(most=10)
    mails = [mail(subject=f"mail {number}") for number in range(4)]
    for one in mails:
        box.add(one)
    box.remove([mails[0].identifier, "unknown"])
    assert subjects(box.newest_first()) == ["mail 3", "mail 2", "mail 1"]
    assert box.find(mails[0].identifier) is None
    box.remove([])
    assert (len(box), box.find("latest")) == (0, None)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", []),
        (b"  \n", []),
        (b"{}", []),
        (b'{"ids": ["a", "b"]}', ["a", "b"]),
        (b'{"IDs": ["a"]}', ["a"]),
        (b'{"IDs": null}', []),
    ],
)
def test_ids_to_delete_are_read_in_any_case(body, named):
    assert _named_ids(body) == named


@pytest.mark.parametrize("body", [b"x", b"[]", b'{"ids": "a"}', b'{"ids": [1]}', b"\xff"])
def test_a_body_that_names_no_ids_is_refused_rather_than_taken_for_all(body):
    with pytest.raises(ValueError):
        _named_ids(body)
