"""``HttpUser.client``: Locust's session with its everyday calls on our own wire.

Whatever a call or the session's settings ask for beyond the everyday is left to requests, counted by reason, so that
nothing ever breaks. A request is never sent twice: what went out on our wire is finished here; only the further hops of
a redirect are sent by requests, which follows them as it always does.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections import Counter
from functools import lru_cache
from typing import Any, NoReturn

import certifi
import locust.clients
import requests
import urllib3.exceptions
from gevent import GreenletExit
from requests.cookies import extract_cookies_to_jar, get_cookie_header
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, RequestException
from requests.models import REDIRECT_STATI

from loadproof.http.accounting import accounting
from loadproof.http.connection import Connection, ConnectTimeoutError, ReadTimeoutError
from loadproof.http.request import (
    address,
    address_with,
    authorization,
    body_of,
    head_of,
    other_way,
    session_needs_requests,
)
from loadproof.http.response import Response, Sent, decode, response_of

_IDLE_KEPT = 10

fallbacks: Counter[str] = Counter()
"""Requests of this process that requests itself served, by the reason."""


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


class CaughtResponse(locust.clients.ResponseContextManager):  # type: ignore[misc]  # Locust is not checked
    """A response of requests whose report is up to the ``with`` block."""

    def __exit__(self, exc: Any, value: Any, tb: Any) -> bool | None:  # noqa: PYI036 - Locust's
        """Locust's own, then the account."""
        return accounting.account(self, exc, super().__exit__(exc, value, tb))


class Session(locust.clients.HttpSession):  # type: ignore[misc]  # Locust is not checked
    """Locust's ``HttpSession``; same arguments, same behaviour."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle: dict[tuple[bool, str, int, object], list[Connection]] = {}
        shared_pool = kwargs.get("pool_manager") is not None
        self._own_adapters = {
            "all": None if shared_pool else self.adapters,
            "each": tuple(self.adapters.items()),
        }

    def close(self) -> None:
        """Close all connections; the next request opens a new one."""
        super().close()
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()

    def request(
        self,
        method: str,
        url: str,
        name: str | None = None,
        catch_response: bool = False,
        context: dict[str, Any] = {},  # noqa: B006 - Locust's own default; it is never written to
        *,
        data: Any = None,
        json: Any = None,
        **options: Any,
    ) -> Any:
        """Send a request, as Locust's own ``request`` would; see there."""
        if accounting.before_send is not None:
            accounting.before_send()
        reason = other_way(method, url, data, options) or session_needs_requests(self, self._own_adapters)
        if reason is None and http.client.HTTPConnection.debuglevel:
            reason = "http.client debug output"
        if reason is not None:
            fallbacks[reason] += 1
            more = {"data": data, "json": json, **options}
            return accounted(super().request, method, url, name, catch_response, context, **more)
        return self._fast(method, url, name, catch_response, context, data, json, options)

    def _fast(  # noqa: PLR0917 - those of the call it serves
        self, method: str, url: str, name: str | None, catch_response: bool, context: dict[str, Any], data: Any,
        json: Any, options: dict[str, Any],
    ) -> Any:  # fmt: skip
        if self.request_name and not name:
            name = self.request_name
        self.explicit_name = name
        complete_url = self._build_url(url)
        start_time, began = time.time(), time.perf_counter()
        response: Any
        try:
            response = self._answer(method, complete_url, data, json, options)
        except (MissingSchema, InvalidSchema, InvalidURL):
            raise
        except RequestException as error:
            response = locust.clients.ResponseContextManager(error)
        seconds = time.perf_counter() - began
        if type(response) is Response:
            first_url, path = response.url, response._sent.address.path_url  # noqa: SLF001
            seconds = response.stamps.seconds
        elif first := ((response.history and response.history[0]) or response).request:
            first_url, path = str(first.url), first.path_url
        else:
            first_url, path = complete_url, str(url)
        if self.user:
            context = {**self.user.context(), **context}
        meta = {
            "request_type": method,
            "response_time": seconds * 1000,
            "name": name or path,
            "context": context,
            "response": response,
            "exception": None,
            "start_time": start_time,
            "url": first_url,
            "response_length": len(response.content or b""),
        }
        if type(response) is not Response:
            response.__class__ = CaughtResponse
        response.user_class = _class_name(self.user)
        response._entered = False  # noqa: SLF001
        response._manual_result = None  # noqa: SLF001
        response._request_event = self.request_event  # noqa: SLF001
        response._catch_response = catch_response  # noqa: SLF001
        response.request_meta = meta
        if not catch_response:
            if type(response) is Response and response.status_code < 400:
                self.request_event.fire(**meta)
            else:
                response.__exit__(None, None, None)
        return response

    def _answer(self, method: str, url: str, data: Any, json: Any, options: dict[str, Any]) -> Any:
        """The answer, redirects followed; raises what requests would raise."""
        params = options.get("params")
        where = address(url) if not params else address_with(url, params)
        try:
            head = head_of(self.headers, options.get("headers"))
        except UnicodeEncodeError:
            fallbacks["header encoding"] += 1
            return requests.Session.request(self, method, url, data=data, json=json, **options)
        body, extra, shown = body_of(method.upper(), data, json, head)
        auth = options.get("auth") or self.auth
        if auth is not None:
            extra = authorization(auth) + extra
        if self.cookies:
            extra += self._cookie_line(where.url, head)
        sent = Sent(method, where, head, extra, body, shown)
        response = self._exchange(sent, options)
        raw = response._raw_headers  # noqa: SLF001
        redirected = response.status_code in REDIRECT_STATI
        for header, _ in raw:
            lower = header.lower()
            if lower == b"set-cookie":
                extract_cookies_to_jar(self.cookies, response.request, response.raw)  # type: ignore[no-untyped-call]
            elif lower == b"content-encoding" and response._raw_body:  # noqa: SLF001
                decode(response)
        if redirected:
            return self._redirected(response, options, follow=options.get("allow_redirects", True))
        return response

    def _cookie_line(self, url: str, head: Any) -> bytes:
        asked = requests.PreparedRequest()
        asked.url, asked.headers = url, head.fields.copy()
        line = get_cookie_header(self.cookies, asked)  # type: ignore[no-untyped-call]
        return b"" if not line or "cookie" in head.names else b"Cookie: " + line.encode("latin-1") + b"\r\n"

    def _exchange(self, sent: Sent, options: dict[str, Any]) -> Response:
        where = sent.address
        verify = options.get("verify")
        verify = (self.verify if verify is None else verify) if where.secure else None
        connect_timeout, read_timeout = _timeouts(options.get("timeout"))
        key = (where.secure, where.host, where.port, verify)
        idle = self._idle.setdefault(key, [])
        connection = None
        while idle and connection is None:
            candidate = idle.pop()
            connection = candidate if candidate.usable() else None
        try:
            if connection is None:
                connection = Connection(where.host, where.port, _context(verify) if where.secure else None)
                connection.connect(connect_timeout)
            else:
                connection.connect_time = connection.tls_time = 0.0
            head = b"".join(
                (sent.method.upper().encode(), b" ", where.head, sent.head.lines, sent.extra, b"\r\n", sent.body or b"")
            )
            connection.exchange(head, read_timeout, head_only=sent.method.upper() == "HEAD")
        except GreenletExit:
            if connection is not None and connection.sent:
                accounting.unfinished += 1
            raise
        except Exception as error:  # noqa: BLE001 - what is not of the wire is raised again as it is
            sent.connecting = connection is None or not connection.sent
            _raise_as_requests(error, sent, options.get("timeout"))
        if connection.reusable:
            if "connection" in sent.head.names and sent.head.fields.get("connection", "").lower() == "close":
                connection.close()
            elif len(idle) < _IDLE_KEPT:
                idle.append(connection)
            else:
                connection.close()
        return response_of(connection, sent)

    def _redirected(self, response: Response, options: dict[str, Any], *, follow: bool) -> Any:
        """The end of a redirect chain; its further hops are sent by requests."""
        settings = self.merge_environment_settings(response.url, {}, None, options.get("verify"), None)
        further = {"timeout": options.get("timeout"), **settings}
        if not follow:
            step = self.resolve_redirects(response, response.request, yield_requests=True, **further)
            response._next = next(step, None)  # noqa: SLF001
            return response
        history = [response, *self.resolve_redirects(response, response.request, **further)]
        if len(history) == 1:
            return response
        last = history.pop()
        last.history = history
        return last


