"""The scanning service over HTTP."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile

from loadproof.suites.virus_scan.target.definitions import REQUIRED, Definitions
from loadproof.suites.virus_scan.target.scanners import ScannerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from loadproof.suites.virus_scan.target.scanners import Scan, Scanner

SERVICE = "dit-clamav-rest"

_PIECE = 1 << 16


class Faults(BaseModel):
    """How the service behaves; ``POST /_faults`` changes what its body names.

    Attributes:
        lag: Versions that the definitions are behind.
        fades_after: Seconds from the start, or from this change, until they are current; 0 for never.
        is_down: ``/check`` answers 503, and the lookup of versions fails.
        scan_delay: Seconds added to each scan, and to its ``time``.
        blind: Finds nothing.
        omits_time: Leaves ``time`` out of answers.
        garbled: Answers scans with something that is no JSON.
    """

    lag: int = Field(0, ge=0)
    fades_after: float = Field(0.0, ge=0)
    is_down: bool = False
    scan_delay: float = Field(0.0, ge=0)
    blind: bool = False
    omits_time: bool = False
    garbled: bool = False


class TooLargeError(Exception):
    """A file is larger than the service takes."""


@dataclass
class Service:
    """What the routes share.

    Attributes:
        scanner: Scans.
        user: Name that may scan.
        password: Its password.
        max_length: Largest file in bytes.
        faults: How it behaves.
        seen: What it did, for ``GET /_state``.
    """

    scanner: Scanner
    user: str
    password: str
    max_length: int
    faults: Faults
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.definitions = self._definitions()

    def change(self, faults: Faults) -> None:
        """Behave otherwise from now on."""
        self.faults = faults
        self.definitions = self._definitions()

    def admits(self, request: Request) -> bool:
        """Whether a request carries the right name and password."""
        expected = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        given = request.headers.get("Authorization", "")
        is_right = secrets.compare_digest(given.encode(), f"Basic {expected}".encode())
        self.seen["unauthorised"] += not is_right
        return is_right

    async def scan(self, chunks: AsyncIterator[bytes]) -> Scan:
        """Scan a file as it comes.

        Raises:
            TooLargeError: There was more than ``max_length``.
            ScannerError: There is no verdict.
        """
        scanned = await self.scanner.scan(self._limited(chunks))
        await asyncio.sleep(self.faults.scan_delay)
        reason = None if self.faults.blind else scanned.reason
        scanned = replace(scanned, reason=reason, seconds=scanned.seconds + self.faults.scan_delay)
        self.seen["scans"] += 1
        self.seen["malware"] += scanned.reason is not None
        return scanned

    async def _limited(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        length = 0
        async for chunk in chunks:
            length += len(chunk)
            self.seen["bytes"] += len(chunk)
            if length > self.max_length:
                raise TooLargeError
            yield chunk

    def _definitions(self) -> Definitions:
        return Definitions(self.faults.lag, self.faults.fades_after, time.monotonic(), time.monotonic)


def create_app(service: Service) -> FastAPI:
    """The service's routes."""
    app = FastAPI(title=SERVICE)
    _serve_condition(app, service)
    _serve_versions(app, service)
    _serve_scans(app, service)
    _serve_faults(app, service)
    return app


def _serve_condition(app: FastAPI, service: Service) -> None:
    @app.get("/")
    @app.get("/check")
    async def check() -> PlainTextResponse:
        service.seen["checks"] += 1
        is_up = not service.faults.is_down and await service.scanner.is_up()
        return PlainTextResponse("Service OK") if is_up else PlainTextResponse("Service Unavailable", 503)

    @app.get("/check_warning")
    async def check_warning() -> PlainTextResponse:
        is_outdated = service.definitions.is_outdated
        return PlainTextResponse("Service Warning", 500) if is_outdated else PlainTextResponse("Service OK")


def _serve_versions(app: FastAPI, service: Service) -> None:
    @app.get("/check_version")
    async def check_version() -> JSONResponse:
        service.seen["versions"] += 1
        if service.faults.is_down:
            return JSONResponse({"service": SERVICE, "error": "the current version cannot be looked up"}, 500)
        actual = service.definitions.actual
        is_outdated = service.definitions.is_outdated
        answer = {
            "service": SERVICE,
            "clamd-actual": str(actual),
            "clamd-required": str(REQUIRED),
            "outdated": is_outdated,
        }
        return JSONResponse(answer, 500 if is_outdated else 200)


def _serve_scans(app: FastAPI, service: Service) -> None:
    @app.post("/v2/scan-chunked")
    async def scan_chunked(request: Request) -> Response:
        if not service.admits(request):
            # The body is left unread: the server reads on behind this answer, and throws it away.
            return _unauthorised()
        service.seen["chunked"] += request.headers.get("Transfer-Encoding", "").lower() == "chunked"
        return await _answer(service, request.stream())

    @app.post("/v2/scan")
    async def scan(request: Request) -> Response:
        return await _scan_form(service, request)

    @app.post("/scan")
    async def scan_deprecated(request: Request) -> Response:
        return await _scan_form(service, request, words=True)


def _serve_faults(app: FastAPI, service: Service) -> None:
    @app.post("/_faults", include_in_schema=False)
    async def change_faults(changes: dict[str, Any]) -> Response:
        try:
            service.change(Faults.model_validate(service.faults.model_dump() | changes))
        except ValueError as error:
            return PlainTextResponse(str(error), 422)
        return JSONResponse(service.faults.model_dump())

    @app.get("/_state", include_in_schema=False)
    async def read_state() -> dict[str, int]:
        names = ("checks", "versions", "scans", "malware", "bytes", "chunked", "unauthorised")
        return {name: service.seen[name] for name in names}


async def _scan_form(service: Service, request: Request, *, words: bool = False) -> Response:
    """Scan the one file of a multipart form; answer as ``/scan`` does where ``words`` are asked for."""
    if not service.admits(request):
        return _unauthorised()
    async with request.form() as form:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if len(files) != 1:
            return PlainTextResponse("Provide a single file", 400)
        return await _answer(service, _pieces(files[0]), words=words)


async def _answer(service: Service, chunks: AsyncIterator[bytes], *, words: bool = False) -> Response:
    try:
        scanned = await service.scan(chunks)
    except TooLargeError:
        return PlainTextResponse(f"A file may have {service.max_length} bytes", 413)
    except ScannerError as error:
        return PlainTextResponse(str(error), 500)
    if service.faults.garbled:
        return PlainTextResponse("<html>oops</html>")
    if words:
        return PlainTextResponse("NOTOK" if scanned.reason else "OK")
    answer = {"malware": scanned.reason is not None, "reason": scanned.reason, "time": scanned.seconds}
    if service.faults.omits_time:
        del answer["time"]
    return JSONResponse(answer)


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(_PIECE):
        yield piece


def _unauthorised() -> Response:
    return PlainTextResponse("Unauthorized Access", 401, headers={"WWW-Authenticate": 'Basic realm="scan"'})
