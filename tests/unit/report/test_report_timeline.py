from dataclasses import replace

import pytest

from loadproof.report.timeline import steps_of
from results_factory import empty_result, open_result, record_of, result_of, rich_result, sample, small_result


def test_a_run_that_measured_nothing_has_no_steps():
    assert steps_of(empty_result()) == []


def test_a_single_sample_makes_a_step_of_a_second():
    (step,) = steps_of(result_of([sample(end=0.5, took=0.1)], measured_to=1.0))
    assert (step.start, step.end, step.requests, step.failures, step.users) == (0.0, 1.0, 1, 0, None)
    assert (step.p50, step.p95, step.p99) == (0.1, 0.1, 0.1)
    assert step.middle == 0.5


def test_steps_hold_every_request_once():
    result = rich_result(seconds=40)
    steps = steps_of(result)
    totals = result.record.totals()
    assert sum(step.requests for step in steps) == sum(tally.count for tally in totals.values())
    assert sum(step.failures for step in steps) == totals["failure"].count
    assert sum(sum(step.kinds.values()) for step in steps) == totals["failure"].count
    assert [step.start for step in steps[1:]] == [step.end for step in steps[:-1]]


def test_a_second_without_requests_is_a_rate_of_zero_and_an_absent_percentile():
    steps = steps_of(result_of([sample(end=0.5), sample(end=2.5)], measured_to=3.0))
    assert [(step.rate(step.requests), step.p50) for step in steps] == [(1.0, 0.1), (0.0, None), (1.0, 0.1)]


def test_a_rest_of_less_than_half_a_step_joins_the_step_before():
    samples = [sample(end=i + 0.1, took=0.05) for i in range(4)]
    assert [s.end for s in steps_of(result_of(samples, measured_to=3.2))] == [1.0, 2.0, 3.2]
    assert [s.end for s in steps_of(result_of(samples, measured_to=3.7))] == [1.0, 2.0, 3.0, 3.7]


def test_users_are_averaged_over_each_step():
    assert [step.users for step in steps_of(small_result())][:5] == [2.0, 3.0, 4.0, 5.0, 5.0]


@pytest.mark.parametrize("seconds", [100, 1_000, 5_000])
def test_a_long_run_is_drawn_in_few_steps_of_equal_width(seconds):
    record = record_of(sample(end=i + 0.5) for i in range(seconds))
    steps = steps_of(replace(empty_result(), record=record, measured_to=float(seconds)))
    assert 40 <= len(steps) <= 180
    assert len({step.end - step.start for step in steps[:-1]}) == 1


def test_steps_stay_short_where_each_holds_enough_for_a_p99():
    record = record_of(sample(end=i / 400, took=0.001) for i in range(400 * 20))
    steps = steps_of(replace(empty_result(), record=record, measured_to=20.0))
    assert len(steps) == 20


def test_arrivals_count_in_the_step_in_which_they_were_due():
    steps = steps_of(open_result())
    assert [(step.offered, step.started, step.dropped) for step in steps[10:13]] == [
        (50, 50, 0),
        (50, 10, 40),
        (50, 50, 0),
    ]
    assert sum(step.offered for step in steps) == 1_000


def test_a_closed_run_has_no_arrivals_in_any_step():
    assert {(step.offered, step.started, step.dropped) for step in steps_of(small_result())} == {(None, None, None)}
