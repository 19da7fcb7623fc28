"""One HTTP/1.1 connection on gevent's loop: socket, TLS and the kernel's receive stamps.

The read watcher's callback only reads, stamps and parses; the greenlet that waits is woken through the loop with a
token, so that a greenlet that was killed or timed out in the meantime is never handed somebody else's answer. An
exception in a callback would stop its watcher for good, so none leaves one.
"""

from __future__ import annotations

import _socket
import errno
import os
import select
import socket
import ssl
import time
import weakref
from collections import deque
from http.client import BadStatusLine, RemoteDisconnected
from time import monotonic_ns, time_ns
from typing import Any

import gevent
import gevent.socket
import httptools
from gevent import get_hub, getcurrent
from gevent.monkey import get_original

from loadproof.http.answer import GIVE_UP_AFTER, AnswerReader, Head, known
from loadproof.http.errors import ConnectTimeoutError, ReadTimeoutError, StaleError
from loadproof.http.stamps import SO_TIMESTAMPNS, Stamps, stamping, unpack_stamp

_RECEIVE_BUFFER = 1 << 20
_READ_SIZE = 1 << 16
_ANCILLARY = 64
_SOL_SOCKET = _socket.SOL_SOCKET
_poll = get_original("select", "poll")
_SHORTEST_STEP_NS = 50_000
_WOKEN_AT_ONCE = 50
"""Greenlets woken before the loop looks after others: as many callbacks as gevent runs before it looks at the time."""

came_back: list[Any] = [None]
"""The greenlet that was the last to come back from a request: it has given way to the others since."""

_forks = [0]
_open: weakref.WeakSet[Connection] = weakref.WeakSet()


def _leave_to_parent() -> None:
    """In a forked child: close its copies, whose watchers would take the answers of the parent's requests."""
    _forks[0] += 1
    for connection in list(_open):
        connection.close()


os.register_at_fork(after_in_child=_leave_to_parent)


