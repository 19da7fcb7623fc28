"""A watched jar sends what requests' own would, whatever is done to it."""

from __future__ import annotations

import copy
import http.client
import http.cookiejar
import pickle
import time
from http.cookiejar import DefaultCookiePolicy
from types import SimpleNamespace

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict

from loadproof.http import cookies as module
from loadproof.http.cookies import WatchedJar, cookie_line, watched_jar
from loadproof.http.headers import HeadLines
from loadproof.http.target import target_of

HEAD = HeadLines(CaseInsensitiveDict())
URLS = [
    "http://shop.example/", "http://shop.example/api/items?x=1", "http://shop.example/apix", "https://shop.example/api",
    "http://shop.example:8080/", "http://www.shop.example/api/", "http://other.example/", "http://localhost/",
    "http://127.0.0.1:5000/api", "https://127.0.0.1/", "http://[::1]/",
]  # fmt: skip


class Clock:
    now = 1_000_000.0

    def time(self):
        return self.now

    def __getattr__(self, name):
        return getattr(time, name)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(http.cookiejar, "time", clock)
    monkeypatch.setattr(module, "time", clock)
    return clock


def theirs(jar, url):
    line = requests.Request("GET", url, cookies=jar).prepare().headers.get("Cookie")
    return b"" if line is None else f"Cookie: {line}\r\n".encode("latin-1")


def ours(jar, url):
    return jar.line(target_of("GET", url), HEAD)


def both():
    return watched_jar(RequestsCookieJar()), RequestsCookieJar()


def answered(jar, url, *lines):
    message = http.client.HTTPMessage()
    for line in lines:
        message.add_header("Set-Cookie", line)
    raw = SimpleNamespace(_original_response=SimpleNamespace(msg=message))
    extract_cookies_to_jar(jar, requests.Request("GET", url).prepare(), raw)


def in_place(jar, which, **changes):
    for number, cookie in enumerate(jar):
        if number == which:
            for name, value in changes.items():
                setattr(cookie, name, value)


def policy(jar, **rules):
    jar.set_policy(DefaultCookiePolicy(**rules))


NAMES = st.sampled_from(["a", "b", "sid", "x-y"])
VALUES = st.sampled_from(["1", "2", "", "a b", '"quoted"', "\u00e4", "x=y;z"])
DOMAINS = st.sampled_from(
    ["", "", ".shop.example", "shop.example", "www.shop.example", "other.example", "localhost.local", "127.0.0.1"]
)
PLACES = st.sampled_from(["/", "/", "/api", "/api/", "/api/items"])
MOMENTS = st.sampled_from([None, None, 999_990, 1_000_005, 1_000_005, 1_000_060, 0])
SECURE = st.sampled_from([False, False, False, True])
SET_COOKIE = st.builds(
    "{}={}{}".format,
    NAMES,
    st.sampled_from(["1", "2", "", '"q"']),
    st.lists(
        st.sampled_from([
            "; Path=/", "; Path=/api", "; Domain=shop.example", "; Domain=.shop.example", "; Domain=other.example", "; Secure",
            "; HttpOnly", "; Max-Age=5", "; Max-Age=0", "; Max-Age=60", "; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "; Expires=Mon, 12 Jan 1970 13:47:00 GMT", "; SameSite=Lax",
        ]), max_size=3,
    ).map("".join),
)  # fmt: skip
OPERATIONS = st.one_of(
    st.builds(
        lambda name, value, domain, path, secure, expires: (
            lambda jar: jar.set(name, value, domain=domain, path=path, secure=secure, expires=expires)
        ),
        NAMES, VALUES, DOMAINS, PLACES, SECURE, MOMENTS,
    ),
    st.builds(lambda name, value: lambda jar: jar.__setitem__(name, value), NAMES, VALUES),
    st.builds(lambda name: lambda jar: jar.__delitem__(name), NAMES),
    st.builds(lambda name: lambda jar: jar.set(name, None), NAMES),
    st.builds(lambda name: lambda jar: jar.pop(name), NAMES),
    st.builds(lambda values: lambda jar: jar.update(values), st.dictionaries(NAMES, VALUES, max_size=2)),
    st.builds(lambda name, domain: lambda jar: jar.clear(domain or None) or name, NAMES, DOMAINS),
    st.builds(lambda name, domain, path: lambda jar: jar.clear(domain, path, name), NAMES, DOMAINS, PLACES),
    st.just(lambda jar: jar.clear_session_cookies()),
    st.just(lambda jar: jar.clear_expired_cookies()),
    st.just(lambda jar: list(jar) and jar.set_cookie(copy.copy(next(iter(jar))))),
    st.builds(lambda which, value: lambda jar: in_place(jar, which, value=value), st.integers(0, 3), VALUES),
    st.builds(lambda which, moment: lambda jar: in_place(jar, which, expires=moment), st.integers(0, 3), MOMENTS),
    st.builds(lambda url, lines: lambda jar: answered(jar, url, *lines), st.sampled_from(URLS), st.lists(SET_COOKIE, max_size=2)),
    st.sampled_from([
        policy, lambda jar: policy(jar, blocked_domains=["shop.example"]),
        lambda jar: policy(jar, allowed_domains=["localhost.local"]), lambda jar: policy(jar, strict_ns_domain=3),
        lambda jar: policy(jar, secure_protocols=("http", "https")),
    ]),
    st.sampled_from([1.0, 4.0, 5.5, 60.0]),
)  # fmt: skip
STEPS = st.lists(st.tuples(OPERATIONS, st.lists(st.sampled_from(URLS), max_size=4)), max_size=12)


