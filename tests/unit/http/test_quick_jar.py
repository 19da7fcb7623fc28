"""The jar of `FastHttpUser` does what the standard library's does, cookies or not."""

from __future__ import annotations

from email.message import Message
from http.cookiejar import CookieJar
from types import SimpleNamespace
from urllib.request import Request

import pytest

from loadproof.http.cookies import QuickJar

URL = "http://shop.example/api/items"


def answer(*headers):
    message = Message()
    for name, value in headers:
        message[name] = value
    return SimpleNamespace(headers=message, info=lambda: message)


def told(jar, url, *headers):
    """What the jar makes of an answer: its cookies, and what it sends with the next request."""
    jar.extract_cookies(answer(*headers), Request(url))
    request = Request(url)
    jar.add_cookie_header(request)
    return sorted((c.name, c.value, c.domain, c.path) for c in jar), request.get_header("Cookie")


@pytest.mark.parametrize(
    "answers",
    [
        [()],
        [(("Content-Type", "text/plain"),)],
        [(("Set-Cookie", "a=1; Path=/"),), ()],
        [(("set-cookie", "a=1"), ("SET-COOKIE", "b=2; Path=/api")), (("Set-Cookie", "a=3"),)],
        [(("Set-Cookie", "a=1; Max-Age=0"),), ()],
        [(("Set-Cookie", "a=1; Domain=elsewhere.example"),), ()],
        [(("Set-Cookie2", "a=1; Version=1"),), ()],
        [(("Set-Cookie", ""),), ()],
    ],
)
def test_a_quick_jar_keeps_and_sends_what_any_jar_does(answers):
    quick, plain = QuickJar(), CookieJar()
    for headers in answers:
        assert told(quick, URL, *headers) == told(plain, URL, *headers)
        assert told(quick, "https://shop.example/") == told(plain, "https://shop.example/")


def test_a_quick_jar_keeps_what_a_script_puts_into_it_before_and_after():
    jar = CookieJar()
    told(jar, URL, ("Set-Cookie", "mine=1; Path=/"))
    jar.__class__ = QuickJar
    assert told(jar, URL)[1] == "mine=1"
    jar.clear()
    assert told(jar, URL) == ([], None)
