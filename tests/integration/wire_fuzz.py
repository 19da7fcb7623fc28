"""Answers of every kind, cut into pieces, cut off, mutated: prints as JSON what went wrong with each property.

Run as a program: Locust patches the standard library. The examples are the same in each run; LOADPROOF_WIRE_EXAMPLES
asks for more of them, and for the smallest that fails.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import sys
import time
import traceback
import zlib
from dataclasses import dataclass

from wire_server import LOCUSTS, OURS, Caller, HangError, Reply, Script, answer, install, whole

import gevent  # isort: skip
from hypothesis import HealthCheck, Phase, given, settings  # isort: skip
from hypothesis import strategies as st  # isort: skip

EXAMPLES = int(os.environ.get("LOADPROOF_WIRE_EXAMPLES", "0"))
SHORT = 0.08
PROPERTIES = {}

server = Script()


def holds(usually):
    """A property, and how many examples it gets when nobody asks for more."""

    def register(test):
        phases = [Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate]
        PROPERTIES[test.hypothesis.inner_test.__name__] = settings(
            max_examples=EXAMPLES or usually, derandomize=True, database=None, deadline=None, phases=phases,
            suppress_health_check=list(HealthCheck),
        )(test)  # fmt: skip
        return test

    return register


# Answers whose meaning is known by construction


@dataclass(frozen=True)
class Answer:
    method: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    interim: tuple[bytes, ...]
    head: bytes
    payload: bytes
    ends_itself: bool
    keeps: bool

    def __repr__(self):
        return f"<{self.method} {self.data[:400]!r} {len(self.data)} bytes>"

    def _repr_pretty_(self, printer, _cycle):
        printer.text(repr(self))

    @property
    def data(self) -> bytes:
        return b"".join(self.interim) + self.head + self.payload

    @property
    def expected(self) -> tuple:
        merged = {}
        for name, value in self.headers:
            merged.setdefault(name.lower(), []).append(value)
        return (
            self.status,
            self.reason,
            tuple(sorted((name, ", ".join(values)) for name, values in merged.items())),
            self.body,
        )


NAMES = [
    "X-A",
    "x-b",
    "X-Twice",
    "X-Twice",
    "Set-Cookie",
    "Server",
    "ETag",
    "Date",
    "Content-Type",
    "X_odd!name",
    "Vary",
]
VALUES = st.one_of(
    st.sampled_from(["", "a", "text/plain; charset=utf-8", "a=1; Path=/", "x: y: z", "caf\xe9", "chunked", "y" * 3000, "0", "close"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30),
)  # fmt: skip
BODIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"", b"{}", b"\r\n\r\n", b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", b"z" * 70_000]
    ),
)
INTERIM = [
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 100 \r\nX-Interim: yes\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nX-A: interim\r\n\r\n",
]
RUBBISH = [
    b"", b"", b"", b"rubbish", b"\r\n", b"\r\n\r\n", b"\0\xff\0", b"H", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", b"0\r\n\r\n",
    answer(b"WRONG"), answer(b"WRONG", "X-Path: /wrong") * 2, b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nWRONG",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nWRONG\r\n", b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 404 Wrong\r\nX-Wrong: 1\r\n", b"HTTP/1.1 204 No\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nWRONG",
]  # fmt: skip


def chunked(draw, body: bytes) -> bytes:
    out = b""
    while body:
        size = draw(st.integers(1, len(body)))
        part, body = body[:size], body[size:]
        number = draw(st.sampled_from([f"{size:x}", f"{size:X}", f"{size:04x}"]))
        extension = draw(st.sampled_from(["", "", "", ";a", ";name=value", ';q="a b"', ";a=1;b=2"]))
        out += f"{number}{extension}\r\n".encode() + part + b"\r\n"
    last = draw(st.sampled_from([b"0\r\n", b"0\r\n", b"000\r\n", b"0;last=1\r\n"]))
    trailers = draw(st.sampled_from([b"", b"", b"X-Trailer: t\r\n", b"X-Trailer: t\r\nX-A: of the trailer\r\n"]))
    return out + last + trailers + b"\r\n"


@st.composite
def answers(draw) -> Answer:
    method = draw(st.sampled_from(["GET", "GET", "GET", "POST", "HEAD"]))
    status = draw(st.sampled_from([200, 200, 200, 201, 299, 204, 304, 404, 503]))
    reason = draw(st.sampled_from(["OK", "OK", "", "Not So Fine", "r" * 300]))
    headers = draw(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6))
    interim = draw(st.lists(st.sampled_from(INTERIM), max_size=2)) if draw(st.integers(0, 4)) == 0 else []
    body = draw(BODIES)
    framing = draw(st.sampled_from(["length", "length", "chunked", "chunked", "end"]))
    bodyless = method == "HEAD" or status in (204, 304)
    sent = body
    if framing != "end" and not bodyless and draw(st.integers(0, 4)) == 0:
        sent = gzip.compress(body, mtime=0)
        headers.append(("Content-Encoding", "gzip"))
    payload = sent
    if bodyless:
        payload, body = b"", b""
        framing = "none" if status == 204 and method != "HEAD" else framing
    elif framing == "chunked":
        payload = chunked(draw, sent)
    if framing == "length":
        headers.append((draw(st.sampled_from(["Content-Length", "content-length"])), str(len(sent))))
    elif framing == "chunked":
        headers.append((draw(st.sampled_from(["Transfer-Encoding", "transfer-encoding"])), "chunked"))
    closes = draw(st.integers(0, 5)) == 0
    if closes:
        headers.append(("Connection", draw(st.sampled_from(["close", "Close"]))))
    headers = draw(st.permutations(headers))
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers), "", ""]
    ends_itself = bodyless or framing != "end"
    return Answer(
        method, status, reason, tuple(headers), body, tuple(interim), "\r\n".join(lines).encode("latin-1"), payload,
        ends_itself, ends_itself and not closes,
    )  # fmt: skip


def pieces(draw, data: bytes, last: int | None = None) -> tuple[tuple[bytes, float], ...]:
    """The bytes cut at up to six places, most of them around line ends; none after ``last``."""
    last = len(data) if last is None else last
    near = [at + more for at in range(len(data)) if data[at] in b"\r\n:; " for more in (0, 1) if at + more <= last]
    places = st.one_of(st.sampled_from(near), st.integers(0, last)) if near else st.integers(0, last)
    cuts = sorted(draw(st.sets(places, max_size=6)))
    parts = [data[a:b] for a, b in itertools.pairwise([0, *cuts, len(data)])]
    # No pause behind the last: an end that follows has come before anything else can happen.
    return (*((part, draw(st.sampled_from([0, 0.001]))) for part in parts[:-1]), (parts[-1], 0))


def both(method, reference, reply, timeout):
    """What Locust's session sees of one reply and ours of the other, at the same time; and our caller, still open.

    Locust's is not asked where there is no reply for it.
    """
    theirs, ours = Caller(LOCUSTS, server.url), Caller(OURS, server.url)
    asked = [] if reference is None else [(theirs, server.lay(reference))]
    asked.append((ours, server.lay(reply)))
    seen = [gevent.spawn(caller.ask, method, path, timeout=timeout) for caller, path in asked]
    gevent.joinall(seen, raise_error=True)
    for _, path in asked:
        assert server.received[path] == 1, f"sent {server.received[path]} times"
    theirs.close()
    return seen[0].value if len(seen) > 1 else None, seen[-1].value, ours


def comparable(made) -> bool:
    """Whether Locust's session reads it right: it takes 102 and 103 for the answer, and waits for chunks of a 304."""
    interim = any(b" 102 " in head or b" 103 " in head for head in made.interim)
    return not interim and not (made.status in (204, 304) and b"ncoding: chunked" in made.head)


