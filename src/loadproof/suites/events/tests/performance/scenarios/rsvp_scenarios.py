"""People who say whether they come."""

from __future__ import annotations

from itertools import cycle

from clients.api_client import Rules
from config import LIMITED_EVENT, RSVP_EVENT
from locust import task
from scenarios.base import EventUser

NAME = "/events/{id}/rsvp/<status> [BOTTLENECK]"
CONFLICTS = {"event is full": "the event is full", "already": "they have answered already"}


class RSVPUser(EventUser):
    """Answers invitations: to an event with room for everybody, and to one where few get in."""

    weight = 15
    slug = RSVP_EVENT

    def on_start(self) -> None:
        """Change one's mind in a fixed order."""
        super().on_start()
        self._answers = cycle(("no", "yes", "maybe", "yes"))
        self._attempts = cycle(("yes", "no"))

    @task(3)
    def status(self) -> None:
        """See how one stands."""
        self.my_status()

    @task(2)
    def rsvp(self) -> None:
        """Answer an invitation that everybody can accept."""
        self._answer(RSVP_EVENT, next(self._answers))

    @task(1)
    def rsvp_flow(self) -> None:
        """See how one stands with an event that is soon full, and try to get in, or leave to make room."""
        self.event(LIMITED_EVENT)
        with self.flow("rsvp_flow"):
            self.my_status(LIMITED_EVENT)
            self._answer(LIMITED_EVENT, next(self._attempts))

    def _answer(self, slug: str, answer: str) -> None:
        event = self.event(slug)

        def right(document: dict[str, str]) -> str | None:
            given = (document.get("event_id"), document.get("status"))
            return None if given == (event, answer) else "the answer is about something else"

        self.api.post(f"/events/{event}/rsvp/{answer}", name=NAME, rules=Rules(conflicts=CONFLICTS, check=right))
