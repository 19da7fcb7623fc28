"""The rules that hold where nobody wrote others, and how layers of rules become one list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from loadproof.plan.thresholds import parse_threshold

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from loadproof.plan.model import Threshold

Kind = Literal["service", "locustfile"]

_EXCEPTIONS = "exceptions = 0"
_ERROR_RATE = "error_rate: warn >= 1%, fail >= 5%"
_SERVICE_TIMES = ("avg(response_time): warn >= 1s, fail >= 3s", "p95(response_time): warn >= 2s, fail >= 5s")
_LOCUSTFILE_TIMES = ("avg(response_time): warn >= 1s", "p95(response_time): warn >= 2s")
_THROUGHPUT = "throughput: warn <= 10/s, fail <= 1/s"


def default_thresholds(kind: Kind, *, rps_limited: bool) -> tuple[Threshold, ...]:
    """The rules of a run that nobody gave rules to.

    A service without code gets the whole table. A locustfile says nothing of what is slow for it: there the times only
    warn, and its throughput is its own affair. A limit on the rate makes the throughput say nothing of the service.

    Args:
        kind: What is run.
        rps_limited: Whether the requests per second are limited.
    """
    if kind == "locustfile":
        texts = (_EXCEPTIONS, _ERROR_RATE, *_LOCUSTFILE_TIMES)
    else:
        texts = (_EXCEPTIONS, _ERROR_RATE, *_SERVICE_TIMES, *(() if rps_limited else (_THROUGHPUT,)))
    return tuple(parse_threshold(text, source="default") for text in texts)


def with_defaults(user_rules: Iterable[Threshold], kind: Kind, *, rps_limited: bool) -> tuple[Threshold, ...]:
    """The default rules that no rule of the user replaces, then the user's, in their order.

    A rule over all entries replaces the default one on the same metric and aggregation; one with a selector stands
    beside it.
    """
    rules = tuple(user_rules)
    replaced = {_quantity(rule) for rule in rules}
    defaults = default_thresholds(kind, rps_limited=rps_limited)
    return (*(rule for rule in defaults if _quantity(rule) not in replaced), *rules)


def layered(*layers: Iterable[Threshold]) -> tuple[Threshold, ...]:
    """Rules of several layers, lowest first: a rule replaces those of lower layers on the same quantity and selector.

    Rules of one layer stand side by side.
    """
    kept: tuple[Threshold, ...] = ()
    for layer in layers:
        rules = tuple(layer)
        replaced = {_quantity(rule) for rule in rules}
        kept = (*(rule for rule in kept if _quantity(rule) not in replaced), *rules)
    return kept


def _quantity(rule: Threshold) -> Hashable:
    """What a rule looks at; the median is the quantile 0.5, and no selector is an empty one."""
    quantile = 0.5 if rule.aggregation == "med" else rule.quantile
    aggregation = "quantile" if rule.aggregation == "med" else rule.aggregation
    selector = rule.selector
    method = selector.method.upper() if selector.method else None
    return rule.metric, aggregation, quantile, selector.name, method, selector.outcome