# Properties


@holds(140)
@given(answers(), st.data())
def an_answer_in_pieces_is_the_answer_in_one_piece(made, data):
    rubbish = data.draw(st.sampled_from(RUBBISH)) if made.ends_itself else b""
    then = "keep" if made.keeps else "close"
    cut = Reply(pieces(data.draw, made.data + rubbish, len(made.data) - 1), then)
    theirs, ours, caller = both(made.method, whole(made.data, then) if comparable(made) else None, cut, 2)
    assert ours.clean, ours
    assert ours.answer == made.expected, (ours, made.expected)
    if theirs is not None:
        assert (ours.answer, ours.error) == (theirs.answer, theirs.error), (ours, theirs)
    caller.gets_its_own(server, then)
    caller.close()


@holds(50)
@given(st.lists(answers(), min_size=2, max_size=4), st.data())
def no_answer_is_anothers(pool, data):
    """Many answers on one connection: heads that repeat with other bodies, heads that differ by little."""
    pool = [made for made in pool if made.keeps and (b"ngth: " in made.head or b"ncoding: chunked" in made.head)]
    for made in list(pool):
        head = made.head
        other = "GET" if made.method == "HEAD" else "HEAD"
        pool.append(with_method(made, other))
        if b"X-Same" not in head:
            for value in ("1", "2", "11"):
                pool.append(with_header(made, "X-Same", value))
        pool.append(with_status(made, 404, "Gone?"))
        if made.payload == made.body and made.body:
            changed = bytes(b ^ 1 for b in made.body)
            pool.append(copy(made, body=changed, payload=changed))
    if not pool:
        return
    caller, before, path_of = Caller(OURS, server.url), server.connections, []
    for _ in range(data.draw(st.integers(3, 12))):
        made = data.draw(st.sampled_from(pool))
        path = server.lay(Reply(pieces(data.draw, made.data)))
        path_of.append(path)
        seen = caller.ask(made.method, path, timeout=2)
        assert seen.clean, seen
        assert seen.answer == made.expected, (seen, made.expected)
    assert all(server.received[path] == 1 for path in path_of)
    assert server.connections - before == 1, "connections were not kept"
    caller.close()


