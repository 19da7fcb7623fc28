"""The boxes of the compatibility checklist, as cases; each is named after its box. Prints what was seen as JSON."""

# ruff: noqa: ARG002, ARG005, B008, FBT003, PERF401, TRY301 - a table of cases, as code
from __future__ import annotations

import copy
import gzip
import http.client
import inspect
import io
import json
import logging
import os
import pickle
import re
import tempfile
from collections import OrderedDict
from contextlib import contextmanager, redirect_stdout
from functools import partial
from http.cookiejar import CookieJar
from pathlib import Path

from checklist_stage import OK, answer, calls, case, cookies_of, main, raised, seen_of, shown, tried
from locust import HttpUser
from locust.env import Environment
from locust.event import Events
from locust.exception import RescheduleTask, ResponseError, StopUser

import gevent  # isort: skip
import locust.user.users  # isort: skip
import requests  # isort: skip
import urllib3  # isort: skip
from requests.adapters import HTTPAdapter  # isort: skip
from requests.auth import AuthBase, HTTPBasicAuth, HTTPProxyAuth  # isort: skip
from requests.cookies import RequestsCookieJar  # isort: skip

VERBS = ("get", "options", "head", "delete", "post", "put", "patch")

zipped = partial(gzip.compress, mtime=0)  # else each has its second in it


@contextmanager
def changed(owner, name, value):
    """An attribute, or an item, that is something else for the time of the block."""
    put = owner.__setitem__ if isinstance(owner, dict | os._Environ) else lambda key, new: setattr(owner, key, new)
    before = owner.get(name) if isinstance(owner, dict | os._Environ) else getattr(owner, name)
    put(name, value)
    try:
        yield
    finally:
        if before is None and isinstance(owner, dict | os._Environ):
            del owner[name]
        else:
            put(name, before)


def users_of(stage, **attributes):
    """A class of users that make their clients as Locust does."""
    events = Events()
    events.request = stage.hook
    environment = Environment(events=events)
    kind = type("Someone", (HttpUser,), {"host": stage.base, "abstract": False, **attributes})

    def new():
        with changed(locust.user.users, "HttpSession", stage.session_class):
            return kind(environment)

    return new


# 3.1 Construction and attributes


@case
def session_has_the_attributes_of_requests(stage):
    client = stage.session_class(stage.base, stage.hook, None)
    names = (
        "base_url",
        "user",
        "request_name",
        "auth",
        "params",
        "verify",
        "cert",
        "proxies",
        "hooks",
        "stream",
        "max_redirects",
        "trust_env",
    )
    return [
        {name: getattr(client, name) for name in names},
        list(client.headers.items()),
        isinstance(client.cookies, RequestsCookieJar),
        client.request_event is stage.hook,
        isinstance(client, requests.Session),
        list(client.adapters),
        [isinstance(client.get_adapter(scheme + "://x"), HTTPAdapter) for scheme in ("http", "https")],
        tried(client.get_adapter, "ftp://x"),
        client.get_adapter("http://x").max_retries.total,
        [
            callable(getattr(client, name))
            for name in ("mount", "send", "prepare_request", "merge_environment_settings")
        ],
        client.merge_environment_settings("http://h/", {}, None, None, None),
    ]


@case
def session_attributes_can_be_set_and_read_back(stage):
    client, found = stage.client, []
    values = {
        "headers": {"X": "1"}, "auth": ("a", "b"), "params": {"p": "1"}, "verify": False, "cert": ("c", "k"), "proxies": {"ftp": "x"},
        "hooks": {"response": [print]}, "stream": True, "max_redirects": 3, "trust_env": True, "base_url": "http://other",
        "request_event": "e", "user": "u", "request_name": "n", "cookies": RequestsCookieJar(), "own": 1,
    }  # fmt: skip
    for name, value in values.items():
        setattr(client, name, value)
        found.append(
            [name, getattr(client, name) == value, type(getattr(client, name)).__name__ if name == "headers" else ""]
        )
    return found


@case
def session_takes_keywords_and_no_others(stage):
    made = stage.session_class(base_url=stage.base, request_event=stage.hook, user=None, pool_manager=None)
    return [
        made.get("/json").status_code,
        tried(stage.session_class, stage.base),
        tried(stage.session_class, stage.base, None, None, x=1),
    ]


@case
def session_is_a_context_manager(stage):
    with stage.client as client:
        found = stage.get()
    return [client is stage.client, found, stage.get(), stage.server.connections]


@case
def session_can_be_copied_and_pickled_as_far_as_locusts_can(stage):
    return [
        tried(lambda: type(pickle.loads(pickle.dumps(stage.client.headers))).__mro__[-2].__name__),
        tried(pickle.dumps, stage.client)[0],
    ]


@case
def trust_env_is_off_only_in_clients_of_users(stage):
    new = users_of(stage)
    return [new().client.trust_env, stage.session_class(stage.base, stage.hook, None).trust_env]


@case
def trust_env_takes_proxies_and_netrc_from_the_environment(stage):
    found = []
    stage.client.trust_env = True
    with changed(os.environ, "http_proxy", stage.base), changed(os.environ, "no_proxy", ""):
        found.append(stage.told(stage.client.get, "http://elsewhere.invalid/through?a=1"))
        stage.client.trust_env = False
        found.append(stage.get("/direct"))
    with tempfile.NamedTemporaryFile("w", suffix="netrc") as netrc:
        netrc.write("machine 127.0.0.1 login joe password secret\n")
        netrc.flush()
        with changed(os.environ, "NETRC", netrc.name):
            found.append(stage.get("/without"))
            stage.client.trust_env = True
            found.append(stage.get("/with"))
    return found


@case
def basic_auth_of_the_base_url_is_decoded_and_taken_off(stage):
    found = []
    for login in ("joe:p%40s%3As", "joe:", "joe", ":p", "jo%C3%A9:p", "a%2Fb:c%2Fd"):
        client = stage.session(f"http://{login}@127.0.0.1:{stage.server.port}/base")
        found.append(
            [client.base_url, tried(lambda c=client: [c.auth.username, c.auth.password]), stage.told(client.get, "/x")]
        )
    stage.server.seen.append("--")
    client = stage.session("http://joe:p@[::1]:9/base")
    return [*found, client.base_url, client.auth.username, stage.told(client.get, "/x")]


@case
def basic_auth_of_one_url_counts_for_that_call(stage):
    url = f"http://joe:p%40ss@127.0.0.1:{stage.server.port}/x"
    return [stage.told(stage.client.get, url), stage.get("/y"), stage.told(stage.client.get, url, auth=("ann", "x"))]


@case
def urls_are_put_together_without_any_normalising(stage):
    found = []
    for base, path in (
        ("/", "/p"), ("/", "p"), ("", "/p"), ("/base", "/p"), ("/base", "p"), ("/base?x=1", "&y=2"), ("", ""), ("/a/../b", "/./c"), ("/b", "//c//d/"),
    ):  # fmt: skip
        client = stage.session(stage.base + base)
        found.append(stage.told(client.get, path))
    for absolute in (
        "HTTP://127.0.0.1:{}/p",
        "hTTp://127.0.0.1:{}",
        "http://127.0.0.1:{}?q",
        "http://LOCALHOST:{}/P",
        "http:/x",
        "httpx://h/",
    ):
        found.append(stage.told(stage.client.get, absolute.format(stage.server.port)))
    return found


@case
def urls_may_be_anything_that_requests_takes(stage):
    class Text(str):
        __slots__ = ()

    found = [stage.get(Text("/sub")), stage.told(stage.client.request, Text("GET"), "/sub")]
    for method, url in (
        (b"GET", "/x"),
        ("GET", b"/x"),
        ("GET", None),
        (None, "/x"),
        ("", "/x"),
        ("GET", 5),
        ("GE\nT", "/x"),
        ("gét", "/x"),
    ):
        found.append(stage.told(stage.client.request, method, url))
    found.extend(
        stage.get(url) for url in ("/x\ny", "/tab\there", " /blank", "/x ", "\x00/null", "/%", "/%4", "/%e4%zz")
    )
    return found


@case
def one_jar_and_one_pool_for_each_user(stage):
    stage.server.lay("/set", answer(b"", "Set-Cookie: who=first; Path=/"))
    first, second = stage.session(), stage.session()
    for client in (first, second):
        for path in ("/set", "/json", "/json"):
            if not (client is second and path == "/set"):
                client.get(path)
    return [cookies_of(first.cookies), cookies_of(second.cookies), stage.server.connections]


@case
def a_pool_of_a_class_of_users_is_shared(stage):
    counts = []
    for attributes in ({}, {"pool_manager": urllib3.PoolManager(maxsize=1, block=True)}):
        new = users_of(stage, **attributes)
        before = stage.server.connections
        users = [new(), new()]
        for _ in range(3):
            for user in users:
                user.client.get("/json")
        counts.append(stage.server.connections - before)
    return counts


