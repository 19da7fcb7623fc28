"""The files of a run: what people and machines read, and back to a result."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from loadproof.errors import ExitCode
from loadproof.export import render_metrics
from loadproof.record import Delta
from loadproof.record.rows import rebuild
from loadproof.report import render_html
from loadproof.report.junit import render_junit
from loadproof.report.markdown import render_markdown
from loadproof.result import RunResult, write_atomically
from loadproof.supervisor.judging import judged, saved_rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadproof.record import RunRecord


def write_files(result: RunResult, directory: Path, baseline: RunResult | None = None) -> list[str]:
    """Write ``run.json``, ``metrics.json``, ``report.html``, and for CI servers ``junit.xml`` and ``summary.md``.

    One that cannot be written does not keep the others from being written.

    Args:
        result: The run.
        directory: Where they go.
        baseline: The saved run that it was held against, to be drawn beside it.

    Returns:
        What could not be written, and why; empty when all is well.
    """
    complaints = []
    writers: tuple[tuple[str, Callable[[Path], None]], ...] = (
        ("run.json", result.save),
        ("metrics.json", lambda path: write_atomically(path, render_metrics(result))),
        ("report.html", lambda path: write_atomically(path, render_html(result, baseline))),
        ("junit.xml", lambda path: write_atomically(path, render_junit(result))),
        ("summary.md", lambda path: write_atomically(path, render_markdown(result))),
    )
    for name, write in writers:
        try:
            write(directory / name)
        except OSError as error:
            complaints.append(f"{name} could not be written: {error.strerror or error}")
    return complaints


def restore(run: Path) -> RunResult:
    """A saved run; one that was cut off is rebuilt from its last checkpoint and the rows of ``results.csv``.

    Args:
        run: A result directory, or the ``run.json`` in it.

    Raises:
        RunError: It is not a run.
    """
    result = RunResult.load(run)
    if result.finished or result.directory is None:
        return result
    return _rebuilt(result, result.directory / "results.csv")


def _rebuilt(checkpoint: RunResult, rows: Path) -> RunResult:
    """The rows know more than the checkpoint, except where not every request has one."""
    epoch = datetime.fromisoformat(checkpoint.started_at).timestamp()
    record = checkpoint.record
    if checkpoint.plan["samples"] == "all" and rows.is_file():
        record = rebuild(rows, epoch=epoch, measured_from=checkpoint.record.measured_from)
        _take_over(record, checkpoint.record)
    windows = record.windows()
    reason = "the supervisor died; rebuilt from what it had saved"
    result = replace(
        checkpoint,
        record=record,
        measured_to=max(checkpoint.measured_to, windows[-1].end if windows else 0.0),
        abort=reason,
        abort_code=int(ExitCode.COULD_NOT_RUN),
        finished=True,
    )
    return judged(result, saved_rules(checkpoint))


def _take_over(record: RunRecord, checkpoint: RunRecord) -> None:
    """Rows say neither how many users there were nor what was dropped; the checkpoint does, as far as it reaches."""
    for part in checkpoint.arrival_windows():
        if part.arrivals.offered:
            record.merge(Delta(0, "checkpoint", {}, {}, {int(part.start): part.arrivals}))
    for window in checkpoint.windows():
        if window.users is not None:
            for second in range(int(window.start), int(window.end)):
                record.set_users(second, {"": round(window.users)})
    for window, strain in zip(checkpoint.windows(), checkpoint.strains(), strict=True):
        record.add_strain(window.end, strain)
    record.user_peak = checkpoint.user_peak
    record.users_by_class_peak = dict(checkpoint.users_by_class_peak)
