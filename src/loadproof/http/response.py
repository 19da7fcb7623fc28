"""The answer to a fast request: Locust's response, with what scripts rarely read built only when they do."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from http.client import HTTPMessage
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import locust.clients
import requests
import urllib3
from requests.compat import json as complexjson  # type: ignore[attr-defined]  # simplejson where there is one
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar

from loadproof.http.accounting import accounting
from loadproof.http.answer import merged
from loadproof.http.event import RequestEvent

if TYPE_CHECKING:
    from loadproof.http.answer import Head
    from loadproof.http.headers import HeadLines
    from loadproof.http.stamps import Stamps
    from loadproof.http.target import Target


def prepared(target: Target, head: HeadLines, extra: bytes, shown: Any) -> requests.PreparedRequest:
    """The request as requests would have prepared it.

    Args:
        target: Where it went.
        head: Its headers.
        extra: The lines of those that came on top.
        shown: Its body as requests keeps it.
    """
    request = requests.PreparedRequest()
    request.method = target.upper
    request.url = target.url
    request.headers = head.fields.copy()
    for line in extra.split(b"\r\n"):
        if line:
            name, _, value = line.decode("latin-1").partition(": ")
            request.headers.setdefault(name, value)
    request.body = shown
    request.hooks = {"response": []}
    request._cookies = RequestsCookieJar()  # type: ignore[attr-defined]  # noqa: SLF001
    return request


_UNSET: Any = object()
_scan: Any = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # it is there, undocumented
"""What ``json.loads`` does between looking for white space before and behind, which takes longer than a short text."""


def _later(name: str, build: Any) -> property:
    """An attribute that is built when it is first read and may be set before.

    Args:
        name: Where it is kept; ``_UNSET`` in the class.
        build: From the response to its value.
    """

    def get(self: Any) -> Any:
        value = getattr(self, name)
        if value is _UNSET:
            value = build(self)
            setattr(self, name, value)
        return value

    def put(self: Any, value: Any) -> None:
        setattr(self, name, value)

    return property(get, put)


def _build_raw(response: Any) -> urllib3.HTTPResponse:
    return raw_of(response._head, response._raw_body, response._target)  # noqa: SLF001


def raw_of(head: Head, body: bytes, target: Target) -> urllib3.HTTPResponse:
    """An answer as urllib3 would hand it over, its body not yet read or decompressed."""
    message = HTTPMessage()
    for name, value in head.headers:
        message[name.decode("latin-1")] = value.decode("latin-1")
    original = SimpleNamespace(msg=message, isclosed=lambda: True, close=lambda: None)
    return urllib3.HTTPResponse(
        body=io.BytesIO(body),
        headers=merged(head.headers),
        status=head.status,
        version=11 if head.version == "1.1" else 10,
        version_string=f"HTTP/{head.version}",
        reason=head.reason.decode("latin-1"),
        preload_content=False,
        decode_content=False,
        original_response=original,  # type: ignore[arg-type]
        request_method=target.upper,
        request_url=target.path_url,
    )


def _build_cookies(response: Any) -> RequestsCookieJar:
    jar = RequestsCookieJar()
    if response._head.sets_cookies:  # noqa: SLF001
        extract_cookies_to_jar(jar, response.request, response.raw)  # type: ignore[no-untyped-call]
    return jar


def _build_meta(response: Any) -> dict[str, Any]:
    """What the request event is fired with; a script may change it in its ``with`` block."""
    stamps, target = response.stamps, response._target  # noqa: SLF001
    return {
        "request_type": target.method,
        "response_time": stamps.seconds * 1000,
        "name": response._name,  # noqa: SLF001
        # A user's calls have one each, to be written to; those of a bare session share Locust's default.
        "context": dict(response._context) if response.user_class else response._context,  # noqa: SLF001
        "response": response,
        "exception": None,
        "start_time": stamps.sent_ns / 1e9 - stamps.connect_time - stamps.tls_time,
        "url": target.url,
        "response_length": len(response._content or b""),  # noqa: SLF001
    }


class Response(locust.clients.ResponseContextManager):  # type: ignore[misc]  # Locust is not checked
    """``requests.Response`` as Locust extends it."""

    _content_consumed = True
    _next = None
    _entered = False
    _catch_response = False
    user_class = ""
    _headers = _raw = _request = _connection = _jar = _encoding = _elapsed = _url = _reason = _history = _meta = _UNSET
    headers = _later("_headers", lambda self: self._head.fields())
    raw = _later("_raw", _build_raw)
    request = _later("_request", lambda self: prepared(self._target, *self._sent))
    cookies = _later("_jar", _build_cookies)
    encoding = _later("_encoding", lambda self: self._head.encoding())
    elapsed = _later("_elapsed", lambda self: timedelta(seconds=self.stamps.seconds))
    url = _later("_url", lambda self: self._target.url)
    reason = _later("_reason", lambda self: self._head.reason.decode("latin-1"))
    history = _later("_history", lambda _: [])
    request_meta = _later("_meta", _build_meta)
    connection = _later("_connection", lambda _: None)

    stamps: Stamps
    _content: Any
    _head: Head
    _target: Target
    _sent: tuple[HeadLines, bytes, Any]

    def __init__(
        self, head: Head, body: bytes, target: Target, sent: tuple[HeadLines, bytes, Any], stamps: Stamps
    ) -> None:
        # Not the parents': they would fill in everything that is built later here.
        self._head = head
        self._raw_body = self._content = body
        self._target = target
        self._sent = sent
        self.stamps = stamps
        self.status_code = head.status

    def json(self, **options: Any) -> Any:
        """The body as JSON holds it; raises as requests does."""
        encoding = self._encoding
        if encoding is _UNSET:
            encoding = self._head.encoding()
        if options or encoding != "utf-8" or self._content is False or complexjson is not json:
            return super().json(**options)
        text = str(self._content, "utf-8", "replace")
        try:
            value, end = _scan(text, 0)
            if end == len(text):
                return value
        except (StopIteration, ValueError, RecursionError):
            pass  # white space around it, or no JSON
        try:
            return complexjson.loads(text)
        except complexjson.JSONDecodeError as error:
            raise requests.exceptions.JSONDecodeError(error.msg, error.doc, error.pos) from error

    def measured(self) -> tuple[Stamps, str, str, int, int, str, Any]:
        """What the meter needs of it."""
        return (
            self.stamps, self._target.method, self._name, self.status_code, len(self._content or b""), self.user_class,
            self._context,
        )  # fmt: skip

    def __exit__(self, exc: Any, value: Any, tb: Any) -> bool | None:  # noqa: PYI036 - Locust's
        """Locust's own, then the account of what was dropped."""
        if (
            exc is None
            and (self._manual_result is True or (self._manual_result is None and self.status_code < 400))
            and type(event := self._request_event) is RequestEvent
            and event.unheard
            and self._meta is _UNSET
        ):
            event.sink.on_answer(self.measured())
            return True
        return accounting.account(self, exc, super().__exit__(exc, value, tb))


def decode(response: Response) -> None:
    """Decompress the body, as requests does while it reads.

    Raises:
        requests.exceptions.ContentDecodingError: It is not what its header says.
    """
    response._content = False  # noqa: SLF001
    response._content_consumed = False  # noqa: SLF001
    response.content  # noqa: B018 - reading it is the point: urllib3 decodes on the way
