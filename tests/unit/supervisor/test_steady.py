"""Where a warm-up ends: as the plan says, or where a run becomes steady."""

from __future__ import annotations

import random

import pytest

from loadproof.plan import LocustTarget, Plan, Profile, Scenario, Stage
from loadproof.record import Recorder, RunRecord, Sample
from loadproof.supervisor.steady import found_warmup, known_warmup, run_time_of, seconds_held_back

LOCUST = {"users": 40, "spawn_rate": 8.0}
SHAPE = {"users": None, "spawn_rate": None}


def scenario(*stages, start=0.0, name="default", model="closed"):
    parts = tuple(Stage(duration=stage[0], start=stage[1], end=stage[-1]) for stage in stages)
    return Scenario(name=name, profile=Profile(model=model, stages=parts), start=start)


def plan(warmup=None, *scenarios, **settings):
    return Plan(name="x", target=LocustTarget(locustfile="x.py"), warmup=warmup, scenarios=scenarios, **settings)


# Known before the run


@pytest.mark.parametrize(("warmup", "seconds"), [(None, 0), (0.0, 0), (10.0, 10), (2.1, 3), ("auto", 0)])
def test_seconds_of_warm_up_are_whole(warmup, seconds):
    assert known_warmup(plan(warmup), LOCUST) == seconds
    assert known_warmup(plan(warmup, scenario((60, 5.0))), SHAPE) == seconds


@pytest.mark.parametrize(
    ("users", "rate", "seconds"), [(40, 8.0, 5), (41, 8.0, 6), (1, 1, 1), (10, 100.0, 1), (None, None, 0), (0, 1, 0)]
)
def test_the_ramp_of_plain_users_lasts_until_all_are_started(users, rate, seconds):
    assert known_warmup(plan("ramp"), {"users": users, "spawn_rate": rate}) == seconds


@pytest.mark.parametrize(
    ("stages", "seconds"),
    [
        ([(30, 0.0, 50.0), (60, 50.0)], 30),
        ([(12.5, 0.0, 50.0), (60, 50.0)], 13),
        ([(5, 0.0), (10, 0.0, 20.0), (5, 20.0)], 15),
        ([(60, 50.0)], 0),
        ([(60, 0.0, 50.0)], 0),  # it grows to the end
        ([(10, 0.0, 5.0), (None, 5.0)], 10),
    ],
)
def test_the_ramp_of_a_profile_lasts_until_a_target_is_held(stages, seconds):
    assert known_warmup(plan("ramp", scenario(*stages)), SHAPE) == seconds


def test_the_ramp_of_several_scenarios_is_over_with_the_last():
    first = scenario((30, 0.0, 50.0), (60, 50.0), name="first")
    second = scenario((10, 0.0, 50.0), (60, 50.0), name="second", start=40.0, model="open")
    assert known_warmup(plan("ramp", first, second), SHAPE) == 50


def test_a_scenario_that_starts_late_at_its_target_is_part_of_the_ramp():
    first, second = scenario((60, 5.0), name="first"), scenario((60, 5.0), name="second", start=7.0)
    assert known_warmup(plan("ramp", first, second), SHAPE) == 7


# How long a run lasts


def test_a_run_without_profiles_lasts_as_long_as_locust_is_told():
    assert run_time_of(plan(run_time=90.0)) == 90.0
    assert run_time_of(plan()) is None


def test_a_run_lasts_until_its_last_profile_is_over():
    first, second = scenario((60, 5.0), name="first"), scenario((20, 5.0), name="second", start=50.0)
    assert run_time_of(plan(None, first, second)) == 70.0


def test_a_run_with_a_profile_without_an_end_lasts_nobody_knows_how_long():
    first, second = scenario((60, 5.0), name="first"), scenario((None, 5.0), name="second")
    assert run_time_of(plan(None, first, second)) is None


@pytest.mark.parametrize(
    ("warmup", "run_time", "seconds"),
    [
        (None, 100.0, 0),
        (10.0, 100.0, 0),
        ("ramp", 100.0, 0),
        ("auto", 100.0, 50 + 32),
        ("auto", 101.0, 51 + 32),
        ("auto", 86_400.0, 600 + 32),
        ("auto", None, 600 + 32),
    ],
)
def test_seconds_are_held_back_only_to_find_the_end_of_a_warm_up(warmup, run_time, seconds):
    assert seconds_held_back(plan(warmup, run_time=run_time)) == seconds


