"""Mails that the service under test sends, as a locustfile sees them: by the API of Mailpit, version 1.

What the inbox is asked is no request of the service under test: it is in no statistics. How long a mail took is, as one
entry of type ``MAIL``.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from loadproof.errors import Problem, UsageError
from loadproof.kit.errors import KitError
from loadproof.kit.polling import PollTimeout, flow, poll
from loadproof.plan.redact import redact_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TOKEN_IN_LINK = r"[?&]token=([\w.~-]+)"  # noqa: S105 - a pattern
"""Finds the token of a link such as ``https://host/login/confirm-email?token=eyJ...``."""

_LARGEST_ANSWER = 50_000_000


class InboxError(KitError):
    """The inbox does not answer as Mailpit does, or a mail does not hold what was looked for."""

    def __init__(self, what: str, *, slug: str = "inbox", hint: str) -> None:
        super().__init__(what, slug=slug, hint=hint)


@dataclass(frozen=True, slots=True)
class Message:
    """One mail.

    Attributes:
        identifier: The inbox's ``ID`` of it.
        subject: Its subject.
        sender: Address in ``From``.
        recipients: Addresses in ``To``.
        text: Its plain text; empty in what ``search`` and ``list`` give.
        html: Its HTML; empty in what ``search`` and ``list`` give.
    """

    identifier: str
    subject: str
    sender: str
    recipients: tuple[str, ...]
    text: str = ""
    html: str = ""

    def token(self, pattern: str | re.Pattern[str] = TOKEN_IN_LINK) -> str:
        """What a pattern finds, in the text, else in the HTML.

        Args:
            pattern: A regular expression; its first group counts, or all of it without one. The default finds the
                token of a link.

        Raises:
            InboxError: It is in neither.
        """
        for body in (self.text, html.unescape(self.html)):
            if (found := re.search(pattern, body)) is not None:
                return str(found[1] if found.re.groups else found[0])
        shown = pattern if isinstance(pattern, str) else pattern.pattern
        raise InboxError(
            f"nothing in the mail {self.subject!r} matches {shown}",
            slug="no-token-in-mail",
            hint="its first group is what is taken; look at the mail in the inbox",
        )


