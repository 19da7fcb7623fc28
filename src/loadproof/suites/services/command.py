"""Loadproof's command line, as the scripts of the suite call it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.suites.services import FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

PLAN_FILE = "loadproof.toml"

_PROGRAM = "import sys; from loadproof.cli import main; sys.exit(main())"


def plan_file() -> Path:
    """The plan file of the current folder; the suite's own where there is none."""
    here = Path(PLAN_FILE)
    return here if here.is_file() else FOLDER / PLAN_FILE


def loadproof_command(words: Sequence[str]) -> list[str]:
    """What runs ``loadproof`` with these words, under the interpreter that runs now."""
    return [sys.executable, "-P", "-c", _PROGRAM, *words]


def become_loadproof(words: Sequence[str]) -> NoReturn:
    """Go on as ``loadproof``: its output, its keys and signals, its exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    command = loadproof_command(words)
    os.execv(command[0], command)  # noqa: S606 - no shell: the words stay what they are
