"""What the embedded inbox holds: mails as they were received, and the search of Mailpit's API."""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.utils import getaddresses, parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from email.message import Message

T = TypeVar("T")

_SNIPPET = 250
_LONGEST_HEADER = 2_000
_LARGEST_TEXT = 1_000_000
_MOST_ADDRESSES = 200
_TERM = re.compile(r'(?:(\w+):)?(?:"([^"]*)"?|(\S+))')
_TAG = re.compile(r"<(?:(style|script)\b.*?</\1\s*>|[^>]*>?)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """One address as a header has it.

    Attributes:
        name: What stands before it; empty without.
        address: The address itself.
    """

    name: str
    address: str

    def as_json(self) -> dict[str, str]:
        """As Mailpit writes it."""
        return {"Name": self.name, "Address": self.address}


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail.

    Attributes:
        identifier: Mailpit's ``ID``.
        received: When it arrived.
        sender: ``From``.
        recipients: Addresses by header: ``To``, ``Cc``, ``Bcc`` and ``ReplyTo``. ``Bcc`` are those that the envelope
            names and no header.
        subject: Decoded.
        text: The first part of plain text; empty without.
        html: The first part of HTML; empty without.
        size: Bytes as it was received.
        facts: What else Mailpit says of it: ``MessageID``, ``ReturnPath``, ``Date``, ``Attachments`` (a count).
    """

    identifier: str
    received: datetime
    sender: Address
    recipients: dict[str, tuple[Address, ...]]
    subject: str
    text: str
    html: str
    size: int
    facts: dict[str, Any] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """An entry of a list, as Mailpit writes it."""
        addresses = {kind: [address.as_json() for address in self.recipients[kind]] for kind in self.recipients}
        words = " ".join((self.text or _TAG.sub(" ", self.html)).split())
        return {
            "ID": self.identifier,
            "MessageID": self.facts["MessageID"],
            "Read": False,
            "From": self.sender.as_json(),
            **addresses,
            "Subject": self.subject,
            "Created": _as_text(self.received),
            "Username": "",
            "Tags": [],
            "Size": self.size,
            "Attachments": self.facts["Attachments"],
            "Snippet": words[:_SNIPPET],
        }

    def whole(self) -> dict[str, Any]:
        """All of it, as Mailpit writes it; attachments are counted in lists and not kept."""
        shared = {key: value for key, value in self.summary().items() if key not in {"Attachments", "Created"}}
        more = {"Date": self.facts["Date"], "ReturnPath": self.facts["ReturnPath"]}
        return {**shared, **more, "Text": self.text, "HTML": self.html, "Inline": [], "Attachments": []}

    def has(self, key: str, words: str) -> bool:
        """Whether a part of it holds the words, in any case: ``to``, ``from``, ``subject``, ...; without a key, any."""
        fields = {
            "from": [_shown(self.sender)],
            "subject": [self.subject],
            **{kind.lower(): [_shown(address) for address in self.recipients[kind]] for kind in self.recipients},
        }
        if not key:
            texts = [self.text, self.html, *(text for texts in fields.values() for text in texts)]
            return any(words.casefold() in text.casefold() for text in texts)
        return any(words.casefold() in text.casefold() for text in fields.get(key, []))


class Mailbox:
    """The mails, bounded in number and size: the oldest give way.

    Args:
        most: How many mails are kept.
        largest: How many bytes of text all of them have at most.
    """

    def __init__(self, most: int, largest: int = 200_000_000) -> None:
        self._most = most
        self._largest = largest
        self._lock = threading.Lock()
        self._mails: OrderedDict[str, Mail] = OrderedDict()
        self._held = 0
        self.received = 0
        self.given_up = 0

    def add(self, mail: Mail) -> None:
        """Keep a mail; the oldest are given up where there is no room."""
        with self._lock:
            self.received += 1
            self._mails[mail.identifier] = mail
            self._held += _weight(mail)
            while len(self._mails) > self._most or (self._held > self._largest and len(self._mails) > 1):
                _, oldest = self._mails.popitem(last=False)
                self._held -= _weight(oldest)
                self.given_up += 1

    def newest_first(self) -> list[Mail]:
        """All mails."""
        with self._lock:
            return list(reversed(self._mails.values()))

    def find(self, identifier: str) -> Mail | None:
        """The mail of that ``ID``; ``latest`` is the last one. None without."""
        with self._lock:
            if identifier == "latest":
                return next(reversed(self._mails.values()), None)
            return self._mails.get(identifier)

    def remove(self, identifiers: Collection[str]) -> None:
        """Delete these mails; all of them when none are named."""
        with self._lock:
            for identifier in list(identifiers or self._mails):
                mail = self._mails.pop(identifier, None)
                self._held -= 0 if mail is None else _weight(mail)

    def __len__(self) -> int:
        return len(self._mails)


def search(mails: Iterable[Mail], query: str) -> list[Mail]:
    """The mails that fulfil every term of a query.

    Terms are words, ``"words in quotes"``, and ``KEY:`` before either, with ``to``, ``cc``, ``bcc``, ``from`` or
    ``subject``; as in Mailpit, case does not matter, and a term is fulfilled where it is part of something.
    """
    terms = [((key or "").lower(), quoted or word) for key, quoted, word in _TERM.findall(query)]
    terms = [(key, words) for key, words in terms if words]
    return [mail for mail in mails if all(mail.has(key, words) for key, words in terms)]


def read_mail(raw: bytes, sender: str, recipients: Sequence[str], now: datetime) -> Mail:
    """A mail out of what SMTP handed over; what is malformed becomes text as well as it can.

    Args:
        raw: Headers and body.
        sender: The envelope's sender.
        recipients: The envelope's recipients.
        now: When it arrived.
    """
    message = message_from_bytes(raw)
    by_kind = {kind: _addresses(message, header) for kind, header in _HEADERS}
    named = {address.address.casefold() for kind in ("To", "Cc") for address in by_kind[kind]}
    hidden = tuple(Address("", recipient) for recipient in recipients if recipient.casefold() not in named)
    senders = _addresses(message, "From")
    text, html, attachments = _parts(message)
    facts = {
        "MessageID": _header(message, "Message-ID").strip("<>"),
        "ReturnPath": sender,
        "Date": _as_text(_attempt(lambda: parsedate_to_datetime(_header(message, "Date")), now)),
        "Attachments": attachments,
    }
    return Mail(
        identifier=secrets.token_hex(11),
        received=now,
        sender=senders[0] if senders else Address("", sender),
        recipients={**by_kind, "Bcc": hidden},
        subject=_header(message, "Subject"),
        text=text,
        html=html,
        size=len(raw),
        facts=facts,
    )


_HEADERS = (("To", "To"), ("Cc", "Cc"), ("ReplyTo", "Reply-To"))


def _parts(message: Message) -> tuple[str, str, int]:
    """The first plain text, the first HTML, and how many attachments there are."""
    found: dict[str, str] = {}
    attachments = 0
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment" or kind not in {"text/plain", "text/html"} or kind in found:
            attachments += 1
        else:
            found[kind] = _decoded(part)
    return found.get("text/plain", ""), found.get("text/html", ""), attachments


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    raw = payload[:_LARGEST_TEXT] if isinstance(payload, bytes) else b""
    charset = _attempt(part.get_content_charset, None) or "utf-8"
    return _attempt(lambda: raw.decode(charset, "replace"), "") or raw.decode("utf-8", "replace")


def _header(message: Message, name: str) -> str:
    """A header decoded and on one line; empty without."""
    return _plain(str(message.get(name, ""))[:_LONGEST_HEADER])


def _addresses(message: Message, name: str) -> tuple[Address, ...]:
    lines = [str(line)[: 100 * _LONGEST_HEADER] for line in message.get_all(name, [])]
    nobody: list[tuple[str, str]] = []
    pairs = _attempt(lambda: getaddresses(lines), nobody)
    # Names are decoded after they were taken apart: a decoded comma would part them anew.
    return tuple(Address(_plain(shown), address) for shown, address in pairs[:_MOST_ADDRESSES] if address)


def _plain(header: str) -> str:
    """Encoded words decoded, and all on one line."""
    words = _attempt(lambda: decode_header(header), [(header, None)])
    return " ".join("".join(_word(word, charset) for word, charset in words).split())


def _word(word: bytes | str, charset: str | None) -> str:
    if isinstance(word, str):
        return word
    return _attempt(lambda: word.decode(charset or "utf-8", "replace"), "") or word.decode("utf-8", "replace")


def _attempt(work: Callable[[], T], otherwise: T) -> T:
    """What the work gives; the other value where a mail is too malformed for the standard library."""
    try:
        return work()
    except (ValueError, LookupError, TypeError, AttributeError, MessageError, HeaderParseError):
        return otherwise


def _as_text(moment: datetime) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(address: Address) -> str:
    return f"{address.name} <{address.address}>"


def _weight(mail: Mail) -> int:
    return len(mail.text) + len(mail.html) + len(mail.subject)
