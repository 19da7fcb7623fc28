"""How many users of each class run where: Locust's dispatcher, with numbers that are ours."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from locust.dispatch import UsersDispatcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Distribution = dict[str, dict[str, int]]


class ClassDispatcher:
    """Stands in for ``UsersDispatcher``, whose own mix follows weights alone.

    Every class is spread evenly over the workers, and a class that grows only ever gains users on each of them, so that
    none is stopped to be started elsewhere.

    Args:
        wanted: Users by class; read at each dispatch.
        worker_nodes: Locust's, with an ``id``.
        user_classes: All that may run.
    """

    dispatch_in_progress = False

    def __init__(self, wanted: Mapping[str, int], *, worker_nodes: Sequence[Any], user_classes: Sequence[type]) -> None:
        self._wanted = wanted
        self._nodes = sorted(worker_nodes, key=attrgetter("id"))
        self._classes = sorted(cls.__name__ for cls in user_classes)
        self._pending = False

    def new_dispatch(
        self,
        target_user_count: int,  # noqa: ARG002 - Locust's signature; the numbers are in ``wanted``
        spawn_rate: float,  # noqa: ARG002
        user_classes: Sequence[type] | None = None,  # noqa: ARG002
    ) -> None:
        """Dispatch once more."""
        self._pending = True

    def add_worker(self, worker_node: Any) -> None:
        """A worker joined."""
        self._nodes = sorted([*self._nodes, worker_node], key=attrgetter("id"))

    def remove_worker(self, worker_node: Any) -> None:
        """A worker left."""
        self._nodes = [node for node in self._nodes if node.id != worker_node.id]

    def __iter__(self) -> Iterator[Distribution]:
        return self

    def __next__(self) -> Distribution:
        if not self._pending:
            raise StopIteration
        self._pending = False
        return self.distribution()

    def distribution(self) -> Distribution:
        """Worker to class to users."""
        workers = len(self._nodes)
        return {
            node.id: {
                name: _share(self._wanted.get(name, 0), (position - offset) % workers, workers)
                for offset, name in enumerate(self._classes)
            }
            for position, node in enumerate(self._nodes)
        }


def _share(users: int, position: int, workers: int) -> int:
    return users // workers + (position < users % workers)


class Mix:
    """The classes that Locust itself would give to a number of users: by weight, those with a fixed count first.

    Args:
        user_classes: The classes.
    """

    def __init__(self, user_classes: Sequence[Any]) -> None:
        self._next = UsersDispatcher(worker_nodes=[], user_classes=list(user_classes))._user_gen()  # noqa: SLF001
        self._order: list[str] = []
        self._names = [cls.__name__ for cls in user_classes]

    def of(self, users: int) -> dict[str, int]:
        """Users by class; fewer in all where every class has a fixed count."""
        while len(self._order) < users:
            name = next(self._next)
            if name is None:
                break
            self._order.append(name)
        counts = dict.fromkeys(self._names, 0)
        for name in self._order[:users]:
            counts[name] += 1
        return counts


def weights_of(user_classes: Iterable[Any]) -> list[float]:
    """How often an arrival goes to each class: by weight, or by its fixed count where it has one."""
    return [float(cls.fixed_count or cls.weight) for cls in user_classes]
