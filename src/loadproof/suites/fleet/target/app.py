"""The service, put together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import ValidationError

from loadproof.suites.fleet.target import accounts, catalogue, kafkas, refusals
from loadproof.suites.fleet.target.admission import Fleet, PlainAnswer, base_path_of
from loadproof.suites.fleet.target.faults import FaultInjector, Faults
from loadproof.suites.fleet.target.issuer import Issuer, issuer_routes
from loadproof.suites.fleet.target.lifecycle import Durations
from loadproof.suites.fleet.target.observed import CountingMiddleware, Observed
from loadproof.suites.fleet.target.store import Person, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fastapi.exceptions import HTTPException

BASE_PATHS = ("/api/managed-services-api/v1", "/api/kafkas_mgmt/v1")
"""Where the API is: its first path, and that of later versions."""

DEFAULT_QUOTA = 5000


def create_fleet(
    *,
    clock: Callable[[], float] = time.time,
    durations: Durations | None = None,
    quota: int = DEFAULT_QUOTA,
    faults: Faults | None = None,
    holders: Mapping[str, Person] | None = None,
    path: str | None = None,
    seed: int = 1,
) -> Fleet:
    """The parts of a service.

    Args:
        clock: Seconds since 1970.
        durations: How long clusters stay in each state.
        quota: Most clusters of one owner.
        faults: What goes wrong from the start.
        holders: Long-lived token to who holds it. Empty: any is good.
        path: File of the database; None keeps it in memory.
        seed: Of the faults that happen at random.
    """
    injector = FaultInjector(faults or Faults(), clock=clock, seed=seed)
    store = Store(clock=clock, durations=durations or Durations(), quota=quota, path=path)
    return Fleet(store, Issuer(holders or {}, injector, clock), injector, Observed(), clock)


def create_app(fleet: Fleet, base_paths: Sequence[str] = BASE_PATHS) -> FastAPI:
    """The service as an ASGI application.

    Args:
        fleet: Its parts.
        base_paths: Where the API is.
    """
    app = FastAPI(title="Fleet API", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.fleet = fleet
    app.state.base_paths = tuple(base_paths)
    for base_path in base_paths:
        app.include_router(kafkas.router, prefix=base_path)
        app.include_router(catalogue.router, prefix=base_path)
        for prefix in accounts.PREFIXES:
            app.include_router(accounts.router, prefix=f"{base_path}{prefix}")
        _add_openapi(app, base_path)
    app.include_router(issuer_routes(fleet.issuer))
    app.include_router(_own_routes(fleet))
    _add_refusals(app)
    app.add_middleware(CountingMiddleware, observed=fleet.observed, base_paths=base_paths)
    return app


def _add_openapi(app: FastAPI, base_path: str) -> None:
    @app.get(f"{base_path}/openapi", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(refusals.Refusal)
    async def refused(request: Request, refusal: refusals.Refusal) -> JSONResponse:
        return JSONResponse(refusal.body(base_path_of(request)), refusal.status)

    @app.exception_handler(PlainAnswer)
    async def plainly(_request: Request, answer: PlainAnswer) -> PlainTextResponse:
        return PlainTextResponse(answer.text, answer.status)

    # Not Starlette's: that is what the router raises where no route takes a request.
    @app.exception_handler(404)
    @app.exception_handler(405)
    async def unrouted(request: Request, error: HTTPException) -> JSONResponse:
        refusal = refusals.Refusal(error.status_code, 21, f"{request.method} {request.url.path}: {error.detail}")
        return JSONResponse(refusal.body(base_path_of(request)), refusal.status)


def _own_routes(fleet: Fleet) -> APIRouter:
    router = APIRouter()

    @router.get("/_state")
    async def state() -> JSONResponse:
        return JSONResponse(_state(fleet))

    @router.get("/_faults")
    async def faults() -> JSONResponse:
        return JSONResponse(fleet.faults.faults.model_dump())

    @router.post("/_faults")
    async def change_faults(changes: dict[str, Any]) -> JSONResponse:
        was_stuck = fleet.faults.faults.stuck_deletion
        try:
            changed = fleet.faults.change(changes)
        except ValidationError as error:
            problems = [{"key": ".".join(map(str, each["loc"])), "problem": each["msg"]} for each in error.errors()]
            return JSONResponse({"problems": problems}, 400)
        if was_stuck and not changed.stuck_deletion:
            fleet.store.release_stuck()
        return JSONResponse(changed.model_dump())

    return router


def _state(fleet: Fleet) -> dict[str, Any]:
    clusters = [
        {"id": row["id"], "name": row["name"], "owner": row["owner"], "status": row["status"]}
        for row in fleet.store.every_kafka()
    ]
    service_accounts = [
        {"id": row["id"], "name": row["name"], "owner": row["owner"], "description": row["description"]}
        for row in fleet.store.every_service_account()
    ]
    counts = fleet.issuer.counts
    return fleet.observed.as_json() | {
        "kafkas": clusters,
        "service_accounts": service_accounts,
        "issuer": {"calls": counts.calls, "issued": counts.issued},
    }
