"""What the platform remembers.

Rows that ``bootstrap_perf_tests`` made carry ``perf``: a reset deletes these and what hangs on them, nothing else.
Money is in cents.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class UtcTime(TypeDecorator[datetime]):
    """A time in UTC that knows it is one, also from SQLite, which forgets the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The stored time with its zone."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Table(DeclarativeBase):
    """What all tables have in common: SQLAlchemy's registry."""


class Organization(Table):
    """Whoever holds events."""

    __tablename__ = "organizations"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    perf: Mapped[bool] = mapped_column(default=False)


class User(Table):
    """Somebody with an account."""

    __tablename__ = "users"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    email: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]
    first_name: Mapped[str] = mapped_column(default="")
    last_name: Mapped[str] = mapped_column(default="")
    verified: Mapped[bool] = mapped_column(default=False)
    joined_at: Mapped[datetime] = mapped_column(UtcTime, default=now)
    perf: Mapped[bool] = mapped_column(default=False)


class Membership(Table):
    """What a user is in an organization: ``owner`` or ``staff``."""

    __tablename__ = "memberships"
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str]


class Event(Table):
    """Something to go to.

    ``requires_ticket`` False: people say whether they come. ``max_attendees`` None: as many as like.
    """

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    slug: Mapped[str]
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    starts_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    requires_ticket: Mapped[bool] = mapped_column(default=False)
    max_attendees: Mapped[int | None] = mapped_column(default=None)
    waitlist_open: Mapped[bool] = mapped_column(default=False)
    perf: Mapped[bool] = mapped_column(default=False)


class Tier(Table):
    """A kind of ticket.

    ``capacity`` None: unlimited; ``sold`` is the inventory's own count; ``pwyc`` tiers have bounds instead of a price.
    """

    __tablename__ = "tiers"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    price: Mapped[int] = mapped_column(default=0)
    price_type: Mapped[str] = mapped_column(default="fixed")
    pwyc_min: Mapped[int | None] = mapped_column(default=None)
    pwyc_max: Mapped[int | None] = mapped_column(default=None)
    payment_method: Mapped[str] = mapped_column(default="free")
    capacity: Mapped[int | None] = mapped_column(default=None)
    sold: Mapped[int] = mapped_column(default=0)
    max_per_user: Mapped[int | None] = mapped_column(default=None)


class Ticket(Table):
    """One sold ticket; ``number`` is its place in the tier's inventory, from 1: no two sales can have the same."""

    __tablename__ = "tickets"
    __table_args__ = (UniqueConstraint("tier_id", "number"),)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    tier_id: Mapped[UUID] = mapped_column(ForeignKey("tiers.id", ondelete="CASCADE"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    guest_name: Mapped[str]
    price_paid: Mapped[int]
    status: Mapped[str] = mapped_column(default="active")
    bought_at: Mapped[datetime] = mapped_column(UtcTime, default=now)


class Rsvp(Table):
    """Whether somebody comes: ``yes``, ``no`` or ``maybe``."""

    __tablename__ = "rsvps"
    __table_args__ = (UniqueConstraint("event_id", "user_id"),)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    status: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(UtcTime, default=now)


class Questionnaire(Table):
    """What an event asks before it lets somebody in."""

    __tablename__ = "questionnaires"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    evaluation_mode: Mapped[str] = mapped_column(default="manual")
    max_attempts: Mapped[int] = mapped_column(default=1)


class Question(Table):
    """A multiple-choice question."""

    __tablename__ = "questions"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    questionnaire_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaires.id", ondelete="CASCADE"), index=True)
    text: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    mandatory: Mapped[bool] = mapped_column(default=True)


class Option(Table):
    """One answer that a question offers; which is right is never told."""

    __tablename__ = "options"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    question_id: Mapped[UUID] = mapped_column(ForeignKey("questions.id", ondelete="CASCADE"), index=True)
    text: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    is_correct: Mapped[bool] = mapped_column(default=False)


class Submission(Table):
    """One filled-in questionnaire, waiting for its evaluation."""

    __tablename__ = "submissions"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    questionnaire_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaires.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    status: Mapped[str]
    answers: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    submitted_at: Mapped[datetime] = mapped_column(UtcTime, default=now)


class SpentToken(Table):
    """A token that must not be used again, by its ``jti``."""

    __tablename__ = "spent_tokens"
    jti: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
