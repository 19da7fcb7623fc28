"""The job of this process, where a locustfile of ours can reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadproof.load.frames import Job

_jobs: list[Job] = []


def set_job(job: Job) -> None:
    """Remember the job of this process; before Locust is imported."""
    _jobs.append(job)


def current_job() -> Job:
    """The job of this process.

    Raises:
        IndexError: This is not a load process.
    """
    return _jobs[-1]
