"""What load processes say of themselves, and what of the run cannot be judged for it."""

from __future__ import annotations

import pytest

from loadproof.record import Counts, Tally
from loadproof.supervisor.health import HealthTally

TIMES = {"response_time", "service_time", "iteration_time"}


def said(cpu=0.2, *, seconds=1.0, starved=0.0, gc_pause=0.0, lags=(0.0001,) * 50):
    return {"cpu": cpu, "seconds": seconds, "starved": starved, "gc_pause": gc_pause, "lags": list(lags)}


def tallied(*facts, samples=1_000, kernel=0, fallbacks=None):
    """One process that said so each second."""
    tally = HealthTally()
    for each in facts or (said(),):
        tally.add("", each, samples=samples, kernel=kernel, fallbacks=fallbacks or {})
    return tally


def counted(*, median=0.02, service=None, offered=0, dropped=0, late=0, lag=None):
    """What was counted of a thousand requests, and of arrivals."""
    counts = Counts()
    filled = Tally()
    if service is not None:
        filled.own_service = Tally().response
        filled.own_service.record(int(service * 1e9), 1_000)
    filled.response.record(int(median * 1e9), 1_000)
    counts.add({("/a", "GET"): {"success": filled}})
    arrivals = counts.arrivals
    arrivals.offered, arrivals.dropped, arrivals.started, arrivals.late = offered, dropped, offered - dropped, late
    if lag is not None:
        arrivals.lag.record(int(lag * 1e9), max(1, offered - dropped))
    return counts


def doubted(health):
    """Quantity to which side stands all the same."""
    sides = {(False, False): None, (True, False): "breach", (False, True): "pass"}
    return {doubt.quantity: sides[doubt.breach_stands, doubt.pass_stands] for doubt in health.doubts}


def test_a_process_that_fares_well_gives_no_doubt_and_no_note():
    for is_open in (False, True):
        health = tallied(*[said()] * 20).health(counted(offered=100, lag=0.0002), is_open=is_open)
        assert (health.doubts, health.notes) == ((), ())


def test_nothing_is_known_of_a_process_that_has_not_spoken():
    health = HealthTally().health(Counts(), is_open=False)
    assert (health.cpu_mean, health.cpu_max, health.loop_lag_p99, health.loop_lag_max) == (None,) * 4
    assert (health.kernel_clock_share, health.gc_pause_max, health.starved) == (None,) * 3
    assert (health.offered, health.started, health.dropped, health.late, health.start_lag_p99) == (None,) * 5
    assert (health.fallbacks, health.doubts, health.notes) == ({}, (), ())


def test_an_open_run_without_a_single_arrival_is_no_reason_for_doubt():
    health = HealthTally().health(Counts(), is_open=True)
    assert (health.offered, health.started, health.dropped, health.late, health.start_lag_p99) == (0, 0, 0, 0, None)
    assert (health.doubts, health.notes) == ((), ())


# Figures


def test_means_are_over_time_and_extremes_over_all():
    tally = HealthTally()
    tally.add("a", said(0.2, seconds=1.0, starved=0.0, gc_pause=0.01), samples=10, kernel=10, fallbacks={"proxy": 1})
    tally.add("b", said(0.8, seconds=3.0, starved=0.04, gc_pause=0.03), samples=30, kernel=20, fallbacks={"proxy": 2})
    tally.add("a", said(0.9, seconds=0.0, starved=None), samples=0, kernel=0, fallbacks={"stream": 9})
    health = tally.health(counted(), is_open=False)
    assert health.cpu_mean == pytest.approx((0.2 + 2.4) / 4)
    assert health.starved == pytest.approx(0.03)
    assert (health.cpu_max, health.gc_pause_max, health.kernel_clock_share) == (
        0.8,
        0.03,
        0.75,
    )  # a moment says nothing of the peak
    assert list(health.fallbacks.items()) == [("stream", 9), ("proxy", 3)]


def test_what_became_of_arrivals_is_told_in_an_open_run_only():
    record = counted(offered=100, dropped=4, late=3, lag=0.001)
    is_open, closed = (tallied().health(record, is_open=each) for each in (True, False))
    assert (is_open.offered, is_open.started, is_open.dropped, is_open.late) == (100, 96, 4, 3)
    assert is_open.start_lag_p99 == pytest.approx(0.001, rel=0.01)
    assert (closed.offered, closed.started, closed.dropped, closed.late, closed.start_lag_p99) == (None,) * 5


