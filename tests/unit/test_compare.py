import math
import random
from dataclasses import replace

import pytest

from loadproof.compare import TOLERANCES, compare_runs
from loadproof.record import Recorder, RunRecord
from loadproof.result import Change, Doubt, GeneratorHealth
from results_factory import (
    ENVIRONMENT,
    PLAN,
    capacity_result,
    empty_result,
    open_result,
    result_of,
    sample,
    stress_result,
)


def run(run_id="a", *, typical=0.03, seconds=60, rate=20, seed=1, errors=0.0, names=("/read",), spread=0.3, **fields):
    """A run with lognormal times about a typical one."""
    drawing = {name: random.Random(f"{run_id}{seed}{name}") for name in names}
    record = RunRecord()
    recorder = Recorder("1")
    for second in range(seconds):
        for number in range(rate):
            for name, rng in drawing.items():
                failed = {"kind": "http_500"} if rng.random() < errors else {}
                took = typical * rng.lognormvariate(0, spread)
                recorder.record(sample(name, end=second + (number + 0.5) / rate, took=took, **failed))
    record.merge(recorder.interval({}))
    values = {"record": record, "run_id": run_id, "measured_to": float(seconds), "judged": False}
    return result_of(**values | fields)


def runs(count, prefix, **fields):
    return [run(f"{prefix}{number}", **fields) for number in range(count)]


def difference(comparison, metric, name=None):
    (found,) = [each for each in comparison.differences if each.metric == metric and each.name == name]
    return found


@pytest.fixture(scope="module")
def steady():
    return runs(3, "a", seconds=20)


def test_no_runs_are_inconclusive_and_say_which_side_is_missing():
    comparison = compare_runs([], [empty_result()])
    assert comparison.change is Change.INCONCLUSIVE
    assert comparison.differences == ()
    assert comparison.remarks == ("There is no run on the side of the baseline.",)


def test_runs_that_measured_nothing_are_never_equivalent():
    comparison = compare_runs([empty_result()] * 3, [empty_result()] * 3)
    assert comparison.change is Change.INCONCLUSIVE
    assert {each.change for each in comparison.differences} == {Change.INCONCLUSIVE}
    assert all(each.reason for each in comparison.differences)
    assert difference(comparison, "error_rate").ratio is None


def test_what_got_half_as_slow_again_regressed_in_every_quantile(steady):
    comparison = compare_runs(steady, runs(3, "b", seconds=20, typical=0.045))
    assert comparison.change is Change.REGRESSED
    median = difference(comparison, "p50(response_time)")
    assert median.change is Change.REGRESSED
    assert median.ratio == pytest.approx(1.5, rel=0.05)
    assert median.interval[0] < median.ratio < median.interval[1]
    assert median.basis == "between runs"
    assert difference(comparison, "p95(response_time)").change is Change.REGRESSED


def test_what_got_faster_improved(steady):
    comparison = compare_runs(steady, runs(3, "b", seconds=20, typical=0.02))
    assert difference(comparison, "p50(response_time)").change is Change.IMPROVED
    assert Change.REGRESSED not in {each.change for each in comparison.differences}


def test_the_same_service_measured_well_is_equivalent():
    before, after = (runs(5, side, seconds=40, rate=40, spread=0.1) for side in "ab")
    comparison = compare_runs(before, after)
    assert comparison.change is Change.EQUIVALENT
    assert {each.change for each in comparison.differences} == {Change.EQUIVALENT}
    assert all(each.runs_needed is None and not each.reason for each in comparison.differences)


def test_a_service_of_two_milliseconds_may_regress_by_less_than_five():
    before, after = (runs(3, side, seconds=20, typical=took, spread=0.1) for side, took in (("a", 2e-3), ("b", 2.3e-3)))
    median = difference(compare_runs(before, after), "p50(response_time)")
    assert median.change is Change.REGRESSED
    assert median.floor == pytest.approx(50e-6)


def test_what_cannot_be_measured_is_no_regression():
    before, after = (runs(3, side, seconds=20, typical=typical) for side, typical in (("a", 60e-6), ("b", 90e-6)))
    median = difference(compare_runs(before, after), "p50(response_time)")
    assert median.ratio == pytest.approx(1.5, rel=0.05)
    assert median.change is Change.EQUIVALENT


def test_tolerances_and_floors_can_be_given(steady):
    slower = runs(3, "b", seconds=20, typical=0.045)
    wide = compare_runs(steady, slower, tolerances={"p50": 0.8})
    assert difference(wide, "p50(response_time)").change is Change.EQUIVALENT
    assert difference(wide, "p50(response_time)").tolerance == 0.8
    assert difference(wide, "p95(response_time)").tolerance == TOLERANCES["p95"]
    high = compare_runs(steady, slower, floors={"p50": 1.0})
    assert difference(high, "p50(response_time)").change is Change.EQUIVALENT


