"""A URL goes where requests would send it, and its first lines are those that urllib3 would write."""

from __future__ import annotations

from urllib.parse import quote

import pytest
import requests
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from urllib3.connectionpool import _encode_target

from loadproof.http.target import target_for, target_of, target_with


def theirs(method, url, params=None):
    session = requests.Session()
    session.trust_env = False
    prepared = session.prepare_request(requests.Request(method, url, params=params, auth=lambda asked: asked))
    adapter = session.get_adapter(prepared.url)
    pool = adapter.get_connection_with_tls_context(prepared, verify=True)
    connection = pool.ConnectionCls(pool.host, pool.port)
    connection.putrequest(prepared.method, str(_encode_target(adapter.request_url(prepared, {}))))
    lines = b"".join(line + b"\r\n" for line in connection._buffer[:2])
    return prepared.url, prepared.path_url, pool.scheme, pool.host, pool.port, lines


def of(target):
    origin = target.origin
    return target.url, target.path_url, "https" if origin.secure else "http", origin.host, origin.port, target.start


def outcome(function, *arguments):
    try:
        return function(*arguments)
    except Exception as error:  # noqa: BLE001 - which one is the outcome
        return type(error)


def ours(method, base, url, params=None):
    return of(target_for(method, base, url) if params is None else target_with(method, base, url, params))


def complete(base, url):
    return url if url.lower().startswith(("http://", "https://")) else base + url


HOSTS = st.one_of(
    st.sampled_from([
        "shop", "SHOP.example", "127.0.0.1", "127.1", "256.1.1.1", "[::1]", "[::ffff:1.2.3.4]", "[::1", "b\u00fccher.de",
        "\u2713.example", "xn--bcher-kva.de", "xn--a", "a_b.c", "-a-", "a..b", ".a", "*.a", "a b", "", "a%20b", "a" * 64,
        "user@shop", "user:pass@shop", "u%40:p@shop", "\u00fc:\u00e4@shop", "@shop", "a@b@shop", "sh\\op",
    ]),
    st.from_regex(r"[a-zA-Z0-9-]{1,8}(\.[a-z0-9]{1,4}){0,2}", fullmatch=True),
)  # fmt: skip
PORTS = st.sampled_from(
    ["", "", "", ":", ":80", ":443", ":8080", ":0", ":080", ":65535", ":65536", ":99999", ":-1", ":x"]
)
SCHEMES = st.sampled_from(["http", "http", "http", "https", "https", "HTTP", "hTTps", "ftp", "httpx", "http+unix", ""])
PARTS = st.one_of(
    st.sampled_from([
        "/", "/", "//", ".", "..", "./", "../", "a", "items", "7", ";v=1", ":", "@", "%", "%2", "%2f", "%2F", "%7E", "%zz",
        "%C3%A4", "~", "?", "&", "=", "+", "q=1", "#", "#top", " ", "\t", "\n", "\u00e4", "\u2713", "\U0001f600", "'", '"', "|",
        "\\", "[", "]", "{", "}", "<", ">", "^", "`", "!", "$", "*", "(", ")", ",", "http://other/x", "\x00", "\x7f", "\x85",
    ]),
    st.text(max_size=3),
)  # fmt: skip
PATHS = st.lists(PARTS, max_size=7).map("".join)
BASES = st.builds("{}://{}{}{}".format, SCHEMES, HOSTS, PORTS, st.sampled_from(["", "", "/", "/api", "/api/", "?a=1"]))
VALUES = st.one_of(st.text(max_size=4), st.integers(), st.floats(), st.booleans(), st.none(), st.binary(max_size=3))
PARAMS = st.one_of(
    st.dictionaries(st.text(max_size=4), st.one_of(VALUES, st.lists(VALUES, max_size=3)), max_size=4),
    st.lists(st.tuples(st.text(max_size=4), VALUES), max_size=4),
    st.text(max_size=6),
    st.sampled_from(["a=1&b=2", b"a=1", "", b"", "#", "a b", "?", {"a": ["x", "y"]}, {"~": "*+ "}, {"": ""}]),
)


def said_otherwise(seen):
    """Whether the Host header is known to differ; see the tests below."""
    return isinstance(seen, tuple) and (seen[3].endswith(".") or (":" in seen[3] and "%" in seen[3]))