def copy(made, **changes):
    return Answer(**{**made.__dict__, **changes})


def with_method(made, method):
    """The same head for HEAD with no body, or for GET with the body that its length asks for."""
    if method == "HEAD":
        return copy(made, method=method, body=b"", payload=b"")
    lengths = [int(value) for name, value in made.headers if name.lower() == "content-length"]
    packed = any(name.lower() == "content-encoding" for name, _ in made.headers)
    if made.status in (204, 304) or not lengths or packed:
        return copy(made, method="HEAD", body=b"", payload=b"")
    body = b"g" * lengths[0]
    return copy(made, method="GET", body=body, payload=body)


def with_header(made, name, value):
    head = made.head[:-2] + f"{name}: {value}\r\n\r\n".encode()
    return copy(made, headers=(*made.headers, (name, value)), head=head)


def with_status(made, status, reason):
    if made.status in (204, 304):
        return made
    _, _, rest = made.head.partition(b"\r\n")
    head = f"HTTP/1.1 {status} {reason}\r\n".encode() + rest
    return copy(made, status=status, reason=reason, head=head)


@holds(120)
@given(answers(), st.data())
def an_answer_that_is_cut_off_is_the_error_that_locust_sees(made, data):
    at = data.draw(
        st.one_of(st.sampled_from([0, 1, len(made.head) - 1, len(made.head)]), st.integers(0, len(made.data)))
    )
    then = data.draw(st.sampled_from(["close", "close", "close", "reset", "reset", "keep"]))
    part = made.data[:at]
    cut = Reply(pieces(data.draw, part), then)
    reference = whole(part, then) if comparable(made) else None
    theirs, ours, caller = both(made.method, reference, cut, SHORT if then == "keep" and at < len(made.data) else 2)
    assert ours.clean, ours
    if made.ends_itself and at == len(made.data):
        assert ours.answer == made.expected, (ours, made.expected)
    elif 0 < at < len(made.data) - len(made.payload):
        # http.client takes a head that ends anywhere for a whole one.
        assert ours.failed, (ours, theirs)
        assert ours.kind in {"connection_closed", "connection_reset", "invalid_response", "timeout"}, ours
    elif theirs is not None and ours.failed and not theirs.failed:
        assert b"ncoding: chunked" in made.head, (ours, theirs)  # urllib3 needs no end behind the last chunk
    elif theirs is not None:
        assert (ours.answer, ours.error, ours.kind) == (theirs.answer, theirs.error, theirs.kind), (ours, theirs)
    caller.gets_its_own(server, then)
    caller.close()


@st.composite
def mutated(draw, data: bytes) -> bytes:
    out = bytearray(data[:3000])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(out)))
        what = draw(st.sampled_from(["replace", "insert", "delete", "repeat"]))
        if what == "replace" and at < len(out):
            out[at] = draw(st.integers(0, 255))
        elif what == "insert":
            out[at:at] = draw(
                st.sampled_from(
                    [b"\r", b"\n", b"\r\n", b"\0", b" ", b":", b"\xff", b"9", b"-", b"\r\n\r\n", b";", b"\t"]
                )
            )
        elif what == "delete":
            del out[at : at + draw(st.integers(1, 8))]
        else:
            out[at:at] = out[at : at + draw(st.integers(1, 40))]
    return bytes(out)


