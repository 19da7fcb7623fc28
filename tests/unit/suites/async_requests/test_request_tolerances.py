from __future__ import annotations

from types import SimpleNamespace

import pytest

from suite_copies import load_module

suite = load_module("async_requests", "performance-test/locustfile.py")


def entry(method, count, *, failed=0, seconds=0.0, untimed=0):
    return SimpleNamespace(
        method=method,
        num_requests=count,
        num_failures=failed,
        num_none_requests=untimed,
        total_response_time=seconds * 1000 * (count - untimed),
    )


def broken(entries, **limits):
    return suite.broken_tolerances(entries, suite.RequestSettings(**limits))


GOOD = [entry("POST", 10, seconds=0.1), entry("GET", 90, seconds=0.02), entry("FLOW", 10, seconds=4.0)]


def test_a_run_within_its_tolerances_breaks_none():
    assert broken(GOOD, max_error_percent=0, max_average_call=0.1, max_average_request=4.0) == []


def test_a_share_of_errors_is_broken_only_by_more():
    entries = [entry("POST", 100, failed=2), entry("FLOW", 50, failed=1)]
    assert broken(entries, max_error_percent=2) == []
    assert broken(entries, max_error_percent=1.9) == [
        "2.00 % of calls failed, 1.9 % are tolerated",
        "2.00 % of requests failed, 1.9 % are tolerated",
    ]


def test_requests_that_all_fail_are_not_lost_among_polls_that_go_well():
    entries = [entry("POST", 10), entry("GET", 310), entry("FLOW", 10, failed=10)]
    assert broken(entries, max_error_percent=5) == ["100.00 % of requests failed, 5 % are tolerated"]


def test_averages_are_over_all_calls_and_over_all_requests():
    assert suite.average_seconds(GOOD[:2]) == pytest.approx((10 * 0.1 + 90 * 0.02) / 100)
    assert broken(GOOD, max_average_call=0.027, max_average_request=3.9) == [
        "calls took 0.028 s on average, 0.027 s are tolerated",
        "requests took 4.000 s on average, 3.9 s are tolerated",
    ]


def test_entries_without_a_time_count_in_no_average():
    assert suite.average_seconds([entry("GET", 4, seconds=0.5, untimed=2)]) == 0.5
    assert suite.average_seconds([entry("GET", 2, untimed=2)]) == 0.0


def test_a_run_in_which_nothing_ended_is_not_tolerated():
    assert broken([], max_error_percent=100) == ["no calls have ended", "no requests have ended"]
    assert broken([entry("POST", 3)], max_error_percent=100) == ["no requests have ended"]


@pytest.mark.parametrize(
    ("limits", "exceptions", "entries", "code"),
    [
        ({}, {}, [entry("POST", 3, failed=3)], None),
        ({"max_error_percent": 1}, {}, GOOD, 0),
        ({"max_error_percent": 1}, {"some": 1}, GOOD, 1),
        ({"max_average_call": 0.001}, {}, GOOD, 1),
    ],
)
def test_the_handler_says_nothing_without_a_tolerance_and_else_decides(monkeypatch, limits, exceptions, entries, code):
    monkeypatch.setattr(suite, "settings", suite.RequestSettings(**limits))
    environment = SimpleNamespace(
        runner=SimpleNamespace(exceptions=exceptions),
        stats=SimpleNamespace(entries=dict(enumerate(entries))),
        process_exit_code=None,
    )
    suite.set_exit_code(environment)
    assert environment.process_exit_code == code


@pytest.mark.parametrize(
    ("answer", "wrong"), [({"id": "x"}, None), ({"id": ""}, "the answer has no id"), ({}, "the answer has no id")]
)
def test_a_request_without_an_id_cannot_be_asked_for(answer, wrong):
    assert suite.without_id(SimpleNamespace(json=lambda: answer)) == wrong


@pytest.mark.parametrize(
    ("status", "wrong"), [("NEW", None), ("DONE", "the status is 'DONE'"), (None, "the status is None")]
)
def test_a_status_that_nobody_knows_is_wrong(status, wrong):
    assert suite.unknown_status(SimpleNamespace(json=lambda: {"status": status})) == wrong
