"""JUDGE: holds rules against what was measured. Live and saved runs are judged by the same code."""

from __future__ import annotations

from loadproof.judge.conclusion import exit_code, overall
from loadproof.judge.levels import MeasuredLevel, judge_level
from loadproof.judge.rules import Measurements, evaluate, evaluate_all

__all__ = [
    "MeasuredLevel",
    "Measurements",
    "evaluate",
    "evaluate_all",
    "exit_code",
    "judge_level",
    "overall",
]
