"""``logs/perf_test_<time>.log``: every failure with its time, as long as the file stays small."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Any, TextIO

from locust import events

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

MOST_LINES = 10_000
"""Failures that each process writes; an outage must not fill the disk."""


class ErrorLog:
    """Writes failures as they happen; there is no file before the first one.

    Args:
        folder: Where.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: TextIO | None = None
        self._lines = 0

    def on_request(self, request_type: str, name: str, exception: BaseException | None, **_: object) -> None:
        """Listener of Locust's ``request``."""
        if exception is None or self._lines > MOST_LINES:
            return
        text = " ".join(str(exception).split())
        if self._lines == MOST_LINES:
            request_type, name, text = "", "", f"more than {MOST_LINES} failures: the rest is left out"
        line = " ".join(filter(None, (time.strftime("%Y-%m-%d %H:%M:%S"), request_type, name, text)))
        try:
            self._write(line)
        except OSError as error:
            self._lines = MOST_LINES + 1  # the run is worth more than its log
            _log.warning("failures are not logged: %s", error)

    def _write(self, line: str) -> None:
        if self._file is None:
            self._folder.mkdir(exist_ok=True)
            # Workers of one host begin in the same second.
            path = self._folder / f"perf_test_{time.strftime('%Y%m%d_%H%M%S')}_{os.getpid()}.log"
            self._file = path.open("w", encoding="utf-8", buffering=1)
        self._file.write(f"{line}\n")
        self._lines += 1


def log_errors(folder: Path) -> None:
    """Write the failures of this process into a folder."""
    log = ErrorLog(folder)

    @events.init.add_listener
    def listen(environment: Any, **_: object) -> None:
        environment.events.request.add_listener(log.on_request)
