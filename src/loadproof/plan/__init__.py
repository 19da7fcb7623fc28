"""The plan of a run: what to run, how hard, for how long, and by which rules it is judged."""

from __future__ import annotations

from loadproof.plan.defaults import default_thresholds, with_defaults
from loadproof.plan.model import (
    Capacity,
    Condition,
    CoverageGate,
    LocustTarget,
    Plan,
    Profile,
    RequestSpec,
    Scenario,
    Selector,
    Service,
    Span,
    Stage,
    Stress,
    Threshold,
)
from loadproof.plan.options import Options
from loadproof.plan.parse import load_plan, load_plans
from loadproof.plan.redact import effective_plan, redacted
from loadproof.plan.thresholds import parse_threshold

__all__ = [
    "Capacity",
    "Condition",
    "CoverageGate",
    "LocustTarget",
    "Options",
    "Plan",
    "Profile",
    "RequestSpec",
    "Scenario",
    "Selector",
    "Service",
    "Span",
    "Stage",
    "Stress",
    "Threshold",
    "default_thresholds",
    "effective_plan",
    "load_plan",
    "load_plans",
    "parse_threshold",
    "redacted",
    "with_defaults",
]
