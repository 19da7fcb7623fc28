"""What a test asserts on: one run, and the figures in it by the words of a test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from loadproof.judge import evaluate
from loadproof.plan import Condition, Selector, Threshold, parse_threshold
from loadproof.record import merged
from loadproof.record.recorder import outside_totals
from loadproof.report.wording import outcome_word, plural, printable
from loadproof.result import Outcome
from loadproof.units import format_duration, format_ratio, quantile_label

if TYPE_CHECKING:
    from pathlib import Path

    from loadproof.plan.model import Aggregation
    from loadproof.result import RunResult, Verdict

__tracebackhide__ = True
"""Nothing here is shown in a test's traceback, which ends at the line that asked."""

DurationMetric = Literal["response_time", "service_time", "first_byte_time", "iteration_time", "flow_time"]

_NEVER_BROKEN = Condition(operator=">", limit=math.inf)
_NAMES_SHOWN = 10


class MeasuredRun:
    """A run that is over.

    Figures are of the measured part, the warm-up left out, and are taken just as rules take them: durations are those
    of successes, in seconds, and shares are 0..1. Where there is no figure (no request of that name, or fewer samples
    than a percentile needs) ``LookupError`` says why; there is never a 0 for what was not measured.

    ``endpoint`` is a name in the statistics or a pattern such as ``/api/*``; None for all requests. ``method`` selects
    among entries of one name.

    Args:
        result: All that is known of it; also what ``loadproof report`` and the rest of the Python API take.
    """

    def __init__(self, result: RunResult) -> None:
        self.result = result

    @property
    def name(self) -> str:
        """The test's name, by which runs are compared."""
        return self.result.test_name

    @property
    def outcome(self) -> Outcome:
        """What the run came to; an ``Outcome`` equals its name: ``run.outcome == "FAIL"``."""
        return self.result.outcome or Outcome.INCONCLUSIVE

    @property
    def passed(self) -> bool:
        """Whether every rule that can fail the run was judged and holds, and the run came to its end.

        A warning passes, unless the run is strict; an inconclusive run never does, also where that is allowed.
        """
        return self.result.exit_code == 0 and self.outcome in (Outcome.PASS, Outcome.WARN)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """How each rule came out."""
        return self.result.verdicts

    @property
    def directory(self) -> Path:
        """Where ``run.json``, ``metrics.json``, ``results.csv`` and ``report.html`` are."""
        assert self.result.directory is not None
        return self.result.directory

    @property
    def report(self) -> Path:
        """The report, one HTML file."""
        return self.directory / "report.html"

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Names that requests were counted under, sorted; empty where there was none."""
        keys = self.result.record.keys()
        return tuple(sorted({name for name, method in keys if not outside_totals(method)}))

    def requests(self, endpoint: str | None = None, *, method: str | None = None) -> int:
        """How many requests were finished; 0 only of all of them together."""
        return round(self._number("requests", endpoint, method))

    def failures(self, endpoint: str | None = None, *, method: str | None = None) -> int:
        """How many requests failed."""
        return round(self._number("failures", endpoint, method))

    def error_rate(self, endpoint: str | None = None, *, method: str | None = None) -> float:
        """Failed requests as a share of all, 0..1."""
        return self._number("error_rate", endpoint, method)

    def throughput(self, endpoint: str | None = None, *, method: str | None = None) -> float:
        """Finished requests per second."""
        return self._number("throughput", endpoint, method)

    def mean(
        self, endpoint: str | None = None, *, method: str | None = None, metric: DurationMetric = "response_time"
    ) -> float:
        """Mean of a duration, in seconds."""
        return self._duration(metric, Selector(name=endpoint, method=method), "avg")

    def maximum(
        self, endpoint: str | None = None, *, method: str | None = None, metric: DurationMetric = "response_time"
    ) -> float:
        """The longest of a duration, in seconds."""
        return self._duration(metric, Selector(name=endpoint, method=method), "max")

    def quantile(
        self,
        q: float,
        endpoint: str | None = None,
        *,
        method: str | None = None,
        metric: DurationMetric = "response_time",
        min_samples: int | None = None,
    ) -> float:
        """A quantile of a duration, in seconds.

        Args:
            q: Between 0 and 1: 0.95 for p95.
            endpoint: Whose; None for all requests.
            method: Of which request type; None for every one.
            metric: Which duration.
            min_samples: Fewest samples to take it from; None for what it needs: p95 59, p99 299, p99.9 2,995.

        Raises:
            LookupError: There are too few samples, or none.
            ValueError: ``q`` is not between 0 and 1.
        """
        if not 0 < q < 1:
            raise ValueError(f"{q} is no quantile: it must lie between 0 and 1, as 0.95 does")
        return self._duration(metric, Selector(name=endpoint, method=method), "quantile", q, min_samples)

    def p50(self, endpoint: str | None = None, *, method: str | None = None) -> float:
        """Median response time in seconds."""
        return self.quantile(0.5, endpoint, method=method)

    def p90(self, endpoint: str | None = None, *, method: str | None = None) -> float:
        """90th percentile of the response time in seconds; it needs 29 samples."""
        return self.quantile(0.9, endpoint, method=method)

    def p95(self, endpoint: str | None = None, *, method: str | None = None) -> float:
        """95th percentile of the response time in seconds; it needs 59 samples."""
        return self.quantile(0.95, endpoint, method=method)

    def p99(self, endpoint: str | None = None, *, method: str | None = None) -> float:
        """99th percentile of the response time in seconds; it needs 299 samples."""
        return self.quantile(0.99, endpoint, method=method)

    def judge(self, rule: str) -> Verdict:
        """Hold one more rule against the run.

        A rule that had to be watched while the run went on (``for``, ``over``, ``after``) is INCONCLUSIVE: give it to
        the run, or to the mark.

        Args:
            rule: Such as ``p95(service_time){name="/checkout"} < 200ms``.

        Raises:
            UsageError: It is no rule; the text points at the column.
        """
        return evaluate(parse_threshold(rule, source="judge()"), self.result)

    @property
    def figures(self) -> str:
        """The most important figures in one line, and why it did not simply pass."""
        simply = self.passed and self.outcome is Outcome.PASS
        reason = "" if simply else self.result.abort or self.result.exit_reason
        return f"{_figures(self.result)}{f'; {reason}' if reason else ''}"

    def __repr__(self) -> str:
        """One line, for pytest's account of a failed assert: ``<shop: FAIL, 183 requests, ..., report ...>``."""
        return printable(f"<{self.name}: {outcome_text(self.result)}, {self.figures}, report {self.report}>")

    def _duration(
        self,
        metric: str,
        selector: Selector,
        aggregation: Aggregation,
        q: float | None = None,
        least: int | None = None,
    ) -> float:
        """One figure of a duration; of a quantile from ``least`` samples on, None for what it needs."""
        what = f"{aggregation if q is None else quantile_label(q)}({metric})"
        rule = Threshold(
            text=what,
            metric=metric,
            aggregation=aggregation,
            quantile=q,
            selector=selector,
            fail=_NEVER_BROKEN,
            min_samples=least,
        )
        return self._observed(rule)

    def _number(self, metric: str, endpoint: str | None, method: str | None) -> float:
        """What is one number already."""
        selector = Selector(name=endpoint, method=method)
        return self._observed(Threshold(text=metric, metric=metric, selector=selector, fail=_NEVER_BROKEN))

    def _observed(self, rule: Threshold) -> float:
        """What a rule would be judged on."""
        seen = evaluate(rule, self.result)
        if seen.observed is None:
            raise LookupError(f"there is no {rule.text}: {seen.reason}; requests were counted of {self._known()}")
        return seen.observed

    def _known(self) -> str:
        names = [printable(name) for name in self.endpoints]
        more = len(names) - _NAMES_SHOWN
        shown = ", ".join(names[:_NAMES_SHOWN]) or "nothing"
        return f"{shown} and {plural(more, 'other')}" if more > 0 else shown


def outcome_text(result: RunResult) -> str:
    """What the run came to; ``NOT PASSED`` where all rules hold and it did not pass all the same: it ended early."""
    if result.exit_code != 0 and result.outcome in (Outcome.PASS, Outcome.WARN):
        return "NOT PASSED"
    return outcome_word(result)


def _figures(result: RunResult) -> str:
    """The most important figures of a run: ``183 requests, p95 12 ms, errors 0%``."""
    if result.search is not None:
        return result.search.reason or plural(len(result.levels), "level")
    totals = result.record.totals()
    requests = merged(totals).count
    if not requests:
        return "no request finished"
    p95 = merged(totals, ["success"]).response.quantile(0.95)
    times = "" if p95 is None else f"p95 {format_duration(p95)}, "
    failures = merged(totals, ["failure"]).count
    return f"{plural(requests, 'request')}, {times}errors {format_ratio(failures / requests)}"
