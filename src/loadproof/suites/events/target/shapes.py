"""How rows look in answers, for everybody who answers with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadproof.suites.events.target.tables import Event, Organization, Ticket, Tier


def money(cents: int | None) -> str | None:
    """Cents as text with two places; None stays None."""
    return None if cents is None else f"{cents // 100}.{cents % 100:02d}"


def organization_shape(organization: Organization) -> dict[str, Any]:
    """An organization."""
    return {"id": str(organization.id), "slug": organization.slug, "name": organization.name}


def event_shape(event: Event, organization: Organization) -> dict[str, Any]:
    """An event and who holds it."""
    return {
        "id": str(event.id),
        "slug": event.slug,
        "name": event.name,
        "description": event.description,
        "start": event.starts_at.isoformat(),
        "event_type": "public",
        "requires_ticket": event.requires_ticket,
        "max_attendees": event.max_attendees or 0,
        "waitlist_open": event.waitlist_open,
        "organization": organization_shape(organization),
    }


def tier_shape(tier: Tier) -> dict[str, Any]:
    """A kind of ticket, with what is left of it; None: unlimited."""
    return {
        "id": str(tier.id),
        "event_id": str(tier.event_id),
        "name": tier.name,
        "price": money(tier.price),
        "currency": "EUR",
        "price_type": tier.price_type,
        "pwyc_min": money(tier.pwyc_min),
        "pwyc_max": money(tier.pwyc_max),
        "payment_method": tier.payment_method,
        "total_quantity": tier.capacity,
        "total_available": remaining(tier),
        "max_tickets_per_user": tier.max_per_user,
    }


def remaining(tier: Tier) -> int | None:
    """Tickets that are left; None: as many as one likes."""
    return None if tier.capacity is None else max(tier.capacity - tier.sold, 0)


def ticket_shape(ticket: Ticket, tier: Tier, event: Event) -> dict[str, Any]:
    """A sold ticket."""
    return {
        "id": str(ticket.id),
        "number": ticket.number,
        "status": ticket.status,
        "guest_name": ticket.guest_name,
        "price_paid": money(ticket.price_paid),
        "tier": {"id": str(tier.id), "name": tier.name},
        "event": {"id": str(event.id), "slug": event.slug, "name": event.name},
    }
