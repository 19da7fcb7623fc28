"""What servers and scripts may do to a connection: prints as JSON what went wrong with each case.

Run as a program: Locust patches the standard library. A server that must go on while this process is busy or forked is
this program again, with ``serve`` as its argument.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time

# A clock that can be stepped, under whatever name it is read; before anything that might keep one of the names.
STEP = [0]
_NANOS, _GETTIME_NS, _GETTIME = time.time_ns, time.clock_gettime_ns, time.clock_gettime
time.time_ns = lambda: _NANOS() + STEP[0]
time.time = lambda: (_NANOS() + STEP[0]) / 1e9
time.clock_gettime_ns = lambda clock: _GETTIME_NS(clock) + (STEP[0] if clock == time.CLOCK_REALTIME else 0)
time.clock_gettime = lambda clock: _GETTIME(clock) + (STEP[0] / 1e9 if clock == time.CLOCK_REALTIME else 0)


def serve():
    """``/ID`` is answered with ``/ID``, in pieces after pauses where the query says how many ms; nothing is patched.

    After ``/last/ID`` it closes the connection a little later.
    """

    def play(sock, number):
        rest = b""
        while True:
            while b"\r\n\r\n" not in rest:
                data = sock.recv(65536)
                if not data:
                    return
                rest += data
            head, _, rest = rest.partition(b"\r\n\r\n")
            path = head.split(b" ", 2)[1]
            pauses = [int(ms) / 1000 for ms in path.partition(b"?")[2].split(b",") if ms]
            head = b"HTTP/1.1 200 OK\r\nX-Connection: %d\r\nContent-Length: %d\r\n\r\n" % (number, len(path))
            data = head + path
            size = len(data) // (len(pauses) or 1) + 1
            for at, pause in zip(range(0, len(data), size), pauses or [0], strict=True):
                time.sleep(pause)
                sock.sendall(data[at : at + size])
            if path.startswith(b"/last/"):
                time.sleep(0.02)
                sock.close()
                return

    def guarded(sock, number):
        with contextlib.suppress(OSError):
            play(sock, number)

    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    for number in itertools.count(1):
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=guarded, args=(sock, number), daemon=True).start()


if __name__ == "__main__" and sys.argv[1:] == ["serve"]:
    serve()

from wire_server import (  # noqa: E402 - the clock and the bare server come first
    LOCUSTS,
    OURS,
    Caller,
    HangError,
    Reply,
    Script,
    answer,
    install,
    open_descriptors,
    read_body,
    reset,
    whole,
)

import gevent.event  # noqa: E402 # isort: skip

CASES = {}


class Skipped(Exception):  # noqa: N818 - it is no error
    """What the case needs is not there."""


def case(function):
    CASES[function.__name__] = function
    return function


class Elsewhere:
    """The bare server in a process of its own."""

    def __enter__(self):
        command = [sys.executable, __file__, "serve"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(5)
        self.process.stdout.close()


def asked(caller, path, method="GET", **options):
    """One clean request that was answered; the response and what was seen."""
    seen = caller.ask(method, path, **{"timeout": 3, **options})
    assert seen.clean, seen
    assert not seen.failed, seen
    return caller.events[-1][1], seen


# Connections that the server ends


@case
def a_thousand_connections_closed_at_random():
    server, random_ = Script(), random.Random(7)
    answered, calls = {}, []

    def misbehave(sock, head, rest):
        rest = read_body(sock, head, rest)
        path = head.split(b" ", 2)[1].decode()
        data = answer(path.encode())
        at = {"before": 0, "head": random_.randrange(1, 30), "body": len(data) - 1}.get(path.split("/")[1], len(data))
        sock.sendall(data[:at])
        answered[path] = at == len(data)
        if path.startswith("/keep"):
            return rest
        if path.startswith("/idle"):
            gevent.sleep(random_.choice([0.0005, 0.002, 0.005]))
        if path.endswith("r"):
            reset(sock)
        return None

    def user(number):
        caller = Caller(OURS, server.url)
        for turn in range(50):
            kind = random_.choice(["keep", "keep", "before", "head", "body", "after", "idle"])
            path = f"/{kind}/{number}-{turn}{random_.choice('fr')}"
            server.replies[path] = misbehave
            calls.append((path, caller.ask("GET", path, timeout=3)))
            gevent.sleep(random_.choice([0, 0, 0.001, 0.004]))
        caller.close()

    warm = Caller(OURS, server.url)
    warm.gets_its_own(server)
    warm.close()
    gevent.sleep(0.05)
    gc.collect()
    before = open_descriptors()
    gevent.joinall([gevent.spawn(user, number) for number in range(20)], raise_error=True)
    assert len(calls) == 1000
    for path, seen in calls:
        assert seen.clean, (path, seen)
        assert server.received[path] <= 1, f"{path} was sent {server.received[path]} times"
        assert seen.failed or seen.body == path.encode(), (path, seen)
        # A whole answer that is followed by an end is an answer, and nothing else is.
        assert seen.failed != answered.get(path, False), (path, seen, answered.get(path))
    gevent.sleep(0.05)
    gc.collect()
    assert open_descriptors() <= before, f"{open_descriptors()} descriptors, {before} before"


@case
def an_idle_connection_that_ended_or_spoke_is_not_used_again():
    server = Script()
    unasked = {"rubbish": b"?", "an answer": answer(b"WRONG"), "half an answer": answer(b"WRONG")[:-2]}
    for what, pause in itertools.product(["fin", "reset", *unasked], [0.003, 0.2]):
        caller, done = Caller(OURS, server.url), gevent.event.Event()

        def end(sock, _head, rest, what=what, done=done):
            sock.sendall(answer(b"first"))
            gevent.sleep(0.001)
            if what == "fin":
                sock.close()
            elif what == "reset":
                reset(sock)
            else:
                sock.sendall(unasked[what])
            done.set()
            return rest if what in unasked else None

        asked(caller, server.lay(end))
        done.wait()
        gevent.sleep(pause)
        try:
            caller.gets_its_own(server)
        except AssertionError as error:
            raise AssertionError(f"{what}, {pause} s before: {error}") from error
        caller.close()


@case
def of_many_connections_those_that_ended_unseen_are_not_used_again():
    with Elsewhere() as server:
        callers, random_ = [Caller(OURS, server.url) for _ in range(20)], random.Random(3)

        def connection(caller, path):
            seen = asked(caller, path)[1]
            assert seen.body == path.encode(), seen
            return dict(seen.headers)["x-connection"]

        for turn in range(10):
            ends = [random_.random() < 0.5 for _ in callers]
            asking = [gevent.spawn(connection, caller, f"/{'last' if end else 'kept'}/{number}?5")
                for number, (caller, end) in enumerate(zip(callers, ends, strict=True))]  # fmt: skip
            before = [one.get() for one in asking]
            until = time.perf_counter() + 0.06
            while time.perf_counter() < until:
                pass  # the loop sees nothing of the ends
            asking = [gevent.spawn(connection, caller, f"/again/{turn}") for caller in callers]
            after = [one.get() for one in asking]
            kept = [one == other for one, other in zip(before, after, strict=True)]
            assert kept == [not end for end in ends], (turn, kept, ends)


# Stamps


def stamped(caller, path):
    return asked(caller, path)[0].stamps


def kernel_or_skip(stamps):
    if not stamps.kernel:
        raise Skipped("the kernel does not stamp here")


@case
def the_first_byte_is_stamped_where_it_came_apart():
    with Elsewhere() as server:
        caller = Caller(OURS, server.url)
        stamped(caller, "/warm")
        apart = stamped(caller, "/apart?0,50")
        kernel_or_skip(apart)
        assert apart.first_byte_ns is not None
        assert 40e6 < apart.ended_ns - apart.first_byte_ns < 150e6, apart.ended_ns - apart.first_byte_ns
        assert 0 <= apart.first_byte_ns - apart.sent_ns < 40e6, apart.first_byte_ns - apart.sent_ns
        thrice = stamped(caller, "/thrice?0,30,30")
        assert 50e6 < thrice.ended_ns - thrice.first_byte_ns < 150e6
        assert stamped(caller, "/one").first_byte_ns is None
        late = stamped(caller, "/late?30")
        assert late.first_byte_ns is None
        assert 29e6 < late.ended_ns - late.sent_ns < 130e6
        caller.close()


@case
def work_elsewhere_in_this_process_is_not_measured():
    def burn():
        until = time.perf_counter() + 0.1
        while time.perf_counter() < until:
            pass

    with Elsewhere() as server:
        caller = Caller(OURS, server.url)
        kernel_or_skip(stamped(caller, "/warm"))
        measured = []
        for turn in range(5):
            greenlet = gevent.spawn(burn)
            began = time.perf_counter()
            stamps = stamped(caller, f"/{turn}")
            greenlet.join()
            assert time.perf_counter() - began > 0.09
            measured.append((stamps.ended_ns - stamps.sent_ns) / 1e6)
        caller.close()
    assert sorted(measured)[1] < 5, f"ms: {measured}"  # the machine itself may be busy for some of them


def step_by(seconds):
    """Answers after 30 ms, in which the clock is stepped."""

    def play(sock, _head, rest):
        gevent.sleep(0.02)
        STEP[0] = int(seconds * 1e9)
        gevent.sleep(0.01)
        sock.sendall(answer(b"stepped"))
        return rest

    return play


@case
def a_stepped_clock_is_seen_and_not_believed():
    server = Script()
    for seconds in (3600, -3600, 0.02, -0.02):
        caller, measured = Caller(OURS, server.url), []
        kernel_or_skip(stamped(caller, server.own()))
        for _ in range(3):  # the machine itself may be busy for one of them
            try:
                stamps = stamped(caller, server.lay(step_by(seconds)))
            finally:
                STEP[0] = 0
            assert not stamps.kernel, f"step of {seconds} s"
            assert abs(stamps.seconds - (stamps.ended_ns - stamps.sent_ns) / 1e9) < 1e-6
            measured.append(stamps.seconds)
            after = stamped(caller, server.own())
            assert after.ended_ns > after.sent_ns
        assert 0.029 <= min(measured) < 0.045, f"step of {seconds} s: {measured}"
        caller.close()


# Greenlets and processes


@case
def a_killed_request_leaves_nothing_to_the_next():
    with Elsewhere() as server:
        for end in ("kill", "timeout"):
            caller, random_ = Caller(OURS, server.url), random.Random(3)
            for turn in range(60):
                path = f"/{end}{turn}?{random_.choice(['4', '2,2', '0,4', '1,1,1,1', '0'])}"
                after = random_.uniform(0, 0.006)
                if end == "kill":
                    greenlet = gevent.spawn(caller.client.get, path)
                    gevent.sleep(after)
                    greenlet.kill()
                else:
                    with gevent.Timeout(after, False):  # noqa: FBT003 - its signature
                        caller.client.get(path)
                own = f"/own{turn}?{random_.choice(['0', '1', '0,1'])}"
                seen = caller.ask("GET", own, timeout=3)
                assert seen.clean, (end, turn, seen)
                assert seen.body == own.encode(), (end, turn, seen)
            caller.close()


@case
def greenlets_that_share_a_session_get_their_own_answers():
    with Elsewhere() as server:
        for users, each in ((2, 100), (25, 20)):
            caller, random_ = Caller(OURS, server.url), random.Random(5)

            def user(number, each=each, caller=caller, random_=random_):
                for turn in range(each):
                    path = f"/{number}-{turn}?{random_.choice(['0', '0', '0,1', '1', '2'])}"
                    response = caller.client.get(path, timeout=3)
                    assert response.content == path.encode(), (path, response.content)

            gevent.joinall([gevent.spawn(user, number) for number in range(users)], raise_error=True)
            assert len(caller.events) == users * each
            assert all(exception is None for exception, _, _ in caller.events)
            caller.close()


@case
def answers_that_scripts_change_are_not_the_next_ones():
    server = Script()
    caller = Caller(OURS, server.url)
    data = answer(b"same", "X-A: 1", "Content-Type: text/plain; charset=utf-8")
    reference = asked(caller, server.lay(whole(data)))[1]
    for _ in range(3):
        response, seen = asked(caller, server.lay(whole(data)))
        assert seen == reference, seen
        assert response.encoding == "utf-8"
        assert response.raw.headers["X-A"] == "1"
        assert response.history == []
        assert not response.cookies
        assert "X-Sent" not in response.request.headers
        response.headers["X-A"] = "changed"
        response.headers["X-B"] = "new"
        del response.headers["Content-Length"]
        response.raw.headers["X-A"] = "changed"
        response.request.headers["X-Sent"] = "changed"
        response.cookies.set("a", "b")
        response.history.append(response)
        response.encoding, response.reason, response.status_code, response.url = "ascii", "changed", 500, "changed"


def in_child(work):
    """What ``work`` says in a forked child, as JSON, while the loop of this process goes on."""
    from gevent.os import nb_read

    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, json.dumps(work()).encode())
        except BaseException as error:  # noqa: BLE001 - the parent is to hear of it
            os.write(writer, json.dumps(f"{type(error).__name__}: {error}").encode())
        finally:
            os._exit(0)
    os.close(writer)
    return lambda: (json.loads(nb_read(reader, 65536)), os.close(reader), os.waitpid(pid, 0))[0]


@case
def a_forked_child_opens_a_connection_of_its_own():
    with Elsewhere() as server:
        caller = Caller(OURS, server.url)

        def connection(path):
            seen = asked(caller, path)[1]
            assert seen.body == path.encode(), seen
            return dict(seen.headers)["x-connection"]

        assert connection("/first") == "1"
        result = in_child(lambda: [connection("/child"), connection("/child/again")])
        assert result() == ["2", "2"], "the child does not keep to a connection of its own"
        assert connection("/parent") == "1", "the parent lost its connection"


@case
def a_forked_child_that_only_waits_takes_no_answers_of_its_parent():
    with Elsewhere() as server:
        caller = Caller(OURS, server.url)
        asked(caller, "/first")
        result = in_child(lambda: gevent.sleep(0.5))
        for turn in range(20):
            path = f"/{turn}?5"
            assert asked(caller, path)[1].body == path.encode()
        assert result() is None


# Bodies and heads


@case
def ten_megabytes_come_whole():
    server = Script()
    body = random.Random(1).randbytes(10_000_000)
    parts = tuple((body[at : at + 65_000], 0) for at in range(0, len(body), 65_000))
    caller = Caller(OURS, server.url)
    for head, more in (
        (answer(body)[: -len(body)], parts),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
         (*((b"%x\r\n%s\r\n" % (len(part), part), 0) for part, _ in parts), (b"0\r\n\r\n", 0))),
    ):  # fmt: skip
        assert asked(caller, server.lay(Reply(((head, 0), *more))))[1].body == body
        caller.gets_its_own(server)


def early(status, then):
    """Answers an upload when its head has come; ``then`` says what becomes of the rest."""

    def play(sock, head, rest):
        sock.sendall(answer(b"early", *(["Connection: close"] if then == "closes as said" else []), status=status))
        if then == "reads late":
            gevent.sleep(0.05)
        if then.startswith("reads"):
            return read_body(sock, head, rest)
        if then == "stops reading":
            gevent.sleep(1)
        if then == "resets":
            reset(sock)
        return None

    return play


@case
def an_upload_may_be_answered_early():
    """Answered or not is a race where the server ends the connection; what comes next is not."""
    server, wrong = Script(), []
    for status, then in itertools.product(
        ("401 No", "413 Too Large"), ("reads on", "reads late", "stops reading", "closes", "closes as said", "resets")
    ):
        caller = Caller(OURS, server.url)
        path = server.lay(early(status, then))
        began = time.perf_counter()
        seen = caller.ask("POST", path, data=b"u" * 5_000_000, timeout=0.5)
        try:
            assert time.perf_counter() - began < 2, "it took too long"
            assert seen.clean, seen
            assert server.received[path] == 1, "sent again"
            assert not (seen.failed and then.startswith("reads")), seen
            assert seen.failed or (seen.status, seen.body) == (int(status[:3]), b"early"), seen
            caller.gets_its_own(server, "keep" if then.startswith("reads") else "close")
        except (AssertionError, HangError) as error:
            wrong.append(f"{status}, {then}: {error}")
        caller.close()
    assert not wrong, "\n".join(wrong)


@case
def an_upload_that_is_read_slowly_arrives_whole():
    server = Script()
    body = random.Random(2).randbytes(5_000_000)
    got = []

    def slowly(sock, head, rest):
        while len(rest) < len(body):
            rest += sock.recv(200_000)
            gevent.sleep(0.002)
        got.append(rest)
        sock.sendall(answer(b"thanks"))
        return b""

    caller = Caller(OURS, server.url)
    assert asked(caller, server.lay(slowly), "POST", data=body)[1].body == b"thanks"
    assert got == [body]
    caller.gets_its_own(server)


def same_or_clean(name, data, then="close", method="GET", *, strict=False):
    """Ours reads it as Locust's does, or reports a clean error; ``strict`` where only the first will do."""
    server = Script()
    callers = [Caller(kind, server.url) for kind in (LOCUSTS, OURS)]
    theirs, ours = (caller.ask(method, server.lay(whole(data, then)), timeout=1) for caller in callers)
    assert ours.clean, (name, ours)
    if not ours.failed and not theirs.failed:
        assert ours.status == theirs.status, (name, ours, theirs)
        assert ours.reason.strip() == theirs.reason.strip(), (name, ours, theirs)
        assert ours.body == theirs.body, (name, ours, theirs)
    if strict:
        assert (ours.answer, ours.error) == (theirs.answer, theirs.error), (name, ours, theirs)
    callers[1].gets_its_own(server, then)
    server.close()
    return theirs, ours


