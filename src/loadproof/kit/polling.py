"""Waiting for what takes its time, and the time of a flow over several requests as an entry of its own."""

from __future__ import annotations

import random
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Self, TypeVar

import gevent
import locust
from locust.exception import (
    CatchResponseError,
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)

from loadproof.plan.redact import redact_text
from loadproof.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

T = TypeVar("T")

CONTROL = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser)
"""What leaves a block without saying whether it went well."""


class PollTimeout(TimeoutError):  # noqa: N818 - it reads as what happened, as Locust's own exceptions do
    """What was waited for did not come in time.

    The text names the limit alone: times that differ would make a row of their own for each failure.

    Args:
        limit: Seconds it had.
        waited: Seconds from the first check to the end of the last.
        checks: How often it was looked for.
    """

    def __init__(self, limit: float, waited: float, checks: int) -> None:
        super().__init__(f"not there within {format_duration(limit)}")
        self.limit = limit
        self.waited = waited
        self.checks = checks


class PollFailed(Exception):  # noqa: N818 - see PollTimeout
    """What was waited for will never come: raise it in a check, as in ``raise PollFailed("state FAILED")``.

    Args:
        reason: Why, without what changes from one to the next, as failures are counted by their text; secrets in it
            are hidden.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(redact_text(reason))


def poll(check: Callable[[], T | None], *, timeout: float, interval: float = 1.0, jitter: float = 0.0) -> T:
    """Check until there is an answer.

    Args:
        check: Gives None while there is none yet; anything else is the answer, 0, False and "" too. It raises
            ``PollFailed`` once there can be none.
        timeout: Seconds from the call on, on a monotonic clock; the time that checks take is part of it. The last
            check begins when they are over. One that is under way is not cut off.
        interval: Seconds from the end of a check to the next one; more than 0.
        jitter: Share of the interval, 0 to 1, by which each pause is longer or shorter at random, so that users that
            began together do not all ask together.

    Returns:
        What ``check`` gave.

    Raises:
        PollTimeout: Time is up.
        ValueError: An argument is outside of its range.
    """
    if not interval > 0 or not timeout >= 0 or not 0 <= jitter <= 1:
        given = f"timeout={timeout}, interval={interval}, jitter={jitter}"
        raise ValueError(f"poll needs timeout >= 0, interval > 0 and 0 <= jitter <= 1, not {given}")
    began = monotonic()
    deadline = began + timeout
    checks = 0
    while True:
        last = monotonic() >= deadline
        checks += 1
        answer = check()
        if answer is not None:
            return answer
        if last:
            raise PollTimeout(timeout, monotonic() - began, checks)
        pause = interval * (1 + jitter * random.uniform(-1, 1))
        gevent.sleep(max(min(pause, deadline - monotonic()), 0))


class Flow:
    """One flow that is going on: a block of several requests, and what it took from start to end.

    It ends in one ``request`` event of its own type. An exception is its failure, and goes on its way, but for
    ``PollTimeout`` and ``PollFailed``, which end here. A flow that is cut off says nothing of the service: one whose
    user is killed, or that ``StopUser``, ``RescheduleTask`` or another of Locust's control exceptions leaves, fires
    nothing, unless it was marked as failed before.

    Args:
        name: Name of the entry.
        kind: Its type.
        reraise: Whether ``PollTimeout`` and ``PollFailed`` go on, too.
    """

    def __init__(self, name: str, *, kind: str, reraise: bool) -> None:
        self._name = name
        self._kind = kind
        self._reraise = reraise
        self._failure: BaseException | None = None
        self._began = 0.0

    def failure(self, reason: str) -> None:
        """Mark it as failed; the block goes on, and its time counts on.

        Args:
            reason: Why, without what changes from one to the next; secrets in it are hidden.
        """
        self._failure = CatchResponseError(redact_text(reason))

    def __enter__(self) -> Self:
        self._began = monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> bool:
        failed = isinstance(error, (Exception, gevent.Timeout)) and not isinstance(error, CONTROL)
        if failed and self._failure is None:
            self._failure = error
        if error is None or failed or self._failure is not None:
            self._fire(monotonic() - self._began)
        return isinstance(error, (PollTimeout, PollFailed)) and not self._reraise

    def _fire(self, seconds: float) -> None:
        user = _user()
        events = locust.events if user is None else user.environment.events
        events.request.fire(
            request_type=self._kind,
            name=self._name,
            response_time=seconds * 1000,
            response_length=0,
            response=None,
            context={} if user is None else {**user.context()},
            exception=self._failure,
            start_time=time() - seconds,  # by the wall clock of now: it may have been set since the flow began
            url=None,
        )


def flow(name: str, *, kind: str = "FLOW", reraise: bool = False) -> Flow:
    """Measure a block of several requests as one entry, for ``with``.

    Loadproof keeps entries of types ``FLOW`` and ``MAIL`` out of totals; ``flow_time`` in rules is that of type
    ``FLOW``. Under plain Locust it is a row like any other, and part of the row ``Aggregated``.

    Args:
        name: Name of the entry.
        kind: Its type: ``FLOW``, or ``MAIL`` for the wait for a mail.
        reraise: Whether ``PollTimeout`` and ``PollFailed`` leave the block, too; other exceptions always do.

    Returns:
        The flow, whose ``failure`` marks it as failed.
    """
    return Flow(name, kind=kind, reraise=reraise)


def _user() -> Any:
    """The user in whose greenlet this runs; None in a greenlet that a script spawned itself."""
    arguments = getattr(gevent.getcurrent(), "args", ())
    return arguments[0] if arguments and hasattr(arguments[0], "environment") else None
