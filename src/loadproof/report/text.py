"""The summary that ends a run on the terminal: plain text, the verdict first, no colour codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.report.advice import what_to_look_at
from loadproof.report.figures import (
    arrivals_of,
    endpoints_of,
    error_kinds_of,
    levels_of,
    totals_of,
    user_peak_of,
)
from loadproof.report.layout import Layout, columns
from loadproof.report.wording import (
    ABSENT,
    APPROXIMATE_NOTE,
    TIMES,
    group_words,
    health_line,
    measured_part,
    outcome_mark,
    outcome_word,
    plural,
    shown_count,
    shown_duration,
    shown_interval,
    shown_observed,
    shown_quantile,
    shown_rate,
    shown_ratio,
    shown_target,
)
from loadproof.stats import min_samples

if TYPE_CHECKING:
    from loadproof.record import Histogram
    from loadproof.report.figures import Endpoint, Figures, Group, LevelFigures
    from loadproof.result import RunResult, Verdict

_LEVELS_MAX = 40
_ENDPOINTS_MAX = 20
_APART_MAX = 10
_KINDS_MAX = 10
_EXCEPTIONS_MAX = 5
_ENDPOINT_HEAD = ("Method", "Name", "Requests", "Failures", "Errors", "Rate", "Avg", "p50", "p95", "p99", "Max")
_OPTIONAL = (6, 5, 10, 7)
"""Columns of that table that a narrow page does without: Avg, Rate, Max, p50."""

_LEVEL_HEAD = ("#", "Load", "Role", "Outcome", "Achieved", "p50", "p95", "p99", "Errors", "Dropped", "Failed in")
_LEVEL_OPTIONAL = (5, 7, 4, 2)
"""Columns of that table that a narrow page does without: p50, p99, achieved, role."""

_RULE_WIDTH_MAX = 60


def render_text(result: RunResult, *, report_path: str | None = None, unicode: bool = True, width: int = 100) -> str:
    """The summary of a run, without a final line end.

    Args:
        result: The run.
        report_path: Where the report is, as the reader would type it; None where there is none.
        unicode: Whether more than ASCII may be used.
        width: Columns of the terminal; names too long for it are cut in the middle.
    """
    page = Layout(unicode, width)
    blocks = [
        _verdict(result, page),
        _levels(result, page),
        _thresholds(result, page),
        _arrivals(result, page),
        _totals(result, page),
        [*_endpoints(result, page), *_note(result, page)],
        _apart("iteration", "Iterations", result, page),
        _apart("setup", "Requests of the set-up", result, page),
        _errors(result, page),
        _exceptions(result, page),
        _advice(result, page),
        [page.plain(f"Report: {report_path}")] if report_path is not None else [],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _verdict(result: RunResult, page: Layout) -> list[str]:
    code = "no exit code yet" if result.exit_code is None else f"exit code {result.exit_code}"
    reason = f": {result.exit_reason}" if result.exit_reason else ""
    head = f"{outcome_mark(result.outcome)} {outcome_word(result)}  {result.test_name}: {code}{reason}"
    lines = page.wrapped(head, indent="  ", first="")
    if result.search is not None and result.search.reason not in ("", result.exit_reason):
        lines += page.wrapped(f"{result.search.kind}: {result.search.reason}", indent="  ")
    if result.abort and result.abort != result.exit_reason:
        lines += page.wrapped(f"ended before its time: {result.abort}", indent="  ")
    if not result.finished:
        lines += page.wrapped("not finished: these are the figures of its last checkpoint", indent="  ")
    peak = user_peak_of(result)
    users = "" if peak is None else f", at most {plural(peak, 'user')}"
    facts = f"{result.kind} test, {measured_part(result)}{users}, run {result.run_id}"
    return [*lines, *page.wrapped(facts, indent="  "), *page.wrapped(f"generator: {health_line(result)}", indent="  ")]


def _levels(result: RunResult, page: Layout) -> list[str]:
    if result.search is None:
        return []
    if not result.levels:
        return ["Levels", "  no level was finished"]
    every = levels_of(result)
    shown = every[-_LEVELS_MAX:]
    optional = _LEVEL_OPTIONAL if result.search.unit == "per_second" else (9, *_LEVEL_OPTIONAL)
    rows = [_LEVEL_HEAD, *(_level(each) for each in shown)]
    head, *lines = page.table(rows, left=[2, 3, 10], name=10, optional=optional)
    achieved = "iterations" if result.search.unit == "per_second" else "requests"
    said = [f"Levels (achieved: {achieved} finished per second; times of successes)", head]
    if len(shown) < len(every):
        said += page.wrapped(f"the first {shown_count(len(every) - len(shown))} are in the report alone", indent="  ")
    for each, line in zip(shown, lines, strict=True):
        said.append(line)
        if each.level.reason:
            said += page.wrapped(each.level.reason, indent="      ")
    return said


def _level(each: LevelFigures) -> tuple[str, ...]:
    level, figures = each.level, each.figures
    return (
        str(level.number),
        shown_target(level.target, level.unit),
        level.role,
        f"{outcome_mark(level.outcome)} {level.outcome}",
        shown_rate(each.achieved),
        *(shown_quantile(figures.good, quantile) for quantile in (0.5, 0.95, 0.99)),
        shown_ratio(figures.error_rate),
        shown_count(None if each.arrivals is None else each.arrivals.dropped),
        level.metric or ABSENT,
    )


def _arrivals(result: RunResult, page: Layout) -> list[str]:
    arrivals = arrivals_of(result)
    if arrivals is None:
        return []
    counts = [
        f"{what} {shown_count(count)} ({shown_rate(arrivals.rate(count))})"
        for what, count in (
            ("offered", arrivals.offered),
            ("started", arrivals.started),
            ("finished", arrivals.finished),
        )
    ]
    kept = (
        f"dropped {shown_count(arrivals.dropped)} ({shown_ratio(arrivals.dropped_rate)}), "
        f"late {shown_count(arrivals.late)} ({shown_ratio(arrivals.late_rate)}), "
        f"start lag p99 {shown_quantile(arrivals.lag, 0.99)}"
    )
    return ["Arrivals", *page.wrapped(", ".join(counts), indent="  "), *page.wrapped(kept, indent="  ")]


def _thresholds(result: RunResult, page: Layout) -> list[str]:
    if not result.verdicts:
        return [] if result.search is not None else ["Thresholds", "  no rule was judged"]
    texts = [page.plain(verdict.rule) for verdict in result.verdicts]
    rule_width = min(_RULE_WIDTH_MAX, max(columns(text) for text in texts))
    word_width = max(len(verdict.outcome) for verdict in result.verdicts)
    lines = ["Thresholds"]
    for verdict, rule in zip(result.verdicts, texts, strict=True):
        head = page.plain(f"  {outcome_mark(verdict.outcome)} {verdict.outcome:<{word_width}}  ")
        seen = page.plain(_seen(verdict, result))
        if columns(rule) > rule_width or len(head) + rule_width + 2 + columns(seen) > page.width:
            lines += page.wrapped(rule, indent=" " * len(head), first=head)
            lines += page.wrapped(seen, indent=" " * len(head))
        else:
            lines.append(f"{head}{rule}{' ' * (rule_width - columns(rule))}  {seen}")
        if verdict.reason:
            lines += page.wrapped(verdict.reason, indent=" " * len(head))
    return lines


def _seen(verdict: Verdict, result: RunResult) -> str:
    interval = "" if verdict.interval is None else f" ({shown_interval(verdict)})"
    return f"{shown_observed(verdict, result.plan)}{interval}, n {shown_count(verdict.n)}"


def _totals(result: RunResult, page: Layout) -> list[str]:
    totals = totals_of(result)
    line = (
        f"{plural(totals.requests, 'request')}: {shown_count(totals.successes)} successful, "
        f"{shown_count(totals.expected)} expected errors, {shown_count(totals.failures)} failed "
        f"({shown_ratio(totals.error_rate)}); {shown_rate(totals.rate)}"
    )
    title = "Totals" if result.search is None else "Totals (of all levels together, and what was sent between them)"
    lines = [title, *page.wrapped(line, indent="  ")]
    left_out = [
        f"{shown_count(count)} {what}"
        for count, what in ((result.unfinished, "unfinished"), (result.unrecorded, "unrecorded"))
        if count
    ]
    if left_out:
        lines += page.wrapped(f"not among them: {', '.join(left_out)}", indent="  ")
    if result.rows_dropped:
        lines += page.wrapped(f"not in results.csv: {plural(result.rows_dropped, 'row')}", indent="  ")
    head = ("Times", "Min", "Avg", "p50", "p95", "p99", "p99.9", "Max")
    if arrivals_of(result) is None:
        rows = [head, _times("successful", totals.good), _times("all", totals.every)]
        return [*lines, *page.table(rows, left=[0], name=0)]
    rows = [
        head,
        _times("response time", totals.good),
        _times("service time", totals.service),
        _times("response time, all", totals.every),
    ]
    lines += page.table(rows, left=[0], name=0)
    meaning = "of successes; response times start when requests were due, service times when they were sent"
    return [*lines, *page.wrapped(meaning, indent="  ")]


def _times(label: str, times: Histogram) -> tuple[str, ...]:
    quantiles = (shown_quantile(times, quantile) for quantile in (0.5, 0.95, 0.99, 0.999))
    return (label, shown_duration(times.minimum), shown_duration(times.mean), *quantiles, shown_duration(times.maximum))


def _endpoints(result: RunResult, page: Layout) -> list[str]:
    endpoints = [endpoint for endpoint in endpoints_of(result) if endpoint.group in ("request", "span")]
    if not endpoints:
        return []
    title = "Endpoints (failing first, then slowest; times of successes)"
    lines = [title, *_table(endpoints, page, most=_ENDPOINTS_MAX)]
    spans = sum(endpoint.group == "span" for endpoint in endpoints)
    if spans:
        lines += page.wrapped(
            f"FLOW and MAIL span other requests and count in no total ({shown_count(spans)})", indent="  "
        )
    return lines


def _apart(group: Group, title: str, result: RunResult, page: Layout) -> list[str]:
    """Iterations, or requests of the set-up."""
    entries = [endpoint for endpoint in endpoints_of(result) if endpoint.group == group]
    if not entries:
        return []
    return [f"{title} (count in no total)", *_table(entries, page, most=_APART_MAX)]


def _table(endpoints: list[Endpoint], page: Layout, *, most: int) -> list[str]:
    method, name, requests, *others = _ENDPOINT_HEAD
    head = (method, name, "Iterations" if endpoints[0].group == "iteration" else requests, *others)
    rows = [head, *(_endpoint(endpoint) for endpoint in endpoints[:most])]
    lines = page.table(rows, left=[0, 1], name=1, optional=_OPTIONAL)
    rest = endpoints[most:]
    if rest:
        failing = sum(endpoint.figures.failures > 0 for endpoint in rest)
        also = f", {shown_count(failing)} of them failing" if failing else ", none of them failing"
        lines += page.wrapped(f"and {shown_count(len(rest))} more{also}", indent="  ")
    return lines


def _endpoint(endpoint: Endpoint) -> tuple[str, ...]:
    figures: Figures = endpoint.figures
    return (
        endpoint.method,
        endpoint.name,
        shown_count(figures.requests),
        shown_count(figures.failures),
        shown_ratio(figures.error_rate),
        shown_rate(figures.rate),
        shown_duration(figures.good.mean),
        *(shown_quantile(figures.good, quantile) for quantile in (0.5, 0.95, 0.99)),
        shown_duration(figures.good.maximum),
    )


def _errors(result: RunResult, page: Layout) -> list[str]:
    kinds = error_kinds_of(result)
    if not kinds:
        return []
    rows = [("Kind", "Failures", "Of all", "First message")]
    for kind in kinds[:_KINDS_MAX]:
        whose = group_words(kind.group)
        name = f"{kind.kind} ({whose})" if whose else kind.kind
        message = kind.samples[0].message if kind.samples else ABSENT
        rows.append((name, shown_count(kind.count), shown_ratio(kind.share), message))
    lines = ["Errors by kind", *page.table(rows, left=[0, 3], name=3)]
    rest = kinds[_KINDS_MAX:]
    if rest:
        failures = plural(sum(kind.count for kind in rest), "failure")
        lines += page.wrapped(f"and {failures} of {plural(len(rest), 'more kind')}", indent="  ")
    return lines


def _exceptions(result: RunResult, page: Layout) -> list[str]:
    if not result.exceptions:
        return []
    lines = [page.plain(f"Errors of the script: {shown_count(result.exception_count)}")]
    for error in result.exceptions[:_EXCEPTIONS_MAX]:
        where = f"{error.user_class}.{error.where}" if error.user_class else error.where
        said = f"{error.kind} in {where}: {error.message}"
        lines += page.wrapped(said, indent="    ", first=f"  {shown_count(error.count)} {TIMES} ")
    rest = result.exceptions[_EXCEPTIONS_MAX:]
    if rest:
        lines += page.wrapped(f"and {plural(sum(e.count for e in rest), 'more error')} of other kinds", indent="  ")
    return lines


def _advice(result: RunResult, page: Layout) -> list[str]:
    advice = what_to_look_at(result)
    if not advice:
        return []
    return ["What to look at", *(line for text in advice for line in page.wrapped(text, indent="    ", first="  - "))]


def _note(result: RunResult, page: Layout) -> list[str]:
    """What the mark of an uncertain percentile means, where one may be shown."""
    every = [totals_of(result).good, *(endpoint.figures.good for endpoint in endpoints_of(result))]
    every += [each.figures.good for each in levels_of(result)]
    uncertain = any(0 < times.count < min_samples(0.999 if times is every[0] else 0.99) for times in every)
    return page.wrapped(APPROXIMATE_NOTE, indent="  ") if uncertain else []
