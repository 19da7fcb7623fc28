"""The OAuth issuer behind the token broker: a long-lived token in, a short-lived one out (RFC 6749, section 6)."""

from __future__ import annotations

import json
import re
import time
from http.client import HTTPException
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from loadproof.kit.servers.keeper import Grant, NotObtainedError, expiry_of, is_sendable, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST_ANSWER = 1_000_000
_OAUTH_ERROR = re.compile(r"[a-z][a-z_]{1,40}")
_PASSING = frozenset({408, 425, 429})
"""Statuses below 500 that say nothing of the token."""


def is_loopback(host: str) -> bool:
    """Whether an address never leaves this machine: ``localhost``, or a numeric loopback address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class NoRedirect(HTTPRedirectHandler):
    """Takes a redirect for the answer: what was asked for must not travel to another address."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none."""


class Issuer:
    """Trades the long-lived token for short-lived ones; what the issuer rotates is kept in memory.

    Args:
        url: The issuer's token endpoint.
        long_lived: The token that stands for the user; in no text.
        client_id: The client that the token was issued for.
        timeout: Seconds that an answer may take.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        url: str,
        long_lived: str,
        *,
        client_id: str = "cloud-services",
        timeout: float = 10.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.calls = 0
        self._url = url
        self._original = self._rotated = long_lived
        self._client_id = client_id
        self._timeout = timeout
        self._now = now
        near = is_loopback(urlsplit(url).hostname or "")
        self._opener = build_opener(NoRedirect, *([ProxyHandler({})] if near else []))

    def grant(self) -> Grant:
        """A new short-lived token.

        Raises:
            NotObtainedError: The issuer is down or refuses; no secret is in the text.
        """
        if self._rotated != self._original:
            try:
                return self._exchange(self._rotated)
            except NotObtainedError as error:
                if not error.final:
                    raise
            self._rotated = self._original  # a rotated token may have been used up by an answer that was lost
        return self._exchange(self._original)

    def _exchange(self, refresh_token: str) -> Grant:
        form = {"grant_type": "refresh_token", "client_id": self._client_id, "refresh_token": refresh_token}
        request = Request(  # noqa: S310 - the scheme was checked when the broker started
            self._url, urlencode(form).encode(), {"Accept": "application/json", "User-Agent": "loadproof"}
        )
        self.calls += 1
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                body = response.read(_LARGEST_ANSWER)
        except HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except (OSError, HTTPException) as error:
            raise self._outage(error) from None
        return self._read(body)

    def _read(self, body: bytes) -> Grant:
        try:
            answer = json.loads(body)
            token = answer["access_token"]
        except (ValueError, KeyError, TypeError, RecursionError):
            answer, token = {}, None
        if not isinstance(token, str) or not is_sendable(token):
            raise NotObtainedError(
                f"{self._where()} answered 200 without an access_token: is it the token endpoint of the issuer?"
            )
        rotated = answer.get("refresh_token")
        if isinstance(rotated, str) and rotated:
            self._rotated = rotated
        return Grant(token, self._lifetime(token, answer.get("expires_in")))

    def _lifetime(self, token: str, expires_in: object) -> float:
        expiry = expiry_of(token)
        lifetime = seconds_of(expires_in) if expiry is None else expiry - self._now()
        if lifetime is None:
            raise NotObtainedError(
                f"the token of {self._where()} does not say when it expires: it has no exp, and the answer no "
                "expires_in; the broker cannot know when to renew it"
            )
        if lifetime <= 0:
            raise NotObtainedError(
                f"the token of {self._where()} had expired on arrival: compare the clocks of this machine and of the "
                "issuer"
            )
        return lifetime

    def _refusal(self, error: HTTPError) -> NotObtainedError:
        said = _oauth_error(error)
        answered = f"{self._where()} answered {error.code}{f' {said}' if said else ''}"
        wait = _seconds(error.headers.get("Retry-After"))
        if error.code >= 500 or error.code in _PASSING:
            return NotObtainedError(f"{answered}: it is down or busy", retry_after=wait)
        if said == "invalid_grant":
            text = "the long-lived token has expired or was revoked; get a new one and start the broker again"
        elif said in {"invalid_client", "unauthorized_client"}:
            text = "it does not know the client; give the one that the long-lived token was issued for by --client-id"
        else:
            text = "compare --issuer-url and --client-id with what the issuer documents"
        return NotObtainedError(f"{answered}: {text}", final=True)

    def _outage(self, error: Exception) -> NotObtainedError:
        reason = error.reason if isinstance(error, URLError) else error
        said = getattr(reason, "strerror", None) or getattr(reason, "verify_message", None) or type(reason).__name__
        if isinstance(reason, TimeoutError):
            said = f"no answer within {self._timeout:g} s"
        return NotObtainedError(f"{self._where()} cannot be reached: {said}")

    def _where(self) -> str:
        parts = urlsplit(self._url)
        return f"the issuer {parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _oauth_error(error: HTTPError) -> str:
    """The issuer's error code; its description is left out, since it may repeat the token."""
    try:
        code = json.loads(error.read(_LARGEST_ANSWER))["error"]
    except (OSError, HTTPException, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return code if isinstance(code, str) and _OAUTH_ERROR.fullmatch(code) else ""


def _seconds(header: str | None) -> float | None:
    return float(header) if header is not None and re.fullmatch(r"\d{1,6}", header) else None
