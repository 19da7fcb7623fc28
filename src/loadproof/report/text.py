"""The summary that ends a run on the terminal: plain text, the verdict first, no colour codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.report.advice import what_to_look_at
from loadproof.report.comparison import render_comparison
from loadproof.report.coverage import missed_of, mixes_of, not_due_of
from loadproof.report.figures import (
    arrivals_of,
    endpoints_of,
    error_kinds_of,
    levels_of,
    measures_of,
    totals_of,
    user_peak_of,
)
from loadproof.report.layout import Layout, columns
from loadproof.report.wording import (
    ABSENT,
    APPROXIMATE_NOTE,
    TIMES,
    coverage_line,
    group_words,
    health_line,
    measured_part,
    mix_word,
    outcome_mark,
    outcome_word,
    plural,
    shown_at,
    shown_count,
    shown_duration,
    shown_interval,
    shown_limit,
    shown_measured,
    shown_number,
    shown_observed,
    shown_quantile,
    shown_rate,
    shown_ratio,
    shown_target,
)
from loadproof.result import touched
from loadproof.stats import min_samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadproof.record import Histogram
    from loadproof.report.coverage import Mix
    from loadproof.report.figures import Endpoint, Figures, Group, LevelFigures
    from loadproof.result import RunResult, Verdict

_LEVELS_MAX = 40
_ENDPOINTS_MAX = 20
_APART_MAX = 10
_KINDS_MAX = 10
_KIND_WIDEST = 40
_EXCEPTIONS_MAX = 5
_NAMES_MAX = 10
_MIXES_MAX = 10
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
        _comparison(result, page),
        _arrivals(result, page),
        _totals(result, page),
        [*_endpoints(result, page), *_note(result, page)],
        _apart("iteration", "Iterations", result, page),
        _apart("setup", "Requests of the set-up", result, page),
        _measures(result, page),
        _coverage(result, page),
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
    if by_hand := touched(result.interventions, result.measured_to):
        lines += page.wrapped(f"by hand: {by_hand}", indent="  ")
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
    word_width = max(len(verdict.outcome) for verdict in result.verdicts)
    heads = [page.plain(f"  {outcome_mark(each.outcome)} {each.outcome:<{word_width}}  ") for each in result.verdicts]
    rules = [page.plain(verdict.rule) for verdict in result.verdicts]
    numbers = _columns_of_numbers(result.verdicts, page)
    left = len(heads[0]) + min(_RULE_WIDTH_MAX, max(columns(rule) for rule in rules))
    as_table = left + columns(numbers[0]) <= page.width
    lines = ["Thresholds"]
    if as_table:
        lines.append(" " * left + numbers[0])
    for verdict, head, rule, row in zip(result.verdicts, heads, rules, numbers[1:], strict=True):
        indent = " " * len(head)
        if as_table and len(head) + columns(rule) <= left:
            lines.append(head + rule + " " * (left - len(head) - columns(rule)) + row)
        else:
            lines += page.wrapped(rule, indent=indent, first=head)
            lines += [" " * left + row] if as_table else page.wrapped(_numbers(verdict), indent=indent)
        why = "; ".join(text for text in (verdict.reason, shown_at(verdict)) if text)
        if why:
            lines += page.wrapped(why, indent=indent)
    return lines


def _comparison(result: RunResult, page: Layout) -> list[str]:
    if result.comparison is None:
        return []
    text = render_comparison(result.comparison, unicode=page.unicode, width=page.width - 2)
    return ["Comparison with the baseline", *(f"  {line}".rstrip() for line in text.splitlines())]


def _columns_of_numbers(verdicts: Sequence[Verdict], page: Layout) -> list[str]:
    """What rules were judged on, one below the other, under their heading."""
    rows: list[Sequence[str]] = [("Observed", "Limit", "95 % interval", "n")]
    rows += [[shown_observed(each), shown_limit(each), shown_interval(each), shown_count(each.n)] for each in verdicts]
    cells = [[page.plain(cell) for cell in row] for row in rows]
    widths = [max(columns(cell) for cell in column) for column in zip(*cells, strict=True)]
    return ["".join(f"  {cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in cells]


def _numbers(verdict: Verdict) -> str:
    """The same in a sentence."""
    interval = "" if verdict.interval is None else f" ({shown_interval(verdict)})"
    limit = "" if verdict.limit is None else f", limit {shown_limit(verdict)}"
    return f"{shown_observed(verdict)}{interval}{limit}, n {shown_count(verdict.n)}"


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


def _measures(result: RunResult, page: Layout) -> list[str]:
    measures = measures_of(result)
    if not measures:
        return []
    rows: list[tuple[str, ...]] = [("Name", "Values", "Avg", "Min", "p50", "p95", "Max")]
    for each in measures[:_ENDPOINTS_MAX]:
        quantiles = (shown_measured(each, quantile) for quantile in (0.5, 0.95))
        mean, least, most = (shown_number(value) for value in (each.mean, each.minimum, each.maximum))
        rows.append((each.name, shown_count(each.count), mean, least, *quantiles, most))
    lines = ["Measured by the script (each in its own unit)", *page.table(rows, left=[0], name=0)]
    return [*lines, *_more(len(measures) - _ENDPOINTS_MAX, page)]


def _coverage(result: RunResult, page: Layout) -> list[str]:
    coverage = result.coverage
    if coverage is None or not (coverage.declared or coverage.unexpected):
        return []
    lines = ["Coverage"]
    lines += page.wrapped(coverage_line(coverage), indent="  ")
    for what, items in (("never hit", missed_of(coverage)), ("not due yet", not_due_of(coverage))):
        titles = [item.title for item in items]
        lines += page.wrapped(_named(f"{what}: ", titles), indent="    ", first="  ") if titles else []
    unexpected = [f"{name} ({shown_count(count)})" for name, count in coverage.unexpected]
    lines += page.wrapped(_named("not declared: ", unexpected), indent="    ", first="  ") if unexpected else []
    for mix in mixes_of(coverage)[:_MIXES_MAX]:
        lines += page.wrapped(_mix(mix), indent="    ", first="  ")
    return [*lines, *_more(len(coverage.mix) - _MIXES_MAX, page, " with a planned mix")]


def _mix(mix: Mix) -> str:
    own = f"{mix.title}."
    parts = [
        f"{each.item.title.removeprefix(own)} {shown_ratio(each.actual)} (planned {shown_ratio(each.planned)})"
        for each in mix.parts
    ]
    return _named(f"mix of {mix.title}, {mix_word(mix)}: ", parts)


def _named(what: str, items: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(items) - _NAMES_MAX
    return what + ", ".join(items[:_NAMES_MAX]) + (f" and {shown_count(more)} more" if more > 0 else "")


def _more(count: int, page: Layout, what: str = "") -> list[str]:
    """That there are more of something than are listed; nothing where there are not."""
    return page.wrapped(f"and {shown_count(count)} more{what}", indent="  ") if count > 0 else []


def _errors(result: RunResult, page: Layout) -> list[str]:
    kinds = error_kinds_of(result)
    if not kinds:
        return []
    rows = [("Kind", "Failures", "Of all", "First message")]
    for kind in kinds[:_KINDS_MAX]:
        whose = group_words(kind.group)
        name = f"{kind.kind} ({whose})" if whose else kind.kind
        message = kind.samples[0].message if kind.samples else ABSENT
        rows.append((page.cut(name, _KIND_WIDEST), shown_count(kind.count), shown_ratio(kind.share), message))
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