@given(method=st.sampled_from(["GET", "post", "HEAD"]), base=BASES, path=PATHS)
@example(method="GET", base="http://shop", path="")
@example(method="GET", base="http://shop", path="//double")
@example(method="GET", base="http://shop", path="@elsewhere/")
@example(method="GET", base="http://shop", path=":81/")
@settings(max_examples=300, deadline=None)
def test_a_url_goes_where_requests_sends_it(method, base, path):
    seen = outcome(ours, method, base, path)
    assume(not said_otherwise(seen))
    assert seen == outcome(theirs, method, complete(base, path))


@given(base=BASES, path=PATHS, params=PARAMS)
@example(base="http://shop", path="/a#top", params={"b": 1})
@example(base="http://shop", path="/a?", params={"b": 1})
@example(base="http://shop", path="/a?x", params=[("b", None)])
@example(base="http://shop", path="", params={"b": "\u00e4"})
@settings(max_examples=200, deadline=None)
def test_parameters_are_written_where_requests_writes_them(base, path, params):
    seen = outcome(ours, "GET", base, path, params)
    assume(not said_otherwise(seen))
    assume(not isinstance(params, str) or not {"[", "]"} & set(params))
    assert seen == outcome(theirs, "GET", complete(base, path), params)


@given(path=st.from_regex(r"/[A-Za-z0-9_.~!$&'()*+,;=:@/?-]{0,12}", fullmatch=True))
@settings(max_examples=200, deadline=None)
def test_what_is_taken_letter_by_letter_is_what_requests_leaves_alone(path):
    assert ours("GET", "http://shop:8080", path) == theirs("GET", f"http://shop:8080{path}")


@given(text=st.text(max_size=12))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_url_or_the_same_error(text):
    seen = outcome(ours, "GET", "", text)
    assume(not said_otherwise(seen))
    assert seen == outcome(theirs, "GET", text)


@pytest.mark.parametrize(
    ("base", "path", "url", "path_url", "start"),
    [
        ("http://shop", "/", "http://shop/", "/", "GET / HTTP/1.1|Host: shop"),
        ("http://shop", "", "http://shop/", "/", "GET / HTTP/1.1|Host: shop"),
        ("http://shop:80", "/a", "http://shop:80/a", "/a", "GET /a HTTP/1.1|Host: shop"),
        ("http://shop:8080", "/a", "http://shop:8080/a", "/a", "GET /a HTTP/1.1|Host: shop:8080"),
        ("https://shop:443", "/a", "https://shop:443/a", "/a", "GET /a HTTP/1.1|Host: shop"),
        ("https://shop:80", "/a", "https://shop:80/a", "/a", "GET /a HTTP/1.1|Host: shop:80"),
        ("http://SHOP", "/A", "http://shop/A", "/A", "GET /A HTTP/1.1|Host: shop"),
        ("http://shop/api", "/a", "http://shop/api/a", "/api/a", "GET /api/a HTTP/1.1|Host: shop"),
        ("http://shop/api/", "../a", "http://shop/a", "/a", "GET /a HTTP/1.1|Host: shop"),
        ("http://shop", "/a/./b/../c", "http://shop/a/c", "/a/c", "GET /a/c HTTP/1.1|Host: shop"),
        ("http://shop", "//a", "http://shop//a", "//a", "GET //a HTTP/1.1|Host: shop"),
        ("http://shop", "/a b", "http://shop/a%20b", "/a%20b", "GET /a%20b HTTP/1.1|Host: shop"),
        ("http://shop", "/\u00e4", "http://shop/%C3%A4", "/%C3%A4", "GET /%C3%A4 HTTP/1.1|Host: shop"),
        ("http://shop", "/%7e%2f", "http://shop/~%2F", "/~%2F", "GET /~%2F HTTP/1.1|Host: shop"),
        ("http://shop", "/50%", "http://shop/50%25", "/50%25", "GET /50%25 HTTP/1.1|Host: shop"),
        ("http://shop", "?q=1", "http://shop/?q=1", "/?q=1", "GET /?q=1 HTTP/1.1|Host: shop"),
        ("http://shop", "/a?", "http://shop/a", "/a", "GET /a HTTP/1.1|Host: shop"),
        ("http://shop", "/a?x=1#top", "http://shop/a?x=1#top", "/a?x=1", "GET /a?x=1 HTTP/1.1|Host: shop"),
        ("http://[::1]:81", "/", "http://[::1]:81/", "/", "GET / HTTP/1.1|Host: [::1]:81"),
        ("http://b\u00fccher.de", "/", "http://xn--bcher-kva.de/", "/", "GET / HTTP/1.1|Host: xn--bcher-kva.de"),
        ("http://shop", "http://other/x", "http://other/x", "/x", "GET /x HTTP/1.1|Host: other"),
        ("http://shop", "HTTPS://other/x", "https://other/x", "/x", "GET /x HTTP/1.1|Host: other"),
    ],
)
def test_a_url_becomes_these_lines(base, path, url, path_url, start):
    target = target_for("GET", base, path)
    assert (target.url, target.path_url) == (url, path_url)
    assert target.start.decode() == start.replace("|", "\r\n") + "\r\n"
    assert target.line == target.start[: len(target.line)]
    assert of(target) == theirs("GET", complete(base, path))


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("", requests.exceptions.MissingSchema),
        ("/a", requests.exceptions.MissingSchema),
        ("shop/a", requests.exceptions.MissingSchema),
        ("http://", requests.exceptions.InvalidURL),
        ("http:///a", requests.exceptions.InvalidURL),
        ("http://shop:99999/", requests.exceptions.InvalidURL),
        ("http://*.shop/", requests.exceptions.InvalidURL),
        ("http://[::1/", requests.exceptions.InvalidURL),
        ("ftp://shop/", requests.exceptions.InvalidSchema),
        ("httpx://shop/", requests.exceptions.InvalidSchema),
        ("mailto:a@shop", requests.exceptions.InvalidSchema),
    ],
)
def test_what_is_no_url_is_the_same_error(url, error):
    assert outcome(ours, "GET", "", url) is outcome(theirs, "GET", url) is error


