"""The waist: what a run measured and how it was judged. Every later stage reads this and nothing else."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from loadproof.errors import RunError
from loadproof.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from loadproof.units import Unit

SCHEMA_VERSION = 1
"""Version of ``run.json``.

1: first version.
"""


class Outcome(StrEnum):
    """What a rule, or a run, came to."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    WARN = "WARN"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one rule came out.

    Attributes:
        rule: The rule as it was written.
        source: The layer that set the rule.
        outcome: What it came to.
        observed: The value judged, in the metric's own unit; None when there was nothing to judge.
        unit: ``s``, ``ratio``, ``/s`` or ``count``.
        interval: 95 % confidence interval of ``observed``; None where none can be given.
        n: Samples that ``observed`` rests on.
        decisive: Whether the rule can fail the run; False for one that only warns.
        reason: Why, in words, when the outcome is not PASS; empty otherwise.
    """

    rule: str
    source: str
    outcome: Outcome
    observed: float | None
    unit: Unit
    interval: tuple[float, float] | None
    n: int
    decisive: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GeneratorHealth:
    """How the load generator itself fared.

    Attributes:
        cpu_mean: Mean share of one core over the processes that made load, 0..1; None when never sampled.
        cpu_max: Highest such share of any process over one second.
        loop_lag_p99: 99th percentile of how late the event loop woke up, in seconds; None when never sampled.
        loop_lag_max: Worst of it.
        kernel_clock_share: Share of samples whose end the kernel stamped, 0..1; None without samples.
        fallbacks: Requests that requests prepared or sent instead of the fast client, by the reason.
        notes: What a reader should know before trusting the figures, one sentence each.
    """

    cpu_mean: float | None = None
    cpu_max: float | None = None
    loop_lag_p99: float | None = None
    loop_lag_max: float | None = None
    kernel_clock_share: float | None = None
    fallbacks: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


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
    """

    record: RunRecord
    measured_from: float
    measured_to: float
    unfinished: int
    exception_count: int
    health: GeneratorHealth


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
        verdicts: How each rule came out, in the order of the plan.
        outcome: What the run came to; None while it is running.
        exit_code: What the command exits with; None while it is running.
        exit_reason: Why the exit code is what it is, in words.
        abort: Why the run ended before its time; None when it did not.
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
    verdicts: tuple[Verdict, ...] = ()
    outcome: Outcome | None = None
    exit_code: int | None = None
    exit_reason: str = ""
    abort: str | None = None
    finished: bool = False
    directory: Path | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def duration(self) -> float:
        """Seconds of the part that is judged; 0.0 for a run that measured nothing."""
        return max(0.0, self.measured_to - self.measured_from)

    @property
    def exception_count(self) -> int:
        """Errors of the script, all kinds together."""
        return sum(error.count for error in self.exceptions)

    def save(self, path: Path) -> None:
        """Write ``run.json``, or nothing: a half file is never left.

        Raises:
            OSError: The disk refused it.
        """
        document = asdict(replace(self, record=None, directory=None))  # type: ignore[arg-type]
        del document["directory"]
        document["record"] = self.record.to_json()
        write_atomically(path, json.dumps(document, ensure_ascii=False, separators=(",", ":")))

    @classmethod
    def load(cls, path: Path) -> RunResult:
        """Read ``run.json``; a directory means the file in it.

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
        document["health"] = GeneratorHealth(**document["health"] | {"notes": tuple(document["health"]["notes"])})
        document["exceptions"] = tuple(ScriptError(**item) for item in document["exceptions"])
        document["failures"] = tuple(FailureSample(**item) for item in document["failures"])
        document["verdicts"] = tuple(_verdict(item) for item in document["verdicts"])
        document["outcome"] = None if document["outcome"] is None else Outcome(document["outcome"])
        return cls(**document)


def _verdict(item: dict[str, Any]) -> Verdict:
    interval = None if item["interval"] is None else tuple(item["interval"])
    return Verdict(**item | {"outcome": Outcome(item["outcome"]), "interval": interval})


def new_run_id(started_at: datetime) -> str:
    """A run's unique name: its start and six random hex digits."""
    return f"{started_at:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part.

    Raises:
        OSError: The disk refused it; the old file stands.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
