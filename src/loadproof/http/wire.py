"""The connections of one session, kept between requests; and errors as requests raises them."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

import certifi
import gevent
import requests
import urllib3.exceptions
from gevent import GreenletExit

from loadproof.http.accounting import accounting
from loadproof.http.connection import Connection
from loadproof.http.errors import ConnectTimeoutError, ReadTimeoutError, StaleError

if TYPE_CHECKING:
    from loadproof.http.stamps import Stamps
    from loadproof.http.target import Target

_CUT_OFF = (GreenletExit, gevent.Timeout)
"""What ends a request from outside: the end of the run, or a limit of the script's own."""

_IDLE_KEPT = 10
"""Idle connections kept for one origin, as many as urllib3 keeps."""


@lru_cache(maxsize=16)
def _context(verify: bool | str) -> ssl.SSLContext:
    if not isinstance(verify, str):
        context = ssl.create_default_context(cafile=certifi.where())
    elif not os.path.exists(verify):  # noqa: PTH110 - as requests asks
        raise OSError(f"Could not find a suitable TLS CA certificate bundle, invalid path: {verify}")
    elif os.path.isdir(verify):  # noqa: PTH112
        context = ssl.create_default_context(capath=verify)
    else:
        context = ssl.create_default_context(cafile=verify)
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


class WireError(Exception):
    """A request without an answer.

    Attributes:
        cause: What happened.
        connecting: Whether it happened before anything was sent.
        in_body: Whether it happened when the head of the answer was in.
    """

    def __init__(self, cause: Exception, connection: Connection) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.connecting = not connection.sent
        self.in_body = connection.began


class Wire:
    """Idle connections by origin; those of TLS also by how the certificate is verified."""

    __slots__ = ("_idle",)

    def __init__(self) -> None:
        self._idle: dict[Any, list[Connection]] = {}

    def close(self) -> None:
        """Close all connections; the next request opens a new one."""
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()

    def exchange(
        self,
        target: Target,
        verify: bool | str,
        request: bytes,
        timeout: Any,
        size: int,
    ) -> tuple[Connection, Stamps]:
        """Send a request and wait for its answer.

        Args:
            target: Where to.
            verify: How certificates are verified, as requests takes it.
            request: Head and body.
            timeout: Seconds, or a pair for connecting and for each part of the answer; None for none.
            size: Bytes of the body among those of the request.

        Returns:
            The connection with the answer in it, and the stamps. Take what is needed, then ``keep`` it where it is
            reusable.

        Raises:
            WireError: There was no answer.
        """
        origin = target.origin
        idle = self._idle.get((origin, verify) if origin.secure else origin)
        while idle:
            connection = idle.pop()
            try:
                if timeout is None:
                    return connection, connection.exchange(request, None, target.head_only, size)
                read = timeout[1] if type(timeout) is tuple else timeout
                return connection, connection.exchange(request, read, target.head_only, size)
            except StaleError:
                continue
            except _CUT_OFF as error:
                accounting.cut_off(error, sent=connection.sent)
                raise
            except Exception as error:
                raise WireError(error, connection) from error
        return self._exchange_anew(target, verify, request, timeout, size)

    def _exchange_anew(
        self,
        target: Target,
        verify: bool | str,
        request: bytes,
        timeout: Any,
        size: int,
    ) -> tuple[Connection, Stamps]:
        origin = target.origin
        connect_timeout, read_timeout = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        connection = Connection(origin.host, origin.port, _context(verify) if origin.secure else None)
        connection.home = self._idle.setdefault((origin, verify) if origin.secure else origin, [])
        try:
            connection.connect(connect_timeout)
            return connection, connection.exchange(request, read_timeout, target.head_only, size)
        except _CUT_OFF as error:
            accounting.cut_off(error, sent=connection.sent)
            raise
        except Exception as error:
            raise WireError(error, connection) from error