def test_where_the_system_does_not_say_nobody_was_starved():
    health = tallied(said(starved=None)).health(counted(), is_open=False)
    assert health.starved is None
    assert health.doubts == ()


def test_requests_that_took_the_slow_way_are_noted_by_their_reason():
    health = tallied(fallbacks={"a proxy": 1_200, "a stream": 3_000}).health(counted(), is_open=False)
    (note,) = health.notes
    assert note.endswith("slower: a stream 3,000, a proxy 1,200.")
    assert health.doubts == ()


# The clock


@pytest.mark.parametrize("lag", [0.006, 0.1, 3.0])
def test_times_of_the_kernel_do_not_care_how_late_the_loop_was(lag):
    health = tallied(said(lags=[lag] * 50), kernel=1_000).health(counted(), is_open=False)
    assert health.loop_lag_max == pytest.approx(lag, rel=0.01)
    assert (health.doubts, health.notes) == ((), ())


@pytest.mark.parametrize(("kernel", "fine"), [(1_000, True), (990, True), (989, False), (0, False)])
def test_the_kernel_must_have_stamped_nearly_all(kernel, fine):
    health = tallied(said(lags=[0.2] * 50), kernel=kernel).health(counted(), is_open=False)
    assert doubted(health) == ({} if fine else dict.fromkeys(TIMES))


@pytest.mark.parametrize(
    ("lag", "median", "notes", "doubts"),
    [
        (0.004, 0.02, 0, 0),
        (0.006, 0.02, 1, 0),
        (0.024, 0.02, 1, 0),
        (0.026, 0.02, 1, 3),
        (0.026, 0.5, 0, 0),
        (0.06, 0.5, 1, 0),
        (0.24, 0.5, 1, 0),
        (0.26, 0.5, 1, 3),
    ],
)
def test_times_of_python_are_doubted_beyond_five_times_the_tolerable_lag(lag, median, notes, doubts):
    for is_open in (False, True):
        health = tallied(said(lags=[lag] * 50)).health(counted(median=median), is_open=is_open)
        assert (len(health.notes), len(health.doubts)) == (notes, doubts)
        assert doubted(health) == (dict.fromkeys(TIMES) if doubts else {})
        assert all("add --processes" in note for note in health.notes)


def test_what_is_tolerable_goes_by_the_service_time():
    record = counted(median=3.0, service=0.02)
    assert doubted(tallied(said(lags=[0.03] * 50)).health(record, is_open=True)) == dict.fromkeys(TIMES)


def test_one_late_turn_in_two_hundred_is_no_reason():
    assert tallied(said(lags=[0.0001] * 199 + [5.0])).health(counted(), is_open=False).notes == ()


def test_without_a_request_no_time_is_doubted():
    assert tallied(said(lags=[5.0] * 50), samples=0).health(Counts(), is_open=False).doubts == ()


# Late starts


@pytest.mark.parametrize(
    ("lag", "median", "notes", "is_doubted"),
    [
        (0.004, 0.02, 0, False),
        (0.006, 0.02, 1, False),
        (0.024, 0.02, 1, False),
        (0.026, 0.02, 1, True),
        (0.049, 0.5, 0, False),
        (0.051, 0.5, 1, False),
        (0.249, 0.5, 1, False),
        (0.251, 0.5, 1, True),
    ],
)
def test_late_starts_are_in_response_times_and_not_in_service_times(lag, median, notes, is_doubted):
    record = counted(median=median, offered=100, lag=lag)
    health = tallied(kernel=1_000).health(record, is_open=True)
    assert len(health.notes) == notes
    assert doubted(health) == (dict.fromkeys(("response_time", "iteration_time")) if is_doubted else {})
    assert all("--processes 2" in note for note in health.notes)
    assert tallied(kernel=1_000).health(record, is_open=False).notes == ()


# Drops


@pytest.mark.parametrize(("dropped", "spoil", "is_doubted"), [(1, 0.001, False), (2, 0.001, True), (10, 0.01, False)])
def test_dropped_arrivals_would_only_have_been_slower(dropped, spoil, is_doubted):
    record = counted(offered=1_000, dropped=dropped, lag=0.0)
    health = tallied(kernel=1_000).health(record, is_open=True, drops_spoil=spoil)
    assert doubted(health) == (dict.fromkeys(("response_time", "iteration_time"), "breach") if is_doubted else {})
    (note,) = health.notes
    assert note.startswith(f"{dropped} of 1,000 arrivals were dropped, as no user was free: start more users with -u, ")
    assert note.endswith(", or look at why iterations take so long.")


