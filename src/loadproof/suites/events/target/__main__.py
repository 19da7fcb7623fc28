"""Serves the platform in one process: ``python -m loadproof.suites.events.target --port 0``.

It listens on loopback, prints ``{"port": N}`` once it does, and serves until its stdin closes or SIGTERM arrives, so
that it cannot outlive whoever started it.
"""

from __future__ import annotations

import argparse
import json
import os
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from loadproof.suites.events.target.app import create_app, create_platform
from loadproof.suites.events.target.commands import perf_data_from
from loadproof.suites.events.target.control import set_capacity
from loadproof.suites.events.target.faults import Faults
from loadproof.suites.events.target.perf_data import bootstrap, bootstrap_perf_tests
from loadproof.suites.events.target.settings import PlatformSettings, settings_from
from loadproof.suites.serving import serve_app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadproof.suites.events.target.platform import Platform


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadproof.suites.events.target",
        description="An events platform to put load on.",
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--database", metavar="URL", help="default: DATABASE_URL, else a temporary SQLite file")
    parser.add_argument("--smtp", type=_place, metavar="HOST:PORT", help="default: what EMAIL_HOST and EMAIL_PORT say")
    parser.add_argument("--seed", action="store_true", help="make the data of the load tests before serving")
    parser.add_argument("--system-testing", action="store_true", help="tell mailed tokens in a header as well")
    parser.add_argument("--throttling", action="store_true", help="hold clients to their limits")
    parser.add_argument("--slow-start", type=float, metavar="SECONDS", help="answer 503 for so long after the start")
    parser.add_argument("--faults", type=_object, default={}, metavar="JSON", help="as for POST /_faults")
    return parser


def _object(text: str) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    raise argparse.ArgumentTypeError(f"{text!r} is no object of JSON")


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (host and port.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def _settings(options: argparse.Namespace, held: ExitStack) -> PlatformSettings:
    settings = settings_from()
    database = options.database or os.environ.get("DATABASE_URL")
    if not database:
        folder = held.enter_context(TemporaryDirectory(prefix="loadproof-events-"))
        database = f"sqlite:///{Path(folder) / 'events.sqlite3'}"
    host, port = options.smtp or (settings.smtp_host, settings.smtp_port)
    return replace(
        settings,
        database_url=database,
        smtp_host=host,
        smtp_port=port,
        system_testing=options.system_testing or settings.system_testing,
        throttling=options.throttling or settings.throttling,
        slow_start=settings.slow_start if options.slow_start is None else options.slow_start,
    )


def _prepare(platform: Platform, capacity: dict[str, int | None], *, seed: bool) -> None:
    platform.database.create_tables()
    if seed:
        bootstrap(platform.database)
        bootstrap_perf_tests(platform.database, perf_data_from(os.environ, platform.settings))
    with platform.database.write() as session:
        for slug, places in capacity.items():
            set_capacity(session, slug, places)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``python -m loadproof.suites.events.target``."""
    parser = _parser()
    options = parser.parse_args(arguments)
    with ExitStack() as held:
        try:
            capacity = options.faults.pop("capacity", {})
            faults = Faults.model_validate(options.faults)
            settings = _settings(options, held)
        except (ValueError, ValidationError) as error:
            parser.error(str(error))
        platform = create_platform(settings, faults)
        _prepare(platform, capacity, seed=options.seed)
        serve_app(create_app(platform), options.port)


if __name__ == "__main__":
    main()
