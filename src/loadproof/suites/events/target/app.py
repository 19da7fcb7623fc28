"""The platform as an ASGI application."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI

from loadproof.suites.events.target import accounts, attendance, checkout, control, dashboard, discovery, questionnaires
from loadproof.suites.events.target.board import open_board
from loadproof.suites.events.target.database import Database
from loadproof.suites.events.target.mail import Mailer, ThreadMailer
from loadproof.suites.events.target.platform import Platform, Refused, answer_refusal
from loadproof.suites.events.target.settings import settings_from
from loadproof.suites.events.target.tokens import TokenSigner
from loadproof.suites.events.target.watching import WatchedCalls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from loadproof.suites.events.target.faults import Faults
    from loadproof.suites.events.target.settings import PlatformSettings


def create_platform(settings: PlatformSettings, faults: Faults | None = None) -> Platform:
    """The parts that the settings ask for, running.

    Args:
        settings: What to run on.
        faults: Switched on from the start; None leaves those that are.
    """
    board = open_board(settings.broker_url, faults)
    database = Database(settings.database_url, settings.threads)
    mailer: Mailer
    if settings.broker_url is None:
        mailer = ThreadMailer(settings.smtp_host, settings.smtp_port, board)
    else:
        from loadproof.suites.events.target.worker import CeleryMailer  # noqa: PLC0415 - reads the broker's address

        mailer = CeleryMailer()
    return Platform(settings, database, board, mailer, TokenSigner(settings.secret_key))


def create_app(platform: Platform) -> FastAPI:
    """The application on a running platform, which it closes when the server ends."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens = platform.settings.threads
        yield
        platform.close()

    app = FastAPI(title="Events", lifespan=lifespan, openapi_url="/api/openapi.json", docs_url="/api/docs")
    app.state.platform = platform
    app.add_exception_handler(Refused, answer_refusal)
    for part in (accounts, discovery, attendance, checkout, questionnaires, dashboard):
        app.include_router(part.routes)
    app.include_router(control.routes)
    app.add_middleware(WatchedCalls, platform=platform)
    return app


def create_from_environment() -> FastAPI:
    """The application for a server that starts it by name, as gunicorn does in each of its workers.

    The tables must be there: workers that create them at once would be in each other's way.
    """
    return create_app(create_platform(settings_from()))
