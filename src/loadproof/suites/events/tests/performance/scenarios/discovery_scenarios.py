"""People who look around without signing in."""

from __future__ import annotations

import random
from typing import Any

from clients.api_client import Rules
from locust import task
from scenarios.base import PerfUser


def _listed(found: dict[str, Any]) -> list[dict[str, Any]]:
    return found.get("results") or found.get("items") or []


def _names_events(found: dict[str, Any]) -> str | None:
    # The platform has `results`; its first load test read `items`, found none, and silently never asked for an event.
    return None if _listed(found) else "the list names no event"


class EventBrowser(PerfUser):
    """Discovers events."""

    weight = 30

    def on_start(self) -> None:
        """Nothing is known of any event yet."""
        super().on_start()
        self._known: list[str] = []

    @task(5)
    def browse(self) -> None:
        """Look at the list."""
        found = self.api.get("/events/?page=1&page_size=20", "/events/ [list]", Rules(check=_names_events))
        if found is not None:
            self._known = [event["id"] for event in _listed(found)]

    @task(3)
    def detail(self) -> None:
        """Look at an event."""
        if event := self._any():
            self.api.get(f"/events/{event}", "/events/{id} [detail]")

    @task(2)
    def tiers(self) -> None:
        """Look at what tickets an event has."""
        if event := self._any():
            self.api.get(f"/events/{event}/tickets/tiers", "/events/{id}/tickets/tiers")

    def _any(self) -> str | None:
        if not self._known:
            self.browse()
        return random.choice(self._known) if self._known else None
