"""Rows of what a process measures: written with their samples, sent a thousand at a time."""

from __future__ import annotations

import time

import pytest

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from loadproof.http.stamps import Stamps
    from loadproof.load.measure import Meter, RowPolicy

SENT = 1_700_000_000_000_000_000


def answer(began_ns):
    stamps = Stamps(began_ns, SENT, None, SENT + 1_000_000, kernel=True, connect_time=0.0, tls_time=0.0, bytes_sent=9)
    return (stamps, "GET", "/", 200, 5, "Visitor", {})


@pytest.fixture
def measured():
    """Take so many answers under a policy: what was sent of their rows, and the meter."""

    def take(policy, answers):
        sent = []
        meter = Meter("worker", RowPolicy(policy), lambda rows, count: sent.append((rows, count)))
        zero = time.monotonic()
        meter.begin(zero, time.time())
        for number in range(answers):
            meter.on_answer(answer(int(zero * 1e9) + number))
        return sent, meter

    return take


def test_rows_are_sent_a_thousand_at_a_time_and_the_rest_when_it_is_asked_for(measured):
    sent, meter = measured("all", 2500)
    assert [count for _, count in sent] == [1024, 1024]
    meter.flush_rows()
    meter.flush_rows()
    assert [count for _, count in sent] == [1024, 1024, 2500 - 2048]
    assert [rows.count(b"\r\n") for rows, _ in sent] == [count for _, count in sent]


def test_a_worker_that_was_named_anew_writes_its_new_name(measured):
    sent, meter = measured("all", 32)
    meter.rename("another")
    meter.on_answer(answer(time.monotonic_ns()))
    meter.flush_rows()
    ((rows, count),) = sent
    assert [line.split(b",")[-2] for line in rows.splitlines()] == [b"worker"] * 32 + [b"another"]
    assert count == 33


@pytest.mark.parametrize("policy", ["none", "errors"])
def test_where_no_sample_gets_a_row_nothing_is_kept(measured, policy):
    sent, meter = measured(policy, 5000)
    assert meter._rows == []
    meter.flush_rows()
    assert sent == []
