"""Every client's errors get one name each."""

from __future__ import annotations

import errno
import socket
import ssl
from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected

import pytest
import requests
import urllib3.exceptions

from loadproof.http.errors import error_kind, error_message


class CatchResponseError(Exception):
    pass


class LocustBadStatusCode(ConnectionError):  # noqa: N818 - its name in Locust
    pass


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (requests.HTTPError("503 Server Error"), 503, "http_503"),
        (LocustBadStatusCode("x"), 404, "http_404"),
        (CatchResponseError("wrong body"), 500, "check_failed"),
        (AssertionError("no"), 200, "check_failed"),
        ("a text", 200, "check_failed"),
        (Exception("no"), 200, "check_failed"),
        (ConnectionRefusedError(111, "Connection refused"), None, "connection_refused"),
        (ConnectionResetError(104, "reset"), None, "connection_reset"),
        (BrokenPipeError(32, "pipe"), None, "connection_reset"),
        (RemoteDisconnected("closed"), None, "connection_closed"),
        (IncompleteRead(b""), None, "connection_closed"),
        (requests.exceptions.ChunkedEncodingError("x"), None, "connection_closed"),
        (requests.ReadTimeout("x"), None, "timeout"),
        (TimeoutError("timed out"), None, "timeout"),
        (requests.ConnectTimeout("x"), None, "connect_timeout"),
        (socket.gaierror(-2, "Name or service not known"), None, "dns"),
        (ssl.SSLCertVerificationError("bad"), None, "tls"),
        (urllib3.exceptions.SSLError("bad"), None, "tls"),
        (requests.TooManyRedirects("x"), 302, "too_many_redirects"),
        (BadStatusLine("junk"), None, "invalid_response"),
        (requests.exceptions.InvalidHeader("x"), None, "invalid_request"),
        (OSError(errno.EMFILE, "Too many open files"), None, "out_of_descriptors"),
        (OSError(errno.EADDRNOTAVAIL, "x"), None, "out_of_ports"),
        (OSError(errno.EHOSTUNREACH, "x"), None, "unreachable"),
        (ZeroDivisionError("x"), None, "ZeroDivisionError"),
    ],
)
def test_an_error_has_one_kind(error, status, kind):
    assert error_kind(error, status) == kind


def test_a_message_is_one_bounded_line_without_addresses():
    assert error_message(ValueError("a\n  b <obj at 0x7f12ab34cd>")) == "a b <obj at 0x…>"
    assert error_message(KeyError()) == "KeyError()"
    assert len(error_message("x" * 1000)) == 300