def done(operation, jar):
    try:
        operation(jar)
    except Exception as error:  # noqa: BLE001 - which one is the outcome
        return type(error), str(error)
    return None


def asked(function, jar, url):
    try:
        return function(jar, url)
    except Exception as error:  # noqa: BLE001 - which one is the outcome
        return type(error)


@given(steps=STEPS)
@settings(max_examples=300, deadline=None)
def test_whatever_is_done_to_a_jar_it_sends_what_requests_sends(steps):
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(http.cookiejar, "time", clock)
        patch.setattr(module, "time", clock)
        watched, plain = both()
        for operation, urls in steps:
            if isinstance(operation, float):
                clock.now += operation
            else:
                assert done(operation, watched) == done(operation, plain)
            for url in urls:
                assert asked(ours, watched, url) == asked(theirs, plain, url)
        for url in URLS * 2:
            assert asked(ours, watched, url) == asked(theirs, plain, url)


@given(base=st.lists(st.sampled_from(["a", "b", "ab", "api", "%7e", "A", "..", ""]), max_size=4), place=PLACES)
@example(base=["api"], place="/api")
@settings(max_examples=150, deadline=None)
def test_a_cookie_is_sent_below_its_path(base, place):
    watched, plain = both()
    url = "http://shop.example/" + "/".join(base)
    for jar in (watched, plain):
        jar.set("root", "1")
        jar.set("deep", "2", path=place)
        jar.set("deeper", "3", path=place.rstrip("/") + "/a")
    for _ in range(2):
        assert ours(watched, url) == theirs(plain, url)


def test_an_empty_jar_sends_nothing():
    assert ours(both()[0], "http://shop.example/") == b""


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://shop.example/", b"Cookie: all=1; host=2\r\n"),
        ("http://shop.example/?q=/api", b"Cookie: all=1; host=2\r\n"),
        ("http://shop.example/api/x", b"Cookie: api=4; all=1; host=2\r\n"),
        ("https://shop.example/", b"Cookie: all=1; host=2; safe=3\r\n"),
        ("http://shop.example:81/", b"Cookie: all=1; host=2\r\n"),
        ("http://other.example/", b"Cookie: all=1\r\n"),
        ("http://www.shop.example/", b"Cookie: all=1; host=2\r\n"),
        ("http://myshop.example/", b"Cookie: all=1\r\n"),
    ],
)
def test_a_cookie_is_sent_where_it_belongs(url, line):
    watched, plain = both()
    for jar in (watched, plain):
        jar.set("all", "1")
        jar.set("host", "2", domain="shop.example")
        jar.set("safe", "3", domain="shop.example", secure=True)
        jar.set("api", "4", path="/api", domain="shop.example")
    assert theirs(plain, url) == ours(watched, url) == ours(watched, url)
    assert {*ours(watched, url)[8:-2].split(b"; ")} == {*line[8:-2].split(b"; ")}


