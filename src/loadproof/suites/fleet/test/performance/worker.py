"""What one worker knows of its run: what it may create, what it has created, and what is on its way out."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from creation import Creations, Watch
from removal import Removals
from timeline import CLEANUP, SWEEP

from loadproof.kit.coordination import Quota, is_leader

if TYPE_CHECKING:
    from random import Random

    from settings import FleetSettings

    from loadproof.kit import Ledger
    from loadproof.result.ledgers import Entry

_log = logging.getLogger(__name__)

AT_ONCE = 1000
"""Creations under way before the test: as many as there are users."""

_LOOK_EVERY = 5.0
_LIST_EVERY = 1.0
_MOST_SEEN = 100


class Worker:
    """One load process in one test.

    Args:
        settings: What was asked for.
        kafkas: Ledger of the kafkas.
        accounts: Ledger of the service accounts.
    """

    def __init__(self, settings: FleetSettings, kafkas: Ledger, accounts: Ledger) -> None:
        self.settings = settings
        self.kafkas = kafkas
        self.accounts = accounts
        self.begin()

    def begin(self) -> None:
        """A test begins: nothing has been created in it, and nothing is on its way out."""
        settings = self.settings
        minutes = settings.minute / 60
        self.prepopulation = Creations(Quota("prepopulated", per_worker=self._prepopulated()), at_once=AT_ONCE)
        self.creation = Creations(Quota("kafkas", per_worker=settings.kafkas), gap=settings.post_wait)
        self.watch = Watch(interval=_LOOK_EVERY * minutes)
        self.kafka_removals = Removals(self.kafkas, pause=minutes, longest=10 * minutes)
        self.account_removals = Removals(self.accounts, pause=minutes, longest=10 * minutes)
        self._seen: list[str] = []
        self._seen_at = float("-inf")

    def _prepopulated(self) -> int:
        settings = self.settings
        return settings.prepopulate_kafkas if settings.creates and settings.prepopulate else 0

    @property
    def creates(self) -> bool:
        """Whether this worker creates kafkas to keep."""
        return self.settings.creates and (is_leader() or not self.settings.single_worker)

    def may_go(self, phase: str, entry: Entry) -> bool:
        """Whether the next step of a removal may be done now.

        What only fills the database is deleted at once, but looked at near the end: there may be thousands. What was
        to stay goes near the end.
        """
        if entry.id is None:
            return phase == SWEEP
        if entry.facts.get("keep") is False and not self.kafka_removals.is_accepted(entry):
            return True
        return self.settings.cleanup and phase in (CLEANUP, SWEEP)

    def own_kafka(self, random: Random) -> str | None:
        """A kafka of this worker that stays for now; None where there is none."""
        entries = [
            entry.id
            for entry in self.kafkas.remaining()
            if entry.id and entry.facts.get("keep") and not self.kafka_removals.is_going(entry)
        ]
        return random.choice(entries) if entries else None

    def seen(self, identities: list[str]) -> None:
        """Kafkas that a list has shown."""
        self._seen = identities[:_MOST_SEEN]
        self._seen_at = time.monotonic()

    @property
    def wants_to_see(self) -> bool:
        """Whether what a list has shown last is old."""
        return time.monotonic() - self._seen_at >= _LIST_EVERY

    def seen_kafka(self, random: Random) -> str | None:
        """A kafka of anybody; None where no list has shown one."""
        return random.choice(self._seen) if self._seen else None

    def stop(self, creations: Creations, why: str) -> None:
        """Create nothing more, and say so."""
        creations.stop(why)
        _log.warning("nothing more is created: %s", why)

    def left(self) -> tuple[int, int]:
        """Things that nobody has removed, and things that the service has accepted to remove and not removed yet."""
        entries = [
            (removals, entry)
            for ledger, removals in ((self.kafkas, self.kafka_removals), (self.accounts, self.account_removals))
            for entry in ledger.remaining()
        ]
        going = sum(removals.is_accepted(entry) for removals, entry in entries)
        return len(entries) - going, going
