"""Why a run fails or skips its test, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.pytest_plugin.measured import outcome_text
from loadproof.report.wording import MARKS, plural, printable
from loadproof.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadproof.result import RunResult, Verdict

_SCRIPT_ERRORS_SHOWN = 3


def explain(result: RunResult) -> str:
    """Name, outcome and reason, the rules that did not hold with observed value and limit, and where the report is."""
    return "\n".join(_lines(result))


def _lines(result: RunResult) -> Iterator[str]:
    told = [verdict for verdict in result.verdicts if _is_told(verdict, result)]
    reason = f"ended before its time: {result.abort}" if result.abort else "" if told else result.exit_reason
    yield printable(f"{result.test_name}: {outcome_text(result)}{f', {reason}' if reason else ''}")
    for verdict in told:
        yield f"  {MARKS[verdict.outcome]} {verdict.rule}: {verdict.reason or 'holds'}{_rests_on(verdict)}"
    for error in result.exceptions[:_SCRIPT_ERRORS_SHOWN]:
        where = printable(f"{error.user_class}.{error.where}: {error.kind}: {error.message}")
        yield f"  {where} ({plural(error.count, 'time')})"
    if result.outcome is Outcome.INCONCLUSIVE and result.exit_code != 0:
        yield "  inconclusive is no pass: run longer, or skip such a test with allow_inconclusive=True"
    if result.directory is not None:
        yield f"report: {result.directory / 'report.html'}"


def _is_told(verdict: Verdict, result: RunResult) -> bool:
    """Whether a rule is why the run did not pass; one that only warns is where warnings fail."""
    if verdict.outcome is Outcome.WARN:
        return bool(result.plan.get("strict"))
    return verdict.outcome is not Outcome.PASS and (verdict.decisive or verdict.outcome is Outcome.FAIL)


def _rests_on(verdict: Verdict) -> str:
    return "" if verdict.observed is None or verdict.n in (0, verdict.observed) else f" ({plural(verdict.n, 'sample')})"
