from __future__ import annotations

from random import Random

import pytest

from asgi_client import AsgiClient
from loadproof.suites.async_requests.target.app import Faults, create_app
from loadproof.suites.async_requests.target.jobs import QueueUnreachableError, carry_out
from loadproof.suites.async_requests.target.store import RequestStore

CHECK_FILE = {
    "params": {
        "type": "check_file",
        "collection": "article_4_direction",
        "dataset": "article_4_direction_area",
        "original_filename": "field.jpg",
        "uploaded_filename": "B1E16917",
    }
}


class Jobs:
    """A queue that keeps what it is given, until ``work`` does it."""

    def __init__(self, store):
        self.store, self.jobs, self.reachable, self.closed = store, [], True, False

    def submit(self, job):
        if not self.reachable:
            raise QueueUnreachableError
        self.jobs.append(job)

    def is_reachable(self):
        return self.reachable

    def close(self):
        self.closed = True

    def work(self):
        while self.jobs:
            carry_out(self.jobs.pop(0), self.store, lambda _: None)


@pytest.fixture
def jobs(tmp_path):
    return Jobs(RequestStore(tmp_path / "requests.db"))


@pytest.fixture
def api(jobs):
    app = create_app(jobs.store, jobs, faults=Faults(), seed=1)
    yield AsgiClient(app, "http://api.example:8000")
    jobs.store.close()


def test_a_request_is_accepted_with_its_address_behind_a_literal_dollar(api, jobs):
    answer = api.post("/requests", json=CHECK_FILE)
    body = answer.json()
    assert answer.status_code == 202
    assert set(body) == {"type", "id", "status", "created", "modified", "params", "response"}
    assert (body["type"], body["status"], body["params"]) == ("check_file", "NEW", CHECK_FILE["params"])
    assert answer.headers["Location"] == f"$api.example:8000/requests/{body['id']}"
    assert [(job.request_id, job.seconds, job.fails) for job in jobs.jobs] == [(body["id"], 5.0, False)]


def test_an_address_can_be_checked_too(api):
    params = {"type": "check_url", "collection": "a", "dataset": "b", "url": "https://example.com/data.csv"}
    assert api.post("/requests", json={"params": params}).json()["params"] == params


def test_a_request_goes_from_new_to_complete(api, jobs):
    request_id = api.post("/requests", json=CHECK_FILE).json()["id"]
    assert api.get(f"/requests/{request_id}").json()["status"] == "NEW"
    jobs.work()
    assert api.get(f"/requests/{request_id}").json()["status"] == "COMPLETE"


def test_parameters_of_an_unknown_type_are_a_422(api, jobs):
    assert api.post("/requests", json={"params": {"type": "x"}}).status_code == 422
    assert jobs.jobs == []


@pytest.mark.parametrize("path", ["/requests/nobody", "/requests/nobody/response-details"])
def test_an_unknown_request_is_a_404_in_the_shape_of_its_errors(api, path):
    answer = api.get(path)
    detail = answer.json()["detail"]
    assert answer.status_code == 404
    assert set(detail) == {"errCode", "errType", "errMsg", "errTime"}
    assert (detail["errCode"], detail["errType"]) == ("404", "User Error")
    assert "nobody" in detail["errMsg"]


def test_health_names_what_the_api_depends_on(api, jobs):
    answer = api.get("/health")
    assert (answer.status_code, answer.json()["name"]) == (200, "request-api")
    assert answer.json()["dependencies"] == [
        {"name": "request-db", "status": "HEALTHY"},
        {"name": "sqs", "status": "HEALTHY"},
    ]
    jobs.reachable = False
    answer = api.get("/health")
    assert (answer.status_code, answer.json()["dependencies"][1]["status"]) == (500, "UNREACHABLE")


def test_a_request_that_no_queue_takes_is_a_500_and_counts_as_failed(api, jobs):
    jobs.reachable = False
    assert api.post("/requests", json=CHECK_FILE).status_code == 500
    assert api.get("/_state").json() == {"NEW": 0, "PROCESSING": 0, "COMPLETE": 0, "FAILED": 1}


def test_details_come_in_pages_that_say_how_many_there_are(api, jobs):
    request_id = api.post("/requests", json=CHECK_FILE).json()["id"]
    jobs.work()
    path = f"/requests/{request_id}/response-details"
    answer = api.get(path, params={"offset": 20, "limit": 10})
    names = ("X-Pagination-Total-Results", "X-Pagination-Offset", "X-Pagination-Limit")
    assert [row["entry_number"] for row in answer.json()] == [21, 22, 23, 24, 25]
    assert [answer.headers[name] for name in names] == ["25", "20", "10"]
    some = api.get(path, params={"jsonpath": '$.issue_logs[*].severity == "error"'})
    assert ([row["entry_number"] for row in some.json()], some.headers[names[0]]) == ([10, 20], "2")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "offset=-1", "jsonpath=x"])
def test_a_page_that_cannot_be_is_a_422(api, query):
    request_id = api.post("/requests", json=CHECK_FILE).json()["id"]
    assert api.get(f"/requests/{request_id}/response-details?{query}").status_code == 422


def test_faults_change_what_follows(api, jobs):
    changed = api.post("/_faults", json={"failing_share": 1, "job_seconds": 0.5})
    assert changed.json() == {"job_seconds": 0.5, "failing_share": 1.0, "refused_share": 0.0}
    api.post("/requests", json=CHECK_FILE)
    assert [(job.seconds, job.fails) for job in jobs.jobs] == [(0.5, True)]
    jobs.work()
    assert api.get("/_state").json()["FAILED"] == 1
    api.post("/_faults", json={"refused_share": 1})
    assert api.post("/requests", json=CHECK_FILE).status_code == 503
    assert api.post("/_faults", json={"failing_share": 2}).status_code == 422


def test_which_jobs_fail_follows_from_the_seed(api, jobs):
    api.post("/_faults", json={"failing_share": 0.3})
    for _ in range(20):
        api.post("/requests", json=CHECK_FILE)
    draws = Random("1 failing")
    assert [job.fails for job in jobs.jobs] == [draws.random() < 0.3 for _ in range(20)]


def test_the_queue_is_closed_when_the_service_ends(api, jobs):
    api.start_and_end()
    assert jobs.closed