@case
def a_closed_client_opens_a_new_connection(stage):
    found = [stage.get(), stage.get(), stage.server.connections]
    stage.client.close()
    found += [stage.get(), stage.get(), stage.server.connections]
    stage.client.headers["Connection"] = "close"
    found += [stage.get(), stage.get(), stage.server.connections]
    return found


@case
def connection_close_is_honoured_from_either_side(stage):
    stage.server.lay("/bye", answer(b"bye", "Connection: close"), then="close")
    found = []
    for options in ({"headers": {"Connection": "close"}}, {}, {}, {"headers": {"connection": "Close"}}, {}):
        found += [stage.get(**options), stage.server.connections]
    return [*found, stage.get("/bye"), stage.server.connections, stage.get(), stage.server.connections]


@case
def prepared_requests_are_sent_unrecorded(stage):
    stage.client.get("/first")
    stage.client.headers["X-Session"] = "1"
    stage.client.cookies.set("c", "1")
    stage.server.moved("/hop", "/there")
    found = []
    for request in (
        requests.Request("GET", stage.base + "/sent", params={"a": "1"}, headers={"X": "2"}),
        requests.Request("POST", stage.base + "/sent", json={"a": 1}, auth=("a", "b")),
        requests.Request("POST", stage.base + "/sent", files={"f": ("n", b"content")}),
        requests.Request("PUT", stage.base + "/hop", data=iter([b"1", b"2"])),
    ):
        prepared = stage.client.prepare_request(request)
        response = stage.client.send(prepared, timeout=3)
        found.append(
            [
                response.status_code,
                response.text,
                len(response.history),
                shown(dict(response.headers)),
                response.elapsed.total_seconds() > 0,
            ]
        )
    bare = requests.Request("GET", stage.base + "/bare").prepare()
    response = stage.client.send(bare, stream=True)
    found.append(
        [response.raw.read().decode(), isinstance(stage.client.send(bare, allow_redirects=False), requests.Response)]
    )
    return [found, len(stage.events)]


# 3.2 The call


@case
def signatures_are_those_of_locust(stage):
    found = []
    for verb in ("request", *VERBS):
        parameters = inspect.signature(getattr(stage.client, verb)).parameters.values()
        found.append(
            [verb, [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD], parameters.__len__() > 2]
        )
    client = stage.client
    return [
        found,
        stage.told(client.request, "GET", "/a", "named", False, {"k": 1}),
        stage.told(client.post, "/a", {"d": 1}, {"j": 1}),
        stage.told(client.put, "/a", "data"),
        stage.told(client.patch, "/a", b"data"),
        stage.told(client.request, method="post", url="/a", name="n", context={"c": 2}, json=[1]),
        tried(client.get, "/a", {"p": 1}),
        tried(client.request, "GET", "/a", "n", False, {}, "too many"),
    ]


@case
def a_request_of_the_scripts_own_is_handed_what_locust_hands_it(stage):
    handed = []
    theirs = stage.session_class.request

    def noted(client, method, url, **options):
        handed.append([method, url, {name: repr(value) for name, value in sorted(options.items())}])
        return theirs(client, method, url, **options)

    class Own(stage.session_class):
        request = noted

    patched = stage.session_class(stage.base, stage.hook, None)
    patched.request = partial(noted, patched)
    options = ({}, {"name": "n"}, {"headers": {"X": "y"}}, {"catch_response": True}, {"json": [1]}, {"timeout": 5})
    for client in (Own(stage.base, stage.hook, None), patched):
        for verb in VERBS:
            for given in options:
                stage.told(getattr(client, verb), "/a", **given)
    with changed(stage.session_class, "request", noted):
        stage.told(stage.client.get, "/a", name="n")
        stage.told(stage.client.post, "/a", "data", headers={"X": "y"})
    return handed


@case
def unknown_keywords_are_type_errors_without_an_event(stage):
    found = [tried(getattr(stage.client, verb), "/json", nonsense=1) for verb in VERBS]
    return [[kind, "nonsense" in text] for kind, text in found]


@case
def every_option_may_be_given_as_none(stage):
    names = (
        "params",
        "headers",
        "cookies",
        "files",
        "auth",
        "timeout",
        "proxies",
        "hooks",
        "stream",
        "verify",
        "cert",
        "json",
        "data",
        "name",
        "allow_redirects",
    )
    found = [stage.get(**{name: None}) for name in names]
    return [*found, stage.get(**dict.fromkeys(names))]


@case
def data_and_json_of_every_kind(stage):
    class Own(dict):
        pass

    found = []
    for body in (
        {"a": None, "b": [1, 2], "c": ("x", None)}, {}, [], (), [("a", "1"), ("a", "2")], (("t", "1"),), {"a": b"bytes"}, b"", "", b"\x00\xff", "täxt", "a=1&b",
        bytearray(b"array"), memoryview(b"view"), OrderedDict(z="1", a="2"), Own(o=1), 0, 5, {"x": {"y": 1}}, {1: 2}, True, [1, 2], ["ab", "cd"],
    ):  # fmt: skip
        found.append([repr(body)[:20] if type(body) is not memoryview else "view", stage.post(data=body)])
    for body in (
        {},
        [],
        0,
        "",
        None,
        False,
        "text",
        {"ä": "ö☃"},
        {1: 2, None: 3},
        (1, 2),
        1.5,
        10**30,
        {"t": (1,)},
        Own(o=1),
        b"bytes",
        {1, 2},
        {"n": float("inf")},
    ):
        found.append([repr(body)[:20], stage.post(json=body)])
    return [
        *found,
        stage.post(data="wins", json={"loses": 1}),
        stage.post(data={}, json={"wins": 1}),
        stage.get("/echo", data={"in": "get"}),
        stage.get("/echo", json=[1]),
    ]


@case
def params_are_encoded_as_requests_does(stage):
    found = []
    for params in (
        {"a": 1, "b": None, "c": [1, None, "x"], "d": True, "e": 1.5}, [("a", "1"), ("a", "2")], (("t", 1),), "raw=1&ä=%20+", b"bytes=1", {}, "", [], None, {"ä": "ö ü/&=?#"},
        {"empty": ""}, {"list": []}, OrderedDict(z=1, a=2), {b"k": b"v\xff"}, {"nested": {"x": 1}}, {"tuple": ("a", "b")}, {"s": {"one"}}, [("a",)], 5, {"p": "%41"}, [("x", ["1", "2"])],
    ):  # fmt: skip
        found += [stage.get("/p", params=params), stage.get("/p?q=0#frag", params=params)]
    return found


calls(
    "unusual_paths",
    *(
        ("get", path, {})
        for path in (
            "//", "//a//b", "/a/../b/./c", "/..", "/.", "/a%2Fb%2f", "/%41%7e%7E", "/*", "*", "/ä/ö☃?ü=ß", "/a b?c d=e f", "/a+b", "/semi;x=1;y", "/?", "/a?", "/a?&&", "/a??b",
            "/#frag", "/a#", "/a?b#c?d", '/[x]{y}|z^`"<>\\', "/@:!$&'()*+,;=", "/" + "x" * 5000, "", "?q", "#f", ";p", "/a:80/b", "/http://h/p", "/%E4", "/a%00b", "/\u2028",
        )
    ),
)  # fmt: skip

calls("paths_of_other_verbs", *((verb, "/ä b/../c?d=1#e", {"params": {"f": "ö"}}) for verb in VERBS))


@case
def methods_are_passed_on_as_requests_does(stage):
    methods = (
        "get",
        "Get",
        "post",
        "PROPFIND",
        "purge",
        "FOO-BAR",
        "M-SEARCH",
        "x",
        "TRACE",
        "connect",
        "QUERY",
        "LINK",
    )
    found = [stage.told(stage.client.request, method, "/json") for method in methods]
    return [
        *found,
        *(
            stage.told(stage.client.request, method, "/json", json={"a": 1})
            for method in ("Propfind", "head", "trace", "delete", "FOO-BAR")
        ),
    ]


@case
def headers_of_a_call_and_of_the_session(stage):
    found = []
    for headers in (
        {"Accept": None}, {"accept": "x"}, {"USER-AGENT": None}, {"Accept-Encoding": None}, {"Connection": None}, dict.fromkeys(("Accept", "User-Agent", "Accept-Encoding", "Connection")),
        {"X": b"bytes"}, {b"X-Bytes": b"y"}, {b"X-Mixed": "y"}, {"X": "1", "x": "2"}, {"X": ""}, {"X": "a, b"}, {"X": "tab\tin"}, {"X": " lead"}, {"X": "trail "}, {"X": 5}, {"X": "a\nb"}, {"X": "a\r\n b"},
        {"": "x"}, {":authority": "x"}, {"X Y": "1"}, {"X:": "1"}, {"X": "é"}, {"X": "☃"}, {"X": "☃".encode()}, {"é": "1"}, {5: "x"}, [("X", "list"), ("Y", "2")], OrderedDict(Z="1", A="2"),
        {"Host": "other.example"}, {"host": "lower:1"}, {"Host": None}, {"Cookie": "own=1"}, {"Content-Type": "x/y"}, {"Authorization": "Token t"}, {"Expect": "100-continue"}, {"X": True},
    ):  # fmt: skip
        found.append([repr(headers)[:40], stage.get(headers=headers)])
    return found


