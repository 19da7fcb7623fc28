"""Users of a closed model that wait: they finish the iteration that they are in, and begin no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gevent.event import Event
from locust.exception import StopUser
from locust.user.task import TaskSet
from locust.user.users import User

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

_WAITING, _RUNNING, _STOPPING = "waiting", "running", "stopping"


class Pause:
    """Keeps users from beginning an iteration while it is on.

    It replaces ``TaskSet.execute_next_task`` only for that time, so that a run that nobody pauses pays nothing for it.
    """

    def __init__(self) -> None:
        self._end: Callable[[], None] | None = None

    @property
    def is_on(self) -> bool:
        """Whether users wait."""
        return self._end is not None

    def begin(self, passing: Collection[str] = ()) -> None:
        """From now on; twice does no harm.

        Args:
            passing: Names of user classes that need not wait here, as no arrival comes for them.
        """
        if self._end is not None:
            return
        execute, over = TaskSet.execute_next_task, Event()

        def execute_next_task(task_set: Any) -> None:
            user = task_set.user
            if type(user).__name__ not in passing:
                _wait(user, over)
            execute(task_set)

        def end() -> None:
            if TaskSet.execute_next_task is execute_next_task:  # else the test is over, and Locust is as it was
                TaskSet.execute_next_task = execute
            over.set()

        TaskSet.execute_next_task = execute_next_task
        self._end = end

    def end(self) -> None:
        """All go on; nothing where none wait."""
        if self._end is not None:
            end, self._end = self._end, None
            end()


def without_tasks(user_classes: Sequence[Any]) -> list[str]:
    """Names of user classes that run in a way of their own, as pytest-style functions do: they pass no gate."""
    return [cls.__name__ for cls in user_classes if getattr(cls, "run", User.run) is not User.run]


def _wait(user: Any, over: Event) -> None:
    user._state = _WAITING  # noqa: SLF001 - so that Locust may stop it at once
    over.wait()
    if user._state == _STOPPING:  # noqa: SLF001
        raise StopUser
    user._state = _RUNNING  # noqa: SLF001
