from __future__ import annotations

import threading

import pytest

from loadproof.suites.async_requests.target.jobs import ROWS, EmbeddedQueue, Job, carry_out
from loadproof.suites.async_requests.target.store import RequestStore

PARAMS = {"type": "check_file", "collection": "a", "dataset": "b"}


@pytest.fixture
def store(tmp_path):
    store = RequestStore(tmp_path / "requests.db")
    yield store
    store.close()


def test_a_new_request_can_be_read_as_it_was_added(store):
    added = store.add(PARAMS)
    assert store.find(added.id) == added
    assert (added.status, added.type, added.params, added.response) == ("NEW", "check_file", PARAMS, None)
    assert added.created.utcoffset().total_seconds() == 0


def test_an_unknown_request_is_none(store):
    assert store.find("nobody") is None
    assert store.details("nobody") == []


def test_two_stores_on_one_file_see_the_same(store, tmp_path):
    added = store.add(PARAMS)
    other = RequestStore(tmp_path / "requests.db")
    other.begin(added.id)
    other.close()
    assert store.find(added.id).status == "PROCESSING"


def test_a_job_that_is_done_has_a_result_and_its_rows(store):
    request, seen = store.add(PARAMS), []
    carry_out(Job(request.id, 5.0, fails=False), store, lambda s: seen.append((s, store.find(request.id).status)))
    done = store.find(request.id)
    assert seen == [(5.0, "PROCESSING")]
    assert (done.status, done.response) == ("COMPLETE", {"data": {"rows": ROWS, "issues": 5}, "error": None})
    details = store.details(request.id)
    assert [detail["entry_number"] for detail in details] == list(range(1, ROWS + 1))
    assert sum(len(detail["issue_logs"]) for detail in details) == 5
    assert done.modified > done.created


def test_a_job_that_fails_says_why_and_has_no_rows(store):
    request = store.add(PARAMS)
    carry_out(Job(request.id, 0.0, fails=True), store, lambda _: None)
    done = store.find(request.id)
    assert (done.status, done.response["data"]) == ("FAILED", None)
    assert done.response["error"]["errMsg"] == "The uploaded file does not exist"
    assert store.details(request.id) == []


def test_a_job_that_is_cut_short_stays_in_processing(store):
    request = store.add(PARAMS)
    carry_out(Job(request.id, 5.0, fails=False), store, lambda _: True)
    assert store.find(request.id).status == "PROCESSING"


def test_states_are_counted(store):
    first, _ = store.add(PARAMS), store.add(PARAMS)
    store.begin(first.id)
    assert store.counts() == {"NEW": 1, "PROCESSING": 1}


def test_the_embedded_queue_does_every_job_in_the_order_it_came(store):
    requests = [store.add(PARAMS) for _ in range(3)]
    finished, order = threading.Event(), []
    finish = store.finish

    def note(request_id, *args):
        finish(request_id, *args)
        order.append(request_id)
        if len(order) == 3:
            finished.set()

    store.finish = note
    jobs = EmbeddedQueue(store, concurrency=1)
    for request in requests:
        jobs.submit(Job(request.id, 0.0, fails=False))
    assert finished.wait(30)
    jobs.close()
    assert order == [request.id for request in requests]


def test_closing_the_embedded_queue_cuts_the_job_short_and_drops_those_that_wait(store):
    begun, begin = threading.Event(), store.begin
    requests = [store.add(PARAMS) for _ in range(2)]

    def note(request_id):
        begin(request_id)
        begun.set()

    store.begin = note
    jobs = EmbeddedQueue(store, concurrency=1)
    for request in requests:
        jobs.submit(Job(request.id, 3600.0, fails=False))
    assert begun.wait(30)
    jobs.close()
    assert [store.find(request.id).status for request in requests] == ["PROCESSING", "NEW"]