@case
def lengths_and_encodings_set_by_hand(stage):
    found = []
    for headers in (
        {"Content-Length": "4"},
        {"content-length": "4"},
        {"Content-Type": "a/b", "X": "1"},
        {"Content-Length": None},
        {"Content-Type": None},
    ):
        found += [stage.post(data=b"four", headers=headers), stage.post(json=1234, headers=headers)]
    found.append(stage.get(headers={"Content-Length": "0"}))
    found.append(stage.post(headers={"Content-Length": "0"}))
    found.append(stage.post(data=iter([b"ab", b"c"]), headers={"Transfer-Encoding": "chunked"}))
    found.append(stage.post(data={"a": "1"}, headers={"Content-Type": None, "content-type": "x/y"}))
    return found


@case
def chunked_declared_by_hand_for_a_plain_body(stage):
    with gevent.Timeout(2, False):
        stage.post(data=b"4\r\nfour\r\n0\r\n\r\n", headers={"Transfer-Encoding": "chunked"}, timeout=0.5)


@case
def cookies_given_with_a_call(stage):
    jar = RequestsCookieJar()
    jar.set("jar", "1", domain="127.0.0.1", path="/c")
    jar.set("foreign", "1", domain="elsewhere.example", path="/")
    stage.client.cookies.set("kept", "0")
    found = []
    for cookies in (
        {"a": "1", "b": 'q"uo;te'},
        {"kept": "over"},
        jar,
        CookieJar(),
        {},
        {"n": None},
        [("x", "1")],
        {"ä": "ö"},
    ):
        found += [stage.get("/c/d", cookies=cookies), cookies_of(stage.client.cookies)]
    found.append(stage.get("/c", headers={"Cookie": "hand=1"}))
    found.append(stage.get("/c", headers={"Cookie": "hand=1"}, cookies={"call": "1"}))
    stage.client.headers["cookie"] = "session=1"
    return [*found, stage.get("/c"), stage.get("/c", cookies={"call": "1"})]


@case
def cookies_are_kept_and_sent_as_their_attributes_say(stage):
    set_cookies = (
        "plain=1", "rooted=1; Path=/", "deep=1; Path=/deep", "secure=1; Secure; Path=/", "old=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/", "young=1; Max-Age=1000; Path=/",
        "gone=1; Path=/", "gone=; Max-Age=0; Path=/", "foreign=1; Domain=example.com; Path=/", "own=1; Domain=127.0.0.1; Path=/", 'quoted="a b, c"; Path=/', "http=1; HttpOnly; SameSite=Lax; Path=/",
        "novalue; Path=/", "=noname; Path=/", "odd=a=b=c; Path=/", "latin=\xe4; Path=/",
    )  # fmt: skip
    stage.server.lay("/deep/set", answer(b"", *(f"Set-Cookie: {line}" for line in set_cookies)))
    stage.server.lay(
        "/deep/end", answer(b"", "Set-Cookie: plain=; Max-Age=0; Path=/deep", "Set-Cookie: rooted=2; Path=/")
    )
    found = [
        stage.get("/deep/set"),
        cookies_of(stage.client.cookies),
        stage.get("/deep/x"),
        stage.get("/x"),
        stage.get("/deeper"),
    ]
    found += [stage.get("/deep/end"), stage.get("/deep/x"), cookies_of(stage.client.cookies)]
    other = f"http://localhost:{stage.server.port}/deep/x"
    found += [stage.told(stage.client.get, other)]
    stage.client.cookies.set("short", "1", expires=1)
    stage.client.cookies.set("mine", "1", domain="localhost.local", path="/deep")
    found += [stage.get("/deep/x"), stage.told(stage.client.get, other)]
    stage.client.cookies.clear()
    return [*found, stage.get("/deep/x")]


@case
def cookies_that_grew_too_old_are_no_longer_sent(stage):
    stage.server.lay("/set", answer(b"", "Set-Cookie: short=1; Max-Age=1; Path=/", "Set-Cookie: long=1; Path=/"))
    found = [stage.get("/set"), stage.get(), stage.get()]
    for told in found:
        told["cookies"] = len(told["cookies"])
    gevent.sleep(1.1)
    return [*found, stage.get()]


@case
def cookies_follow_a_policy_of_the_jar(stage):
    from http.cookiejar import DefaultCookiePolicy

    stage.server.lay("/set", answer(b"", "Set-Cookie: a=1; Path=/"))
    stage.client.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    found = [stage.get("/set"), stage.get("/json")]
    stage.client.cookies = CookieJar()
    return [*found, stage.get("/set"), stage.get("/json"), cookies_of(stage.client.cookies)]


@case
def redirects_are_followed_by_default_except_for_head(stage):
    stage.server.moved("/hop", "/there")
    found = [stage.told(getattr(stage.client, verb), "/hop") for verb in VERBS]
    found += [stage.told(getattr(stage.client, verb), "/hop", allow_redirects=False) for verb in VERBS]
    return [
        *found,
        stage.told(stage.client.head, "/hop", allow_redirects=True),
        stage.told(stage.client.request, "HEAD", "/hop"),
    ]


