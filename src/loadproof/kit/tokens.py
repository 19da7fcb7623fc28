"""What a locustfile shows to get in: tokens of a broker, pairs that rotate, fixed tokens, passwords, API keys.

A provider sets one header on the session of a user. It is never an ``auth=`` callable, which would take every request
off Loadproof's fast path. ``provider.request(client, "GET", url)`` sends with a valid credential; a 401 renews it once
and sends once more, and both requests are recorded.
"""

from __future__ import annotations

import base64
import os
import re
from abc import ABC, abstractmethod
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import ProxyHandler, Request, build_opener

from loadproof.errors import Problem, UsageError
from loadproof.kit.errors import KitError
from loadproof.kit.servers.issuer import NoRedirect
from loadproof.kit.servers.keeper import (
    Grant,
    Keeper,
    Kept,
    NotObtainedError,
    Timing,
    expiry_of,
    fingerprint,
    is_sendable,
    seconds_of,
)
from loadproof.plan.redact import redact_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Pair = Mapping[str, Any]

_UNAUTHORIZED = 401
_PASSING = frozenset({0, 408, 425, 429})
"""Statuses below 500 that say nothing of the credentials; 0: no answer."""

_ONCE_MORE = "HTTP 401: the token was refused; it was renewed and the request sent once more"
_SENT_AGAIN = (bytes, bytearray, str, dict, list, tuple)
"""Bodies that can be sent a second time; iterators and files cannot."""

_TIMING = Timing()
_SECRET_VARIABLE = "LOADPROOF_BROKER_SECRET"  # noqa: S105 - the name of a variable
_LARGEST_ANSWER = 100_000


class TokenError(KitError):
    """A provider could not get a valid token; the text says what failed, where, and what to try.

    Raised in a task it ends the task, raised in ``on_start`` it ends that user; the run goes on either way.

    Attributes:
        what: What failed, and where.
        final: Whether asking again in the same way is pointless: the credentials were refused.
    """

    def __init__(self, what: str, *, hint: str, final: bool = False) -> None:
        self.what = redact_text(what)
        super().__init__(self.what, slug="no-token", hint=hint)
        self.final = final


class Provider(ABC):
    """Something that sets a header on a user's session.

    Attributes:
        header: Name of the header.
    """

    header = "Authorization"

    @abstractmethod
    def value(self) -> str:
        """What the header says now; waits where a token has to be fetched first.

        Raises:
            TokenError: No valid one is to be had.
        """

    def apply(self, client: Any) -> str:
        """Set the header on a session, for all its requests from now on.

        Args:
            client: ``self.client`` of an ``HttpUser`` or a ``FastHttpUser``, or any session with ``headers``.

        Returns:
            What the header says.

        Raises:
            TokenError: No valid token is to be had.
        """
        value = self.value()
        headers = _headers_of(client)
        if headers.get(self.header) != value:
            headers[self.header] = value
        return value

    def request(self, client: Any, method: str, url: str, **options: Any) -> Any:
        """Send a request with a valid credential; after a 401 renew it once, and send once more.

        Both requests are recorded under the same name, the refused one as a failure. There is no second one where the
        provider has nothing to renew, or the body was an iterator or a file, which can be read only once.

        Args:
            client: As for ``apply``.
            method: ``GET``, ``POST``, ...
            url: As for ``client.request``.
            options: Go to ``client.request``: ``name``, ``json``, ``params``, ``catch_response``, ...

        Returns:
            What ``client.request`` gives; with ``catch_response=True`` it belongs into a ``with`` block.

        Raises:
            TokenError: No valid token is to be had.
        """
        shown = self.apply(client)
        response = client.request(method, url, **options)
        if response.status_code != _UNAUTHORIZED or not _can_be_sent_again(options):
            return response
        try:
            renewed = self.on_unauthorized(client, shown)
        except BaseException:  # also when the user is stopped meanwhile
            _report_refusal(response, options, "HTTP 401: the token was refused, and no other one was to be had")
            raise
        if not renewed:
            return response
        _report_refusal(response, options, _ONCE_MORE)
        return client.request(method, url, **options)

    def on_unauthorized(self, client: Any, shown: str) -> bool:  # noqa: ARG002 - for those that can renew
        """Renew what the service refused; ``request`` calls it after a 401.

        Users that were refused with the same token share one renewal.

        Args:
            client: The session to set the new credential on.
            shown: What the header said, as ``apply`` gave it.

        Returns:
            Whether the session has another credential now, so that the request is worth sending once more.

        Raises:
            TokenError: No other token is to be had.
        """
        return False


