"""Our sessions under Locust's users."""

from __future__ import annotations

from http.cookiejar import CookieJar
from typing import Any

import locust.clients
import locust.contrib.fasthttp
import locust.user.users
from gevent import GreenletExit

from loadproof.http.accounting import accounting
from loadproof.http.cookies import QuickJar
from loadproof.http.fast import Session, accounted
from loadproof.http.stamps import keep_stamping_on


class FastCaughtResponse(locust.contrib.fasthttp.ResponseContextManager):  # type: ignore[misc]  # Locust is not checked
    """A response of ``FastHttpUser`` whose report is up to the ``with`` block."""

    def __exit__(self, exc: Any, value: Any, tb: Any) -> bool | None:  # noqa: PYI036 - Locust's
        """Locust's own, then the account."""
        return accounting.account(self, exc, super().__exit__(exc, value, tb))


class FastHttpSession(locust.contrib.fasthttp.FastHttpSession):  # type: ignore[misc]  # Locust is not checked
    """``FastHttpUser.client``: Locust's own, with every request accounted for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if type(self.cookiejar) is CookieJar:
            self.cookiejar.__class__ = QuickJar

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


class TrackedSession(locust.clients.HttpSession):  # type: ignore[misc]  # Locust is not checked
    """``HttpUser.client`` as Locust makes it, with every request accounted for."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Locust's own ``request``; a kill on the way is counted."""
        if accounting.before_send is not None:
            accounting.before_send()
        return accounted(super().request, *args, **kwargs)


def install(client: str) -> None:
    """Put the sessions under ``HttpUser`` and ``FastHttpUser``; before ``locust.main`` and any locustfile is imported.

    Every name that Locust reaches a session class by is bound anew; a test fails when a new Locust adds one.

    Args:
        client: ``fast`` for our own wire under ``HttpUser``, ``requests`` for Locust's own.
    """
    session = Session if client == "fast" else TrackedSession
    locust.clients.HttpSession = session
    locust.user.users.HttpSession = session
    locust.contrib.fasthttp.FastHttpSession = FastHttpSession
    keep_stamping_on()
