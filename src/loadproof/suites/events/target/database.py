"""The door to the database: sessions that read, and sessions that write one after the other where that is needed."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session

from loadproof.suites.events.target.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_TIMEOUT = 30.0
"""Seconds that SQLite waits for another process's write."""


class Database:
    """SQLite in a file, or PostgreSQL.

    On SQLite a write takes the database's only write lock when it begins, so that what it reads stays true until it
    commits; threads of this process queue in front of it, because SQLite itself would let them poll. On PostgreSQL
    rows are locked where they are read for a change (``with_for_update``).

    Args:
        url: SQLAlchemy's address.
        threads: How many sessions are open at most at a time.
    """

    def __init__(self, url: str, threads: int) -> None:
        self.embedded = make_url(url).get_backend_name() == "sqlite"
        # Behind a pooler that lends connections per transaction, a prepared statement may be gone at its next use.
        arguments: dict[str, Any] = {"timeout": BUSY_TIMEOUT} if self.embedded else {"prepare_threshold": None}
        self._engine = create_engine(
            url, pool_size=threads + 1, max_overflow=threads, pool_timeout=BUSY_TIMEOUT, connect_args=arguments
        )
        self._writing = threading.Lock()
        if self.embedded:
            _prepare_sqlite(self._engine)
        self._writer = self._engine.execution_options(loadproof_writes=True)

    def create_tables(self) -> None:
        """Create what is missing; a schema that is there stays as it is."""
        Table.metadata.create_all(self._engine)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that changes nothing."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction: committed at the end of the block, rolled back when it raises."""
        with ExitStack() as held:
            if self.embedded:
                held.enter_context(self._writing)
            session = held.enter_context(Session(self._writer, expire_on_commit=False))
            held.enter_context(session.begin())
            yield session

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # or the driver begins transactions at moments of its own choice
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("loadproof_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
