"""``loadproof demo``: a small service in a process of its own, loaded for a quarter of a minute."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.cli.help import HelpFormatter
from loadproof.cli.run import read_options, run_all
from loadproof.errors import RunError
from loadproof.plan import load_plans
from loadproof.suites.demo import LOCUSTFILE, TARGET_MODULE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_USERS = 20
_RUN_TIME = "15s"


def main(words: Sequence[str]) -> int:
    """Start the service, load it, print the verdict; every option of ``loadproof run`` is taken as well."""
    parser = argparse.ArgumentParser(
        prog="loadproof demo",
        description=f"Start a small shop on a free port of 127.0.0.1, load it with {_USERS} users for {_RUN_TIME}, and "
        "print the verdict. Options of loadproof run are taken as well.",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("-h", "--help", action="store_true")
    asked, rest = parser.parse_known_args(words)
    if asked.help:
        parser.print_help()
        return 0
    with running_target() as url:
        print(f"demo service on {url}", flush=True)
        defaults = ["--name", "demo", "-H", url, *_load(rest)]
        options, ours = read_options([str(LOCUSTFILE), *defaults, *rest], cwd=Path.cwd())
        return run_all(load_plans(options), quiet=ours.quiet)


def _load(words: Sequence[str]) -> list[str]:
    """How much load there is where the words do not say so."""
    given = {word.partition("=")[0] for word in words}
    users = [] if given & {"--rate", "--stages", "--load-profile"} else ["-u", str(_USERS), "-r", str(_USERS)]
    lasts = given & {"--duration", "--stages", "--load-profile", "--iterations"}
    return users if lasts else [*users, "-t", _RUN_TIME]


@contextmanager
def running_target() -> Iterator[str]:
    """The demo service, as long as the block lasts; its URL.

    Raises:
        RunError: It did not come up.
    """
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", TARGET_MODULE, "--port", "0"],
        stdin=subprocess.PIPE,  # it ends when this closes, so it never outlives us
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        try:
            port = json.loads(process.stdout.readline())["port"]
        except (ValueError, KeyError) as error:
            raise RunError("the demo service did not start", slug="demo-target") from error
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
