"""The public names as a user's type checker sees them; checked, never run."""

from __future__ import annotations

from pathlib import Path

import loadproof
from loadproof import ExitCode, LoadproofError, Outcome, Plan, RunResult, Threshold, UsageError, Verdict


def run_and_read() -> None:
    """The path of a script: plan, run, judge, render."""
    plan: Plan = loadproof.load_plan("locustfile.py", host="http://127.0.0.1:8080", users=10, run_time="1m")
    try:
        result: RunResult = loadproof.run_plan(plan, cwd=Path())
    except UsageError as error:
        problems: list[str] = [problem.what for problem in error.problems]
        raise SystemExit("\n".join(problems)) from error
    except LoadproofError as error:
        code: ExitCode = error.exit_code
        raise SystemExit(int(code)) from error
    rule: Threshold = plan.thresholds[0]
    verdict: Verdict = loadproof.evaluate(rule, result)
    failed: bool = verdict.outcome is Outcome.FAIL
    html: str = loadproof.render_html(result)
    text: str = loadproof.render_text(result, report_path=None)
    metrics: str = loadproof.render_metrics(result)
    again: RunResult = RunResult.load(Path("run.json"))
    again.save(Path("copy.json"))
    print(failed, html, text, metrics)  # noqa: T201 - never run
