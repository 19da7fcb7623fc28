"""The data that load tests need, made by command and unmade by command."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from loadproof.suites.events.target.passwords import hashed
from loadproof.suites.events.target.tables import (
    Event,
    Membership,
    Option,
    Organization,
    Question,
    Questionnaire,
    Tier,
    User,
    now,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

    from loadproof.suites.events.target.database import Database

PERF_ORGANIZATION = "perf-test-org"
CLUB = "book-club"
STARTS_IN = timedelta(days=30)


class NotOursError(Exception):
    """Something has a name that the data needs, and was not made by it."""


@dataclass(frozen=True)
class PerfData:
    """How much data a load test gets.

    Attributes:
        users: Accounts ``perf-user-0@test.com`` and on, all verified.
        password: Of every account.
        iterations: Rounds that hash it.
        tier_capacity: Tickets of each of the two ticketed events.
        limited_capacity: Places of the limited event.
    """

    users: int = 100
    password: str = "password123"  # noqa: S105 - the documented one
    iterations: int = 2000
    tier_capacity: int = 10_000
    limited_capacity: int = 50


def bootstrap(database: Database) -> None:
    """What every installation has: a club with events that no load test touches."""
    with database.write() as session:
        if session.scalar(select(Organization).where(Organization.slug == CLUB)) is not None:
            return
        club = Organization(slug=CLUB, name="Book Club")
        session.add(club)
        session.flush()
        for week in range(1, 5):
            starts = now() + timedelta(weeks=week)
            evening = {"slug": f"evening-{week}", "name": f"Evening {week}"}
            session.add(Event(organization_id=club.id, starts_at=starts, **evening))


def bootstrap_perf_tests(database: Database, data: PerfData, *, reset: bool = False) -> dict[str, int]:
    """Make what is missing of the load tests' data; a second time nothing is.

    Args:
        database: Where.
        data: How much.
        reset: First delete what was made before, and what people did with it. Only rows that carry the tag go:
            neither accounts whose address merely looks alike, nor those that a load test registered.

    Returns:
        How many rows of each kind were deleted and made, by words such as ``users made``.

    Raises:
        NotOursError: A needed address or slug is taken by something without the tag; nothing was changed.
    """
    # Passwords take time: not while everybody else waits for the database.
    with database.read() as session:
        held = set() if reset else set(session.scalars(select(User.email).where(User.perf)))
    passwords = {email: hashed(data.password, data.iterations) for email in _addresses(data) if email not in held}
    done = {"users deleted": 0, "events deleted": 0}
    with database.write() as session:
        _check_names(session, data)
        if reset:
            done["events deleted"] = _delete(session, Event)
            _delete(session, Organization)
            done["users deleted"] = _delete(session, User)
        organization = _organization(session)
        done["users made"] = _make_users(session, passwords)
        _make_members(session, organization)
        done["events made"] = _make_events(session, organization, data)
    return done


def _addresses(data: PerfData) -> list[str]:
    people = [f"perf-user-{number}@test.com" for number in range(data.users)]
    return ["perf-admin@test.com", "perf-staff@test.com", *people]


def _check_names(session: Session, data: PerfData) -> None:
    addresses = set(_addresses(data))
    foreign: Iterable[str] = session.scalars(select(User.email).where(User.email.like("perf-%"), User.perf.is_(False)))
    taken = sorted(addresses.intersection(foreign))
    organization = session.scalar(
        select(Organization).where(Organization.slug == PERF_ORGANIZATION, Organization.perf.is_(False))
    )
    if organization is not None:
        taken.append(PERF_ORGANIZATION)
    if taken:
        raise NotOursError(
            f"{', '.join(taken)}: there already, and not made by bootstrap_perf_tests. Rename or remove it, or use"
            " another database."
        )


def _delete(session: Session, table: type[Event | Organization | User]) -> int:
    # What hangs on the rows goes with them: the foreign keys cascade.
    return len(session.execute(delete(table).where(table.perf).returning(table.id)).all())


def _organization(session: Session) -> Organization:
    found = session.scalar(select(Organization).where(Organization.slug == PERF_ORGANIZATION))
    if found is None:
        found = Organization(slug=PERF_ORGANIZATION, name="Performance Test Organization", perf=True)
        session.add(found)
        session.flush()
    return found


def _make_users(session: Session, passwords: dict[str, str]) -> int:
    held = set(session.scalars(select(User.email).where(User.perf)))
    missing = {email: password for email, password in passwords.items() if email not in held}
    for email, password in missing.items():
        first, _, last = email.partition("@")[0].partition("-")
        names = {"first_name": first.title(), "last_name": last.replace("-", " ").title()}
        session.add(User(email=email, password=password, verified=True, perf=True, **names))
    session.flush()
    return len(missing)


def _make_members(session: Session, organization: Organization) -> None:
    for email, role in (("perf-admin@test.com", "owner"), ("perf-staff@test.com", "staff")):
        user = session.scalars(select(User).where(User.email == email)).one()
        session.merge(Membership(organization_id=organization.id, user_id=user.id, role=role))


def _make_events(session: Session, organization: Organization, data: PerfData) -> int:
    held = set(session.scalars(select(Event.slug).where(Event.organization_id == organization.id)))
    starts = now() + STARTS_IN
    events = {
        event.slug: event
        for event in (
            Event(slug="perf-rsvp-event", name="RSVP"),
            Event(
                slug="perf-rsvp-limited-event",
                name="RSVP, limited",
                max_attendees=data.limited_capacity,
                waitlist_open=True,
            ),
            Event(slug="perf-ticket-free-event", name="Free tickets", requires_ticket=True),
            Event(slug="perf-ticket-pwyc-event", name="Pay what you can", requires_ticket=True),
            Event(slug="perf-questionnaire-event", name="With questionnaire"),
        )
        if event.slug not in held
    }
    for event in events.values():
        event.organization_id, event.starts_at, event.perf = organization.id, starts, True
    session.add_all(events.values())
    session.flush()
    if free := events.get("perf-ticket-free-event"):
        session.add(Tier(event_id=free.id, name="Free", capacity=data.tier_capacity))
    if pwyc := events.get("perf-ticket-pwyc-event"):
        session.add(_pwyc_tier(pwyc, data.tier_capacity))
    if asking := events.get("perf-questionnaire-event"):
        _make_questionnaire(session, asking)
    return len(events)


def _pwyc_tier(event: Event, capacity: int) -> Tier:
    return Tier(
        event_id=event.id,
        name="Pay what you can",
        price=1000,
        price_type="pwyc",
        pwyc_min=500,
        pwyc_max=5000,
        payment_method="offline",
        capacity=capacity,
    )


def _make_questionnaire(session: Session, event: Event) -> None:
    questionnaire = Questionnaire(event_id=event.id, name="Admission", evaluation_mode="manual", max_attempts=999)
    session.add(questionnaire)
    session.flush()
    question = Question(questionnaire_id=questionnaire.id, text="Will you behave?")
    session.add(question)
    session.flush()
    session.add(Option(question_id=question.id, text="Yes", is_correct=True))
    session.add(Option(question_id=question.id, text="No", position=1))
