"""A private clamd: its configuration and the few signatures that it needs, in a folder of the target's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.suites.virus_scan.target.scanners import SIGNATURES

if TYPE_CHECKING:
    from pathlib import Path

SOCKET_NAME = "clamd.sock"
"""Name of clamd's socket in its folder."""

_ANY_FILE, _ANYWHERE = "0", "*"


def prepare_folder(folder: Path, *, max_length: int) -> Path:
    """Write what clamd needs to run without root, without freshclam and without any other database.

    Args:
        folder: An existing folder; its path and ``clamd.sock`` must fit in a Unix socket's 107 bytes.
        max_length: Largest file in bytes that clamd takes.

    Returns:
        The configuration: ``clamd --foreground --config-file=...`` runs it, its socket is ``clamd.sock`` beside it.
    """
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
