"""A run: what it measured and how it was judged, saved and loaded."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from loadproof.errors import RunError
from loadproof.record import Counts, RunRecord
from loadproof.record.run_record import MOST_TEXT
from loadproof.result.comparison import Change, ComparedRun, Comparison, Difference
from loadproof.result.coverage import Coverage, Declared
from loadproof.result.files import write_atomically
from loadproof.result.intervention import Intervention, paused_within
from loadproof.result.verdict import Observation, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA_VERSION = 3
"""Version of ``run.json``.

1: first version.
2: arrivals, the measured part of a record, levels and what a search found, more of the generator's health.
3: what windowed rules saw, limits of verdicts, coverage, comparison, interventions.
"""

_LEAST_RECORD_TEXT = 6_000_000
"""Characters that a record may take however many levels there are; these are bounded by how they are counted."""

LevelUnit = Literal["users", "per_second"]
LevelRole = Literal["step", "repeat", "confirm"]
SearchOutcome = Literal["broke", "did_not_break", "generator_limited", "found", "unsettled", "interrupted"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a quantity cannot be judged.

    Attributes:
        quantity: ``response_time``, ``service_time``, ``throughput``, ``error_rate``, ``iteration_time``.
        reason: In words.
        breach_stands: Whether a broken rule on it is broken all the same: what is missing would only be worse.
        pass_stands: Whether a rule on it that holds does so all the same.
    """

    quantity: str
    reason: str
    breach_stands: bool = False
    pass_stands: bool = False


@dataclass(frozen=True, slots=True)
class GeneratorHealth:
    """How the load generator itself fared.

    Attributes:
        cpu_mean: Mean share of one core over the processes that made load, 0..1; None when never sampled.
        cpu_max: Highest such share of any process over one second.
        loop_lag_p99: 99th percentile of how late the event loop woke up, in seconds; None when never sampled.
        loop_lag_max: Worst of it.
        kernel_clock_share: Share of samples whose end the kernel stamped, 0..1; None without samples.
        offered: Arrivals that were due, in an open model; None in a closed one, as below.
        started: Of these, iterations that were started.
        dropped: Of these, arrivals for which no user was free: ``offered - started``.
        late: Of those started, the ones that started more than 10 ms after their time.
        start_lag_p99: 99th percentile of how much later than intended iterations started, in seconds.
        gc_pause_max: Longest pause for garbage collection, in seconds; None when there was none.
        starved: Mean share of the time in which a load process could have run and got no CPU, 0..1; None where the
            system does not say.
        fallbacks: Requests that requests prepared or sent instead of the fast client, by the reason.
        doubts: Quantities that cannot be judged, or not fully, because of the generator.
        notes: What a reader should know before trusting the figures, one sentence each.
    """

    cpu_mean: float | None = None
    cpu_max: float | None = None
    loop_lag_p99: float | None = None
    loop_lag_max: float | None = None
    kernel_clock_share: float | None = None
    offered: int | None = None
    started: int | None = None
    dropped: int | None = None
    late: int | None = None
    start_lag_p99: float | None = None
    gc_pause_max: float | None = None
    starved: float | None = None
    fallbacks: Mapping[str, int] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Level:
    """One step of a search: a load that was held for a while, and how the service fared under it.

    Attributes:
        number: 1 for the first.
        target: Users, or arrivals per second.
        unit: What ``target`` counts: ``users`` or ``per_second``.
        role: ``step``, ``repeat`` of a level whose outcome decides, or ``confirm``, the long one at the end.
        measured_from: Start of the part that is judged, whole seconds since the run's start.
        measured_to: End of it.
        record: What was counted in it.
        exception_count: Errors of the script in it.
        unfinished: Requests cut off in it.
        health: How the generator fared in it.
        verdicts: How each rule came out.
        outcome: PASS: the service sustained it. INCONCLUSIVE: nobody can tell.
        metric: What broke it, or kept it from being judged: ``p99(response_time)``, ``error_rate``, ``dropped_rate``,
            ``achieved_rate``, ``in_flight``, ``generator``; None for PASS.
        reason: Why the outcome is not PASS, in words; empty otherwise.
    """

    number: int
    target: float
    unit: LevelUnit
    role: LevelRole
    measured_from: float
    measured_to: float
    record: Counts
    exception_count: int
    unfinished: int
    health: GeneratorHealth
    verdicts: tuple[Verdict, ...]
    outcome: Outcome
    metric: str | None = None
    reason: str = ""

    @property
    def limited_by_generator(self) -> bool:
        """Whether the generator, not the service, was at its limit."""
        return self.metric == "generator"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found.

    Attributes:
        kind: ``stress`` or ``capacity``.
        outcome: ``broke``, ``did_not_break`` (up to ``max_level``), ``generator_limited``, ``found`` (a capacity),
            ``unsettled`` (levels that nobody could judge), ``interrupted``.
        unit: What levels count.
        max_level: Highest level that was tried; None where none was finished.
        last_good_level: Highest level below which, and at which, every level passed; None where none did.
        breaking_level: First level that failed, and failed again; None where none did.
        metric: What broke it, see ``Level.metric``; None where nothing did.
        low: Lower end of a capacity's interval: the highest rate that was sustained; None where none was.
        high: Upper end: the lowest rate above it that was not; None where none was found.
        reason: The answer in words.
    """

    kind: Literal["stress", "capacity"]
    outcome: SearchOutcome
    unit: LevelUnit
    max_level: float | None = None
    last_good_level: float | None = None
    breaking_level: float | None = None
    metric: str | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ScriptError:
    """An exception that a task or ``on_start`` let escape, counted by what and where.

    Attributes:
        user_class: The user's class.
        where: ``on_start`` or the function that raised.
        kind: The exception's class name.
        message: First line of its text, at most 200 characters, secrets redacted.
        traceback: Of the first one.
        count: How often.
    """

    user_class: str
    where: str
    kind: str
    message: str
    traceback: str
    count: int


@dataclass(frozen=True, slots=True)
class FailureSample:
    """One failed request, kept to show what a failure looks like.

    Attributes:
        name: The entry it counted under.
        method: Its request type.
        kind: Kind of error.
        message: Text of the error.
        status: HTTP status; None when no answer came.
        body: First kilobyte of the answer, redacted; empty when there was none.
        at: Seconds since the run's start.
    """

    name: str
    method: str
    kind: str
    message: str
    status: int | None
    body: str
    at: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A moment of a run that goes on: what live views show and live rules are judged on.

    Attributes:
        record: What was measured so far; it goes on changing.
        measured_from: Start of the part that is judged, seconds since the run's start.
        measured_to: How far reports of the load processes reach.
        unfinished: Requests cut off so far.
        exception_count: Errors of the script so far.
        health: How the generator fares.
        observations: What rules on windows, or on a part of the run, are judged on as things stand.
        references: What the baseline came to, by each rule that depends on it.
        search: None: it goes on.
        levels: Levels of a search that are over.
        coverage: None: nobody knows yet what will run.
        interventions: What the user did to it so far.
    """

    record: RunRecord
    measured_from: float
    measured_to: float
    unfinished: int
    exception_count: int
    health: GeneratorHealth
    observations: tuple[Observation, ...] = ()
    references: tuple[Observation, ...] = ()
    search: SearchResult | None = None
    levels: tuple[Level, ...] = ()
    coverage: Coverage | None = None
    interventions: tuple[Intervention, ...] = ()

    @property
    def duration(self) -> float:
        """Seconds of the part that is judged, pauses left out."""
        return _duration(self)