@pytest.mark.parametrize(
    ("method", "url", "odd"),
    [
        ("GET", "http://shop/", False),
        ("get", "http://shop/a@b", False),
        ("PROPFIND", "http://shop/", False),
        ("M-SEARCH", "http://shop/", True),
        ("", "http://shop/", True),
        ("G\u00c4T", "http://shop/", True),
        ("GET", "http://u:p@shop/", True),
        ("GET", "http://u@shop/", True),
    ],
)
def test_only_strange_methods_and_credentials_are_left_to_requests(method, url, odd):
    assert target_of(method, url).odd is odd
    assert target_with(method, "", url, {"a": 1}).odd is odd


@pytest.mark.parametrize(
    ("method", "empty", "head_only"),
    [
        ("GET", b"", False),
        ("head", b"", True),
        ("Post", b"Content-Length: 0\r\n", False),
        ("DELETE", b"Content-Length: 0\r\n", False),
    ],
)
def test_a_method_says_whether_there_are_bodies(method, empty, head_only):
    target = target_for(method, "http://shop", "/")
    assert (target.empty, target.head_only, target.upper, target.method) == (empty, head_only, method.upper(), method)


def test_one_origin_is_one_object():
    first = target_for("GET", "http://shop:8080", "/a").origin
    assert target_for("POST", "http://shop:8080", "/b?c=1").origin is first
    assert target_with("GET", "http://shop:8080", "/b", {"c": quote("\u00e4")}).origin is first
    assert target_for("GET", "http://shop:8081", "/a").origin is not first
    assert target_for("GET", "https://shop:8080", "/a").origin is not first
    assert target_for("GET", "http://Shop:8080", "/a b").origin is first


@pytest.mark.parametrize("url", ["http://shop./a", "https://shop.:8443/a", "http://[fe80::1%25eth0]/a"])
def test_the_host_header_has_neither_final_dot_nor_zone(url):
    assert said_otherwise(ours("GET", "", url))
    assert of(target_of("GET", url)) == theirs("GET", url)


@pytest.mark.parametrize("params", ["filter[name]=x", b"a[]=1"])
def test_brackets_in_parameters_given_as_text_are_quoted(params):
    assert ours("GET", "http://shop", "/a", params) == theirs("GET", "http://shop/a", params)
