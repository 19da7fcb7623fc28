"""Removing what the ledger holds: one step at a time, again after a pause that grows, and never without an end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from loadproof.result.ledgers import Entry


class Keeping(Protocol):
    """As much of ``loadproof.kit.Ledger`` as is needed here."""

    def remaining(self) -> Iterable[Entry]:
        """What is there."""

    def removed(self, entry: Entry) -> None:
        """It is gone."""


@dataclass(slots=True)
class _Going:
    """One thing on its way out.

    Attributes:
        refusals: How often the service would not remove it.
        looks: How often it was still there after it had been removed.
        not_before: When the next step is due.
        is_accepted: Whether the service has said that it removes it.
        is_busy: Whether a user is at it now.
    """

    refusals: int = 0
    looks: int = 0
    not_before: float = float("-inf")
    is_accepted: bool = False
    is_busy: bool = False


class Removals:
    """The removals of one worker.

    Args:
        ledger: What was created.
        pause: Seconds after the first refusal; twice as many after each further one.
        longest: Most seconds between two steps.
        most: Refusals after which it is given up; it stays in the ledger then.
        clock: Seconds.
    """

    def __init__(
        self,
        ledger: Keeping,
        *,
        pause: float = 1.0,
        longest: float = 10.0,
        most: int = 10,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._pause = pause
        self._longest = longest
        self._most = most
        self._clock = clock
        self._going: dict[str, _Going] = {}

    def claim(self, wanted: Callable[[Entry], bool] = lambda _: True) -> Entry | None:
        """One thing for which a step is due and that nobody else is at; None where there is none.

        Whoever claims says what came of it: ``accepted``, ``refused``, ``still_there`` or ``gone``.

        Args:
            wanted: For what the next step may be done now.
        """
        now = self._clock()
        for entry in self._ledger.remaining():
            going = self._going.get(entry.key)
            if going is not None and (going.is_busy or now < going.not_before or going.refusals >= self._most):
                continue
            if not wanted(entry):
                continue
            self._going.setdefault(entry.key, _Going()).is_busy = True
            return entry
        return None

    def is_going(self, entry: Entry) -> bool:
        """Whether its removal has begun."""
        return entry.key in self._going

    def is_accepted(self, entry: Entry) -> bool:
        """Whether the service has said that it removes it: the next step is a look."""
        going = self._going.get(entry.key)
        return going is not None and going.is_accepted

    def accepted(self, entry: Entry) -> None:
        """The service removes it."""
        going = self._going[entry.key]
        going.is_accepted = True
        self._wait(going, 0)

    def hand_over(self, entry: Entry) -> None:
        """The service removes something that nobody has claimed."""
        self._going.setdefault(entry.key, _Going())
        self.accepted(entry)

    def still_there(self, entry: Entry) -> None:
        """It is being removed, and there yet."""
        going = self._going[entry.key]
        going.looks += 1
        self._wait(going, going.looks)

    def refused(self, entry: Entry) -> None:
        """The service would not remove it this time."""
        going = self._going[entry.key]
        going.refusals += 1
        self._wait(going, going.refusals - 1)

    def gone(self, entry: Entry) -> None:
        """It is not there any more."""
        self._going.pop(entry.key, None)
        self._ledger.removed(entry)

    def _wait(self, going: _Going, step: int) -> None:
        going.is_busy = False
        going.not_before = self._clock() + min(self._longest, self._pause * 2.0**step)
