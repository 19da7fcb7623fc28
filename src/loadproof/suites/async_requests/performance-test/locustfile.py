"""Users of the request API: each creates a request, waits for its result, and is told how long that took.

Beside the two calls, the whole of a request is an entry of its own, ``FLOW check_file``: from the create to COMPLETE.
A job that ends in FAILED is its failure, and so is one that takes longer than ``REQUEST_TIMEOUT``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from locust import HttpUser, between, events, task
from locust.runners import WorkerRunner

from loadproof.kit import Duration, Expectation, PollFailed, Settings, flow, poll, setting

if TYPE_CHECKING:
    from locust.env import Environment
    from locust.stats import StatsEntry

CHECK_FILE = {
    "params": {
        "type": "check_file",
        "collection": "article_4_direction",
        "dataset": "article_4_direction_area",
        "original_filename": "bogdan-farca.jpg",
        "uploaded_filename": "B1E16917-449C-4FC5-96D1-EE4255A79FB1",
    }
}
"""What every user asks for: a check of a file that was uploaded before."""

STATUSES = frozenset({"NEW", "PROCESSING", "COMPLETE", "FAILED"})


class RequestSettings(Settings):
    """What this suite can be told."""

    request_timeout: Duration = setting(30.0, env="REQUEST_TIMEOUT", help="how long a request may take, as 30s")
    poll_interval: Duration = setting(1.0, env="POLL_INTERVAL", help="pause between two polls, as 1s")
    max_error_percent: float | None = setting(
        None, env="MAX_ERROR_PERCENT", at_least=0, at_most=100, help="percent of calls, and of requests, that may fail"
    )
    max_average_call: Duration | None = setting(
        None, env="MAX_AVERAGE_CALL", help="longest average time of the HTTP calls, as 500ms"
    )
    max_average_request: Duration | None = setting(
        None, env="MAX_AVERAGE_REQUEST", help="longest average time from create to COMPLETE, as 10s"
    )


settings = RequestSettings.load()


def without_id(response: Any) -> str | None:
    """What is wrong with an accepted request that cannot be asked for."""
    return None if response.json().get("id") else "the answer has no id"


def unknown_status(response: Any) -> str | None:
    """What is wrong with a request that says nothing of its job."""
    status = response.json().get("status")
    return None if status in STATUSES else f"the status is {status!r}"


CREATED = Expectation(ok={202}, check=without_id)
FOUND = Expectation(ok={200}, check=unknown_status)


class RequestUser(HttpUser):
    """Has one file checked after the other."""

    host = "http://localhost:8000"
    wait_time = between(0.5, 1.5)

    @task
    def check_file(self) -> None:
        """Create a request, and poll until its job has ended."""
        with flow("check_file") as running:
            created = CREATED.send(self.client.post, "/requests", json=CHECK_FILE)
            if created.outcome == "failure":
                running.failure("the request was not created")
                return
            request_id = created.response.json()["id"]
            poll(
                lambda: self.is_complete(request_id),
                timeout=settings.request_timeout,
                interval=settings.poll_interval,
            )

    def is_complete(self, request_id: str) -> bool | None:
        """Whether the job is done; None while it is not.

        Raises:
            PollFailed: The job ended in FAILED.
        """
        asked = FOUND.send(self.client.get, f"/requests/{request_id}", name="/requests/{id}")
        # A poll that failed is counted as a failed call; the next one may find the result.
        status = asked.response.json()["status"] if asked.outcome == "success" else None
        if status == "FAILED":
            raise PollFailed("the job ended in FAILED")
        return True if status == "COMPLETE" else None


@events.quitting.add_listener
def set_exit_code(environment: Environment, **_: Any) -> None:
    """Control the exit code: 1 where the run is worse than what is tolerated, 0 where it is not.

    Without a tolerance it does nothing: Locust ends with 1 after any failure, Loadproof by the rules of its plan.
    """
    tolerances = (settings.max_error_percent, settings.max_average_call, settings.max_average_request)
    if isinstance(environment.runner, WorkerRunner) or tolerances == (None, None, None):
        return
    broken = broken_tolerances(environment.stats.entries.values(), settings)
    if environment.runner is not None and environment.runner.exceptions:
        broken.append("tasks raised exceptions")
    for text in broken:
        logging.getLogger(__name__).error("Test failed: %s", text)
    environment.process_exit_code = 1 if broken else 0


def broken_tolerances(entries: Any, tolerated: RequestSettings) -> list[str]:
    """What of a run is worse than tolerated, in words.

    Calls and whole requests are judged apart: a request is polled so often that its failure would vanish among them.

    Args:
        entries: Locust's statistics, an entry for each name and method.
        tolerated: The limits; None is no limit.
    """
    flows = [entry for entry in entries if entry.method == "FLOW"]
    calls = [entry for entry in entries if entry.method != "FLOW"]
    broken: list[str] = []
    for what, some, longest in (
        ("calls", calls, tolerated.max_average_call),
        ("requests", flows, tolerated.max_average_request),
    ):
        count = sum(entry.num_requests for entry in some)
        if not count:
            broken.append(f"no {what} have ended")
            continue
        percent = 100 * sum(entry.num_failures for entry in some) / count
        if tolerated.max_error_percent is not None and percent > tolerated.max_error_percent:
            broken.append(f"{percent:.2f} % of {what} failed, {tolerated.max_error_percent:g} % are tolerated")
        average = average_seconds(some)
        if longest is not None and average > longest:
            broken.append(f"{what} took {average:.3f} s on average, {longest:g} s are tolerated")
    return broken


def average_seconds(entries: list[StatsEntry]) -> float:
    """Average response time over all of several entries."""
    timed = sum(entry.num_requests - entry.num_none_requests for entry in entries)
    return float(sum(entry.total_response_time for entry in entries)) / timed / 1000 if timed else 0.0
