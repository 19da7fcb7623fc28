"""An answer whose head is known is read as if it were not; whatever came before it, and however it is cut."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loadproof.http import answer as module
from loadproof.http.answer import AnswerReader, Head, known
from loadproof.http.connection import GIVE_UP_AFTER, Connection

FIELDS = ("status", "version", "reason", "headers", "keeps", "length", "framed", "sets_cookies", "encoded")


@pytest.fixture(autouse=True)
def nothing_known():
    known.clear()
    yield
    known.clear()


def connection(*, looks):
    made = Connection("shop", 80, None)
    made._hub = SimpleNamespace(loop=SimpleNamespace(run_callback=lambda *_: None))
    made._watcher = SimpleNamespace(stop=lambda: None)
    made._misses = 0 if looks else GIVE_UP_AFTER
    return made


def read(link, pieces, *, head_only=False, closed=False):
    """What a connection makes of an answer: how it ended, its head and body, whether another may follow."""
    link._error = None
    link._busy = link._waiting = True
    link._head_only = head_only
    link.reusable = False
    took = 0
    for piece in pieces:
        if not link._waiting:
            break  # what comes now comes to an idle connection, which is done with
        took += 1
        try:
            link._take(piece)
        except Exception as error:  # noqa: BLE001 - as its caller does
            link._fail(error, piece)
    if link._waiting and closed:
        link._on_end()
    if link._waiting:
        return "waits", took
    if link._error is not None:
        return type(link._error), str(link._error), took
    head = link.head
    return (
        {name: getattr(head, name) for name in FIELDS},
        dict(head.fields()),
        head.encoding(),
        link.body,
        link.reusable,
        took,
    )


def cut(data, places):
    ends = [*sorted({place % len(data) for place in places} - {0}), len(data)]
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


HEADERS = [
    b"Content-Length: %d", b"content-length: %d", b"Content-Length:%d", b"Content-Length: 0%d", b"Content-Length: %d ",
    b"Content-Length: 2", b"Content-Length: 0", b"Content-Length: -1", b"Content-Length: x", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip", b"Connection: close", b"Connection: keep-alive", b"Connection: Upgrade", b"Upgrade: websocket",
    b"Set-Cookie: a=1", b"Set-Cookie: b=2", b"Content-Encoding: gzip", b"Content-Type: text/html; charset=latin-1",
    b"Content-Type: application/json", b"Date: Mon", b"Date: Tue", b"X-Empty:", b"X-\xe4: \xe4", b"Trailer: T",
]  # fmt: skip
STATUS = st.sampled_from([200] * 8 + [201, 204, 206, 301, 304, 404, 500, 100, 103, 101, 999])
VERSIONS = st.sampled_from([b"1.1"] * 6 + [b"1.0"])
REASONS = st.sampled_from([b" OK", b" OK", b" OK", b" ", b"", b" Not OK"])
EXTRAS = st.sampled_from([b""] * 8 + [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"\r\n", b"x", b"HTTP/1.1 1"])
BODIES = st.one_of(
    st.sampled_from([b"", b"ok", b"ok", b"\r\n\r\n", b"a\r\n\r\nb", b"HTTP/1.1 200 OK\r\n\r\n"]), st.binary(max_size=6)
)
INTERIM = st.sampled_from(
    [b""] * 8 + [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\nLink: a\r\n\r\n", b"\r\n"]
)
ENDS = st.sampled_from([b"\r\n"] * 12 + [b"\n"])


@st.composite
def answers(draw):
    usual = draw(st.integers(0, 3)) > 0
    names = [b"Content-Length: %d"] if usual else []
    names += draw(st.lists(st.sampled_from(HEADERS), max_size=1 if usual else 3))
    body = draw(BODIES)
    lines = [name % len(body) if b"%d" in name else name for name in names]
    end = draw(ENDS)
    head = b"HTTP/" + draw(VERSIONS) + b" %d" % draw(STATUS) + draw(REASONS) + end
    head += b"".join(line + end for line in lines) + end
    if b"Transfer-Encoding: chunked" in lines and draw(st.integers(0, 4)):
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:2], body[2:]) if part) + b"0\r\n\r\n"
    data = draw(INTERIM) + head + body + draw(EXTRAS)
    places = draw(st.one_of(st.just([]), st.just([]), st.lists(st.integers(0, 400), max_size=4)))
    return cut(data, places), draw(st.sampled_from([False] * 5 + [True])), draw(st.booleans())


def plain(length, body, *more):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % length + b"".join(line + b"\r\n" for line in more)
    return ([head + b"\r\n" + body], False, False)


@given(series=st.lists(answers(), min_size=1, max_size=8), repeats=st.integers(1, 2))
@example(series=[plain(2, b"ok"), plain(2, b"no")], repeats=2)
@example(series=[plain(2, b"ok"), plain(2, b"o"), plain(2, b"ok!")], repeats=1)
@example(series=[plain(2, b"ok"), (*plain(2, b"")[:1], True, False), plain(2, b"ok")], repeats=1)
@example(series=[plain(2, b"ok", b"Connection: close"), plain(2, b"ok", b"Connection: close")], repeats=1)
@settings(max_examples=400, deadline=None)
def test_what_is_known_changes_no_answer(series, repeats):
    known.clear()
    looking, blind = connection(looks=True), connection(looks=False)
    for pieces, head_only, closed in series * repeats:
        seen = read(looking, pieces, head_only=head_only, closed=closed)
        assert seen == read(blind, pieces, head_only=head_only, closed=closed)
        if seen[0] == "waits" or not looking.reusable:
            looking, blind = connection(looks=True), connection(looks=False)


@given(
    places=st.lists(st.integers(0, 200), max_size=6),
    first=st.binary(max_size=20),
    second=st.binary(max_size=20),
    kind=st.sampled_from(
        [b"Content-Type: text/plain", b"Set-Cookie: a=1", b"Connection: close", b"Content-Encoding: gzip"]
    ),
)
@settings(max_examples=150, deadline=None)
def test_a_known_head_stands_before_any_body_however_it_is_cut(places, first, second, kind):
    known.clear()
    read(connection(looks=True), plain(len(first), first, kind)[0])
    assert len(known) == 1
    (pieces,) = plain(len(second), second, kind)[0]
    seen = read(connection(looks=True), cut(pieces, places))
    assert seen[:-1] == read(connection(looks=False), [pieces])[:-1]


def wire(*lines, body=b""):
    return b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


OK = b"HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (wire(OK, b"Content-Length: 2", body=b"ok"), True),
        (wire(OK, b"Content-Length: 0"), True),
        (wire(OK, b"Content-Length: 2", b"Connection: close", body=b"ok"), True),
        (wire(b"HTTP/1.0 200 OK", b"Content-Length: 2", body=b"ok"), True),
        (wire(b"HTTP/1.1 404 Not Found", b"Content-Length: 2", body=b"no"), True),
        (wire(OK, b"Content-Length: 4", body=b"\r\n\r\n"), True),
        (wire(OK, b"Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n"), False),
        (wire(b"HTTP/1.1 204 No Content", b"Content-Length: 0"), False),
        (wire(b"HTTP/1.1 304 Not Modified", b"Content-Length: 0"), False),
        (wire(b"HTTP/1.1 304 Not Modified", b"Content-Length: 7"), False),
        (wire(b"HTTP/1.1 100 Continue") + wire(OK, b"Content-Length: 2", body=b"ok"), False),
        (wire(OK, b"Content-Length: 2", body=b"ok") + b"more", False),
        (wire(OK, b"Content-Length: 2", b"X: " + b"x" * 4096, body=b"ok"), False),
    ],
)
def test_only_a_whole_answer_that_its_length_ends_makes_its_head_known(data, kept):
    first = read(connection(looks=True), [data])
    assert bool(known) is kept
    assert all(data.startswith(head) and head.endswith(b"\r\n\r\n") for head in known)
    assert read(connection(looks=True), [data]) == first == read(connection(looks=False), [data])


def test_an_answer_to_head_makes_nothing_known_and_uses_nothing():
    data = wire(OK, b"Content-Length: 2")
    bare = read(connection(looks=True), [data], head_only=True)
    assert known == {}
    assert bare[3:5] == (b"", True)
    read(connection(looks=True), [data + b"ok"])
    assert len(known) == 1
    assert read(connection(looks=True), [data], head_only=True) == bare
    beyond = read(connection(looks=True), [data + b"ok"], head_only=True)
    assert beyond == read(connection(looks=False), [data + b"ok"], head_only=True)
    assert beyond[3] == b""
    assert read(connection(looks=True), [data]) == ("waits", 1)
    assert read(connection(looks=True), [data, b"ok"])[3] == b"ok"


def test_a_length_that_changes_is_another_head():
    link = connection(looks=True)
    for body in (b"ok", b"okay", b"", b"ok", b"okay"):
        seen = read(link, plain(len(body), body)[0])
        assert (seen[0]["length"], seen[3]) == (len(body), body)
    assert len(known) == 3


@pytest.mark.parametrize(
    ("line", "keeps"), [(b"Connection: close", False), (b"Connection: keep-alive", True), (b"X: y", True)]
)
def test_a_known_head_says_whether_the_connection_lives_on(line, keeps):
    for _ in range(3):
        link = connection(looks=True)
        read(link, plain(2, b"ok", line)[0])
        assert link.reusable is keeps


def test_a_known_head_is_one_object_and_not_parsed_again(monkeypatch):
    first, second = connection(looks=True), connection(looks=True)
    read(first, plain(2, b"ok")[0])
    monkeypatch.setattr(AnswerReader, "feed", None)
    read(second, plain(2, b"no")[0])
    assert second.head is first.head
    assert (first.body, second.body) == (b"ok", b"no")


def test_what_is_read_of_a_shared_head_is_the_readers_own():
    head = Head(200, "1.1", b"OK", [(b"Content-Type", b"text/plain"), (b"A", b"1"), (b"a", b"2")])
    head.fields()["A"] = "changed"
    assert head.fields() == {"Content-Type": "text/plain", "A": "1, 2"}
    assert head.encoding() == head.encoding() == "ISO-8859-1"
    assert Head(200, "1.1", b"OK", []).encoding() is None


def test_a_connection_whose_heads_never_repeat_stops_looking():
    link = connection(looks=True)
    for number in range(GIVE_UP_AFTER):
        read(link, plain(2, b"ok", b"X-Request: %d" % number)[0])
    count = len(known)
    assert count in (GIVE_UP_AFTER - 1, GIVE_UP_AFTER)
    seen = read(link, plain(2, b"ok", b"X-Request: last")[0])
    assert seen[3] == b"ok"
    assert len(known) == count


def test_a_head_that_repeats_keeps_a_connection_looking():
    link = connection(looks=True)
    for number in range(3 * GIVE_UP_AFTER):
        read(link, plain(2, b"ok", b"X-Request: %d" % (number // 2))[0])
    assert link._misses <= 1
    assert len(known) == 3 * GIVE_UP_AFTER // 2


def test_what_is_known_has_a_limit(monkeypatch):
    monkeypatch.setattr(module, "_KEPT", 4)
    for number in range(20):
        read(connection(looks=True), plain(2, b"ok", b"X-Request: %d" % number)[0])
        assert 1 <= len(known) <= 4


def test_an_answer_torn_in_its_body_says_what_is_missing():
    for looks in (True, False, True):
        read(connection(looks=True), plain(9, b"123456789")[0])
        kind, text, _ = read(connection(looks=looks), plain(9, b"1234")[0], closed=True)
        assert (kind.__name__, text) == ("IncompleteRead", "IncompleteRead(4 bytes read, 5 more expected)")


def test_an_answer_that_only_the_end_ends_is_whole_then():
    for _ in range(2):
        link = connection(looks=True)
        assert read(link, [wire(OK, body=b"a"), b"b"]) == ("waits", 2)
        seen = read(connection(looks=True), [wire(OK, body=b"a"), b"b"], closed=True)
        assert (seen[3], seen[4]) == (b"ab", False)
    assert known == {}
