"""What load processes report beside samples, over all of them."""

from __future__ import annotations

import pytest

from loadproof.record import Strain
from loadproof.supervisor.facts import Facts, strain_of


def report(at=1.0, **changes):
    """What one process says a second."""
    health = {"cpu": 0.2, "seconds": 1.0, "starved": 0.0, "gc_pause": 0.0, "lags": [0.001]}
    return {
        "at": at,
        "unfinished": 0,
        "unrecorded": 0,
        "rows_dropped": 0,
        "samples": 0,
        "kernel": 0,
        "fallbacks": {},
        "makes_load": True,
        "in_flight": None,
        "users": {},
        "failures": [],
        "health": health | changes.pop("health", {}),
    } | changes


def failure(number, kind="timeout", name="/a"):
    return {
        "name": name,
        "method": "GET",
        "kind": kind,
        "message": "x",
        "status": None,
        "body": "",
        "at": float(number),
    }


def error(count, message="broken", **changes):
    return {
        "user_class": "A",
        "where": "task",
        "kind": "ValueError",
        "message": message,
        "traceback": "",
        "count": count,
    } | changes


@pytest.fixture
def facts():
    return Facts()


def test_before_the_first_word_nothing_is_known(facts):
    assert (facts.reported_until, facts.last_at, facts.in_flight, facts.workers) == (0.0, 0.0, None, 0)
    assert (facts.users(), facts.exceptions(), facts.failures()) == ({}, (), ())


def test_counts_that_run_on_are_added_over_workers_and_not_over_reports(facts):
    facts.add("a", report(unfinished=1, unrecorded=2, rows_dropped=3))
    facts.add("a", report(2.0, unfinished=2, unrecorded=2, rows_dropped=4))
    facts.add("b", report(2.0, unfinished=10, unrecorded=10, rows_dropped=10))
    assert (facts.unfinished, facts.unrecorded, facts.rows_dropped, facts.workers) == (12, 12, 14, 2)


def test_users_are_those_of_the_latest_report_of_each(facts):
    facts.add("a", report(users={"A": 3, "B": 1}))
    facts.add("b", report(users={"A": 2}))
    facts.add("a", report(2.0, users={"A": 4}))
    assert facts.users() == {"A": 6}


def test_iterations_in_flight_are_added_where_they_are_known(facts):
    facts.add("a", report(in_flight=None))
    assert facts.in_flight is None
    facts.add("b", report(in_flight=0))
    assert facts.in_flight == 0
    facts.add("c", report(in_flight=7))
    assert facts.in_flight == 7


def test_reports_reach_as_far_as_the_slowest_that_makes_load(facts):
    facts.add("a", report(5.0))
    facts.add("b", report(3.2))
    facts.add("master", report(1.0, makes_load=False))
    assert facts.reported_until == 3.2
    assert facts.last_at == 5.0
    assert (facts.at("a"), facts.at("nobody")) == (5.0, 0.0)
    assert facts.workers == 2


def test_nobody_waits_for_a_worker_that_is_lost(facts):
    facts.add("a", report(5.0, users={"A": 1}, in_flight=1, unfinished=1))
    facts.add("b", report(3.2, users={"A": 1}, in_flight=2, unfinished=1))
    facts.lose("b")
    facts.lose("nobody")
    assert (facts.reported_until, facts.users(), facts.in_flight, facts.unfinished) == (5.0, {"A": 1}, 1, 2)
    assert facts.workers == 2


def test_a_report_that_is_missing_is_noticed(facts):
    assert facts.in_order("a", 1)
    assert facts.in_order("b", 1)
    assert facts.in_order("a", 2)
    assert not facts.in_order("a", 4)
    assert facts.in_order("a", 5)  # told once


def test_the_first_report_of_a_worker_may_be_missing(facts):
    assert not facts.in_order("a", 2)


def test_equal_errors_of_several_workers_are_one(facts):
    facts.add("a", report(exceptions=[error(2), error(1, "other")]))
    facts.add("b", report(exceptions=[error(3)]))
    facts.add("b", report(2.0))  # without, they are as they were
    assert [(found.message, found.count) for found in facts.exceptions()] == [("broken", 5), ("other", 1)]
    facts.add("a", report(3.0, exceptions=[error(2), error(9, "other")]))
    assert [(found.message, found.count) for found in facts.exceptions()] == [("other", 9), ("broken", 5)]


def test_errors_at_different_places_are_different(facts):
    facts.add("a", report(exceptions=[error(1), error(1, where="on_start"), error(1, user_class="B")]))
    assert len(facts.exceptions()) == 3


def test_five_samples_of_each_kind_of_failure_are_kept_in_the_order_of_time(facts):
    facts.add("a", report(failures=[failure(9), failure(2, "reset"), failure(7)]))
    facts.add("b", report(failures=[failure(n) for n in (1, 3, 5, 6, 8)]))
    assert [(kept.at, kept.kind) for kept in facts.failures()] == [
        (1.0, "timeout"),
        (2.0, "reset"),
        (3.0, "timeout"),
        (5.0, "timeout"),
        (7.0, "timeout"),
        (9.0, "timeout"),
    ]


# The generator's health


def figures(tally):
    return tally._samples, tally._kernel, dict(tally._fallbacks), tally._lags.count


def test_health_counts_what_is_new_in_each_report(facts):
    facts.add("a", report(1.0, samples=10, kernel=8, fallbacks={"proxy": 1}))
    facts.add("a", report(2.0, samples=25, kernel=20, fallbacks={"proxy": 1, "stream": 2}))
    facts.add("b", report(2.0, samples=5, kernel=5))
    assert figures(facts.health) == (30, 25, {"proxy": 1, "stream": 2}, 3)


def test_how_a_master_fares_is_of_no_matter(facts):
    facts.add("master", report(makes_load=False, health={"cpu": 1.0}))
    assert facts.health._cpu.value is None


def test_a_part_is_tallied_apart_from_its_start_on(facts):
    facts.add("a", report(5.0, samples=100, kernel=100))
    part = facts.watch_health(6.0)
    facts.add("a", report(6.0, samples=110, kernel=110))  # of the second before
    assert figures(part) == (0, 0, {}, 0)
    facts.add("a", report(7.0, samples=130, kernel=110))
    facts.add("a", report(8.0, samples=150, kernel=110))
    assert figures(part) == (40, 0, {}, 2)
    assert figures(facts.health) == (150, 110, {}, 4)


@pytest.mark.parametrize(("at", "belongs"), [(6.3, False), (6.39, False), (6.41, True), (6.9, True), (7.5, True)])
def test_a_report_belongs_where_most_of_its_second_lies(at, belongs, facts):
    part = facts.watch_health(6.0)
    facts.add("a", report(at, samples=3))
    assert figures(part)[0] == (3 if belongs else 0)


def test_another_part_ends_the_one_before(facts):
    first = facts.watch_health(0.0)
    facts.add("a", report(1.0, samples=1))
    second = facts.watch_health(1.0)
    facts.add("a", report(2.0, samples=3))
    assert (figures(first)[0], figures(second)[0]) == (1, 2)


def test_the_strain_of_a_process_is_its_longest_lag_and_its_share_of_a_core():
    assert strain_of(report(health={"lags": [0.001, 0.004]})) == Strain(0.004, 0.2)
    assert strain_of(report(health={"lags": []})) == Strain(None, 0.2)


@pytest.mark.parametrize("changes", [{"makes_load": False}, {"health": {"seconds": 0.1}}])
def test_a_process_without_load_or_a_moment_too_short_says_nothing_of_strain(changes):
    assert strain_of(report(**changes)) is None
