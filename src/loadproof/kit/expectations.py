"""What answer is right, which conflict is expected, and that all else is a failure with a reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import gevent

from loadproof.kit.polling import CONTROL
from loadproof.plan.redact import redact_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Outcome = Literal["success", "expected", "failure"]
"""What an answer was judged to be."""

SUCCESSFUL = frozenset(range(200, 300))
"""The statuses of answers that did what was asked."""

_BODY_READ = 1024
_BODY_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Judged:
    """The last answer to a request, and what it was judged to be.

    Attributes:
        response: As the client gave it; its entry has been counted.
        outcome: ``success``, ``expected`` or ``failure``.
        attempts: How often the request was sent: 1 without a retry.
    """

    response: Any
    outcome: Outcome
    attempts: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is right for one kind of request.

    Attributes:
        ok: Statuses that are right; 200 to 299 unless said otherwise.
        expected: Statuses that are no success, but right in this test, and why: ``{409: "the name is already used"}``.
            Loadproof counts them apart, Locust as successes.
        check: Looks at an answer with a status of ``ok``: gives None if it is right, and else what is wrong. An
            exception of its own is a failure too, not the end of the task.
        retry_on: Statuses after which ``send`` asks again; 0 is "no answer". Every attempt is counted by itself.
        attempts: Most times that ``send`` asks, the first included.
        pause: Seconds before the second attempt; twice as many before each further one.
        longest_pause: Most seconds before an attempt, also where the service asks for more by ``Retry-After``.
    """

    ok: Iterable[int] = SUCCESSFUL
    expected: Mapping[int, str] = field(default_factory=dict)
    check: Callable[[Any], str | None] | None = None
    retry_on: Iterable[int] = frozenset()
    attempts: int = 3
    pause: float = 1.0
    longest_pause: float = 30.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "ok", frozenset(self.ok))
        object.__setattr__(self, "expected", MappingProxyType(dict(self.expected)))
        object.__setattr__(self, "retry_on", frozenset(self.retry_on))
        if both := sorted(set(self.ok) & set(self.expected)):
            raise ValueError(f"{both} cannot be both ok and expected")
        if both := sorted((set(self.ok) | set(self.expected)) & set(self.retry_on)):
            raise ValueError(f"{both} cannot be both right and a reason to ask again")
        if self.attempts < 1 or not self.pause > 0 or not self.longest_pause > 0:
            raise ValueError("attempts must be at least 1, pause and longest_pause more than 0")

    def judge(self, response: Any) -> Outcome:
        """Mark a response of ``catch_response=True``, inside of its ``with`` block, and say as what."""
        status = response.status_code
        if status in self.expected:
            response.success()
            meta = response.request_meta
            # A new mapping: without a user, Locust gives all requests the same one.
            meta["context"] = {**(meta.get("context") or {}), "outcome": "expected", "why": self.expected[status]}
            return "expected"
        if wrong := self._wrong(response):
            response.failure(wrong)
            return "failure"
        response.success()
        return "success"

    def send(self, call: Callable[..., Any], *args: Any, **options: Any) -> Judged:
        """Send a request, judge its answer, and ask again where ``retry_on`` says so, a bounded number of times.

        Args:
            call: A method of the user's client, such as ``self.client.post``.
            args: Its arguments.
            options: Its options, without ``catch_response``.

        Returns:
            The last answer.
        """
        pause = self.pause
        for attempt in range(1, self.attempts + 1):
            with call(*args, catch_response=True, **options) as response:
                outcome = self.judge(response)
            if attempt == self.attempts or response.status_code not in self.retry_on:
                break
            gevent.sleep(min(max(pause, _retry_after(response)), self.longest_pause))
            pause *= 2
        return Judged(response, outcome, attempt)

    def _wrong(self, response: Any) -> Any:
        """What is wrong with an answer that is no expected conflict; None if nothing is."""
        status = response.status_code
        if not status:
            return getattr(response, "error", None) or "no answer"  # the exception: it is counted by its kind
        if status not in self.ok:
            body = _body_start(response)
            return f"HTTP {status}, expected {_listed(set(self.ok) | set(self.expected))}" + (body and f": {body}")
        if self.check is None:
            return None
        try:
            wrong = self.check(response)
        except CONTROL:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a check stumbles over is wrong with the answer
            wrong = f"the check of the answer raised {type(error).__name__}: {error}"
        return None if wrong is None else redact_text(wrong)


def _listed(statuses: set[int]) -> str:
    """Statuses as people write them: neighbours as a range."""
    parts: list[list[int]] = []
    for status in sorted(statuses):
        if parts and parts[-1][-1] == status - 1:
            parts[-1].append(status)
        else:
            parts.append([status])
    words = [str(part[0]) if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words) or "another one"


def _body_start(response: Any) -> str:
    """The first of a body on one line, without secrets; empty when there is none or it was never read."""
    content = getattr(response, "_content", None)
    if callable(content):  # FastHttpUser's client keeps what was read elsewhere
        content = getattr(response, "_cached_content", None)
    if not isinstance(content, bytes):
        return ""
    text = " ".join(redact_text(content[:_BODY_READ].decode("utf-8", "replace")).split())
    return text if len(text) <= _BODY_SHOWN else f"{text[:_BODY_SHOWN]}…"


def _retry_after(response: Any) -> float:
    """Seconds that the service asks to be left alone; 0 where it does not say, or says a date."""
    value = (response.headers or {}).get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0
