"""Where iterations begin and end: a user takes a ticket before it executes a task.

One iteration is one task, at whatever nesting. Two methods of Locust's ``TaskSet`` are replaced, of which every task
passes the first: ``execute_task`` would be the wrong place, as subclasses override it. Only runs that count or schedule
iterations have the gate; what it costs is a few microseconds an iteration.
"""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING, Any, Protocol

from gevent import GreenletExit, getcurrent
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser
from locust.user.task import TaskSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NO_FAILURES = (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser, StopTest)
"""What leaves tasks that did as they should."""

MARK = "loadproof_iteration"
"""Attribute of a greenlet that is in an iteration: the ``Iteration``."""


class Iteration:
    """One iteration that is going on.

    Attributes:
        intended_ns: When it should have begun, on the monotonic clock; None once its first request has taken it.
        due_ns: The same, which stays.
        started_ns: When it did.
    """

    __slots__ = ("due_ns", "intended_ns", "started_ns")

    def __init__(self, due_ns: int, started_ns: int) -> None:
        self.intended_ns: int | None = due_ns
        self.due_ns = due_ns
        self.started_ns = started_ns


class Tickets(Protocol):
    """Says when iterations begin."""

    paced: bool
    """Whether it also says how long users wait in between; if not, they wait as their ``wait_time`` says."""

    def take(self, user: Any) -> int:
        """Wait for a ticket, and give the time at which the iteration should begin, on the monotonic clock in ns."""

    def give_back(self, user: Any, task: str, iteration: Iteration, *, failed: bool) -> None:
        """The iteration is over."""

    def let_go(self, user: Any) -> None:
        """The iteration was cut off with its user: nobody knows how long it would have taken."""


def install(tickets: Mapping[str, Tickets]) -> Callable[[], None]:
    """Put the gate into every ``TaskSet``.

    Args:
        tickets: User class to who gives it tickets; users of other classes pass freely.

    Returns:
        Takes it out again.
    """
    execute, wait = TaskSet.execute_next_task, TaskSet.wait

    def execute_next_task(task_set: Any) -> None:
        queue = task_set._task_queue  # noqa: SLF001 - as in Locust's own method
        task = queue[0]
        user = task_set.user
        giver = tickets.get(type(user).__name__)
        if giver is None or is_task_set(task):
            user.loadproof_waits = True  # its ``on_start`` may wait
            execute(task_set)
            return
        _iterate(execute, task_set, giver, name_of(task))

    def wait_between(task_set: Any) -> None:
        user = task_set.user
        giver = tickets.get(type(user).__name__)
        # Within an iteration a script's own ``self.wait()`` is think time. A task set that never comes to take a ticket
        # (it has no tasks, and raises each time it is asked for one) must wait, or it would never let go.
        if (
            giver is None
            or not giver.paced
            or getattr(getcurrent(), MARK, None) is not None
            or getattr(user, "loadproof_waits", True)
        ):
            wait(task_set)
            return
        user.loadproof_waits = True
        if user._state == "stopping":  # noqa: SLF001 - as in Locust's own method
            raise StopUser

    TaskSet.execute_next_task = execute_next_task
    TaskSet.wait = wait_between

    def take_out() -> None:
        TaskSet.execute_next_task, TaskSet.wait = execute, wait

    return take_out


def _iterate(execute: Callable[[Any], None], task_set: Any, giver: Tickets, name: str) -> None:
    """Wait for a ticket, and execute the next task with it."""
    user = task_set.user
    due = giver.take(user)
    greenlet = getcurrent()
    iteration = Iteration(due, time.monotonic_ns())
    setattr(greenlet, MARK, iteration)
    user.loadproof_waits = False  # until its next wait between tasks
    failed = cut = False
    try:
        execute(task_set)
    except GreenletExit:
        cut = True
        raise
    except _NO_FAILURES:
        raise
    except Exception:
        failed = True
        raise
    finally:
        setattr(greenlet, MARK, None)
        if cut:
            giver.let_go(user)
        else:
            giver.give_back(user, name, iteration, failed=failed)


def is_task_set(task: Any) -> bool:
    """Whether a task is a set of tasks."""
    return inspect.isclass(task) and issubclass(task, TaskSet)


def name_of(task: Any) -> str:
    """What a task is called."""
    return getattr(task, "__name__", None) or type(task).__name__