# Found in what was measured


def recorded(seconds, count, took, *, begins=0, outcome="success"):
    """A run with so many requests in each second, each of which took so long; both are functions of the second."""
    record = RunRecord()
    recorder = Recorder()
    for second in range(seconds):
        at = begins + second
        for number in range(count(second)):
            ended = at + (number + 0.5) / max(1, count(second))
            sent = ended - took(second)
            kind = "timeout" if outcome == "failure" else None
            recorder.record(Sample("/a", "GET", sent, sent, ended, outcome=outcome, kind=kind))
    record.merge(recorder.interval({}))
    return record


def noise(seed):
    """A little, the same each time it is asked for."""
    return lambda second: random.Random(f"{seed} {second}").uniform(-1, 1)


STEADY = noise(1)


def test_a_run_that_is_steady_from_the_start_has_little_warm_up():
    record = recorded(120, lambda _: 10, lambda second: 0.1 + 0.001 * STEADY(second))
    assert found_warmup(record, 0, 120) <= 20


def test_a_run_without_any_change_has_none():
    record = recorded(60, lambda _: 5, lambda _: 0.1)
    assert found_warmup(record, 0, 60) == 0


def test_slow_answers_at_the_start_are_the_warm_up():
    record = recorded(120, lambda _: 10, lambda second: (0.5 if second < 20 else 0.1) + 0.001 * STEADY(second))
    assert 20 <= found_warmup(record, 0, 120) <= 30


def test_few_requests_at_the_start_are_the_warm_up():
    record = recorded(120, lambda second: min(20, second), lambda _: 0.1)
    assert 15 <= found_warmup(record, 0, 120) <= 25


def test_the_longer_of_the_two_decides():
    record = recorded(120, lambda second: 5 if second < 10 else 20, lambda second: 0.5 if second < 30 else 0.1)
    assert found_warmup(record, 0, 120) == 30


def test_it_counts_from_the_start_of_the_schedule():
    record = recorded(120, lambda _: 10, lambda second: 0.5 if second < 20 else 0.1, begins=7)
    assert found_warmup(record, 7, 127) == 20


def test_seconds_after_the_end_do_not_count():
    record = recorded(130, lambda _: 10, lambda second: 0.1 if second < 120 else 30.0)
    assert found_warmup(record, 0, 120) == 0


def test_where_every_request_fails_the_requests_alone_decide():
    record = recorded(60, lambda second: 2 if second < 10 else 10, lambda _: 0.1, outcome="failure")
    assert found_warmup(record, 0, 60) == 10


def test_a_second_without_an_answer_is_as_the_one_before():
    record = recorded(100, lambda second: 0 if second == 50 else 5, lambda _: 0.1)
    assert found_warmup(record, 0, 100) is None or found_warmup(record, 0, 100) <= 55


@pytest.mark.parametrize("seconds", [0, 1, 10, 54])
def test_a_run_that_is_too_short_has_no_steady_state(seconds):
    record = recorded(seconds, lambda _: 5, lambda _: 0.1)
    assert found_warmup(record, 0, seconds) is None


def test_a_run_that_goes_on_changing_has_no_steady_state():
    record = recorded(120, lambda _: 5, lambda second: 0.1 + 0.01 * second)
    assert found_warmup(record, 0, 120) is None


def test_a_long_run_is_searched_in_wider_windows():
    record = recorded(2_000, lambda _: 2, lambda second: 2.0 if second < 100 else 0.1)
    width = record.windows()[0].end - record.windows()[0].start
    found = found_warmup(record, 0, 2_000)
    assert width > 1
    assert 100 <= found <= 100 + 6 * width


def test_an_end_later_than_ten_minutes_is_none():
    record = recorded(2_000, lambda _: 1, lambda second: 2.0 if second < 800 else 0.1)
    assert found_warmup(record, 0, 2_000) is None
