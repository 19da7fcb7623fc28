"""How runs of the same test went over time: each one against the median of those before it.

A median over the earlier runs, not the run before: one bad run neither hides the next one nor makes it look good. This
shows a drift; whether two sides differ for certain is for ``loadproof compare`` to say, which has intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING, Any, Literal, get_args

from loadproof.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loadproof.result import LevelUnit

Quantity = Literal["p50", "p95", "throughput", "error_rate", "answer"]
"""What is followed: times of successes, requests per second, the share of failures, and what a search found."""

QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)


@dataclass(frozen=True, slots=True)
class PastRun:
    """What a trend needs to know of a run.

    Attributes:
        directory: Its folder, as it was found.
        run_id: Its unique name.
        test_name: Name that runs of the same test share.
        kind: ``load``, ``stress`` or ``capacity``.
        started_at: Start of its load, in UTC; of a time without a zone that is what it is taken for.
        outcome: What it came to; None for one that is not finished.
        exit_code: What the command exited with; None for one that is not finished.
        abort: Why it ended before its time; None where it did not.
        finished: Whether it is more than a checkpoint.
        users_peak: Most users at one time; None where it was never reported.
        p50: Median response time of successes, in seconds; None without any. Of a search, of the highest level that
            was sustained.
        p95: 95th percentile of them.
        throughput: Finished requests per second, of the same part.
        error_rate: Share of failures, 0..1, of the same part.
        answer: What a search found: a capacity per second, or the level that broke it; None for a plain run, and
            where it found none.
        answer_unit: What the answer counts: ``users`` or ``per_second``; None for a plain run.
    """

    directory: str
    run_id: str
    test_name: str
    kind: str
    started_at: datetime
    outcome: Outcome | None
    exit_code: int | None
    abort: str | None
    finished: bool
    users_peak: int | None
    p50: float | None
    p95: float | None
    throughput: float | None
    error_rate: float | None
    answer: float | None
    answer_unit: LevelUnit | None = None

    @property
    def counts(self) -> bool:
        """Whether later runs are held against it: one that was cut short is no measure."""
        return self.finished and self.abort is None

    def value(self, quantity: Quantity) -> float | None:
        """One of the quantities that are followed."""
        found: float | None = getattr(self, quantity)
        return found


@dataclass(frozen=True, slots=True)
class TrendRow:
    """A run beside those before it.

    Attributes:
        run: The run.
        usual: Median of each quantity over the earlier runs that count; without those that no earlier run has.
        change: What the run differs by, as a share of the median; of ``error_rate`` the difference itself. Without
            those that cannot be told.
    """

    run: PastRun
    usual: Mapping[Quantity, float]
    change: Mapping[Quantity, float]


@dataclass(frozen=True, slots=True)
class Trend:
    """The runs of one test.

    Attributes:
        test_name: Name that they share.
        kind: Of all of them.
        rows: Oldest first; never empty.
    """

    test_name: str
    kind: str
    rows: tuple[TrendRow, ...]


def past_run(document: Mapping[str, Any], directory: str, *, finished: bool = True) -> PastRun:
    """A run as its ``metrics.json`` tells of it.

    Args:
        document: ``metrics.json`` of any version.
        directory: Its folder.
        finished: Whether it is more than a checkpoint.

    Raises:
        ValueError: The document is another one: it lacks what every run has, or has it in another form.
    """
    try:
        run_id, test_name, timestamp = document["run_id"], document["test_name"], document["timestamp"]
        started_at = datetime.fromisoformat(timestamp)
        search = document.get("search")
        part = document if search is None else _sustained(document, search)
        good = part.get("successful") or {}
        percent = part.get("error_rate")
        users = _number(document.get("users_peak"))
        verdict = document.get("verdict")
        return PastRun(
            directory=directory,
            run_id=_text(run_id),
            test_name=_text(test_name),
            kind="load" if search is None else _text(search["kind"]),
            started_at=(started_at if started_at.tzinfo else started_at.replace(tzinfo=UTC)).astimezone(UTC),
            outcome=None if verdict is None else Outcome(verdict),
            exit_code=document.get("exit_code"),
            abort=document.get("abort"),
            finished=finished,
            users_peak=None if users is None else round(users),
            p50=_number(good.get("median_response_time")),
            p95=_number(good.get("p95_response_time")),
            throughput=_number(part.get("requests_per_second")),
            error_rate=None if percent is None else (_number(percent) or 0.0) / 100,
            answer=None if search is None else _number(_answer(document, search)),
            answer_unit=None if search is None else _unit(search["unit"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ValueError(f"not the metrics.json of a run: {error!r}") from error


def trends(runs: Iterable[PastRun]) -> tuple[Trend, ...]:
    """Runs by test name and kind, in the order of these; oldest first within each."""
    groups: dict[tuple[str, str], list[PastRun]] = {}
    for run in runs:
        groups.setdefault((run.test_name, run.kind), []).append(run)
    return tuple(
        Trend(name, kind, _rows(sorted(group, key=lambda run: (run.started_at, run.run_id))))
        for (name, kind), group in sorted(groups.items())
    )


def _rows(runs: Sequence[PastRun]) -> tuple[TrendRow, ...]:
    rows = []
    for position, run in enumerate(runs):
        earlier = [other for other in runs[:position] if other.counts]
        usual: dict[Quantity, float] = {}
        change: dict[Quantity, float] = {}
        for quantity in QUANTITIES:
            known = [value for other in earlier if (value := other.value(quantity)) is not None]
            if not known:
                continue
            usual[quantity] = median(known)
            now = run.value(quantity)
            if now is not None and quantity == "error_rate":
                change[quantity] = now - usual[quantity]
            elif now is not None and usual[quantity]:
                change[quantity] = now / usual[quantity] - 1.0
        rows.append(TrendRow(run, usual, change))
    return tuple(rows)


def _sustained(document: Mapping[str, Any], search: Mapping[str, Any]) -> Mapping[str, Any]:
    """The last level that was held at the highest load that passed; nothing where none did.

    All levels together say nothing: how much of the time lay beyond the limit is chance.
    """
    best = search.get("last_good_level")
    held = [
        level
        for level in document.get("levels", ())
        if best is not None and level["target"] == best and level["outcome"] == Outcome.PASS
    ]
    return held[-1] if held else {}


def _answer(document: Mapping[str, Any], search: Mapping[str, Any]) -> float | None:
    if search["kind"] == "capacity":
        found: float | None = (document.get("capacity") or {}).get("rate_per_second")
        return found
    breaking: float | None = search.get("breaking_level")
    return breaking


def _unit(value: object) -> LevelUnit:
    return "per_second" if value == "per_second" else "users"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return float(value)
