"""One rule's text -> ``Threshold``.

The grammar, as ``docs/thresholds.md`` has it::

    rule       = subject , ( operator , limit | ":" , level , [ "," , level ] ) , { modifier } ;
    subject    = ( aggregation , "(" , metric , ")" | metric ) , [ selector ] ;
    aggregation= "avg" | "min" | "max" | "med" | "p" , digits , [ "." , digits ] | "rate" | "count" ;
    selector   = "{" , pair , { "," , pair } , "}" ;
    pair       = key , "=" , ( word | quoted ) ;
    level      = ( "warn" | "fail" ) , operator , limit ;
    operator   = "<" | "<=" | ">" | ">=" | "=" | "==" | "!=" ;
    limit      = quantity | "baseline" , [ "*" , decimal ] , [ ( "+" | "-" ) , quantity ] ;
    modifier   = ( "for" | "within" | "over" | "after" ) , time | "min_samples" , digits | "abort" ;

What may be said of which metric is in ``loadproof.plan.metrics``. A rule without levels states what must hold, a level
states what breaks it; a ``Threshold`` keeps what breaks it.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, get_args

from loadproof.errors import Problem, UsageError
from loadproof.plan.metrics import ANSWERS, METRICS, spec_of, subjects, unit_of
from loadproof.plan.model import Aggregation, Condition, Operator, SampleOutcome, Selector, Span, Threshold
from loadproof.units import parse_bytes, parse_duration, parse_quantile_label, parse_rate, parse_ratio, quantile_label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from loadproof.plan.metrics import MetricSpec

Level = Literal["warn", "fail"]

_AGGREGATIONS: dict[str, Aggregation] = {word: word for word in get_args(Aggregation) if word != "quantile"}
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
_UPPER, _LOWER = (">", ">="), ("<", "<=")
_SPANS: dict[str, Literal["for", "within", "over"]] = {"for": "for", "within": "within", "over": "over"}
_MODIFIERS = (*_SPANS, "after", "min_samples", "abort")
_OTHER_NAMES = {
    "rps": "throughput",
    "errors": "failures",
    "fails": "failures",
    "error_ratio": "error_rate",
    "fail_ratio": "error_rate",
    "latency": "response_time",
    "duration": "response_time",
    "ttfb": "first_byte_time",
    "mean": "avg",
    "average": "avg",
    "dropped_iterations": "dropped",
    "iteration_duration": "iteration_time",
    "breaking_point": "breaking_level",
    "group_duration": "flow_time",
    "median": "med",
    "cpu": "generator_cpu",
    "user_class": "class",
    "endpoint": "name",
    "abortOnFail": "abort",
    "stop": "abort",
}
"""What peers call the same things; only ever suggested."""

_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[^\W\d][\w.\-]*")
_OPERATOR = re.compile(r"[<>=!]+")
_LIMIT = re.compile(r"[0-9.][\w.]*(?:\s*%|\s*/\s*[a-z]+|\s+(?:ns|us|µs|ms|s|min|m|h|d|B|kB|MB|GB|TB)\b(?:\s*/\s*s)?)?")
_TIME = re.compile(r"(?:[0-9.]+\s*(?:ns|us|µs|ms|min|s|m|h|d)\s*)+")
_FACTOR = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_DIGITS = re.compile(r"[0-9]{1,9}(?![\w.])")
_BARE = re.compile(r"[^\s,{}=\"']+")
_STATUS = re.compile(r"[1-5](?:[0-9]{2}|xx)")
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
        self._metric, self._unit = "", "count"
        self._skip_space()

    def rule(self) -> Threshold:
        start = self._at
        metric, aggregation, quantile = self._subject()
        spec = spec_of(metric)
        assert spec is not None
        self._metric, self._unit = metric, unit_of(metric, aggregation)
        selector = self._selector(metric, spec) if self._peek("{") else Selector()
        if self._peek(":"):
            self._at += 1
            warn, fail = self._levels()
        else:
            operator, limit, baseline = self._comparison(or_else="or ':' and levels ")
            warn, fail = None, Condition(operator=_NEGATED[operator], limit=limit, baseline=baseline)
        modifiers = self._modifiers(spec, selector, warn, fail)
        self._end()
        threshold = Threshold(
            text=self._text.strip(),
            metric=metric,
            aggregation=aggregation,
            quantile=quantile,
            selector=selector,
            warn=warn,
            fail=fail,
            source=self._source,
            **modifiers,
        )
        if threshold.needs_baseline and metric in ANSWERS:
            raise self._error("threshold-syntax", start, f"{metric} is not compared with a baseline")
        return threshold

    def _subject(self) -> tuple[str, Aggregation | None, float | None]:
        start = self._at
        word = self._word(f"expected a metric: {_listed(subjects())}")
        if self._peek("("):
            return self._aggregated(word, start)
        spec = spec_of(word)
        if spec is not None:
            if spec.bare:
                return word, None, None
            raise self._error(
                "threshold-aggregation", start, f"{word} has many values and needs an aggregation", _examples(word)
            )
        if word in _AGGREGATIONS or _is_quantile(word):
            raise self._error("threshold-syntax", self._at, f"{word} of what?", f"write {word}(response_time)")
        raise self._unknown_metric(word, start, subjects())

    def _aggregated(self, word: str, start: int) -> tuple[str, Aggregation, float | None]:
        aggregation, quantile = self._aggregation(word, start)
        self._at += 1
        self._skip_space()
        metric_start = self._at
        allowed = [name for name, spec in METRICS.items() if spec.aggregations]
        name = self._word(f"expected a metric that has many values: {_listed(allowed)}")
        spec = spec_of(name)
        if spec is None:
            raise self._unknown_metric(name, metric_start, [*allowed, "measure.NAME"])
        if not spec.aggregations:
            raise self._error(
                "threshold-aggregation", start, f"{name} is one number already and takes no {word}()", f"write {name}"
            )
        if aggregation not in spec.aggregations and word not in spec.aggregations:
            raise self._error(
                "threshold-aggregation",
                start,
                f"{name} has no {word}; allowed are {_listed(_labels(spec))}",
                _examples(name),
            )
        self._expect(")")
        return name, aggregation, quantile

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

    def _selector(self, metric: str, spec: MetricSpec) -> Selector:
        if not spec.keys:
            raise self._error("threshold-syntax", self._at, f"{metric} is of the whole run and takes no selector")
        self._at += 1
        pairs: dict[str, Any] = {}
        while True:
            self._skip_space()
            start = self._at
            key = self._word(f"expected {_listed(spec.keys, 'or')}")
            if key not in spec.keys:
                raise self._error(
                    "threshold-syntax",
                    start,
                    f"{key} selects nothing of {metric}; allowed {_are(spec.keys)}",
                    _did_you_mean(key, spec.keys),
                )
            field = {"class": "user_class", "flow": "name"}.get(key, key)
            if field in pairs:
                raise self._error("threshold-syntax", start, f"{key} is given twice")
            self._expect("=")
            pairs[field] = self._value_of(key, self._at)
            if not self._peek(","):
                break
            self._at += 1
        self._expect("}")
        if {"user_class", "scenario"} <= pairs.keys() or {"kind", "status"} <= pairs.keys():
            both = "class and scenario" if "scenario" in pairs else "kind and status"
            raise self._error("threshold-syntax", self._at - 1, f"{both} do not go together", "select by one of them")
        return Selector(**pairs)

    def _value_of(self, key: str, start: int) -> str | float:
        """What stands behind ``key=``."""
        value = self._selected()
        if key == "outcome" and value not in _OUTCOMES:
            raise self._error(
                "threshold-syntax",
                start,
                f"there is no outcome {value}; allowed are {_listed(_OUTCOMES)}",
                _did_you_mean(value, _OUTCOMES),
            )
        if key == "status" and not _STATUS.fullmatch(value):
            raise self._error("threshold-syntax", start, f"{value} is no HTTP status", "write status=503 or status=5xx")
        if key == "level":
            try:
                return parse_rate(value)
            except ValueError:
                raise self._error(
                    "threshold-syntax", start, f"{value} is no level", "write the level's load: level=50"
                ) from None
        return value

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

    def _levels(self) -> tuple[Condition | None, Condition | None]:
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
            operator, limit, baseline = self._comparison()
            levels[level] = Condition(operator=operator, limit=limit, baseline=baseline)
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

    def _comparison(self, or_else: str = "") -> tuple[Operator, float, float | None]:
        match = _OPERATOR.match(self._text, self._at)
        if match is None or match[0] not in _OPERATORS:
            raise self._error(
                "threshold-syntax", self._at, f"expected a comparison {or_else}here", "one of < <= > >= = !="
            )
        self._at = match.end()
        self._skip_space()
        word = _WORD.match(self._text, self._at)
        if word is not None and word[0] == "baseline":
            self._at = word.end()
            return _OPERATORS[match[0]], *self._baseline()
        return _OPERATORS[match[0]], self._limit(), None

    def _baseline(self) -> tuple[float, float]:
        """What is added to the baseline's value, and its factor."""
        factor, offset = 1.0, 0.0
        self._skip_space()
        if self._peek("*"):
            self._at += 1
            self._skip_space()
            match = _FACTOR.match(self._text, self._at)
            if match is None or not float(match[0]):
                raise self._error("threshold-syntax", self._at, "expected a factor", "such as baseline * 1.1")
            factor = float(match[0])
            self._at = match.end()
            self._skip_space()
        for sign, mark in ((1.0, "+"), (-1.0, "-")):
            if self._peek(mark):
                self._at += 1
                self._skip_space()
                offset = sign * self._limit()
                break
        return offset, factor

    def _limit(self) -> float:
        match = _LIMIT.match(self._text, self._at)
        if match is None:
            raise self._error("threshold-syntax", self._at, "expected a limit", f"such as {self._example_limit()}")
        text = match[0]
        more = _TIME.match(self._text, self._at) if self._unit == "s" else None
        if more is not None and len(more[0].rstrip()) > len(text):
            text = more[0].rstrip()
        try:
            limit = _read_limit(self._metric, self._unit, text)
        except ValueError as error:
            raise self._error(
                "threshold-unit", self._at, str(error), f"write for example {self._example_limit()}"
            ) from None
        self._at += len(text)
        self._skip_space()
        return limit

    def _example_limit(self) -> str:
        if self._metric == "breaking_level":
            return "80"
        return _EXAMPLES[self._unit]

    def _modifiers(
        self, spec: MetricSpec, selector: Selector, warn: Condition | None, fail: Condition | None
    ) -> dict[str, Any]:
        """What stands behind the limit, by the field that it sets."""
        found: dict[str, Any] = {}
        while (match := _WORD.match(self._text, self._at)) is not None:
            start, word = self._at, match[0]
            if word not in _MODIFIERS:
                raise self._error(
                    "threshold-syntax",
                    start,
                    f"{word} says nothing here; a limit may be followed by {_listed(_MODIFIERS)}",
                    _did_you_mean(word, _MODIFIERS),
                )
            field = "span" if word in _SPANS else word
            if field in found:
                raise self._error("threshold-syntax", start, f"{word} is one too many")
            self._at = match.end()
            self._skip_space()
            if word == "abort":
                self._check_abort(spec, fail, start)
                found[field] = True
            elif not spec.by_time or selector.level is not None:
                part = f"{self._metric} is not counted second by second" if not spec.by_time else "a level is judged"
                whole = "the whole run alone" if not spec.by_time else "as a whole"
                raise self._error("threshold-syntax", start, f"{part}: the rule is about {whole}")
            elif word == "min_samples":
                found[field] = self._count_of_samples()
            else:
                seconds = self._time(word)
                found[field] = Span(kind=_SPANS[word], seconds=seconds) if word in _SPANS else float(seconds)
                if word in _SPANS:
                    self._check_span(warn, fail, start)
        return found

    def _check_abort(self, spec: MetricSpec, fail: Condition | None, start: int) -> None:
        if not spec.live:
            raise self._error("threshold-syntax", start, f"{self._metric} is known only at the end: nothing to abort")
        if fail is None:
            raise self._error("threshold-syntax", start, "a warning aborts nothing", "give a fail level")

    def _check_span(self, warn: Condition | None, fail: Condition | None, start: int) -> None:
        """What held in a window must be comparable: there is a worst one only where one direction is bad."""
        operators = {level.operator for level in (warn, fail) if level is not None}
        if not (operators <= set(_UPPER) or operators <= set(_LOWER)):
            raise self._error("threshold-syntax", start, "a window needs limits to one side: < and <=, or > and >=")

    def _count_of_samples(self) -> int:
        match = _DIGITS.match(self._text, self._at)
        if match is None or not int(match[0]):
            raise self._error("threshold-syntax", self._at, "expected a number of samples", "such as min_samples 100")
        self._at = match.end()
        self._skip_space()
        return int(match[0])

    def _time(self, word: str) -> int:
        match = _TIME.match(self._text, self._at)
        try:
            seconds = parse_duration(match[0]) if match else 0.0
        except ValueError:
            seconds = 0.0
        if match is None or seconds < 1 or seconds != int(seconds):
            raise self._error("threshold-syntax", self._at, "expected whole seconds", f"such as {word} 10s")
        self._at = match.end()
        self._skip_space()
        return int(seconds)

    def _end(self) -> None:
        if self._at < len(self._text):
            raise self._error(
                "threshold-syntax", self._at, "the rule is complete before this", "give one rule per line"
            )

    def _word(self, expected: str) -> str:
        match = _WORD.match(self._text, self._at)
        if match is None:
            raise self._error("threshold-syntax", self._at, expected)
        self._at = match.end()
        self._skip_space()
        return match[0]

    def _peek(self, mark: str) -> bool:
        return self._text.startswith(mark, self._at)

    def _expect(self, mark: str) -> None:
        if not self._peek(mark):
            raise self._error("threshold-syntax", self._at, f"expected {mark!r} here")
        self._at += 1
        self._skip_space()

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _unknown_metric(self, word: str, start: int, allowed: Iterable[str]) -> UsageError:
        return self._error(
            "unknown-metric",
            start,
            f"there is no metric {word}; allowed are {_listed(allowed)}",
            _did_you_mean(word, METRICS),
        )

    def _error(self, slug: str, at: int, what: str, hint: str | None = None) -> UsageError:
        shown = "".join(letter if letter.isprintable() else " " for letter in self._text)
        start = max(0, at - _WIDEST // 2)
        pointer = " " * (at - start) + "^"
        what = f"{what} (column {at + 1})\n    {shown[start : start + _WIDEST]}\n    {pointer}"
        return UsageError([Problem(slug, self._source, what, hint)])


_EXAMPLES = {
    "s": "500ms",
    "ratio": "1%",
    "/s": "10/s",
    "count": "100",
    "bytes": "10MB",
    "bytes/s": "10MB/s",
    "value": "2.5",
}


def _read_limit(metric: str, unit: str, text: str) -> float:
    """A limit in its unit; raises ValueError where it is none."""
    text = " ".join(text.split())
    if unit == "/s" or metric == "breaking_level":
        return parse_rate(text)
    if unit == "bytes":
        return parse_bytes(text)
    return _READERS[unit](metric, text)


def _duration_limit(metric: str, text: str) -> float:
    if re.fullmatch(r"[0-9.]+", text):
        raise ValueError(f"{metric} is a duration, and {text} says no unit: {text}ms or {text}s?")
    return parse_duration(text)


def _share_limit(metric: str, text: str) -> float:
    ratio = parse_ratio(text)
    if ratio > 1:
        raise ValueError(f"{text} is more than all: {metric} is a share from 0% to 100%")
    if ratio == 1 and "%" not in text:
        raise ValueError(f"{text} may mean 1% or 100%")
    return ratio


def _flow_limit(metric: str, text: str) -> float:
    size, slash, period = text.partition("/")
    if not slash or period.strip() != "s":
        raise ValueError(f"{metric} per second is no {text!r}: write 10MB/s")
    return parse_bytes(size)


def _plain_limit(metric: str, text: str) -> float:
    if not re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", text):
        raise ValueError(f"{metric} is a number without a unit, and {text!r} is none")
    return float(text)


def _count_limit(metric: str, text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError(f"{metric} is a count, and {text!r} is not a whole number")
    return float(text)


_READERS: dict[str, Callable[[str, str], float]] = {
    "s": _duration_limit,
    "ratio": _share_limit,
    "bytes/s": _flow_limit,
    "value": _plain_limit,
    "count": _count_limit,
}


def _never_warns(warn: Condition, fail: Condition) -> bool:
    if warn.baseline != fail.baseline:
        return False
    if warn.operator in _UPPER and fail.operator in _UPPER:
        return fail.limit < warn.limit
    return warn.operator in _LOWER and fail.operator in _LOWER and fail.limit > warn.limit


def _is_quantile(word: str) -> bool:
    try:
        parse_quantile_label(word)
    except ValueError:
        return False
    return word != "med"


def _labels(spec: MetricSpec) -> list[str]:
    return ["pNN" if word == "quantile" else word for word in spec.aggregations]


def _examples(metric: str) -> str:
    """How a metric that has many values may be written."""
    spec = spec_of(metric)
    assert spec is not None
    if spec.bare:
        return f"write {metric}, or {_listed([f'{word}({metric})' for word in spec.aggregations], 'or')}"
    words = [quantile_label(0.95) if word == "quantile" else word for word in spec.aggregations]
    likely = [word for word in ("avg", "max", "p95", "p99") if word in words]
    return f"write {_listed([f'{word}({metric})' for word in likely], 'or')}"


def _are(words: Iterable[str]) -> str:
    words = list(words)
    return f"is {words[0]}" if len(words) == 1 else f"are {_listed(words)}"


def _listed(words: Iterable[str], joint: str = "and") -> str:
    *most, last = words
    return f"{', '.join(most)} {joint} {last}" if most else last


def _did_you_mean(word: str, allowed: Iterable[str]) -> str | None:
    close = _OTHER_NAMES.get(word) or next(iter(get_close_matches(word.lower(), list(allowed), n=1)), None)
    return f"did you mean {close}?" if close else None
