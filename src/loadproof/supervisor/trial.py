"""One test from its first user to its files: what came in, how it stands, what is kept."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loadproof.errors import ExitCode
from loadproof.judge import evaluate_all
from loadproof.plan.redact import effective_plan, redacted
from loadproof.record import Delta, RunRecord
from loadproof.result import RunResult, Snapshot, new_run_id
from loadproof.supervisor.directory import ResultDirectory, create_directory
from loadproof.supervisor.facts import Facts
from loadproof.supervisor.files import judged, write_files
from loadproof.supervisor.observer import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from loadproof.plan import Plan

_CHECKPOINT_INTERVAL = 10.0


class Trial:
    """A test that is running, and then its result.

    Args:
        plan: What was planned.
        start: Payload of the ``start`` frame: what Locust made of it.
        environment: Where it runs.
        base: Folder under which its directory is made.
        log: Lines that came before it started.

    Raises:
        RunError: Its directory cannot be made.
    """

    def __init__(
        self, plan: Plan, start: dict[str, Any], *, environment: dict[str, Any], base: Path, log: list[str]
    ) -> None:
        self._plan = plan
        self._start = start
        self._environment = environment
        self._started = datetime.fromtimestamp(start["epoch"], UTC)
        self._zero: float = time.monotonic() - max(0.0, time.time() - start["epoch"])
        self._record = RunRecord()
        self._facts = Facts()
        self._ended_at: float | None = None
        self._next_checkpoint = 0.0
        self._run_id = new_run_id(self._started)
        self._abort: tuple[ExitCode, str] | None = None
        self._directory = ResultDirectory(create_directory(base, "load", plan.name, self._started))
        self.complaints: list[str] = []
        for line in log:
            self._directory.log(line)
        self._complain(self._directory.write("plan.toml", effective_plan(plan)))
        self.checkpoint()

    @property
    def bounded(self) -> bool:
        """Whether the run ends by itself."""
        return bool(self._start["bounded"])

    @property
    def ended(self) -> bool:
        """Whether the load process said that the test is over."""
        return self._ended_at is not None

    @property
    def elapsed(self) -> float:
        """Seconds since the run's start."""
        return time.monotonic() - self._zero

    def merge(self, encoded: bytes) -> None:
        """Take in a delta of one load process."""
        delta = Delta.decode(encoded)
        if not self._facts.in_order(delta.worker, delta.number):
            self.abort(f"a report of worker {delta.worker} was lost on its way", ExitCode.COULD_NOT_RUN)
        self._record.merge(delta)
        self._facts.add(delta.worker, delta.facts)
        users = self._facts.users()
        if users:
            self._record.set_users(delta.facts["at"], users)

    def append_rows(self, rows: bytes) -> None:
        """Take in rows for ``results.csv``."""
        self._directory.append_rows(rows)

    def log(self, line: str) -> None:
        """Take in a line of output."""
        self._directory.log(line)

    def end(self, at: float) -> None:
        """The load process says that the test is over."""
        self._ended_at = at

    def lose(self, worker: str) -> None:
        """A worker stopped answering."""
        self._facts.lose(worker)
        self.abort(f"worker {worker} was lost; what it had not reported is missing", ExitCode.COULD_NOT_RUN)

    def abort(self, reason: str, code: ExitCode) -> None:
        """The run ends, or ended, before its time; the first reason stands."""
        if self._abort is None:
            self._abort = (code, reason)

    def progress(self) -> Progress:
        """How far it is; rules are judged on what is known now."""
        snapshot = Snapshot(
            record=self._record,
            measured_from=0.0,
            measured_to=self._measured_to(),
            unfinished=self._facts.unfinished,
            exception_count=sum(error.count for error in self._facts.exceptions()),
            health=self._facts.health(),
        )
        return Progress(
            test_name=self._plan.name,
            directory=self._directory.path,
            elapsed=self.elapsed,
            run_time=self._start["run_time"],
            users=sum(self._facts.users().values()),
            users_wanted=self._start["users"],
            snapshot=snapshot,
            verdicts=evaluate_all(self._plan.thresholds, snapshot),
        )

    def checkpoint(self) -> None:
        """Write ``run.json`` if the last one is ten seconds old, so that a crash of ours costs no more than that.

        Thousands of entries take seconds to write: then it is done more rarely, for a twentieth of the time at most.
        """
        if self.elapsed < self._next_checkpoint:
            return
        began = self.elapsed
        self._complain(self._directory.checkpoint(self._result()))
        self._next_checkpoint = began + max(_CHECKPOINT_INTERVAL, 20 * (self.elapsed - began))

    def finish(self, script_exit_code: int | None) -> RunResult:
        """Judge, write everything, and give the result; what the disk refused is in ``complaints``."""
        self._directory.close()
        result = judged(
            self._result(finished=True),
            self._plan,
            abort=self._abort,
            script_exit_code=script_exit_code,
        )
        self.complaints.extend(write_files(result, self._directory.path))
        return result

    def _complain(self, refused: str | None) -> None:
        if refused is not None and refused not in self.complaints:
            self.complaints.append(refused)

    def _measured_to(self) -> float:
        return self._facts.last_at if self._ended_at is None else self._ended_at

    def _result(self, *, finished: bool = False) -> RunResult:
        return RunResult(
            run_id=self._run_id,
            test_name=self._plan.name,
            kind="load",
            started_at=self._started.isoformat(),
            plan=redacted(self._plan) | {"effective": self._start},
            environment=self._environment,
            record=self._record,
            measured_to=self._measured_to(),
            exceptions=self._facts.exceptions(),
            failures=self._facts.failures(),
            unfinished=self._facts.unfinished,
            unrecorded=self._facts.unrecorded,
            rows_dropped=self._facts.rows_dropped + self._directory.rows_lost,
            workers=self._facts.workers,
            health=self._facts.health(),
            abort=self._abort[1] if self._abort else None,
            finished=finished,
            directory=self._directory.path,
        )
