"""The command line: the only place that prints to stdout and the only one that exits."""

from __future__ import annotations

from loadproof.cli.entry import main

__all__ = ["main"]