def test_one_run_a_side_speaks_for_itself_where_it_is_long_enough():
    comparison = compare_runs([run("a", seconds=120)], [run("b", seconds=120, typical=0.045)])
    median = difference(comparison, "p50(response_time)")
    assert median.basis == "within one run"
    assert median.change is Change.REGRESSED


def test_one_short_run_a_side_says_that_it_is_too_short():
    comparison = compare_runs([run("a", seconds=20)], [run("b", seconds=20, typical=0.09)])
    median = difference(comparison, "p50(response_time)")
    assert median.change is Change.INCONCLUSIVE
    assert median.interval is None
    assert "20 s are too short" in median.reason


def test_a_run_that_drifts_cannot_speak_for_itself():
    record, recorder = RunRecord(), Recorder("1")
    for second in range(60):
        for number in range(20):
            recorder.record(sample(end=second + number / 20, took=0.01 + second / 1_000 + number / 10_000))
    record.merge(recorder.interval({}))
    drifting = result_of(record=record, measured_to=60.0, judged=False)
    median = difference(compare_runs([drifting], [drifting]), "p50(response_time)")
    assert median.change is Change.INCONCLUSIVE
    assert "changes too slowly" in median.reason


def test_two_runs_a_side_pool_their_spread():
    comparison = compare_runs(runs(2, "a", seconds=20), runs(2, "b", seconds=20, typical=0.06))
    assert difference(comparison, "p50(response_time)").basis == "between runs"
    assert difference(comparison, "p50(response_time)").change is Change.REGRESSED


def test_a_lone_candidate_is_held_against_the_spread_of_several_baselines(steady):
    comparison = compare_runs([*steady, run("a9", seconds=20)], [run("b", seconds=20, typical=0.06)])
    assert difference(comparison, "p50(response_time)").basis == "between runs"
    assert difference(comparison, "p50(response_time)").change is Change.REGRESSED


def test_p99_is_compared_only_with_enough_samples_on_both_sides(steady):
    few = runs(3, "b", seconds=10)
    assert "p99(response_time)" not in {each.metric for each in compare_runs(steady, few).differences}
    assert "p99(response_time)" in {each.metric for each in compare_runs(steady, steady).differences}


def test_more_entries_make_every_interval_of_an_entry_wider():
    few, many = (
        compare_runs(*(runs(3, side, seconds=5, names=tuple(f"/{i}" for i in range(count))) for side in "ab"))
        for count in (2, 12)
    )
    widths = [
        math.log(found.interval[1] / found.interval[0])
        for found in (difference(each, "p50(response_time)", "/0") for each in (few, many))
    ]
    assert widths[1] > 1.3 * widths[0]


def test_a_lone_entry_is_all_requests_and_asked_once(steady):
    comparison = compare_runs(steady, runs(3, "b", seconds=20))
    whole, own = (difference(comparison, "p50(response_time)", name) for name in (None, "/read"))
    assert own == replace(whole, name="/read", method="GET")


def test_errors_that_came_up_are_a_regression(steady):
    failing = difference(compare_runs(steady, runs(3, "b", seconds=20, errors=0.05)), "error_rate")
    assert failing.change is Change.REGRESSED
    assert failing.ratio == pytest.approx(0.05, abs=0.02)
    assert failing.interval[0] > failing.tolerance


def test_the_same_errors_in_bursts_say_less(steady):
    def failing(seconds):
        record, recorder = RunRecord(), Recorder("1")
        for second in range(60):
            for number in range(20):
                failed = {"kind": "http_500"} if seconds(second, number) else {}
                recorder.record(sample(end=second + number / 20, took=0.01, **failed))
        record.merge(recorder.interval({}))
        return result_of(record=record, measured_to=60.0, judged=False)

    spread = difference(compare_runs([run("a")], [failing(lambda _, number: number == 7)]), "error_rate")
    bursts = difference(compare_runs([run("a")], [failing(lambda second, _: 30 <= second < 33)]), "error_rate")
    assert spread.candidate == bursts.candidate == pytest.approx(0.05)
    assert spread.change is Change.REGRESSED
    assert bursts.interval[1] - bursts.interval[0] > 2 * (spread.interval[1] - spread.interval[0])


def test_throughput_of_a_closed_run_falls_and_regresses(steady):
    assert difference(compare_runs(steady, runs(3, "b", seconds=20, rate=10)), "throughput").change is Change.REGRESSED


def test_throughput_of_a_scheduled_run_is_left_out_and_said_so():
    for scheduled in (open_result(), run(plan=PLAN | {"rps": 20.0})):
        comparison = compare_runs([scheduled] * 3, [scheduled] * 3)
        assert "throughput" not in {each.metric for each in comparison.differences}
        assert any(remark.startswith("Throughput is not compared") for remark in comparison.remarks)


