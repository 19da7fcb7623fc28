"""The answer to a fast request: Locust's response, with what scripts rarely read built only when they do."""

from __future__ import annotations

import io
from datetime import timedelta
from http.client import HTTPMessage
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import locust.clients
import requests
import urllib3
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from loadproof.http.accounting import accounting

if TYPE_CHECKING:
    from loadproof.http.request import Address, Head


class Stamps:
    """When a request was sent and its answer ended, for who measures.

    Attributes:
        sent_ns: CLOCK_REALTIME before the first byte left.
        first_byte_ns: Arrival of the first part; None where no clock saw it truly.
        ended_ns: Arrival of the last byte.
        kernel: Whether the kernel stamped it.
        connect_time: Seconds to connect, 0.0 on a kept connection.
        tls_time: Seconds of the TLS handshake.
        bytes_sent: Body bytes sent.
    """

    __slots__ = ("bytes_sent", "connect_time", "ended_ns", "first_byte_ns", "kernel", "sent_ns", "tls_time")

    def __init__(self, connection: Any, bytes_sent: int) -> None:
        self.sent_ns = connection.sent_ns
        self.first_byte_ns = connection.first_byte_ns
        self.ended_ns = connection.ended_ns
        self.kernel = connection.kernel
        self.connect_time = connection.connect_time
        self.tls_time = connection.tls_time
        self.bytes_sent = bytes_sent

    @property
    def seconds(self) -> float:
        """Connect, handshake, and from the send to the last byte."""
        return float(self.connect_time + self.tls_time + (self.ended_ns - self.sent_ns) / 1e9)


class Sent:
    """What was sent, as far as it is needed to build a ``PreparedRequest`` later."""

    __slots__ = ("address", "body", "connecting", "extra", "head", "method", "shown")

    def __init__(  # noqa: PLR0917 - in the order in which they are sent
        self, method: str, address: Address, head: Head, extra: bytes, body: bytes | None, shown: Any
    ) -> None:
        self.method, self.address, self.head, self.extra, self.body = method, address, head, extra, body
        self.shown = shown
        self.connecting = False

    def prepared(self) -> requests.PreparedRequest:
        """The request as requests would have prepared it."""
        request = requests.PreparedRequest()
        request.method = self.method.upper()
        request.url = self.address.url
        request.headers = self.head.fields.copy()
        for line in self.extra.split(b"\r\n"):
            if line:
                name, _, value = line.decode("latin-1").partition(": ")
                request.headers.setdefault(name, value)
        request.body = self.shown
        request.hooks = {"response": []}
        request._cookies = RequestsCookieJar()  # type: ignore[attr-defined]  # noqa: SLF001
        return request


def _later(name: str, build: Any) -> property:
    """An attribute that is built when it is first read and may be set before."""

    def get(self: Any) -> Any:
        try:
            return self.__dict__[name]
        except KeyError:
            value = self.__dict__[name] = build(self)
            return value

    def put(self: Any, value: Any) -> None:
        self.__dict__[name] = value

    return property(get, put)


def _headers(response: Any) -> CaseInsensitiveDict[str]:
    return CaseInsensitiveDict(_merged_headers(response.__dict__["_raw_headers"]))


def _merged_headers(raw: list[tuple[bytes, bytes]]) -> urllib3.HTTPHeaderDict:
    merged = urllib3.HTTPHeaderDict()
    for name, value in raw:
        merged.add(name.decode("latin-1"), value.decode("latin-1"))
    return merged


def _raw(response: Any) -> urllib3.HTTPResponse:
    message = HTTPMessage()
    for name, value in response.__dict__["_raw_headers"]:
        message[name.decode("latin-1")] = value.decode("latin-1")
    original = SimpleNamespace(msg=message, isclosed=lambda: True, close=lambda: None)
    return urllib3.HTTPResponse(
        body=io.BytesIO(response.__dict__["_raw_body"]),
        headers=_merged_headers(response.__dict__["_raw_headers"]),
        status=response.status_code,
        reason=response.reason,
        preload_content=False,
        decode_content=False,
        original_response=original,  # type: ignore[arg-type]
        request_method=response.__dict__["_sent"].method,
        request_url=response.__dict__["_sent"].address.path_url,
    )


def _cookies(response: Any) -> RequestsCookieJar:
    jar = RequestsCookieJar()
    extract_cookies_to_jar(jar, response.request, response.raw)  # type: ignore[no-untyped-call]
    return jar


class Response(locust.clients.ResponseContextManager):  # type: ignore[misc]  # Locust is not checked
    """``requests.Response`` as Locust extends it."""

    headers = _later("_headers", _headers)
    raw = _later("_raw", _raw)
    request = _later("_request", lambda self: self.__dict__["_sent"].prepared())
    cookies = _later("_cookies_later", _cookies)
    encoding = _later("_encoding", lambda self: get_encoding_from_headers(self.headers))
    elapsed = _later("_elapsed", lambda self: timedelta(seconds=self.__dict__["stamps"].seconds))

    def __exit__(self, exc: Any, value: Any, tb: Any) -> bool | None:  # noqa: PYI036 - Locust's
        """Locust's own, then the account of what was dropped."""
        return accounting.account(self, exc, super().__exit__(exc, value, tb))


def response_of(connection: Any, sent: Sent) -> Response:
    """The answer that a connection has just taken."""
    response = Response.__new__(Response)
    body = connection.body
    response.__dict__.update(
        _raw_headers=connection.headers,
        _raw_body=body,
        _sent=sent,
        _content=body,
        _content_consumed=True,
        _next=None,
        status_code=connection.status,
        url=sent.address.url,
        history=[],
        reason=connection.reason.decode("latin-1"),
        stamps=Stamps(connection, len(sent.body or b"")),
    )
    return response


def decode(response: Response) -> None:
    """Decompress the body, as requests does while it reads.

    Raises:
        requests.exceptions.ContentDecodingError: It is not what its header says.
    """
    response.__dict__["_content"] = False
    response.__dict__["_content_consumed"] = False
    response.content  # noqa: B018 - reading it is the point: urllib3 decodes on the way