class StaticToken(Provider):
    """A token that stays as it is.

    Args:
        token: The token; a ``str`` or a ``SecretStr``.
        scheme: Word before it.

    Raises:
        UsageError: It cannot stand in a header.
    """

    def __init__(self, token: Any, scheme: str = "Bearer") -> None:
        self._value = f"{scheme} {_word('StaticToken', token)}"

    def value(self) -> str:
        """The scheme and the token."""
        return self._value


class BasicAuth(Provider):
    """A user name and a password (RFC 7617, in UTF-8).

    Args:
        user: Without a colon.
        password: A ``str`` or a ``SecretStr``.

    Raises:
        UsageError: The user name has a colon.
    """

    def __init__(self, user: str, password: Any) -> None:
        if ":" in user:
            raise _misused("BasicAuth", "a user name with a colon cannot be told from its password")
        encoded = base64.b64encode(f"{user}:{_revealed(password)}".encode()).decode()
        self._value = f"Basic {encoded}"

    def value(self) -> str:
        """``Basic`` and both, encoded."""
        return self._value


class ApiKey(Provider):
    """A key in a header of its own.

    Args:
        header: Name of the header, such as ``X-API-Key``.
        value: The key; a ``str`` or a ``SecretStr``.

    Raises:
        UsageError: Name or key cannot stand in a header.
    """

    def __init__(self, header: str, value: Any) -> None:
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", header):
            raise _misused("ApiKey", f"{header!r} is no name of a header")
        self.header = header
        self._value = _word("ApiKey", value)

    def value(self) -> str:
        """The key."""
        return self._value


class RenewedToken(Provider):
    """A bearer token that is renewed ahead of its expiry, by one user at a time.

    Args:
        obtain: Gets a new token, once; raises ``NotObtainedError``.
        hint: What to try when none is to be had.
        leeway: Seconds before its expiry at which a token is renewed; at most half of its life.
        attempts: How often it is tried before a ``TokenError``.
        timing: How long to wait between the attempts, and by which clocks.
    """

    def __init__(self, obtain: Callable[[], Grant], *, hint: str, leeway: float, attempts: int, timing: Timing) -> None:
        self._keeper = Keeper(obtain, leeway=leeway, backoff=timing.backoff, clock=timing.clock)
        self._hint = hint
        self._attempts = attempts
        self._first_pause = timing.backoff.first
        self._sleep = timing.sleep

    def value(self) -> str:
        """``Bearer`` and the token."""
        return f"Bearer {self._patiently(self._keeper.current).token}"

    def on_unauthorized(self, client: Any, shown: str) -> bool:
        """Renew the token unless somebody has done so since; see ``Provider``.

        A service that refuses every token has a new one made every five seconds at most; in between its 401s stand.
        """
        refused = shown.removeprefix("Bearer ")
        if self._patiently(lambda: self._keeper.renew(refused)).token == refused:
            return False
        self.apply(client)
        return True

    def _patiently(self, get: Callable[[], Kept]) -> Kept:
        for _ in range(self._attempts - 1):
            try:
                return get()
            except NotObtainedError as error:
                if error.final:
                    raise self._given_up(error) from None
                self._sleep(error.retry_after or self._first_pause)
        try:
            return get()
        except NotObtainedError as error:
            raise self._given_up(error) from None

    def _given_up(self, error: NotObtainedError) -> TokenError:
        # Tasks come back at once after an error: without a pause, a refused login would become a loop.
        self._sleep(self._first_pause)
        return TokenError(str(error), hint=self._hint, final=error.final)


