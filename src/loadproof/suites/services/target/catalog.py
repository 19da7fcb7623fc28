"""The three services, as applications."""

from __future__ import annotations

import hmac
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from loadproof.suites.services.target.answers import certificate_list, revocation_list

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_VERSION = "1.0.0"
_HOME = "<!doctype html><html lang=en><title>Marty</title><h1>Marty</h1><p><a href=/docs>API</a></p></html>"


def pkd_service(api_key: str) -> FastAPI:
    """The public key directory: lists of certificates, for holders of the API key."""
    app = _application("PKD Service")
    lists = {
        "masterlist": certificate_list("CSCA", 10),
        "dsclist": certificate_list("DSC", 20),
        "crl": revocation_list(),
    }
    guarded = APIRouter(prefix="/v1", dependencies=[Depends(_key_check(api_key))])
    for name, body in lists.items():
        _add_fixed(guarded, f"/{name}", JSONResponse(body))
    app.include_router(guarded)
    _add_fixed(app, "/", JSONResponse({"message": "PKD Service", "docs": "/docs", "version": _VERSION}))
    return app


def document_processing(api_key: str) -> FastAPI:
    """Reads documents; here it only says how it fares, to holders of the API key."""
    app = _application("Document Processing")
    started = time.monotonic()
    guarded = APIRouter(prefix="/api", dependencies=[Depends(_key_check(api_key))])

    @guarded.get("/health")
    async def health() -> dict[str, Any]:
        uptime = round(time.monotonic() - started, 3)
        return {"status": "ready", "version": _VERSION, "uptimeSec": uptime, "license": "valid"}

    @guarded.get("/ping", response_class=PlainTextResponse)
    async def ping() -> str:
        return "OK"

    app.include_router(guarded)
    _add_fixed(app, "/", JSONResponse({"message": "Document Processing", "docs": "/docs", "version": _VERSION}))
    return app


def ui_app(api_key: str) -> FastAPI:  # noqa: ARG001 - all services are built alike; this one is open to everybody
    """The web interface."""
    app = _application("UI App")

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "healthy", "environment": "development", "timestamp": datetime.now(UTC).isoformat()}

    _add_fixed(app, "/", HTMLResponse(_HOME))
    return app


BUILDERS: dict[str, Callable[[str], FastAPI]] = {
    "pkd_service": pkd_service,
    "document_processing": document_processing,
    "ui_app": ui_app,
}
"""Makes the application of each service; the argument is the API key that it accepts."""


def _application(title: str) -> FastAPI:
    return FastAPI(title=title, version=_VERSION, redoc_url=None)


def _add_fixed(router: FastAPI | APIRouter, path: str, answer: Response) -> None:
    """Answer GET with the same all the time: it is rendered once."""

    async def fixed() -> Response:
        return answer

    router.add_api_route(path, fixed, methods=["GET"], response_model=None)


def _key_check(api_key: str) -> Callable[..., Awaitable[None]]:
    """A dependency that refuses requests without the key, in the words of the real services."""

    async def check(x_api_key: Annotated[str | None, Header()] = None) -> None:
        if x_api_key is None:
            raise HTTPException(401, "API Key header is missing")
        if not hmac.compare_digest(x_api_key.encode(), api_key.encode()):
            raise HTTPException(401, "Invalid API Key")

    return check
