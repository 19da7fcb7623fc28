"""The head of an answer, parsed by llhttp; heads that come again byte for byte are not parsed again.

Servers repeat themselves: between two ticks of its ``Date`` a head differs from the one before in nothing, or in its
length. A head that was parsed once, as that of a whole answer with a ``Content-Length``, stands for every equal one.
"""

from __future__ import annotations

from http.client import IncompleteRead
from typing import Any

import httptools
import urllib3
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

_KEPT = 512
_LONGEST = 4096
GIVE_UP_AFTER = 64
"""Unknown heads in a row after which a connection no longer looks: each of its answers has its own."""


class Head:
    """Status line and headers of an answer; shared between answers, so never to be changed.

    Attributes:
        status: Status code.
        version: ``1.1`` or ``1.0``.
        reason: Reason phrase, as bytes.
        headers: Names and values as they came.
        length: Value of Content-Length where that alone tells where the body ends; else -1.
        framed: Whether anything but the end of the connection tells where the body ends.
        keeps: Whether the connection can take another request.
        sets_cookies: Whether there is a Set-Cookie.
        encoded: Whether there is a Content-Encoding.
    """

    __slots__ = (
        "_asked", "_encoding", "_fields", "encoded", "framed", "headers", "keeps", "length", "reason", "sets_cookies",
        "status", "version",
    )  # fmt: skip

    def __init__(self, status: int, version: str, reason: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        self.status, self.version, self.reason, self.headers = status, version, reason, headers
        self._fields: CaseInsensitiveDict[str] | None = None
        self._encoding: str | None = ""
        self._asked = False
        self.keeps = False
        self.framed = self.sets_cookies = self.encoded = False
        self.length = -1
        lengths = []
        chunked = False
        for name, value in headers:
            lower = name.lower()
            if lower == b"content-length":
                lengths.append(value)
            elif lower == b"transfer-encoding":
                chunked = True
                self.framed = self.framed or b"chunked" in value.lower()
            elif lower == b"set-cookie":
                self.sets_cookies = True
            elif lower == b"content-encoding":
                self.encoded = True
        self.framed = self.framed or bool(lengths)
        if len(lengths) == 1 and not chunked and lengths[0].isdigit():
            self.length = int(lengths[0])

    def fields(self) -> CaseInsensitiveDict[str]:
        """The headers as requests gives them to scripts; the caller's own."""
        if self._fields is None:
            self._fields = CaseInsensitiveDict(merged(self.headers))
        return self._fields.copy()

    def encoding(self) -> str | None:
        """Encoding of the text that the headers promise; None where they say nothing."""
        if not self._asked:
            self._encoding, self._asked = get_encoding_from_headers(self.fields()), True
        return self._encoding


def merged(headers: list[tuple[bytes, bytes]]) -> urllib3.HTTPHeaderDict:
    """Headers as urllib3 keeps them: several of one name in one."""
    fields = urllib3.HTTPHeaderDict()
    for name, value in headers:
        fields.add(name.decode("latin-1"), value.decode("latin-1"))
    return fields


known: dict[bytes, Head] = {}
"""Heads by their bytes, the empty line included."""


def _keeps(head: Head) -> bool:
    """Whether a head lets the connection live on (RFC 9112, section 9.3)."""
    tokens = {
        token.strip().lower()
        for name, value in head.headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }
    return b"close" not in tokens and (head.version == "1.1" or b"keep-alive" in tokens)


class AnswerReader:
    """Parses one answer after the other, in whatever pieces they come.

    Attributes:
        head: Head of the answer; None until it is there. Of an interim answer (1xx) nothing stays.
        body: The body, de-chunked, not decompressed; only right once ``whole``.
        whole: Whether the answer is complete.
        surplus: Whether bytes came behind it.
    """

    __slots__ = ("_chunks", "_fields", "_head_only", "_parser", "_reason", "body", "head", "surplus", "whole")

    def __init__(self) -> None:
        self._parser: Any = None
        self.begin(head_only=False)

    def begin(self, *, head_only: bool) -> None:
        """Get ready for another answer; ``head_only`` for HEAD, whose answers have no body whatever they say."""
        self.head: Head | None = None
        self.body = b""
        self.whole = self.surplus = False
        self._head_only = head_only
        self._chunks: list[bytes] = []
        self._fields: list[tuple[bytes, bytes]] = []
        self._reason = b""
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> bool:
        """Take bytes; whether the answer is whole now.

        Raises:
            httptools.HttpParserError: This is no HTTP.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._parser = None
            if not self.whole:
                self._done(keeps=False)
        except httptools.HttpParserError:
            self._parser = None
            if not self.whole:
                raise
            self.surplus = True  # rubbish behind a whole answer
        return self.whole

    def end(self) -> bool:
        """The connection was closed: whether that ended the answer; where not, it is torn."""
        if self.head is None or self.head.framed:
            return False
        self.body = b"".join(self._chunks)
        self.whole = True
        return True

    def torn(self) -> Exception:
        """What urllib3 says of an answer whose body breaks off here."""
        got = sum(map(len, self._chunks))
        if self.head is not None and self.head.length >= 0:
            return urllib3.exceptions.IncompleteRead(got, self.head.length - got)
        return IncompleteRead(b"".join(self._chunks))

    def remember(self, data: bytes) -> None:
        """Keep the head of the answer that came whole in these bytes, if another with the same may follow."""
        head = self.head
        if head is None or head.length < 0 or head.status < 200 or head.status in (204, 304) or self._head_only:
            return
        end = len(data) - head.length
        if self.surplus or end > _LONGEST or not 4 <= end == data.find(b"\r\n\r\n") + 4:
            return
        if len(known) >= _KEPT:
            known.clear()
        known[data[:end]] = head

    def _done(self, *, keeps: bool) -> None:
        assert self.head is not None
        self.head.keeps = keeps
        self.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self.whole = True

    # Called by the parser

    def on_message_begin(self) -> None:
        """An answer begins; one more than was asked for is surplus."""
        if self.whole:
            self.surplus = True

    def on_status(self, status: bytes) -> None:
        """Reason phrase, perhaps in parts."""
        if not self.whole:
            self._reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; trailers, which come behind the body, are passed over as http.client does."""
        if self.head is None:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The status is known; a HEAD's answer is whole."""
        if self.whole:
            return
        parser = self._parser
        self.head = Head(parser.get_status_code(), parser.get_http_version(), self._reason, self._fields)
        if self._head_only and self.head.status >= 200:
            keeps = _keeps(self.head)
            # The parser now waits for a body that will not come: the next answer gets a new one.
            self._parser = None
            self._done(keeps=keeps)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if not self.whole:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was only an interim one."""
        if self.whole or self.head is None:
            return
        if 100 <= self.head.status < 200 and self.head.status != 101:
            self.head, self._fields, self._reason = None, [], b""
            return
        self._done(keeps=bool(self._parser.should_keep_alive()))
