"""Prepares the platform: ``python src/manage.py migrate``, ``bootstrap``, ``bootstrap_perf_tests [--reset]``.

It works on ``DATABASE_URL`` where that is set, and else on the platform that ``loadproof target up events`` started.
"""

from __future__ import annotations

import os
import sys

from loadproof.suites.events.parts import manage_environ
from loadproof.suites.events.target.commands import run
from loadproof.suites.standing import find_standing, targets_folder

NO_DATABASE = 3
"""Exit code when there is no platform to prepare."""


def main() -> int:
    """Find the database, and carry out one command."""
    if not os.environ.get("DATABASE_URL"):
        stood = find_standing("events", targets_folder())
        if stood is None:
            sys.stderr.write(
                "manage.py: there is no platform to prepare; start it with `loadproof target up events`,"
                " or say where its database is: DATABASE_URL=sqlite:///events.sqlite3\n"
            )
            return NO_DATABASE
        os.environ.update(manage_environ(stood))
    return run()


if __name__ == "__main__":
    sys.exit(main())
