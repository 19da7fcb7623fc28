"""What goes wrong on our wire; and what an error of any client is called, so that errors can be counted by kind."""

from __future__ import annotations

import errno
import re


class StaleError(Exception):
    """A connection that was kept cannot take another request."""


class ReadTimeoutError(Exception):
    """Nothing came for as long as the caller was ready to wait."""


class ConnectTimeoutError(Exception):
    """No connection was made for as long as the caller was ready to wait."""


_BY_ERRNO = {
    errno.ECONNREFUSED: "connection_refused",
    errno.ECONNRESET: "connection_reset",
    errno.EPIPE: "connection_reset",
    errno.ECONNABORTED: "connection_reset",
    errno.ETIMEDOUT: "connect_timeout",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EMFILE: "out_of_descriptors",
    errno.ENFILE: "out_of_descriptors",
    errno.EADDRNOTAVAIL: "out_of_ports",
}

# Class names rather than classes: the clients' exceptions come from requests, urllib3, http.client and
# geventhttpclient, and none of them has to be imported to be recognised. The first match wins.
_BY_CLASS_NAME = (
    ("CatchResponseError", "check_failed"),
    ("ResponseError", "check_failed"),
    ("AssertionError", "check_failed"),
    ("ConnectTimeout", "connect_timeout"),
    ("ConnectTimeoutError", "connect_timeout"),
    ("SSLError", "tls"),
    ("CertificateError", "tls"),
    ("NameResolutionError", "dns"),
    ("gaierror", "dns"),
    ("ConnectionRefusedError", "connection_refused"),
    ("RemoteDisconnected", "connection_closed"),
    ("IncompleteRead", "connection_closed"),
    ("ChunkedEncodingError", "connection_closed"),
    ("HTTPConnectionClosed", "connection_closed"),
    ("ConnectionResetError", "connection_reset"),
    ("BrokenPipeError", "connection_reset"),
    ("ReadTimeout", "timeout"),
    ("ReadTimeoutError", "timeout"),
    ("TimeoutError", "timeout"),
    ("Timeout", "timeout"),
    ("TooManyRedirects", "too_many_redirects"),
    ("RetriesExceeded", "too_many_redirects"),
    ("BadStatusLine", "invalid_response"),
    ("LineTooLong", "invalid_response"),
    ("InvalidHeader", "invalid_request"),
    ("ContentDecodingError", "invalid_response"),
    ("HTTPParseError", "invalid_response"),
    ("ProtocolError", "connection_closed"),
)

_STATUS_ERRORS = frozenset({"HTTPError", "BadStatusCode", "LocustBadStatusCode"})
"""Exceptions that say no more than the status does."""

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_LONGEST_MESSAGE = 300


def error_kind(error: BaseException | str, status: int | None) -> str:
    """The kind of a failed request.

    Args:
        error: What the client reported.
        status: HTTP status of the answer; None or 0 when none came.

    Returns:
        ``http_503`` for an error that is nothing but the status; ``timeout``, ``connect_timeout``,
        ``connection_refused``, ``connection_reset``, ``connection_closed``, ``unreachable``, ``dns``, ``tls``,
        ``too_many_redirects``, ``invalid_response``, ``invalid_request``, ``out_of_descriptors``, ``out_of_ports``
        for the wire; ``check_failed`` for a script's own check; else the exception's class name.
    """
    if isinstance(error, str):
        return "check_failed"
    names = {cls.__name__ for cls in type(error).__mro__}
    if status and status >= 400 and names & _STATUS_ERRORS:
        return f"http_{status}"
    by_class = next((kind for name, kind in _BY_CLASS_NAME if name in names), None)
    if by_class is not None:
        return by_class
    if isinstance(error, OSError) and error.errno in _BY_ERRNO:
        return _BY_ERRNO[error.errno]
    return "check_failed" if type(error) is Exception else type(error).__name__


def error_message(error: BaseException | str) -> str:
    """The error's text on one line, at most 300 characters, memory addresses masked: equal errors count together."""
    text = (str(error) or repr(error)) if isinstance(error, BaseException) else error
    return _ADDRESS.sub("0x…", " ".join(text.split()))[:_LONGEST_MESSAGE]
