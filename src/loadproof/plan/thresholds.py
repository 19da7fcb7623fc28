"""One rule's text -> ``Threshold``.

The grammar, as ``docs/thresholds.md`` has it::

    rule       = subject , ( operator , limit | ":" , level , [ "," , level ] ) ;
    subject    = duration , [ selector ] | number , [ selector ] ;
    duration   = aggregation , "(" , ( "response_time" | "service_time" | "iteration_time" ) , ")" ;
    number     = "error_rate" | "throughput" | "requests" | "failures" | "exceptions" | "unfinished"
               | "dropped" | "dropped_rate" | "capacity" | "breaking_level" ;
    aggregation= "avg" | "min" | "max" | "med" | "p" , digits , [ "." , digits ] ;
    selector   = "{" , pair , { "," , pair } , "}" ;
    pair       = ( "name" | "method" | "outcome" ) , "=" , ( word | quoted ) ;
    level      = ( "warn" | "fail" ) , operator , limit ;
    operator   = "<" | "<=" | ">" | ">=" | "=" | "==" | "!=" ;

A rule without levels states what must hold, a level states what breaks it; a ``Threshold`` keeps what breaks it.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal, get_args

from loadproof.errors import Problem, UsageError
from loadproof.plan.model import (
    Aggregation,
    AnswerMetric,
    Condition,
    CountMetric,
    DurationMetric,
    Metric,
    Operator,
    SampleOutcome,
    Selector,
    Threshold,
)
from loadproof.units import parse_duration, parse_quantile_label, parse_rate, parse_ratio

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["warn", "fail"]

_DURATIONS: dict[str, DurationMetric] = {metric: metric for metric in get_args(DurationMetric)}
_ANSWERS: tuple[AnswerMetric, ...] = get_args(AnswerMetric)
_NUMBERS: dict[str, CountMetric | AnswerMetric] = {metric: metric for metric in (*get_args(CountMetric), *_ANSWERS)}
_WHOLE_RUN = ("exceptions", "unfinished", "dropped", "dropped_rate", *_ANSWERS)
_SHARES = ("error_rate", "dropped_rate")
_RATES = ("throughput", *_ANSWERS)
_AGGREGATIONS: dict[str, Aggregation] = {"avg": "avg", "min": "min", "max": "max", "med": "med"}
_OUTCOMES: dict[str, SampleOutcome] = {outcome: outcome for outcome in get_args(SampleOutcome)}
_LEVELS: dict[str, Level] = {"warn": "warn", "fail": "fail"}
_OPERATORS: dict[str, Operator] = {
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "=": "==",
    "==": "==",
    "!=": "!=",
}
_NEGATED: dict[Operator, Operator] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_LATER_WORDS = ("for", "within", "over", "after", "abort", "baseline", "min_samples")
_LATER_METRICS = ("first_byte_time", "connect_time", "flow_time")
_OTHER_NAMES = {
    "rps": "throughput",
    "rate": "throughput",
    "errors": "failures",
    "fails": "failures",
    "error_ratio": "error_rate",
    "fail_ratio": "error_rate",
    "latency": "response_time",
    "duration": "response_time",
    "mean": "avg",
    "average": "avg",
    "dropped_iterations": "dropped",
    "iteration_duration": "iteration_time",
    "breaking_point": "breaking_level",
    "median": "med",
}
"""What peers call the same things; only ever suggested."""

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[^\W\d][\w.\-]*")
_OPERATOR = re.compile(r"[<>=!]+")
_LIMIT = re.compile(r"[0-9.][\w.]*(?:\s*%|\s*/\s*[a-z]+|\s+(?:ns|us|µs|ms|s|min|m|h|d)\b)?")
_BARE = re.compile(r"[^\s,{}=\"']+")
_WIDEST = 160


def parse_threshold(text: str, *, source: str) -> Threshold:
    """Read one rule.

    Args:
        text: The rule, such as ``p95(response_time) < 500ms``.
        source: The layer that it comes from; becomes ``Threshold.source`` and the problem's ``where``.

    Raises:
        UsageError: With one problem, whose text points at the column: ``threshold-syntax``, ``threshold-aggregation``,
            ``unknown-metric`` or ``threshold-unit``.
    """
    return _Reader(text, source).rule()


class _Reader:
    """Reads a rule from left to right; ``_at`` is the offset of what comes next."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text.rstrip()
        self._source = source
        self._at = 0
        self._skip_space()

    def rule(self) -> Threshold:
        metric, aggregation, quantile = self._subject()
        selector = self._selector(metric) if self._peek("{") else Selector()
        if self._peek(":"):
            self._at += 1
            warn, fail = self._levels(metric)
        else:
            operator, limit = self._comparison(metric, or_else="or ':' and levels ")
            warn, fail = None, Condition(operator=_NEGATED[operator], limit=limit)
        self._end()
        return Threshold(
            text=self._text.strip(),
            metric=metric,
            aggregation=aggregation,
            quantile=quantile,
            selector=selector,
            warn=warn,
            fail=fail,
            source=self._source,
        )

    def _subject(self) -> tuple[Metric, Aggregation | None, float | None]:
        start = self._at
        word = self._word(f"expected a metric: {_listed(_every_subject())}")
        if self._peek("("):
            return self._aggregated(word, start)
        if word in _NUMBERS:
            return _NUMBERS[word], None, None
        if word in _DURATIONS:
            raise self._error(
                "threshold-aggregation",
                start,
                f"{word} is a duration of each request and needs an aggregation",
                f"write avg({word}), max({word}) or p95({word})",
            )
        if word in _AGGREGATIONS or _is_quantile(word):
            raise self._error("threshold-syntax", self._at, f"{word} of what?", f"write {word}(response_time)")
        raise self._unknown_metric(word, start, _every_subject())

    def _aggregated(self, word: str, start: int) -> tuple[Metric, Aggregation, float | None]:
        aggregation, quantile = self._aggregation(word, start)
        self._at += 1
        self._skip_space()
        metric_start = self._at
        name = self._word(f"expected a duration metric: {_listed(_DURATIONS)}")
        if name in _NUMBERS:
            raise self._error(
                "threshold-aggregation", start, f"{name} is one number already and takes no {word}()", f"write {name}"
            )
        if name not in _DURATIONS:
            raise self._unknown_metric(name, metric_start, _DURATIONS)
        self._expect(")")
        return _DURATIONS[name], aggregation, quantile

    def _aggregation(self, word: str, start: int) -> tuple[Aggregation, float | None]:
        if word in _AGGREGATIONS:
            return _AGGREGATIONS[word], None
        if _is_quantile(word):
            quantile = parse_quantile_label(word)
            if 0 < quantile < 1:
                return "quantile", quantile
            raise self._error(
                "threshold-aggregation",
                start,
                f"{word} is no quantile; allowed are those between p0 and p100",
                f"write {'min' if quantile == 0 else 'max'}",
            )
        if word == "p":
            raise self._error(
                "threshold-aggregation", start, "the quantile is part of the name", "write p95(response_time)"
            )
        allowed = [*_AGGREGATIONS, "p50", "p90", "p95", "p99", "p99.9"]
        raise self._error(
            "threshold-aggregation",
            start,
            f"there is no aggregation {word}; allowed are {', '.join(_AGGREGATIONS)} and quantiles such as p95",
            _did_you_mean(word, allowed),
        )

    def _selector(self, metric: Metric) -> Selector:
        if metric in _WHOLE_RUN:
            raise self._error(
                "threshold-syntax", self._at, f"{metric} is counted for the whole run and takes no selector"
            )
        self._at += 1
        pairs: dict[str, str] = {}
        while True:
            self._skip_space()
            start = self._at
            key = self._word("expected name, method or outcome")
            if key not in Selector.model_fields:
                known = list(Selector.model_fields)
                raise self._error(
                    "threshold-syntax",
                    start,
                    f"{key} selects nothing; allowed are {_listed(known)}",
                    _did_you_mean(key, known),
                )
            if key == "method" and metric == "iteration_time":
                raise self._error("threshold-syntax", start, "an iteration has no method", "write name=UserClass.task")
            if key in pairs:
                raise self._error("threshold-syntax", start, f"{key} is given twice")
            self._expect("=")
            value_start = self._at
            pairs[key] = self._selected()
            if key == "outcome":
                self._check_outcome(metric, pairs[key], start, value_start)
            if not self._peek(","):
                break
            self._at += 1
        self._expect("}")
        outcome = _OUTCOMES[pairs["outcome"]] if "outcome" in pairs else None
        return Selector(name=pairs.get("name"), method=pairs.get("method"), outcome=outcome)

    def _selected(self) -> str:
        start = self._at
        quote = self._text[start : start + 1]
        if quote and quote in "\"'":
            end = self._text.find(quote, start + 1)
            if end < 0:
                raise self._error("threshold-syntax", start, "this quote is never closed")
            value = self._text[start + 1 : end]
            self._at = end + 1
        else:
            match = _BARE.match(self._text, start)
            value = match[0] if match else ""
            self._at = start + len(value)
        if not value:
            raise self._error(
                "threshold-syntax", start, "expected what to select", 'write name="/checkout" or method=GET'
            )
        self._skip_space()
        return value

    def _check_outcome(self, metric: Metric, outcome: str, start: int, value_start: int) -> None:
        if metric not in _DURATIONS:
            raise self._error("threshold-syntax", start, f"outcome selects among durations, and {metric} is none")
        if outcome not in _OUTCOMES:
            raise self._error(
                "threshold-syntax",
                value_start,
                f"there is no outcome {outcome}; allowed are {_listed(_OUTCOMES)}",
                _did_you_mean(outcome, _OUTCOMES),
            )

    def _levels(self, metric: Metric) -> tuple[Condition | None, Condition | None]:
        levels: dict[Level, Condition] = {}
        while True:
            self._skip_space()
            start = self._at
            word = self._word("expected warn or fail")
            if word not in _LEVELS:
                raise self._error("threshold-syntax", start, "expected warn or fail", _did_you_mean(word, _LEVELS))
            level = _LEVELS[word]
            if level in levels:
                raise self._error("threshold-syntax", start, f"{level} is given twice")
            operator, limit = self._comparison(metric)
            levels[level] = Condition(operator=operator, limit=limit)
            if not self._peek(","):
                break
            self._at += 1
        warn, fail = levels.get("warn"), levels.get("fail")
        if warn and fail and _never_warns(warn, fail):
            raise self._error(
                "threshold-syntax",
                start,
                "it would fail before it warns",
                "levels state what breaks the rule: 'warn >= 1s, fail >= 3s'",
            )
        return warn, fail

    def _comparison(self, metric: Metric, or_else: str = "") -> tuple[Operator, float]:
        match = _OPERATOR.match(self._text, self._at)
        if match is None or match[0] not in _OPERATORS:
            self._refuse_later_word()
            raise self._error(
                "threshold-syntax", self._at, f"expected a comparison {or_else}here", "one of < <= > >= = !="
            )
        self._at = match.end()
        self._skip_space()
        return _OPERATORS[match[0]], self._limit(metric)

    def _limit(self, metric: Metric) -> float:
        match = _LIMIT.match(self._text, self._at)
        if match is None:
            self._refuse_later_word()
            raise self._error("threshold-syntax", self._at, "expected a limit", f"such as {_example_limit(metric)}")
        try:
            limit = _read_limit(metric, match[0])
        except ValueError as error:
            raise self._error(
                "threshold-unit", self._at, str(error), f"write for example {_example_limit(metric)}"
            ) from None
        self._at = match.end()
        self._skip_space()
        return limit

    def _end(self) -> None:
        if self._at < len(self._text):
            self._refuse_later_word()
            raise self._error(
                "threshold-syntax", self._at, "the rule is complete before this", "give one rule per line"
            )

    def _word(self, expected: str) -> str:
        match = _WORD.match(self._text, self._at)
        if match is None:
            raise self._error("threshold-syntax", self._at, expected)
        if match[0] in _LATER_WORDS:
            self._refuse_later_word()
        self._at = match.end()
        self._skip_space()
        return match[0]

    def _refuse_later_word(self) -> None:
        """Name what newer versions know, where it stands next; otherwise do nothing."""
        match = _WORD.match(self._text, self._at)
        if match and match[0] in _LATER_WORDS:
            raise self._error(
                "threshold-syntax",
                self._at,
                f"{match[0]!r} is not supported in this version",
                "a rule is judged on the whole run",
            )

    def _peek(self, mark: str) -> bool:
        return self._text.startswith(mark, self._at)

    def _expect(self, mark: str) -> None:
        if not self._peek(mark):
            self._refuse_later_word()
            raise self._error("threshold-syntax", self._at, f"expected {mark!r} here")
        self._at += 1
        self._skip_space()

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _unknown_metric(self, word: str, start: int, allowed: Iterable[str]) -> UsageError:
        if word in _LATER_METRICS:
            return self._error("unknown-metric", start, f"{word} is not supported in this version")
        return self._error(
            "unknown-metric",
            start,
            f"there is no metric {word}; allowed are {_listed(allowed)}",
            _did_you_mean(word, [*_DURATIONS, *_NUMBERS]),
        )

    def _error(self, slug: str, at: int, what: str, hint: str | None = None) -> UsageError:
        shown = "".join(letter if letter.isprintable() else " " for letter in self._text)
        start = max(0, at - _WIDEST // 2)
        pointer = " " * (at - start) + "^"
        what = f"{what} (column {at + 1})\n    {shown[start : start + _WIDEST]}\n    {pointer}"
        return UsageError([Problem(slug, self._source, what, hint)])


def _read_limit(metric: Metric, text: str) -> float:
    text = " ".join(text.split())
    if metric in _DURATIONS:
        if re.fullmatch(r"[0-9.]+", text):
            raise ValueError(f"{metric} is a duration, and {text} says no unit: {text}ms or {text}s?")
        return parse_duration(text)
    if metric in _SHARES:
        ratio = parse_ratio(text)
        if ratio > 1:
            raise ValueError(f"{text} is more than all: {metric} is a share from 0% to 100%")
        if ratio == 1 and "%" not in text:
            raise ValueError(f"{text} may mean 1% or 100%")
        return ratio
    if metric in _RATES:
        return parse_rate(text)
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError(f"{metric} is a count, and {text!r} is not a whole number")
    return float(text)


def _example_limit(metric: Metric) -> str:
    if metric in _SHARES:
        return "1%"
    if metric in ("throughput", "capacity"):
        return "10/s"
    return "500ms" if metric in _DURATIONS else "100"


def _never_warns(warn: Condition, fail: Condition) -> bool:
    if warn.operator in (">", ">=") and fail.operator in (">", ">="):
        return fail.limit < warn.limit
    if warn.operator in ("<", "<=") and fail.operator in ("<", "<="):
        return fail.limit > warn.limit
    return False


def _is_quantile(word: str) -> bool:
    try:
        parse_quantile_label(word)
    except ValueError:
        return False
    return word != "med"


def _every_subject() -> list[str]:
    return [*(f"p95({metric})" for metric in _DURATIONS), *_NUMBERS]


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _did_you_mean(word: str, allowed: Iterable[str]) -> str | None:
    close = _OTHER_NAMES.get(word) or next(iter(get_close_matches(word.lower(), list(allowed), n=1)), None)
    return f"did you mean {close}?" if close else None
