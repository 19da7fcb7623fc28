"""What every request to the API passes first: who asks, and what is made to go wrong."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Path, Request

from loadproof.suites.fleet.target import refusals
from loadproof.suites.fleet.target.observed import template_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadproof.suites.fleet.target.faults import FaultInjector
    from loadproof.suites.fleet.target.issuer import Issuer
    from loadproof.suites.fleet.target.observed import Observed
    from loadproof.suites.fleet.target.refusals import Refusal
    from loadproof.suites.fleet.target.store import Person, Store


@dataclass(frozen=True, slots=True)
class Fleet:
    """The parts of one service.

    Attributes:
        store: Clusters and service accounts.
        issuer: Of its tokens.
        faults: What goes wrong.
        observed: What it saw.
        clock: Seconds since 1970.
    """

    store: Store
    issuer: Issuer
    faults: FaultInjector
    observed: Observed
    clock: Callable[[], float]


class PlainAnswer(Exception):  # noqa: N818 - an answer of the API, not an error of the service
    """A wrong answer that is not even an error object."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Caller:
    """A request that may be served.

    Attributes:
        person: Who asks.
        fleet: The service that is asked.
        base_path: Of the API, under which it was asked.
    """

    person: Person
    fleet: Fleet
    base_path: str

    def happened(self, what: str, identifier: str, name: str = "") -> None:
        """Remember what was created or deleted."""
        owner = self.person.username
        self.fleet.observed.happened(what, at=self.fleet.clock(), id=identifier, name=name, owner=owner)


def base_path_of(request: Request) -> str:
    """Under which of the API's base paths a request came; the first where it came under none."""
    base_paths: tuple[str, ...] = request.app.state.base_paths
    return next((path for path in base_paths if request.url.path.startswith(path)), base_paths[0])


async def admit(request: Request) -> Caller:
    """Let a request in.

    Raises:
        Refusal: The token is not good (401), or a fault wants another answer.
        PlainAnswer: A fault wants an answer in plain text.
    """
    fleet: Fleet = request.app.state.fleet
    delay = fleet.faults.delay()
    if delay:
        await asyncio.sleep(delay)
    person = fleet.issuer.authenticate(request.headers.get("authorization"))
    status = fleet.faults.wrong_answer(request.method, template_of(request.scope, request.app.state.base_paths))
    if status is not None:
        text = fleet.faults.faults.answer_text
        raise _wrong(status) if text is None else PlainAnswer(status, text)
    return Caller(person, fleet, base_path_of(request))


Identifier = Annotated[str, Path(alias="id")]
"""How a route asks for the ``{id}`` of its path."""

Admitted = Annotated[Caller, Depends(admit)]
"""How a route asks for its caller."""


def _wrong(status: int) -> Refusal:
    if status == 401:
        return refusals.unauthenticated()
    if status == 429:
        return refusals.too_many_requests()
    code, reason = _REASONS.get(status, (9, "Unspecified error"))
    return refusals.Refusal(status, code, reason)


_REASONS = {
    400: (21, "Bad request"),
    403: (4, "Forbidden to perform this action"),
    404: (7, "Resource not found"),
    409: (6, "An entity with the specified unique values already exists"),
}
