"""People who buy tickets."""

from __future__ import annotations

from typing import Any

from clients.api_client import Rules
from config import FREE_EVENT, PWYC_EVENT
from data.generators import chosen_price, ticket_order
from locust import task
from locust.exception import RescheduleTask
from scenarios.base import EventUser

CONFLICTS = {"sold.?out|tickets? (is|are) left": "sold out", "maximum number of tickets": "no more for this user"}


def _sold(document: dict[str, Any]) -> str | None:
    return None if document.get("tickets") else "no ticket was sold"


class TicketUser(EventUser):
    """Buys tickets of one kind."""

    abstract = True
    price_types: tuple[str, ...] = ()
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
        with self.flow(self.flow_name):
            self.my_status()
            self.buy()

    def tier(self) -> dict[str, Any]:
        """The kind of ticket that this user wants, asked for once."""
        if self._tier is None:
            path, name = f"/events/{self.event()}/tickets/tiers", "/events/{id}/tickets/tiers"
            answer = self.api.get(path, name, Rules(check=self._sells))
            self._tier = None if answer is None else self._wanted(answer)
        if self._tier is None:
            raise RescheduleTask
        return self._tier

    def _sells(self, answer: Any) -> str | None:
        # Without this, an event with other tickets would be a flow that silently never runs.
        return None if self._wanted(answer) else f"there is no ticket of the kind {' or '.join(self.price_types)}"

    def _wanted(self, answer: Any) -> dict[str, Any] | None:
        # A plain list; the first version of the platform had it under `items`, and its kinds in capitals.
        tiers = answer.get("items", []) if isinstance(answer, dict) else answer
        return next((tier for tier in tiers if self._is_wanted(tier)), None)

    def _is_wanted(self, tier: dict[str, Any]) -> bool:
        return tier["price_type"].lower() in self.price_types

    def buy(self) -> None:
        """Buy a ticket; each kind has its own way."""
        raise NotImplementedError


class FreeTicketUser(TicketUser):
    """Takes free tickets."""

    weight = 10
    slug = FREE_EVENT
    price_types = ("fixed", "free")
    flow_name = "free_ticket_flow"

    def _is_wanted(self, tier: dict[str, Any]) -> bool:
        return super()._is_wanted(tier) and tier.get("payment_method", "free") == "free"

    def buy(self) -> None:
        """Take a ticket."""
        path = f"/events/{self.event()}/tickets/{self.tier()['id']}/checkout"
        name = "/events/{id}/tickets/{tier}/checkout [BOTTLENECK]"
        self.api.post(path, ticket_order(), name, Rules(conflicts=CONFLICTS, check=_sold))


class PWYCTicketUser(TicketUser):
    """Pays what they can."""

    weight = 5
    slug = PWYC_EVENT
    price_types = ("pwyc",)
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
