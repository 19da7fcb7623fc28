"""One test from its first user to its files: what came in, how it stands, what is kept."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from loadproof.errors import ExitCode
from loadproof.judge import evaluate_all, reason_to_end
from loadproof.plan import Stress
from loadproof.plan.metrics import is_live
from loadproof.plan.profile import Schedule
from loadproof.plan.redact import effective_plan, redacted
from loadproof.record import ArrivalCounts, Delta, RunRecord
from loadproof.result import Observation, RunResult, Snapshot, new_run_id, told
from loadproof.result.ledgers import read_ledgers
from loadproof.supervisor.coverage import coverage_of
from loadproof.supervisor.directory import ResultDirectory, create_directory
from loadproof.supervisor.facts import Facts, strain_of
from loadproof.supervisor.files import write_files
from loadproof.supervisor.judging import judged, under_load
from loadproof.supervisor.observer import Goal, Progress
from loadproof.supervisor.searching import BETWEEN_LEVELS, Searching
from loadproof.supervisor.steady import found_warmup, known_warmup, run_time_of, seconds_held_back
from loadproof.supervisor.steering import Helm
from loadproof.supervisor.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadproof.plan import Plan
    from loadproof.result import Coverage, GeneratorHealth, Verdict
    from loadproof.supervisor.baseline import Baseline

_CHECKPOINT_INTERVAL = 10.0
_HEALED = 2.0
"""Seconds by which a worker that was thought lost has reported since: it was only silent."""


class Trial:
    """A test that is running, and then its result.

    Args:
        plan: What was planned.
        start: Payload of the ``start`` frame: what Locust made of it.
        send: Sends a frame to the load process.
        say: Shows the user a line.
        baseline: The saved runs that this one is held against.
        environment: Where it runs.
        base: Folder under which its directory is made.
        log: Lines that came before it started.

    Raises:
        RunError: Its directory cannot be made.
    """

    def __init__(
        self,
        plan: Plan,
        start: dict[str, Any],
        *,
        environment: dict[str, Any],
        base: Path,
        log: list[str],
        send: Callable[[str, Any], None],
        say: Callable[[str], None],
        baseline: Baseline,
    ) -> None:
        self._plan = plan
        self._start = start
        self._environment = environment
        self._started = datetime.fromtimestamp(start["epoch"], UTC)
        self._zero: float = time.monotonic() - max(0.0, time.time() - start["epoch"])
        self._record = RunRecord(hold_back=seconds_held_back(plan))
        self._facts = Facts()
        self._searching = None if plan.search is None else Searching(plan.search, self._record, self._facts, send)
        self.helm = Helm(send, say, searching=plan.search is not None, clock=lambda: self.elapsed)
        self._live_rules = tuple(rule for rule in plan.thresholds if is_live(rule))
        self._watching = Watching(plan.thresholds, self._record)
        self._baseline = baseline
        self._references = baseline.references(plan.thresholds)
        self._run_time = run_time_of(plan) if plan.scenarios else start["run_time"]
        self._schedule_at: float | None = None if plan.scenarios or plan.search else 0.0
        self._measured_from = 0.0
        self._shares: list[str] = []
        self._lost_at: dict[str, float] = {}
        self._short: tuple[int, int] | None = None
        self._remarks: list[str] = []
        self._ended_at: float | None = None
        self._next_checkpoint = 0.0
        self._run_id = new_run_id(self._started)
        self._abort: tuple[ExitCode, str] | None = None
        self._directory = ResultDirectory(create_directory(base, self._kind, plan.name, self._started))
        self.complaints: list[str] = []
        for line in log:
            self._directory.log(line)
        if self._schedule_at is not None:
            self._measure_from(known_warmup(plan, start))
        self._complain(self._directory.write("plan.toml", effective_plan(plan)))
        self.checkpoint()

    @property
    def _kind(self) -> Literal["load", "stress", "capacity"]:
        return "load" if self._plan.search is None else self._plan.search.kind

    @property
    def run_id(self) -> str:
        """Unique name of the run."""
        return self._run_id

    @property
    def bounded(self) -> bool:
        """Whether the run ends by itself."""
        limited = self._plan.iterations or self._plan.iterations_per_user or self._plan.search
        return bool(self._start["bounded"] or limited or self._run_time is not None)

    @property
    def ended(self) -> bool:
        """Whether the load process said that the test is over."""
        return self._ended_at is not None

    @property
    def elapsed(self) -> float:
        """Seconds since the run's start."""
        return time.monotonic() - self._zero

    def merge(self, encoded: bytes) -> Delta:
        """Take in a delta of one load process, and give it decoded."""
        delta = Delta.decode(encoded)
        if not self._facts.in_order(delta.worker, delta.number):
            self.abort(f"a report of worker {delta.worker} was lost on its way", ExitCode.COULD_NOT_RUN)
        self._watching.expect(delta)
        self._record.merge(delta)
        self._facts.add(delta.worker, delta.facts)
        users = self._facts.users()
        if users:
            self._record.set_users(delta.facts["at"], users)
        strain = strain_of(delta.facts)
        if strain is not None:
            self._record.add_strain(delta.facts["at"], strain)
        return delta

    def begin_schedule(self, starts_at: float) -> None:
        """The profiles begin: what came before was the set-up."""
        self._schedule_at = starts_at
        self._measure_from(starts_at + known_warmup(self._plan, self._start))
        self._next_checkpoint = 0.0  # the last one does not know where the measured part begins

    def _measure_from(self, at: float) -> None:
        final = self._plan.warmup != "auto" or self.ended
        self._measured_from = float(self._record.measure_from(int(at), final=final))
        if self._plan.warmup != "auto":  # with that no rule is about windows
            self._watching.begin(self._measured_from)

    def share(self, workers: list[str]) -> None:
        """The workers have their shares of all arrivals, in this order."""
        self._shares = workers

    def run_short(self, max_users: int, needed: int) -> None:
        """The pool would have to be larger than it may."""
        self._short = (max_users, needed)
        if self._searching is not None:
            self._searching.run_short(needed)

    def steered(self, kind: str, answer: dict[str, Any]) -> None:
        """The load process did what the user wished, or cannot."""
        if kind == "intervened":
            self.helm.intervened(answer)
            self._watching.interventions = self.helm.done
        else:
            self.helm.refused(answer["why"])

    def turn(self) -> None:
        """Do what is due in a search, and judge what became known of windows."""
        self._watching.turn(self._facts.reported_until)
        if self._searching is not None and self._schedule_at is not None and not self.ended:
            self._searching.turn(self.elapsed)

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
        self._lost_at.setdefault(worker, self._facts.at(worker))
        self.abort(f"worker {worker} was lost; what it had not reported is missing", ExitCode.COULD_NOT_RUN)

    def abort(self, reason: str, code: ExitCode) -> None:
        """The run ends, or ended, before its time; the first reason stands."""
        if self._abort is None:
            self._abort = (code, reason)

    def ends_early(self, verdicts: tuple[Verdict, ...]) -> bool:
        """Whether a rule with ``abort`` ends the run now; it is kept what the rule was broken by."""
        found = None if self._abort or not verdicts else reason_to_end(self._live_rules, verdicts)
        if found is None:
            return False
        verdict, reason = found
        self._watching.keep(
            Observation(verdict.rule, verdict.observed, verdict.n, verdict.interval, verdict.at or self._measured_to())
        )
        self.abort(reason, ExitCode.FAILED)
        return True

    def progress(self) -> Progress:
        """How far it is; rules are judged on what is known now."""
        snapshot = Snapshot(
            record=self._record,
            measured_from=self._measured_from,
            measured_to=self._measured_to(),
            unfinished=self._facts.unfinished,
            exception_count=sum(error.count for error in self._facts.exceptions()),
            health=self._health(),
            observations=self._watching.observations(),
            references=self._references,
            levels=() if self._searching is None else tuple(self._searching.levels),
            interventions=self.helm.done,
        )
        return Progress(
            test_name=self._plan.name,
            directory=self._directory.path,
            elapsed=self.elapsed,
            run_time=self._lasts(),
            users=sum(self._facts.users().values()),
            users_wanted=self._users_wanted(),
            snapshot=snapshot,
            verdicts=self._live_verdicts(snapshot),
            level=None if self._searching is None else self._searching.now,
            levels=() if self._searching is None else tuple(self._searching.levels),
            goal=self._goal(),
            paused=self.helm.is_paused,
            ending=self.helm.ended,
        )

    def so_far(self) -> RunResult:
        """What it has come to: rules are judged on what is known now, the run as a whole is not."""
        return replace(self._result(), verdicts=self.progress().verdicts)

    def _users_wanted(self) -> int | None:
        """Users that it will reach, where Locust decides on them."""
        if self._start["users"] is None:
            return None
        changed = [each.after for each in self.helm.done if each.after is not None]
        return changed[-1] if changed else int(self._start["users"])

    def _goal(self) -> Goal | None:
        """What is to be done, where not only the run's time ends it."""
        if self._searching is not None:
            total = len(self._plan.search.levels) if isinstance(self._plan.search, Stress) else None
            return Goal("levels", len(self._searching.levels), total)
        total, each, users = self._plan.iterations, self._plan.iterations_per_user, self._users_wanted()
        if total is None and each is None:
            return None
        if total is None and each is not None and users is not None:
            total = each * users
        return Goal("iterations", self._facts.iterations or 0, total)

    def _live_verdicts(self, snapshot: Snapshot) -> tuple[Verdict, ...]:
        """How the rules stand; those on what only the end will show have no say yet."""
        if self._searching is not None:
            return ()
        return evaluate_all(self._live_rules, under_load(snapshot))

    def _lasts(self) -> float | None:
        """Seconds from the run's start to its planned end; None when nobody knows."""
        if isinstance(self._plan.search, Stress):  # one that breaks ends earlier
            return len(self._plan.search.levels) * (self._plan.search.hold + BETWEEN_LEVELS)
        return None if self._run_time is None else (self._schedule_at or 0.0) + self._run_time

    @property
    def _is_open(self) -> bool:
        return self._record.arrivals.offered > 0

    def _health(self) -> GeneratorHealth:
        limited = self._plan.rps is not None
        health = self._facts.health.health(self._record, is_open=self._is_open, short=self._short, is_limited=limited)
        if self._searching is not None:  # it overloads on purpose; what is to be said of that is said of its levels
            return replace(health, doubts=(), notes=())
        return replace(health, notes=(*health.notes, *self._remarks))

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
        self._count_lost_shares()
        self._find_warm_up()
        self._remark_what_is_left()
        self._watching.finish(self._measured_to())
        result = replace(self._result(finished=True), script_exit_code=script_exit_code)
        result = judged(replace(result, comparison=self._baseline.compared(result)), self._plan)
        self.complaints.extend(write_files(result, self._directory.path, self._baseline.latest))
        return result

    def _remark_what_is_left(self) -> None:
        """What the suite created in the service and did not remove."""
        counts = Counter(entry.kind for entry in read_ledgers(Path(self._environment["ledgers"])).remaining)
        if counts:
            left = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))
            run = self._plan.results / self._directory.path.name
            self._remarks.append(
                f"Created by the run, and not removed by it: {left}. loadproof cleanup {run} removes that, and nothing "
                "else."
            )

    def _count_lost_shares(self) -> None:
        """Arrivals that a lost worker should have made were due, and nobody made them."""
        for worker, lost_at in self._lost_at.items():
            healed = self._facts.at(worker) > lost_at + _HEALED
            if worker not in self._shares or self._schedule_at is None or healed:
                continue
            rank = self._shares.index(worker)
            for scenario in self._plan.scenarios:
                if scenario.profile.model == "open":
                    begins_at = self._schedule_at + scenario.start
                    missing = Schedule(
                        scenario.profile, worker=rank, workers=len(self._shares), limit=self._plan.iterations
                    ).count_between(lost_at - begins_at, self._measured_to() - begins_at)
                    counts = ArrivalCounts()
                    counts.offered = counts.dropped = missing
                    self._record.merge(Delta(0, worker, {}, {}, {int(lost_at): counts}))

    def _find_warm_up(self) -> None:
        """Where the plan leaves it to us, look for the end of the warm-up, and leave it out."""
        if self._plan.warmup != "auto" or self._schedule_at is None:
            return
        first, last = int(self._schedule_at), int(self._measured_to())
        found = found_warmup(self._record, first, last)
        if found is not None and first + found > seconds_held_back(self._plan):
            found = None  # the run lasted longer than was planned
        if found is None:
            self._remarks.append(
                "No steady state was found, so that nothing was left out as warm-up: run longer, or look at what keeps "
                "changing."
            )
        self._measure_from(first + (found or 0))

    def _coverage(self) -> Coverage:
        tasks = self._start["tasks"]
        peak, ran = self._record.user_peak, self._facts.tasks()
        return coverage_of(self._plan, self._record, tasks, ran, peak, user_classes=self._start["user_classes"])

    def _complain(self, refused: str | None) -> None:
        if refused is not None and refused not in self.complaints:
            self.complaints.append(refused)

    def _measured_to(self) -> float:
        return self._facts.last_at if self._ended_at is None else self._ended_at

    def _result(self, *, finished: bool = False) -> RunResult:
        health = self._health()
        return RunResult(
            run_id=self._run_id,
            test_name=self._plan.name,
            kind=self._kind,
            started_at=self._started.isoformat(),
            plan=redacted(self._plan) | {"effective": self._start},
            environment=self._environment,
            record=self._record,
            measured_from=self._measured_from,
            measured_to=self._measured_to(),
            exceptions=self._facts.exceptions(),
            failures=self._facts.failures(),
            unfinished=self._facts.unfinished,
            unrecorded=self._facts.unrecorded,
            rows_dropped=self._facts.rows_dropped + self._directory.rows_lost,
            workers=self._facts.workers,
            health=replace(health, notes=(*health.notes, *told(self.helm.done, self._measured_to()))),
            levels=() if self._searching is None else tuple(self._searching.levels),
            observations=self._watching.observations(),
            references=self._references,
            interventions=self.helm.done,
            coverage=self._coverage() if finished else None,
            search=None
            if self._searching is None
            else self._searching.result(interrupted=not (finished and self._searching.over)),
            abort=self._abort[1] if self._abort else None,
            abort_code=int(self._abort[0]) if self._abort else None,
            finished=finished,
            directory=self._directory.path,
        )
