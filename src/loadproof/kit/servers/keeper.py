"""Keeping one short-lived token: renewed ahead of its expiry, by one caller at a time.

The broker and the token providers of locustfiles keep their tokens by these same rules. Nothing here knows where a
token comes from, and nothing here sleeps.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FORCED_APART = 5.0
"""Seconds between two renewals of tokens that were refused before their time: a service that refuses every token must
not have a new one made for each request."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after failures in a row: doubling, with jitter, up to a limit.

    Attributes:
        first: Seconds after the first failure, before the jitter.
        longest: Seconds that no wait exceeds.
    """

    first: float = 0.5
    longest: float = 30.0

    def after(self, failures: int, draw: float) -> float:
        """Seconds to wait after so many failures in a row.

        Args:
            failures: From 1 on.
            draw: From 0 to 1; takes up to half of the wait away, so that many do not come back at once.
        """
        return float(min(self.longest, self.first * 2 ** min(failures - 1, 30)) * (1 - draw / 2))


def _sleep(seconds: float) -> None:
    time.sleep(seconds)  # looked up at each call: gevent may replace it after this module is imported


@dataclass(frozen=True, slots=True)
class Timing:
    """The clocks that tokens are kept by.

    Attributes:
        backoff: How long to wait after failures.
        clock: Seconds on a clock that never steps.
        now: Seconds since 1970, which tokens say their expiry in.
        sleep: Waits so many seconds.
    """

    backoff: Backoff = Backoff()
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = _sleep


@dataclass(frozen=True, slots=True)
class Grant:
    """A token as it was just received.

    Attributes:
        token: The token itself; in no ``repr``.
        lifetime: Seconds that it is still good for; None when nobody says, and only a refusal ends it.
    """

    token: str
    lifetime: float | None

    def __repr__(self) -> str:
        return f"Grant(lifetime={self.lifetime})"


@dataclass(frozen=True, slots=True)
class Kept:
    """A token that is kept.

    Attributes:
        token: The token itself; in no ``repr``.
        renew_at: When to ask for the next one, on the keeper's clock.
        expires_at: When it is worth nothing any more, on the keeper's clock.
    """

    token: str
    renew_at: float
    expires_at: float

    def __repr__(self) -> str:
        return f"Kept(renew_at={self.renew_at}, expires_at={self.expires_at})"


class NotObtainedError(Exception):
    """No token was to be had; the message says why, without any secret.

    Attributes:
        final: Whether asking again in the same way is pointless.
        retry_after: Seconds until it is worth asking again; None from those who leave that to the backoff.
    """

    def __init__(self, message: str, *, final: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.final = final
        self.retry_after = retry_after


class Keeper:
    """Keeps one token for many callers, in threads or greenlets.

    One caller at a time asks for a new token while all others wait for what it gets. A failure starts a backoff; while
    it lasts nobody asks, and a token that is still valid is served although it should be renewed.

    Args:
        obtain: Gets a new token, once; raises ``NotObtainedError``.
        leeway: Seconds before its expiry at which a token is renewed; at most half of the time that it has left when
            it arrives, so that short-lived tokens are not renewed at each call.
        backoff: How long to wait after failures.
        clock: Seconds on a clock that never steps.
        draw: Draws the jitter, from 0 to 1.
    """

    def __init__(
        self,
        obtain: Callable[[], Grant],
        *,
        leeway: float,
        backoff: Backoff = Backoff(),
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._obtain = obtain
        self._leeway = leeway
        self._backoff = backoff
        self._clock = clock
        self._draw = draw
        self._changed = threading.Condition()
        self._kept: Kept | None = None
        self._refused = False
        self._asking = False
        self._failures = 0
        self._last_failure = NotObtainedError("nobody has asked for a token yet")
        self._not_before = self._no_renewal_before = -math.inf

    def current(self) -> Kept:
        """The token to use now; asks for a new one, or waits for whoever does, when it is time.

        Raises:
            NotObtainedError: There is no valid token; ``retry_after`` is set.
        """
        kept = self._kept
        if kept is not None and not self._refused and self._clock() < kept.renew_at:
            return kept
        return self._renewed(old_will_do=True)

    def renew(self, refused: str) -> Kept:
        """Another token than one that was refused; the same one when it was renewed too short a time ago.

        Raises:
            NotObtainedError: No other one is to be had; the old one stays for ``current`` while it is valid.
        """
        with self._changed:
            if self._kept is not None and self._kept.token == refused and not self._refused:
                now = self._clock()
                if now < self._no_renewal_before:
                    return self._kept
                self._refused = True
                self._no_renewal_before = now + FORCED_APART
        return self._renewed(old_will_do=False)

    def peek(self) -> float | None:
        """Seconds that the kept token is still valid; None without a valid one. Asks nobody."""
        kept = self._kept
        left = -1.0 if kept is None else kept.expires_at - self._clock()
        return left if left > 0 else None

    def _renewed(self, *, old_will_do: bool) -> Kept:
        while True:
            with self._changed:
                now = self._clock()
                if self._kept is not None and not self._refused and now < self._kept.renew_at:
                    return self._kept
                if self._asking:
                    self._changed.wait()
                    continue
                if now < self._not_before:
                    if old_will_do and self._kept is not None and now < self._kept.expires_at:
                        return self._kept
                    wait = self._not_before - now
                    raise NotObtainedError(str(self._last_failure), final=self._last_failure.final, retry_after=wait)
                self._asking = True
            if (kept := self._ask()) is not None:
                return kept  # however short its life: asking on would not end

    def _ask(self) -> Kept | None:
        grant = failure = None
        try:
            grant = self._obtain()
        except NotObtainedError as error:
            failure = error
        finally:  # also when the caller was killed: whoever waits must ask instead
            with self._changed:
                self._asking = False
                if failure is not None:
                    self._note_failure(failure)
                self._changed.notify_all()
                kept = None if grant is None else self._keep(grant)
        return kept

    def _keep(self, grant: Grant) -> Kept:
        now = self._clock()
        lifetime = math.inf if grant.lifetime is None else grant.lifetime
        self._kept = Kept(grant.token, now + lifetime - min(self._leeway, lifetime / 2), now + lifetime)
        self._refused = False
        self._failures = 0
        return self._kept

    def _note_failure(self, failure: NotObtainedError) -> None:
        self._failures += 1
        wait = self._backoff.longest if failure.final else self._backoff.after(self._failures, self._draw())
        self._not_before = self._clock() + min(max(wait, failure.retry_after or 0.0), self._backoff.longest)
        self._last_failure = failure


def expiry_of(token: str) -> float | None:
    """``exp`` of a JWT, in seconds since 1970; nothing is verified. None when the token has none, or is no JWT."""
    return seconds_of(claims_of(token).get("exp"))


def seconds_of(value: object) -> float | None:
    """A number of seconds out of JSON; None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) else None


def claims_of(token: str) -> dict[str, object]:
    """The claims of a JWT; nothing is verified. Empty when it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        decoded = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = json.loads(decoded)
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def is_sendable(token: str) -> bool:
    """Whether a text can be a token in a header: printable ASCII without spaces, 16 kB at most."""
    return 0 < len(token) <= 16_384 and all("!" <= character <= "~" for character in token)


def fingerprint(token: str) -> str:
    """Tells tokens apart without showing them: the first 16 hexadecimal digits of SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]
