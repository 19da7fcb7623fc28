"""Asks an ASGI application without any socket."""

from __future__ import annotations

import asyncio

import httpx


class AsgiClient:
    """One request after the other, each in an event loop of its own.

    Args:
        app: The application.
        base_url: What clients take for its address.
    """

    def __init__(self, app, base_url="http://service.example"):
        self._app = app
        self._base_url = base_url

    def request(self, method, path, **options):
        """Send a request; options are those of httpx."""
        return asyncio.run(self._send(method, path, options))

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)

    def start_and_end(self):
        """Let the application start and end, as a server does."""

        async def live():
            async with self._app.router.lifespan_context(self._app):
                pass

        asyncio.run(live())

    async def _send(self, method, path, options):
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url=self._base_url) as client:
            return await client.request(method, path, **options)
