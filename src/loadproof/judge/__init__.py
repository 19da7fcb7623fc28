"""JUDGE: holds rules against what was measured. Live and saved runs are judged by the same code."""

from __future__ import annotations

from loadproof.judge.conclusion import exit_code, overall, reason_to_end
from loadproof.judge.levels import MeasuredLevel, judge_level
from loadproof.judge.observed import Measurements, observe_baseline, tag_of
from loadproof.judge.rules import evaluate, evaluate_all
from loadproof.judge.windows import Watch

__all__ = [
    "MeasuredLevel",
    "Measurements",
    "Watch",
    "evaluate",
    "evaluate_all",
    "exit_code",
    "judge_level",
    "observe_baseline",
    "overall",
    "reason_to_end",
    "tag_of",
]