class Inbox:
    """The mails of Mailpit, or of ``python -m loadproof.kit.servers.inbox``.

    Args:
        url: Where its pages are: ``http://localhost:8025``.
        timeout: Seconds that one answer may take.

    Raises:
        UsageError: The address is none.
    """

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        self._url = _checked(url)
        self._timeout = timeout
        self._opener = build_opener(ProxyHandler({}))

    def list(self, limit: int = 50) -> tuple[Message, ...]:
        """The newest mails, without their bodies, newest first.

        Raises:
            InboxError: The inbox does not answer as it should.
        """
        return _messages(self._ask("GET", "/api/v1/messages", {"limit": limit}))

    def search(
        self, *, to: str | None = None, subject: str | re.Pattern[str] | None = None, limit: int = 50
    ) -> tuple[Message, ...]:
        """The newest mails that fit, without their bodies, newest first.

        Args:
            to: The exact address of a recipient, in any case; None takes all.
            subject: A regular expression that is searched in the subject, a text in any case; None takes all.
            limit: How many mails to look at.

        Raises:
            InboxError: The inbox does not answer as it should.
        """
        if to is None:
            found = self.list(limit)
        else:
            query = f'to:"{to}"' if re.search(r"\s", to) else f"to:{to}"
            found = _messages(self._ask("GET", "/api/v1/search", {"query": query, "limit": limit}))
        # The inbox finds parts of addresses too: anna@test.com also finds joanna@test.com.
        return tuple(mail for mail in found if _is_to(mail, to) and _is_about(mail, subject))

    def get(self, mail: Message | str) -> Message:
        """A mail with its bodies.

        Args:
            mail: A mail without, or its ``ID``.

        Raises:
            InboxError: There is no such mail, or the inbox does not answer as it should.
        """
        return _message(self._ask("GET", f"/api/v1/message/{quote(_identifier(mail), safe='')}"))

    def delete(self, *mails: Message | str) -> None:
        """Delete these mails; none named, none deleted.

        Raises:
            InboxError: The inbox does not answer as it should.
        """
        if mails:
            self._delete({"IDs": [_identifier(mail) for mail in mails]})

    def delete_all(self) -> None:
        """Empty the inbox.

        Raises:
            InboxError: The inbox does not answer as it should.
        """
        self._delete({"IDs": []})

    def wait_for(
        self,
        *,
        to: str,
        subject: str | re.Pattern[str] | None = None,
        timeout: float = 10.0,
        interval: float = 0.5,
        name: str | None = "mail",
    ) -> Message:
        """Wait for a mail, and record the wait as one entry of type ``MAIL``; one that did not come is a failure.

        Args:
            to: The exact address of a recipient.
            subject: As for ``search``.
            timeout: Seconds to wait for it.
            interval: Seconds between two looks.
            name: Name of the entry; None records nothing.

        Returns:
            The newest mail that fits, with its bodies.

        Raises:
            PollTimeout: It did not come. In a ``with flow(...)`` block this is the flow's failure; elsewhere it ends
                the task.
            InboxError: When time was up, the inbox did not answer as it should.
        """
        if name is None:
            return self._wait(to, subject, timeout, interval)
        with flow(name, kind="MAIL", reraise=True):
            found = self._wait(to, subject, timeout, interval)
        return found  # noqa: RET504 - within the block it would be a maybe: other flows swallow what this one raises

    def _wait(self, to: str, subject: str | re.Pattern[str] | None, timeout: float, interval: float) -> Message:
        trouble: list[InboxError] = []

        def look() -> Message | None:
            trouble.clear()
            try:
                found = self.search(to=to, subject=subject)
                return self.get(found[0]) if found else None
            except InboxError as error:  # it may be there again at the next look
                trouble.append(error)
                return None

        try:
            return poll(look, timeout=timeout, interval=interval, jitter=0.1)
        except PollTimeout:
            if trouble:
                raise trouble[0] from None
            raise

    def _delete(self, body: Mapping[str, Any]) -> None:
        self._ask("DELETE", "/api/v1/messages", body=json.dumps(body).encode())

    def _ask(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: bytes | None = None
    ) -> dict[str, Any]:
        address = f"{self._url}{path}{f'?{urlencode(query)}' if query else ''}"
        request = Request(address, body, {"Content-Type": "application/json"}, method=method)  # noqa: S310 - the scheme was checked
        hint = "is it running, and is this the address of its pages?"
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                content = answer.read(_LARGEST_ANSWER)
            document = {} if method == "DELETE" else json.loads(content)
        except HTTPError as error:
            with error:
                raise InboxError(f"the inbox at {self._url} answered {error.code} to {path}", hint=hint) from None
        except (OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            said = getattr(reason, "strerror", None) or type(reason).__name__
            raise InboxError(f"the inbox at {self._url} does not answer: {said}", hint=hint) from None
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise InboxError(f"the inbox at {self._url} does not answer {path} as Mailpit does", hint=hint)
        return document


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
        _port = parts.port
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", url):
        hint = "give the address of its pages, such as http://localhost:8025"
        raise UsageError([Problem("bad-value", "Inbox", f"{redact_text(url)!r} is no address", hint)])
    return url.rstrip("/")


def _identifier(mail: Message | str) -> str:
    return mail if isinstance(mail, str) else mail.identifier


def _messages(document: Mapping[str, Any]) -> tuple[Message, ...]:
    listed = document.get("messages") or []
    return tuple(_message(entry) for entry in listed if isinstance(entry, dict))


def _message(document: Mapping[str, Any]) -> Message:
    return Message(
        identifier=str(document.get("ID", "")),
        subject=str(document.get("Subject", "")),
        sender=_address(document.get("From")),
        recipients=tuple(_address(entry) for entry in _entries(document.get("To"))),
        text=str(document.get("Text") or ""),
        html=str(document.get("HTML") or ""),
    )


def _entries(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()


def _address(entry: Any) -> str:
    return str(entry.get("Address", "")) if isinstance(entry, dict) else ""


def _is_to(mail: Message, to: str | None) -> bool:
    return to is None or to.casefold() in (recipient.casefold() for recipient in mail.recipients)


def _is_about(mail: Message, subject: str | re.Pattern[str] | None) -> bool:
    if isinstance(subject, str):
        return re.search(subject, mail.subject, re.IGNORECASE) is not None
    return subject is None or subject.search(mail.subject) is not None
