"""Locust's two HTTP sessions, with every request accounted for: also those that the end of the run cut off.

Locust reports a request when it is over. One that is still in flight when its user is killed, or whose entry a script
drops by raising inside its ``with`` block, is never heard of; the slowest requests vanish that way. These subclasses
change nothing that a script can see, and count what would be lost.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import locust.clients
import locust.contrib.fasthttp
import locust.user.users
from gevent import GreenletExit

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_NOT_YET_SENT = frozenset(
    {
        "_get_conn",  # urllib3 takes a connection from its pool, and asks whether the server has closed it
        "_new_conn",
        "get_socket",  # the same in geventhttpclient
        "create_connection",
        "getaddrinfo",
        "do_handshake",
    }
)
"""Functions in which a request has not left yet; a user killed there sent nothing."""


class Accounting:
    """Requests of this process that no entry speaks of.

    Attributes:
        unfinished: Sent, and killed before the answer was in and reported.
        unrecorded: Answered, and dropped by the script.
        before_send: Called before each request; for a limit on the rate. None for nothing.
    """

    __slots__ = ("before_send", "unfinished", "unrecorded")

    def __init__(self) -> None:
        self.unfinished = 0
        self.unrecorded = 0
        self.before_send: Callable[[], None] | None = None

    def killed(self, error: GreenletExit) -> None:
        """A user was killed inside a request; count it unless it was still connecting."""
        functions = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
        if not functions & _NOT_YET_SENT:
            self.unfinished += 1


accounting = Accounting()
"""The account of this process; a forked worker starts with zeros because nothing was sent before the fork."""


def _dropped(exception_type: type[BaseException] | None, swallowed: bool | None) -> None:
    """Count a ``with`` block that ended without a report: killed, or left by an exception of the script."""
    if exception_type is not None and not swallowed:
        if issubclass(exception_type, GreenletExit):
            accounting.unfinished += 1
        else:
            accounting.unrecorded += 1


class CaughtResponse(locust.clients.ResponseContextManager):  # type: ignore[misc]  # Locust is not checked
    """A response whose report is up to the ``with`` block."""

    def __exit__(
        self, exc: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> bool | None:
        """Locust's own, then the account."""
        reported = self._manual_result is not None
        swallowed: bool | None = super().__exit__(exc, value, tb)
        if not reported:
            _dropped(exc, swallowed)
        return swallowed


class FastCaughtResponse(locust.contrib.fasthttp.ResponseContextManager):  # type: ignore[misc]  # Locust is not checked
    """The same for ``FastHttpUser``."""

    def __exit__(
        self, exc: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> bool | None:
        """Locust's own, then the account."""
        reported = self._manual_result is not None
        swallowed: bool | None = super().__exit__(exc, value, tb)
        if not reported:
            _dropped(exc, swallowed)
        return swallowed


class Session(locust.clients.HttpSession):  # type: ignore[misc]  # Locust is not checked
    """``HttpUser.client``."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Locust's own ``request``; a kill on the way is counted."""
        if accounting.before_send is not None:
            accounting.before_send()
        try:
            response = super().request(*args, **kwargs)
        except GreenletExit as error:
            accounting.killed(error)
            raise
        if response._catch_response and type(response) is locust.clients.ResponseContextManager:  # noqa: SLF001
            response.__class__ = CaughtResponse
        return response


class FastSession(locust.contrib.fasthttp.FastHttpSession):  # type: ignore[misc]  # Locust is not checked
    """``FastHttpUser.client``."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Locust's own ``request``; a kill on the way is counted."""
        if accounting.before_send is not None:
            accounting.before_send()
        try:
            response = super().request(*args, **kwargs)
        except GreenletExit as error:
            accounting.killed(error)
            raise
        if type(response) is locust.contrib.fasthttp.ResponseContextManager:
            response.__class__ = FastCaughtResponse
        return response


def install() -> None:
    """Put the sessions under ``HttpUser`` and ``FastHttpUser``; before ``locust.main`` and any locustfile is imported.

    Every name that Locust reaches a session class by is bound anew; a test fails when a new Locust adds one.
    """
    locust.clients.HttpSession = Session
    locust.user.users.HttpSession = Session
    locust.contrib.fasthttp.FastHttpSession = FastSession
