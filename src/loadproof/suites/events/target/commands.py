"""The commands of the platform's ``manage.py``: migrate, bootstrap, bootstrap_perf_tests."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError

from loadproof.suites.events.target.database import Database
from loadproof.suites.events.target.perf_data import NotOursError, PerfData, bootstrap, bootstrap_perf_tests
from loadproof.suites.events.target.settings import PlatformSettings, settings_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def perf_data_from(environment: Mapping[str, str], settings: PlatformSettings) -> PerfData:
    """How much data the environment asks for.

    Raises:
        ValueError: A value is no whole number above zero; the text names it.
    """
    defaults = PerfData()

    def whole(name: str, default: int) -> int:
        text = environment.get(name, "")
        if text and not (text.isdecimal() and int(text) > 0):
            raise ValueError(f"{name}={text!r} is not a whole number above zero")
        return int(text) if text else default

    return PerfData(
        users=whole("LOCUST_NUM_PRESEEDED_USERS", defaults.users),
        password=environment.get("LOCUST_DEFAULT_PASSWORD") or defaults.password,
        iterations=settings.password_iterations,
        tier_capacity=whole("LOCUST_TICKET_TIER_CAPACITY", defaults.tier_capacity),
        limited_capacity=whole("LOCUST_LIMITED_CAPACITY", defaults.limited_capacity),
    )


def run(arguments: Sequence[str] | None = None, settings: PlatformSettings | None = None) -> int:
    """Carry out one command.

    Args:
        arguments: Words of the command line; None takes the program's.
        settings: Which platform; None reads the environment.

    Returns:
        Exit code: 0, or 1 when the database is not there or holds what must not be touched.
    """
    parser = argparse.ArgumentParser(prog="manage.py", description="Prepares the events platform.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="create the tables")
    commands.add_parser("bootstrap", help="make what every installation has")
    perf = commands.add_parser("bootstrap_perf_tests", help="make the data of the load tests", allow_abbrev=False)
    perf.add_argument("--reset", action="store_true", help="first delete what this command made before")
    options = parser.parse_args(arguments)
    try:
        settings = settings or settings_from()
        data = perf_data_from(os.environ, settings)
    except ValueError as error:
        parser.error(str(error))
    database = Database(settings.database_url, threads=1)
    try:
        database.create_tables()
        said = "the tables are there"
        if options.command == "bootstrap":
            bootstrap(database)
            said = "Book Club is there"
        if options.command == "bootstrap_perf_tests":
            said = _sum(bootstrap_perf_tests(database, data, reset=options.reset))
        sys.stdout.write(f"{said}\n")
    except (NotOursError, OperationalError) as error:
        cause = error.orig if isinstance(error, OperationalError) else error
        sys.stderr.write(f"manage.py {options.command}: {cause}\n")
        return 1
    finally:
        database.close()
    return 0


def main() -> None:
    """Entry of ``manage.py`` and of ``python -m loadproof.suites.events.target.commands``."""
    raise SystemExit(run())


def _sum(done: dict[str, int]) -> str:
    parts = [f"{count} {what}" for what, count in done.items() if count]
    return ", ".join(parts) or "all of it was there already"


if __name__ == "__main__":
    main()