@pytest.mark.parametrize(
    ("before", "after", "doubt", "change"),
    [
        (0.03, 0.06, Doubt("response_time", "it lagged"), Change.INCONCLUSIVE),
        (0.03, 0.06, Doubt("response_time", "drops", breach_stands=True), Change.REGRESSED),
        (0.03, 0.015, Doubt("response_time", "drops", breach_stands=True), Change.INCONCLUSIVE),
        (0.03, 0.015, Doubt("response_time", "too long", pass_stands=True), Change.IMPROVED),
        (0.03, 0.06, Doubt("throughput", "starved"), Change.REGRESSED),
    ],
)
def test_a_sick_generator_of_the_candidate_spoils_what_it_may_have_caused(before, after, doubt, change):
    sick = runs(3, "b", seconds=20, typical=after, health=GeneratorHealth(doubts=(doubt,)))
    comparison = compare_runs(runs(3, "a", seconds=20, typical=before), sick)
    median = difference(comparison, "p50(response_time)")
    assert median.change is change
    assert (median.reason == f"the generator: {doubt.reason}") == (change is Change.INCONCLUSIVE)
    assert any(doubt.reason in remark for remark in comparison.remarks)


def test_what_differs_beside_the_service_is_remarked(steady):
    other = [
        replace(each, run_id=f"x{each.run_id}", plan=PLAN | {"users": 10}, environment=ENVIRONMENT | {"cpus": 2})
        for each in steady
    ]
    assert compare_runs(steady, other).remarks == (
        "The users: 40 against 10.",
        "The number of cores: 4 against 2.",
    )


def test_entries_of_one_side_only_are_named():
    comparison = compare_runs([run("a", seconds=5, names=("/x", "/old"))], [run("b", seconds=5, names=("/x", "/new"))])
    assert "Only the baseline has GET /old." in comparison.remarks
    assert "Only the candidate has GET /new." in comparison.remarks
    assert {each.name for each in comparison.differences} == {None, "/x"}


def test_runs_of_different_kinds_are_not_compared():
    comparison = compare_runs([run("a", seconds=5)], [stress_result()])
    assert comparison.differences == ()
    assert "Runs of different kinds (load, stress) are not compared." in comparison.remarks


def test_iterations_and_the_set_up_are_no_entries():
    comparison = compare_runs([open_result()] * 3, [open_result()] * 3)
    assert {each.name for each in comparison.differences} == {None, "/items"}


def test_values_of_a_script_are_no_durations_to_compare():
    record = run("a", seconds=5).record
    recorder = Recorder("2")
    recorder.record(sample("depth", "MEASURE", end=1.0, took=3e-6))
    record.merge(recorder.interval({}))
    both = [result_of(record=record, run_id=name, measured_to=5.0, judged=False) for name in "ab"]
    comparison = compare_runs(both[:1], both[1:])
    assert {each.name for each in comparison.differences} == {None, "/read"}


def capacity(low, high, **search):
    found = capacity_result()
    return replace(found, search=replace(found.search, low=low, high=high, **search))


def test_searches_are_compared_by_their_answer_alone():
    (only,) = compare_runs([capacity(100.0, 104.0)], [capacity(70.0, 73.0)]).differences
    assert (only.metric, only.unit, only.change) == ("capacity", "/s", Change.REGRESSED)
    assert only.interval == pytest.approx((70 / 104, 73 / 100))
    assert only.basis == "between levels"


def test_the_same_capacity_is_equivalent_and_a_higher_one_improved():
    assert compare_runs([capacity(100.0, 104.0)], [capacity(101.0, 105.0)]).change is Change.EQUIVALENT
    assert compare_runs([capacity(100.0, 104.0)], [capacity(140.0, 145.0)]).change is Change.IMPROVED


def test_a_search_without_an_answer_is_inconclusive_with_its_reason():
    limited = capacity(None, None, outcome="generator_limited", reason="limited by the generator at 80/s")
    (only,) = compare_runs([capacity(100.0, 104.0)], [limited]).differences
    assert only.change is Change.INCONCLUSIVE
    assert "limited by the generator at 80/s" in only.reason


def test_a_service_that_no_longer_breaks_improved():
    broke = stress_result()
    held = replace(broke, search=replace(broke.search, outcome="did_not_break", max_level=60.0, breaking_level=None))
    (only,) = compare_runs([broke], [held]).differences
    assert (only.metric, only.unit, only.change) == ("breaking_level", "count", Change.IMPROVED)
    assert only.candidate is None
    assert only.interval is None


def test_several_capacities_are_compared_between_runs():
    before = [capacity(low, low * 1.04) for low in (100.0, 102.0, 98.0)]
    after = [capacity(low, low * 1.04) for low in (60.0, 62.0, 61.0)]
    (only,) = compare_runs(before, after).differences
    assert only.basis == "between runs"
    assert only.change is Change.REGRESSED


def test_the_same_runs_always_give_the_same_comparison():
    before, after = run("a", seconds=60), run("b", seconds=60)
    assert compare_runs([before], [after]) == compare_runs([before], [after])