@dataclass(frozen=True, slots=True)
class RunResult:
    """All that is kept of a run: ``run.json``.

    Attributes:
        run_id: Unique name of the run.
        test_name: Name that runs of the same test share.
        kind: ``load``, ``stress`` or ``capacity``.
        started_at: Start of the load, UTC, ISO 8601.
        plan: The effective plan, secrets redacted.
        environment: Where it ran: versions, machine, system.
        record: What was measured.
        measured_from: Start of the part that is judged, seconds since the run's start.
        measured_to: End of it.
        exceptions: Errors of the script, most frequent first.
        failures: First samples of each failure.
        unfinished: Requests sent and still in flight when the run ended.
        unrecorded: Requests answered whose entry the script dropped (an exception inside its ``with`` block).
        rows_dropped: Rows of ``results.csv`` that could not be written.
        workers: Processes that made load.
        health: How the generator fared.
        levels: Steps of a search, in their order; empty for a plain run.
        search: What a search found; None for a plain run, and while it goes on.
        observations: What rules on windows, or on a part of the run, were judged on.
        references: What the baseline came to, by each rule that depends on it.
        coverage: What the suite declares, against what ran; None where nobody looked.
        comparison: How the run compares with its baseline; None where it was not compared.
        interventions: What the user did to it while it went on, in the order of time; empty for nothing.
        verdicts: How each rule came out, in the order of the plan.
        outcome: What the run came to; None while it is running.
        exit_code: What the command exits with; None while it is running.
        exit_reason: Why the exit code is what it is, in words.
        abort: Why the run ended before its time; None when it did not.
        abort_code: Exit code of a run that ended before its time.
        script_exit_code: ``process_exit_code`` as the script set it; None where it did not.
        finished: False in a checkpoint of a run that is still going on.
        directory: Where the run's files are; None for a run that was never saved. Not part of ``run.json``.
    """

    run_id: str
    test_name: str
    kind: str
    started_at: str
    plan: Mapping[str, Any]
    environment: Mapping[str, Any]
    record: RunRecord
    measured_from: float = 0.0
    measured_to: float = 0.0
    exceptions: tuple[ScriptError, ...] = ()
    failures: tuple[FailureSample, ...] = ()
    unfinished: int = 0
    unrecorded: int = 0
    rows_dropped: int = 0
    workers: int = 1
    health: GeneratorHealth = field(default_factory=GeneratorHealth)
    levels: tuple[Level, ...] = ()
    search: SearchResult | None = None
    observations: tuple[Observation, ...] = ()
    references: tuple[Observation, ...] = ()
    coverage: Coverage | None = None
    comparison: Comparison | None = None
    interventions: tuple[Intervention, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    outcome: Outcome | None = None
    exit_code: int | None = None
    exit_reason: str = ""
    abort: str | None = None
    abort_code: int | None = None
    script_exit_code: int | None = None
    finished: bool = False
    directory: Path | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def duration(self) -> float:
        """Seconds of the part that is judged, pauses left out; 0.0 for a run that measured nothing."""
        return _duration(self)

    @property
    def exception_count(self) -> int:
        """Errors of the script, all kinds together."""
        return sum(error.count for error in self.exceptions)

    def save(self, path: Path) -> None:
        """Write ``run.json``, or nothing: a half file is never left.

        Raises:
            OSError: The disk refused it.
        """
        document = asdict(replace(self, record=None, levels=(), directory=None))  # type: ignore[arg-type]
        del document["directory"]
        document["levels"] = [_level_to_json(level) for level in self.levels]
        left = MOST_TEXT - len(str(document["levels"]))
        document["record"] = self.record.to_json(most_text=max(left, _LEAST_RECORD_TEXT))
        write_atomically(path, json.dumps(document, ensure_ascii=False, separators=(",", ":")))

    @classmethod
    def load(cls, path: Path) -> RunResult:
        """Read ``run.json``, also of an older version; a directory means the file in it.

        Raises:
            RunError: It is not a run, or was written by a newer version.
        """
        if path.is_dir():
            path /= "run.json"
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            version = document["schema_version"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path} is not a saved run: {error}", slug="not-a-run") from error
        if version > SCHEMA_VERSION:
            raise RunError(
                f"{path} has schema version {version}; this Loadproof reads up to {SCHEMA_VERSION}",
                slug="newer-run",
                hint="update loadproof",
            )
        return replace(cls._from_json(document), directory=path.parent)

    @classmethod
    def _from_json(cls, document: dict[str, Any]) -> RunResult:
        document["record"] = RunRecord.from_json(document["record"])
        document["health"] = _health(document["health"])
        document["levels"] = tuple(_level(item) for item in document.get("levels", ()))
        search = document.get("search")
        document["search"] = None if search is None else SearchResult(**search)
        document["observations"] = tuple(_observation(item) for item in document.get("observations", ()))
        document["references"] = tuple(_observation(item) for item in document.get("references", ()))
        document["coverage"] = _coverage(document.get("coverage"))
        document["comparison"] = _comparison(document.get("comparison"))
        document["interventions"] = tuple(Intervention(**item) for item in document.get("interventions", ()))
        document["exceptions"] = tuple(ScriptError(**item) for item in document["exceptions"])
        document["failures"] = tuple(FailureSample(**item) for item in document["failures"])
        document["verdicts"] = tuple(_verdict(item) for item in document["verdicts"])
        document["outcome"] = None if document["outcome"] is None else Outcome(document["outcome"])
        return cls(**document | {"schema_version": SCHEMA_VERSION})


def _duration(run: Snapshot | RunResult) -> float:
    paused = paused_within(run.interventions, run.measured_from, run.measured_to)
    return max(0.0, run.measured_to - run.measured_from - paused)


def _health(item: dict[str, Any]) -> GeneratorHealth:
    doubts = tuple(Doubt(**doubt) for doubt in item.get("doubts", ()))
    return GeneratorHealth(**item | {"doubts": doubts, "notes": tuple(item["notes"])})


def _level_to_json(level: Level) -> dict[str, Any]:
    return asdict(replace(level, record=None)) | {"record": level.record.to_json()}  # type: ignore[arg-type]


def _level(item: dict[str, Any]) -> Level:
    return Level(
        **item
        | {
            "record": Counts.from_json(item["record"]),
            "health": _health(item["health"]),
            "verdicts": tuple(_verdict(verdict) for verdict in item["verdicts"]),
            "outcome": Outcome(item["outcome"]),
        }
    )


def _verdict(item: dict[str, Any]) -> Verdict:
    return Verdict(**item | {"outcome": Outcome(item["outcome"]), "interval": _interval(item)})


def _observation(item: dict[str, Any]) -> Observation:
    return Observation(**item | {"interval": _interval(item)})


def _interval(item: dict[str, Any]) -> tuple[float, float] | None:
    return None if item["interval"] is None else (item["interval"][0], item["interval"][1])


def _coverage(item: dict[str, Any] | None) -> Coverage | None:
    if item is None:
        return None
    return Coverage(
        declared=tuple(Declared(**each) for each in item["declared"]),
        unexpected=tuple((name, count) for name, count in item["unexpected"]),
        mix=dict(item["mix"]),
    )


def _comparison(item: dict[str, Any] | None) -> Comparison | None:
    if item is None:
        return None
    return Comparison(
        baseline=tuple(ComparedRun(**run) for run in item["baseline"]),
        candidate=tuple(ComparedRun(**run) for run in item["candidate"]),
        differences=tuple(
            Difference(**each | {"change": Change(each["change"]), "interval": _interval(each)})
            for each in item["differences"]
        ),
        remarks=tuple(item["remarks"]),
    )
