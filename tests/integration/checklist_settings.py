"""Each setting, changed between two calls that are otherwise equal: the second must go by it.

A program like ``checklist_cases.py``; calls that repeat may be served from what was worked out for the first.
"""

# ruff: noqa: ARG005, PERF401 - a table of cases, as code
from __future__ import annotations

import os
from collections import OrderedDict
from http.cookiejar import CookieJar, DefaultCookiePolicy

from checklist_cases import changed
from checklist_stage import CASES, OK, answer, main

import requests  # isort: skip
from requests.adapters import HTTPAdapter  # isort: skip
from requests.auth import HTTPBasicAuth, HTTPDigestAuth  # isort: skip
from requests.cookies import RequestsCookieJar  # isort: skip
from requests.structures import CaseInsensitiveDict  # isort: skip

CASES.clear()
USUAL = {"User-Agent": "usual", "Accept-Encoding": "gzip"}


def change(*changes):
    """A case of settings of the client, changed one after the other; the same three calls in between."""

    def register(function):
        def run(stage):
            found = []
            stage.server.lay("/set", answer(b"", "Set-Cookie: a=1; Path=/"))

            def ask():
                for _ in range(2):
                    found.append(
                        [
                            stage.get("/get?a=1"),
                            stage.post("/post", json={"a": 1}),
                            stage.get("/own", headers={"X-Own": "1"}, params={"p": "1"}),
                        ]
                    )

            ask()
            for step in function(stage, stage.client) or ():
                found.append(step)
                ask()
            return found

        CASES[function.__name__] = run
        return function

    return register(*changes)


def argument(function):
    """A case of one argument, changed in place between equal calls; yields the options of each call."""

    def run(stage):
        found = []
        for options in function():
            method = options.pop("method", "post")
            path = options.pop("path", "/same?q=1")
            found += [stage.told(getattr(stage.client, method), path, **options) for _ in range(2)]
        return found

    CASES[function.__name__] = run
    return function


# The client's own


@change
def headers_of_the_session(stage, client):
    client.headers["X"] = "1"
    yield "item set"
    client.headers["x"] = "2"
    yield "item set in another case"
    client.headers.update({"Y": "1", "User-Agent": "own"})
    yield "updated"
    client.headers.setdefault("Z", "1")
    yield "default set"
    del client.headers["X"]
    yield "deleted"
    client.headers.pop("y")
    yield "popped"
    client.headers.popitem()
    client.headers.update(USUAL)
    yield "item popped"
    client.headers["Accept"] = None
    yield "none"
    client.headers["X"] = "a\nb"
    yield "not sendable"
    client.headers["X"] = b"bytes"
    yield "bytes"
    client.headers["X"] = "☃".encode()
    yield "beyond"
    client.headers = {**USUAL, "Plain": "dict"}
    yield "a plain dict"
    client.headers["Plain"] = "changed"
    yield "a plain dict, changed"
    client.headers["plain"] = "twice"
    yield "a plain dict with one name twice"
    client.headers = CaseInsensitiveDict(USUAL, New="1")
    yield "new"
    client.headers["New"] = "2"
    yield "new, changed"
    client.headers = OrderedDict(USUAL, Z="1", A="2")
    yield "ordered"
    client.headers.move_to_end("Z")
    yield "in another order"
    client.headers = requests.utils.default_headers()
    kept = client.headers
    yield "default"
    kept["Kept"] = "1"
    yield "through another name"
    client.headers = client.headers.copy()
    kept["Kept"] = "no longer"
    yield "copied"
    client.headers["Copied"] = "1"
    yield "copy changed"


@change
def headers_without_those_that_urllib3_adds(stage, client):
    client.headers = {}
    yield "none at all"
    client.headers["User-Agent"] = "own"
    yield "one"
    client.headers = CaseInsensitiveDict()
    yield "empty"


@change
def host_header_of_the_session(stage, client):
    client.headers["Host"] = "virtual.example"
    yield "set"
    client.headers["Host"] = "other.example"
    yield "changed"
    del client.headers["Host"]
    yield "unset"


@change
def auth_of_the_session(stage, client):
    client.auth = ("a", "b")
    yield "pair"
    client.auth = HTTPBasicAuth("c", "d")
    yield "object"
    client.auth.username = "changed"
    yield "object's user changed"
    client.auth.password = "changed"
    yield "object's password changed"
    client.auth = ["e", "f"]
    yield "list"
    client.auth = lambda request: request.headers.update({"X-Signed": "1"}) or request
    yield "callable"
    client.auth = HTTPDigestAuth("g", "h")
    yield "digest"
    client.auth = ()
    yield "empty"
    client.auth = None
    yield "none"
    client.headers["Authorization"] = "Token 1"
    yield "by hand"
    client.auth = ("i", "j")
    yield "both"


@change
def params_of_the_session(stage, client):
    client.params = {"s": "1"}
    yield "set"
    client.params["s"] = "2"
    yield "changed"
    client.params = [("t", "1")]
    yield "list"
    client.params = None
    yield "none"
    client.params = {}
    client.params["u"] = "1"
    yield "in place"
    client.params.clear()
    yield "cleared"


