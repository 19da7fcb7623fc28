"""Runs held against others: what changed, how sure that is, and what else differs."""

from __future__ import annotations

from loadproof.compare.limits import TOLERANCES
from loadproof.compare.runs import compare_runs

__all__ = ["TOLERANCES", "compare_runs"]
