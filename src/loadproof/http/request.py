"""From the arguments of a call to the bytes of a request, as requests would write them; and what it would not take.

URLs and headers repeat from call to call, so requests itself prepares each kind once, and the outcome is kept.
"""

from __future__ import annotations

import json as json_module
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import requests
from requests.auth import HTTPBasicAuth, _basic_auth_str
from requests.structures import CaseInsensitiveDict

if TYPE_CHECKING:
    from collections.abc import Mapping

_KNOWN = frozenset(
    {
        "params",
        "headers",
        "cookies",
        "files",
        "auth",
        "timeout",
        "allow_redirects",
        "proxies",
        "hooks",
        "stream",
        "verify",
        "cert",
    }
)
_OTHER_WAYS = ("files", "proxies", "hooks", "stream", "cert", "cookies")
"""Arguments that requests itself serves when they are given; empty ones mean nothing."""

_BODYLESS = frozenset({"GET", "HEAD"})


class Address(NamedTuple):
    """Where a URL leads.

    Attributes:
        url: The URL as requests prepared it.
        path_url: Path and query: the entry's name when none is given.
        secure: Whether it is https.
        host: Name or address, without brackets.
        port: TCP port.
        head: ``path HTTP/1.1`` and the Host header, as bytes.
    """

    url: str
    path_url: str
    secure: bool
    host: str
    port: int
    head: bytes


class Head(NamedTuple):
    """The headers of a call.

    Attributes:
        lines: As bytes, each with its line end.
        names: Lower-case names that are set.
        fields: The same as requests keeps them.
    """

    lines: bytes
    names: frozenset[str]
    fields: CaseInsensitiveDict[str]


def other_way(method: object, url: object, data: object, options: Mapping[str, Any]) -> str | None:
    """Why requests itself must serve a call; None where the fast path does.

    The answer is a word for the count of requests by reason.
    """
    if type(method) is not str or type(url) is not str or not method.isalpha():
        return "method or url"
    if options and not options.keys() <= _KNOWN:
        return "unknown argument"
    for name in _OTHER_WAYS:
        if options.get(name):
            return name
    if data is not None and not isinstance(data, str | bytes | dict | list | tuple):
        return "body"
    if not _is_timeout(options.get("timeout")):
        return "timeout"
    auth = options.get("auth")
    if auth is not None and not isinstance(auth, tuple | HTTPBasicAuth):
        return "auth"
    return None


def _is_timeout(timeout: object) -> bool:
    """Whether a timeout is one that needs no second thought."""
    if isinstance(timeout, tuple):
        return len(timeout) == 2 and all(_is_timeout(part) and not isinstance(part, tuple) for part in timeout)
    return timeout is None or (isinstance(timeout, int | float) and timeout > 0)


def session_needs_requests(session: Any, adapters: Mapping[str, Any]) -> str | None:
    """What in the session's own settings asks for requests itself; None for nothing."""
    own = session.__dict__
    if session.trust_env or session.proxies or session.cert or session.stream or session.params:
        return "session settings"
    if session.hooks.get("response"):
        return "hooks"
    auth = session.auth
    if auth is not None and not isinstance(auth, tuple | HTTPBasicAuth):
        return "auth"
    if session.adapters is not adapters["all"] or "send" in own or "prepare_request" in own:
        return "adapters"
    if any(session.adapters[prefix] is not adapter for prefix, adapter in adapters["each"]):
        return "adapters"
    return None


@lru_cache(maxsize=4096)
def address(url: str) -> Address:
    """Where a URL without parameters leads.

    Raises:
        requests.RequestException: As requests raises it for a URL it cannot use.
    """
    return _address(url, None)


def address_with(url: str, params: Any) -> Address:
    """Where a URL with parameters leads; raises as ``address``."""
    return _address(url, params)


def _address(url: str, params: Any) -> Address:
    prepared = requests.PreparedRequest()
    prepared.prepare_url(url, params)
    assert prepared.url is not None
    parts = urlsplit(prepared.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise requests.exceptions.InvalidSchema(f"No connection adapters were found for {url!r}")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    host = parts.netloc.rpartition("@")[2]
    if parts.port in (80, 443) and parts.port == (443 if secure else 80):
        host = host.rpartition(":")[0]
    path = str(prepared.path_url)
    head = f"{path} HTTP/1.1\r\nHost: {host}\r\n".encode("latin-1")
    return Address(prepared.url, path, secure, parts.hostname, port, head)


def head_of(session_headers: Any, headers: Mapping[str, Any] | None) -> Head:
    """The session's headers with a call's own over them; a None takes one away.

    Raises:
        requests.exceptions.InvalidHeader: As requests raises it.
        UnicodeEncodeError: A value is not Latin-1.
    """
    try:
        return _head(tuple(session_headers.items()), None if headers is None else tuple(headers.items()))
    except TypeError:  # a value that cannot be hashed: requests says what it thinks of it
        return _merged_head(session_headers.items(), headers)


@lru_cache(maxsize=512)
def _head(session_items: tuple[Any, ...], items: tuple[Any, ...] | None) -> Head:
    return _merged_head(session_items, None if items is None else dict(items))


def _merged_head(session_items: Any, headers: Mapping[str, Any] | None) -> Head:
    merged: CaseInsensitiveDict[Any] = CaseInsensitiveDict(session_items)
    merged.update(headers or {})
    for name in [name for name, value in merged.items() if value is None]:
        del merged[name]
    prepared = requests.PreparedRequest()
    prepared.prepare_headers(merged)
    fields = prepared.headers
    lines = b"".join(
        _text(name) + b": " + _text(value) + b"\r\n" for name, value in fields.items() if name.lower() != "host"
    )
    return Head(lines, frozenset(name.lower() for name in fields), fields)


def _text(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


def body_of(method: str, data: Any, json: Any, head: Head) -> tuple[bytes | None, bytes, Any]:
    """The body as bytes, the headers that describe it, and the body as requests keeps it.

    Raises:
        requests.exceptions.InvalidJSONError: ``json`` holds what JSON cannot.
        TypeError: It holds what cannot be written at all.
    """
    kind = b""
    shown: Any = data or None
    if not data and json is not None:
        try:
            shown = json_module.dumps(json, allow_nan=False).encode()
        except ValueError as error:
            raise requests.exceptions.InvalidJSONError(error) from error
        kind = b"Content-Type: application/json\r\n"
    elif shown is not None and not isinstance(shown, str | bytes):
        shown = requests.models.RequestEncodingMixin._encode_params(shown)  # type: ignore[attr-defined]  # noqa: SLF001
        kind = b"Content-Type: application/x-www-form-urlencoded\r\n"
    body = shown.encode() if isinstance(shown, str) else shown
    if kind and "content-type" in head.names:
        kind = b""
    if body:
        return body, b"Content-Length: %d\r\n%s" % (len(body), kind), shown
    if method not in _BODYLESS and "content-length" not in head.names:
        return body, b"Content-Length: 0\r\n" + kind, shown
    return body, kind, shown


def authorization(auth: Any) -> bytes:
    """The header of basic authentication; empty for none."""
    if auth is None:
        return b""
    name, password = (auth.username, auth.password) if isinstance(auth, HTTPBasicAuth) else auth
    return b"Authorization: " + _basic_auth_str(name, password).encode("latin-1") + b"\r\n"
