"""The pytest fixture as a user's type checker sees it; checked, never run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import loadproof as package

if TYPE_CHECKING:
    from loadproof.pytest_plugin import LoadRunner, MeasuredRun


@pytest.mark.loadproof("p95(response_time) < 500ms", allow_inconclusive=True)
def test_figures(loadproof: LoadRunner) -> None:
    """Every figure has a plain type."""
    run: MeasuredRun = loadproof.run(Path("locustfile.py"), users=5, run_time="10s", host="http://127.0.0.1:8080")
    p95: float = run.p95("/checkout", method="POST")
    slow: float = run.quantile(0.999, metric="service_time", min_samples=1)
    requests: int = run.requests("/api/*")
    names: tuple[str, ...] = run.endpoints
    passed: bool = run.passed and run.outcome is package.Outcome.PASS
    verdict: package.Verdict = run.judge("error_rate < 1%")
    result: package.RunResult = run.result
    report: Path = run.report
    print(p95, slow, requests, names, passed, verdict, result, report)  # noqa: T201 - never run


async def test_others(loadproof: LoadRunner) -> None:
    """A plan, a service, and a run in a thread."""
    plan: package.Plan = package.load_plan("shop", run_time=10)
    first: MeasuredRun = await loadproof.run_async(plan, check=False)
    second: MeasuredRun = await asyncio.to_thread(loadproof.run, "shop", rate="20/s", duration="10s")
    runs: list[MeasuredRun] = loadproof.runs
    print(first, second, runs)  # noqa: T201 - never run