def _class_name(user: Any) -> str:
    return "" if user is None else type(user).__name__


def accounted(request: Any, *args: Any, **kwargs: Any) -> Any:
    """Call Locust's own ``request``, and count what it would lose."""
    try:
        response = request(*args, **kwargs)
    except GreenletExit as error:
        accounting.killed(error)
        raise
    if response._catch_response and type(response) is locust.clients.ResponseContextManager:  # noqa: SLF001
        response.__class__ = CaughtResponse
    return response


def _timeouts(timeout: Any) -> tuple[float | None, float | None]:
    if isinstance(timeout, tuple):
        connect, read = timeout
        return connect, read
    return timeout, timeout


def _raise_as_requests(error: Exception, sent: Sent, timeout: Any) -> NoReturn:
    """Raise what requests would have raised, with the same causes below it: Locust, and scripts, look for them."""
    request = sent.prepared()
    scheme = "HTTPS" if sent.address.secure else "HTTP"
    pool: Any = f"{scheme}ConnectionPool(host={sent.address.host!r}, port={sent.address.port})"
    path = sent.address.path_url
    connect, read = _timeouts(timeout)
    below: Exception
    if isinstance(error, ReadTimeoutError):
        below = urllib3.exceptions.ReadTimeoutError(pool, path, f"Read timed out. (read timeout={read})")
        _raise_over(below, requests.ReadTimeout(below, request=request))
    if isinstance(error, http.client.IncompleteRead):
        below = urllib3.exceptions.ProtocolError(f"Connection broken: {error!r}", error)
        _raise_over(below, requests.exceptions.ChunkedEncodingError(below))
    if isinstance(error, ConnectTimeoutError):
        below = urllib3.exceptions.ConnectTimeoutError(pool, f"Connection timed out. (connect timeout={connect})")
        retries = urllib3.exceptions.MaxRetryError(pool, path, below)
        _raise_over(below, retries, requests.ConnectTimeout(retries, request=request))
    if isinstance(error, ssl.SSLError):
        below = urllib3.exceptions.SSLError(error)
        retries = urllib3.exceptions.MaxRetryError(pool, path, below)
        _raise_over(below, retries, requests.exceptions.SSLError(retries, request=request))
    if isinstance(error, OSError) and sent.connecting:
        below = urllib3.exceptions.NewConnectionError(pool, f"Failed to establish a new connection: {error}")
        retries = urllib3.exceptions.MaxRetryError(pool, path, below)
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