@holds(150)
@given(answers(), st.data())
def a_mutated_answer_is_read_as_locust_reads_it_or_is_a_clean_error(made, data):
    changed = data.draw(st.one_of(mutated(made.data), mutated(made.data), st.binary(max_size=60)))
    then = data.draw(st.sampled_from(["close", "close", "close", "close", "close", "keep"]))
    cut = Reply(pieces(data.draw, changed), then)
    theirs, ours, caller = both(made.method, whole(changed, then), cut, SHORT if then == "keep" else 2)
    assert ours.clean, ours
    if not ours.failed and not theirs.failed and not may_be_interim(changed):
        assert loosely(ours) == loosely(theirs), (ours, theirs, changed)
    caller.gets_its_own(server, then)
    caller.close()


def loosely(seen) -> tuple:
    """An answer without the blanks around its texts, of which each parser keeps others."""
    return seen.status, seen.reason.strip(), [(name.strip(), value.strip()) for name, value in seen.headers], seen.body


def may_be_interim(data: bytes) -> bool:
    """Whether an interim answer other than 100 may be in it, which http.client takes for the answer."""
    return any(b" 1%d" % tens in data for tens in range(10))


@holds(30)
@given(answers(), st.data())
def a_mutated_answer_on_a_kept_connection_harms_no_other(made, data):
    """The server keeps the connection: whatever was read, the next answer is the next request's."""
    caller = Caller(OURS, server.url)
    for _ in range(3):
        changed = data.draw(mutated(made.data))
        seen = caller.ask(made.method, server.lay(Reply(((changed, 0),))), timeout=SHORT / 2)
        assert seen.clean, seen
        caller.gets_its_own(server)
    caller.close()


# Each byte a piece of its own: no chance needed


def each_byte_may_come_alone():
    body = b"0123456789"
    packed = zlib.compressobj(wbits=31)
    packed = packed.compress(body) + packed.flush()
    kinds = {
        "length": ("GET", answer(body, "X-A: 1", "X-A: 2"), body),
        "chunked": ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n", body),
        "end": ("GET", b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n" + body, body),
        "interim": ("GET", INTERIM[0] + INTERIM[3] + answer(body), body),
        "empty reason": ("GET", answer(body, status="200 "), body),
        "no reason": ("GET", answer(body, status="200"), body),
        "gzip": ("GET", answer(packed, "Content-Encoding: gzip"), body),
        "HEAD": ("HEAD", answer(b"", status="200 OK").replace(b"Length: 0", b"Length: 10"), b""),
        "204": ("GET", b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", b""),
        "304": ("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n', b""),
        "304 with a length": ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", b""),
        "cookies": ("GET", answer(body, "Set-Cookie: a=1", "Set-Cookie: b=2"), body),
    }  # fmt: skip

    def check(name, method, data, body):
        then = "close" if name == "end" else "keep"
        one, caller = Caller(OURS, server.url), Caller(OURS, server.url)
        reference = one.ask(method, server.lay(whole(data, then)), timeout=2)
        seen = caller.ask(
            method, server.lay(Reply(tuple((data[i : i + 1], 0.001) for i in range(len(data))), then)), timeout=2
        )
        assert seen.clean, (name, seen)
        assert seen == reference, (name, seen, reference)
        assert seen.body == body, (name, seen)
        caller.gets_its_own(server)

    checks = [gevent.spawn(check, name, *rest) for name, rest in kinds.items()]
    gevent.joinall(checks)
    wrong = [str(greenlet.exception) for greenlet in checks if greenlet.exception is not None]
    assert not wrong, "\n".join(wrong)


def main(names):
    install()
    gevent.get_hub().NOT_ERROR += (AssertionError, HangError)
    found = {}
    for name, run in {**PROPERTIES, "each_byte_may_come_alone": each_byte_may_come_alone}.items():
        if names and name not in names:
            continue
        began = time.perf_counter()
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - HangError is one
            found[name] = "".join(traceback.format_exception_only(error))[:4000]
        else:
            found[name] = None
        sys.stderr.write(f"{name}: {time.perf_counter() - began:.1f} s\n")
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
