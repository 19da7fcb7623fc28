"""Loadproof: runs Locust suites unchanged, measures, judges, reports.

The public names are resolved when they are first used: ``import loadproof`` loads neither gevent nor Locust, which
would patch the interpreter that imports it.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadproof.errors import ExitCode, LoadproofError, RunError, UsageError
    from loadproof.export import render_metrics
    from loadproof.judge import evaluate
    from loadproof.load.custom import measure
    from loadproof.plan import Plan, Threshold, load_plan
    from loadproof.report import render_html, render_text
    from loadproof.result import Outcome, RunResult, Verdict
    from loadproof.supervisor import run_plan

    __version__: str

__all__ = [
    "ExitCode",
    "LoadproofError",
    "Outcome",
    "Plan",
    "RunError",
    "RunResult",
    "Threshold",
    "UsageError",
    "Verdict",
    "__version__",
    "evaluate",
    "load_plan",
    "measure",
    "render_html",
    "render_metrics",
    "render_text",
    "run_plan",
]

_HOMES = {
    "ExitCode": "loadproof.errors",
    "LoadproofError": "loadproof.errors",
    "Outcome": "loadproof.result",
    "Plan": "loadproof.plan",
    "RunError": "loadproof.errors",
    "RunResult": "loadproof.result",
    "Threshold": "loadproof.plan",
    "UsageError": "loadproof.errors",
    "Verdict": "loadproof.result",
    "evaluate": "loadproof.judge",
    "load_plan": "loadproof.plan",
    "measure": "loadproof.load.custom",
    "render_html": "loadproof.report",
    "render_metrics": "loadproof.export",
    "render_text": "loadproof.report",
    "run_plan": "loadproof.supervisor",
}


def __getattr__(name: str) -> Any:
    """Resolve a public name on its first use and keep it."""
    if name == "__version__":
        value: Any = metadata.version("loadproof")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
