"""Requests that no entry speaks of: cut off by the end of the run, or dropped by the script."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from gevent import GreenletExit

if TYPE_CHECKING:
    from collections.abc import Callable

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

    def cut_off(self, error: BaseException, *, sent: bool) -> None:
        """A request of ours was ended from outside; count it if it had left."""
        if sent:
            if isinstance(error, GreenletExit):
                self.unfinished += 1
            else:
                self.unrecorded += 1

    def account(self, response: Any, left_by: type[BaseException] | None, swallowed: bool | None) -> bool | None:
        """Count a ``with`` block that ended without a report: killed, or left by an exception of the script.

        Args:
            response: Whose block it was.
            left_by: The exception that left it; None for none.
            swallowed: What the response's own ``__exit__`` said; handed back.
        """
        if left_by is not None and not swallowed and response._manual_result is None:  # noqa: SLF001
            if issubclass(left_by, GreenletExit):
                self.unfinished += 1
            else:
                self.unrecorded += 1
        return swallowed


accounting = Accounting()
"""The account of this process; a forked worker starts with zeros because nothing was sent before the fork."""
