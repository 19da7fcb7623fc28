"""The platform's API as one user sees it: signed in or not, every answer judged."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from config import settings
from locust.exception import RescheduleTask

from loadproof.kit import Expectation, JwtPair, TokenError, fetch_pair

if TYPE_CHECKING:
    from collections.abc import Callable

LOGIN = "/auth/token/pair [login]"
REFRESH = "/auth/token/refresh"
HEADERS = {"Accept": "application/json", "Accept-Language": "en", "Content-Type": "application/json"}

_REFUSED = 400


@dataclass(frozen=True)
class Rules:
    """What is right for one kind of call.

    Attributes:
        statuses: Statuses that are right.
        conflicts: Refusals (400) that this test provokes, as patterns of their text, and what each means.
        check: Gives what is wrong with a right answer's JSON; None if nothing is.
    """

    statuses: tuple[int, ...] = (200,)
    conflicts: dict[str, str] = field(default_factory=dict)
    check: Callable[[Any], str | None] | None = None

    def judge(self, response: Any) -> str:
        """Mark a response, and say what it was: ``success``, ``expected`` or ``failure``."""
        seconds = response.request_meta["response_time"] / 1000
        if response.status_code and seconds > settings.request_timeout:
            # The client's own timeout is for each piece of an answer; this one is for the whole.
            response.failure(f"slower than LOCUST_REQUEST_TIMEOUT={settings.request_timeout:g}")
            return "failure"
        why = self._conflict(response)
        expected = {_REFUSED: why} if why else {}
        return Expectation(ok=self.statuses, expected=expected, check=self._checked).judge(response)

    def _conflict(self, response: Any) -> str | None:
        if response.status_code != _REFUSED:
            return None
        text = response.text or ""
        return next((why for pattern, why in self.conflicts.items() if re.search(pattern, text, re.IGNORECASE)), None)

    def _checked(self, response: Any) -> str | None:
        document = response.json()
        return self.check(document) if self.check else None


class ApiClient:
    """One user's calls.

    Args:
        client: The user's session.
        account: Whom it signs in as, with ``email``; None for nobody.

    Attributes:
        failures: How many calls have failed.
    """

    def __init__(self, client: Any, account: dict[str, str] | None = None) -> None:
        self._client = client
        self._client.headers.update(HEADERS)
        self._account = account
        self.failures = 0
        self._tokens = JwtPair(self._log_in, self._renew) if account else None

    def sign_in(self) -> None:
        """Sign in anew, whatever tokens there are; a refused one ends this task, not the user and not the run."""
        self._tokens = JwtPair(self._log_in, self._renew)
        try:
            self._tokens.apply(self._client)
        except TokenError:
            raise RescheduleTask from None  # the login's own entry has the failure

    def get(self, path: str, name: str | None = None, rules: Rules | None = None) -> Any:
        """The JSON of an answer; None when it was not a success."""
        return self._send("GET", path, name, rules)

    def post(self, path: str, body: Any = None, name: str | None = None, rules: Rules | None = None) -> Any:
        """The JSON of an answer; None when it was not a success."""
        return self._send("POST", path, name, rules, json=body)

    def get_as(self, access_token: str, path: str) -> Any:
        """The JSON of an answer to somebody who has just been given a token."""
        return self._send("GET", path, None, None, headers={"Authorization": f"Bearer {access_token}"})

    def _send(self, method: str, path: str, name: str | None, rules: Rules | None, **options: Any) -> Any:
        options |= {"name": name or path, "timeout": settings.request_timeout, "catch_response": True}
        try:
            if self._tokens is None:
                sent = self._client.request(method, path, **options)
            else:
                sent = self._tokens.request(self._client, method, path, **options)
        except TokenError:
            raise RescheduleTask from None  # the login's own entry has the failure
        with sent as response:
            outcome = (rules or Rules()).judge(response)
            self.failures += outcome == "failure"
            return response.json() if outcome == "success" else None

    def _log_in(self) -> dict[str, Any]:
        assert self._account is not None
        body = {"username": self._account["email"], "password": settings.password.get_secret_value()}
        return self._fetch("/auth/token/pair", body, LOGIN)

    def _renew(self, token: str) -> dict[str, Any]:
        return self._fetch("/auth/token/refresh", {"refresh": token}, REFRESH)

    def _fetch(self, path: str, body: dict[str, str], name: str) -> dict[str, Any]:
        return fetch_pair(self._client, path, json=body, name=name, timeout=settings.request_timeout)