class Connection:
    """A connection that one greenlet at a time owns, from before it connects until the answer is whole.

    Args:
        host: Name or address.
        port: TCP port.
        context: TLS context; None for plain HTTP.

    Attributes:
        reusable: Whether another request may be sent on it.
        head: Head of the answer.
        body: Body bytes, de-chunked, not decompressed.
        home: Where its owner keeps it while it is idle.
        sent: Whether anything of the current request has left.
        began: Whether the head of its answer was in when it failed.
    """

    __slots__ = (
        "__weakref__", "_busy", "_closed", "_connect_time", "_context", "_done_mono", "_done_real", "_ends_at",
        "_error", "_first_ns", "_forks", "_greenlet", "_head_only", "_hub", "_inbox", "_incoming", "_last_ns",
        "_misses", "_outbox", "_outgoing", "_reader", "_reads", "_reads_then", "_receive", "_received",
        "_request", "_rest", "_send", "_sent_mono", "_sent_real", "_socket", "_spare", "_spoilt", "_timeout",
        "_timer", "_timer_at", "_tls", "_tls_time", "_waiting", "_waits", "_watcher", "_window", "began",
        "body", "head", "home", "host", "port", "reusable", "sent",
    )  # fmt: skip

    head: Head
    home: list[Connection]

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        self.host, self.port, self._context = host, port, context
        self._hub = get_hub()
        self._forks = _forks[0]
        self._outbox = _outboxes.setdefault(self._hub, [])
        self._inbox = _inboxes.setdefault(self._hub, deque())
        self._request = self._rest = b""
        self._timeout: float | None = None
        self._busy = self._spoilt = False
        self._sent_real = self._sent_mono = 0
        self._socket: Any = None
        self._send: Any = None
        self._receive: Any = None
        self._waits: Any = None
        self._watcher: Any = None
        self._timer: Any = None
        self._timer_at = self._ends_at = self._reads_then = 0
        self._greenlet: Any = None
        self._tls: Any = None
        self._reader: AnswerReader | None = None  # of the answer that comes in
        self._spare: AnswerReader | None = None
        self._closed = self._waiting = self._head_only = False
        self._window = self._misses = 0
        self._error: Exception | None = None
        self._connect_time = self._tls_time = 0.0
        self._done_real = self._done_mono = 0
        self._reads = self._received = self._first_ns = self._last_ns = 0
        self.body = b""
        self.reusable = self.sent = self.began = False

    def __repr__(self) -> str:
        """For people: where to, and in what state."""
        state = "closed" if self._closed else "busy" if self._greenlet is not None else "idle"
        return f"<Connection {self.host}:{self.port} {'TLS ' if self._context else ''}{state}>"

    # Opening and closing

    def connect(self, timeout: float | None) -> None:
        """Connect, and shake hands for TLS.

        Raises:
            OSError: Refused, unreachable, unknown name, failed handshake (``ssl.SSLError``).
            ConnectTimeoutError: Not within ``timeout`` seconds.
        """
        began = time.perf_counter()
        guard = None if timeout is None else gevent.Timeout.start_new(timeout, ConnectTimeoutError())
        try:
            self._open()
            connected = time.perf_counter()
            if self._context is not None:
                self._shake_hands()
            self._connect_time = connected - began
            self._tls_time = time.perf_counter() - connected
        except BaseException:
            self.close()
            raise
        finally:
            if guard is not None:
                guard.close()
        poll = _poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        self._send, self._receive, self._waits = self._socket.send, self._socket.recvmsg, poll.poll
        self._watcher = self._hub.loop.io(self._socket.fileno(), 1)
        self._watcher.start(self._on_readable)
        self.reusable = True
        _open.add(self)

    def _open(self) -> None:
        last: OSError | None = None
        for family, kind, protocol, _, address in _addresses(self.host, self.port):
            self._socket = _socket.socket(family, kind, protocol)
            try:
                self._socket.setblocking(False)  # noqa: FBT003 - its signature
                # Before connecting: the window is settled then, and a body that does not fit waits for the reader.
                self._socket.setsockopt(_SOL_SOCKET, _socket.SO_RCVBUF, _RECEIVE_BUFFER)
                # The kernel doubles what it grants, for its own books; the system's limit may be lower.
                self._window = self._socket.getsockopt(_SOL_SOCKET, _socket.SO_RCVBUF) // 2
                self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
                if stamping:
                    self._socket.setsockopt(_SOL_SOCKET, SO_TIMESTAMPNS, 1)
                code = self._socket.connect_ex(address)
                if code == errno.EINPROGRESS:
                    gevent.socket.wait_write(self._socket.fileno())
                    code = self._socket.getsockopt(_SOL_SOCKET, _socket.SO_ERROR)
                if code == 0:
                    return
                raise OSError(code, os.strerror(code))  # noqa: TRY301 - one place closes the socket
            except OSError as error:
                self._socket.close()
                self._socket = None
                last = error
            except BaseException:
                self._socket.close()
                self._socket = None
                raise
        raise last or OSError(errno.EADDRNOTAVAIL, f"no address for {self.host}")

    def _shake_hands(self) -> None:
        assert self._context is not None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_hostname=self.host)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush_tls()
                gevent.socket.wait_read(self._socket.fileno())
                data = self._socket.recv(_READ_SIZE)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                self._flush_tls()  # the alert that tells the server why
                raise
            else:
                self._flush_tls()
                return

    def _flush_tls(self) -> None:
        data = self._outgoing.read()
        while data:
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                gevent.socket.wait_write(self._socket.fileno())

    def close(self) -> None:
        """Close it; twice does no harm."""
        self.reusable = False
        if self._closed:
            return
        self._closed = True
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
        if self._socket is not None:
            self._socket.close()

    # One request

    def exchange(  # noqa: C901 - the hot path, in one piece
        self, request: bytes, timeout: float | None, head_only: bool, size: int,
    ) -> Stamps:  # fmt: skip
        """Send a request and wait until its answer is whole; it is then in ``head`` and ``body``.

        Args:
            request: Head and body.
            timeout: Seconds to wait for each part of the answer; None for as long as it takes.
            head_only: Whether the answer has no body whatever its headers say: HEAD.
            size: Bytes of the body among those of the request.

        Raises:
            StaleError: Nothing was sent, and nothing can be: take another connection.
            OSError: The connection broke.
            RemoteDisconnected: It was closed before the answer began.
            IncompleteRead: It was closed in the middle.
            BadStatusLine: What came is no HTTP.
            ReadTimeoutError: Nothing came in time.
        """
        hub = self._hub
        # Not across a fork, where the parent goes on using it, and not in another thread, which has a loop of its own.
        if not self.reusable or self._forks != _forks[0] or hub is not get_hub():
            self.close()
            raise StaleError
        if self._tls is not None:
            self._tls.write(request)
            request = self._outgoing.read()
        # What says that it is broken was not set: then it would not be reusable.
        self._reads = 0
        self._head_only = head_only
        self.reusable = self.sent = False  # until the answer is whole, and until something has left
        self._greenlet = getcurrent()
        self._request, self._timeout = request, timeout
        self._busy = True
        try:
            outbox = self._outbox
            outbox.append(self)
            if len(outbox) == 1:
                hub.loop.run_callback(_send_all, outbox)
            switch = hub.switch
            while self._busy:  # a wake-up that was meant for an earlier wait does no harm
                switch()
                if self._rest:
                    self._send_rest(timeout)
        except BaseException:
            self._greenlet = None
            self._busy = self._waiting = False
            if not self.reusable:  # else the answer came together with what cuts it off
                self.close()
            raise
        came_back[0] = self._greenlet
        self._greenlet = None
        if not self.reusable:
            self.close()
            if self._error is not None:
                raise self._error

        # By the kernel's stamp, unless the clock was stepped in between, or the answer did not fit into the receive
        # window: then its last byte came when this process had made room for it.
        ended = self._last_ns
        sent_real, sent_mono = self._sent_real, self._sent_mono
        passed = self._done_mono - sent_mono
        step = self._done_real - sent_real - passed
        first = None
        kernel = (
            ended >= sent_real
            and self._received <= self._window
            and (-_SHORTEST_STEP_NS <= step <= _SHORTEST_STEP_NS or abs(step) <= passed // 1000)
        )
        if not kernel:
            ended = sent_real + passed
        elif self._reads > 1 and self._first_ns != ended:
            first = self._first_ns or None
        connect, tls = self._connect_time, self._tls_time
        if connect:
            self._connect_time = self._tls_time = 0.0  # those were of the first request
        return _new_stamps(  # type: ignore[no-any-return]
            Stamps, (sent_mono, sent_real, first, ended, kernel, connect, tls, size)
        )

    def _send_rest(self, timeout: float | None) -> None:
        data, self._rest = self._rest, b""
        watcher = self._hub.loop.io(self._socket.fileno(), 2)
        try:
            while data and self._waiting:  # a server may answer, or close, without waiting for the whole request
                woken: list[bool] = []
                watcher.start(self._wake_writer, self._greenlet, woken)
                if timeout is not None:
                    self._limit(timeout, monotonic_ns())
                try:
                    while self._waiting and not woken:
                        self._hub.switch()
                finally:
                    watcher.stop()
                if self._waiting:
                    try:
                        data = data[self._send(data) :]
                    except BlockingIOError:
                        continue
        finally:
            watcher.close()
        if data:
            self.reusable = False  # the server still waits for the rest of this request
        elif timeout is not None and self._waiting:
            self._limit(timeout, monotonic_ns())

    def _limit(self, timeout: float, since: int) -> None:
        """End the wait so many seconds after a moment, in CLOCK_MONOTONIC's nanoseconds, unless something comes.

        The timer runs on when the answer is in: nearly every request finds one that fires early enough to look after
        it too.
        """
        at = self._ends_at = since + int(timeout * 1e9)
        self._reads_then = self._reads
        if self._timer is None or at < self._timer_at:
            self._set_timer(at)

    def _set_timer(self, at: int) -> None:
        # A timer that has fired keeps the moment it fired at, so it cannot be started again.
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
        self._timer_at = at
        # It must not keep the loop alive: nobody may be waiting.
        self._timer = self._hub.loop.timer(max(0.0, (at - monotonic_ns()) / 1e9), ref=False)
        self._timer.start(self._on_timer)

    # Called by the loop

    def dispatch(self) -> None:
        """Send the request that waits for it."""
        if not self._busy or self._closed:
            return  # killed meanwhile
        try:
            # The server may have closed this connection, or said something, without the loop having come to notice.
            if self._spoilt or (self._done_mono and self._waits(0)):
                self._fail(StaleError())
                return
            request = self._request
            self._waiting = self.sent = True
            self._sent_real, self._sent_mono = time_ns(), monotonic_ns()
            try:
                count = self._send(request)
            except BlockingIOError:
                count = 0
            if count != len(request):
                self._rest = request[count:]
                self._hub.loop.run_callback(self._wake, self._greenlet)
            elif self._timeout is not None:
                self._limit(self._timeout, self._sent_mono)
        except Exception as error:  # noqa: BLE001 - one that left would keep all behind it from being sent
            self._fail(error)

    def _on_readable(self) -> None:
        data = b""
        try:
            data, ancillary, _, _ = self._receive(_READ_SIZE, _ANCILLARY)
            if not self._waiting:
                # Bytes or an end that nobody asked for: the connection cannot be trusted with another request.
                self.reusable = False
                self._spoilt = True
                self._watcher.stop()
                return
            if not data:
                self._on_end()
                return
            if ancillary:
                seconds, nanos = unpack_stamp(ancillary[0][2])
                self._last_ns = seconds * 1_000_000_000 + nanos
            else:
                self._last_ns = 0
            if self._reads == 0:
                self._first_ns = self._last_ns
                self._received = len(data)
            else:
                self._received += len(data)
            self._reads += 1
            if self._tls is None:
                self._take(data)
            else:
                self._incoming.write(data)
                self._take_decrypted()
        except BlockingIOError:
            return
        except Exception as error:  # noqa: BLE001 - an exception here would stop the watcher and hang the request
            self._fail(error, data)

    def _take(self, data: bytes) -> None:
        """Take a part of the answer."""
        reader = self._reader
        if reader is not None:
            whole = reader.feed(data)
        else:
            if self._misses < GIVE_UP_AFTER:
                end = data.find(b"\r\n\r\n") + 4
                head = known.get(data[:end])
                if head is None:
                    self._misses += 1
                else:
                    self._misses = 0
                    if len(data) == end + head.length and not self._head_only:
                        self.head = head
                        self.body = data[end:]
                        self.reusable = head.keeps
                        self._busy = self._waiting = False
                        self._done_real, self._done_mono = time_ns(), monotonic_ns()
                        self._inbox.append((self, self._greenlet))
                        if len(self._inbox) == 1:
                            self._hub.loop.run_callback(_wake_all, self._hub, self._inbox)
                        return
            reader = self._reader = self._spare or AnswerReader()
            self._spare = reader
            reader.begin(head_only=self._head_only)
            whole = reader.feed(data)
            if whole and self._misses < GIVE_UP_AFTER:
                reader.remember(data)
        if whole:
            self._complete()

    def _take_decrypted(self) -> None:
        while self._waiting:
            data, ended = self._decrypted()
            if data:
                self._take(data)
            if ended:
                if self._waiting:
                    self._on_end()
                else:
                    self.reusable = False
                    self._spoilt = True
                return
            if not data:
                return

    def _decrypted(self) -> tuple[bytes, bool]:
        """All that can be read now, and whether it is the end: head and body may come in a record each."""
        read, incoming = self._tls.read, self._incoming
        data = b""
        try:
            data = read(_READ_SIZE)
            while data and incoming.pending:
                more = read(_READ_SIZE)
                if not more:
                    return data, True
                data += more
        except ssl.SSLWantReadError:
            return data, False
        except ssl.SSLZeroReturnError:
            return data, True
        except ssl.SSLError:
            if not data:
                raise  # else it comes again, when this part was taken and is not enough
            return data, False
        return data, not data

    def _on_end(self) -> None:
        self._watcher.stop()
        reader = self._reader
        if reader is None or reader.head is None:
            self._fail(RemoteDisconnected("Remote end closed connection without response"))
        elif reader.end():
            self._complete()
            self.reusable = False
        else:
            self._fail(reader.torn())

    def _on_timer(self) -> None:
        timer, self._timer = self._timer, None
        timer.close()
        if not self._waiting or self._timeout is None:
            return
        now = monotonic_ns()
        if self._reads != self._reads_then:  # something came in the meantime: the next part has as long again
            self._reads_then = self._reads
            self._set_timer(now + int(self._timeout * 1e9))
        elif self._ends_at > now:
            self._set_timer(self._ends_at)
        else:
            self._fail(ReadTimeoutError())

    @staticmethod
    def _first_line(data: bytes) -> str:
        return data[: data.find(b"\n") + 1 or len(data)].decode("latin-1")

    def _fail(self, error: Exception, data: bytes = b"") -> None:
        if not self._busy:
            self.reusable = False
            return
        reader = self._reader
        if isinstance(error, httptools.HttpParserError):
            torn = reader is not None and reader.head is not None
            error = reader.torn() if torn and reader is not None else BadStatusLine(self._first_line(data))
        self.began = reader is not None and reader.head is not None
        self._error = error
        self._finish()

    def _complete(self) -> None:
        reader = self._reader
        assert reader is not None
        assert reader.head is not None
        self.head, self.body = reader.head, reader.body
        self.reusable = reader.head.keeps and not reader.surplus
        self._finish()

    def _finish(self) -> None:
        self._reader = None
        self._busy = self._waiting = False
        self._done_real, self._done_mono = time_ns(), monotonic_ns()
        self._inbox.append((self, self._greenlet))
        if len(self._inbox) == 1:
            self._hub.loop.run_callback(_wake_all, self._hub, self._inbox)

    def _wake(self, greenlet: Any) -> None:
        if self._greenlet is greenlet:
            greenlet.switch(self)

    def _wake_writer(self, greenlet: Any, woken: list[bool]) -> None:
        woken.append(True)
        self._wake(greenlet)


_outboxes: weakref.WeakKeyDictionary[Any, list[Connection]] = weakref.WeakKeyDictionary()
"""Connections with a request to send, by their hub.

All that become ready in one turn of the loop are sent one behind the other: the first wakes the server up, which is
what sending costs most, and the others find it awake.
"""


def _send_all(outbox: list[Connection]) -> None:
    waiting = outbox[:]
    outbox.clear()
    for connection in waiting:
        connection.dispatch()


_inboxes: weakref.WeakKeyDictionary[Any, deque[tuple[Connection, Any]]] = weakref.WeakKeyDictionary()
"""Connections whose answer is whole, with the greenlet that waits for it, by their hub: one callback wakes them all."""


def _wake_all(hub: Any, inbox: deque[tuple[Connection, Any]]) -> None:
    try:
        for _ in range(min(len(inbox), _WOKEN_AT_ONCE)):
            connection, greenlet = inbox.popleft()
            if connection._greenlet is greenlet:  # noqa: SLF001 - part of the class
                greenlet.switch(connection)
    finally:  # whatever comes out of a greenlet, the others must not wait for ever
        if inbox:
            hub.loop.run_callback(_wake_all, hub, inbox)


_new_stamps: Any = tuple.__new__


def _addresses(host: str, port: int) -> Any:
    """Where to connect to; an address is not looked up."""
    family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
    try:
        _socket.inet_pton(family, host)
    except OSError:
        host.encode("idna")  # raises UnicodeError, as urllib3 finds out
        # gevent's since Locust has patched it, unless a script has put its own there.
        return socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM)
    return [(family, _socket.SOCK_STREAM, 0, "", (host, port))]
