"""Finding events, for everybody."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loadproof.suites.events.target.paging import Page, PageSize, check_page, page_of
from loadproof.suites.events.target.platform import Wired
from loadproof.suites.events.target.shapes import event_shape, tier_shape
from loadproof.suites.events.target.tables import Event, Organization, Tier, now

routes = APIRouter(prefix="/api")


@routes.get("/events/")
def list_events(request: Request, platform: Wired, page: Page = 1, page_size: PageSize = 20) -> dict[str, Any]:
    """Events that have not begun, the next one first."""
    upcoming = Event.starts_at > now()
    with platform.database.read() as session:
        count = session.scalar(select(func.count()).select_from(Event).where(upcoming)) or 0
        first = check_page(page, page_size, count)
        rows = session.execute(
            select(Event, Organization)
            .join(Organization, Organization.id == Event.organization_id)
            .where(upcoming)
            .order_by(Event.starts_at, Event.id)
            .offset(first)
            .limit(page_size)
        )
        shapes = [event_shape(*row) for row in rows]
    return page_of(shapes, request, page, page_size, count)


@routes.get("/events/{organization}/event/{slug}")
def show_event_by_slug(organization: str, slug: str, platform: Wired) -> dict[str, Any]:
    """One event, by its organization's slug and its own."""
    with platform.database.read() as session:
        row = session.execute(
            select(Event, Organization)
            .join(Organization, Organization.id == Event.organization_id)
            .where(Organization.slug == organization, Event.slug == slug)
        ).one_or_none()
        if row is None:
            raise HTTPException(404, f"No event {slug!r} in organization {organization!r}.")
        return event_shape(*row)


@routes.get("/events/{event_id}")
def show_event(event_id: UUID, platform: Wired) -> dict[str, Any]:
    """One event."""
    with platform.database.read() as session:
        event = known_event(session, event_id)
        return event_shape(event, session.get_one(Organization, event.organization_id))


@routes.get("/events/{event_id}/tickets/tiers")
def list_tiers(event_id: UUID, platform: Wired) -> list[dict[str, Any]]:
    """What tickets an event has."""
    with platform.database.read() as session:
        known_event(session, event_id)
        tiers = session.scalars(select(Tier).where(Tier.event_id == event_id).order_by(Tier.name))
        return [tier_shape(tier) for tier in tiers]


def known_event(session: Session, event_id: UUID, *, lock: bool = False) -> Event:
    """The event with this id.

    Args:
        session: Where to look.
        event_id: Which one.
        lock: Hold it, so that nobody else counts its people until this transaction ends.

    Raises:
        HTTPException: 404, there is none.
    """
    asked = select(Event).where(Event.id == event_id)
    event = session.scalar(asked.with_for_update() if lock else asked)
    if event is None:
        raise HTTPException(404, "Event not found.")
    return event