@change
def cookies_of_the_session(stage, client):
    client.cookies.set("a", "1")
    yield "set"
    client.cookies["a"] = "2"
    yield "item"
    client.cookies.set("a", "3")
    yield "again"
    client.cookies.set("p", "1", path="/post")
    yield "path"
    client.cookies.set("d", "1", domain="elsewhere.example")
    yield "domain"
    client.cookies.set("s", "1", secure=True)
    yield "secure"
    client.cookies.update({"u": "1"})
    yield "updated"
    client.cookies.set("a", None)
    yield "removed by none"
    del client.cookies["u"]
    yield "deleted"
    next(iter(client.cookies)).value = "changed in place"
    yield "cookie changed"
    for cookie in client.cookies:
        cookie.expires = 1
    yield "expired"
    client.cookies.clear_expired_cookies()
    yield "expired, cleared"
    client.cookies.clear()
    yield "cleared"
    client.get("/set")
    yield "from a server"
    client.cookies.clear_session_cookies()
    yield "session cookies cleared"
    client.cookies = RequestsCookieJar()
    client.cookies.set("new", "1")
    yield "another jar"
    client.cookies = requests.utils.cookiejar_from_dict({"dict": "1"})
    yield "from a dict"
    other = client.cookies.copy()
    client.cookies = other
    other.set("copied", "1")
    yield "copied"
    client.cookies.set_policy(DefaultCookiePolicy(blocked_domains=["127.0.0.1"]))
    yield "policy"
    client.cookies = CookieJar()
    client.get("/set")
    yield "a plain jar"
    client.cookies.clear()
    yield "a plain jar, cleared"
    client.headers["Cookie"] = "hand=1"
    yield "by hand"
    client.cookies = requests.utils.cookiejar_from_dict({"jar": "1"})
    yield "both"


@change
def base_url_and_names_of_the_session(stage, client):
    client.base_url = stage.base + "/deeper"
    yield "base"
    client.base_url = f"http://localhost:{stage.server.port}"
    yield "host"
    client.base_url = f"http://joe:p@127.0.0.1:{stage.server.port}"
    yield "login"
    client.base_url = stage.base
    yield "back"
    client.request_name = "name"
    yield "name"
    client.request_name = None
    yield "no name"
    client.user = type("User", (), {"context": lambda self: {"who": 1}})()
    yield "user"
    client.user = None
    yield "no user"
    heard = []
    event = client.request_event
    client.request_event = type("Event", (), {"fire": lambda self, **fields: heard.append(fields["name"])})()
    yield "event"
    client.request_event = event
    yield heard


@change
def other_settings_of_the_session(stage, client):
    stage.server.moved("/get", "/get2")
    stage.server.moved("/get2", "/get3")
    yield "redirects"
    client.max_redirects = 1
    yield "one"
    client.max_redirects = 0
    yield "none"
    client.max_redirects = 30
    stage.server.lay("/get", OK)
    client.stream = True
    yield "stream"
    client.stream = False
    called = []
    client.hooks["response"].append(lambda response, **_: called.append(response.status_code))
    yield "hook"
    client.hooks["response"].clear()
    yield "hook cleared"
    client.hooks = {"response": lambda response, **_: called.append("own")}
    yield "hooks set"
    client.hooks = requests.hooks.default_hooks()
    yield called
    client.proxies = {"http": "http://127.0.0.1:9"}
    yield "proxy"
    client.proxies.clear()
    yield "proxies cleared"
    client.proxies["http"] = stage.base
    yield "a proxy that answers"
    client.proxies = {}
    client.verify = "/no/such/file"
    yield "verify"
    client.verify = False
    yield "verify off"
    client.cert = ("/no/such/cert", "/no/such/key")
    yield "cert"
    client.cert = None
    yield "cert none"


@change
def adapters_of_the_session(stage, client):
    calls = []

    class Own(HTTPAdapter):
        def send(self, request, **options):
            calls.append(request.url)
            return super().send(request, **options)

    kept = client.adapters.copy()
    client.mount("http://", Own())
    yield "mounted"
    client.mount("http://", kept["http://"])
    yield "mounted back"
    client.mount(stage.base + "/get", Own())
    yield "for one path"
    client.adapters.pop(stage.base + "/get")
    yield "popped"
    client.adapters = OrderedDict({"http://": Own()})
    yield "replaced"
    client.adapters = kept
    yield len(calls)


@change
def connections_of_the_session(stage, client):
    before = stage.server.connections
    client.close()
    yield stage.server.connections - before
    client.headers["Connection"] = "close"
    yield stage.server.connections - before
    del client.headers["Connection"]
    yield stage.server.connections - before
    client.get_adapter(stage.base).close()
    yield stage.server.connections - before


@change
def environment_that_is_trusted(stage, client):
    client.trust_env = True
    yield "trusted"
    with (
        changed(os.environ, "HTTP_PROXY", ""),
        changed(os.environ, "http_proxy", stage.base),
        changed(os.environ, "no_proxy", ""),
    ):
        yield "a proxy in the environment"
        client.trust_env = False
        yield "not trusted"
    yield "without"


