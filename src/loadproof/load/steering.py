"""What the user at the terminal does to a run that goes on: pauses it, and changes how many users there are.

Every wish is answered with a frame: ``intervened`` with what was done and when, or ``refused`` with the reason.

Messages between master and workers:
    ``lp_pause``   master to worker: whether to pause
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gevent
from locust.runners import STATE_RUNNING, STATE_SPAWNING, MasterRunner, WorkerRunner

from loadproof.load.pause import Pause, without_tasks
from loadproof.load.stepping import stepped

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadproof.load.director import Director


class Steering:
    """One process of a run: alone, the master of workers, or one of these.

    Args:
        director: Knows of schedules.
        clock: Seconds since the run's start.
        tell: Sends a frame to the supervisor.
    """

    def __init__(
        self, director: Director, *, clock: Callable[[], float], tell: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self._director = director
        self._clock = clock
        self._tell = tell
        self._pause = Pause()
        self._is_paused = False
        self._environment: Any = None
        self._starting: Any = None

    def join(self, environment: Any) -> None:
        """Take part in Locust's run, before a test starts."""
        self._environment = environment
        if isinstance(environment.runner, WorkerRunner):
            environment.runner.register_message("lp_pause", self._on_pause)

    def pause(self, *, paused: bool) -> None:
        """Pause the whole run, or have it go on."""
        if not self._is_under_way:
            self._refuse("no test is under way that could be paused")
            return
        own = without_tasks(self._environment.user_classes)
        if paused and own:
            self._refuse(f"{', '.join(own)} runs in a way of its own, without tasks, and cannot be paused")
            return
        if paused == self._is_paused:
            return
        self._is_paused = paused
        at = self._clock()
        if isinstance(self._runner, MasterRunner):
            self._runner.send_message("lp_pause", paused)
        else:
            self._switch(paused=paused)
        self._tell("intervened", {"kind": "paused" if paused else "resumed", "at": at})

    def change_users(self, direction: int) -> None:
        """A step more users, or fewer: a tenth, at least one; those of the plan's profiles, or Locust's own.

        Args:
            direction: 1 or -1.
        """
        if not self._is_under_way:
            self._refuse("no test is under way whose users could be changed")
            return
        try:
            change = self._director.change_users(direction) if self._director.decides else self._of_locust(direction)
        except ValueError as refusal:
            self._refuse(str(refusal))
            return
        self._tell("intervened", {"kind": "users", "at": self._clock(), "before": change[0], "after": change[1]})

    def stopping(self) -> None:
        """The test is about to stop: no user is started any more. Who waits is stopped while waiting."""
        if self._starting is not None:
            self._starting.kill(block=False)
            self._starting = None

    def stopped(self) -> None:
        """All users are gone: Locust is as it was."""
        self._is_paused = False
        self._switch(paused=False)

    @property
    def _runner(self) -> Any:
        return None if self._environment is None else self._environment.runner

    @property
    def _is_under_way(self) -> bool:
        return self._runner is not None and self._runner.state in (STATE_SPAWNING, STATE_RUNNING)

    def _refuse(self, why: str) -> None:
        self._tell("refused", {"why": why})

    def _switch(self, *, paused: bool) -> None:
        """What a process that makes load does."""
        if paused:
            self._pause.begin(self._director.paced)
        else:
            self._pause.end()
        self._director.pause(paused=paused)

    def _on_pause(self, environment: Any, msg: Any) -> None:  # noqa: ARG002 - Locust calls by keyword
        self._switch(paused=msg.data)

    def _of_locust(self, direction: int) -> tuple[int, int]:
        """Have Locust itself start or stop users, as its web interface would.

        Returns:
            How many there were to be, and how many there are to be now.

        Raises:
            ValueError: It cannot be done, and why.
        """
        runner = self._runner
        if self._environment.shape_class is not None:
            raise ValueError("the script's load shape decides on the users")
        dispatcher = runner._users_dispatcher  # noqa: SLF001 - there is no other way to know
        if isinstance(runner, MasterRunner) and dispatcher is not None and dispatcher.dispatch_in_progress:
            raise ValueError("users are still being started; try again when they are all there")
        before = runner.target_user_count
        after = stepped(before, direction)
        rate = getattr(runner, "spawn_rate", 0) or self._environment.parsed_options.spawn_rate or 1
        if isinstance(runner, MasterRunner):
            if self._starting is not None:
                self._starting.kill(block=True)
            self._starting = gevent.spawn(runner.start, after, rate)
        else:
            runner.start(after, rate)
        return before, after