@pytest.mark.parametrize(("needed", "about"), [(7, "7"), (99, "99"), (101, "110"), (731, "740"), (12_001, "13,000")])
def test_the_advice_names_a_number_of_users_that_suffices(needed, about):
    health = tallied().health(counted(offered=1_000, dropped=20, lag=0.0), is_open=True, short=(5, needed))
    assert f"raise --max-users to about {about}, or look at" in health.notes[0]


def test_a_pool_that_was_short_and_dropped_nothing_is_not_spoken_of():
    health = tallied().health(counted(offered=1_000, lag=0.0), is_open=True, short=(5, 12))
    assert (health.doubts, health.notes) == ((), ())


# The CPU


@pytest.mark.parametrize(("starved", "is_doubted"), [(0.0, False), (0.1, False), (0.11, True), (0.6, True)])
@pytest.mark.parametrize("is_open", [False, True])
def test_a_starved_process_may_have_made_less_load(starved, is_doubted, is_open):
    health = tallied(said(starved=starved)).health(counted(), is_open=is_open)
    assert doubted(health) == ({"throughput": "pass"} if is_doubted else {})
    assert all("give it a core of its own" in note for note in health.notes)
    assert len(health.notes) == is_doubted


def test_a_busy_process_made_all_the_load_it_can():
    health = tallied(*[said(0.97)] * 10).health(counted(), is_open=False)
    assert doubted(health) == {"throughput": "pass"}
    (note,) = health.notes
    assert note.startswith("A load process used 97% of a core for seconds on end")
    assert "lower bound" in note
    assert "--processes 2" in note


def test_a_busy_process_on_schedule_shows_in_late_starts():
    health = tallied(*[said(0.97)] * 10).health(counted(), is_open=True)
    assert health.doubts == ()
    (note,) = health.notes
    assert "arrivals may start late; use --processes 2" in note


def test_a_process_that_a_limit_keeps_back_is_not_called_busy():
    health = tallied(*[said(0.97)] * 10).health(counted(), is_open=False, is_limited=True)
    assert (health.doubts, health.notes) == ((), ())


@pytest.mark.parametrize(
    ("shares", "busy"),
    [
        ([0.95] * 2, False),  # too short to tell
        ([0.95] * 3, True),
        ([0.2, 0.2, 1.0, 1.0, 0.2, 0.2], False),  # a spike
        ([0.2] * 10 + [0.95] * 10 + [0.2] * 30, True),
        ([0.89] * 30, False),
        ([0.85, 0.99] * 20, True),
        ([], False),
    ],
)
def test_busy_is_what_lasts_for_seconds(shares, busy):
    tally = HealthTally()
    for share in shares:
        tally.add("", said(share), samples=1, kernel=1, fallbacks={})
    assert bool(tally.health(counted(), is_open=False).doubts) is busy


def test_one_busy_worker_of_two_is_enough():
    tally = HealthTally()
    for _ in range(10):
        tally.add("idle", said(0.1), samples=1, kernel=1, fallbacks={})
        tally.add("busy", said(0.99), samples=1, kernel=1, fallbacks={})
    health = tally.health(counted(), is_open=False)
    assert health.cpu_mean == pytest.approx(0.545)
    assert doubted(health) == {"throughput": "pass"}


def test_an_idle_process_is_not_spoken_of_however_slow_the_service():
    health = tallied(*[said(0.01)] * 30, kernel=1_000).health(counted(median=12.0), is_open=False)
    assert (health.doubts, health.notes) == ((), ())


def test_all_that_is_wrong_is_said():
    record = counted(offered=1_000, dropped=50, lag=0.2)
    health = tallied(*[said(0.98, starved=0.3, lags=[0.2] * 50)] * 5, fallbacks={"a proxy": 1}).health(
        record, is_open=True
    )
    assert len(health.notes) == 6
    assert all((note.endswith(".") and note[0].isupper()) or note[0].isdigit() for note in health.notes)
    assert {doubt.quantity for doubt in health.doubts} == TIMES | {"throughput"}
