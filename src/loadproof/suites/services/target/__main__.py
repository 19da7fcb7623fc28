"""Command line of the target: which service, where, and what is wrong with it."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from pydantic import ValidationError

from loadproof.suites.services.parts import PORTS
from loadproof.suites.services.target.catalog import BUILDERS
from loadproof.suites.services.target.overload import add_strain
from loadproof.suites.services.target.strain import Faults
from loadproof.suites.serving import serve_app

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY_VARIABLE = "SERVICES_API_KEY"
"""Holds the API key that the services accept, and that the suite sends."""

DEFAULT_KEY = "test_api_key"


def parser() -> argparse.ArgumentParser:
    """The service and its port, then every fault as an option."""
    ours = argparse.ArgumentParser(
        prog="python -m loadproof.suites.services.target",
        description="Serve one of the suite's services on 127.0.0.1 until stdin closes or SIGTERM arrives. "
        f"The API key is that of {KEY_VARIABLE}, {DEFAULT_KEY} by default.",
        allow_abbrev=False,
    )
    ours.add_argument("service", choices=list(PORTS))
    ours.add_argument("--port", type=int, help=f"0 takes a free one (default: {', '.join(map(str, PORTS.values()))})")
    for name, field in Faults.model_fields.items():
        help_ = f"{field.description} (default: {'none' if field.default is None else field.default})"
        ours.add_argument(f"--{name.replace('_', '-')}", metavar="N", help=help_)
    return ours


def main(words: Sequence[str] | None = None) -> None:
    """Serve what the words say.

    Raises:
        SystemExit: With code 2 for an option that cannot be used, else as ``serve_app`` says.
    """
    ours = parser()
    read = ours.parse_args(words)
    given = {name: value for name in Faults.model_fields if (value := getattr(read, name)) is not None}
    try:
        faults = Faults.model_validate(given)
    except ValidationError as error:
        wrong = [f"--{str(each['loc'][0]).replace('_', '-')}: {each['msg']}" for each in error.errors()]
        ours.error("; ".join(wrong))
    app = BUILDERS[read.service](os.environ.get(KEY_VARIABLE, DEFAULT_KEY))
    add_strain(app, faults)
    serve_app(app, PORTS[read.service] if read.port is None else read.port, service=read.service)


if __name__ == "__main__":
    main()
