"""The run as Markdown, for the summary of a GitHub job and for comments on pull requests: the verdict first."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from loadproof.report.advice import what_to_look_at
from loadproof.report.change_wording import shown_bounds, shown_change_of
from loadproof.report.changes import WORST_FIRST
from loadproof.report.figures import endpoints_of, levels_of, totals_of
from loadproof.report.markdown_text import code, figure, prose, table
from loadproof.report.wording import (
    ABSENT,
    APPROXIMATE_NOTE,
    health_line,
    measured_part,
    outcome_word,
    plural,
    shown_at,
    shown_count,
    shown_duration,
    shown_interval,
    shown_limit,
    shown_observed,
    shown_quantile,
    shown_rate,
    shown_ratio,
    shown_target,
)
from loadproof.result import Change, Outcome
from loadproof.stats import min_samples
from loadproof.units import format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadproof.record import Histogram
    from loadproof.report.figures import Endpoint, LevelFigures
    from loadproof.result import Comparison, Coverage, Difference, RunResult, Verdict

MOST_BYTES = 60_000
"""How long it gets: GitHub takes comments of up to 65,536 characters."""

_ROWS = (20, 10, 5, 2, 0)
"""Rows of each table, tried one after another until the page is short enough."""

_EMOJI = {Outcome.PASS: "✅", Outcome.WARN: "⚠️", Outcome.FAIL: "❌", Outcome.INCONCLUSIVE: "❔"}
_CHANGE_EMOJI = {
    Change.IMPROVED: "🟢",
    Change.REGRESSED: "❌",
    Change.EQUIVALENT: "✅",
    Change.INCONCLUSIVE: "❔",
}
_WORST_FIRST = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.WARN, Outcome.PASS)


def marker(result: RunResult) -> str:
    """The first line of the page, which is not shown: by it a bot finds the comment of this test to update it.

    ``<!-- loadproof: checkout load -->``, with the name as addresses write it.
    """
    name = quote(result.test_name.encode("utf-8", "replace"), safe="").replace("--", "-%2D")
    return f"<!-- loadproof: {name} {result.kind} -->"


def render_markdown(result: RunResult) -> str:
    """The page, with a final line end; at most ``MOST_BYTES`` long in UTF-8.

    Tables are cut where there is too much, what is worst comes first, and what is left out is counted. All text from
    outside is escaped. Of a run that measured nothing, figures are dashes.
    """
    text = ""
    for most in _ROWS:
        text = _page(result, most)
        if len(text.encode()) <= MOST_BYTES:
            break
    return text


def _page(result: RunResult, most: int) -> str:
    blocks = [
        _verdict(result),
        _thresholds(result, most),
        _levels(result, most),
        _figures(result),
        [] if result.comparison is None else _comparison(result.comparison, most),
        [] if result.coverage is None else _coverage(result.coverage, most),
        _endpoints(result, most),
        _note(result, most),
        _advice(result, most),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _verdict(result: RunResult) -> list[str]:
    emoji = "⏳" if result.outcome is None else _EMOJI[result.outcome]
    exits = "No exit code yet" if result.exit_code is None else f"Exit code {result.exit_code}"
    reason = f": {prose(result.exit_reason)}" if result.exit_reason else ""
    lines = [
        marker(result),
        f"## {emoji} {outcome_word(result)}: {prose(result.test_name)}",
        "",
        f"**{exits}**{reason}",
    ]
    if result.search is not None and result.search.reason not in ("", result.exit_reason):
        lines += ["", f"{result.search.kind.capitalize()}: {prose(result.search.reason)}"]
    if result.abort and result.abort != result.exit_reason:
        lines += ["", f"**Ended before its time:** {prose(result.abort)}"]
    if not result.finished:
        lines += ["", "**Not finished:** these are the figures of its last checkpoint."]
    commit = result.environment.get("commit")
    facts = [f"{result.kind} test", measured_part(result), f"run {result.run_id}"]
    if commit:
        facts.append(f"commit {commit}")
    return [*lines, "", f"{prose(', '.join(facts))}  ", f"Generator: {prose(health_line(result))}"]


def _thresholds(result: RunResult, most: int) -> list[str]:
    if not result.verdicts:
        return [] if result.search is not None else ["### Thresholds", "", "No rule was judged."]
    ordered = sorted(result.verdicts, key=lambda verdict: _WORST_FIRST.index(verdict.outcome))
    head = ("", "Rule", "Observed", "Limit", "95 % interval", "n")
    rows = [_threshold(verdict) for verdict in ordered[: 2 * most]]
    left = ordered[2 * most :]
    holding = sum(verdict.outcome is Outcome.PASS for verdict in left)
    return [
        "### Thresholds",
        "",
        *table(head, rows, right=(2, 3, 4, 5)),
        *_more(left, "rule", f"{shown_count(holding)} of them hold"),
    ]


def _threshold(verdict: Verdict) -> tuple[str, ...]:
    said = "; ".join(text for text in (verdict.reason, shown_at(verdict)) if text)
    return (
        figure(f"{_EMOJI[verdict.outcome]} {verdict.outcome}"),
        code(verdict.rule) + (f"<br>{prose(said)}" if said else ""),
        figure(shown_observed(verdict)),
        figure(shown_limit(verdict)),
        figure(shown_interval(verdict)),
        shown_count(verdict.n),
    )


def _figures(result: RunResult) -> list[str]:
    totals = totals_of(result)
    head = ("Requests", "Failed", "Error rate", "Throughput", "p50", "p95", "p99", "Max")
    row = (
        shown_count(totals.requests),
        shown_count(totals.failures),
        shown_ratio(totals.error_rate),
        shown_rate(totals.rate),
        *(figure(shown_quantile(totals.good, quantile)) for quantile in (0.5, 0.95, 0.99)),
        figure(shown_duration(totals.good.maximum)),
    )
    of = "" if result.search is None else " of all levels together"
    left_out = [
        f"{shown_count(count)} {what}"
        for count, what in (
            (result.unfinished, "unfinished"),
            (result.unrecorded, "unrecorded"),
            (result.exception_count, "errors of the script"),
        )
        if count
    ]
    beside = ["", f"Not among them: {', '.join(left_out)}."] if left_out else []
    return [f"### Totals{of}", "", *table(head, [row], right=range(8)), *beside]


def _levels(result: RunResult, most: int) -> list[str]:
    if result.search is None:
        return []
    every = levels_of(result)
    shown = every[len(every) - min(len(every), 2 * most) :]
    head = ("#", "Load", "Outcome", "Achieved", "p50", "p95", "p99", "Errors", "Why not")
    rows = [_level(each) for each in shown]
    left = len(every) - len(shown)
    more = ["", f"The first {shown_count(left)} are in the report alone."] if left else []
    lines = table(head, rows, right=(0, 3, 4, 5, 6, 7)) if rows else ["No level was finished."]
    return ["### Levels", "", *lines, *more]


def _level(each: LevelFigures) -> tuple[str, ...]:
    level, figures = each.level, each.figures
    role = "" if level.role == "step" else f" ({level.role})"
    return (
        str(level.number),
        figure(f"{shown_target(level.target, level.unit)}{role}"),
        figure(f"{_EMOJI[level.outcome]} {level.outcome}"),
        shown_rate(each.achieved),
        *(figure(shown_quantile(figures.good, quantile)) for quantile in (0.5, 0.95, 0.99)),
        shown_ratio(figures.error_rate),
        prose(level.reason, most=120),
    )


def _comparison(comparison: Comparison, most: int) -> list[str]:
    change = comparison.change
    runs = ", ".join(dict.fromkeys(run.run_id for run in comparison.baseline))
    against = f" with {plural(len(comparison.baseline), 'run')}: {prose(runs, most=120)}" if runs else ""
    lines = ["### Compared with the baseline", "", f"{_CHANGE_EMOJI[change]} **{change}**, compared{against}", ""]
    ordered = sorted(comparison.differences, key=lambda each: (WORST_FIRST.index(each.change), each.name is not None))
    if not ordered:
        lines.append("Nothing could be compared.")
    else:
        head = ("", "Whose", "What", "Baseline", "Now", "Change", "95 % interval")
        rows = [_difference(each) for each in ordered[:most]]
        left = ordered[most:]
        regressed = sum(each.change is Change.REGRESSED for each in left)
        also = f"{shown_count(regressed)} of them regressed" if regressed else "none of them regressed"
        lines += [*table(head, rows, right=(3, 4, 5, 6)), *_more(left, "quantity", also, many="quantities")]
    remarks = [f"- {prose(remark)}" for remark in comparison.remarks[:most]]
    return [*lines, *(["", *remarks] if remarks else [])]


def _difference(each: Difference) -> tuple[str, ...]:
    reason = f"<br>{prose(each.reason, most=160)}" if each.reason else ""
    return (
        figure(f"{_CHANGE_EMOJI[each.change]} {each.change}"),
        code(each.title) + reason,
        code(each.metric),
        *(
            ABSENT if value is None else figure(format_value(value, each.unit))
            for value in (each.baseline, each.candidate)
        ),
        figure(shown_change_of(each)),
        figure(" … ".join(shown_bounds(each)) or ABSENT),
    )


def _coverage(coverage: Coverage, most: int) -> list[str]:
    missed = [item for item in coverage.missed if item.was_due]
    if not missed and not coverage.unexpected:
        return []
    lines = ["### Coverage", ""]
    if missed:
        lines.append(f"Declared, and never ran ({shown_count(len(missed))} of {shown_count(len(coverage.declared))}):")
        lines += ["", *(f"- {code(item.title)}" for item in missed[:most])]
        lines += _more(missed[most:], "of them")
    if coverage.unexpected:
        listed = ", ".join(f"{code(name)} ({plural(count, 'request')})" for name, count in coverage.unexpected[:most])
        left = len(coverage.unexpected) - most
        more = f" and {shown_count(left)} more" if left > 0 and most else shown_count(left) if left > 0 else ""
        lines += [*([""] if missed else []), f"Ran, and nobody declared it: {listed}{more}"]
    return lines


def _endpoints(result: RunResult, most: int) -> list[str]:
    endpoints = [endpoint for endpoint in endpoints_of(result) if endpoint.group in ("request", "span")]
    if not endpoints:
        return []
    head = ("Endpoint", "Requests", "Failed", "Errors", "Rate", "p50", "p95", "p99")
    left = endpoints[most:]
    failing = sum(endpoint.figures.failures > 0 for endpoint in left)
    also = f"{shown_count(failing)} of them failing" if failing else "none of them failing"
    return [
        "### Endpoints",
        "",
        "Failing first, then slowest; times of successes.",
        "",
        *table(head, [_endpoint(endpoint) for endpoint in endpoints[:most]], right=range(1, 8)),
        *_more(left, "endpoint", also),
    ]


def _endpoint(endpoint: Endpoint) -> tuple[str, ...]:
    figures = endpoint.figures
    return (
        code(f"{endpoint.method} {endpoint.name}"),
        shown_count(figures.requests),
        shown_count(figures.failures),
        shown_ratio(figures.error_rate),
        shown_rate(figures.rate),
        *(figure(shown_quantile(figures.good, quantile)) for quantile in (0.5, 0.95, 0.99)),
    )


def _note(result: RunResult, most: int) -> list[str]:
    """What the mark of an uncertain percentile means, where one is shown."""
    every: list[Histogram] = [totals_of(result).good, *(each.figures.good for each in levels_of(result))]
    every += [endpoint.figures.good for endpoint in endpoints_of(result)[:most]]
    uncertain = any(0 < times.count < min_samples(0.99) for times in every)
    return [f"<sub>{prose(APPROXIMATE_NOTE)}</sub>"] if uncertain else []


def _advice(result: RunResult, most: int) -> list[str]:
    advice = what_to_look_at(result)
    if not advice:
        return []
    lines = [f"- {prose(text, most=600)}" for text in advice[: max(1, most)]]
    return ["### What to look at", "", *lines, *_more(advice[max(1, most) :], "remark")]


def _more(left: Sequence[object], what: str, also: str = "", *, many: str | None = None) -> list[str]:
    """How much is not shown; nothing where all of it is."""
    if not left:
        return []
    count = f"{shown_count(len(left))} {what}" if what == "of them" else f"{plural(len(left), what, many)}"
    return ["", f"And {count} more{f', {also}' if also else ''}."]
