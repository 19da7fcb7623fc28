"""Bodies and their headers are, to the byte, those that requests prepares."""

from __future__ import annotations

import json
from collections import OrderedDict, UserDict, namedtuple
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st
from requests.auth import HTTPBasicAuth, _basic_auth_str
from requests.structures import CaseInsensitiveDict

from loadproof.http import body as module
from loadproof.http.body import authorization, body_of
from loadproof.http.headers import HeadLines
from loadproof.http.target import target_for

URL = "http://shop/"
DESCRIBED = ("Content-Length", "Content-Type")


class Table(dict):
    pass


class Grade(IntEnum):
    A = 1


class Colour(StrEnum):
    RED = "red"


Point = namedtuple("Point", "x y")  # noqa: PYI024 - what scripts have


def theirs(method, data, document, headers):
    prepared = requests.Request(method, URL, data=data, json=document, headers=headers).prepare()
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    fields = {name: prepared.headers[name] for name in DESCRIBED if name in prepared.headers}
    if prepared.body is not None and not body and method not in {"GET", "HEAD"}:
        fields["Content-Length"] = "0"  # requests has urllib3 send nothing in chunks
    return body or b"", fields, prepared.body


def ours(method, data, document, headers):
    head = HeadLines(CaseInsensitiveDict(headers))
    if data:
        body, described, shown = body_of(method, data, head)
    elif document is not None:
        body, described, shown = module.documents.body_of(document, head)
    else:
        body, described, shown = b"", target_for(method, "", URL).empty, None
    fields = dict(line.split(": ", 1) for line in described.decode("latin-1").split("\r\n") if line)
    given = {name: head.fields[name] for name in DESCRIBED if name in head.fields}
    assert not set(fields) & set(given)
    return body or b"", fields | given, shown


BARE = HeadLines(CaseInsensitiveDict())


def written(documents, document):
    return documents.body_of(document, BARE)[0]


def outcome(function, *arguments):
    try:
        return function(*arguments)
    except requests.exceptions.InvalidJSONError as error:  # the session leaves what is a ValueError to requests
        return ValueError, str(error)
    except Exception as error:  # noqa: BLE001 - which one is the outcome
        return type(error), str(error)


def same(method="POST", data=None, document=None, headers=()):
    headers = dict(headers)
    expected = outcome(theirs, method, data, document, headers)
    assert outcome(ours, method, data, document, headers) == expected
    return expected


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6),
    st.text(alphabet='"\\/\x00\x1f\x7f\u2028\u00e4\U0001f600<>&', max_size=4),
)  # fmt: skip
KEYS = st.one_of(st.text(max_size=4), st.integers(), st.floats(allow_nan=False), st.booleans(), st.none())
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=3).map(Table),
    ),
    max_leaves=12,
)
FORM_VALUES = st.one_of(
    st.text(max_size=5), st.integers(), st.floats(), st.none(), st.binary(max_size=4),
    st.lists(st.one_of(st.text(max_size=3), st.integers(), st.none()), max_size=3),
)  # fmt: skip
DATA = st.one_of(
    st.text(max_size=8),
    st.binary(max_size=8),
    st.dictionaries(st.one_of(st.text(max_size=4), st.integers()), FORM_VALUES, max_size=4),
    st.lists(st.tuples(st.text(max_size=4), FORM_VALUES), max_size=4),
    st.lists(st.tuples(st.text(max_size=4), FORM_VALUES), max_size=3).map(tuple),
)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
HEADERS = st.sampled_from([{}, {"Content-Type": "text/plain"}, {"content-type": "application/x"}, {"Accept": "*/*"}])


@given(method=METHODS, document=DOCUMENTS, headers=HEADERS)
@settings(max_examples=300, deadline=None)
def test_documents_are_written_as_requests_writes_them(method, document, headers):
    same(method, document=document, headers=headers)


