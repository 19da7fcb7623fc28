"""Rules as they are read again from the text that a verdict keeps of them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from loadproof.errors import UsageError
from loadproof.plan.thresholds import parse_threshold

if TYPE_CHECKING:
    from loadproof.plan import Threshold


@lru_cache(maxsize=1_000)
def rule_of(text: str) -> Threshold | None:
    """The rule; None where this version cannot read it, as a newer one may have written it."""
    try:
        return parse_threshold(text, source="")
    except UsageError:
        return None


def metric_of(text: str) -> str:
    """The metric that a rule is about; empty where that is not known."""
    rule = rule_of(text)
    return "" if rule is None else rule.metric


def plain_limits_of(text: str) -> list[float]:
    """The limits that a rule's text names, in the metric's own unit; empty where it names none that stands alone."""
    rule = rule_of(text)
    conditions = () if rule is None else (rule.warn, rule.fail)
    return [each.limit for each in conditions if each is not None and each.baseline is None]
