"""People who look at what they have to do with."""

from __future__ import annotations

from locust import task
from scenarios.base import AuthenticatedUser


class DashboardUser(AuthenticatedUser):
    """Looks at the parts of the dashboard."""

    weight = 15

    @task(3)
    def events(self) -> None:
        """Look at the own events."""
        self.api.get("/dashboard/events")

    @task(2)
    def organizations(self) -> None:
        """Look at the own organizations."""
        self.api.get("/dashboard/organizations")

    @task(2)
    def tickets(self) -> None:
        """Look at the own tickets."""
        self.api.get("/dashboard/tickets")

    @task(1)
    def rsvps(self) -> None:
        """Look at the own answers to invitations."""
        self.api.get("/dashboard/rsvps")

    @task(1)
    def full(self) -> None:
        """Look at all of it."""
        self.events()
        self.organizations()
        self.tickets()
        self.rsvps()
