"""One HTTP/1.1 connection on gevent's loop: socket, TLS, parser and the kernel's receive stamps.

The read watcher's callback only reads, stamps and parses; the greenlet that waits is woken through the loop with a
token, so that a greenlet that was killed or timed out in the meantime is never handed somebody else's answer. An
exception in a callback would stop its watcher for good, so none leaves one.
"""

from __future__ import annotations

import _socket
import errno
import os
import ssl
import struct
import time
from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected
from typing import Any

import gevent
import gevent.socket
import httptools

SO_TIMESTAMPNS = 35
_RECEIVE_BUFFER = 1 << 20
_READ_SIZE = 1 << 16
_ANCILLARY = 64
_PEEK_AFTER = 0.1
"""Idle seconds after which a connection is asked, before its next request, whether the server has closed it."""

_SOL_SOCKET = _socket.SOL_SOCKET
_STAMP = struct.Struct("qq")

_stamping: list[_socket.socket] = []


def keep_stamping_on() -> None:
    """Hold one idle socket that asks for stamps: the kernel switches stamping on for all, late, and off with the last.

    Where the system has none, every sample is stamped by the user clock and says so.
    """
    if _stamping:
        return
    idle = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    try:
        idle.setsockopt(_SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        idle.close()
    else:
        _stamping.append(idle)


class ReadTimeoutError(Exception):
    """Nothing came for as long as the caller was ready to wait."""


class ConnectTimeoutError(Exception):
    """No connection was made for as long as the caller was ready to wait."""


class Connection:
    """A connection that one greenlet at a time owns, from before it connects until the answer is whole.

    Args:
        host: Name or address.
        port: TCP port.
        context: TLS context; None for plain HTTP.

    Attributes:
        reusable: Whether another request may be sent on it.
        status: Status of the answer.
        reason: Reason phrase, as bytes.
        headers: Header names and values as they came.
        body: Body bytes, de-chunked, not decompressed.
        sent_ns: CLOCK_REALTIME just before the first byte left.
        ended_ns: CLOCK_REALTIME of the last byte's arrival; by the kernel where ``kernel`` is true.
        first_byte_ns: Arrival of the first part; None where no clock saw it truly.
        kernel: Whether the kernel stamped the end.
        connect_time: Seconds to connect; 0.0 once the first answer was taken.
        tls_time: Seconds of the handshake; 0.0 likewise.
        sent: Whether anything of the current request has left.
    """

    __slots__ = (
        "_chunks", "_closed", "_context", "_done_mono", "_done_real", "_error", "_framed", "_greenlet", "_head_only",
        "_idle_since", "_incoming", "_last_ns", "_loop", "_outgoing", "_parser", "_pid", "_reads", "_sent_mono",
        "_socket", "_state", "_timeout", "_timer", "_timer_after", "_tls", "_watcher", "body", "connect_time",
        "ended_ns", "first_byte_ns", "headers", "host", "kernel", "port", "reason", "reusable", "sent", "sent_ns",
        "status", "tls_time",
    )  # fmt: skip

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        self.host, self.port, self._context = host, port, context
        self._loop = gevent.get_hub().loop
        self._socket: Any = None
        self._watcher: Any = None
        self._timer: Any = None
        self._timer_after = -1.0
        self._greenlet: Any = None
        self._tls: Any = None
        self._parser: Any = None
        self._closed = False
        self._pid = os.getpid()
        self._idle_since = 0.0
        self._timeout: float | None = None
        self._sent_mono = self._done_mono = self._done_real = 0
        self.reusable = False
        self.connect_time = self.tls_time = 0.0
        self._reset()

    def __repr__(self) -> str:
        """For people: where to, and in what state."""
        state = "closed" if self._closed else "busy" if self._greenlet is not None else "idle"
        return f"<Connection {self.host}:{self.port} {'TLS ' if self._context else ''}{state}>"

    def _reset(self) -> None:
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self.body = b""
        self.sent_ns = self.ended_ns = self._last_ns = 0
        self.first_byte_ns: int | None = None
        self.kernel = False
        self.sent = False
        self._head_only = False
        self._framed = False
        self._reads = 0
        self._state = "idle"
        self._error: Exception | None = None

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
            self.connect_time = connected - began
            self.tls_time = time.perf_counter() - connected
        except BaseException:
            self.close()
            raise
        finally:
            if guard is not None:
                guard.close()
        self._parser = httptools.HttpResponseParser(self)
        self._watcher = self._loop.io(self._socket.fileno(), 1)
        self._watcher.start(self._on_readable)
        self.reusable = True

    def _open(self) -> None:
        last: OSError | None = None
        for family, kind, protocol, _, address in _addresses(self.host, self.port):
            self._socket = _socket.socket(family, kind, protocol)
            try:
                self._socket.setblocking(False)  # noqa: FBT003 - its signature
                # Before connecting: the window is settled then, and a body that does not fit waits for the reader.
                self._socket.setsockopt(_SOL_SOCKET, _socket.SO_RCVBUF, _RECEIVE_BUFFER)
                self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
                if _stamping:
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
        if data:
            self._write(data)

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

    def usable(self) -> bool:
        """Whether a new request may be sent on this idle connection; closes it where not."""
        if not self.reusable or self._closed or self._pid != os.getpid():
            self.close()
            return False
        if time.monotonic() - self._idle_since > _PEEK_AFTER and self._peek() is not None:
            self.close()
            return False
        return True

    def _peek(self) -> bytes | None:
        """What is queued unread: empty for a closed connection, None where there is nothing."""
        try:
            data: bytes = self._socket.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError:
            return b""
        return data

    # One request

    def exchange(self, request: bytes, timeout: float | None, *, head_only: bool = False) -> None:
        """Send a request and wait until its answer is whole; the answer is then in the attributes.

        Args:
            request: Head and body.
            timeout: Seconds to wait for each part of the answer; None for as long as it takes.
            head_only: Whether the answer has no body whatever its headers say: HEAD.

        Raises:
            OSError: The connection broke.
            RemoteDisconnected: It was closed before the answer began.
            IncompleteRead: It was closed in the middle.
            BadStatusLine: What came is no HTTP.
            ReadTimeoutError: Nothing came in time.
        """
        self._reset()
        self._head_only = head_only
        self.reusable = False  # until the answer is whole
        self._state = "waiting"
        self._greenlet = gevent.getcurrent()
        self._timeout = timeout
        try:
            if self._tls is not None:
                self._tls.write(request)
                request = self._outgoing.read()
            self.sent_ns, self._sent_mono = time.time_ns(), time.monotonic_ns()
            self._write(request)
            self._wait()
            if self._error is not None:
                raise self._error
            self._finish()
        finally:
            self._greenlet = None
            if not self.reusable:
                self.close()

    def _write(self, data: bytes) -> None:
        while True:
            try:
                count = self._socket.send(data)
            except BlockingIOError:
                count = 0
            self.sent = True
            if count == len(data):
                return
            data = data[count:]
            self._wait_until_writable()
            if self._state == "whole":
                return  # the server has answered, or closed, without waiting for the whole request

    def _wait_until_writable(self) -> None:
        watcher = self._loop.io(self._socket.fileno(), 2)
        watcher.start(self._wake, self._greenlet)
        try:
            self._pause()
        finally:
            watcher.stop()
            watcher.close()

    def _wait(self) -> None:
        while self._state == "waiting":  # a wake-up that was meant for an earlier wait does no harm
            self._pause()

    def _pause(self) -> None:
        """Give way until the loop hands the token back; whatever else switches here was not meant for us."""
        if self._timeout is not None:
            self._start_timer(self._timeout)
        try:
            while gevent.get_hub().switch() is not self:
                pass
        finally:
            if self._timer is not None:
                self._timer.stop()

    def _start_timer(self, timeout: float) -> None:
        if self._timer is None or self._timer_after != timeout:
            if self._timer is not None:
                self._timer.close()
            self._timer, self._timer_after = self._loop.timer(timeout), timeout
        self._timer.start(self._on_timer, self._reads)

    def _finish(self) -> None:
        """The answer is whole: by which clock, and whether the connection can be used again."""
        passed = self._done_mono - self._sent_mono
        stepped = abs((self._done_real - self.sent_ns) - passed) > max(50_000, passed // 1000)
        self.kernel = bool(self._last_ns) and not stepped and self._last_ns >= self.sent_ns
        self.ended_ns = self._last_ns if self.kernel else self.sent_ns + passed
        if not self.kernel or self.first_byte_ns == self._last_ns:
            self.first_byte_ns = None
        self.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        self._idle_since = time.monotonic()

    # Called by the loop

    def _on_readable(self) -> None:
        try:
            self._read()
        except Exception as error:  # noqa: BLE001 - an exception here would stop the watcher and hang the request
            self._fail(error)

    def _read(self) -> None:
        try:
            data, ancillary, _, _ = self._socket.recvmsg(_READ_SIZE, _ANCILLARY)
        except BlockingIOError:
            return
        if self._state != "waiting":
            # Bytes or an end that nobody asked for: the connection cannot be trusted with another request.
            self.reusable = False
            self._watcher.stop()
            return
        if not data:
            self._on_end()
            return
        stamp = 0
        for level, kind, value in ancillary:
            if level == _SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanos = _STAMP.unpack(value)
                stamp = seconds * 1_000_000_000 + nanos
        self._last_ns = stamp
        self._reads += 1
        if self._reads == 1:
            self.first_byte_ns = stamp or None
        if self._tls is None:
            self._feed(data)
        else:
            self._incoming.write(data)
            self._feed_decrypted()

    def _feed_decrypted(self) -> None:
        while self._state == "waiting":
            try:
                data = self._tls.read(_READ_SIZE)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLZeroReturnError:
                data = b""
            if not data:
                self._on_end()
                return
            self._feed(data)

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._complete(reusable=False)
        except httptools.HttpParserError as error:
            if self._state == "waiting":
                self._fail(BadStatusLine(str(error)) if not self.status else error)
            else:
                self.reusable = False  # rubbish behind a whole answer

    def _on_end(self) -> None:
        self._watcher.stop()
        if not self.status:
            self._fail(RemoteDisconnected("Remote end closed connection without response"))
        elif self._framed:
            self._fail(IncompleteRead(b"".join(self._chunks)))
        else:
            self._complete(reusable=False)  # a body without a length ends with the connection

    def _on_timer(self, reads: int) -> None:
        if self._reads != reads:  # something came in the meantime: the next part has as long again
            # A timer that has fired keeps the moment it fired at, so it cannot be started again.
            self._timer.close()
            self._timer = None
            self._start_timer(self._timer_after)
        else:
            self._fail(ReadTimeoutError())

    def _fail(self, error: Exception) -> None:
        if self._state == "waiting":
            self._error = error
            self._complete(reusable=False)

    def _complete(self, *, reusable: bool) -> None:
        self._state = "whole"
        self.reusable = reusable
        self._done_real, self._done_mono = time.time_ns(), time.monotonic_ns()
        if self._greenlet is not None:
            self._loop.run_callback(self._wake, self._greenlet)

    def _wake(self, greenlet: Any) -> None:
        if self._greenlet is greenlet:
            greenlet.switch(self)

    # Called by the parser

    def on_status(self, status: bytes) -> None:
        """Reason phrase, perhaps in parts."""
        if self._state == "waiting":
            self.reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; after the body, a trailer."""
        if self._state != "waiting":
            return
        self.headers.append((name, value))
        lower = name.lower()
        if lower == b"content-length" or (lower == b"transfer-encoding" and b"chunked" in value.lower()):
            self._framed = True

    def on_headers_complete(self) -> None:
        """The status is known; a HEAD's answer is whole."""
        if self._state != "waiting":
            return
        self.status = self._parser.get_status_code()
        if self._head_only and self.status >= 200:
            keep = self._parser.should_keep_alive() or self._framed
            # The parser now waits for a body that will not come: the next answer gets a new one.
            self._parser = httptools.HttpResponseParser(self)
            self._complete(reusable=bool(keep) and not self._says_close())

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if self._state == "waiting":
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was only an interim one."""
        if self._state != "waiting":
            return
        if 100 <= self.status < 200 and self.status != 101:
            self.status, self.reason, self.headers, self._framed = 0, b"", [], False
            return
        self._complete(reusable=bool(self._parser.should_keep_alive()))

    def _says_close(self) -> bool:
        return any(name.lower() == b"connection" and value.lower() == b"close" for name, value in self.headers)


def _addresses(host: str, port: int) -> Any:
    """Where to connect to; an address is not looked up."""
    family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
    try:
        _socket.inet_pton(family, host)
    except OSError:
        return gevent.socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM)
    return [(family, _socket.SOCK_STREAM, 0, "", (host, port))]
