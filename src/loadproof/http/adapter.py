"""What requests itself prepares, on our wire: further hops of redirects, multipart files, auth callables, hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import locust.clients
from requests.adapters import HTTPAdapter

from loadproof.http.fallback import is_timeout, what_is_replaced, what_wants_urllib3
from loadproof.http.headers import HeadLines
from loadproof.http.response import raw_of
from loadproof.http.target import target_of
from loadproof.http.wire import WireError, keep, raise_as_requests

if TYPE_CHECKING:
    import requests

    from loadproof.http.wire import Wire


_BODYLESS = frozenset({"GET", "HEAD", "DELETE", "TRACE", "OPTIONS", "CONNECT"})
"""Methods for which urllib3 writes no Content-Length where there is no body."""


class WireAdapter(locust.clients.LocustHttpAdapter):  # type: ignore[misc]  # Locust is not checked
    """Locust's adapter, with our connections below it; urllib3's for what ours do not do.

    Args:
        wire: The session's connections.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._pool_arguments: tuple[Any, ...] = ()
        self._pool_options: dict[str, Any] = {}
        super().__init__(pool_manager=None)
        self._no_retries = self.max_retries

    @property
    def retries(self) -> bool:
        """Whether a script has told it to send again what has failed."""
        return self.max_retries is not self._no_retries

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Remember how urllib3's pools are made: most sessions never need them."""
        self._pool_arguments, self._pool_options = args, kwargs

    @property
    def poolmanager(self) -> Any:
        """urllib3's pools."""
        manager = self.__dict__.get("_manager")
        if manager is None and self._pool_arguments:
            # Not Locust's: it asks first whether there is one already.
            HTTPAdapter.init_poolmanager(self, *self._pool_arguments, **self._pool_options)
            manager = self.__dict__.get("_manager")
        return manager

    @poolmanager.setter
    def poolmanager(self, manager: Any) -> None:
        self.__dict__["_manager"] = manager

    def close(self) -> None:
        """Close urllib3's pools, where there are any."""
        if self.__dict__.get("_manager") is not None:
            super().close()

    def send(  # noqa: PLR0917 - requests' own
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send a prepared request; see requests."""
        ours = _is_ours(request, timeout) and not (stream or cert or proxies or self.retries)
        if not ours or what_wants_urllib3() or what_is_replaced():
            return cast("requests.Response", super().send(request, stream, timeout, verify, cert, proxies))
        try:
            head = HeadLines(request.headers)
        except UnicodeEncodeError:
            return cast("requests.Response", super().send(request, stream, timeout, verify, cert, proxies))
        target = target_of(str(request.method), str(request.url))
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        host = b"" if "host" in head.names else target.origin.host_line
        empty = request.body is None and target.upper not in _BODYLESS and "content-length" not in head.names
        length = b"Content-Length: 0\r\n" if empty else b""
        lines = b"".join((target.line, host, length, head.lines, b"\r\n", body))
        failure: WireError | None = None
        try:
            connection, stamps = self._wire.exchange(target, verify, lines, timeout, len(body))
        except WireError as error:
            failure = error
        if failure is not None:
            raise_as_requests(failure, target, request, timeout)
        response: Any = self.build_response(request, raw_of(connection.head, connection.body, target))
        response.stamps = stamps
        if connection.reusable:
            keep(connection)
        return cast("requests.Response", response)


def _is_ours(request: requests.PreparedRequest, timeout: Any) -> bool:
    """Whether our wire sends such a request as urllib3 would."""
    return (
        isinstance(request.body, str | bytes | None)
        and is_timeout(timeout)
        and "Transfer-Encoding" not in request.headers
        and "Expect" not in request.headers
        and bool(request.method)
        and str(request.method).isalpha()
        and str(request.method).isascii()
        and isinstance(request.url, str)
        and request.url.lower().startswith("http")
    )
