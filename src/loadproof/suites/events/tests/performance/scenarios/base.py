"""What all users share: where the platform is, how long they think, and an account each."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from clients.api_client import ApiClient, Rules
from config import ORGANIZATION, settings
from data.generators import preseeded_accounts
from locust import HttpUser, between
from locust.exception import RescheduleTask

from loadproof.kit import AccountPool, flow

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUS = "/events/{id}/my-status [BOTTLENECK]"

accounts = AccountPool(preseeded_accounts(settings.accounts))
"""One account for each user, whatever worker it runs in."""


class PerfUser(HttpUser):
    """Somebody who is not signed in."""

    abstract = True
    host = settings.backend_url
    wait_time = between(1, 3)
    needs_account = False

    def on_start(self) -> None:
        """Take what this user needs."""
        account = accounts.take(self) if self.needs_account else None
        self.api = ApiClient(self.client, account)


class AuthenticatedUser(PerfUser):
    """Somebody with an account that nobody else has at the same time."""

    abstract = True
    needs_account = True


class EventUser(AuthenticatedUser):
    """Somebody who is after one event."""

    abstract = True
    slug = ""

    def on_start(self) -> None:
        """Nothing is known of any event yet."""
        super().on_start()
        self._events: dict[str, str] = {}

    def event(self, slug: str | None = None) -> str:
        """The id of an event, asked for once; without it there is nothing to do in this task.

        Args:
            slug: Which one; None for the user's own.
        """
        slug = slug or self.slug
        if slug not in self._events:
            path = f"/events/{ORGANIZATION}/event/{slug}"
            found = self.api.get(path, "/events/{org}/event/{slug} [detail]")
            if found is None:
                raise RescheduleTask
            self._events[slug] = found["id"]
        return self._events[slug]

    @contextmanager
    def flow(self, name: str) -> Iterator[None]:
        """An entry of its own for what the block does; failed where a call in it is."""
        before = self.api.failures
        with flow(name) as running:
            yield
            if self.api.failures > before:
                running.failure("a call in it failed")

    def my_status(self, slug: str | None = None, rules: Rules | None = None) -> Any:
        """What the platform says of this user and an event; None when it did not answer as it should."""
        return self.api.get(f"/events/{self.event(slug)}/my-status", STATUS, rules)
