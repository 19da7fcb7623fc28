"""What verdicts come to together: the outcome of a run, and the code that the command exits with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.errors import ExitCode
from loadproof.judge.limits import breaks
from loadproof.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loadproof.judge.observed import Measurements
    from loadproof.plan import Threshold
    from loadproof.result import SearchResult, Verdict


def overall(verdicts: Sequence[Verdict], measurements: Measurements) -> Outcome:
    """What a run came to.

    A failed rule fails it. It is inconclusive when no request was measured at all, when a search found no answer, or
    when a rule that could have failed could not be judged; rules that only warn never make it so.
    """
    outcomes = {verdict.outcome for verdict in verdicts}
    if Outcome.FAIL in outcomes:
        return Outcome.FAIL
    unsettled = any(verdict.outcome is Outcome.INCONCLUSIVE and verdict.decisive for verdict in verdicts)
    if not measurements.record.samples or unsettled or _is_unanswered(measurements.search):
        return Outcome.INCONCLUSIVE
    return Outcome.WARN if Outcome.WARN in outcomes else Outcome.PASS


def exit_code(
    outcome: Outcome,
    verdicts: Sequence[Verdict],
    *,
    requests: int,
    strict: bool = False,
    allow_inconclusive: bool = False,
    abort: tuple[ExitCode, str] | None = None,
    script_code: int | None = None,
    search: SearchResult | None = None,
    regression: str | None = None,
) -> tuple[int, str]:
    """What the command exits with, and why in words.

    Precedence: the code of a run that ended before its time, a code that the script set, failed, nothing measurable,
    a warning under ``strict``, a regression, some rule inconclusive, pass. Without requests only counts can fail, and
    such a failure was measured.

    Args:
        outcome: What the run came to.
        verdicts: How each rule came out.
        requests: Requests measured.
        strict: Whether a warning fails.
        allow_inconclusive: Whether an inconclusive run exits 0.
        abort: Code and reason of a run that ended before its time; None for one that did not.
        script_code: ``process_exit_code`` as the script set it; None where it did not.
        search: What a search found; None for a plain run.
        regression: What regressed against the baseline, in words, where that is to fail the run; None where nothing
            did.
    """
    if abort is not None:
        return int(abort[0]), abort[1]
    if script_code is not None:
        return script_code, f"the script set process_exit_code to {script_code}; the verdict alone would be {outcome}"
    failed = _named(verdicts, Outcome.FAIL)
    if failed:
        return int(ExitCode.FAILED), f"failed: {failed}"
    if not requests or (search is not None and _is_unanswered(search)):
        missing = "not one request was finished" if search is None else search.reason
        return _inconclusive(missing, allowed=allow_inconclusive)
    warned = _named(verdicts, Outcome.WARN)
    if warned and strict:
        return int(ExitCode.FAILED), f"warnings fail with --strict: {warned}"
    if regression is not None:
        return int(ExitCode.REGRESSED), regression
    if outcome is Outcome.INCONCLUSIVE:
        unsettled = _named([v for v in verdicts if v.decisive], Outcome.INCONCLUSIVE)
        return _inconclusive(f"could not be judged: {unsettled}", allowed=allow_inconclusive)
    answer = "every rule holds" if search is None else search.reason
    return int(ExitCode.PASS), f"warning: {warned}" if warned else answer


def reason_to_end(rules: Sequence[Threshold], verdicts: Sequence[Verdict]) -> tuple[Verdict, str] | None:
    """The first rule with ``abort`` that failed for good, and why in words; None where none did.

    A rule on the run so far waits until the whole interval of its value breaks the limit: the first request that fails
    is 100 % of all. A rule on a window does not wait: its window is what it waits for.
    """
    for rule, verdict in zip(rules, verdicts, strict=True):
        if not rule.abort or verdict.outcome is not Outcome.FAIL or verdict.limit is None or rule.fail is None:
            continue
        if rule.span is None and verdict.interval is not None:
            near = min(verdict.interval) if rule.fail.operator in (">", ">=") else max(verdict.interval)
            if not breaks(near, rule.fail.operator, verdict.limit):
                continue
        return verdict, f"ended by the rule {verdict.rule}: {verdict.reason}"
    return None


def _is_unanswered(search: SearchResult | None) -> bool:
    return search is not None and search.outcome in ("generator_limited", "unsettled", "interrupted")


def _inconclusive(reason: str, *, allowed: bool) -> tuple[int, str]:
    return (int(ExitCode.PASS), f"{reason} (allowed)") if allowed else (int(ExitCode.INCONCLUSIVE), reason)


def _named(verdicts: Iterable[Verdict], outcome: Outcome) -> str:
    return "; ".join(verdict.rule for verdict in verdicts if verdict.outcome is outcome)
