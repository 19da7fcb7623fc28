"""Data that a suite needs to be there: made once, found again, and taken away without touching anything else.

::

    users = Seeder(find=find_user, create=create_user)
    print(users.seed({"email": f"perf-user-{n}@test.com"} for n in range(100)))   # 100 created, 0 found
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Seeded:
    """What seeding did.

    Attributes:
        created: Rows that were missing and are there now.
        found: Rows that were there already.
        removed: Things that a reset took away.
    """

    created: int = 0
    found: int = 0
    removed: int = 0

    def __str__(self) -> str:
        """For people."""
        said = f"{self.created} created, {self.found} found"
        return f"{said}, {self.removed} removed" if self.removed else said


class Seeder(Generic[Row]):
    """Makes one kind of thing, idempotently.

    Args:
        find: Whether a row is there.
        create: Makes it; what it raises ends the seeding, and what was made stays and is found the next time.
        tagged: Everything of this kind that carries the suite's tag, for a reset; nothing else is ever removed. None
            where nothing can be reset.
        remove: Takes one of those away; None as above.
    """

    def __init__(
        self,
        *,
        find: Callable[[Row], bool],
        create: Callable[[Row], object],
        tagged: Callable[[], Iterable[Row]] | None = None,
        remove: Callable[[Row], object] | None = None,
    ) -> None:
        self._find = find
        self._create = create
        self._tagged = tagged
        self._remove = remove

    def seed(self, rows: Iterable[Row]) -> Seeded:
        """Make what is missing.

        Args:
            rows: All that shall be there.
        """
        created = found = 0
        for row in rows:
            if self._find(row):
                found += 1
            else:
                self._create(row)
                created += 1
        return Seeded(created, found)

    def reset(self, rows: Iterable[Row]) -> Seeded:
        """Take away what carries the suite's tag, then make everything anew.

        Args:
            rows: All that shall be there.

        Raises:
            TypeError: The seeder was made without ``tagged`` and ``remove``.
        """
        if self._tagged is None or self._remove is None:
            raise TypeError("a Seeder needs tagged= and remove= before it can reset")
        doomed = list(self._tagged())
        for thing in doomed:
            self._remove(thing)
        made = self.seed(rows)
        return Seeded(made.created, made.found, len(doomed))
