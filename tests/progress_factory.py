"""Runs that go on, made of results: what views of a moment are tested with."""

from __future__ import annotations

from pathlib import Path

from loadproof.judge import evaluate_all
from loadproof.plan.thresholds import parse_threshold
from loadproof.result import Snapshot
from loadproof.supervisor import Progress


def progress_of(result, *, rules=("requests > 10",), elapsed=9.0, **fields):
    """A run that goes on and has come as far as a result."""
    snapshot = Snapshot(
        record=result.record,
        measured_from=fields.pop("measured_from", result.measured_from),
        measured_to=result.measured_to,
        unfinished=result.unfinished,
        exception_count=result.exception_count,
        health=result.health,
        levels=result.levels,
        interventions=fields.pop("interventions", ()),
    )
    return Progress(
        test_name=result.test_name,
        directory=Path("somewhere"),
        elapsed=elapsed,
        run_time=fields.pop("run_time", 60.0),
        users=3,
        users_wanted=fields.pop("users_wanted", 5),
        snapshot=snapshot,
        verdicts=evaluate_all([parse_threshold(rule, source="test") for rule in rules], snapshot),
        levels=result.levels,
        **fields,
    )