@case
def redirects_change_the_method_as_requests_does(stage):
    found = []
    for code in (300, 301, 302, 303, 304, 305, 306, 307, 308):
        stage.server.lay("/hop", answer(b"", "Location: /there", status=f"{code} Moved"))
        for verb in ("POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "post"):
            found.append(stage.told(stage.client.request, verb, "/hop", data="body", headers={"X": "1"}))
    return found


@case
def redirects_go_where_location_says(stage):
    stage.server.moved("/a/relative", "b")
    stage.server.moved("/a/up", "../c?d=1")
    stage.server.moved("/a/query", "?only=query")
    stage.server.moved("/a/empty", "")
    stage.server.moved("/a/frag", "/x#theirs")
    stage.server.moved("/a/nofrag", "/x")
    stage.server.moved("/a/space", "/x y?a b")
    stage.server.moved("/a/utf8", "/ä".encode().decode("latin-1"))
    stage.server.moved("/a/latin", "/ä")
    stage.server.moved("/a/noscheme", f"//127.0.0.1:{stage.server.port}/x")
    stage.server.moved("/a/upper", f"HTTP://127.0.0.1:{stage.server.port}/X")
    stage.server.moved("/a/ftp", "ftp://127.0.0.1/x")
    stage.server.moved("/a/broken", "http://")
    stage.server.moved("/a/mail", "mailto:joe")
    stage.server.lay("/a/none", answer(b"nowhere", status="302 Found"))
    stage.server.moved("/a/refused", "http://127.0.0.1:9/x")
    stage.server.lay("/a/two", answer(b"", "Location: /first", "Location: /second", status="302 Found"))
    stage.server.lay("/a/body", answer(b"moved, see there" * 50, "Location: /x", status="302 Found"))
    names = (
        "relative",
        "up",
        "query",
        "frag#mine",
        "nofrag#mine",
        "space",
        "utf8",
        "latin",
        "noscheme",
        "upper",
        "ftp",
        "broken",
        "mail",
        "none",
        "refused",
        "two",
        "body",
        "empty",
    )
    return [
        [name, stage.get("/a/" + name), stage.get("/a/" + name, allow_redirects=False) if "#" not in name else ""]
        for name in names
    ]


@case
def redirects_end_after_as_many_as_the_session_allows(stage):
    stage.server.moved("/loop", "/loop")
    for hop in range(35):
        stage.server.moved(f"/{hop}", f"/{hop + 1}" if hop < 34 else "/json")
    found = [stage.get("/loop"), stage.get("/5"), stage.get("/4")]
    stage.client.max_redirects = 2
    return [*found, stage.get("/33"), stage.get("/32"), stage.get("/31")]


@case
def redirects_drop_authorization_when_the_host_changes(stage):
    other = type(stage.server)()
    stage.server.moved("/same", "/there")
    stage.server.moved("/host", f"http://localhost:{stage.server.port}/there")
    stage.server.moved("/port", f"http://127.0.0.1:{other.port}/there")
    stage.client.cookies.set("c", "1")
    found = []
    for path in ("/same", "/host", "/port"):
        found.append(stage.get(path, auth=("joe", "secret")))
        found.append(stage.get(path, headers={"Authorization": "Token t", "Cookie": "hand=1", "X": "kept"}))
        stage.client.auth = ("ses", "sion")
        found.append(stage.get(path))
        stage.client.auth = None
    return json.loads(json.dumps([found, other.seen]).replace(str(other.port), "OTHER"))


@case
def redirects_keep_cookies_of_every_hop(stage):
    stage.server.moved("/1", "/2", "302 Found", "Set-Cookie: one=1; Path=/", "Set-Cookie: hop=a; Path=/")
    stage.server.moved(
        "/2", "/3", "307 Temporary Redirect", "Set-Cookie: two=2; Path=/", "Set-Cookie: hop=; Max-Age=0; Path=/"
    )
    stage.server.lay("/3", answer(b"end", "Set-Cookie: three=3; Path=/3"))
    response = stage.client.get("/1", cookies={"call": "1"}, params={"p": "1"})
    found = [cookies_of(hop.cookies) for hop in (*response.history, response)]
    return [found, seen_of(response), cookies_of(stage.client.cookies), stage.get("/3"), stage.server.connections]


@case
def redirects_send_bodies_again_where_they_can(stage):
    found = []
    stage.server.lay("/again", answer(b"", "Location: /there", status="307 Temporary Redirect"))
    for body in (io.BytesIO(b"rewound"), iter([b"not", b"rewound"]), b"bytes", {"form": "1"}):
        found.append(stage.post("/again", data=body))
    return [*found, stage.post("/again", json={"a": 1}), stage.post("/again", files={"f": ("n", b"content")})]


@case
def redirects_are_one_event_with_the_first_name(stage):
    stage.server.lay("/slow", 0.4, OK)
    stage.server.lay("/1", answer(b"", "Location: /2", status="303 See Other"))
    stage.server.lay("/2", 0.05, answer(b"", "Location: /slow?end=1", status="302 Found"))
    found = [
        stage.post("/1?a=1", params={"b": "2"}, data="x"),
        stage.post("/1", name="named"),
        stage.told(stage.client.get, stage.base + "/2"),
    ]
    with stage.client.rename_request("group"):
        stage.get("/2")
    hops = stage.client.get("/1").history
    return [found, [time >= 445 for time in stage.times], [hop.elapsed.total_seconds() < 0.3 for hop in hops]]


@case
def redirects_of_a_closing_server(stage):
    stage.server.lay("/1", answer(b"", "Location: /2", "Connection: close", status="302 Found"), then="close")
    stage.server.lay("/2", answer(b"", "Location: /json", "Connection: Close", status="302 Found"), then="close")
    stage.server.lay("/lost", answer(b"", "Location: /gone", status="302 Found"))
    stage.server.lay("/gone", then="close")
    return [
        stage.get("/1"),
        stage.get("/lost"),
        stage.get("/1", headers={"Connection": "close"}),
        stage.get("/2", stream=True),
    ]


@case
def streams_are_reported_at_their_headers(stage):
    body = b"line one\nline two\r\nline three" * 20
    head, _, rest = answer(body, "Content-Type: text/plain; charset=utf-8").partition(b"\r\n\r\n")
    stage.server.lay("/drip", head + b"\r\n\r\n", 0.3, rest)
    stage.server.lay(
        "/chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        0.3,
        b"4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n",
    )
    client, found = stage.client, []
    found.append(b"".join(client.get("/drip", stream=True).iter_content(7)).decode())
    found.append([line.decode() for line in client.get("/drip", stream=True).iter_lines()])
    found.append(list(client.get("/drip", stream=True).iter_lines(decode_unicode=True, delimiter="line")))
    found.append(client.get("/drip", stream=True).text[:20])
    found.append([chunk.decode() for chunk in client.get("/chunked", stream=True).iter_content(None)])
    found.append(client.get("/chunked", stream=True).raw.read(3).decode())
    with client.get("/drip", stream=True, catch_response=True) as response:
        found.append(response.raw.read(10).decode())
        response.failure("seen enough")
    with client.get("/drip", stream=True, catch_response=True) as response:
        found.append(next(response.iter_lines()).decode())
        response.close()
    return [found, [time < 250 for time in stage.times], stage.get(), [event["length"] for event in stage.events]]


@case
def streams_of_every_kind_of_answer(stage):
    stage.server.moved("/hop", "/json")
    stage.server.lay("/404", answer(b"not here", status="404 Not Found"))
    stage.server.lay("/torn", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ntorn", then="close")
    stage.server.lay("/late", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 0.5, b"after")
    stage.client.stream = True
    found = [stage.get(), stage.get("/hop")]
    stage.client.stream = False
    found += [
        stage.get("/hop", stream=True),
        stage.get("/404", stream=True),
        stage.told(stage.client.head, "/json", stream=True),
    ]
    found += [
        stage.get("/torn", stream=True),
        stage.get("/late", stream=True, timeout=0.2),
        stage.post(data="x", stream=True),
        stage.get("/none", stream=False),
    ]
    return found


@case
def names_are_those_of_the_first_request(stage):
    class Named:
        def __str__(self):
            return "an object"

    found = [
        stage.get("/a b?c=ä", params={"z": "ö"}),
        stage.told(stage.client.get, stage.base.upper() + "/P?q=2", params={"z": 1}),
        stage.get("x"),
        stage.get("/#f"),
    ]
    found += [stage.get(name=name) for name in ("", None, 0, 5, Named(), "ä", "a" * 300)]
    stage.client.request_name = "of the session"
    found += [stage.get(), stage.get(name="own"), stage.get(name="")]
    stage.client.request_name = ""
    return [
        *found,
        stage.get(),
        stage.told(stage.client.get, "http://127.0.0.1:9/refused?q=1"),
        stage.get("/bad", headers={"X": "a\nb"}),
        stage.told(stage.client.get, ""),
    ]


@case
def rename_request_ends_with_none(stage):
    client = stage.client
    with client.rename_request("outer"):
        client.get("/1")
        with client.rename_request("inner"):
            client.get("/2")
        client.get("/3")
    try:
        with client.rename_request("failing"):
            raise KeyError
    except KeyError:
        client.get("/4")
    client.request_name = "set"
    with client.rename_request("over"):
        pass
    client.get("/5")
    return client.request_name


@case
def contexts_are_merged_and_the_call_wins(stage):
    new = users_of(stage, context=lambda self: {"user": 1, "both": "user"})
    client = new().client
    mine = {"both": "call", "call": 2}
    client.get("/1")
    client.get("/2", context=mine)
    client.get("/refused", context=mine, headers={"X": "a\nb"})
    with client.get("/3", context=mine, catch_response=True) as response:
        response.request_meta["context"]["block"] = 3
    stage.client.get("/4")
    stage.client.get("/5", context=mine)
    kept = []
    stage.hook.add_listener(lambda context, **_: kept.append(context))
    stage.client.get("/6")
    stage.client.get("/7")
    stage.client.get("/8", context=mine)
    plain = users_of(stage)().client
    with plain.get("/9", context=mine, catch_response=True) as response:
        response.request_meta["context"]["block"] = 3
    with plain.get("/10", catch_response=True) as response:
        response.request_meta["context"]["block"] = 3
    plain.get("/11")
    return [mine, kept[0] is kept[1], kept[0], kept[2] is mine, kept[3:]]


@case
def events_carry_the_response_and_its_length(stage):
    kept = []
    stage.hook.add_listener(lambda **fields: kept.append(fields))
    returned = [stage.client.get("/1"), stage.client.post("/2", json={}), stage.client.get("http://127.0.0.1:9/")]
    with stage.client.get("/3", catch_response=True) as response:
        response.failure("x")
    kinds = [
        [type(value).__name__ for name, value in sorted(fields.items()) if name not in ("response", "exception")]
        for fields in kept
    ]
    return [
        [fields["response"] is response for fields, response in zip(kept, [*returned, response], strict=True)],
        kinds,
    ]


@case
def listeners_see_a_finished_response(stage):
    found = []
    stage.hook.add_listener(
        lambda response, **_: found.append(
            [
                response.status_code,
                response.text,
                response.elapsed is not None,
                response.request.url,
                response.url,
                response.content,
            ]
        )
    )
    stage.get()
    stage.get("/404")
    stage.client.get("http://127.0.0.1:9/x")
    with stage.client.get("/named", name="named", catch_response=True):
        pass
    return found


# 3.3 The response


@case
def responses_have_every_attribute(stage):
    stage.server.lay(
        "/json",
        answer(
            b'[{"a": 1.50}]',
            "Content-Type: application/json; charset=utf-8",
            'Link: </next>; rel="next", </last>; rel=last',
            "Set-Cookie: c=1; Path=/",
            "X: 1",
            "X: 2",
        ),
    )
    response = stage.client.get("/json", headers={"X": "1"})
    public = {name for name in dir(response) if not name.startswith("_")}
    raw = response.raw
    found = [
        sorted(name for name in dir(requests.Response()) if name not in dir(response)),
        sorted(name for name in ("error", "js", "request_meta", "success", "failure", "connection") if name not in public),
        repr(response), response.links, response.json(parse_float=str), [chunk.decode() for chunk in response], response.ok, bool(response),
        response.elapsed.total_seconds() > 0, type(response.elapsed).__name__, type(response.url).__name__, hash(response) == hash(response), response == response.__class__.__mro__,
        [raw.status, raw.reason, raw.version, dict(raw.headers), raw.headers.getlist("X"), raw.getheaders()["X"], raw.getheader("x")],
        response.headers["x"], response.headers.get("nothing"), dict(response.headers) == response.headers, response.next, response.is_permanent_redirect,
        list(response.iter_content(3, decode_unicode=True)), response.close(), response.text, type(response.request).__name__, type(response.request.headers).__name__,
        response.request.path_url, response.request.body, dict(response.request._cookies), response.request.copy().url, response.request.hooks,
        tried(lambda: response.__getstate__()["status_code"]), sorted(response.__getstate__()), response.request_meta["name"], sorted(response.request_meta),
    ]  # fmt: skip
    response.encoding = "utf-16"
    found.append(response.text)
    response.encoding = None
    found.append([response.text, response.json()])
    response.status_code = 404
    found.append([response.ok, tried(response.raise_for_status)])
    response.status_code, response.reason, response.url, response.headers, response.elapsed = (
        500,
        "Own",
        "http://u/",
        {"own": "1"},
        None,
    )
    response.history, response.cookies, response.request = [1], {}, None
    return [
        *found,
        tried(response.raise_for_status),
        response.headers,
        response.history,
        response.cookies,
        response.request,
        response.elapsed,
    ]


@case
def responses_can_be_pickled_and_copied(stage):
    stage.server.moved("/hop", "/json")
    found = []
    for path in ("/json", "/hop", "http://127.0.0.1:9/"):
        response = stage.client.get(path)
        for again in (lambda r: pickle.loads(pickle.dumps(r)), copy.copy, copy.deepcopy):
            found.append(
                tried(
                    lambda a=again, r=response: [
                        (c := a(r)).status_code,
                        c.text,
                        c.url,
                        dict(c.headers),
                        c.reason,
                        len(c.history),
                        c.encoding,
                        type(c).__mro__[-2].__name__,
                        c.request.url,
                        c.error,
                    ]
                )
            )
    return found


calls("redirect_attributes", *(("get", f"/{code}", {"allow_redirects": False}) for code in (301, 302, 303, 307, 308)))


@case
def redirects_not_followed_tell_what_would_be_next(stage):
    found = []
    for code in (301, 302, 303, 307, 308):
        stage.server.lay("/hop", answer(b"see there", "Location: there?x=1", "Set-Cookie: c=1", status=f"{code} M"))
        response = stage.client.post("/hop", allow_redirects=False, data="body", auth=("a", "b"))
        following = response.next
        found.append(
            [
                response.is_redirect,
                response.is_permanent_redirect,
                following.method,
                following.url,
                shown(following.body),
                shown(dict(following.headers)),
            ]
        )
        found.append(stage.client.send(following).status_code)
    return found


@case
def bodies_are_decoded_as_their_headers_say(stage):
    import zlib

    import brotli

    text = b"packed \xc3\xa4 text" * 20
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": zipped(text), "x-gzip": zipped(text), "deflate": zlib.compress(text), "br": brotli.compress(text), "identity": text, "unknown": text, "GZIP": zipped(text),
        "gzip, deflate": zlib.compress(zipped(text)), "": text, "zstd": text, "gzip ": zipped(text), "deflate, unknown": text,
    }  # fmt: skip
    found = []
    for coding, body in packed.items():
        stage.server.lay(
            "/packed", answer(body, f"Content-Encoding: {coding}", "Content-Type: text/plain; charset=utf-8")
        )
        found += [
            coding,
            stage.get("/packed"),
            stage.told(stage.client.head, "/packed"),
            stage.get("/packed", stream=True),
        ]
    odd = {
        "raw deflate": ("deflate", raw.compress(text) + raw.flush()), "broken": ("gzip", b"no gzip at all"), "torn": ("gzip", zipped(text)[:-12]), "empty": ("gzip", b""), "two": ("gzip", zipped(b"a") * 2),
        "trailing": ("gzip", zipped(text) + b"rubbish"), "broken br": ("br", b"\xff" * 9), "broken deflate": ("deflate", b"\xff" * 9), "half": ("gzip", zipped(os.urandom(2000))[:1500]),
    }  # fmt: skip
    for name, (coding, body) in odd.items():
        stage.server.lay("/odd", answer(body, f"Content-Encoding: {coding}"))
        if name != "half":
            found += [name, stage.get("/odd")]
        with stage.client.get("/odd", catch_response=True) as response:
            found.append([name, response.status_code, None if response.error is None else raised(response.error)])
    return found


@case
def charsets_are_told_by_header_or_content(stage):
    found = []
    texts = {
        "text/html": "<meta charset=utf-8>é", "text/html; charset=utf-8": "é☃", "text/html; charset=nonsense": "é", "application/json": '{"é": "☃"}', "text/plain;charset='utf-8'": "é", "text/plain; Charset=UTF-16": "é",
        "": "é", "application/octet-stream": "é" * 30, "application/xml": "<?xml version='1.0' encoding='utf-8'?><a>é</a>", "TEXT/HTML": "é", "text/plain; charset=": "é", "text/plain; charset": "é",
    }  # fmt: skip
    for kind, text in texts.items():
        stage.server.lay("/text", answer(text.encode(), *([f"Content-Type: {kind}"] if kind else [])))
        found += [kind, stage.get("/text"), stage.client.get("/text").apparent_encoding]
    for body in (
        b'\xef\xbb\xbf{"bom": 1}',
        '{"wide": "é"}'.encode("utf-16"),
        '{"wide": 1}'.encode("utf-32-le"),
        b"{broken",
        b"",
        b"NaN",
        b'"\\ud800"',
        b"\xff\xfe",
    ):
        stage.server.lay("/json", answer(body, "Content-Type: application/json"))
        found.append(stage.get())
    return found


@case
def answers_without_a_body(stage):
    for status in ("204 No Content", "304 Not Modified", "205 Reset", "200"):
        stage.server.lay(
            "/" + status[:3],
            f"HTTP/1.1 {status}\r\n{'' if status[:3] in ('204', '304') else 'Content-Length: 0' + chr(13) + chr(10)}\r\n".encode(),
        )
    stage.server.lay("/gzipped", answer(b"", "Content-Encoding: gzip"))
    stage.server.lay("/200 ", b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n")
    found = [
        stage.told(getattr(stage.client, verb), f"/{code}")
        for verb in ("get", "post", "delete")
        for code in (204, 304, 205, 200)
    ]
    found += [
        stage.get("/gzipped"),
        stage.told(stage.client.head, "/gzipped"),
        stage.told(stage.client.head, "/json"),
        stage.told(stage.client.options, "/json"),
    ]
    return [*found, stage.server.connections]


@case
def elapsed_is_near_the_response_time(stage):
    stage.server.lay("/slow", 0.2, OK)
    response = stage.client.get("/slow")
    return [
        type(response.elapsed).__name__,
        abs(response.elapsed.total_seconds() * 1000 - stage.times[-1]) < 60,
        stage.times[-1] >= 195,
    ]


@case
def success_and_failure_outside_of_a_block_are_refused(stage):
    found = []
    for options in ({}, {"catch_response": True}):
        for path in ("/json", "http://127.0.0.1:9/"):
            for method in ("success", "failure", "__enter__"):
                response = stage.client.get(path, **options)
                found.append([method, tried(getattr(response, method), *(["x"] if method == "failure" else []))])
    return [str(row).split(" object")[0] for row in found]


# 3.4 catch_response


@case
def blocks_decide_the_outcome(stage):
    stage.server.lay("/404", answer(b"none", status="404 Not Found"))
    stage.server.lay("/500", answer(b"broken", status="500 Own Words"))
    found = []

    def block(path, *steps, leave=None, **options):
        try:
            with stage.client.get(path, catch_response=True, **options) as response:
                for step in steps:
                    step(response)
                found.append([response.url, tried(response.raise_for_status), tried(lambda: response.ok)])
                if leave:
                    raise leave
        except BaseException as error:  # noqa: BLE001 - it is what is asked
            found.append(raised(error))
        found.append([response.url, tried(response.raise_for_status), tried(lambda: response.ok)])

    def good(response):
        response.success()

    def bad(what):
        return lambda response: response.failure(what)

    for path in ("/json", "/404", "/500", "http://127.0.0.1:9/x"):
        block(path)
        block(path, name="named")
        block(path, good)
        block(path, bad("text"))
        block(path, bad(ValueError("own")))
        block(path, bad(None))
        block(path, bad({"a": 1}))
        block(path, bad(""))
        block(path, good, bad("last wins"))
        block(path, bad("first"), good)
        block(path, leave=ResponseError("swallowed"))
        block(path, good, leave=ResponseError("after success"))
        block(path, bad("x"), leave=ResponseError("after failure"))
        for error in (
            KeyError("k"),
            AssertionError("a"),
            StopUser(),
            RescheduleTask(),
            gevent.GreenletExit(),
            KeyboardInterrupt(),
        ):
            block(path, leave=error)
            block(path, good, leave=error)
            block(path, bad("x"), leave=error)
    return found


@case
def blocks_may_edit_what_is_reported(stage):
    for name, value in (
        ("name", "edited"),
        ("response_time", 12.0),
        ("context", {"c": 1}),
        ("request_type", "OWN"),
        ("response_length", 7),
        ("url", "http://u"),
        ("start_time", 1.0),
        ("own", 1),
    ):
        with stage.client.get("/json", catch_response=True) as response:
            response.request_meta[name] = value
        with stage.client.get("/404", catch_response=True) as response:
            response.request_meta[name] = value
            response.success()
    with stage.client.get("/json", catch_response=True) as response:
        response.request_meta.update(name="both", exception=ValueError("own"))
    return [12.0 in stage.times, response.request_meta["name"]]


@case
def blocks_do_not_count_their_own_time(stage):
    with stage.client.get("/json", catch_response=True):
        gevent.sleep(0.4)
    with stage.client.get("/json", catch_response=True, stream=True) as response:
        gevent.sleep(0.4)
        response.success()
    return [time < 350 for time in stage.times]


@case
def blocks_may_be_nested_and_late(stage):
    with stage.client.get("/1", catch_response=True) as first, stage.client.get("/2", catch_response=True) as second:
        second.failure("inner")
        first.success()
    later = stage.client.get("/3", catch_response=True)
    stage.client.get("/4")
    with later as same:
        pass
    with later:
        pass
    return [same is later, [event["name"] for event in stage.events]]


@case
def a_block_needs_catch_response(stage):
    try:
        with stage.client.get("/json"):
            return "entered"
    except Exception as error:  # noqa: BLE001 - it is what is asked
        return raised(error)


@case
def rest_of_a_user(stage):
    stage.server.lay("/text", answer(b"no json"))
    stage.server.lay("/list", answer(b"[1]", "Content-Type: application/json"))
    stage.server.lay("/500", answer(b'{"error": "x"}', status="500 Broken"))
    stage.server.lay("/none", b"HTTP/1.1 204 No Content\r\n\r\n")
    user, found = users_of(stage)(), []
    for method, path, options in (
        ("GET", "/json", {}), ("POST", "/json", {"json": {"b": 1}}), ("GET", "/text", {}), ("GET", "/list", {}), ("GET", "/500", {}), ("GET", "/none", {}), ("GET", "http://127.0.0.1:9/", {}),
        ("GET", "/json", {"headers": {"Accept": "x/y"}, "name": "named", "params": {"a": 1}}), ("DELETE", "/json", {"data": "x"}),
    ):  # fmt: skip
        try:
            with user.rest(method, path, **options) as response:
                found.append([response.js, response.status_code, response.text])
                if response.js and "a" in response.js:
                    assert response.js["a"] == 2, "not two"
        except Exception as error:  # noqa: BLE001 - it is what is asked
            found.append(raised(error))
    with user.rest_("GET", "/json") as response:
        found.append(response.js)
    for wrong in (KeyError("k"), ValueError("v")):
        with user.rest("GET", "/json") as response:
            raise wrong
    return found


# 3.5 Errors


@case
def failures_give_a_response_without_an_answer(stage):
    stage.server.lay("/drops", then="close")
    stage.server.lay("/late", 0.6, OK)
    found = []
    for path, options in (
        ("http://127.0.0.1:9/x?y=1", {}),
        ("/drops", {}),
        ("/late", {"timeout": 0.1}),
        ("/json", {"headers": {"X": "a\nb"}}),
        ("http://no.such.invalid/", {}),
    ):
        response = stage.client.get(path, **options)
        error = response.error
        found.append([
            response.status_code, response.content, response.text, dict(response.headers), response.url, response.history, response.reason, response.elapsed.total_seconds(), type(error).__name__,
            getattr(error.request, "url", None), response.request is error.request, response.encoding, response.is_redirect, cookies_of(response.cookies), response.raw, response.next, repr(response), response.links,
            *[tried(ask) for ask in (response.json, lambda r=response: r.ok, lambda r=response: bool(r), response.raise_for_status, lambda r=response: list(r.iter_content(1)), lambda r=response: list(r.iter_lines()), lambda r=response: r.apparent_encoding, response.close)],
        ])  # fmt: skip
    return [strip(row) for row in found]


def strip(row):
    """Messages of a connection's errors name objects of their own; the classes are what counts."""
    return [
        [item[0]] if isinstance(item, list) and item and item[0] in ("ConnectionError", "ReadTimeout") else item
        for item in row
    ]


@case
def connection_errors_are_worded_as_urllib3_does(stage):
    stage.server.lay("/late", 0.3, OK)
    stage.server.lay("/drops", then="close")
    stage.server.lay("/torn", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ntorn", then="close")
    stage.server.lay("/rubbish", b"SMTP ready\r\n\r\n", then="close")
    asked = (
        ("http://127.0.0.1:9/x", {}),
        ("http://no.such.invalid/", {}),
        ("/late", {"timeout": 0.1}),
        ("/drops", {}),
        ("/torn", {}),
        ("/rubbish", {}),
        ("https://127.0.0.1:9/", {}),
    )
    return [re.sub("0x[0-9a-f]+", "", str(stage.client.get(path, **options).error)) for path, options in asked]


@case
def errors_that_are_raised_rather_than_reported(stage):
    found = []
    for url in (
        "http://",
        "http:///x",
        "http://[::1",
        "http://host:port/",
        "http://*x/",
        "http://.x/",
        "http://h:99999/",
        "http://a..b/",
        "https://",
        "http://\xad/",
        "http://" + "x" * 70 + ".invalid/",
        "http://h ost/",
    ):
        found.append([url, stage.told(stage.client.get, url)])
    for base in ("", "host", "host:80", "ftp://host", "mailto:joe", "http:", "//host"):
        found.append([base, stage.told(stage.session(base or " ").get, "/x")])
    return [[first, told.get("raised") or [told["error"][0], told["status_code"]]] for first, told in found]


@case
def timeouts_of_every_form(stage):
    stage.server.lay("/late", 0.25, OK)
    stage.server.lay("/halves", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", 0.25, b"b")
    found = []
    for timeout in (
        0.06,
        (1, 0.06),
        (None, 0.06),
        urllib3.Timeout(0.06),
        urllib3.Timeout(connect=1, read=0.06),
        urllib3.Timeout(total=0.12),  # enough that something is left of it when the answer is awaited
        5,
        5.0,
        (5, None),
        (None, None),
        None,
        urllib3.Timeout(5),
    ):
        for path in ("/late", "/halves"):
            response = stage.client.get(path, timeout=timeout)
            found.append([shown(timeout), path, response.status_code, response.content, type(response.error).__name__])
    near = [55 < time < 240 for time in stage.times[:12]]
    return [found, near]


@case
def timeouts_count_for_their_own_call(stage):
    """On one connection, whatever limit the call before had, and whatever is left of it."""
    stage.server.lay("/soon", 0.3, OK)
    stage.server.lay("/late", 1.2, OK)
    found = []
    for path, timeout in (
        ("/now", 30), ("/late", 0.2), ("/now", 0.2), ("/soon", 5), ("/soon", None), ("/now", 0.55), ("/soon", 0.55),
        ("/soon", 0.55), ("/soon", 0.55), ("/late", 0.55), ("/now", (5, 0.2)), ("/soon", (5, 1)), ("/late", (5, 0.5)),
        ("/now", 1), ("/now", float("inf")), ("/now", 1e300), ("/now", (5, float("nan"))),
    ):  # fmt: skip
        response = stage.client.get(path, timeout=timeout)
        found.append([path, shown(timeout), response.status_code, type(response.error).__name__])
    return found


@case
def timeouts_that_are_none(stage):
    class Number(float):
        pass

    values = (
        "soon",
        "1",
        (1, 2, 3),
        (1,),
        [1, 2],
        True,
        False,
        0,
        0.0,
        -1,
        (0, 1),
        (1, 0),
        (1, "x"),
        object(),
        {},
        float("nan"),
        float("inf"),
        Number(5),
        10**10,
        (True, 1),
        1e-9,
        b"1",
        (1, (2, 3)),
    )
    found = [[repr(value)[:20] if type(value) is not object else "", stage.get(timeout=value)] for value in values]
    return [
        [value, told.get("raised") or [told["status_code"], told["error"] and told["error"][0]]]
        for value, told in found
    ]


@case
def connect_timeouts_are_their_own(stage):
    response = stage.client.get("http://10.255.255.1:81/", timeout=(0.1, 5))
    return [response.status_code, type(response.error).__name__ in ("ConnectTimeout", "ConnectionError")]


@case
def wrong_arguments_reach_the_script(stage):
    found = []
    for options in (
        {"json": object()}, {"json": {"a": {1, 2}}}, {"data": object()}, {"params": object()}, {"data": [("a",)]}, {"cookies": 5}, {"auth": 5}, {"auth": ("a",)}, {"auth": ("a", "b", "c")}, {"auth": "joe"}, {"auth": ["a", "b"]},
        {"files": 5}, {"hooks": 5}, {"proxies": 5}, {"verify": 5}, {"cert": 5}, {"stream": "yes"}, {"headers": 5}, {"allow_redirects": "no"}, {"context": None}, {"context": 5}, {"name": ["x"]}, {"catch_response": "yes"}, {"auth": ()}, {"auth": (1, 2)},
        {"auth": (None, None)}, {"auth": ("é", "☃")}, {"auth": (b"\xe9", b"\xff")}, {"data": {"a": object}},
    ):  # fmt: skip
        found.append([str(options)[:30].partition(" object")[0], stage.post(**options)])
    return found


@case
def listeners_may_end_or_move_the_user(stage):
    found = []
    for error in (StopUser(), RescheduleTask(), ValueError("logged")):

        def raises(error=error, **_):
            raise error

        stage.hook.add_listener(raises)
        found.append(tried(lambda: stage.client.get("/json").status_code))
        found.append(tried(lambda: stage.client.get("http://127.0.0.1:9/").status_code))
        stage.hook.remove_listener(raises)
    return found


@case
def killed_requests_leave_the_client_clean(stage):
    stage.server.lay("/late", 0.3, answer(b"late"))
    stage.server.lay("/halves", b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf", 0.3, b"half")
    found = []
    for path, options in (
        ("/late", {}),
        ("/halves", {}),
        ("/halves", {"stream": True}),
        ("/late", {"catch_response": True}),
        ("/late", {"hooks": {"response": lambda r, **_: r}}),
    ):
        stage.client.get("/json")
        greenlet = gevent.spawn(lambda p=path, o=options: stage.client.get(p, **o).content)
        gevent.sleep(0.1)
        greenlet.kill()
        found.append([len(stage.events), stage.get("/json")["text"], stage.get("/json")["text"]])
    with gevent.Timeout(0.1, False):
        stage.client.get("/late")
    return [found, stage.get("/json")["text"], len(stage.events)]


@case
def idle_connections_that_were_closed_are_not_retried(stage):
    stage.server.lay("/last", OK, then="close")
    found = []
    for pause in (0.15, 0.02):
        stage.get("/last")
        gevent.sleep(pause)
        found.append([stage.get("/json")["status_code"], stage.post("/echo", data="x")["status_code"]])
    return found


@case
def parallel_calls_of_one_client(stage):
    stage.server.lay("/late", 0.05, answer(b"late"))
    jobs = [gevent.spawn(lambda n=n: stage.client.get(f"/late?{n}").text) for n in range(5)]
    gevent.joinall(jobs)
    return (
        [job.value for job in jobs],
        stage.server.connections,
        stage.server.seen.sort(),
        stage.events.sort(key=lambda event: event["name"]),
    )


# Hooks, adapters, signing, injection


@case
def hooks_are_called_before_the_event(stage):
    order, found = [], []
    stage.hook.add_listener(lambda name, **_: order.append(f"event {name}"))
    stage.server.moved("/hop", "/json")

    def note(response, **options):
        order.append(
            [
                response.status_code,
                response.url,
                sorted(options),
                response.text,
                isinstance(response, requests.Response),
            ]
        )

    def replace(response, **_):
        other = requests.Response()
        other.status_code, other._content, other.url, other.request, other.headers = (
            418,
            b"teapot",
            response.url,
            response.request,
            response.headers,
        )
        return other

    def fails(response, **_):
        raise requests.ConnectionError("from the hook")

    def breaks(response, **_):
        raise KeyError("hook")

    for hooks in (
        {"response": note},
        {"response": [note, note]},
        {"response": replace},
        {"response": fails},
        {"response": breaks},
        {"response": []},
        {"other": note},
        {},
    ):
        found += [stage.get("/json", hooks=hooks), stage.get("/hop", hooks=hooks)]
    stage.client.hooks["response"].append(note)
    found.append(stage.get())
    stage.client.hooks = {"response": [replace]}
    found += [stage.get(), stage.get(hooks={"response": note})]
    stage.client.hooks = {"response": note}
    found.append(stage.get())
    stage.client.hooks = {"response": []}
    return [*found, stage.get(), order]


@case
def auth_of_every_kind(stage):
    class Token(AuthBase):
        def __init__(self, token):
            self.token = token

        def __call__(self, request):
            request.headers["Authorization"] = f"Token {self.token}"
            return request

    class Loud(HTTPBasicAuth):
        def __call__(self, request):
            request.headers["X-Loud"] = "1"
            return super().__call__(request)

    def moves(request):
        request.url += "?signed=1"
        request.body = b"other"
        request.prepare_content_length(request.body)
        return request

    found = []
    for auth in (
        ("joe", "päss"),
        ("joe", ""),
        ("", ""),
        HTTPBasicAuth("joe", "p"),
        HTTPProxyAuth("joe", "p"),
        Token("t"),
        Loud("a", "b"),
        moves,
        lambda request: request,
        lambda request: None,
    ):
        found += [
            stage.get(auth=auth),
            stage.post(auth=auth, json={"a": 1}),
            stage.get(auth=auth, headers={"Authorization": "by hand"}),
        ]
        stage.client.auth = auth
        found += [stage.get(), stage.get(auth=("call", "wins"))]
        stage.client.auth = None
    return found


@case
def oauth1_signs_requests(stage):
    from requests_oauthlib import OAuth1

    for place in ("AUTH_HEADER", "QUERY"):
        auth = OAuth1("key", "secret", "token", "token secret", signature_type=place)
        found = [
            response["status_code"]
            for response in (
                stage.get("/a?b=1", auth=auth),
                stage.post(auth=auth, data={"c": "1"}),
                stage.post(auth=auth, json={"c": 1}),
            )
        ]
        stage.client.auth = auth
        found.append(stage.get("/session")["status_code"])
        stage.client.auth = None
        if place == "QUERY":
            drawn = stage.server.seen[-4:], stage.events[-4:]
            del stage.server.seen[-4:], stage.events[-4:]
            found.append(["oauth_signature=" in str(part) for part in drawn])
    return found


@case
def files_and_streams_as_bodies(stage):
    from requests_toolbelt import MultipartEncoder, MultipartEncoderMonitor

    class Sized:
        def __len__(self):
            return 6

        def __iter__(self):
            return iter([b"abc", b"def"])

        def read(self, size=-1):
            data, self.left = getattr(self, "left", b"abcdef"), b""
            return data

    def generator():
        yield b"one"
        yield b"two"

    found, seen = [], []
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"of a file" * 1000)
        file.flush()
        with Path(file.name).open("rb") as opened:
            found.append(stage.post(data=opened))
            opened.seek(5)
            found.append(stage.post(data=opened))
            found.append(stage.post(data=opened))
        with Path(file.name).open() as opened:
            found.append(stage.post(data=opened))
        with Path(file.name).open("rb") as opened:
            found.append(stage.post(files={"f": ("given.bin", opened)})["status_code"])
    found += [
        stage.post(data=body)
        for body in (
            io.BytesIO(b"bytes"),
            io.BytesIO(b""),
            io.StringIO("text ä"),
            generator(),
            iter([]),
            Sized(),
            iter(["text"]),
            map(bytes, [b"x"]),
        )
    ]
    for files in (
        {"f": b"bytes"}, {"f": "text"}, {"f": ("n.txt", "text", "text/plain")}, {"f": ("n.txt", b"x", "a/b", {"X": "1"})}, [("f", ("1", b"a")), ("f", ("2", b"b"))], {"f": (None, "field")}, {"f": io.BytesIO(b"io")}, {"ä": ("ö.txt", b"x")}, {}, {"f": None}, {"f": ("empty", b"")},
    ):  # fmt: skip
        found += [
            stage.post(files=files),
            stage.post(files=files, data={"a": "1", "b": ["x", "y"]}),
            stage.told(stage.client.put, "/echo", files=files, headers={"X": "1"}),
        ]
    encoder = MultipartEncoder(
        {"field": "value", "file": ("n", io.BytesIO(b"content" * 50), "text/plain")}, boundary="fixed"
    )
    monitor = MultipartEncoderMonitor.from_fields({"a": "b"}, "fixed", callback=lambda m: seen.append(m.bytes_read))
    for body in (encoder, monitor):
        found.append(stage.post(data=body, headers={"Content-Type": body.content_type}))
    return [*found, stage.get("/echo", data=io.BytesIO(b"in a get")), seen]


@case
def mounted_adapters_are_asked(stage):
    found, asked = [], []

    class Own(HTTPAdapter):
        def send(self, request, **options):
            asked.append([request.method, request.url, sorted(options), options["timeout"], options["verify"]])
            return super().send(request, **options)

    class Fake(HTTPAdapter):
        def send(self, request, **_):
            response = requests.Response()
            response.status_code, response._content, response.url, response.request = 299, b"fake", request.url, request
            return response

    stage.server.lay("/503", answer(b"", status="503 Busy"))
    stage.client.get("/before")
    kept = dict(stage.client.adapters)
    stage.client.mount(stage.base, Own())
    found += [
        stage.get(),
        stage.told(stage.client.get, f"http://localhost:{stage.server.port}/elsewhere", timeout=3),
        stage.post(json={"a": 1}, timeout=2),
    ]
    stage.client.mount(stage.base + "/fake", Fake())
    found += [stage.get("/fake/x"), stage.get("/real"), next(iter(stage.client.adapters)) == stage.base + "/fake"]
    stage.client.mount("http://", HTTPAdapter(max_retries=urllib3.Retry(2, status_forcelist=[503], backoff_factor=0)))
    del stage.client.adapters[stage.base]
    found += [stage.get("/503"), stage.get(), stage.server.connections]
    stage.client.adapters.clear()
    found.append(stage.get())
    stage.client.adapters.update(kept)
    found.append(stage.get())
    stage.client.adapters["http://"] = Fake()
    found.append(stage.get())
    stage.client.adapters = OrderedDict({"http://": Own()})
    return [*found, stage.get(), asked]


@case
def adapters_are_reached_through_get_adapter(stage):
    found = [stage.get()]
    adapter = stage.client.get_adapter(stage.base)
    adapter.max_retries = urllib3.Retry(1, status_forcelist=[503], backoff_factor=0)
    stage.server.lay("/503", answer(b"", status="503 Busy"))
    found.append(stage.get("/503"))
    stage.client.get_adapter = lambda url: Refusing()
    return [*found, stage.get()]


class Refusing(HTTPAdapter):
    def send(self, request, **_):
        raise requests.ConnectionError("refused by an adapter", request=request)


@case
def sessions_of_a_script_may_override_any_method(stage):
    told = []

    def overriding(name):
        def method(self, *arguments, **options):
            told.append(name)
            return getattr(super(kind, self), name)(*arguments, **options)

        kind = type("Mine", (stage.session_class,), {name: method})
        return kind

    stage.server.moved("/hop", f"http://localhost:{stage.server.port}/json")
    found = []
    for name in (
        "request", "send", "prepare_request", "merge_environment_settings", "get_adapter", "get", "resolve_redirects", "rebuild_auth", "rebuild_method", "rebuild_proxies", "get_redirect_target", "should_strip_auth", "_build_url", "_send_request_safe_mode", "close", "mount", "rename_request",
    ):  # fmt: skip
        client = stage.session(kind=overriding(name))
        told.clear()
        found.append([name, stage.told(client.get, "/json", headers={"X": name}), sorted(set(told))])
        told.clear()
        found.append([name, stage.told(client.get, "/hop"), sorted(set(told))])
    return found


@case
def methods_of_one_session_may_be_replaced(stage):
    told, found = [], []
    stage.server.moved("/hop", "/json")
    for name in (
        "request",
        "send",
        "prepare_request",
        "merge_environment_settings",
        "get_adapter",
        "get",
        "resolve_redirects",
        "get_redirect_target",
        "_build_url",
        "_send_request_safe_mode",
    ):
        client = stage.session()
        client.get("/before")

        def wrapper(*arguments, name=name, original=getattr(client, name), **options):
            told.append(name)
            return original(*arguments, **options)

        setattr(client, name, wrapper)
        found.append([name, stage.told(client.get, "/json"), stage.told(client.get, "/hop"), sorted(set(told))])
        told.clear()
        delattr(client, name)
        found.append([stage.told(client.get, "/json")["status_code"], sorted(told)])
    return found


def replaced(stage, places):
    """Whether a function that a script has put in place of a library's is called, by the library's name for it."""
    found = []
    for owner, attribute in places:
        told, original = [], getattr(owner, attribute)

        def wrapper(*arguments, told=told, original=original, **options):
            told.append(1)
            return original(*arguments, **options)

        with changed(owner, attribute, wrapper):
            client = stage.session()  # tracers and mocks are there before the users are
            found.append([attribute, stage.told(client.get, "/" + attribute)["status_code"], bool(told)])
        client.get("/after")
    return found


@case
def a_send_that_was_replaced_under_every_session_is_called(stage):
    return replaced(stage, [(requests.Session, "send")])


@case
def other_methods_that_were_replaced_under_every_session_are_called(stage):
    return replaced(
        stage,
        [
            (requests.Session, "request"),
            (requests.Session, "prepare_request"),
            (requests.Session, "get_adapter"),
            (HTTPAdapter, "send"),
            (HTTPAdapter, "build_response"),
        ],
    )


@case
def functions_of_urllib3_that_were_replaced_are_called(stage):
    from urllib3 import connection, connectionpool
    from urllib3.util import connection as sockets

    return replaced(
        stage,
        [
            (connectionpool.HTTPConnectionPool, "urlopen"),
            (connection.HTTPConnection, "request"),
            (http.client.HTTPConnection, "putrequest"),
            (sockets, "create_connection"),
        ],
    )


@case
def names_may_be_resolved_by_the_script(stage):
    import socket

    original, asked = socket.getaddrinfo, []

    def resolves(host, *arguments, **options):
        asked.append(shown(host))
        return original("127.0.0.1" if "made.up" in shown(host) else host, *arguments, **options)

    with changed(socket, "getaddrinfo", resolves):
        found = stage.told(stage.client.get, f"http://made.up.example:{stage.server.port}/x")
    return [found, sorted(set(asked))]


@case
def a_client_may_be_injected_into_an_sdk(stage):
    class Sdk:
        """What libraries do with a session that they were given."""

        def __init__(self, session):
            self._session = session

        def use(self):
            request = requests.Request("POST", stage.base + "/sdk", json={"a": 1}, headers={"X": "sdk"})
            prepared = self._session.prepare_request(request)
            settings = self._session.merge_environment_settings(prepared.url, {}, None, None, None)
            return [
                seen_of(self._session.get(stage.base + "/got", params={"a": 1}, timeout=(1, 2))), seen_of(self._session.post(stage.base + "/posted", data={"a": "1"})), seen_of(self._session.request("PUT", stage.base + "/put", json=1)),
                self._session.send(prepared, **settings).json(), self._session.send(prepared, stream=True, timeout=3).raw.status, [line.decode() for line in self._session.get(stage.base + "/s", stream=True).iter_lines()],
            ]  # fmt: skip

    client = stage.client
    client.get("/first")
    client.headers["X-All"] = "1"
    return [Sdk(client).use(), len(stage.events)]


@case
def urllib3_tells_what_it_does_at_debug_level(stage):
    records = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())
    log = logging.getLogger("urllib3.connectionpool")
    stage.client.get("/before")
    stage.server.moved("/hop", "/json")
    log.addHandler(handler)
    found = []
    try:
        for path in ("/json?a=1", "/hop"):
            for level in (logging.DEBUG, logging.INFO):
                log.setLevel(level)
                found.append(stage.get(path)["status_code"])
        log.setLevel(logging.NOTSET)
        logging.getLogger("urllib3").setLevel(logging.DEBUG)
        found.append(stage.get("/parent")["status_code"])
        logging.getLogger("urllib3").setLevel(logging.NOTSET)
        logging.getLogger().setLevel(logging.DEBUG)
        found.append(stage.post("/root", json={"a": 1})["status_code"])
        logging.disable(logging.DEBUG)
        found.append(stage.get("/disabled")["status_code"])
    finally:
        logging.disable(logging.NOTSET)
        logging.getLogger().setLevel(logging.WARNING)
        log.removeHandler(handler)
    return [found, [line for line in records if not line.startswith(("Starting", "Resetting"))], bool(records)]


@case
def http_client_tells_what_it_does_when_asked(stage):
    stage.client.get("/before")
    told = io.StringIO()
    with redirect_stdout(told), changed(http.client.HTTPConnection, "debuglevel", 1):
        found = [stage.get("/debugged"), stage.post("/debugged", data="x")]
    silent = io.StringIO()
    with redirect_stdout(silent):
        stage.get("/silent")
    return [found, told.getvalue().replace(str(stage.server.port), "PORT"), silent.getvalue()]


if __name__ == "__main__":
    main()
