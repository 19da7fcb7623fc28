"""The last thing on the terminal: the verdict, and what it rests on."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.report import render_text

if TYPE_CHECKING:
    from loadproof.result import RunResult

_COLOURS = {"PASS": "green", "WARN": "yellow", "FAIL": "bold red", "INCONCLUSIVE": "magenta"}


def print_summary(result: RunResult) -> None:
    """Print it, with the outcomes coloured where a terminal shows colours."""
    report = None if result.directory is None else str(_shown(result) / "report.html")
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    width = max(80, min(140, shutil.get_terminal_size((100, 24)).columns))
    text = render_text(result, report_path=report, unicode=unicode, width=width)
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        _print_coloured(text)
    else:
        print(text, flush=True)


def _shown(result: RunResult) -> Path:
    assert result.directory is not None
    try:
        return result.directory.relative_to(Path.cwd())
    except ValueError:
        return result.directory


def _print_coloured(text: str) -> None:
    from rich.console import Console  # noqa: PLC0415 - plain output does without
    from rich.text import Text  # noqa: PLC0415

    coloured = Text(text)
    for word, style in _COLOURS.items():
        coloured.highlight_regex(rf"(?<![\w-]){re.escape(word)}(?![\w-])", style)
    for mark, style in (("✓", "green"), ("⚠", "yellow"), ("✗", "bold red")):
        coloured.highlight_regex(re.escape(mark), style)
    Console(soft_wrap=True).print(coloured)
