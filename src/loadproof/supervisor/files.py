"""The end of a run: judge it, and write what people and machines read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loadproof.export import render_metrics
from loadproof.judge import exit_code, judge, overall
from loadproof.report import render_html
from loadproof.result import RunResult, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadproof.errors import ExitCode
    from loadproof.plan import Plan


def judged(
    result: RunResult, plan: Plan, *, abort_code: ExitCode | None = None, script_exit_code: int | None = None
) -> RunResult:
    """The result with its verdicts, its outcome, and the exit code with its reason."""
    verdicts = judge(plan.thresholds, result)
    outcome = overall(verdicts, result)
    code, reason = exit_code(
        outcome,
        verdicts,
        requests=result.record.samples,
        strict=plan.strict,
        allow_inconclusive=plan.allow_inconclusive,
        abort_code=abort_code,
        script_code=script_exit_code,
    )
    return replace(result, verdicts=verdicts, outcome=outcome, exit_code=code, exit_reason=reason)


def write_files(result: RunResult, directory: Path) -> list[str]:
    """Write ``run.json``, ``metrics.json`` and ``report.html``.

    One that cannot be written does not keep the others from being written.

    Returns:
        What could not be written, and why; empty when all is well.
    """
    complaints = []
    writers: tuple[tuple[str, Callable[[Path], None]], ...] = (
        ("run.json", result.save),
        ("metrics.json", lambda path: write_atomically(path, render_metrics(result))),
        ("report.html", lambda path: write_atomically(path, render_html(result))),
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
    return _rebuilt(result, result.directory)
