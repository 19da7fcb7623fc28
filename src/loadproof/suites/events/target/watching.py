"""Around every call: counts it by its path template, and lets it fail or wait where a fault says so."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from loadproof.suites.events.target.platform import Platform

CONTROL = ("/_state", "/_faults")
"""Paths that no fault touches and nobody counts."""


class WatchedCalls:
    """An ASGI middleware.

    Args:
        app: What handles the calls.
        platform: Whose faults and counts these are.
    """

    def __init__(self, app: ASGIApp, platform: Platform) -> None:
        self._app = app
        self._board = platform.board
        self._open_at = time.monotonic() + platform.settings.slow_start

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one call."""
        if scope["type"] != "http" or scope["path"] in CONTROL:
            await self._app(scope, receive, send)
            return
        if time.monotonic() < self._open_at:
            starting = JSONResponse({"detail": "The service is starting."}, 503, headers={"Retry-After": "1"})
            await starting(scope, receive, send)
            return
        faults = self._board.faults()
        touched = faults.only in scope["path"]
        if touched and random.random() < faults.slow_share:
            await asyncio.sleep(faults.slow_by)
        if touched and random.random() < faults.fail_share:
            self._board.count(f"calls {scope['method']} (failed on purpose) {faults.fail_status}")
            failure = JSONResponse({"detail": "Failed on purpose."}, faults.fail_status)
            await failure(scope, receive, send)
            return
        await self._app(scope, receive, self._counting(scope, send))

    def _counting(self, scope: Scope, send: Send) -> Send:
        async def forward(message: Message) -> None:
            if message["type"] == "http.response.start":
                template = getattr(scope.get("route"), "path_format", "(no such path)")
                self._board.count(f"calls {scope['method']} {template} {message['status']}")
            await send(message)

        return forward
