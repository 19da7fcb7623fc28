"""Entry of ``python -m loadproof.suites.async_requests.target``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.suites.async_requests.target.app import Faults, create_app
from loadproof.suites.async_requests.target.jobs import EmbeddedQueue
from loadproof.suites.async_requests.target.store import RequestStore
from loadproof.suites.serving import serve_app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadproof.suites.async_requests.target.jobs import JobQueue

DEFAULT_SEED = 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the request API until stdin closes or SIGTERM arrives."""
    options = _parser().parse_args(arguments)
    faults = Faults(job_seconds=options.job_seconds, failing_share=options.failing_share, refused_share=0.0)
    with tempfile.TemporaryDirectory(prefix="async-requests-") as folder:
        store = RequestStore(options.database or Path(folder, "requests.db"))
        app = create_app(store, _queue(options, store), faults=faults, seed=options.seed)
        serve_app(app, options.port, queue="celery" if options.broker else "embedded")


def _queue(options: argparse.Namespace, store: RequestStore) -> JobQueue:
    if options.broker is None:
        return EmbeddedQueue(store, options.concurrency)
    from loadproof.suites.async_requests.target.celery_queue import (  # noqa: PLC0415 - Celery takes half a second
        CeleryQueue,
    )

    return CeleryQueue(options.broker)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadproof.suites.async_requests.target",
        description="A request API whose jobs are done later, one behind the other.",
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--job-seconds", type=_seconds, default=5.0, help="how long a job takes (default: 5)")
    parser.add_argument("--concurrency", type=_count, default=1, help="jobs done at a time (default: 1)")
    parser.add_argument("--failing-share", type=_share, default=0.0, help="share of jobs that fail (default: 0)")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="decides which jobs fail")
    parser.add_argument("--broker", help="address of Redis: jobs are done by Celery workers there, not in this process")
    parser.add_argument("--database", type=Path, help="SQLite file (default: one that is removed at the end)")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not within 0 and 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


if __name__ == "__main__":
    main()
