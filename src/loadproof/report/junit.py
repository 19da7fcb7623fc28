"""``junit.xml``: the run as test cases, for the CI servers that show those.

One case for the run itself, then one for each threshold, for everything that the suite declares, and for each
difference from the baseline:

===========================  ======================================================================================
case                         comes out as
===========================  ======================================================================================
``<test>.run``               error where the run ended before its time, is not finished, measured nothing, or is
                             inconclusive for a reason that no other case shows (skipped with
                             ``--allow-inconclusive``); failure where its exit code is not 0 for another such reason;
                             else passed
``<test>.thresholds``        FAIL: failure. WARN: passed, with the reason as its output; failure under ``--strict``.
                             INCONCLUSIVE: error where the rule can fail the run, else, and with
                             ``--allow-inconclusive``, skipped
``<test>.coverage.<by>``     never ran: failure where a rule on ``coverage`` failed, else skipped. What was not due
                             yet is skipped
``<test>.comparison``        REGRESSED: failure with ``--fail-on-regression``, else passed, with what changed as its
                             output. INCONCLUSIVE: skipped
===========================  ======================================================================================

So some case is a failure or an error exactly where the command's exit code is not 0, unless the script set an exit
code of its own. Names stay the same from run to run, so that servers can show the history of each. The output of the
suite holds advice and what ran undeclared.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree as ET

from loadproof.report.advice import what_to_look_at
from loadproof.report.change_wording import shown_bounds, shown_change_of
from loadproof.report.wording import (
    ABSENT,
    health_line,
    measured_part,
    outcome_word,
    plural,
    printable,
    shown_at,
    shown_count,
    shown_interval,
    shown_limit,
    shown_observed,
)
from loadproof.result import Change, Outcome
from loadproof.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loadproof.result import Declared, Difference, RunResult, Verdict

_UNDECLARED_SHOWN = 20

Ending = Literal["passed", "failure", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class _Case:
    """A test case.

    Attributes:
        group: What it is about; the end of its class name.
        name: Its own name.
        ending: How it came out.
        kind: One word for that, as the result has it: ``FAIL``, ``REGRESSED``; empty where it passed.
        message: Why, in one line; empty where it passed.
        output: What else there is to say, lines; empty for nothing.
        seconds: How long it took.
    """

    group: str
    name: str
    ending: Ending
    kind: str = ""
    message: str = ""
    output: str = ""
    seconds: float = 0.0


def render_junit(result: RunResult) -> str:
    """The document, with a final line end; a run that measured nothing has one case, which is an error.

    Characters that XML does not know are replaced by U+FFFD.
    """
    cases = [*_rest(result)]
    cases.insert(0, _run(result, cases))
    endings = Counter(case.ending for case in cases)
    counts = {
        "tests": str(len(cases)),
        "failures": str(endings["failure"]),
        "errors": str(endings["error"]),
        "time": f"{result.duration:.3f}",
    }
    suites = ET.Element("testsuites", {"name": "loadproof"} | counts)
    suite = ET.SubElement(
        suites,
        "testsuite",
        {"name": _line(result.test_name)}
        | counts
        | {
            "skipped": str(endings["skipped"]),
            "timestamp": _line(result.started_at),
            "hostname": _line(str(result.environment.get("host", ""))),
        },
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(result):
        ET.SubElement(properties, "property", {"name": name, "value": _line(value)})
    for case, name in zip(cases, _unique(cases), strict=True):
        _write(ET.SubElement(suite, "testcase"), case, name, _line(result.test_name))
    said = _suite_output(result)
    if said:
        ET.SubElement(suite, "system-out").text = _block(said)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _properties(result: RunResult) -> Iterator[tuple[str, str]]:
    yield "run_id", result.run_id
    yield "kind", result.kind
    yield "outcome", outcome_word(result)
    yield "exit_code", "" if result.exit_code is None else str(result.exit_code)
    for fact in ("commit", "loadproof"):
        if result.environment.get(fact):
            yield fact, str(result.environment[fact])


def _rest(result: RunResult) -> Iterator[_Case]:
    strict, allowed = bool(result.plan.get("strict")), bool(result.plan.get("allow_inconclusive"))
    for verdict in result.verdicts:
        yield _threshold(verdict, strict=strict, allowed=allowed)
    gated = any(
        verdict.outcome is Outcome.FAIL and verdict.rule.lstrip().startswith("coverage") for verdict in result.verdicts
    )
    for item in () if result.coverage is None else result.coverage.declared:
        yield _declared(item, gated=gated)
    fails = bool(result.plan.get("fail_on_regression"))
    for each in () if result.comparison is None else result.comparison.differences:
        yield _difference(each, fails=fails)


def _run(result: RunResult, others: Iterable[_Case]) -> _Case:
    """The case of the run itself."""
    verdict = f"{outcome_word(result)}: {result.exit_reason}" if result.exit_reason else outcome_word(result)
    generator = f"generator: {health_line(result)}"
    answer = result.search.reason if result.search is not None and result.search.reason else ""
    output = "\n".join(line for line in (verdict, answer, measured_part(result), generator) if line)
    ending: Ending = "passed"
    kind = message = ""
    shown = any(case.ending in ("failure", "error") for case in others)
    allowed = result.outcome is Outcome.INCONCLUSIVE and result.exit_code == 0
    if result.abort:
        ending, kind, message = "error", "ABORTED", f"ended before its time: {result.abort}"
    elif not result.finished:
        ending, kind, message = "error", "UNFINISHED", "not finished: these are the figures of its last checkpoint"
    elif result.outcome is Outcome.INCONCLUSIVE and not (shown and result.record.samples):
        ending, kind, message = ("skipped" if allowed else "error"), "INCONCLUSIVE", result.exit_reason
    elif result.exit_code and not shown:
        ending, kind, message = "failure", f"EXIT {result.exit_code}", result.exit_reason
    return _Case("run", f"{result.kind} test", ending, kind, message, output, result.duration)


def _threshold(verdict: Verdict, *, strict: bool, allowed: bool) -> _Case:
    seen = [
        f"observed {shown_observed(verdict)}, limit {shown_limit(verdict)}",
        f"95 % interval {shown_interval(verdict)}, n {shown_count(verdict.n)}",
        *(text for text in (shown_at(verdict), f"rule of {verdict.source}") if text),
    ]
    ending: Ending = "passed"
    if verdict.outcome is Outcome.FAIL or (verdict.outcome is Outcome.WARN and strict):
        ending = "failure"
    elif verdict.outcome is Outcome.INCONCLUSIVE:
        ending = "error" if verdict.decisive and not allowed else "skipped"
    if ending != "passed":
        return _Case("thresholds", verdict.rule, ending, str(verdict.outcome), verdict.reason, "\n".join(seen))
    warned = [f"warning: {verdict.reason}"] if verdict.outcome is Outcome.WARN else []
    return _Case("thresholds", verdict.rule, ending, output="\n".join([*warned, *seen]))


def _declared(item: Declared, *, gated: bool) -> _Case:
    group = f"coverage.{item.by}"
    if item.hits:
        expected = "" if item.expected is None else f", {shown_count(round(item.expected))} expected by the planned mix"
        return _Case(group, item.title, "passed", output=f"ran {_times(item.hits)}{expected}")
    if not item.was_due:
        return _Case(group, item.title, "skipped", "NOT DUE", "the run was too short for it to be due")
    message = "declared, and never ran"
    return _Case(group, item.title, "failure" if gated else "skipped", "NEVER RAN", message)


def _difference(each: Difference, *, fails: bool) -> _Case:
    baseline, now = (
        ABSENT if value is None else format_value(value, each.unit) for value in (each.baseline, each.candidate)
    )
    bounds = " … ".join(shown_bounds(each))
    interval = f" (95 % interval {bounds})" if bounds else ""
    changed = "" if each.ratio is None else f", changed by {shown_change_of(each)}{interval}"
    seen = f"{each.change}: baseline {baseline}, now {now}{changed}; {each.basis}"
    name = f"{each.title} {each.metric}"
    if each.change is Change.INCONCLUSIVE:
        return _Case("comparison", name, "skipped", str(each.change), each.reason, seen)
    if each.change is Change.REGRESSED and fails:
        return _Case("comparison", name, "failure", str(each.change), seen)
    warned = "warning: " if each.change is Change.REGRESSED else ""
    return _Case("comparison", name, "passed", output=f"{warned}{seen}")


def _suite_output(result: RunResult) -> str:
    parts = []
    advice = what_to_look_at(result)
    if advice:
        parts.append("\n".join(["What to look at:", *(f"- {_line(text)}" for text in advice)]))
    unexpected = () if result.coverage is None else result.coverage.unexpected
    if unexpected:
        listed = [f"- {_line(name)}: {plural(count, 'request')}" for name, count in unexpected[:_UNDECLARED_SHOWN]]
        if len(unexpected) > _UNDECLARED_SHOWN:
            listed.append(f"- and {shown_count(len(unexpected) - _UNDECLARED_SHOWN)} more")
        parts.append("\n".join(["Ran, and nobody declared it:", *listed]))
    remarks = () if result.comparison is None else result.comparison.remarks
    if remarks:
        parts.append("\n".join(["Of the comparison:", *(f"- {_line(remark)}" for remark in remarks)]))
    return "\n\n".join(parts)


def _write(element: ET.Element, case: _Case, name: str, test_name: str) -> None:
    element.attrib |= {"classname": f"{test_name}.{case.group}", "name": name, "time": f"{case.seconds:.3f}"}
    if case.ending != "passed":
        message = _line(case.message) or case.kind
        child = ET.SubElement(element, case.ending, {"type": case.kind, "message": message})
        if case.output and case.ending != "skipped":
            child.text = _block(f"{case.message}\n{case.output}" if case.message else case.output)
            return
    if case.output:
        ET.SubElement(element, "system-out").text = _block(case.output)


def _unique(cases: Iterable[_Case]) -> list[str]:
    """Their names on one line; servers take two cases of one name for one, so that a second one gets a number."""
    seen: Counter[tuple[str, str]] = Counter()
    names = []
    for case in cases:
        name = _line(case.name)
        seen[case.group, name] += 1
        again = seen[case.group, name]
        names.append(name if again == 1 else f"{name} ({again})")
    return names


def _times(count: int) -> str:
    return "once" if count == 1 else f"{shown_count(count)} times"


def _line(text: str) -> str:
    return printable(" ".join(text.split()))


def _block(text: str) -> str:
    return printable(text, keep="\n\t")
