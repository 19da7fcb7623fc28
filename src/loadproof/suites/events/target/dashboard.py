"""What somebody has to do with, over all events."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import func, or_, select

from loadproof.suites.events.target.paging import Page, PageSize, check_page, page_of
from loadproof.suites.events.target.platform import Caller, Platform, Wired
from loadproof.suites.events.target.shapes import event_shape, organization_shape, ticket_shape
from loadproof.suites.events.target.tables import Event, Membership, Organization, Rsvp, Ticket, Tier

routes = APIRouter(prefix="/api/dashboard")


@routes.get("/events")
def list_own_events(
    request: Request, user: Caller, platform: Wired, page: Page = 1, page_size: PageSize = 20
) -> dict[str, Any]:
    """Events that the caller goes to or helps to hold."""
    coming = select(Rsvp.event_id).where(Rsvp.user_id == user.id)
    bought = select(Ticket.event_id).where(Ticket.user_id == user.id)
    holding = select(Membership.organization_id).where(Membership.user_id == user.id)
    asked = (
        select(Event, Organization)
        .join(Organization, Organization.id == Event.organization_id)
        .where(or_(Event.id.in_(coming), Event.id.in_(bought), Event.organization_id.in_(holding)))
        .order_by(Event.starts_at, Event.id)
    )
    return _page_of(platform, request, asked, event_shape, page=page, size=page_size)


@routes.get("/organizations")
def list_own_organizations(
    request: Request, user: Caller, platform: Wired, page: Page = 1, page_size: PageSize = 20
) -> dict[str, Any]:
    """Organizations that the caller belongs to, or whose events they go to."""
    member = select(Membership.organization_id).where(Membership.user_id == user.id)
    coming = select(Event.organization_id).join(Rsvp, Rsvp.event_id == Event.id).where(Rsvp.user_id == user.id)
    bought = select(Event.organization_id).join(Ticket, Ticket.event_id == Event.id).where(Ticket.user_id == user.id)
    asked = (
        select(Organization)
        .where(or_(Organization.id.in_(member), Organization.id.in_(coming), Organization.id.in_(bought)))
        .order_by(Organization.name)
    )
    return _page_of(platform, request, asked, organization_shape, page=page, size=page_size)


@routes.get("/tickets")
def list_own_tickets(
    request: Request, user: Caller, platform: Wired, page: Page = 1, page_size: PageSize = 20
) -> dict[str, Any]:
    """The caller's tickets, the newest first."""
    asked = (
        select(Ticket, Tier, Event)
        .join(Tier, Tier.id == Ticket.tier_id)
        .join(Event, Event.id == Ticket.event_id)
        .where(Ticket.user_id == user.id)
        .order_by(Ticket.bought_at.desc(), Ticket.id)
    )
    return _page_of(platform, request, asked, ticket_shape, page=page, size=page_size)


@routes.get("/rsvps")
def list_own_rsvps(
    request: Request, user: Caller, platform: Wired, page: Page = 1, page_size: PageSize = 20
) -> dict[str, Any]:
    """The caller's answers to invitations, the last one first."""
    asked = (
        select(Rsvp, Event)
        .join(Event, Event.id == Rsvp.event_id)
        .where(Rsvp.user_id == user.id)
        .order_by(Rsvp.changed_at.desc(), Rsvp.id)
    )
    return _page_of(platform, request, asked, _answer_shape, page=page, size=page_size)


def _answer_shape(rsvp: Rsvp, event: Event) -> dict[str, Any]:
    return {"id": str(rsvp.id), "status": rsvp.status, "event": {"id": str(event.id), "name": event.name}}


def _page_of(
    platform: Platform, request: Request, asked: Any, shape: Callable[..., dict[str, Any]], *, page: int, size: int
) -> dict[str, Any]:
    """One page of what a query finds, each row in its shape."""
    with platform.database.read() as session:
        count = session.scalar(select(func.count()).select_from(asked.order_by(None).subquery())) or 0
        first = check_page(page, size, count)
        rows = session.execute(asked.offset(first).limit(size))
        return page_of([shape(*row) for row in rows], request, page, size, count)
