"""The connections of one session, kept between requests; and errors as requests raises them."""

from __future__ import annotations

import http.client
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

import certifi
import requests
import urllib3.exceptions
from gevent import GreenletExit

from loadproof.http.accounting import accounting
from loadproof.http.connection import Connection, ConnectTimeoutError, ReadTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadproof.http.target import Origin, Target

_IDLE_KEPT = 10
"""Idle connections kept for one origin, as many as urllib3 keeps."""


@lru_cache(maxsize=16)
def _context(verify: bool | str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where() if verify is True else None)
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif isinstance(verify, str):
        context = ssl.create_default_context(cafile=verify)
    context.set_alpn_protocols(["http/1.1"])
    return context


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

    def exchange(  # noqa: PLR0917 - the hot path: keywords cost
        self,
        target: Target,
        verify: bool | str,  # noqa: FBT001
        request: bytes,
        timeout: Any,
        closes: bool,  # noqa: FBT001
        prepared: Callable[[], requests.PreparedRequest],
    ) -> Connection:
        """Send a request and wait for its answer.

        Args:
            target: Where to.
            verify: How certificates are verified, as requests takes it.
            request: Head and body.
            timeout: Seconds, or a pair for connecting and for each part of the answer; None for none.
            closes: Whether the connection is not to be used again.
            prepared: Makes the request that errors carry.

        Returns:
            The connection with the answer in it. It may be idle already: take what is needed before giving way.

        Raises:
            requests.RequestException: As requests raises it, with the same causes below it.
        """
        origin = target.origin
        key: Origin | tuple[Origin, bool | str] = (origin, verify) if origin.secure else origin
        idle = self._idle.get(key)
        if idle is None:
            idle = self._idle[key] = []
        connection = None
        while idle and connection is None:
            candidate = idle.pop()
            connection = candidate if candidate.usable() else None
        connect_timeout, read_timeout = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        try:
            if connection is None:
                connection = Connection(origin.host, origin.port, _context(verify) if origin.secure else None)
                connection.connect(connect_timeout)
            connection.exchange(request, read_timeout, head_only=target.head_only)
        except GreenletExit:
            if connection is not None and connection.sent:
                accounting.unfinished += 1
            raise
        except Exception as error:  # noqa: BLE001 - what is not of the wire is raised again as it is
            connecting = connection is None or not connection.sent
            _raise_as_requests(error, target, prepared(), (connect_timeout, read_timeout), connecting=connecting)
        if connection.reusable:
            if closes or len(idle) >= _IDLE_KEPT:
                connection.close()
            else:
                idle.append(connection)
        return connection


def _raise_as_requests(
    error: Exception,
    target: Target,
    request: requests.PreparedRequest,
    timeouts: tuple[float | None, float | None],
    *,
    connecting: bool,
) -> NoReturn:
    """Raise what requests would have raised, with the same causes below it: Locust, and scripts, look for them."""
    origin = target.origin
    scheme = "HTTPS" if origin.secure else "HTTP"
    pool: Any = f"{scheme}ConnectionPool(host={origin.host!r}, port={origin.port})"
    connect, read = timeouts
    below: Exception
    if isinstance(error, ReadTimeoutError):
        below = urllib3.exceptions.ReadTimeoutError(pool, target.path_url, f"Read timed out. (read timeout={read})")
        _raise_over(below, requests.ReadTimeout(below, request=request))
    if isinstance(error, http.client.IncompleteRead):
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
    if isinstance(error, OSError) and connecting:
        below = urllib3.exceptions.NewConnectionError(pool, f"Failed to establish a new connection: {error}")
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
