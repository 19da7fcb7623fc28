"""The result directory: what is written while the run goes, and what is written at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.errors import RunError
from loadproof.record.rows import HEADER
from loadproof.result import write_atomically

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from loadproof.result import RunResult


def create_directory(base: Path, kind: str, name: str, started: datetime) -> Path:
    """Make ``base/<kind>_test_<name>_<YYYYMMDD_HHMMSS>``, with ``_2`` and so on where it exists already.

    Raises:
        RunError: It cannot be made.
    """
    stem = f"{kind}_test_{name}_{started.astimezone():%Y%m%d_%H%M%S}"
    for attempt in range(1, 1000):
        directory = base / (stem if attempt == 1 else f"{stem}_{attempt}")
        try:
            directory.mkdir(parents=True)
        except FileExistsError as error:
            if not base.is_dir():
                hint = "choose another with --results"
                raise RunError(f"{base} is not a folder", slug="results", hint=hint) from error
        except OSError as error:
            raise RunError(
                f"no result directory can be made in {base}: {error.strerror}",
                slug="results",
                hint="choose another place with --results",
            ) from error
        else:
            return directory
    raise RunError(f"{base} is full of directories named {stem}", slug="results")


class AppendedFile:
    """A file that grows while the run goes and survives a full disk.

    A write that the disk refuses is cut back to the last whole one, and counted; the next one is tried again, as
    space may come back.

    Args:
        path: Where it is; made anew.

    Attributes:
        lost: Units (rows, lines) that could not be written.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._good = 0
        self.lost = 0

    def append(self, data: bytes, units: int) -> None:
        """Write ``data``, which holds ``units`` rows or lines, or count them as lost."""
        written = 0
        try:
            while written < len(data):
                count = self._file.write(data[written:])
                written += count or 0
        except OSError:
            self.lost += units
            self._cut_back()
        else:
            self._good += len(data)

    def close(self) -> None:
        """Close it; a disk that only now says it is full is the same loss as before."""
        try:
            self._file.close()
        except OSError:
            self.lost += 1

    def _cut_back(self) -> None:
        try:
            self._file.truncate(self._good)
            self._file.seek(self._good)
        except OSError:
            return


class ResultDirectory:
    """One run's files.

    Args:
        path: The directory; it exists.

    Raises:
        RunError: No file can be made in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._rows = AppendedFile(path / "results.csv")
            self._log = AppendedFile(path / "log.txt")
        except OSError as error:
            raise RunError(f"no file can be made in {path}: {error.strerror or error}", slug="results") from error
        self._rows.append((HEADER + "\r\n").encode(), 0)

    @property
    def rows_lost(self) -> int:
        """Rows of ``results.csv`` that the disk refused."""
        return self._rows.lost

    def append_rows(self, rows: bytes) -> None:
        """Add rows to ``results.csv``."""
        self._rows.append(rows, rows.count(b"\n"))

    def log(self, line: str) -> None:
        """Add a line to ``log.txt``."""
        self._log.append((line + "\n").encode("utf-8", "replace"), 1)

    def checkpoint(self, result: RunResult) -> str | None:
        """Write ``run.json``; what the disk said where it refused, else None."""
        try:
            result.save(self.path / "run.json")
        except OSError as error:
            return f"run.json: {error.strerror or error}"
        return None

    def write(self, name: str, text: str) -> str | None:
        """Write one file whole or not at all; what the disk said where it refused, else None."""
        try:
            write_atomically(self.path / name, text)
        except OSError as error:
            return f"{name}: {error.strerror or error}"
        return None

    def close(self) -> None:
        """No more rows or lines come."""
        self._rows.close()
        self._log.close()
