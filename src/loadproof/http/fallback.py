"""What a call must ask for to be left to requests, and how often that was the case."""

from __future__ import annotations

import http.client
import logging
from collections import Counter

import requests
import requests.adapters
import urllib3.connection
import urllib3.connectionpool
import urllib3.util.connection

fallbacks: Counter[str] = Counter()
"""Requests of this process that requests itself prepared, or sent, by the reason."""

LONGEST_TIMEOUT = 1_000_000
"""Seconds; what is longer, or no number, requests may make sense of."""

_send = requests.Session.send
_ORIGINALS = {
    (owner, name): getattr(owner, name)
    for owner, names in (
        (requests.Session, ("request", "prepare_request", "get_adapter", "merge_environment_settings")),
        (requests.adapters.HTTPAdapter, ("send", "build_response", "get_connection_with_tls_context")),
        (urllib3.connectionpool.HTTPConnectionPool, ("urlopen", "_make_request")),
        (urllib3.connection.HTTPConnection, ("request", "connect", "putrequest")),
        (http.client.HTTPConnection, ("putrequest", "putheader", "endheaders", "getresponse")),
        (urllib3.util.connection, ("create_connection",)),
    )
    for name in names
}
_urllib3_log = logging.getLogger("urllib3.connectionpool")
_enabled: dict[int, bool] = getattr(_urllib3_log, "_cache", {})


def what_wants_urllib3() -> str | None:
    """What in this process watches requests or urllib3 at work, and so must find them working; None for nothing."""
    if http.client.HTTPConnection.debuglevel:
        return "http.client debug output"
    # The logger's own memory of the answer is asked before the logger, which takes three times as long.
    if _enabled.get(logging.DEBUG) is not False and _urllib3_log.isEnabledFor(logging.DEBUG):
        return "urllib3 debug output"
    if requests.Session.send is not _send:
        return "instrumented requests"
    return None


def what_is_replaced() -> str | None:
    """What somebody has put in place of a part of requests, urllib3 or http.client; None for nothing.

    For mocks, recorders and tracers; looked at when a session is made, because it takes as long as half a request.
    """
    for (owner, name), original in _ORIGINALS.items():
        if getattr(owner, name) is not original:
            return f"{owner.__name__}.{name}"
    return None


def is_timeout(timeout: object) -> bool:
    """Whether a timeout is one that needs no second thought: none, seconds, or a pair of such."""
    if isinstance(timeout, tuple):
        return len(timeout) == 2 and all(is_timeout(part) and not isinstance(part, tuple) for part in timeout)
    return timeout is None or (
        isinstance(timeout, int | float) and not isinstance(timeout, bool) and 0 < timeout <= LONGEST_TIMEOUT
    )
