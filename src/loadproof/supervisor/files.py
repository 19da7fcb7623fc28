"""The end of a run: judge it, and write what people and machines read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from loadproof.errors import ExitCode
from loadproof.export import render_metrics
from loadproof.judge import evaluate_all, exit_code, overall
from loadproof.plan import Threshold
from loadproof.record import Delta
from loadproof.record.rows import rebuild
from loadproof.report import render_html
from loadproof.report.junit import render_junit
from loadproof.report.markdown import render_markdown
from loadproof.result import RunResult, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from loadproof.record import RunRecord
    from loadproof.result import Coverage


class Rules(Protocol):
    """The part of a plan that a result is judged by."""

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """The rules."""

    @property
    def strict(self) -> bool:
        """Whether a warning fails."""

    @property
    def allow_inconclusive(self) -> bool:
        """Whether an inconclusive run exits 0."""


@dataclass(frozen=True, slots=True)
class SavedRules:
    """Rules as a saved run holds them."""

    thresholds: tuple[Threshold, ...]
    strict: bool
    allow_inconclusive: bool


def judged(
    result: RunResult,
    rules: Rules,
    *,
    abort: tuple[ExitCode, str] | None = None,
    script_exit_code: int | None = None,
    baseline: RunResult | None = None,
) -> RunResult:
    """The result with its verdicts, its outcome, and the exit code with its reason."""
    verdicts = evaluate_all(applying(rules.thresholds, result.coverage), result, baseline)
    outcome = overall(verdicts, result)
    code, reason = exit_code(
        outcome,
        verdicts,
        requests=result.record.samples,
        strict=rules.strict,
        allow_inconclusive=rules.allow_inconclusive,
        abort=abort,
        script_code=script_exit_code,
        search=result.search,
    )
    return replace(result, verdicts=verdicts, outcome=outcome, exit_code=code, exit_reason=reason)


def applying(thresholds: Iterable[Threshold], coverage: Coverage | None) -> tuple[Threshold, ...]:
    """The rules that there is something to judge by: nobody who declares nothing is asked what came of it."""
    due = coverage is not None and any(item.was_due for item in coverage.declared)
    return tuple(rule for rule in thresholds if due or rule.metric != "coverage" or rule.source != "default")


def write_files(result: RunResult, directory: Path) -> list[str]:
    """Write ``run.json``, ``metrics.json``, ``report.html``, and for CI servers ``junit.xml`` and ``summary.md``.

    One that cannot be written does not keep the others from being written.

    Returns:
        What could not be written, and why; empty when all is well.
    """
    complaints = []
    writers: tuple[tuple[str, Callable[[Path], None]], ...] = (
        ("run.json", result.save),
        ("metrics.json", lambda path: write_atomically(path, render_metrics(result))),
        ("report.html", lambda path: write_atomically(path, render_html(result))),
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
        finished=True,
    )
    rules = SavedRules(
        thresholds=tuple(Threshold.model_validate(rule) for rule in checkpoint.plan["thresholds"]),
        strict=checkpoint.plan["strict"],
        allow_inconclusive=checkpoint.plan["allow_inconclusive"],
    )
    return judged(result, rules, abort=(ExitCode.COULD_NOT_RUN, reason))


def _take_over(record: RunRecord, checkpoint: RunRecord) -> None:
    """Rows say neither how many users there were nor what was dropped; the checkpoint does, as far as it reaches."""
    for part in checkpoint.arrival_windows():
        if part.arrivals.offered:
            record.merge(Delta(0, "checkpoint", {}, {}, {int(part.start): part.arrivals}))
    for window in checkpoint.windows():
        if window.users is not None:
            for second in range(int(window.start), int(window.end)):
                record.set_users(second, {"": round(window.users)})
    record.user_peak = checkpoint.user_peak
    record.users_by_class_peak = dict(checkpoint.users_by_class_peak)