@given(method=METHODS, data=DATA, document=st.one_of(st.none(), st.just({"a": 1})), headers=HEADERS)
@example(method="POST", data="", document={"a": 1}, headers={})
@example(method="POST", data={}, document=None, headers={})
@example(method="POST", data={"a": None}, document=None, headers={})
@example(method="GET", data={"a": []}, document={"b": 1}, headers={})
@settings(max_examples=300, deadline=None)
def test_data_is_written_as_requests_writes_it(method, data, document, headers):
    same(method, data, document, headers)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({}, "{}"),
        ([], "[]"),
        (0, "0"),
        (False, "false"),
        ("", '""'),
        ("\u00e4\u2713\U0001f600\x7f", '"\\u00e4\\u2713\\ud83d\\ude00\\u007f"'),
        ("\ud800", '"\\ud800"'),
        ({"b": 1, "a": [1.5, -0.0, 1e300, 10**30]}, '{"b": 1, "a": [1.5, -0.0, 1e+300, ' + str(10**30) + "]}"),
        ({1: 2, None: 3, False: 4, 1.5: 5}, '{"1": 2, "null": 3, "false": 4, "1.5": 5}'),
        (Table(a=Table()), '{"a": {}}'),
        (OrderedDict(z=1, a=2), '{"z": 1, "a": 2}'),
        (Point(1, 2), "[1, 2]"),
        ({Colour.RED: Grade.A}, '{"red": 1}'),
    ],
)
def test_a_document_becomes_this_text(document, text):
    body, fields, shown = same(document=document)
    assert body == shown == text.encode()
    assert fields == {"Content-Length": str(len(body)), "Content-Type": "application/json"}


@pytest.mark.parametrize("document", [float("nan"), [float("inf")], {"a": -float("inf")}, {float("nan"): 1}])
def test_what_is_no_number_is_the_same_error(document):
    kind, text = same(document=document)
    assert kind is ValueError
    assert text.startswith("Out of range float values are not JSON compliant")


@pytest.mark.parametrize(
    "document",
    [Decimal("1.5"), {"a": {1, 2}}, [b"bytes"], object, {"at": datetime(2020, 1, 1)}, {(1, 2): 3}, UserDict(a=1), 1j],  # noqa: DTZ001
)
def test_what_json_does_not_know_is_the_same_error(document):
    kind, text = same(document=document)
    assert kind is TypeError
    assert "JSON serializable" in text or "keys must be" in text


def test_a_document_that_holds_itself_is_the_same_error():
    document = {"list": []}
    document["list"].append(document)
    assert same(document=document) == (ValueError, "Circular reference detected")


def test_a_document_too_deep_is_the_same_error():
    document = []
    for _ in range(100_000):
        document = [document]
    assert outcome(ours, "POST", None, document, {})[0] is outcome(theirs, "POST", None, document, {})[0]
    while document:
        document = document.pop()


def test_an_error_leaves_nothing_behind_for_the_next_document():
    for _ in range(3):
        same(document={"a": [1, float("nan")]})
        same(document=[{"b": Decimal(1)}])
        assert same(document={"a": [1]})[0] == b'{"a": [1]}'


@given(document=DOCUMENTS)
@settings(max_examples=200, deadline=None)
def test_documents_that_were_sent_before_are_written_again_as_they_were(document):
    documents = module.Documents()
    first = outcome(documents.body_of, document, BARE)
    assert [outcome(documents.body_of, document, BARE) for _ in range(2)] == [first, first]
    assert outcome(module.Documents().body_of, document, BARE) == first


def test_documents_that_are_equal_and_of_other_types_are_told_apart():
    documents = module.Documents()
    equal = [{"a": 1}, {"a": True}, {"a": 1.0}, {"a": Grade.A}, {1: "a"}, {True: "a"}, {1.0: "a"}, [0.0], [-0.0], [0]]
    for _ in range(2):
        texts = [written(documents, document).decode() for document in equal]
        assert texts == [json.dumps(document) for document in equal]


def test_a_document_that_was_changed_is_written_anew():
    documents = module.Documents()
    document = {"lines": [{"n": 1}]}
    assert written(documents, document) == b'{"lines": [{"n": 1}]}'
    document["lines"][0]["n"] = 2
    assert written(documents, document) == b'{"lines": [{"n": 2}]}'