@change
def listeners_of_the_event(stage, client):
    heard = []

    def hears(name, response, **_):
        heard.append([name, response.status_code, response.text])

    stage.hook.add_listener(hears)
    yield "added"
    stage.hook.remove_listener(hears)
    yield heard


@change
def methods_of_the_session(stage, client):
    told = []
    original = client.send

    def sends(request, **options):
        told.append(request.url)
        return original(request, **options)

    client.send = sends
    yield "send"
    del client.send
    yield told


# Arguments that are changed in place


@argument
def headers_argument():
    headers = {"X": "1"}
    yield {"headers": headers}
    headers["X"] = "2"
    yield {"headers": headers}
    headers["Y"] = "3"
    yield {"headers": headers}
    del headers["X"]
    yield {"headers": headers, "method": "get"}
    headers["User-Agent"] = None
    yield {"headers": headers, "method": "get"}
    headers.clear()
    yield {"headers": headers, "method": "get"}
    lists = CaseInsensitiveDict(A="1")
    yield {"headers": lists, "method": "get"}
    lists["a"] = "2"
    yield {"headers": lists, "method": "get"}
    yield {"headers": {"X": "1"}}
    yield {"headers": {"X": True}}
    yield {"headers": {"X": "1", "Y": "2"}}
    yield {"headers": {"Y": "2", "X": "1"}}
    yield {"headers": {"x": "1"}}
    yield {"headers": {"X": b"1"}}


@argument
def params_argument():
    params = {"a": "1"}
    for method in ("get", "post"):
        yield {"params": params, "method": method}
        params["a"] = "2"
        yield {"params": params, "method": method}
        params["b"] = ["1", "2"]
        yield {"params": params, "method": method}
        params["b"].append("3")
        yield {"params": params, "method": method}
        params["b"] = None
        yield {"params": params, "method": method}
        params.clear()
    for equal in (
        {"a": 1},
        {"a": "1"},
        {"a": True},
        {"a": 1.0},
        {"a": b"1"},
        {"a": ("1",)},
        {"a": 1, "b": 2},
        {"b": 2, "a": 1},
    ):
        yield {"params": equal, "method": "get"}
    pairs = [("a", "1")]
    yield {"params": pairs}
    pairs.append(("a", "2"))
    yield {"params": pairs}


@argument
def data_argument():
    data = {"a": "1"}
    yield {"data": data}
    data["a"] = "2"
    yield {"data": data}
    data["b"] = ["1"]
    yield {"data": data}
    data["b"].append("2")
    yield {"data": data}
    for equal in (b"x", "x", {"a": 1}, {"a": True}, {"a": "1"}, [("a", 1)], (("a", 1),), None, "", b"", {}):
        yield {"data": equal}


@argument
def json_argument():
    payload = {"a": 1, "deep": {"list": [1]}}
    yield {"json": payload}
    payload["a"] = 2
    yield {"json": payload}
    payload["deep"]["list"].append(2)
    yield {"json": payload}
    for equal in (
        1,
        True,
        1.0,
        "1",
        [1],
        [True],
        (1,),
        {"a": 1},
        {"a": True},
        {"a": 1.0},
        {"b": 1, "a": 2},
        {"a": 2, "b": 1},
        0,
        False,
        0.0,
        -0.0,
        {},
        [],
        None,
    ):
        yield {"json": equal}


@argument
def auth_argument():
    basic = HTTPBasicAuth("a", "b")
    yield {"auth": basic}
    basic.username = "c"
    yield {"auth": basic}
    basic.password = "d"
    yield {"auth": basic, "method": "get"}
    pair = ["a", "b"]
    yield {"auth": tuple(pair)}
    pair[1] = "c"
    yield {"auth": tuple(pair)}
    yield {"auth": None}

    def signs(request):
        request.headers["X-Sign"] = str(len(pair))
        return request

    yield {"auth": signs}
    pair.append("d")
    yield {"auth": signs}


@argument
def cookies_argument():
    cookies = {"a": "1"}
    yield {"cookies": cookies}
    cookies["a"] = "2"
    yield {"cookies": cookies}
    jar = RequestsCookieJar()
    jar.set("j", "1")
    yield {"cookies": jar}
    jar.set("j", "2")
    yield {"cookies": jar}
    yield {"cookies": {}}
    yield {"cookies": None}


@argument
def names_and_contexts():
    context = {"a": 1}
    yield {"context": context, "name": "one"}
    context["a"] = 2
    yield {"context": context, "name": "one"}
    yield {"name": "two"}
    yield {"name": None}
    yield {}


@argument
def methods_paths_and_flags():
    for method in ("get", "post", "put", "head", "options", "get", "delete", "patch"):
        yield {"method": method}
        yield {"method": method, "path": "/other"}
        yield {"method": method, "path": "/same?q=2"}
        yield {"method": method, "allow_redirects": False}
        yield {"method": method, "timeout": 5}
        yield {"method": method, "timeout": (5, 5)}
        yield {"method": method, "verify": False}
        yield {"method": method, "stream": True}


if __name__ == "__main__":
    main()
