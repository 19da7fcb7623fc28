"""A comparison as text: the verdict first, then every quantity with its ratio and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.report.change_wording import shown_bounds, shown_change_of, shown_detectable
from loadproof.report.changes import BADGES, by_importance
from loadproof.report.layout import Layout
from loadproof.report.wording import ABSENT, plural, shown
from loadproof.result import Change
from loadproof.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadproof.result import ComparedRun, Comparison, Difference

_HEAD = ("", "Entry", "Metric", "Baseline", "Candidate", "Change", "95 % interval", "Detectable")
_OPTIONAL = (7, 3, 4)
"""Columns that a narrow page does without: detectable, baseline, candidate."""

_ROWS_MAX = 60
_RUNS_MAX = 5

_MEANING = {
    Change.REGRESSED: "got worse",
    Change.IMPROVED: "got better, and nothing got worse",
    Change.EQUIVALENT: "no change that matters",
    Change.INCONCLUSIVE: "nobody can tell from these runs",
}


def render_comparison(comparison: Comparison, *, unicode: bool = True, width: int = 100) -> str:
    """The text of a comparison, without a final line end.

    Args:
        comparison: What was compared.
        unicode: Whether more than ASCII may be used.
        width: Columns of the terminal; names too long for it are cut in the middle.
    """
    page = Layout(unicode, width)
    blocks = [_verdict(comparison, page), _table(comparison, page), _unsettled(comparison, page)]
    if comparison.remarks:
        remarks = [page.wrapped(remark, indent="    ", first="  - ") for remark in comparison.remarks]
        blocks.append(["What else differs", *(line for lines in remarks for line in lines)])
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _verdict(comparison: Comparison, page: Layout) -> list[str]:
    change = comparison.change
    worse = [each for each in comparison.differences if each.change is Change.REGRESSED]
    if change is Change.REGRESSED:
        said = "; ".join(f"{each.metric} of {each.title} {shown_change_of(each)}" for each in worse[:3])
        said += f"; and {plural(len(worse) - 3, 'more quantity', 'more quantities')}" if len(worse) > 3 else ""
    elif comparison.differences:
        said = _MEANING[change]
    else:
        said = "nothing could be compared"
    lines = page.wrapped(f"{BADGES[change].mark} {change}  {said}", indent="  ", first="")
    for side, runs in (("baseline", comparison.baseline), ("candidate", comparison.candidate)):
        lines += page.wrapped(f"{side}: {_runs(runs)}", indent="    ", first="  ")
    return lines


def _runs(runs: tuple[ComparedRun, ...]) -> str:
    if not runs:
        return "no run"
    named = [f"{run.run_id}{f' at {run.commit}' if run.commit else ''}" for run in runs[:_RUNS_MAX]]
    more = f" and {len(runs) - _RUNS_MAX} more" if len(runs) > _RUNS_MAX else ""
    tests = list(dict.fromkeys(run.test_name for run in runs))
    of = ", ".join(tests[:3]) + (f" and {len(tests) - 3} more" if len(tests) > 3 else "")
    return f"{plural(len(runs), 'run')} of {of} ({', '.join(named)}{more})"


def _table(comparison: Comparison, page: Layout) -> list[str]:
    if not comparison.differences:
        return []
    ranked = by_importance(comparison)
    rows = [_HEAD, *(_row(each) for each in ranked[:_ROWS_MAX])]
    bases = ", ".join(dict.fromkeys(each.basis for each in comparison.differences))
    lines = page.wrapped(f"Quantities (candidate against baseline; response times of successes; spread {bases})")
    lines += page.table(rows, left=[0, 1, 2], name=1, optional=_OPTIONAL)
    if len(ranked) > _ROWS_MAX:
        lines += page.wrapped(f"and {plural(len(ranked) - _ROWS_MAX, 'more quantity', 'more quantities')}", indent="  ")
    if any(each.basis == "within one run" for each in comparison.differences):
        note = "within one run: what differs from run to run is not in the intervals; three runs a side would tell"
        lines += page.wrapped(note, indent="  ")
    note = "intervals are corrected for how many quantities there are; detectable: found in nine of ten comparisons"
    return [*lines, *page.wrapped(note, indent="  ")]


def _row(each: Difference) -> tuple[str, ...]:
    return (
        f"{BADGES[each.change].mark} {each.change}",
        each.title,
        each.metric.removesuffix("(response_time)"),
        shown(each.baseline, lambda value: format_value(value, each.unit)),
        shown(each.candidate, lambda value: format_value(value, each.unit)),
        shown_change_of(each),
        " … ".join(shown_bounds(each)) or ABSENT,
        shown_detectable(each),
    )


def _unsettled(comparison: Comparison, page: Layout) -> list[str]:
    """Why quantities could not be decided, those with the same reason together."""
    reasons: dict[str, list[Difference]] = {}
    for each in comparison.differences:
        if each.change is Change.INCONCLUSIVE:
            reasons.setdefault(_reason(each), []).append(each)
    if not reasons:
        return []
    lines = ["Why it cannot be told"]
    for reason, those in reasons.items():
        lines += page.wrapped(f"{_named(those)}: {reason}", indent="    ", first="  - ")
    return lines


def _reason(difference: Difference) -> str:
    needed = difference.runs_needed
    return difference.reason + (f"; about {plural(needed, 'run')} a side would settle it" if needed else "")


def _named(differences: Iterable[Difference]) -> str:
    names = [f"{each.metric} of {each.title}" for each in differences]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
