"""Clusters and service accounts on SQLite.

Every method is one short transaction, called in the event loop of the only process that has the database open: a query
takes some ten microseconds, a hop to a thread and back takes more. What must be seen and done at once, such as the
quota and the new row, is in one transaction that begins with the write lock.
"""

from __future__ import annotations

import secrets
import string
import uuid
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, create_engine, delete, event, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import StaticPool

from loadproof.suites.fleet.target import refusals
from loadproof.suites.fleet.target.lifecycle import EXISTS, STATUS, Durations, birth, death
from loadproof.suites.fleet.target.tables import KAFKAS, METADATA, SERVICE_ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection, Engine, RowMapping, Select

    from loadproof.suites.fleet.target.search import Query

_LETTERS = string.ascii_letters + string.digits
_ID_LENGTH = 27


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks.

    Attributes:
        username: Owns what is created.
        organisation: Whose clusters are seen.
    """

    username: str
    organisation: str


@dataclass(frozen=True, slots=True)
class Order:
    """A cluster that somebody asks for."""

    name: str
    cloud_provider: str
    region: str
    multi_az: bool


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    Attributes:
        total: Rows that were found in all.
        rows: Those of this page.
    """

    total: int
    rows: tuple[RowMapping, ...]


class Store:
    """All that the API remembers.

    Args:
        path: File of the database; None keeps it in memory.
        clock: Seconds since 1970.
        durations: How long clusters stay in each state.
        quota: Most clusters of one owner, those that are being deleted included.
    """

    def __init__(
        self, *, clock: Callable[[], float], durations: Durations, quota: int, path: str | None = None
    ) -> None:
        self._clock = clock
        self._durations = durations
        self._quota = quota
        self._engine = _engine(path)
        METADATA.create_all(self._engine)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def create_kafka(self, person: Person, order: Order, *, failing: bool = False) -> RowMapping:
        """Accept a cluster.

        Args:
            person: Its owner.
            order: What is asked for.
            failing: Whether it ends up failed instead of ready.

        Raises:
            Refusal: The owner's quota is used up (403), or the name is taken (409).
        """
        now = self._clock()
        identifier = _identifier()
        row = asdict(order) | asdict(birth(now, self._durations)) | {"id": identifier, "failed": failing}
        row |= {"owner": person.username, "organisation_id": person.organisation}
        try:
            with self._writing() as connection:
                connection.execute(delete(KAFKAS).where(KAFKAS.c.gone_at <= now))
                owned = select(func.count()).select_from(KAFKAS).where(KAFKAS.c.owner == person.username)
                if connection.execute(owned).scalar_one() >= self._quota:
                    raise refusals.over_quota(person.username, self._quota)
                connection.execute(insert(KAFKAS).values(row))
        except IntegrityError:
            raise refusals.name_used() from None
        return self.kafka(person, identifier)

    def delete_kafka(self, person: Person, identifier: str, *, stuck: bool = False) -> None:
        """Begin a cluster's end; asking again changes nothing.

        Args:
            person: Must be its owner.
            identifier: Of the cluster.
            stuck: It never gets past ``deprovision``.

        Raises:
            Refusal: It is not there, or another one's (404).
        """
        now = self._clock()
        mine = (KAFKAS.c.id == identifier) & (KAFKAS.c.owner == person.username) & EXISTS
        with self._writing() as connection:
            row = connection.execute(select(KAFKAS.c.deprovision_at).where(mine), {"now": now}).one_or_none()
            if row is None:
                raise refusals.no_kafka(person.username, identifier)
            if row.deprovision_at is None:
                moments = asdict(death(now, self._durations, stuck=stuck))
                connection.execute(update(KAFKAS).where(KAFKAS.c.id == identifier).values(moments))

    def release_stuck(self) -> None:
        """Let every cluster whose deletion is stuck go on from now."""
        moments = asdict(death(self._clock(), self._durations))
        stuck = KAFKAS.c.deprovision_at.is_not(None) & KAFKAS.c.gone_at.is_(None)
        with self._writing() as connection:
            connection.execute(update(KAFKAS).where(stuck).values(moments))

    def kafka(self, person: Person, identifier: str) -> RowMapping:
        """One cluster of the organisation.

        Raises:
            Refusal: It is not there (404).
        """
        which = {"id": identifier, "organisation": person.organisation, "now": self._clock()}
        with self._engine.connect() as connection:
            row = connection.execute(_ONE_KAFKA, which).mappings().one_or_none()
        if row is None:
            raise refusals.no_kafka(person.username, identifier)
        return row

    def kafkas(self, person: Person, query: Query, *, page: int = 1, size: int = 100) -> Page:
        """The organisation's clusters, by name.

        Args:
            person: Who asks.
            query: Which of them.
            page: Counted from 1.
            size: Most rows of a page.
        """
        count, rows = _list_statements(query)
        which = {"organisation": person.organisation, "now": self._clock()}
        with self._engine.connect() as connection:
            total = connection.execute(count, which).scalar_one()
            on_page = connection.execute(rows, which | {"size": size, "start": (page - 1) * size})
            return Page(total, tuple(on_page.mappings()))

    def every_kafka(self) -> tuple[RowMapping, ...]:
        """The clusters of everybody, in the order of their creation."""
        rows = select(KAFKAS, STATUS.label("status")).where(EXISTS).order_by(KAFKAS.c.created_at)
        with self._engine.connect() as connection:
            return tuple(connection.execute(rows, {"now": self._clock()}).mappings())

    def create_service_account(self, person: Person, name: str, description: str) -> RowMapping:
        """Make a service account."""
        row: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "name": name,
            "description": description,
            "client_id": f"srvc-acct-{uuid.uuid4()}",
            "owner": person.username,
            "organisation_id": person.organisation,
            "created_at": self._clock(),
        }
        with self._writing() as connection:
            connection.execute(insert(SERVICE_ACCOUNTS).values(row))
        made = self.service_account(person, row["id"])
        assert made is not None
        return made

    def service_account(self, person: Person, identifier: str) -> RowMapping | None:
        """One service account of the organisation; None where there is none."""
        accounts = SERVICE_ACCOUNTS.c
        ours = (accounts.id == identifier) & (accounts.organisation_id == person.organisation)
        with self._engine.connect() as connection:
            return connection.execute(select(SERVICE_ACCOUNTS).where(ours)).mappings().one_or_none()

    def service_accounts(self, person: Person) -> tuple[RowMapping, ...]:
        """All service accounts of the organisation."""
        ours = SERVICE_ACCOUNTS.c.organisation_id == person.organisation
        return self._all_accounts(ours)

    def every_service_account(self) -> tuple[RowMapping, ...]:
        """The service accounts of everybody, in the order of their creation."""
        return self._all_accounts()

    def delete_service_account(self, person: Person, identifier: str) -> bool:
        """Remove a service account of one's own; False where there is none."""
        mine = (SERVICE_ACCOUNTS.c.id == identifier) & (SERVICE_ACCOUNTS.c.owner == person.username)
        with self._writing() as connection:
            return connection.execute(delete(SERVICE_ACCOUNTS).where(mine)).rowcount == 1

    def _all_accounts(self, *which: Any) -> tuple[RowMapping, ...]:
        rows = select(SERVICE_ACCOUNTS).where(*which).order_by(SERVICE_ACCOUNTS.c.created_at)
        with self._engine.connect() as connection:
            return tuple(connection.execute(rows).mappings())

    def _writing(self) -> AbstractContextManager[Connection]:
        return self._engine.begin()


_OURS = (KAFKAS.c.organisation_id == bindparam("organisation")) & EXISTS
_ONE_KAFKA = select(KAFKAS, STATUS.label("status")).where(_OURS & (KAFKAS.c.id == bindparam("id")))
_COLUMNS = {name: KAFKAS.c[name] for name in ("region", "name", "cloud_provider", "owner")} | {"status": STATUS}


@lru_cache(maxsize=1000)  # putting a statement together takes longer than running it
def _list_statements(query: Query) -> tuple[Select[int], Select[Any]]:
    found = _OURS & query.condition(_COLUMNS)
    rows = select(KAFKAS, STATUS.label("status")).where(found).order_by(KAFKAS.c.name)
    return (
        select(func.count()).select_from(KAFKAS).where(found),
        rows.limit(bindparam("size")).offset(bindparam("start")),
    )


def _engine(path: str | None) -> Engine:
    if path is None:
        engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})

    # SQLAlchemy's own recipe for SQLite: the driver begins transactions late, and never with the write lock.
    @event.listens_for(engine, "connect")
    def _leave_transactions_to_us(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous = OFF")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _identifier() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_ID_LENGTH))
