"""Selling tickets out of a real inventory."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loadproof.suites.events.target.attendance import check_eligible
from loadproof.suites.events.target.discovery import known_event
from loadproof.suites.events.target.platform import Caller, Refused, Wired
from loadproof.suites.events.target.shapes import money, remaining, ticket_shape
from loadproof.suites.events.target.tables import Event, Ticket, Tier, User

routes = APIRouter(prefix="/api")


class Guest(BaseModel):
    """Whom a ticket is for."""

    guest_name: Annotated[str, Field(min_length=1, max_length=255)]


class Order(BaseModel):
    """The tickets that somebody wants."""

    tickets: Annotated[list[Guest], Field(min_length=1, max_length=50)]


class ChosenPriceOrder(Order):
    """Tickets, and what the buyer gives for each."""

    price_per_ticket: Annotated[Decimal, Field(ge=1, max_digits=10, decimal_places=2)]


@routes.post("/events/{event_id}/tickets/{tier_id}/checkout")
def buy(event_id: UUID, tier_id: UUID, order: Order, user: Caller, platform: Wired) -> dict[str, Any]:
    """Tickets at the tier's price."""
    with platform.database.write() as session:
        event, tier = _for_sale(session, event_id, tier_id, user)
        if tier.price_type != "fixed":
            raise HTTPException(400, "Use /pwyc endpoint for pay-what-you-can tickets.")
        return _sell(session, event, tier, user, order, price=tier.price)


@routes.post("/events/{event_id}/tickets/{tier_id}/checkout/pwyc")
def buy_at_chosen_price(
    event_id: UUID, tier_id: UUID, order: ChosenPriceOrder, user: Caller, platform: Wired
) -> dict[str, Any]:
    """Tickets at the price that the buyer chose, within the tier's bounds."""
    price = int(order.price_per_ticket * 100)
    with platform.database.write() as session:
        event, tier = _for_sale(session, event_id, tier_id, user)
        if tier.price_type != "pwyc":
            raise HTTPException(400, "This endpoint is only for pay-what-you-can tickets.")
        if tier.pwyc_min is not None and price < tier.pwyc_min:
            raise HTTPException(400, f"PWYC amount must be at least {money(tier.pwyc_min)}")
        if tier.pwyc_max is not None and price > tier.pwyc_max:
            raise HTTPException(400, f"PWYC amount must be at most {money(tier.pwyc_max)}")
        return _sell(session, event, tier, user, order, price=price)


def _for_sale(session: Session, event_id: UUID, tier_id: UUID, user: User) -> tuple[Event, Tier]:
    """The event and its tier, which is held until the transaction ends: its count stays true until then."""
    event = known_event(session, event_id)
    tier = session.scalar(select(Tier).where(Tier.id == tier_id, Tier.event_id == event_id).with_for_update())
    if tier is None:
        raise HTTPException(404, "Ticket tier not found.")
    check_eligible(session, event, user, for_ticket=True)
    return event, tier


def _sell(session: Session, event: Event, tier: Tier, user: User, order: Order, *, price: int) -> dict[str, Any]:
    wanted = len(order.tickets)
    left = remaining(tier)
    if left is not None and wanted > left:
        reason = "Sold out" if left == 0 else f"Only {left} tickets are left"
        raise Refused(400, {"detail": reason, "code": "sold_out", "remaining": left})
    if tier.max_per_user is not None:
        owned = session.scalar(
            select(func.count()).select_from(Ticket).where(Ticket.tier_id == tier.id, Ticket.user_id == user.id)
        )
        if (owned or 0) + wanted > tier.max_per_user:
            reason = f"Maximum number of tickets reached: {tier.max_per_user} for each user"
            raise Refused(400, {"detail": reason, "code": "ticket_limit"})
    tickets = [
        Ticket(
            tier_id=tier.id,
            event_id=event.id,
            user_id=user.id,
            number=tier.sold + place,
            guest_name=guest.guest_name,
            price_paid=price,
        )
        for place, guest in enumerate(order.tickets, 1)
    ]
    tier.sold += wanted
    session.add_all(tickets)
    session.flush()
    return {"checkout_url": None, "tickets": [ticket_shape(ticket, tier, event) for ticket in tickets]}