@case
def status_lines_of_all_sorts():
    lines = {
        "HTTP/1.1 200": True, "HTTP/1.1 200 ": True, "HTTP/1.1 200 OK": True, "HTTP/1.1 200 \xe9t\xe9": True,
        "HTTP/1.0 200 OK": True, "HTTP/1.1 299 Odd": True, "HTTP/1.1 999 Odd": True, "HTTP/1.1 600": True,
        "HTTP/1.1  200 OK": False, " HTTP/1.1 200 OK": False, "HTTP/1.1 200\tOK": False, "HTTP/2 200": False,
        "HTTP/1.1 20": False, "HTTP/1.1 2000 OK": False, "HTTP/1.1 abc OK": False, "HTTP/1.1": False, "HTTP/": False,
        "http/1.1 200 OK": False, "ICY 200 OK": False, "HTTP/1.1 099 Low": False, "HTTP/1.1 -20 Low": False,
        "HTTP/9.9 200 OK": False, "HTTP/1.1 200 " + "r" * 70_000: False, "\0": False, "": False, "\r\n": False,
        "HTTP/1.1 000 None": False,
    }  # fmt: skip
    for line, strict in lines.items():
        data = line.encode("latin-1") + b"\r\nContent-Length: 2\r\n\r\nhi"
        same_or_clean(line[:40], data, strict=strict)
    same_or_clean("bare LF", b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi")
    same_or_clean("blank line first", b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    same_or_clean("HTTP/0.9", b"<html>hi</html>")


@case
def heads_of_all_sorts():
    same_or_clean("100 of 8 kB", answer(b"hi", *(f"X-{i}: {'y' * 8000}" for i in range(98))), strict=True)
    for name, headers in {
        "200 headers": [f"X-{i}: y" for i in range(200)],
        "70 kB line": [f"X-A: {'y' * 70_000}"],
        "folded": ["X-A: one\r\n two\r\n\tthree"],
        "blank in name": ["X A: 1"],
        "blank before colon": ["X-A : 1"],
        "no colon": ["X-A"],
        "no name": [": 1"],
        "NUL": ["X-A: a\0b"],
        "bare CR": ["X-A: a\rb"],
        "bare LF": ["X-A: a\nX-B: b"],
        "two lengths": ["Content-Length: 7"],
        "length and chunked": ["Transfer-Encoding: chunked"],
        "odd coding": ["Transfer-Encoding: gzip"],
        "negative length": ["Content-Length: -2"],
        "no length": ["Content-Length: two"],
        "huge length": ["Content-Length: 99999999999999999999999"],
        "plus length": ["Content-Length: +2"],
        "upgrade": ["Upgrade: websocket", "Connection: Upgrade"],
    }.items():
        same_or_clean(name, answer(b"hi", *headers))
        same_or_clean(name, answer(b"hi", *headers).replace(b"Content-Length: 2\r\n\r\n", b"\r\n"))
    for name, headers in {
        "blanks around": ["X-A:   1  ", "X-B:2", "X-C:\t3"],
        "cases": ["x-a: 1", "X-A: 2", "CONTENT-TYPE: text/plain"],
        "latin": ["X-A: caf\xe9"],
    }.items():
        theirs, ours = same_or_clean(name, answer(b"hi", *headers))
        strip = [[(key, value.strip()) for key, value in seen.headers] for seen in (ours, theirs)]
        assert strip[0] == strip[1], (name, strip)
    for name in ("cOnTeNt-LeNgTh", "CONTENT-LENGTH"):
        data = answer(b"hi").replace(b"Content-Length", name.encode())
        assert same_or_clean(name, data, "keep", strict=True)[1].body == b"hi"
    data = b"HTTP/1.1 200 OK\r\ntRANSFER-eNCODING: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    assert same_or_clean("chunked", data, "keep", strict=True)[1].body == b"hi"
    same_or_clean("304 with a length", answer(b"hi", status="304 Not").replace(b"hi", b""), "keep", strict=True)
    same_or_clean(
        "switching", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n\1\2", "close"
    )


@case
def broken_chunks_are_clean_errors():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for name, body in {
        "no number": b"zz\r\nhello\r\n0\r\n\r\n",
        "too long": b"5\r\nhello!\r\n0\r\n\r\n",
        "too short": b"6\r\nhello\r\n0\r\n\r\n",
        "negative": b"-5\r\nhello\r\n0\r\n\r\n",
        "huge": b"fffffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "empty": b"\r\n\r\n",
        "bad trailer": b"0\r\nno colon\r\n\r\n",
        "second": b"5\r\nhello\r\n?\r\n",
    }.items():
        for data in (head + body, head + body[:1]):
            ours = same_or_clean(name, data)[1]
            assert ours.failed or name == "bad trailer", (name, ours)
        server = Script()
        caller = Caller(OURS, server.url)
        seen = caller.ask("GET", server.lay(Reply(((head, 0.002), (body, 0)), "keep")), timeout=0.1)
        assert seen.clean, (name, seen)
        caller.gets_its_own(server)


@case
def a_connection_is_kept_just_when_both_say_so():
    wrong = []
    for head, kept in {
        "HTTP/1.1 200 OK": True,
        "HTTP/1.1 200 OK\r\nConnection: keep-alive": True,
        "HTTP/1.1 200 OK\r\nConnection: close": False,
        "HTTP/1.1 200 OK\r\ncONNECTION: CLOSE": False,
        "HTTP/1.1 200 OK\r\nConnection: x-odd, close": False,
        "HTTP/1.0 200 OK": False,
        "HTTP/1.0 200 OK\r\nConnection: keep-alive": True,
        "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nKeep-Alive: timeout=5": True,
        "HTTP/1.0 200 OK\r\nConnection: close": False,
    }.items():
        for method in ("GET", "HEAD"):
            server = Script()
            caller = Caller(OURS, server.url)
            data = f"{head}\r\nContent-Length: 2\r\n\r\n".encode() + (b"hi" if method == "GET" else b"")
            for _ in range(3):
                asked(caller, server.lay(whole(data)), method)
            if server.connections != (1 if kept else 3):
                wrong.append(f"{method} {head!r}: {server.connections} connections for 3 requests")
            server.close()
    assert not wrong, "\n".join(wrong)


@case
def an_answer_that_never_ends_is_ended_by_the_timeout():
    server = Script()

    def drip(first, more):
        def play(sock, _head, _rest):
            sock.sendall(first)
            while more:
                gevent.sleep(0.02)
                sock.sendall(more)
            gevent.sleep(1)

        return play

    for name, first in {
        "nothing": b"",
        "half a head": b"HTTP/1.1 200 OK\r\nX-A",
        "half a body": answer(b"hello")[:-1],
        "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "interim": b"HTTP/1.1 100 Continue\r\n\r\n",
        "no length": b"HTTP/1.1 200 OK\r\n\r\nhel",
    }.items():
        caller = Caller(OURS, server.url)
        began = time.perf_counter()
        seen = caller.ask("GET", server.lay(drip(first, b"")), timeout=0.1)
        assert (seen.clean, seen.kind) == (True, "timeout"), (name, seen)
        assert 0.09 < time.perf_counter() - began < 0.6, name
        caller.gets_its_own(server)


# Addresses


@case
def an_address_may_be_ipv6():
    try:
        server = Script("::1", socket.AF_INET6)
    except OSError as error:
        raise Skipped("no IPv6 here") from error
    caller = Caller(OURS, server.url)
    caller.gets_its_own(server)
    response, _ = asked(caller, "/named")
    assert response.url == f"{server.url}/named"
    assert response.request.url == response.url
    caller.gets_its_own(server)
    assert server.connections == 1


@case
def each_address_of_a_name_is_tried():
    server = Script()
    caller = Caller(OURS, f"http://localhost:{server.port}")
    caller.gets_its_own(server)
    for addresses in (["127.0.0.2", "127.0.0.1"], ["::1", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]):
        found = [
            (socket.AF_INET6 if ":" in text else socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, server.port))
            for text in addresses
        ]
        kept = gevent.socket.getaddrinfo, socket.getaddrinfo
        gevent.socket.getaddrinfo = socket.getaddrinfo = lambda *_, found=found, **__: found
        try:
            caller = Caller(OURS, f"http://several.test:{server.port}")
            caller.gets_its_own(server)
        except AssertionError as error:
            raise AssertionError(f"{addresses}: {error}") from error
        finally:
            gevent.socket.getaddrinfo, socket.getaddrinfo = kept


def main(names):
    install()
    gevent.get_hub().NOT_ERROR += (AssertionError, HangError)
    gevent.sleep(0.1)  # the kernel starts to stamp late
    found = {}
    for name, function in CASES.items():
        if names and name not in names:
            continue
        began = time.perf_counter()
        try:
            with gevent.Timeout(30, HangError("the case hangs")):
                function()
        except Skipped as reason:
            found[name] = f"skipped: {reason}"
        except BaseException as error:  # noqa: BLE001 - HangError is one
            found[name] = f"{type(error).__name__}: {error}"[:4000]
        else:
            found[name] = None
        sys.stderr.write(f"{name}: {time.perf_counter() - began:.1f} s\n")
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
