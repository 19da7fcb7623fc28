"""Whether somebody may come, and whether they do."""

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loadproof.suites.events.target.discovery import known_event
from loadproof.suites.events.target.platform import Caller, Refused, Wired
from loadproof.suites.events.target.shapes import remaining, ticket_shape
from loadproof.suites.events.target.tables import Event, Questionnaire, Rsvp, Submission, Ticket, Tier, User, now

routes = APIRouter(prefix="/api")


@routes.get("/events/{event_id}/my-status")
def show_status(event_id: UUID, user: Caller, platform: Wired) -> dict[str, Any]:
    """What the caller has, or what keeps them from it.

    ``questionnaires`` holds all of the event's, and ``questionnaires_missing`` those that the caller owes.
    """
    with platform.database.read() as session:
        event = known_event(session, event_id)
        asked = session.scalars(select(Questionnaire).where(Questionnaire.event_id == event_id)).all()
        questions: dict[str, Any] = {
            "questionnaires": [{"id": str(one.id), "name": one.name} for one in asked],
            "questionnaires_missing": [str(one) for one in _missing(session, event_id, user.id)],
        }
        rsvp = _rsvp(session, event_id, user.id)
        tickets = _tickets(session, event, user)
        if rsvp is None and not tickets:
            return questions | _eligibility(session, event, user)
        tiers = session.scalars(select(Tier).where(Tier.event_id == event_id)).all()
    left = [{"tier_id": str(tier.id), "remaining": remaining(tier), "sold_out": remaining(tier) == 0} for tier in tiers]
    return questions | {
        "tickets": tickets,
        "rsvp": {"event_id": str(event_id), "status": rsvp.status} if rsvp else None,
        "can_purchase_more": any(not one["sold_out"] for one in left),
        "remaining_tickets": left,
        "feedback_questionnaires": [],
    }


@routes.post("/events/{event_id}/rsvp/{status}")
def answer_invitation(
    event_id: UUID, status: Literal["yes", "no", "maybe"], user: Caller, platform: Wired
) -> dict[str, str]:
    """Say whether the caller comes; a later answer replaces an earlier one.

    The event is held while its people are counted: of any number that come at once, as many get in as there is room.
    """
    with platform.database.write() as session:
        event = known_event(session, event_id, lock=True)
        check_eligible(session, event, user, for_ticket=False)
        rsvp = _rsvp(session, event_id, user.id)
        if status == "yes" and (rsvp is None or rsvp.status != "yes") and _is_full(session, event):
            raise Refused(400, _refusal(event, "Event is full", "join_waitlist" if event.waitlist_open else None))
        if rsvp is None:
            session.add(Rsvp(event_id=event_id, user_id=user.id, status=status))
        else:
            rsvp.status, rsvp.changed_at = status, now()
    return {"event_id": str(event_id), "status": status}


def check_eligible(session: Session, event: Event, user: User, *, for_ticket: bool) -> None:
    """Refuse whoever may not come.

    Args:
        session: Where to look.
        event: Where they want to go.
        user: Who wants to go.
        for_ticket: Whether they want to buy, instead of only saying that they come.

    Raises:
        Refused: 400, with the reason and what to do next.
    """
    if event.starts_at <= now():
        raise Refused(400, _refusal(event, "Event has finished.", None))
    if event.requires_ticket and not for_ticket:
        raise Refused(400, _refusal(event, "Requires a ticket.", "purchase_ticket"))
    if missing := _missing(session, event.id, user.id):
        ids = [str(one) for one in missing]
        body = _refusal(event, "Questionnaire has not been filled.", "complete_questionnaire")
        raise Refused(400, body | {"questionnaires_missing": ids})
    if pending := _awaiting_evaluation(session, event.id, user.id):
        body = _refusal(event, "Waiting for questionnaire evaluation.", "wait_for_questionnaire_evaluation")
        raise Refused(400, body | {"questionnaires_pending_review": [str(one) for one in pending]})


def _eligibility(session: Session, event: Event, user: User) -> dict[str, Any]:
    try:
        check_eligible(session, event, user, for_ticket=event.requires_ticket)
    except Refused as refusal:
        return refusal.body
    if _is_full(session, event):
        return _refusal(event, "Event is full", "join_waitlist" if event.waitlist_open else None)
    step = "purchase_ticket" if event.requires_ticket else "rsvp"
    return {"allowed": True, "event_id": str(event.id), "reason": None, "next_step": step}


def _refusal(event: Event, reason: str, next_step: str | None) -> dict[str, Any]:
    return {"allowed": False, "event_id": str(event.id), "reason": reason, "next_step": next_step}


def _is_full(session: Session, event: Event) -> bool:
    if event.max_attendees is None:
        return False
    coming = select(func.count()).select_from(Rsvp).where(Rsvp.event_id == event.id, Rsvp.status == "yes")
    return (session.scalar(coming) or 0) >= event.max_attendees


def _rsvp(session: Session, event: UUID, user: UUID) -> Rsvp | None:
    return session.scalar(select(Rsvp).where(Rsvp.event_id == event, Rsvp.user_id == user))


def _tickets(session: Session, event: Event, user: User) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Ticket, Tier)
        .join(Tier, Tier.id == Ticket.tier_id)
        .where(Ticket.event_id == event.id, Ticket.user_id == user.id)
        .order_by(Ticket.bought_at.desc())
        .limit(20)
    )
    return [ticket_shape(ticket, tier, event) for ticket, tier in rows]


def _missing(session: Session, event: UUID, user: UUID) -> list[UUID]:
    submitted = select(Submission.questionnaire_id).where(Submission.user_id == user)
    asked = select(Questionnaire.id).where(Questionnaire.event_id == event, Questionnaire.id.not_in(submitted))
    return list(session.scalars(asked))


def _awaiting_evaluation(session: Session, event: UUID, user: UUID) -> list[UUID]:
    # Evaluation is manual, and nobody evaluates in a load test.
    waiting = (
        select(Submission.questionnaire_id)
        .join(Questionnaire, Questionnaire.id == Submission.questionnaire_id)
        .where(Questionnaire.event_id == event, Submission.user_id == user, Submission.status == "ready")
        .distinct()
    )
    return list(session.scalars(waiting))
