"""Where requests are kept: a SQLite file that the API and its workers share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
    insert,
    select,
    update,
)

from loadproof.suites.async_requests.target.contract import Request, short_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from loadproof.suites.async_requests.target.contract import Status

_schema = MetaData()
_requests = Table(
    "request",
    _schema,
    Column("id", String(22), primary_key=True),
    Column("type", String, nullable=False),
    Column("status", String, nullable=False, index=True),
    Column("created", DateTime(timezone=True), nullable=False),
    Column("modified", DateTime(timezone=True), nullable=False),
    Column("params", JSON, nullable=False),
    Column("response", JSON(none_as_null=True)),
)
_details = Table(
    "response_detail",
    _schema,
    Column("request_id", String(22), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("detail", JSON, nullable=False),
)


class RequestStore:
    """Requests, their states and their results; of any thread, and of several processes on one file.

    Args:
        path: The SQLite file; made where there is none.
    """

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
        event.listen(self._engine, "connect", _prepare_connection)
        _schema.create_all(self._engine)

    def add(self, params: dict[str, Any]) -> Request:
        """Keep a new request.

        Args:
            params: What was asked for, ``type`` included.
        """
        now = datetime.now(UTC)
        request = Request(
            type=params["type"], id=short_id(uuid4().int), status="NEW", created=now, modified=now, params=params
        )
        with self._engine.begin() as connection:
            connection.execute(insert(_requests).values(**request.model_dump()))
        return request

    def find(self, request_id: str) -> Request | None:
        """One request; None where no request has this id."""
        with self._engine.connect() as connection:
            row = connection.execute(select(_requests).where(_requests.c.id == request_id)).mappings().first()
        if row is None:
            return None
        # SQLite keeps no time zone.
        times = {name: row[name].replace(tzinfo=UTC) for name in ("created", "modified")}
        return Request(**{**row, **times})

    def begin(self, request_id: str) -> None:
        """A worker has taken the request."""
        with self._engine.begin() as connection:
            self._move(connection, request_id, "PROCESSING")

    def finish(
        self, request_id: str, status: Status, response: dict[str, Any], details: Sequence[dict[str, Any]] = ()
    ) -> None:
        """The job of a request has ended.

        Args:
            request_id: Whose job.
            status: COMPLETE or FAILED.
            response: What the request shows as its response.
            details: The rows of ``/response-details``.
        """
        with self._engine.begin() as connection:
            self._move(connection, request_id, status, response=response)
            if details:
                rows = [{"request_id": request_id, "position": n, "detail": d} for n, d in enumerate(details)]
                connection.execute(insert(_details), rows)

    def details(self, request_id: str) -> list[dict[str, Any]]:
        """Rows of a result, in order; empty until the job has ended."""
        query = select(_details.c.detail).where(_details.c.request_id == request_id).order_by(_details.c.position)
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def counts(self) -> dict[str, int]:
        """How many requests are in each state that any is in."""
        query = select(_requests.c.status, func.count()).group_by(_requests.c.status)
        with self._engine.connect() as connection:
            return {str(status): int(count) for status, count in connection.execute(query)}

    def close(self) -> None:
        """Close every connection to the file."""
        self._engine.dispose()

    @staticmethod
    def _move(connection: Any, request_id: str, status: Status, **values: object) -> None:
        changed = update(_requests).where(_requests.c.id == request_id)
        connection.execute(changed.values(status=status, modified=datetime.now(UTC), **values))


def _prepare_connection(connection: Any, _: object) -> None:
    """Readers and one writer at a time, without waiting for the disk: what is kept here dies with the target."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
