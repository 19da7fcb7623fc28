"""What is declared is held against what ran."""

from __future__ import annotations

import pytest

from loadproof.judge import evaluate
from loadproof.plan import CoverageGate, LocustTarget, Plan, RequestSpec, Service, parse_threshold
from loadproof.record import Recorder, RunRecord, Sample
from loadproof.result import Declared, GeneratorHealth, Outcome, Snapshot
from loadproof.supervisor.coverage import coverage_of
from loadproof.supervisor.judging import applying


def record_of(**counts):
    """A record of so many requests: ``GET__items=3``."""
    recorder, record = Recorder("1"), RunRecord()
    for key, count in counts.items():
        method, _, name = key.partition("__")
        for _ in range(count):
            recorder.record(Sample(f"/{name}", method, 0.0, 0.0, 0.1))
    record.merge(recorder.interval({}))
    return record


def plan_of(target=None, **gate):
    return Plan(name="t", target=target or LocustTarget(locustfile="x.py"), coverage=CoverageGate(**gate))


def service(*requests):
    return Service(name="shop", base_url="http://x", requests=requests)


def task(owner, name, share=None, after=None):
    return {"owner": owner, "task": name, "share": share, "after": after}


def verdict_on(coverage, text="coverage = 100%"):
    snapshot = Snapshot(RunRecord(), 0.0, 1.0, 0, 0, GeneratorHealth(), coverage=coverage)
    return evaluate(parse_threshold(text, source="test"), snapshot)


def test_requests_of_a_service_that_never_ran_are_named():
    target = service(RequestSpec(path="/items"), RequestSpec(path="/buy", method="POST", name="/buy"))
    coverage = coverage_of(plan_of(target), record_of(GET__items=3, GET__other=2), [], {}, 1)
    assert coverage.declared == (
        Declared("/items", "GET", "service", 3),
        Declared("/buy", "POST", "service", 0),
    )
    assert [item.title for item in coverage.missed] == ["POST /buy"]
    assert coverage.unexpected == (("GET /other", 2),)
    verdict = verdict_on(coverage)
    assert (verdict.outcome, verdict.observed, verdict.n) == (Outcome.FAIL, 0.5, 2)
    assert verdict.reason == "50% is not 100%: never ran: POST /buy"


def test_a_rare_request_of_a_mix_need_not_run_in_a_short_run():
    target = service(RequestSpec(path="/items", weight=99), RequestSpec(path="/rare", weight=1))
    short = coverage_of(plan_of(target), record_of(GET__items=100), [], {}, 1)
    assert [item.was_due for item in short.declared] == [True, False]
    assert verdict_on(short).outcome is Outcome.PASS
    long = coverage_of(plan_of(target), record_of(GET__items=600), [], {}, 1)
    assert verdict_on(long).reason == "50% is not 100%: never ran: GET /rare"


def test_entries_of_the_file_are_names_or_patterns_with_a_type_where_it_matters():
    record = record_of(GET__items=3, POST__items=1, FLOW__buy=2, GET__x=1)
    plan = plan_of(expect=("GET /items", "/items", "POST /x", "FLOW /buy", "/it*", "/none"))
    coverage = coverage_of(plan, record, [], {}, 1)
    assert [item.hits for item in coverage.declared] == [3, 4, 0, 2, 4, 0]
    assert coverage.unexpected == (("GET /x", 1),)


def test_what_a_class_must_have_done_is_expected_where_it_is_part_of_the_run():
    plan = plan_of(expect=("GET /items",), classes={"Buyer": ("POST /buy", "GET /items"), "Guest": ("GET /",)})
    record = record_of(GET__items=3)

    def declared(*user_classes):
        coverage = coverage_of(plan, record, [], {}, 1, user_classes=user_classes)
        return [(each.name, each.hits) for each in coverage.declared]

    assert declared() == [("/items", 3)]
    assert declared("Buyer") == [("/items", 3), ("/buy", 0)]
    assert declared("Guest", "Other") == [("/items", 3), ("/", 0)]


def test_tasks_ran_or_should_have():
    tasks = [task("Shopper", "browse", 0.9), task("Shopper", "buy", 0.1)]
    run = {("Shopper", "browse"): 60}
    coverage = coverage_of(plan_of(), RunRecord(), tasks, run, 5)
    assert coverage.declared[1] == Declared("Shopper.buy", None, "task", 0, pytest.approx(6.0))
    assert verdict_on(coverage).reason == "50% is not 100%: never ran: Shopper.buy"
    assert coverage.unexpected == ()
    assert coverage_of(plan_of(tasks=False), RunRecord(), tasks, run, 5).declared == ()


def test_a_class_that_had_no_user_owes_nothing():
    tasks = [task("Shopper", "browse", 1.0), task("Admin", "look", 1.0)]
    coverage = coverage_of(plan_of(), RunRecord(), tasks, {("Shopper", "browse"): 60}, 1)
    assert verdict_on(coverage).outcome is Outcome.PASS


def test_the_next_task_of_a_sequence_is_due_once_enough_have_come_to_it():
    tasks = [task("Flow", "first"), task("Flow", "second", after="first"), task("Flow", "third", after="second")]
    ran = {("Flow", "first"): 30, ("Flow", "second"): 12}
    coverage = coverage_of(plan_of(), RunRecord(), tasks, ran, 10)
    assert [item.expected for item in coverage.declared] == [0.0, 20.0, 2.0]
    assert [item.was_due for item in coverage.declared] == [True, True, False]


def test_the_mix_is_compared_by_chi_square():
    tasks = [task("A", "x", 0.5), task("A", "y", 0.5)]
    even = coverage_of(plan_of(), RunRecord(), tasks, {("A", "x"): 52, ("A", "y"): 48}, 1)
    assert even.mix["A"] == pytest.approx(0.689, abs=0.001)  # chi-square 0.16 with one degree of freedom
    skewed = coverage_of(plan_of(), RunRecord(), tasks, {("A", "x"): 80, ("A", "y"): 20}, 1)
    assert skewed.mix["A"] < 1e-8
    few = coverage_of(plan_of(), RunRecord(), tasks, {("A", "x"): 4, ("A", "y"): 5}, 1)
    assert few.mix == {}


def test_where_nothing_is_declared_the_default_rule_does_not_apply():
    nothing = coverage_of(plan_of(), record_of(GET__items=3), [], {}, 1)
    default = parse_threshold("coverage = 100%", source="default")
    mine = parse_threshold("coverage >= 90%", source="--threshold")
    assert applying([default, mine], nothing) == (mine,)
    verdict = verdict_on(nothing, "coverage >= 90%")
    assert (verdict.outcome, verdict.reason) == (Outcome.INCONCLUSIVE, "nothing is declared")
