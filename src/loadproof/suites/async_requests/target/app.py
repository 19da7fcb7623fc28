"""The request API over HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Header, HTTPException, Query, Response
from pydantic import BaseModel, Field

from loadproof.suites.async_requests.target.contract import NewRequest, Request  # noqa: TC001 - FastAPI reads them
from loadproof.suites.async_requests.target.jobs import Job, QueueUnreachableError
from loadproof.suites.async_requests.target.pages import matching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from loadproof.suites.async_requests.target.jobs import JobQueue
    from loadproof.suites.async_requests.target.store import RequestStore

NAME, VERSION = "request-api", "0.1.0"


class Faults(BaseModel):
    """How the service behaves; ``POST /_faults`` changes what its body names.

    Attributes:
        job_seconds: How long a worker is busy with a job.
        failing_share: Share of the jobs that end in FAILED.
        refused_share: Share of the new requests that are answered 503.
    """

    job_seconds: float = Field(5.0, ge=0)
    failing_share: float = Field(0.0, ge=0, le=1)
    refused_share: float = Field(0.0, ge=0, le=1)


@dataclass
class _Draws:
    """Which requests fail: the n-th draw depends on the seed alone."""

    seed: int
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._failing = Random(f"{self.seed} failing")
        self._refused = Random(f"{self.seed} refused")

    def fails(self, share: float) -> bool:
        with self._lock:
            return self._failing.random() < share

    def is_refused(self, share: float) -> bool:
        with self._lock:
            return self._refused.random() < share


def create_app(store: RequestStore, jobs: JobQueue, *, faults: Faults, seed: int) -> FastAPI:
    """The service; at its end it closes queue and store.

    Args:
        store: Where requests are kept.
        jobs: Where their jobs go.
        faults: How it behaves at first.
        seed: Decides which jobs fail and which requests are refused.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        jobs.close()
        store.close()

    app = FastAPI(title=NAME, version=VERSION, lifespan=lifespan)
    _serve_requests(app, store, jobs, faults, _Draws(seed))
    _serve_results(app, store)
    _serve_condition(app, store, jobs)
    _serve_faults(app, store, faults)
    return app


def _serve_requests(app: FastAPI, store: RequestStore, jobs: JobQueue, faults: Faults, draws: _Draws) -> None:
    @app.post("/requests", status_code=202)
    def create_request(new: NewRequest, response: Response, host: Annotated[str, Header()] = "") -> Request:
        if draws.is_refused(faults.refused_share):
            raise _refusal(503, "The request could not be taken")
        request = store.add(new.params.model_dump(mode="json"))
        job = Job(request.id, faults.job_seconds, draws.fails(faults.failing_share))
        try:
            jobs.submit(job)
        except QueueUnreachableError as error:
            store.finish(request.id, "FAILED", {"data": None, "error": {"errMsg": "The queue cannot be reached"}})
            raise _refusal(500, "The queue cannot be reached") from error
        # The dollar sign is the service's own: its clients have learnt to read the id from the body.
        response.headers["Location"] = f"${host}/requests/{request.id}"
        return request

    @app.get("/requests/{request_id}")
    def read_request(request_id: str) -> Request:
        return _found(store, request_id)


def _serve_results(app: FastAPI, store: RequestStore) -> None:
    @app.get("/requests/{request_id}/response-details")
    def read_details(
        response: Response,
        request_id: str,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        jsonpath: str | None = None,
    ) -> list[dict[str, Any]]:
        _found(store, request_id)
        rows = store.details(request_id)
        if jsonpath is not None:
            try:
                rows = matching(rows, jsonpath)
            except ValueError as error:
                raise _refusal(422, str(error)) from error
        response.headers["X-Pagination-Total-Results"] = str(len(rows))
        response.headers["X-Pagination-Offset"] = str(offset)
        response.headers["X-Pagination-Limit"] = str(limit)
        return rows[offset : offset + limit]


def _serve_condition(app: FastAPI, store: RequestStore, jobs: JobQueue) -> None:
    @app.get("/health")
    def read_health(response: Response) -> dict[str, Any]:
        store.counts()
        is_healthy = jobs.is_reachable()
        response.status_code = 200 if is_healthy else 500
        dependencies = [
            {"name": "request-db", "status": "HEALTHY"},
            {"name": "sqs", "status": "HEALTHY" if is_healthy else "UNREACHABLE"},
        ]
        return {"name": NAME, "version": VERSION, "dependencies": dependencies}


def _serve_faults(app: FastAPI, store: RequestStore, faults: Faults) -> None:
    @app.post("/_faults", include_in_schema=False)
    def change_faults(changes: dict[str, Any]) -> Faults:
        try:
            changed = Faults.model_validate(faults.model_dump() | changes)
        except ValueError as error:
            raise _refusal(422, str(error)) from error
        for name in Faults.model_fields:
            setattr(faults, name, getattr(changed, name))
        return faults

    @app.get("/_state", include_in_schema=False)
    def read_state() -> dict[str, int]:
        counts = store.counts()
        return {status: counts.get(status, 0) for status in ("NEW", "PROCESSING", "COMPLETE", "FAILED")}


def _found(store: RequestStore, request_id: str) -> Request:
    request = store.find(request_id)
    if request is None:
        raise _refusal(404, f"Response with {request_id} not found")
    return request


def _refusal(status: int, message: str) -> HTTPException:
    kind = "User Error" if status < 500 else "System Error"
    now = datetime.now(UTC).isoformat()
    detail = {"errCode": str(status), "errType": kind, "errMsg": message, "errTime": now}
    return HTTPException(status, detail)
