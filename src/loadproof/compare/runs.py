"""Two sides of runs compared, quantity by quantity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from loadproof.compare.limits import TOLERANCES, Contrast, Decision, decide, decide_shares, floor_of
from loadproof.compare.remarks import entries_of, is_scheduled, remarks_on
from loadproof.compare.searches import compare_searches
from loadproof.compare.sides import (
    QUANTILES,
    Counted,
    basis_of,
    contrast_of,
    failures_of,
    mean_value,
    quantile_reading,
    throughput_reading,
)
from loadproof.result import Change, ComparedRun, Comparison, Difference
from loadproof.stats import newcombe_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadproof.compare.sides import Reading
    from loadproof.record import Key
    from loadproof.result import Basis, RunResult
    from loadproof.units import Unit

FALSE_ALARMS = 0.05
"""How often nothing changed and yet something is REGRESSED, at most: half of it by all requests together, half by the
entries. The intervals are two-sided, so that each half is what 5 % of one family leaves on the side of the worse."""

_OPTIONAL = "p99"  # compared only where both sides have the samples for it


@dataclass(frozen=True, slots=True)
class _Question:
    """A quantity to decide on, with what both sides say of it."""

    key: Key | None
    label: str
    metric: str
    unit: Unit
    baseline: float | None
    candidate: float | None
    floor: float
    tolerance: float
    basis: Basis
    found: Contrast | _Shares | str

    @property
    def family(self) -> Literal["all requests", "entries"]:
        """Whose false alarms it shares."""
        return "all requests" if self.key is None else "entries"


@dataclass(frozen=True, slots=True)
class _Shares:
    """Failures of so many on both sides, in independent requests."""

    baseline: tuple[float, float]
    candidate: tuple[float, float]
    runs: int


def compare_runs(
    baselines: Sequence[RunResult],
    candidates: Sequence[RunResult],
    *,
    tolerances: Mapping[str, float] | None = None,
    floors: Mapping[str, float] | None = None,
) -> Comparison:
    """What changed from the baseline to the candidate, and how sure that is.

    Of plain runs p50, p95, p99 of the response times of successes, throughput (of closed runs without a limit on the
    rate) and error rate are compared, of all requests and of each entry that both sides have; of searches their
    answer. See ``docs/statistics.md`` for the method. Never raises for what runs contain: what cannot be compared is
    INCONCLUSIVE, with the reason.

    Args:
        baselines: Runs of what is compared with.
        candidates: Runs of what is looked at. Either side empty: nothing is compared.
        tolerances: Change that does not matter by quantity (``p50``, ``p95``, ``p99``, ``throughput``, ``error_rate``,
            ``capacity``, ``breaking_level``), as a share of the baseline, of ``error_rate`` as a difference; those that
            are absent are as in ``TOLERANCES``.
        floors: Absolute change that does not matter, by quantity, in seconds, per second, users or a share; those that
            are absent follow from the precision of measuring.
    """
    allowed, least = {**TOLERANCES, **(tolerances or {})}, dict(floors or {})
    remarks = remarks_on(baselines, candidates)
    differences: tuple[Difference, ...] = ()
    kinds = {run.kind for run in (*baselines, *candidates)}
    if baselines and candidates and len(kinds) == 1:
        if kinds == {"load"}:
            differences = _loads(baselines, candidates, allowed, least)
        else:
            differences = compare_searches(baselines, candidates, allowed, least)
    return Comparison(
        baseline=tuple(map(_compared, baselines)),
        candidate=tuple(map(_compared, candidates)),
        differences=differences,
        remarks=tuple(remarks),
    )


def _compared(run: RunResult) -> ComparedRun:
    return ComparedRun(run.run_id, run.test_name, run.started_at, run.environment.get("commit"))


def _loads(
    baselines: Sequence[RunResult],
    candidates: Sequence[RunResult],
    tolerances: Mapping[str, float],
    floors: Mapping[str, float],
) -> tuple[Difference, ...]:
    before, after = entries_of(baselines), entries_of(candidates)
    requests, spans = (sorted(before[kind] & after[kind], key=lambda key: (key[1], key[0])) for kind in (0, 1))
    lone = requests[0] if len(requests) == 1 and before[0] == after[0] else None
    keys: list[Key | None] = [None, *(key for key in [*requests, *spans] if key != lone)]
    questions = [question for key in keys for question in _questions(key, baselines, candidates, tolerances, floors)]
    asked = dict.fromkeys(("all requests", "entries"), 0)
    for question in questions:
        asked[question.family] += not isinstance(question.found, str)
    differences = [
        _without_doubt(_difference(question, FALSE_ALARMS / max(1, asked[question.family])), baselines, candidates)
        for question in questions
    ]
    if lone is not None:
        # The only entry is all requests: the same question is not asked, nor paid for, twice.
        own = [replace(each, name=lone[0], method=lone[1]) for each in differences if each.name is None]
        differences[len(own) : len(own)] = own
    return tuple(differences)


def _questions(
    key: Key | None,
    baselines: Sequence[RunResult],
    candidates: Sequence[RunResult],
    tolerances: Mapping[str, float],
    floors: Mapping[str, float],
) -> list[_Question]:
    counted = [[Counted(run, key) for run in runs] for runs in (baselines, candidates)]
    found = []
    for label in QUANTILES:
        sides = [[quantile_reading(each, label) for each in side] for side in counted]
        if label == _OPTIONAL and any(reading.lacking for side in sides for reading in side):
            continue
        found.append(_question(key, label, sides, tolerances, floors))
    if not any(is_scheduled(run) for run in (*baselines, *candidates)):
        sides = [[throughput_reading(each) for each in side] for side in counted]
        found.append(_question(key, "throughput", sides, tolerances, floors))
    return [*found, _error_question(key, counted, tolerances, floors)]


def _question(
    key: Key | None,
    label: str,
    sides: list[list[Reading]],
    tolerances: Mapping[str, float],
    floors: Mapping[str, float],
) -> _Question:
    is_time = label != "throughput"
    baseline, candidate = map(mean_value, sides)
    step = max(reading.step for side in sides for reading in side)
    return _Question(
        key=key,
        label=label,
        metric=f"{label}(response_time)" if is_time else label,
        unit="s" if is_time else "/s",
        baseline=baseline,
        candidate=candidate,
        floor=floors.get(label, floor_of(label, baseline or 0.0, step)),
        tolerance=tolerances[label],
        basis=basis_of(*map(len, sides)),
        found=contrast_of(*sides, lower_is_better=is_time),
    )


def _error_question(
    key: Key | None, counted: list[list[Counted]], tolerances: Mapping[str, float], floors: Mapping[str, float]
) -> _Question:
    one, two = (_failures([failures_of(each) for each in side]) for side in counted)
    values = [side[0] / side[1] if side[1] else None for side in (one, two)]
    lacking = "nothing was finished" if None in values else ""
    return _Question(
        key=key,
        label="error_rate",
        metric="error_rate",
        unit="ratio",
        baseline=values[0],
        candidate=values[1],
        floor=floors.get("error_rate", 0.0),
        tolerance=tolerances["error_rate"],
        basis=basis_of(*map(len, counted)),
        found=lacking or _Shares(one, two, min(map(len, counted))),
    )


def _failures(runs: list[tuple[int, int, float]]) -> tuple[float, float]:
    """Failures and requests of several runs, in independent requests.

    Runs that differ by more than chance tell less than they have requests: by Pearson's statistic over its degrees of
    freedom (McCullagh and Nelder 1989, 4.5.2), or by their own bursts, whichever is less.
    """
    failed, samples = sum(run[0] for run in runs), sum(run[1] for run in runs)
    worth = sum(run[2] for run in runs)
    if not 0 < failed < samples:
        return float(failed), float(samples)
    share = failed / samples
    if len(runs) > 1:
        off = sum((k - n * share) ** 2 / (n * share * (1.0 - share)) for k, n, _ in runs if n)
        worth = min(worth, samples / max(1.0, off / (len(runs) - 1)))
    return share * worth, worth


def _difference(question: _Question, alpha: float) -> Difference:
    decision: Decision | None = None
    reason = question.found if isinstance(question.found, str) else ""
    before, after = question.baseline, question.candidate
    ratio = None
    if before is not None and after is not None:
        ratio = after - before if question.unit == "ratio" else after / before
    if isinstance(question.found, Contrast) and before is not None and after is not None:
        decision = decide(
            question.found,
            tolerance=question.tolerance,
            floor=question.floor,
            baseline=before,
            candidate=after,
            alpha=alpha,
        )
    elif isinstance(question.found, _Shares) and ratio is not None:
        shares = question.found
        interval = newcombe_interval(shares.baseline, shares.candidate, 1.0 - alpha)
        if interval is not None:
            decision = decide_shares(
                interval,
                difference=ratio,
                tolerance=question.tolerance,
                floor=question.floor,
                runs=shares.runs,
                alpha=alpha,
            )
    name, method = question.key or (None, None)
    return Difference(
        name=name,
        method=method,
        metric=question.metric,
        unit=question.unit,
        baseline=before,
        candidate=after,
        ratio=ratio,
        interval=None if decision is None else decision.interval,
        tolerance=question.tolerance,
        floor=question.floor,
        change=Change.INCONCLUSIVE if decision is None else decision.change,
        basis=question.basis,
        detectable=None if decision is None else decision.detectable,
        runs_needed=None if decision is None else decision.runs_needed,
        reason=reason if decision is None else decision.reason,
    )


def _without_doubt(
    difference: Difference, baselines: Sequence[RunResult], candidates: Sequence[RunResult]
) -> Difference:
    """The same, INCONCLUSIVE where a sick generator may be the reason.

    A doubt may say which way the truth lies: with ``breach_stands`` it is worse than what was measured, with
    ``pass_stands`` better. What is REGRESSED stays so where the candidate was worse still, or the baseline better.
    """
    quantity = "response_time" if difference.unit == "s" else difference.metric
    before = [doubt for run in baselines for doubt in run.health.doubts if doubt.quantity == quantity]
    after = [doubt for run in candidates for doubt in run.health.doubts if doubt.quantity == quantity]
    if not before and not after:
        return difference
    if difference.change is Change.REGRESSED:
        stands = all(doubt.pass_stands for doubt in before) and all(doubt.breach_stands for doubt in after)
    elif difference.change is Change.IMPROVED:
        stands = all(doubt.breach_stands for doubt in before) and all(doubt.pass_stands for doubt in after)
    else:
        stands = False
    if stands:
        return difference
    return replace(
        difference, change=Change.INCONCLUSIVE, runs_needed=None, reason=f"the generator: {[*before, *after][0].reason}"
    )
