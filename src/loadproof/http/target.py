"""From the URL of a call to where its request goes and the first lines of it, as requests would write them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.util.url import _encode_target

from loadproof.http.body import BODYLESS

_ABSOLUTE = re.compile(r"^https?://", re.IGNORECASE)
_PLAIN = re.compile(
    r"(https?)://([a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::([1-9][0-9]{0,4}))?"
    r"(/[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9_~!$&'()*+,;=:@-]*(?:[./][A-Za-z0-9_~!$&'()*+,;=:@-]+)*/?|/)"
    r"(\?[A-Za-z0-9_.~!$&'()*+,;=:@/-]+)?",
)
"""URLs that requests sends letter by letter: nothing to quote, to lower or to resolve.

Names with a changing number in them would have each URL prepared anew, which takes longer than the whole rest.
"""
_PLAIN_QUERY = re.compile(r"[A-Za-z0-9_.~*+&=%-]+")
"""What ``urlencode`` writes, and requests leaves as it is."""

_NOT_SAID = re.compile(r"%[^]]*(?=\])|\.(?=(?::\d+)?$)")
"""What no Host header has: the zone of an IPv6 address, and a final dot."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Target:
    """Where requests with one method and URL go.

    Attributes:
        method: Method as the script gave it.
        upper: The same in upper case.
        url: The URL as requests prepares it.
        path_url: Path and query: the entry's name when none is given. What is sent may be quoted further.
        origin: Scheme, host and port: what a connection is made to.
        line: Request line.
        start: Request line and Host header.
        empty: The header that says that a request has no body.
        head_only: Whether its answers have no body: HEAD.
        odd: Whether requests must see to it: a method that is no word, or credentials in the URL.
    """

    __slots__ = ("empty", "head_only", "line", "method", "odd", "origin", "path_url", "start", "upper", "url")

    def __init__(
        self,
        method: str,
        url: str,
        path_url: str,
        origin: Origin,
        *,
        sent: str | None = None,
        credentials: bool = False,
    ) -> None:
        self.method, self.url, self.path_url, self.origin = method, url, path_url, origin
        self.upper = method.upper()
        self.odd = not method.isalpha() or not method.isascii() or credentials
        self.line = f"{self.upper} {sent or path_url} HTTP/1.1\r\n".encode("latin-1")
        self.start = self.line + origin.host_line
        self.head_only = self.upper == "HEAD"
        self.empty = b"" if self.upper in BODYLESS else b"Content-Length: 0\r\n"


class Origin:
    """Scheme, host and port; one object for each, so that it is found by identity.

    Attributes:
        secure: Whether it is https.
        host: Name or address, without brackets.
        port: TCP port.
        host_line: The Host header.
    """

    __slots__ = ("host", "host_line", "port", "secure")

    def __init__(self, host: str, port: int, host_header: str, *, secure: bool) -> None:
        self.host, self.port, self.secure = host, port, secure
        self.host_line = f"Host: {host_header}\r\n".encode("latin-1")


@lru_cache(maxsize=1024)
def _origin(scheme: str, host: str, port: int, host_header: str) -> Origin:
    return Origin(host, port, host_header, secure=scheme == "https")


@lru_cache(maxsize=8192)
def target_for(method: str, base_url: str, url: str) -> Target:
    """Where a call goes.

    Args:
        method: As the script gave it.
        base_url: The session's; put before a URL that is not absolute, as Locust does.
        url: As the script gave it.

    Raises:
        requests.RequestException: As requests raises it for a URL that it cannot use.
    """
    complete = url if _ABSOLUTE.match(url) else f"{base_url}{url}"
    plain = _PLAIN.fullmatch(complete)
    if plain is not None:
        scheme, host, port, path, query = plain.groups()
        number = int(port or _DEFAULT_PORTS[scheme])
        if number < 65536 and "xn--" not in host:
            default = number == _DEFAULT_PORTS[scheme]
            header = host if default else f"{host}:{port}"
            return Target(method, complete, path + (query or ""), _origin(scheme, host, number, header))
    return _prepared(method, complete, None)


def target_with(method: str, base_url: str, url: str, params: Any) -> Target:
    """Where a call with parameters goes; raises as ``target_for``."""
    bare = target_for(method, base_url, url)
    if "#" not in bare.url and not isinstance(params, str | bytes):
        query = requests.models.RequestEncodingMixin._encode_params(params)  # type: ignore[attr-defined]  # noqa: SLF001
        if isinstance(query, str) and _PLAIN_QUERY.fullmatch(query):
            more = ("&" if "?" in bare.path_url else "?") + query
            return Target(method, bare.url + more, bare.path_url + more, bare.origin, credentials=bare.odd)
    complete = url if _ABSOLUTE.match(url) else f"{base_url}{url}"
    return _prepared(method, complete, params)


def target_of(method: str, url: str) -> Target:
    """Where a prepared request goes."""
    return target_for(method, "", url)


def _prepared(method: str, url: str, params: Any) -> Target:
    prepared = requests.PreparedRequest()
    prepared.prepare_url(url, params)
    assert prepared.url is not None
    parts = urlsplit(prepared.url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise requests.exceptions.InvalidSchema(f"No connection adapters were found for {url!r}")
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    host = parts.netloc.rpartition("@")[2]
    if parts.port == _DEFAULT_PORTS[parts.scheme]:
        host = host.rpartition(":")[0]
    host = _NOT_SAID.sub("", host)
    origin = _origin(parts.scheme, parts.hostname, port, host)
    path_url = str(prepared.path_url)
    sent = _encode_target(
        path_url
    )  # as urllib3 does once more: parameters given as text keep their brackets until then
    return Target(method, prepared.url, path_url, origin, sent=sent, credentials="@" in parts.netloc)
