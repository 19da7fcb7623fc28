"""Puts strain on an application from outside, and counts what it answered."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from loadproof.suites.services.target.strain import Faults, Strain

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REASONS = {500: "an error that was asked for", 503: "the service is overloaded"}


def add_strain(app: FastAPI, faults: Faults) -> Strain:
    """Let an application slow down and fail, and open ``POST /_faults`` and ``GET /_state`` to this machine.

    Args:
        app: Changed in place.
        faults: At the start.
    """
    strain = Strain(faults, time.monotonic)
    answered: Counter[tuple[str, int]] = Counter()

    @app.post("/_faults", include_in_schema=False)
    async def change_faults(request: Request) -> dict[str, Any]:
        _refuse_strangers(request)
        try:
            strain.faults = Faults.model_validate(strain.faults.model_dump() | await request.json())
        except (ValidationError, ValueError, TypeError) as error:
            raise HTTPException(422, str(error)) from error
        return strain.faults.model_dump()

    @app.get("/_state", include_in_schema=False)
    async def state(request: Request) -> dict[str, Any]:
        _refuse_strangers(request)
        paths: Counter[str] = Counter()
        statuses: Counter[str] = Counter()
        for (path, status), count in answered.items():
            paths[path] += count
            statuses[str(status)] += count
        return {"requests": answered.total(), "paths": paths, "statuses": statuses, "users": strain.users}

    app.add_middleware(_Overload, strain=strain, answered=answered)
    return strain


def _refuse_strangers(request: Request) -> None:
    """Both change or show more than the service's own users may know."""
    if request.client is None or not ipaddress.ip_address(request.client.host).is_loopback:
        raise HTTPException(403, "only from this machine")


class _Overload:
    """Delays and refuses requests before the application sees them."""

    def __init__(self, app: ASGIApp, strain: Strain, answered: Counter[tuple[str, int]]) -> None:
        self._app = app
        self._strain = strain
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"].startswith("/_"):
            await self._app(scope, receive, send)
            return

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answered[scope["path"], message["status"]] += 1
            await send(message)

        client = scope["client"]
        try:
            fate = self._strain.arrive(client)
            if fate.delay > 0:
                await asyncio.sleep(fate.delay)
            if fate.status is None:
                await self._app(scope, receive, counting)
            else:
                await JSONResponse({"detail": _REASONS[fate.status]}, fate.status)(scope, receive, counting)
        finally:
            self._strain.leave(client)
