"""Profiles, levels and limits on iterations in this process, whatever its part: alone, master or worker.

Messages between master and workers:
    ``lp_begin``   master to worker: its share of all arrivals, as rank and number of workers
    ``lp_add``     master to worker: go on with a profile from a time on
    ``lp_status``  worker to master, five times a second: how it goes, see ``loader.Status``
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gevent
from locust.runners import MasterRunner, WorkerRunner

from loadproof.load.control import Control
from loadproof.load.loader import Loader, Status
from loadproof.load.pause import without_tasks
from loadproof.load.scenarios import cast, planned
from loadproof.plan import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loadproof.load.frames import Job
    from loadproof.load.measure import Meter
    from loadproof.load.scenarios import Cast

_STATUS_INTERVAL = 0.2


class Director:
    """Nothing to do in a run that has none of them: ``active`` is False then.

    Args:
        job: What to run.
        log: Where arrivals and iterations are counted.
        tell: Sends a frame to the supervisor.
        over: Called when the run is over by its own plan.
    """

    def __init__(self, job: Job, log: Meter, *, tell: Callable[[str, Any], None], over: Callable[[], None]) -> None:
        self._job = job
        self._log = log
        self._tell = tell
        self._over = over
        self._scenarios = planned(job)
        self._limits = {"iterations": job["iterations"], "per_user": job["iterations_per_user"]}
        self.active = bool(self._scenarios or any(limit is not None for limit in self._limits.values()))
        self._environment: Any = None
        self._casts: list[Cast] = []
        self._warmup: float | None = None
        self._zero = 0.0
        self._loader: Loader | None = None
        self._control: Control | None = None
        self._statuses: dict[str, Status] = {}
        self._share: tuple[int, int] | None = None
        self._reports: Any = None

    @property
    def decides(self) -> bool:
        """Whether users are ours to decide on, not Locust's."""
        return bool(self._scenarios)

    def join(self, environment: Any) -> None:
        """Take part in Locust's run, before a test starts.

        Raises:
            ValueError: The plan does not fit the script.
        """
        if not self.active:
            return
        if self._scenarios and environment.shape_class is not None:
            shape = type(environment.shape_class).__name__
            raise ValueError(f"the script has a load shape, {shape}, and the plan has a profile: only one can decide")
        self._casts = cast(self._scenarios, environment.user_classes)
        self._refuse_users_without_tasks(environment.user_classes)
        self._environment = environment
        options = environment.parsed_options
        if self._scenarios and options is not None:
            options.run_time = None
            environment.reset_stats = False  # it would reset at each step
        runner = environment.runner
        if _is_worker(runner):
            runner.register_message("lp_begin", self._on_begin)
            runner.register_message("lp_add", self._on_add)
        elif _is_master(runner):
            runner.register_message("lp_status", self._on_status)
        if not _is_worker(runner):
            self._control = self._new_control(environment)
        if any(cast.is_open for cast in self._casts):
            import numpy  # noqa: F401, ICN001, PLC0415 - schedules need it, and loading it later would hold up the loop

    def _refuse_users_without_tasks(self, user_classes: Sequence[Any]) -> None:
        """Users that do not run tasks cannot be counted, nor started one by one."""
        counted = any(limit is not None for limit in self._limits.values())
        scheduled = {cls for cast in self._casts if cast.is_open for cls in cast.user_classes}
        own = without_tasks([cls for cls in user_classes if counted or cls in scheduled])
        if own:
            raise ValueError(
                f"{', '.join(own)} runs in a way of its own, without tasks: no iterations can be counted or started"
            )

    def _new_control(self, environment: Any) -> Control:
        return Control(
            self._casts,
            environment,
            clock=self._clock,
            loaders=self,
            endless=self._job["search"] is not None,
            limited=self._job["iterations"] is not None,
            tell=self._tell,
            over=self._over,
        )

    def begin(self, zero: float) -> None:
        """A test starts.

        Args:
            zero: The run's start on this host's monotonic clock.
        """
        if not self.active:
            return
        self._zero = zero
        self._statuses.clear()
        self._warmup = self._job["warmup"]
        if not any(cast.is_open for cast in self._casts):
            self._mark_warm_up(0.0)
        if not _is_master(self._environment.runner):
            self._loader = Loader(
                self._casts, [cls.__name__ for cls in self._environment.user_classes], log=self._log, **self._limits
            )
            if self._share is not None:
                self._loader.begin(*self._share)
        if self._control is not None:
            if self._control.used:
                self._control = self._new_control(self._environment)  # the web interface started another test
            self._control.prepare(getattr(self._environment.runner, "worker_count", 1))

    def start(self) -> None:
        """The script's own listeners have heard of the start too."""
        if self._control is not None:
            self._control.start()
        if self._loader is not None and _is_worker(self._environment.runner):
            self._reports = gevent.spawn(self._report)

    def go_on(self, level: dict[str, Any]) -> None:
        """The supervisor has the next level: ``begins_at`` in seconds since the run's start, and a ``profile``."""
        if self._control is not None:
            self._control.go_on(level["begins_at"], Profile.model_validate(level["profile"]))

    def pause(self, *, paused: bool) -> None:
        """No arrival comes in this process while it is paused."""
        if self._loader is not None:
            self._loader.pause(paused=paused)

    def change_users(self, direction: int) -> tuple[int, int]:
        """A step more users, or fewer, in the profiles of a closed model: how many there were, and are to be.

        Raises:
            ValueError: It cannot be done, and why.
        """
        if self._control is None:
            raise ValueError("only the master decides on users")
        return self._control.change_users(direction)

    def finish(self) -> None:
        """A search is over, or the user ends the run: what is in flight may end."""
        if self._control is not None:
            self._control.finish()

    def abandon(self) -> None:
        """The run ends for another reason than its plan."""
        if self._control is not None:
            self._control.abandon()

    def stopping(self) -> None:
        """The test is about to stop: no further arrivals."""
        if self._control is not None:
            self._control.stop()
        if self._loader is not None:
            self._loader.stop_arrivals()

    def stopped(self) -> None:
        """The test is over."""
        if self._reports is not None:
            self._reports.kill(block=False)
            self._reports = None
        self._share = None
        if self._loader is not None:
            self._loader.close()
            self._loader = None

    @property
    def ended_at(self) -> float | None:
        """When the plan's last profile was over, in seconds since the run's start; None where it was not."""
        return None if self._control is None else self._control.ended_at

    @property
    def in_flight(self) -> int | None:
        """Iterations of open scenarios that go on in this process; None where it has none."""
        return self._loader.in_flight if self._loader is not None and self._loader.paced else None

    @property
    def iterations(self) -> int | None:
        """Iterations that were begun or dropped in this process; None where nothing counts them."""
        return None if self._loader is None else self._loader.iterations

    @property
    def scenario_of(self) -> dict[str, str]:
        """Name of each user class that is part of a scenario, to the scenario's."""
        return {name: cast.scenario.name for cast in self._casts for name in cast.names}

    @property
    def paced(self) -> frozenset[str]:
        """Names of the user classes whose iterations come on schedule here."""
        return frozenset() if self._loader is None else self._loader.paced

    def _clock(self) -> float:
        return time.monotonic() - self._zero

    # What the control needs of the processes that make load

    def statuses(self) -> list[Status]:
        """What each said last."""
        if self._loader is not None:
            return [self._loader.status(self._environment.runner.user_classes_count)]
        there = {client.id for client in self._environment.runner.clients.all if client.state != "missing"}
        return [status for worker, status in self._statuses.items() if worker in there]

    def begin_shares(self) -> None:
        """Give each its share."""
        if self._loader is not None:
            self._loader.begin(0, 1)
            return
        runner = self._environment.runner
        workers = sorted(client.id for client in runner.clients.all if client.state != "missing")
        for rank, worker in enumerate(workers):
            runner.send_message("lp_begin", {"rank": rank, "workers": len(workers)}, client_id=worker)
        self._tell("shares", {"workers": workers})

    def add(self, scenario: str, begins_at: float, profile: Profile) -> None:
        """Have each go on with a profile, from a time in seconds since the run's start."""
        if self._loader is not None:
            self._loader.add(scenario, round((self._zero + begins_at) * 1e9), profile)
            self._mark_warm_up(begins_at)
        else:
            data = {"scenario": scenario, "begins_at": begins_at, "profile": profile.model_dump(mode="json")}
            self._environment.runner.send_message("lp_add", data)

    def _mark_warm_up(self, begins_at: float) -> None:
        """The warm-up counts from the start of the schedule, which is that of the first profile."""
        warmup, self._warmup = self._warmup, None
        if warmup is not None:
            self._log.warm_until(begins_at + warmup)

    # Messages

    def _on_begin(self, environment: Any, msg: Any) -> None:  # noqa: ARG002 - Locust calls by keyword
        self._share = msg.data["rank"], msg.data["workers"]
        if self._loader is not None:  # else it takes its share when the test starts here
            self._loader.begin(*self._share)

    def _on_add(self, environment: Any, msg: Any) -> None:  # noqa: ARG002
        if self._loader is not None:
            self.add(msg.data["scenario"], msg.data["begins_at"], Profile.model_validate(msg.data["profile"]))

    def _on_status(self, environment: Any, msg: Any) -> None:  # noqa: ARG002
        self._statuses[msg.node_id] = msg.data

    def _report(self) -> None:
        runner = self._environment.runner
        while self._loader is not None:
            runner.send_message("lp_status", self._loader.status(runner.user_classes_count))
            gevent.sleep(_STATUS_INTERVAL)


def _is_worker(runner: Any) -> bool:
    return isinstance(runner, WorkerRunner)


def _is_master(runner: Any) -> bool:
    return isinstance(runner, MasterRunner)
