"""A private clamd: its configuration and the few signatures that it needs, in a folder of the target's own.

::

    python -m loadproof.suites.virus_scan.target.clamd prepare FOLDER
    clamd --foreground --config-file=FOLDER/clamd.conf
    python -m loadproof.suites.virus_scan.target.clamd ping FOLDER
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.suites.virus_scan.target.scanners import SIGNATURES, ClamdScanner

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_LENGTH = 25 << 20
"""Largest file in bytes, as clamd's own default of StreamMaxLength."""

SOCKET_NAME = "clamd.sock"
"""Name of clamd's socket in its folder."""

_ANY_FILE, _ANYWHERE = "0", "*"
_LONGEST_SOCKET = 107  # bytes of a Unix socket's path, unix(7)


def prepare_folder(folder: Path, *, max_length: int = MAX_LENGTH) -> Path:
    """Write what clamd needs to run without root, without freshclam and without any other database.

    Args:
        folder: An existing folder.
        max_length: Largest file in bytes that clamd takes.

    Returns:
        The configuration: ``clamd --foreground --config-file=...`` runs it, its socket is ``clamd.sock`` beside it.

    Raises:
        ValueError: The folder's path is too long for a Unix socket in it.
    """
    if len(bytes(folder / SOCKET_NAME)) > _LONGEST_SOCKET:
        raise ValueError(f"{folder} is too long for a Unix socket: clamd needs a folder with a shorter path")
    database = folder / "database"
    database.mkdir(exist_ok=True)
    # Extended signatures (.ndb): name, type of file, offset, bytes in hexadecimal.
    lines = [f"{name}:{_ANY_FILE}:{_ANYWHERE}:{pattern.hex()}" for name, pattern in SIGNATURES.items()]
    (database / "loadproof.ndb").write_text("\n".join(lines) + "\n", encoding="ascii")
    configuration = folder / "clamd.conf"
    configuration.write_text(
        f"""DatabaseDirectory {database}
LocalSocket {folder / SOCKET_NAME}
LocalSocketMode 600
FixStaleSocket yes
Foreground yes
StreamMaxLength {max_length}
MaxThreads 4
SelfCheck 0
OfficialDatabaseOnly no
""",
        encoding="utf-8",
    )
    return configuration


def main(arguments: Sequence[str] | None = None) -> None:
    """Prepare a folder, or ask the clamd in it whether it is up.

    Raises:
        SystemExit: It cannot be prepared, or does not answer.
    """
    parser = argparse.ArgumentParser(description="A private clamd.", allow_abbrev=False)
    parser.add_argument("action", choices=("prepare", "ping"))
    parser.add_argument("folder", type=Path, help="where its configuration, its signatures and its socket are")
    options = parser.parse_args(arguments)
    if options.action == "ping":
        is_up = asyncio.run(ClamdScanner(options.folder / SOCKET_NAME).is_up())
        raise SystemExit(0 if is_up else 1)
    try:
        prepare_folder(options.folder)
    except ValueError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
