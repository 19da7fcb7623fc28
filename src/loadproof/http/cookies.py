"""Cookie jars, which are asked at every request and mostly have nothing new to say."""

from __future__ import annotations

import time
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any

import requests
from requests.cookies import RequestsCookieJar, get_cookie_header

if TYPE_CHECKING:
    from loadproof.http.headers import HeadLines
    from loadproof.http.target import Target

_KEPT = 64


class WatchedJar(RequestsCookieJar):
    """requests' jar; asking it takes longer than a request, so its answers are kept."""

    _lines: dict[tuple[Any, str], bytes] | None = None
    _seen: tuple[tuple[Any, Any, Any, Any], ...] = ()
    _until = 0.0

    def set_cookie(self, cookie: Any, *args: Any, **kwargs: Any) -> Any:
        """Requests' own."""
        self._lines = None
        return super().set_cookie(cookie, *args, **kwargs)

    def set_policy(self, policy: Any) -> None:
        """Requests' own."""
        self._lines = None
        super().set_policy(policy)

    def clear(self, domain: str | None = None, path: str | None = None, name: str | None = None) -> None:
        """Requests' own."""
        self._lines = None
        super().clear(domain, path, name)

    def line(self, target: Target, head: HeadLines) -> bytes:
        """The Cookie header for a request; empty for none."""
        lines = self._lines
        for cookie, value, expires, secure in self._seen:
            if (
                cookie.value != value or cookie.expires != expires or cookie.secure != secure
            ):  # somebody has changed it where it lies
                lines = None
                break
        if lines is None or time.time() >= self._until:
            lines = self._lines = {}
            self._seen = tuple((cookie, cookie.value, cookie.expires, cookie.secure) for cookie in self)
            self._until = min((c.expires for c in self if c.expires is not None), default=float("inf"))
        key = (target.origin, target.path_url.partition("?")[0])
        line = lines.get(key)
        if line is None:
            if len(lines) >= _KEPT:
                lines.clear()
            line = cookie_line(self, target, head)
            if self._lines is lines:  # asking drops what has expired
                lines[key] = line
        return line


def watched_jar(jar: Any) -> Any:
    """The same jar, watched where it is of the kind that a session has by itself."""
    if type(jar) is RequestsCookieJar:
        jar.__class__ = WatchedJar
    return jar


def cookie_line(jar: Any, target: Target, head: HeadLines) -> bytes:
    """The Cookie header that a jar of any kind gives a request; empty for none."""
    asked = requests.PreparedRequest()
    asked.url, asked.headers = target.url, head.fields.copy()
    asked.headers.pop("Cookie", None)
    line = get_cookie_header(jar, asked)  # type: ignore[no-untyped-call]
    return b"" if not line else b"Cookie: " + line.encode("latin-1") + b"\r\n"


class QuickJar(CookieJar):
    """The jar of ``FastHttpUser.client``, without the locks that it takes four times a request for no cookie at all."""

    def add_cookie_header(self, request: Any) -> None:
        """As ever, where there is a cookie."""
        if self._cookies:  # type: ignore[attr-defined]  # not in typeshed
            super().add_cookie_header(request)

    def extract_cookies(self, response: Any, request: Any) -> None:
        """As ever, where the answer sets one."""
        headers = response.headers
        if "set-cookie" in headers or "set-cookie2" in headers:
            super().extract_cookies(response, request)