def test_a_cookie_expires_between_two_questions(clock):
    watched, plain = both()
    for jar in (watched, plain):
        jar.set("stays", "1")
        jar.set("goes", "2", expires=int(clock.now) + 5)
    url = "http://shop.example/"
    assert ours(watched, url) == theirs(plain, url) == b"Cookie: stays=1; goes=2\r\n"
    clock.now += 4.999
    assert ours(watched, url) == theirs(plain, url) == b"Cookie: stays=1; goes=2\r\n"
    clock.now += 0.001
    assert ours(watched, url) == theirs(plain, url) == b"Cookie: stays=1\r\n"
    assert len(watched) == 1


def test_a_cookie_changed_where_it_lies_is_seen(clock):
    watched, plain = both()
    url = "http://shop.example/"
    for changes in ({"value": "2"}, {"expires": int(clock.now) + 5}, {"value": "3"}, {"expires": int(clock.now) - 5}):
        for jar in (watched, plain):
            jar.set("a", "1")
        assert ours(watched, url) == theirs(plain, url) == b"Cookie: a=1\r\n"
        for jar in (watched, plain):
            in_place(jar, 0, **changes)
        assert ours(watched, url) == theirs(plain, url)
    assert len(watched) == len(plain) == 0


def test_a_jar_that_does_not_change_is_not_asked_again(monkeypatch):
    watched, _ = both()
    watched.set("a", "1")
    questions = []
    monkeypatch.setattr(module, "cookie_line", lambda *asked: questions.append(asked) or cookie_line(*asked))
    for _ in range(3):
        for url in (
            "http://shop.example/",
            "http://shop.example/?q=1",
            "http://shop.example/b",
            "https://shop.example/",
        ):
            assert ours(watched, url) == b"Cookie: a=1\r\n"
    assert len(questions) == 3
    watched.set("a", "2")
    assert ours(watched, "http://shop.example/") == b"Cookie: a=2\r\n"
    assert len(questions) == 4


def test_many_paths_are_answered_and_few_kept():
    watched, plain = both()
    for jar in (watched, plain):
        jar.set("a", "1", path="/1")
    for number in [*range(200), *range(200)]:
        url = f"http://shop.example/{number}"
        assert ours(watched, url) == theirs(plain, url)
        assert len(watched._lines) <= 64


def test_a_copy_and_a_pickle_are_jars_of_their_own():
    watched, _ = both()
    watched.set("a", "1")
    url = "http://shop.example/"
    assert ours(watched, url) == b"Cookie: a=1\r\n"
    for other in (watched.copy(), pickle.loads(pickle.dumps(watched))):
        other.set("a", "2")
        assert theirs(other, url) == b"Cookie: a=2\r\n"
        assert ours(watched_jar(other), url) == b"Cookie: a=2\r\n"
    assert ours(watched, url) == b"Cookie: a=1\r\n"


def test_only_a_sessions_own_kind_of_jar_is_watched():
    class Own(RequestsCookieJar):
        pass

    own, standard, none = Own(), http.cookiejar.CookieJar(), None
    assert [watched_jar(jar) for jar in (own, standard, none)] == [own, standard, none]
    assert type(own) is Own
    assert type(watched_jar(RequestsCookieJar())) is WatchedJar


def test_any_other_jar_gives_its_line_too():
    jar = http.cookiejar.CookieJar()
    answered(jar, "http://shop.example/", "a=1; Path=/api", "b=2")
    for url in URLS:
        assert cookie_line(jar, target_of("GET", url), HEAD) == theirs(jar, url)


def test_a_call_with_a_cookie_header_of_its_own_does_not_count_as_the_jars():
    jar = RequestsCookieJar()
    jar.set("a", "1")
    head = HeadLines(CaseInsensitiveDict({"Cookie": "b=2"}))
    assert cookie_line(jar, target_of("GET", "http://shop.example/"), head) == b"Cookie: a=1\r\n"
    assert head.fields["Cookie"] == "b=2"
