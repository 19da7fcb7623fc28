"""What a test asks and tells the platform beside its API; only from this machine."""

from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException, Request
from pydantic import ValidationError
from sqlalchemy import ColumnExpressionArgument, func, select
from sqlalchemy.orm import Session

from loadproof.suites.events.target.faults import changed
from loadproof.suites.events.target.platform import Wired
from loadproof.suites.events.target.tables import Event, Organization, Rsvp, Submission, Ticket, Tier, User

routes = APIRouter(include_in_schema=False)

LOOPBACK = ("127.0.0.1", "::1")


@routes.get("/health")
def tell_health(platform: Wired) -> dict[str, str]:
    """Answers once the database does."""
    with platform.database.read() as session:
        session.scalar(select(func.count()).select_from(Organization))
    return {"status": "ok"}


@routes.get("/_state")
def show_state(request: Request, platform: Wired) -> dict[str, Any]:
    """What the platform has done so far, for tests to compare with what a load test measured."""
    _only_from_here(request)
    counts = platform.board.counts()
    calls: dict[str, Counter[str]] = {}
    for name, count in counts.items():
        kind, _, rest = name.partition(" ")
        if kind == "calls":
            call, _, status = rest.rpartition(" ")
            calls.setdefault(call, Counter())[status] += count
    with platform.database.read() as session:
        return {
            "events": _events(session),
            "users": {"total": _count(session, User), "verified": _count(session, User, User.verified)},
            "sign_ins": {name.partition(" ")[2]: n for name, n in counts.items() if name.startswith("sign-ins ")},
            "submissions": _count(session, Submission),
            "mails": {
                "waiting": platform.mailer.waiting(),
                **{kind: counts.get(f"mails {kind}", 0) for kind in ("sent", "lost", "failed")},
            },
            "calls": calls,
            "faults": platform.board.faults().model_dump(),
            "password_iterations": platform.settings.password_iterations,
            "throttling": platform.settings.throttling,
        }


@routes.post("/_faults")
def change_faults(request: Request, platform: Wired, changes: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Switch faults on and off; ``capacity`` sets the places or tickets of events, by their slugs.

    What is not named stays as it is.
    """
    _only_from_here(request)
    capacity = changes.pop("capacity", {})
    try:
        faults = changed(platform.board.faults(), changes)
    except ValidationError as error:
        raise HTTPException(422, error.errors(include_url=False, include_context=False)) from None
    with platform.database.write() as session:
        for slug, places in capacity.items():
            set_capacity(session, slug, places)
    platform.board.set_faults(faults)
    return faults.model_dump()


def set_capacity(session: Session, slug: str, places: int | None) -> None:
    """Give an event so many places, or every tier of it so many tickets.

    Args:
        session: A writing one.
        slug: The event's.
        places: How many in all, those that are taken included; None: unlimited.

    Raises:
        HTTPException: 404, there is no such event.
    """
    event = session.scalar(select(Event).where(Event.slug == slug))
    if event is None:
        raise HTTPException(404, f"No event {slug!r}.")
    if not event.requires_ticket:
        event.max_attendees = places
    for tier in session.scalars(select(Tier).where(Tier.event_id == event.id)):
        tier.capacity = places


def _events(session: Session) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for event in session.scalars(select(Event)):
        answers = select(Rsvp.status, func.count()).where(Rsvp.event_id == event.id).group_by(Rsvp.status)
        tiers = session.scalars(select(Tier).where(Tier.event_id == event.id))
        found[event.slug] = {
            "max_attendees": event.max_attendees,
            "rsvps": {row[0]: row[1] for row in session.execute(answers)},
            "tiers": [_inventory(session, tier) for tier in tiers],
        }
    return found


def _inventory(session: Session, tier: Tier) -> dict[str, Any]:
    tickets = _count(session, Ticket, Ticket.tier_id == tier.id)
    return {"capacity": tier.capacity, "sold": tier.sold, "tickets": tickets}


def _count(session: Session, table: type, *where: ColumnExpressionArgument[bool]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(*where)) or 0


def _only_from_here(request: Request) -> None:
    if request.client is None or request.client.host not in LOOPBACK:
        raise HTTPException(403, "Only from this machine.")
