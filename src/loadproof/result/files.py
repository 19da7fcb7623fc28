"""How results get their names and reach the disk."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


def new_run_id(started_at: datetime) -> str:
    """A run's unique name: its start and six random hex digits."""
    return f"{started_at:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part.

    What UTF-8 has no bytes for, a lone surrogate in a name of a script, becomes a question mark.

    Raises:
        OSError: The disk refused it; the old file stands.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", errors="replace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
