"""What GitHub Actions shows of a run: the summary of the job, and an annotation for each rule that does not hold."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.report.markdown import render_markdown
from loadproof.report.wording import printable
from loadproof.result import Change, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from loadproof.result import RunResult

_MOST = 10
"""Annotations of each kind that GitHub shows of a step."""

_LONGEST = 500


def wants_github(*, asked: bool, environ: Mapping[str, str]) -> bool:
    """Whether GitHub is told: on request, and by itself in a job of GitHub Actions."""
    return asked or environ.get("GITHUB_ACTIONS") == "true"


def tell_github(result: RunResult) -> None:
    """Append the Markdown to the job's summary, and print the annotations.

    Outside of a job there is no summary; one that cannot be written is said in a warning, and costs nothing else.
    Neither does an output that is closed, or that cannot show what is printed.
    """
    lines = annotations_of(result)
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        try:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(render_markdown(result) + "\n")
        except OSError as error:
            what = f"the summary of the job could not be written: {error.strerror or error}"
            lines.append(_annotation("warning", "loadproof", what))
    encoding = sys.stdout.encoding or "utf-8"
    with suppress(OSError):
        for line in lines:
            print(line.encode(encoding, "replace").decode(encoding), flush=True)


def annotations_of(result: RunResult) -> list[str]:
    """Workflow commands, at most ten errors and ten warnings; empty for a run in which all went well.

    Errors: why a run ended before its time, rules that failed, and rules that could not be judged where that decides.
    Warnings: rules that warn, other rules that could not be judged, and regressions. Where exit code 0 was asked for
    inconclusive runs, what could not be judged is a warning; under ``--strict`` a warning is an error. Where the exit
    code is not 0 for a reason that no rule names, that reason is an error.
    """
    found = list(_found(result))
    if result.exit_code and not any(level == "error" for level, _, _ in found):
        found.insert(0, ("error", f"exit code {result.exit_code}", result.exit_reason))
    lines = []
    for level in ("error", "warning"):
        mine = [(title, text) for its, title, text in found if its == level]
        # The last one that GitHub shows says how many it does not.
        shown = mine if len(mine) <= _MOST else mine[: _MOST - 1]
        lines += [_annotation(level, f"{result.test_name}: {title}", text) for title, text in shown]
        if len(shown) < len(mine):
            left = f"{len(mine) - len(shown)} more like these are in the report"
            lines.append(_annotation(level, f"{result.test_name}: and more", left))
    return lines


def _found(result: RunResult) -> Iterator[tuple[str, str, str]]:
    """Level, title and text of each annotation."""
    if result.abort:
        yield "error", "ended before its time", result.abort
    warned = "error" if result.plan.get("strict") else "warning"
    allowed = bool(result.plan.get("allow_inconclusive"))
    for verdict in result.verdicts:
        if verdict.outcome is Outcome.FAIL:
            yield "error", f"FAIL {verdict.rule}", verdict.reason
        elif verdict.outcome is Outcome.INCONCLUSIVE:
            level = "error" if verdict.decisive and not allowed else "warning"
            yield level, f"INCONCLUSIVE {verdict.rule}", verdict.reason
        elif verdict.outcome is Outcome.WARN:
            yield warned, f"WARN {verdict.rule}", verdict.reason
    for each in () if result.comparison is None else result.comparison.differences:
        if each.change is Change.REGRESSED:
            level = "error" if result.plan.get("fail_on_regression") else "warning"
            yield level, f"REGRESSED {each.metric} of {each.title}", "against the baseline, see the summary"


def _annotation(level: str, title: str, text: str) -> str:
    """One workflow command; what has a meaning in it is escaped, so that no text of a target can be another one."""
    shown_title = _escaped(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={shown_title}::{_escaped(text) or 'see the summary'}"


def _escaped(text: str) -> str:
    line = printable(text, keep="\r\n")[:_LONGEST]
    return line.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
