"""Reads the runs of a folder, as much of each as a trend needs.

``metrics.json`` has all of it in a few kilobytes and is parsed in a millisecond; ``run.json`` holds every histogram, up
to 20 MB, and takes a second. So that one is read only where the other is missing: of a run that is still going on, or
that died, and of one whose disk was full.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loadproof.errors import RunError
from loadproof.export.metrics import metrics_of
from loadproof.report.wording import printable
from loadproof.result import RunResult
from loadproof.trend import past_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loadproof.trend import PastRun

_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A folder that is no run, or none that can be read.

    Attributes:
        directory: The folder.
        reason: Why, in words.
    """

    directory: str
    reason: str


def read_past_runs(folder: Path) -> tuple[list[PastRun], list[PassedOver]]:
    """The runs in a folder, in the order of their names, and what else is in it.

    Args:
        folder: It holds result directories, or is one. Files in it are no business of ours.

    Raises:
        OSError: It cannot be listed.
    """
    runs, passed_over = [], []
    for directory in _directories(folder):
        try:
            runs.append(_read(directory))
        except (OSError, RunError, ValueError, KeyError, TypeError, AttributeError) as error:
            text = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            passed_over.append(PassedOver(str(directory), printable(" ".join(text.split()))[:_LONGEST_REASON]))
    return runs, passed_over


def _directories(folder: Path) -> Iterator[Path]:
    if (folder / "run.json").is_file() or (folder / "metrics.json").is_file():
        yield folder
        return
    yield from sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _read(directory: Path) -> PastRun:
    metrics = directory / "metrics.json"
    if metrics.is_file():
        try:
            document = json.loads(metrics.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"metrics.json is not JSON: {error}") from error
        return past_run(document, str(directory))
    if not (directory / "run.json").is_file():
        raise ValueError("neither metrics.json nor run.json is in it")
    result = RunResult.load(directory)
    return past_run(metrics_of(result), str(directory), finished=result.finished)
