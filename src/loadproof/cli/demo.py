"""``loadproof demo``: a service in processes of its own, loaded for a little while."""

from __future__ import annotations

import argparse
import json
import os
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
from loadproof.suites.standing import SUITES, borrowed, find_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_USERS = 20
_RUN_TIME = "15s"


def main(words: Sequence[str]) -> int:
    """Start the service, load it, print the verdict; every option of ``loadproof run`` is taken as well."""
    parser = argparse.ArgumentParser(
        prog="loadproof demo",
        usage="loadproof demo [NAME] [options of loadproof run]",
        description=f"Start a small shop on a free port of 127.0.0.1, load it with {_USERS} users for {_RUN_TIME}, and "
        "print the verdict. With NAME, the service and the suite of one of five teams: "
        f"{', '.join(SUITES)}. Options of loadproof run are taken as well.",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("-h", "--help", action="store_true")
    asked, rest = parser.parse_known_args(words)
    if asked.help:
        parser.print_help()
        return 0
    if rest and not rest[0].startswith("-"):
        return _run_suite(rest[0], rest[1:])
    with running_target() as url:
        print(f"demo service on {url}", flush=True)
        defaults = ["--name", "demo", "-H", url, *_load(rest, _USERS, _RUN_TIME)]
        return _run([str(LOCUSTFILE), *defaults, *rest], Path.cwd())


def _run_suite(name: str, words: Sequence[str]) -> int:
    """The suite of a team against its own target, on free ports; results land below the current folder."""
    target = find_target(name)
    folder = Path(str(sys.modules[f"loadproof.suites.{name}.parts"].__file__)).parent / target.demo.folder
    here = Path.cwd()
    with borrowed(target) as stood:
        told = stood.environ()
        print(f"{name} on " + ", ".join(f"127.0.0.1:{port} ({part})" for part, port in stood.ports.items()), flush=True)
        options = [option.format(ports=stood.ports) for option in target.demo.options]
        load = _load(words, target.demo.users, target.demo.run_time)
        os.environ.update(told)
        os.chdir(folder)  # as the team does: its .env, its plan and its files are there
        try:
            results = ["--results", str(here / "reports" / "performance")]
            return _run([target.demo.locustfile, "--name", name, *results, *options, *load, *words], folder)
        finally:
            os.chdir(here)
            for variable in told:
                del os.environ[variable]


def _run(words: Sequence[str], folder: Path) -> int:
    options, ours = read_options(words, cwd=folder)
    return run_all(load_plans(options), quiet=ours.quiet)


def _load(words: Sequence[str], users: int, run_time: str) -> list[str]:
    """How much load there is where the words do not say so."""
    given = {word.partition("=")[0] for word in words}
    load = [] if given & {"--rate", "--stages", "--load-profile"} else ["-u", str(users), "-r", str(users)]
    lasts = given & {"--duration", "--stages", "--load-profile", "--iterations"}
    return load if lasts else [*load, "-t", run_time]


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
