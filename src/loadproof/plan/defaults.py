"""The rules that hold where nobody wrote others, and how layers of rules become one list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from loadproof.plan.thresholds import parse_threshold

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from loadproof.plan.model import Threshold

Kind = Literal["service", "locustfile"]

_EXCEPTIONS = "exceptions = 0"
_COVERAGE = "coverage = 100%"
_ERROR_RATE = "error_rate: warn >= 1%, fail >= 5%"
_SERVICE_TIMES = ("avg(response_time): warn >= 1s, fail >= 3s", "p95(response_time): warn >= 2s, fail >= 5s")
_LOCUSTFILE_TIMES = ("avg(response_time): warn >= 1s", "p95(response_time): warn >= 2s")
_THROUGHPUT = "throughput: warn <= 10/s, fail <= 1/s"
_DROPPED = "dropped_rate < 0.1%"
_DROPPED_AT_LEVELS = "dropped_rate < 1%"


def default_thresholds(kind: Kind, *, rps_limited: bool, is_open: bool = False) -> tuple[Threshold, ...]:
    """The rules of a run that nobody gave rules to.

    A service without code gets the whole table. A locustfile says nothing of what is slow for it: there the times only
    warn, and its throughput is its own affair. Where the rate is limited, or given, the throughput says nothing of the
    service; where it is given, arrivals that nobody was free for count.

    Args:
        kind: What is run.
        rps_limited: Whether the requests per second are limited.
        is_open: Whether anything arrives at a given rate.
    """
    texts = [_EXCEPTIONS, _COVERAGE, _ERROR_RATE, *(_LOCUSTFILE_TIMES if kind == "locustfile" else _SERVICE_TIMES)]
    if is_open:
        texts.append(_DROPPED)
    elif kind == "service" and not rps_limited:
        texts.append(_THROUGHPUT)
    return tuple(parse_threshold(text, source="default") for text in texts)


def default_level_thresholds(*, is_open: bool) -> tuple[Threshold, ...]:
    """The rules of a search's levels where nobody wrote others: for locustfiles too, some must be able to fail.

    Args:
        is_open: Whether levels are rates of arrivals.
    """
    texts = (_EXCEPTIONS, _ERROR_RATE, *_SERVICE_TIMES, *((_DROPPED_AT_LEVELS,) if is_open else ()))
    return tuple(parse_threshold(text, source="default") for text in texts)


def with_defaults(
    user_rules: Iterable[Threshold], kind: Kind, *, rps_limited: bool, is_open: bool = False
) -> tuple[Threshold, ...]:
    """The default rules that no rule of the user replaces, then the user's, in their order.

    A rule over all entries replaces the default one on the same metric and aggregation; one with a selector stands
    beside it.
    """
    return layered(default_thresholds(kind, rps_limited=rps_limited, is_open=is_open), user_rules)


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
    """What a rule looks at; the median is the quantile 0.5, and no selector is an empty one.

    A rule on windows, on a part of the run, or against a baseline says something else than one on the whole.
    """
    quantile = 0.5 if rule.aggregation == "med" else rule.quantile
    aggregation = "quantile" if rule.aggregation == "med" else rule.aggregation
    method = rule.selector.method.upper() if rule.selector.method else None
    selector = rule.selector.model_copy(update={"method": method})
    part = (rule.span, rule.after, rule.needs_baseline)
    return rule.metric, aggregation, quantile, tuple(selector.model_dump().items()), part