def test_where_no_document_comes_again_it_is_looked_only_now_and_then(monkeypatch):
    looked = []
    monkeypatch.setattr(module.marshal, "dumps", lambda document, _: looked.append(document) or str(document).encode())
    documents = module.Documents()
    for number in range(64 + 4096):
        assert written(documents, {"n": number}) == b'{"n": %d}' % number
    assert len(looked) == 64
    for _ in range(3):
        assert written(documents, {"again": 1}) == b'{"again": 1}'
    assert looked[64:] == [{"again": 1}] * 3


def test_no_more_documents_are_kept_than_fit():
    documents = module.Documents()
    written(documents, ["x" * (1 << 15)])
    assert not documents._known
    for number in range(1000):
        for _ in range(2):
            assert written(documents, number) == str(number).encode()
        assert len(documents._known) <= 256


def test_the_encoder_is_the_one_written_in_c():
    assert type(module._encode) is json.encoder.c_make_encoder


def test_without_the_one_written_in_c_documents_are_the_same(monkeypatch):
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    slow = module._json_encoder()
    assert type(slow) is not type(module._encode)
    monkeypatch.setattr(module, "_encode", slow)
    same(document={"a": [1, "\u00e4", None, 2.5, {"b": []}]})
    same(document=[float("nan")])


@pytest.mark.parametrize(
    ("data", "body", "kind"),
    [
        ("text", b"text", None),
        ("\u00e4", b"\xc3\xa4", None),
        (b"\xff\x00", b"\xff\x00", None),
        ({"a": 1, "b": "x y"}, b"a=1&b=x+y", "application/x-www-form-urlencoded"),
        ({"a": ["1", "2"], "b": None}, b"a=1&a=2", "application/x-www-form-urlencoded"),
        ([("a", "1"), ("a", "\u00e4")], b"a=1&a=%C3%A4", "application/x-www-form-urlencoded"),
        ((("a", "1"),), b"a=1", "application/x-www-form-urlencoded"),
        (Table(a="&"), b"a=%26", "application/x-www-form-urlencoded"),
    ],
)
def test_data_becomes_this_body(data, body, kind):
    sent, fields, _ = same(data=data, document={"not": "this"})
    assert sent == body
    assert fields == {"Content-Length": str(len(body))} | ({"Content-Type": kind} if kind else {})


@pytest.mark.parametrize("data", [[1, 2], ["ab", "cde"], [("a",)], [("a", 1, 2)], [None]])
def test_data_that_is_no_form_is_the_same_error(data):
    kind, _ = same(data=data)
    assert kind in (TypeError, ValueError)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_only_get_and_head_say_no_length_of_nothing(method):
    body, fields, _ = same(method, data={"a": None})
    assert body == b""
    assert ("Content-Length" in fields) is (method in {"POST", "DELETE"})


@given(
    name=st.one_of(st.text(max_size=6), st.binary(max_size=6)),
    password=st.one_of(st.text(max_size=6), st.binary(max_size=6)),
)
@example(name="", password="")
@example(name="\u00fcser", password=":\u00e4:")
@example(name="\u2713", password="x")
@settings(max_examples=200, deadline=None)
def test_authorization_is_what_requests_writes(name, password):
    def line(auth):
        return authorization(auth).decode("latin-1")

    expected = outcome(lambda: f"Authorization: {_basic_auth_str(name, password)}\r\n")
    assert outcome(line, (name, password)) == outcome(line, HTTPBasicAuth(name, password)) == expected


def test_no_authorization_is_no_line():
    assert authorization(None) == b""


@pytest.mark.parametrize("name", [1, 1.5, None])
def test_names_that_are_no_text_warn_as_in_requests(name):
    with pytest.warns(DeprecationWarning, match="Non-string usernames"):
        expected = _basic_auth_str(name, "x")
    with pytest.warns(DeprecationWarning, match="Non-string usernames"):
        assert authorization((name, "x")) == f"Authorization: {expected}\r\n".encode()