def keep(connection: Connection) -> None:
    """Put a connection that is reusable back where its session finds it, or close it where there are enough."""
    home = connection.home
    if len(home) < _IDLE_KEPT:
        home.append(connection)
    else:
        connection.close()


def raise_as_requests(error: WireError, target: Target, request: requests.PreparedRequest, timeout: Any) -> NoReturn:
    """Raise what requests would have raised; where requests would have let it through, so do we.

    Not to be called while the error is handled: it would become the cause of everything, and Locust looks for that.
    """
    timeouts = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    try:
        raise error.cause  # noqa: TRY301 - see below
    except Exception as cause:  # noqa: BLE001 - to be the context of what is raised over it
        _raise_as_requests(cause, error, target, request, timeouts)


def _raise_as_requests(
    error: Exception,
    how: WireError,
    target: Target,
    request: requests.PreparedRequest,
    timeouts: tuple[float | None, float | None],
) -> NoReturn:
    """Raise what requests would have raised, with the same causes below it: Locust, and scripts, look for them."""
    origin = target.origin
    scheme = "HTTPS" if origin.secure else "HTTP"
    pool: Any = f"{scheme}ConnectionPool(host={origin.host!r}, port={origin.port})"
    connect, read = timeouts
    below: Exception
    if isinstance(error, UnicodeError):
        raise urllib3.exceptions.LocationParseError(f"{origin.host!r}, label empty or too long") from None
    if isinstance(error, ReadTimeoutError):
        if how.in_body:  # requests reads the body where it no longer tells a timeout from the rest
            below = urllib3.exceptions.ReadTimeoutError(pool, None, "Read timed out.")
            _raise_over(below, requests.ConnectionError(below))
        below = urllib3.exceptions.ReadTimeoutError(pool, target.path_url, f"Read timed out. (read timeout={read})")
        _raise_over(below, requests.ReadTimeout(below, request=request))
    if isinstance(error, http.client.IncompleteRead) or (isinstance(error, OSError) and how.in_body):
        below = urllib3.exceptions.ProtocolError(f"Connection broken: {error!r}", error)
        _raise_over(below, requests.exceptions.ChunkedEncodingError(below))
    if isinstance(error, ConnectTimeoutError):
        below = urllib3.exceptions.ConnectTimeoutError(pool, f"Connection timed out. (connect timeout={connect})")
        retries = urllib3.exceptions.MaxRetryError(pool, target.path_url, below)
        _raise_over(below, retries, requests.ConnectTimeout(retries, request=request))
    if isinstance(error, ssl.SSLError):
        below = urllib3.exceptions.SSLError(error)
        retries = urllib3.exceptions.MaxRetryError(pool, target.path_url, below)
        _raise_over(below, retries, requests.exceptions.SSLError(retries, request=request))
    if isinstance(error, OSError) and how.connecting:
        connection: Any = f"{scheme}Connection(host={origin.host!r}, port={origin.port})"
        if isinstance(error, socket.gaierror):
            below = urllib3.exceptions.NameResolutionError(origin.host, connection, error)
        else:
            below = urllib3.exceptions.NewConnectionError(connection, f"Failed to establish a new connection: {error}")
        retries = urllib3.exceptions.MaxRetryError(pool, target.path_url, below)
        _raise_over(below, retries, requests.ConnectionError(retries, request=request))
    if isinstance(error, OSError | http.client.HTTPException):
        below = urllib3.exceptions.ProtocolError("Connection aborted.", error)
        _raise_over(below, requests.ConnectionError(below, request=request))
    raise error


def _raise_over(*chain: Exception) -> NoReturn:
    """Raise the last, each one while the one before it is handled: so they become each other's context."""
    first, *above = chain
    if not above:
        raise first
    try:
        raise first  # noqa: TRY301 - to be handled is what it is raised for
    except Exception:  # noqa: BLE001 - it is the context that counts
        _raise_over(*above)