class BrokerTokens(RenewedToken):
    """The tokens of a broker, shared by all users of a process.

    What the broker is asked is no request of the service under test: it is in no statistics.

    Args:
        url: The broker's address; ``/ocm_token`` is its path where none is given.
        leeway: Seconds before its expiry at which a token is fetched anew; at most half of what it has left when it
            arrives.
        secret: What a broker off loopback asks for; None takes ``LOADPROOF_BROKER_SECRET``.
        attempts: How often the broker is asked before a ``TokenError``.
        timeout: Seconds that one answer of the broker may take.
        timing: How long to wait between the attempts, and by which clocks.

    Raises:
        UsageError: The address is none, or the secret cannot stand in a header.
    """

    def __init__(
        self,
        url: str,
        *,
        leeway: float = 30.0,
        secret: Any = None,
        attempts: int = 6,
        timeout: float = 10.0,
        timing: Timing = _TIMING,
    ) -> None:
        self._url = _broker_url(url)
        self._secret = _revealed(secret) if secret is not None else os.environ.get(_SECRET_VARIABLE, "").strip()
        if self._secret and not is_sendable(self._secret):
            raise _misused("BrokerTokens", "the secret has spaces or letters beyond ASCII")
        self._timeout = timeout
        self._now = timing.now
        self._refused = ""
        self._opener = build_opener(ProxyHandler({}), NoRedirect)
        hint = f"is the broker running? curl {self._url.removesuffix(urlsplit(self._url).path)}/health shows its state"
        super().__init__(self._fetch, hint=hint, leeway=leeway, attempts=attempts, timing=timing)

    def on_unauthorized(self, client: Any, shown: str) -> bool:
        """Fetch another token, and tell the broker which one was refused; see ``Provider``."""
        self._refused = fingerprint(shown.removeprefix("Bearer "))
        return super().on_unauthorized(client, shown)

    def _fetch(self) -> Grant:
        headers = {"User-Agent": "loadproof"}
        if self._secret:
            headers["X-Loadproof-Broker-Secret"] = self._secret
        if self._refused:
            headers["X-Loadproof-Refused"] = self._refused
        try:
            with self._opener.open(Request(self._url, headers=headers), timeout=self._timeout) as answer:  # noqa: S310 - the scheme was checked
                token = answer.read(_LARGEST_ANSWER).decode("latin-1").strip()
        except HTTPError as error:
            with error:
                raise self._refusal(error) from None
        except (OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            said = getattr(reason, "strerror", None) or type(reason).__name__
            raise NotObtainedError(f"the token broker at {self._url} does not answer: {said}") from None
        self._refused = ""
        return self._checked(token)

    def _checked(self, token: str) -> Grant:
        if not is_sendable(token):
            raise NotObtainedError(f"what {self._url} answers is no token", final=True)
        expiry = expiry_of(token)
        if expiry is None:
            return Grant(token, None)
        lifetime = expiry - self._now()
        if lifetime <= 0:
            raise NotObtainedError(
                f"the token of {self._url} had expired on arrival: compare this machine's clock with the issuer's"
            )
        return Grant(token, lifetime)

    def _refusal(self, error: HTTPError) -> NotObtainedError:
        answered = f"the token broker at {self._url} answered {error.code}"
        if error.code == _UNAUTHORIZED:
            return NotObtainedError(f"{answered}: its shared secret belongs into {_SECRET_VARIABLE}", final=True)
        if error.code < 500 and error.code not in _PASSING:
            return NotObtainedError(f"{answered}: is this its /ocm_token?", final=True)
        wait = error.headers.get("Retry-After") or ""
        said = _first_line(error)
        seconds = float(wait) if re.fullmatch(r"\d{1,4}", wait) else None
        return NotObtainedError(f"{answered}{f': {said}' if said else ''}", retry_after=seconds)


class JwtPair(RenewedToken):
    """An access token and the refresh token that renews it, of one user.

    The refresh token is replaced by the one that a renewal brings, if it brings one. When the service refuses it, the
    user logs in again. Users that share one ``JwtPair`` share its session.

    Args:
        login: Logs in and gives the service's JSON object; ``fetch_pair`` is made for that.
        refresh: Takes the refresh token and gives the service's JSON object; None logs in each time.
        access_key: Where the object has the access token.
        refresh_key: Where it has the refresh token.
        leeway: Seconds before its expiry at which an access token is renewed; at most half of its life. One whose
            expiry nobody says (``exp`` in the token, ``expires_in`` beside it) is renewed after a 401.
        attempts: How often it is tried, when the service does not answer, before a ``TokenError``; refused credentials
            are not tried twice.
        timing: How long to wait between the attempts, and by which clocks.
    """

    def __init__(
        self,
        login: Callable[[], Pair],
        refresh: Callable[[str], Pair] | None = None,
        *,
        access_key: str = "access",
        refresh_key: str = "refresh",
        leeway: float = 30.0,
        attempts: int = 3,
        timing: Timing = _TIMING,
    ) -> None:
        self._login = login
        self._refresh = refresh
        self._access_key = access_key
        self._refresh_key = refresh_key
        self._refresh_token: str | None = None
        self._now = timing.now
        hint = "is the account there, active and verified, and is its password right?"
        super().__init__(self._next, hint=hint, leeway=leeway, attempts=attempts, timing=timing)

    def _next(self) -> Grant:
        try:
            if self._refresh is not None and self._refresh_token is not None:
                try:
                    return self._accept(self._refresh(self._refresh_token))
                except TokenError as error:
                    if not error.final:
                        raise
                self._refresh_token = None  # refused: another try with it would be refused as well
            return self._accept(self._login())
        except TokenError as error:
            raise NotObtainedError(error.what, final=error.final) from None

    def _accept(self, pair: Pair) -> Grant:
        access, rotated = pair.get(self._access_key), pair.get(self._refresh_key)
        if not isinstance(access, str) or not is_sendable(access):
            raise TokenError(
                f"the service gave no access token under {self._access_key!r}", hint="see access_key", final=True
            )
        if isinstance(rotated, str) and rotated:
            self._refresh_token = rotated
        return Grant(access, self._lifetime(access, pair.get("expires_in")))

    def _lifetime(self, access: str, expires_in: object) -> float | None:
        """Seconds; None when nobody says, or when by this machine's clock it is over: then the service decides."""
        expiry = expiry_of(access)
        left = seconds_of(expires_in) if expiry is None else expiry - self._now()
        return left if left is not None and left > 0 else None


def fetch_pair(client: Any, url: str, *, json: Any, name: str | None = None, **options: Any) -> dict[str, Any]:
    """Post credentials or a refresh token over the user's own client, as a recorded request.

    The session's ``Authorization`` is left out of it: a stale one would be refused before the body is read.

    Args:
        client: ``self.client`` of an ``HttpUser`` or a ``FastHttpUser``.
        url: Where tokens are given out.
        json: What the service wants to see.
        name: Name of the entry; the URL's path without.
        options: Go to ``client.request``.

    Returns:
        The JSON object of the answer.

    Raises:
        TokenError: There is no answer, or one that is no JSON object with a 2xx status; the request counts as failed.
    """
    headers = _headers_of(client)
    stale = headers.pop("Authorization", None)
    try:
        with client.request("POST", url, json=json, name=name, catch_response=True, **options) as response:
            status = response.status_code or 0
            pair = _json_object(response) if 200 <= status < 300 else None
            if pair is None and 200 <= status < 300:
                response.failure("the answer is no JSON object")
    finally:
        if stale is not None:
            headers["Authorization"] = stale
    if pair is not None:
        return pair
    said = f"answered {status}" if status else "does not answer"
    if 200 <= status < 300:
        said += ", but no JSON object"
    passing = status >= 500 or status in _PASSING
    raise TokenError(f"POST {name or url} {said}", hint="see its entry in the failures", final=not passing)


def _headers_of(client: Any) -> Any:
    """The headers that a session sends with each request."""
    if hasattr(client, "headers"):
        return client.headers
    return client.client.default_headers  # FastHttpUser's


def _can_be_sent_again(options: Mapping[str, Any]) -> bool:
    data = options.get("data")
    return (data is None or isinstance(data, _SENT_AGAIN)) and not options.get("files")


def _report_refusal(response: Any, options: Mapping[str, Any], text: str) -> None:
    """Report a response that no block of the script will see; without ``catch_response`` Locust has done so."""
    if options.get("catch_response"):
        with response:
            response.failure(text)
    if options.get("stream"):
        response.close()


def _json_object(response: Any) -> dict[str, Any] | None:
    try:
        document = response.json()
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _first_line(error: HTTPError) -> str:
    try:
        lines = error.read(_LARGEST_ANSWER).decode("utf-8", "replace").splitlines()
    except (OSError, HTTPException):
        return ""
    return lines[0][:300].removesuffix(".") if lines else ""


def _broker_url(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
        _port = parts.port
    except ValueError:
        usable = False
    if not usable or not is_sendable(url.strip()):
        raise _misused("BrokerTokens", "the address has to be of the form http://host:port")
    path = parts.path if parts.path not in {"", "/"} else "/ocm_token"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _revealed(secret: Any) -> str:
    """A text as it is, a ``SecretStr`` as what it hides."""
    return str(secret.get_secret_value()) if hasattr(secret, "get_secret_value") else str(secret)


def _word(where: str, secret: Any) -> str:
    word = _revealed(secret).strip()
    if not is_sendable(word):
        raise _misused(where, "it is empty, or has spaces or letters beyond ASCII, and cannot stand in a header")
    return word


def _misused(where: str, what: str) -> UsageError:
    return UsageError([Problem("bad-value", where, what)])
