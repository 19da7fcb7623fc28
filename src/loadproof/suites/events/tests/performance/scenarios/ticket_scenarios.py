"""People who buy tickets."""

from __future__ import annotations

from typing import Any

from clients.api_client import Rules
from config import FREE_EVENT, PWYC_EVENT
from data.generators import chosen_price, ticket_order
from locust import task
from locust.exception import RescheduleTask
from scenarios.base import EventUser

from loadproof.kit import flow

CONFLICTS = {"sold.?out|tickets? (is|are) left": "sold out", "maximum number of tickets": "no more for this user"}


def _sold(document: dict[str, Any]) -> str | None:
    return None if document.get("tickets") else "no ticket was sold"


class TicketUser(EventUser):
    """Buys tickets of one kind."""

    abstract = True
    price_type = ""
    flow_name = ""

    def on_start(self) -> None:
        """Nothing is known of the tickets yet."""
        super().on_start()
        self._tier: dict[str, Any] | None = None

    @task(2)
    def check(self) -> None:
        """See how one stands."""
        self.my_status()

    @task(1)
    def checkout(self) -> None:
        """Buy a ticket."""
        self.buy()

    @task(1)
    def checkout_flow(self) -> None:
        """See how one stands, and buy a ticket."""
        self.tier()
        with flow(self.flow_name):
            self.my_status()
            self.buy()

    def tier(self) -> dict[str, Any]:
        """The kind of ticket that this user wants, asked for once."""
        if self._tier is None:
            answer = self.api.get(f"/events/{self.event()}/tickets/tiers", "/events/{id}/tickets/tiers")
            # A plain list; the first version of the platform had it under `items`.
            tiers = answer.get("items", []) if isinstance(answer, dict) else answer or []
            self._tier = next((one for one in tiers if one["price_type"].lower() == self.price_type), None)
        if self._tier is None:
            raise RescheduleTask
        return self._tier

    def buy(self) -> None:
        """Buy a ticket; each kind has its own way."""
        raise NotImplementedError


class FreeTicketUser(TicketUser):
    """Takes free tickets."""

    weight = 10
    slug = FREE_EVENT
    price_type = "fixed"
    flow_name = "free_ticket_flow"

    def buy(self) -> None:
        """Take a ticket."""
        path = f"/events/{self.event()}/tickets/{self.tier()['id']}/checkout"
        name = "/events/{id}/tickets/{tier}/checkout [BOTTLENECK]"
        self.api.post(path, ticket_order(), name, Rules(conflicts=CONFLICTS, check=_sold))


class PWYCTicketUser(TicketUser):
    """Pays what they can."""

    weight = 5
    slug = PWYC_EVENT
    price_type = "pwyc"
    flow_name = "pwyc_ticket_flow"

    def buy(self) -> None:
        """Buy a ticket at a price within its bounds."""
        tier = self.tier()
        lowest = float(tier["pwyc_min"])
        price = chosen_price(lowest, float(tier["pwyc_max"] or lowest))
        path = f"/events/{self.event()}/tickets/{tier['id']}/checkout/pwyc"
        name = "/events/{id}/tickets/{tier}/checkout/pwyc [BOTTLENECK]"
        body = ticket_order() | {"price_per_ticket": price}
        self.api.post(path, body, name, Rules(conflicts=CONFLICTS, check=_sold))
