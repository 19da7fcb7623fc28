"""Runs a service whose capacity is known; see ``modelled_service.py``."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def modelled(*words: str) -> Iterator[str]:
    """Its URL; the words are those of its command line."""
    program = Path(__file__).with_name("modelled_service.py")
    with subprocess.Popen(
        [sys.executable, program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()
            process.wait(10)
