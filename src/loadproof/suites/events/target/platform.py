"""What every handler is given: the parts of the running platform, and who is calling."""

import json
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, HTTPException, Request
from fastapi.responses import JSONResponse
from sqlalchemy import select

from loadproof.suites.events.target.board import Board
from loadproof.suites.events.target.database import Database
from loadproof.suites.events.target.mail import Mailer
from loadproof.suites.events.target.settings import PlatformSettings
from loadproof.suites.events.target.tables import User
from loadproof.suites.events.target.tokens import ACCESS, BadTokenError, TokenSigner

ENTRY_CALLS = (100, 60.0)
"""With throttling on: sign-ins per address and window (seconds)."""

REGISTRATIONS = (100, 86400.0)
"""With throttling on: registrations per address and window (seconds)."""


@dataclass(frozen=True)
class Platform:
    """The parts of a running platform."""

    settings: PlatformSettings
    database: Database
    board: Board
    mailer: Mailer
    signer: TokenSigner

    def access_lifetime(self) -> float:
        """Seconds that an access token issued now is valid."""
        return self.board.faults().access_lifetime or self.settings.access_lifetime

    def throttle(self, request: Request, what: str, limit: tuple[int, float]) -> None:
        """Count a call against its client's limit, where throttling is on.

        Raises:
            HTTPException: 429, the limit is used up.
        """
        if not self.settings.throttling:
            return
        address = request.client.host if request.client else "unknown"
        calls, window = limit
        if self.board.hits(f"{what}:{address}", window) > calls:
            raise HTTPException(429, "Request was throttled.", headers={"Retry-After": str(int(window))})

    def close(self) -> None:
        """Stop what runs beside the handlers."""
        self.mailer.close()
        self.board.close()
        self.database.close()


class Refused(Exception):  # noqa: N818 - a decision of the platform, not a mistake
    """An answer that is no success, with a body of its own.

    Args:
        status: HTTP status.
        body: Answered as JSON.
    """

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, json.dumps(body))
        self.status = status
        self.body = body


async def answer_refusal(_request: Request, refusal: Exception) -> JSONResponse:
    """The answer to a call that was refused."""
    assert isinstance(refusal, Refused)
    return JSONResponse(refusal.body, refusal.status)


async def _platform(request: Request) -> Platform:
    platform: Platform = request.app.state.platform
    return platform


Wired = Annotated[Platform, Depends(_platform)]


def unauthorized(detail: str) -> HTTPException:
    """The answer to somebody whom the platform does not know."""
    return HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})


def _caller(request: Request, platform: Wired) -> User:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthorized("Authentication credentials were not provided.")
    try:
        claims = platform.signer.read(token.strip(), ACCESS)
    except BadTokenError as error:
        raise unauthorized(str(error)) from None
    with platform.database.read() as session:
        user = session.scalar(select(User).where(User.id == UUID(claims["user_id"])))
    if user is None:
        raise unauthorized("User not found")
    return user


Caller = Annotated[User, Depends(_caller)]
"""Whoever sent a valid access token; anybody else is answered 401."""
