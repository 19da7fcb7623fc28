"""The queue on Celery and Redis, for a target whose jobs go through a real broker.

The worker is a process of its own, on the same file as the API::

    python -m loadproof.suites.async_requests.target.celery_queue --broker redis://127.0.0.1:6379/0 --database FILE
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from celery import Celery  # type: ignore[import-untyped]  # Celery has no types
from kombu.exceptions import OperationalError

from loadproof.suites.async_requests.target.jobs import Job, QueueUnreachableError, carry_out
from loadproof.suites.async_requests.target.store import RequestStore

if TYPE_CHECKING:
    from collections.abc import Sequence

_TASK = "check"
_PATIENCE = 2  # seconds for a broker to answer


def connect_celery(broker: str) -> Celery:
    """Celery on a broker, without results: those are in the store.

    Args:
        broker: Address, as ``redis://127.0.0.1:6379/0``.
    """
    app = Celery("async-requests", broker=broker)
    app.conf.update(
        task_ignore_result=True,
        # A job belongs to the worker that does it, and no worker keeps more than it does.
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=_PATIENCE,
        broker_transport_options={
            "socket_timeout": _PATIENCE,
            "socket_connect_timeout": _PATIENCE,
            "retry_on_timeout": False,
        },
    )
    return app


class CeleryQueue:
    """Leaves jobs in a broker.

    Args:
        broker: Its address.
    """

    def __init__(self, broker: str) -> None:
        self._celery = connect_celery(broker)

    def submit(self, job: Job) -> None:
        """Send a job to the broker, once.

        Raises:
            QueueUnreachableError: The broker does not answer.
        """
        try:
            self._celery.send_task(_TASK, args=[job.request_id, job.seconds, job.fails], retry=False)
        except (OperationalError, OSError) as error:
            raise QueueUnreachableError from error

    def is_reachable(self) -> bool:
        """Whether the broker answers."""
        try:
            with self._celery.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, timeout=_PATIENCE)
        except (OperationalError, OSError):
            return False
        return True

    def close(self) -> None:
        """Leave the broker; jobs stay in it."""
        self._celery.close()


def work(broker: str, database: Path, concurrency: int) -> None:
    """Do jobs until SIGTERM.

    Args:
        broker: Where jobs come from.
        database: The API's file.
        concurrency: Jobs done at a time.
    """
    store = RequestStore(database)
    celery = connect_celery(broker)

    def check(request_id: str, seconds: float, fails: bool) -> None:
        carry_out(Job(request_id, seconds, fails), store, time.sleep)

    celery.task(name=_TASK)(check)
    celery.worker_main(
        [
            "worker",
            "--pool=threads",
            f"--concurrency={concurrency}",
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of the worker's process."""
    options = _parser().parse_args(arguments)
    work(options.broker, options.database, options.concurrency)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A worker of the request API.", allow_abbrev=False)
    parser.add_argument("--broker", required=True, help="address of Redis, as redis://127.0.0.1:6379/0")
    parser.add_argument("--database", type=Path, required=True, help="the SQLite file of the API")
    parser.add_argument("--concurrency", type=int, default=1, help="jobs done at a time (default: 1)")
    return parser


if __name__ == "__main__":
    main()
