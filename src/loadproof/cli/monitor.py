"""``loadproof monitor setup``: files for Prometheus and Grafana that watch runs."""

from __future__ import annotations

import argparse
import re
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from loadproof.cli.help import HelpFormatter
from loadproof.errors import ExitCode, Problem, RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.resources.abc import Traversable

_DIRECTORY = "monitoring"

_RUN_PORT = 9090
"""Where the files look for runs unless another port is named."""

_OWN_PORTS = {9091: "Prometheus", 3000: "Grafana"}
"""Ports of what the files start."""

_EPILOG = """examples:
  loadproof monitor setup
  loadproof monitor setup --dir ops/monitoring --force
  loadproof monitor setup --metrics-port 9100

docs/monitoring.md says what there is to see."""


def parser() -> argparse.ArgumentParser:
    """The options of ``monitor``."""
    ours = argparse.ArgumentParser(
        prog="loadproof monitor",
        usage="loadproof monitor setup [options]",
        description="Write a Grafana dashboard, alerting rules, and what Prometheus and Grafana need to use them.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    ours.add_argument("action", choices=["setup"], help="write the files")
    ours.add_argument("--dir", default=_DIRECTORY, metavar="DIR", help="where to (default: monitoring)")
    ours.add_argument("--force", action="store_true", help="overwrite files that are there already")
    ours.add_argument(
        "--metrics-port",
        type=_port,
        default=_RUN_PORT,
        metavar="PORT",
        help=f"where Prometheus finds runs, as their --metrics-port says (default: {_RUN_PORT})",
    )
    return ours


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, 1 to 65535")
    if port in _OWN_PORTS:
        raise argparse.ArgumentTypeError(f"{port} is where {_OWN_PORTS[port]} itself listens")
    return port


def main(words: Sequence[str]) -> int:
    """Write the files."""
    read = parser().parse_args(words)
    written = write_monitoring(Path(read.dir), force=read.force, metrics_port=read.metrics_port)
    for path in written:
        print(f"wrote {path}")
    compose = Path(read.dir) / "compose.yml"
    print(
        "\nnext:\n"
        f"  docker compose -f {compose} up -d\n"
        f"  loadproof run ... --metrics-port {read.metrics_port}\n"
        "  open http://127.0.0.1:3000/d/loadproof"
    )
    return int(ExitCode.PASS)


def write_monitoring(directory: Path, *, force: bool, metrics_port: int = _RUN_PORT) -> list[Path]:
    """Write all files under a directory, or none.

    Args:
        directory: Made where it does not exist.
        force: Whether files that are there already are overwritten; those that say the same always stay.
        metrics_port: Where Prometheus finds runs.

    Returns:
        The files, in order.

    Raises:
        UsageError: Files are there already that say something else. Nothing was written.
        RunError: The disk refused it.
    """
    contents = {
        directory / name: re.sub(rb"\b%d\b" % _RUN_PORT, b"%d" % metrics_port, template.read_bytes())
        for name, template in templates()
    }
    try:
        taken = [path for path, content in contents.items() if path.exists() and path.read_bytes() != content]
        if taken and not force:
            hint = "--force overwrites it, --dir names another place"
            raise UsageError(
                [Problem("file-exists", str(path), "is there already, and differs", hint) for path in taken]
            )
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        what = f"cannot write {error.filename or directory}: {error.strerror}"
        raise RunError(what, slug="monitoring-files", hint="name another place with --dir") from error
    return list(contents)


def templates() -> Iterator[tuple[PurePosixPath, Traversable]]:
    """Every file that is written: where to, and what it is copied from; sorted."""
    yield from sorted(_below(files("loadproof.export") / "monitoring", PurePosixPath()), key=lambda found: found[0])


def _below(folder: Traversable, at: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for child in folder.iterdir():
        if child.is_dir():
            yield from _below(child, at / child.name)
        elif child.name.endswith((".json", ".yml")):
            yield at / child.name, child
