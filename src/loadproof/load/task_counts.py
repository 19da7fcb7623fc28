"""How often each task ran, and which ones the suite declares."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from locust.user.sequential_taskset import SequentialTaskSet
from locust.user.task import DefaultTaskSet, TaskSet

from loadproof.load.gate import is_task_set, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class TaskCounts:
    """Counts tasks as users choose them: a fraction of a microsecond each, so that every run can afford it.

    Where they are executed would be the wrong place: a frame of ours would stand in every traceback of a script, and so
    in Locust's table of exceptions. One that was chosen by a user that is stopped then is counted, and never runs.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[type, type], Counter[Any]] = {}
        self._installed = False

    def install(self) -> None:
        """Count from now on; twice does no harm."""
        if self._installed:
            return
        self._installed = True
        schedule, counts_of = TaskSet.schedule_task, self._counts_of
        TaskSet.loadproof_counts = None  # for all: a script's own ``__getattr__`` is not asked for it

        def schedule_task(task_set: Any, task_callable: Any, first: bool = False) -> None:
            counts = task_set.loadproof_counts
            if counts is None:
                counts = task_set.loadproof_counts = counts_of(type(task_set), type(task_set.user))
            counts[task_callable] += 1
            schedule(task_set, task_callable, first)

        TaskSet.schedule_task = schedule_task

    def _counts_of(self, task_set: type, user: type) -> Counter[Any]:
        """Those of all task sets of a class that users of another run: they go on counting in them."""
        return self._counts.setdefault((task_set, user), Counter())

    def clear(self) -> None:
        """Begin anew."""
        for counts in self._counts.values():
            counts.clear()

    def facts(self) -> list[tuple[str, str, int]]:
        """Owner, task and how often, of all that began so far."""
        found: Counter[tuple[str, str]] = Counter()
        for (task_set, user), counts in self._counts.items():
            owner = user if task_set is DefaultTaskSet else task_set
            for task, count in counts.items():
                found[owner.__name__, name_of(task)] += count
        return [(owner, task, count) for (owner, task), count in found.items()]


def declared_tasks(user_classes: Iterable[Any]) -> list[dict[str, Any]]:
    """The tasks that user classes choose among, in the classes' order.

    Each is ``owner`` (a user class or a task set), ``task``, ``share`` of the owner's executions (None in a sequence),
    and ``after``: the task before it in a sequence. Task sets that choose in a way of their own declare nothing.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for owner in _owners(user_classes):
        tasks = list(getattr(owner, "tasks", ()) or ())
        names = [name_of(task) for task in tasks]
        if issubclass(owner, SequentialTaskSet):
            if owner.get_next_task is SequentialTaskSet.get_next_task:
                for before, name in zip([None, *names], names, strict=False):
                    item = {"owner": owner.__name__, "task": name, "share": None, "after": before}
                    found.setdefault((owner.__name__, name), item)
        elif _chooses_as_locust_does(owner):
            for name, count in Counter(names).items():
                item = {"owner": owner.__name__, "task": name, "share": count / len(names), "after": None}
                found.setdefault((owner.__name__, name), item)
    return list(found.values())


def _owners(user_classes: Iterable[Any]) -> Iterator[Any]:
    """User classes and the task sets below them, each once."""
    waiting, seen = list(user_classes), set()
    while waiting:
        owner = waiting.pop(0)
        if owner in seen:
            continue
        seen.add(owner)
        yield owner
        waiting += [task for task in getattr(owner, "tasks", ()) or () if is_task_set(task)]


def _chooses_as_locust_does(owner: Any) -> bool:
    if not issubclass(owner, TaskSet):
        return True  # a user class, whose tasks Locust's own set runs
    return owner.get_next_task is TaskSet.get_next_task
