"""The waist: what a run measured and how it was judged. Every later stage reads this and nothing else."""

from __future__ import annotations

from loadproof.result.comparison import Basis, Change, ComparedRun, Comparison, Difference
from loadproof.result.coverage import Coverage, Declared
from loadproof.result.files import new_run_id, write_atomically
from loadproof.result.intervention import Intervention, paused_within, pauses_of, told, touched
from loadproof.result.run import (
    SCHEMA_VERSION,
    Doubt,
    FailureSample,
    GeneratorHealth,
    Level,
    LevelRole,
    LevelUnit,
    RunResult,
    ScriptError,
    SearchOutcome,
    SearchResult,
    Snapshot,
)
from loadproof.result.saved import (
    BASELINES,
    RESULTS,
    find_run,
    find_runs,
    keep_baseline,
    kept_baselines,
    load_runs,
    result_directories,
)
from loadproof.result.verdict import Observation, Outcome, Verdict

__all__ = [
    "BASELINES",
    "RESULTS",
    "SCHEMA_VERSION",
    "Basis",
    "Change",
    "ComparedRun",
    "Comparison",
    "Coverage",
    "Declared",
    "Difference",
    "Doubt",
    "FailureSample",
    "GeneratorHealth",
    "Intervention",
    "Level",
    "LevelRole",
    "LevelUnit",
    "Observation",
    "Outcome",
    "RunResult",
    "ScriptError",
    "SearchOutcome",
    "SearchResult",
    "Snapshot",
    "Verdict",
    "find_run",
    "find_runs",
    "keep_baseline",
    "kept_baselines",
    "load_runs",
    "new_run_id",
    "paused_within",
    "pauses_of",
    "result_directories",
    "told",
    "touched",
    "write_atomically",
]
