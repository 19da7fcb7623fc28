"""What is done about a request, and the workers of the embedded queue."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadproof.suites.async_requests.target.store import RequestStore

ROWS = 25
"""Rows of each finished check, one in five with an issue."""


@dataclass(frozen=True, slots=True)
class Job:
    """One request that waits for a worker.

    Attributes:
        request_id: Whose job.
        seconds: How long a worker is busy with it.
        fails: Whether it ends in FAILED.
    """

    request_id: str
    seconds: float
    fails: bool


class JobQueue(Protocol):
    """Where the API leaves jobs; workers take them in the order they came."""

    def submit(self, job: Job) -> None:
        """Leave a job.

        Raises:
            QueueUnreachableError: The queue cannot be reached; the job is not in it.
        """

    def is_reachable(self) -> bool:
        """Whether jobs can be left now."""

    def close(self) -> None:
        """Take no more jobs; those that wait are dropped."""


class QueueUnreachableError(Exception):
    """The queue does not answer."""


def carry_out(job: Job, store: RequestStore, work: Callable[[float], object]) -> None:
    """Do one job, from PROCESSING to COMPLETE or FAILED.

    Args:
        job: Which.
        store: Where its request is kept.
        work: Called with the seconds that the job takes; true where it was cut short, and the job stays PROCESSING.
    """
    store.begin(job.request_id)
    if work(job.seconds):
        return
    if job.fails:
        error = {"errCode": "400", "errType": "User Error", "errMsg": "The uploaded file does not exist"}
        store.finish(job.request_id, "FAILED", {"data": None, "error": error})
        return
    details = [_checked_row(number) for number in range(1, ROWS + 1)]
    issues = sum(len(detail["issue_logs"]) for detail in details)
    store.finish(job.request_id, "COMPLETE", {"data": {"rows": ROWS, "issues": issues}, "error": None}, details)


class EmbeddedQueue:
    """A queue in memory with worker threads, for a target without any other program.

    Args:
        store: Where requests are kept.
        concurrency: Jobs done at a time.
    """

    def __init__(self, store: RequestStore, concurrency: int) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._store = store
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(concurrency)]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Leave a job behind all that wait."""
        self._jobs.put(job)

    def is_reachable(self) -> bool:
        """Always: it is in this process."""
        return True

    def close(self) -> None:
        """End the workers; the jobs they are at are left in PROCESSING."""
        self._closing.set()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None and not self._closing.is_set():
            carry_out(job, self._store, self._closing.wait)


def _checked_row(number: int) -> dict[str, Any]:
    severity = "error" if number % 10 == 0 else "warning"
    issue = {"field": "start-date", "issue-type": "invalid date", "severity": severity}
    return {
        "entry_number": number,
        "converted_row": {"reference": f"A4D-{number}", "start-date": "2024-01-01"},
        "issue_logs": [issue] if number % 5 == 0 else [],
    }
