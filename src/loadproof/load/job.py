"""What the supervisor asked this process to do: the first frame on the wire, plain values only."""

from __future__ import annotations

from typing import Any, TypedDict


class Job(TypedDict):
    """The job of a load process.

    Attributes:
        locust_args: Words of Locust's command line, without the program's name.
        service: A ``loadproof.plan.Service`` as plain values; None for locustfiles.
        rps: Limit on requests per second over the whole run; None for none.
        samples: Which requests get a row: ``all``, ``errors``, ``none`` or ``N/s``.
        ready_check: Whether hosts must accept a connection first.
        headless: Whether the run starts by itself, without the web interface.
    """

    locust_args: list[str]
    service: dict[str, Any] | None
    rps: float | None
    samples: str
    ready_check: bool
    headless: bool


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
