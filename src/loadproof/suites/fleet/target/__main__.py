"""Entry of ``python -m loadproof.suites.fleet.target``."""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import fields
from typing import TYPE_CHECKING

from pydantic import ValidationError

from loadproof.suites.fleet.target.app import BASE_PATHS, DEFAULT_QUOTA, create_app, create_fleet
from loadproof.suites.fleet.target.faults import Faults
from loadproof.suites.fleet.target.lifecycle import Durations
from loadproof.suites.fleet.target.store import Person
from loadproof.suites.serving import serve_app

if TYPE_CHECKING:
    from collections.abc import Sequence

ACCOUNTS = "FLEET_TARGET_ACCOUNTS"
"""Variable with the long-lived tokens, as JSON: token to ``{"username": ..., "org_id": ...}``."""


def main(words: Sequence[str] | None = None) -> None:
    """Read the options and serve."""
    parser = _parser()
    options = parser.parse_args(words)
    chosen = {name: value for name in Faults.model_fields if (value := getattr(options, name)) is not None}
    try:
        faults = Faults(**chosen)
    except ValidationError as error:
        (first, *_) = error.errors()
        parser.error(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}")
    time.sleep(options.slow_start)
    fleet = create_fleet(
        durations=Durations(**{each.name: getattr(options, f"{each.name}_for") for each in fields(Durations)}),
        quota=options.quota,
        faults=faults,
        holders=_accounts(os.environ.get(ACCOUNTS, "{}")),
        path=options.database,
        seed=options.seed,
    )
    serve_app(create_app(fleet, tuple(options.base_path or BASE_PATHS)), options.port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadproof.suites.fleet.target",
        description="The fleet API, embedded, with the issuer of its tokens.",
        epilog=f"{ACCOUNTS} declares who holds which long-lived token; without it any is good.",
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--base-path", action="append", metavar="PATH", help=f"of the API (default: {BASE_PATHS})")
    parser.add_argument("--database", metavar="FILE", help="SQLite file (default: in memory)")
    parser.add_argument("--quota", type=int, default=DEFAULT_QUOTA, help="most clusters of one owner")
    parser.add_argument("--seed", type=int, default=1, help="of the faults that happen at random")
    for each in fields(Durations):
        option = f"--{each.name}-for"
        parser.add_argument(option, type=float, default=each.default, metavar="S", help=f"seconds in '{each.name}'")
    faults = parser.add_argument_group("what goes wrong", "POST /_faults changes it later, by the same names.")
    faults.add_argument("--slow-start", type=float, default=0.0, metavar="S", help="seconds before it listens")
    for name, field in Faults.model_fields.items():
        option = f"--{name.replace('_', '-')}"
        if field.annotation is bool:
            faults.add_argument(option, action="store_true", default=None, help=field.description)
        else:
            faults.add_argument(option, metavar="VALUE", help=field.description)
    return parser


def _accounts(text: str) -> dict[str, Person]:
    return {token: Person(who["username"], who["org_id"]) for token, who in json.loads(text).items()}


if __name__ == "__main__":
    main()
