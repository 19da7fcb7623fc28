"""Answers what the pages of the web interface ask: how a run stands, its files, and those of the runs before it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Protocol

from loadproof.export import render_metrics
from loadproof.report import render_html
from loadproof.result import write_atomically
from loadproof.supervisor.viewing import summary_of, tables_of, view_of_result, view_of_running

if TYPE_CHECKING:
    from pathlib import Path

    from loadproof.result import RunResult
    from loadproof.supervisor.observer import Progress

FILES = {
    "report.html": "text/html; charset=utf-8",
    "metrics.json": "application/json",
    "results.csv": "text/csv; charset=utf-8",
}
"""Files of a run that may be asked for, and what is in them."""

_RENDERED = ("report.html", "metrics.json")
_RUNS_KEPT = 50
_COST = 10
"""A view, or a report, that took a second is good for this many: it must not keep the supervisor from the run."""

_FRESH = 0.4
_REPORT_FRESH = 2.0


class Running(Protocol):
    """The test that goes on."""

    @property
    def run_id(self) -> str:
        """Its unique name."""

    def progress(self) -> Progress:
        """How it stands now."""

    def so_far(self) -> RunResult:
        """What it has come to, not judged as a whole."""


class Answering:
    """What it answers with.

    Args:
        baseline: The saved run that is drawn beside the report of a run so far; None for none.
    """

    def __init__(self, baseline: RunResult | None) -> None:
        self._baseline = baseline
        self._running: Running | None = None
        self._last: RunResult | None = None
        self._runs: list[dict[str, str]] = []
        self._directories: dict[str, Path] = {}
        self._view: dict[str, Any] | None = None
        self._stale_at = 0.0
        self._report_stale_at = 0.0

    def begin(self, running: Running) -> None:
        """A test began."""
        self._running = running
        self._directories[running.run_id] = running.progress().directory
        self._stale_at = self._report_stale_at = 0.0

    def finished(self, result: RunResult) -> None:
        """The test is over and its files are written."""
        self._running = None
        self._last = result
        self._runs = [summary_of(result), *self._runs[: _RUNS_KEPT - 1]]
        kept = {run["run"] for run in self._runs}
        self._directories = {run: path for run, path in self._directories.items() if run in kept}
        self._stale_at = 0.0

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The payload of the frame that answers.

        Args:
            asked: ``number``, ``what`` is ``view`` or ``file``, and of a file its ``run`` and its ``name``.
        """
        found = self._shown() if asked["what"] == "view" else self._file(asked["run"], asked["name"])
        return {"number": asked["number"], **found}

    def _shown(self) -> dict[str, Any]:
        """The view, and the tables of Locust's own page, as JSON: who passes them on need not look into them."""
        began = time.monotonic()
        if self._view is None or began >= self._stale_at:
            view = self._current()
            shown = {"view": view, "runs": self._runs, "files": list(FILES)}
            self._view = {"view": _json(shown), "tables": _json(tables_of(view))}
            took = time.monotonic() - began
            self._stale_at = time.monotonic() + max(_FRESH, _COST * took)
        return self._view

    def _current(self) -> dict[str, Any] | None:
        if self._running is not None:
            return view_of_running(self._running.progress(), self._running.run_id)
        return None if self._last is None else view_of_result(self._last)

    def _file(self, run_id: str, name: str) -> dict[str, Any]:
        directory = self._directories.get(run_id)
        if directory is None or name not in FILES:
            return {"why": "there is no such file"}
        try:
            if self._running is not None and self._running.run_id == run_id and name in _RENDERED:
                self._write_so_far(self._running, directory)
            path = directory / name
            # Rows may be added while the file is sent: what is there now ends with a whole one.
            return {"path": str(path.absolute()), "size": path.stat().st_size, "type": FILES[name]}
        except OSError as error:
            return {"why": f"{name} cannot be had: {error.strerror or error}"}

    def _write_so_far(self, running: Running, directory: Path) -> None:
        """Write the report of a run that goes on; its end will replace it.

        Raises:
            OSError: The disk refused it.
        """
        began = time.monotonic()
        if began < self._report_stale_at:
            return
        result = running.so_far()
        write_atomically(directory / "metrics.json", render_metrics(result))
        write_atomically(directory / "report.html", render_html(result, self._baseline))
        took = time.monotonic() - began
        self._report_stale_at = time.monotonic() + max(_REPORT_FRESH, _COST * took)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode()
