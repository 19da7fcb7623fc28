"""A search has one level after another made, and judges each by its own window."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from loadproof.plan import Capacity, Profile, Stress, parse_threshold
from loadproof.plan.profile import target_at
from loadproof.record import ArrivalCounts, Recorder, RunRecord, Sample
from loadproof.result import Outcome, SearchResult
from loadproof.search import Step
from loadproof.supervisor import searching as module
from loadproof.supervisor.facts import Facts
from loadproof.supervisor.searching import Searching

RULES = tuple(parse_threshold(rule, source="test") for rule in ("error_rate < 1%", "dropped_rate < 1%"))
CAPACITY = Capacity(rules=RULES, seed=40, arrivals="poisson")
USERS = Stress(unit="users", levels=(5.0, 10.0), hold=10, settle=2, rules=RULES[:1])
RATES = Stress(unit="per_second", levels=(5.0, 10.0), hold=10, settle=2, rules=RULES)


@dataclass
class Script:
    """A search that knows what it will ask for."""

    steps: list[Step]
    asked: list[int] = field(default_factory=list)

    def next(self, levels):
        self.asked.append(len(levels))
        return self.steps[len(levels)] if len(levels) < len(self.steps) else None

    def result(self, levels, *, interrupted=False):
        outcome = "interrupted" if interrupted and len(levels) < len(self.steps) else "found"
        return SearchResult(kind="capacity", outcome=outcome, unit="per_second", max_level=float(len(levels)))


def step(target, *, settle=2, hold=10, rest=False, role="step"):
    return Step(target=target, role=role, settle=settle, hold=hold, rest=rest)


class Lab:
    """A search with what it sees and what it sends."""

    def __init__(self, plan, *steps):
        self.record = RunRecord()
        self.facts = Facts()
        self.frames = []
        self.script = Script(list(steps))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "search_for", lambda _plan: self.script)
            self.searching = Searching(
                plan, self.record, self.facts, lambda kind, payload: self.frames.append((kind, payload))
            )
        self.recorders = {}
        self.samples = {}

    def turn(self, now):
        self.searching.turn(now)

    def report(self, at, *, worker="a", in_flight=0, answers=(), arrivals=None, **facts):
        """A process says what it did until then; ``answers``: when each ended, and how."""
        recorder = self.recorders.setdefault(worker, Recorder(worker))
        for ended, outcome in answers:
            kind = "timeout" if outcome == "failure" else None
            recorder.record(Sample("/a", "GET", ended - 0.01, ended - 0.01, ended, outcome=outcome, kind=kind))
        for due, (offered, dropped) in (arrivals or {}).items():
            counts = recorder.arrivals_in(due)
            counts.offered += offered
            counts.dropped += dropped
            counts.started += offered - dropped
        samples = self.samples[worker] = self.samples.get(worker, 0) + len(answers)
        self.record.merge(recorder.interval({}))
        self.facts.add(
            worker,
            {
                "at": at,
                "unfinished": 0,
                "unrecorded": 0,
                "rows_dropped": 0,
                "samples": samples,
                "kernel": samples,
                "fallbacks": {},
                "makes_load": True,
                "in_flight": in_flight,
                "users": {},
                "failures": [],
                "health": {"cpu": 0.1, "seconds": 1.0, "starved": 0.0, "gc_pause": 0.0, "lags": [0.0001]},
            }
            | facts,
        )

    def level(self, number=-1):
        """When a level that was sent begins, and its profile."""
        kind, payload = self.frames[number]
        assert kind == "level"
        return payload["begins_at"], Profile.model_validate(payload["profile"])


def errors(count):
    error = {"user_class": "A", "where": "task", "kind": "ValueError", "message": "x", "traceback": "", "count": count}
    return [error]


# Levels begin


@pytest.mark.parametrize(
    ("now", "begins_at"), [(0.0, 1), (3.2, 4), (3.39, 4), (3.41, 5), (3.99, 5), (4.0, 5), (100.75, 102)]
)
def test_a_level_begins_at_a_whole_second_that_all_can_hear_of_in_time(now, begins_at):
    lab = Lab(RATES, step(5.0))
    lab.turn(now)
    assert lab.level()[0] == begins_at
    assert isinstance(lab.frames[0][1]["begins_at"], int)
    assert begins_at - now >= 0.6 - 1e-9


def test_a_level_of_arrivals_is_held_without_an_end():
    lab = Lab(CAPACITY, step(12.5))
    lab.turn(0.0)
    _, profile = lab.level()
    assert (profile.model, profile.arrivals, profile.seed) == ("open", "poisson", 40)
    assert [stage.duration for stage in profile.stages] == [None]
    assert [target_at(profile, second) for second in (0, 1, 1_000)] == [12.5] * 3


def test_users_grow_to_a_level_while_it_settles():
    lab = Lab(USERS, step(5.0, settle=5), step(10.0, settle=5))
    lab.turn(0.0)
    begins_at, profile = lab.level()
    assert (begins_at, profile.model) == (1, "closed")
    assert [target_at(profile, second) for second in (0, 2, 4, 5, 1_000)] == [0, 2.5, 5, 5, 5]
    lab.report(16.0)
    lab.turn(16.0)
    _, profile = lab.level()
    assert [target_at(profile, second) for second in (0, 2, 4, 5, 1_000)] == [5, 7.5, 10, 10, 10]


def test_users_are_there_at_once_where_there_is_no_time_to_settle():
    lab = Lab(USERS, step(5.0, settle=0))
    lab.turn(0.0)
    assert [stage.start for stage in lab.level()[1].stages] == [5.0]


def test_each_level_has_random_numbers_of_its_own():
    lab = Lab(CAPACITY, step(5.0), step(5.0), step(5.0))
    seeds = []
    for number in range(3):
        lab.turn(20.0 * number)
        seeds.append(lab.level()[1].seed)
        lab.report(20.0 * number + 15)
        lab.turn(20.0 * number + 15)
    assert seeds == [40, 41, 42]


def test_what_is_sent_is_plain_values():
    lab = Lab(USERS, step(5.0))
    lab.turn(0.0)
    assert set(lab.frames[0][1]) == {"begins_at", "profile"}
    assert isinstance(lab.frames[0][1]["profile"], dict)


def test_the_level_that_is_held_can_be_seen():
    lab = Lab(RATES, step(5.0, settle=2, hold=10, role="repeat"))
    assert lab.searching.now is None
    lab.turn(0.0)
    now = lab.searching.now
    assert (now.number, now.target, now.unit, now.role) == (1, 5.0, "per_second", "repeat")
    assert (now.measured_from, now.measured_to) == (3.0, 13.0)


def test_levels_of_users_are_shown_as_users():
    lab = Lab(USERS, step(5.0))
    lab.turn(0.0)
    assert lab.searching.now.unit == "users"


# And are judged


def test_a_level_is_judged_once_all_reports_reach_its_end():
    lab = Lab(USERS, step(5.0), step(10.0))
    lab.report(0.5, worker="a")
    lab.report(0.5, worker="b")
    lab.turn(0.0)  # it is measured from 3 to 13
    lab.report(13.5, worker="a")
    for now in (13.0, 13.6, 20.0):
        lab.turn(now)
        assert lab.searching.levels == []
    lab.report(12.9, worker="b")
    lab.turn(20.5)
    assert lab.searching.levels == []
    assert lab.script.asked == [0]
    lab.report(13.0, worker="b")
    lab.turn(21.0)
    assert len(lab.searching.levels) == 1
    assert lab.script.asked == [0, 1]
    assert lab.level()[0] == 22


def test_nobody_waits_for_a_worker_that_is_lost_or_makes_no_load():
    lab = Lab(USERS, step(5.0))
    lab.report(0.5, worker="a")
    lab.report(0.5, worker="b")
    lab.report(0.5, worker="master", makes_load=False)
    lab.turn(0.0)
    lab.facts.lose("b")
    lab.report(13.5, worker="a")
    lab.turn(13.6)
    assert len(lab.searching.levels) == 1


def test_a_level_is_judged_by_its_own_window():
    lab = Lab(USERS, step(5.0))
    lab.turn(0.0)
    bad = [(second + 0.5, "failure") for second in (0, 1, 2, 13, 14)]
    good = [(second + 0.5, "success") for second in range(3, 13) for _ in range(10)]
    lab.report(14.9, answers=bad + good)
    lab.turn(15.0)
    (level,) = lab.searching.levels
    assert (level.number, level.target, level.unit, level.role) == (1, 5.0, "users", "step")
    assert (level.measured_from, level.measured_to) == (3.0, 13.0)
    assert level.record.samples == 100
    assert level.outcome is Outcome.PASS
    assert [verdict.rule for verdict in level.verdicts] == ["error_rate < 1%"]


def test_what_breaks_a_rule_breaks_the_level():
    lab = Lab(USERS, step(5.0))
    lab.turn(0.0)
    lab.report(13.5, answers=[(4.5, "failure")] * 50 + [(5.5, "success")] * 50)
    lab.turn(13.6)
    (level,) = lab.searching.levels
    assert (level.outcome, level.metric) == (Outcome.FAIL, "error_rate")


def test_answers_after_it_was_judged_are_of_no_level():
    lab = Lab(USERS, step(5.0))
    lab.turn(0.0)
    lab.report(13.5, answers=[(4.5, "success")])
    lab.turn(13.6)
    lab.report(14.5, answers=[(5.5, "success")])
    assert lab.searching.levels[0].record.samples == 1


def test_errors_of_the_script_count_from_the_start_of_the_window_on():
    lab = Lab(USERS, step(5.0))
    lab.turn(0.0)
    lab.report(2.9, exceptions=errors(4), unfinished=2)
    lab.turn(3.1)
    lab.report(5.9, exceptions=errors(9), unfinished=2)
    lab.turn(6.0)
    lab.report(13.0, exceptions=errors(11), unfinished=5)
    lab.turn(13.1)
    (level,) = lab.searching.levels
    assert (level.exception_count, level.unfinished) == (7, 3)


def test_iterations_in_flight_are_noted_within_the_window_about_once_a_second():
    lab = Lab(RATES, step(5.0))
    lab.turn(0.0)
    held = lab.searching._held
    for tenths in range(10, 140, 2):
        at = tenths / 10
        lab.report(at, in_flight=tenths)
        lab.turn(at)
    seen = held.in_flight
    assert seen[0] == (3.0, 30)
    assert all(3 <= at <= 13 for at, _ in seen)
    assert all(after[0] - before[0] > 0.5 for before, after in pairwise(seen))
    assert len(seen) >= 10


def test_health_is_that_of_the_window():
    lab = Lab(USERS, step(5.0))
    lab.turn(0.0)
    lab.report(2.0, health={"cpu": 1.0, "seconds": 1.0, "starved": 0.9, "gc_pause": 0.0, "lags": [2.0]})
    lab.report(5.0)
    lab.report(13.5)
    lab.turn(13.6)
    health = lab.searching.levels[0].health
    assert (health.cpu_max, health.starved) == (0.1, 0.0)
    assert health.offered is None


def short(plan, *, dropped=20, needed=90):
    lab = Lab(plan, step(20.0), step(20.0))
    lab.turn(0.0)
    lab.report(4.0)
    if needed:
        lab.searching.run_short(needed)
    lab.report(13.5, answers=[(5.5, "success")] * 100, arrivals={5.5: (200, dropped)})
    lab.turn(13.6)
    return lab


def test_a_pool_that_the_plan_keeps_too_small_says_nothing_of_the_service():
    level = short(CAPACITY.model_copy(update={"max_users": 30})).searching.levels[0]
    (doubt,) = [doubt for doubt in level.health.doubts if doubt.quantity == "dropped_rate"]
    assert "about 90" in doubt.reason
    assert "raise --max-users" in doubt.reason
    assert doubt.breach_stands is doubt.pass_stands is False
    assert level.health.offered == 200


@pytest.mark.parametrize(
    ("plan", "settings"),
    [
        (CAPACITY, {}),  # nobody set a limit
        (RATES, {}),
        (CAPACITY.model_copy(update={"max_users": 30}), {"dropped": 0}),
        (CAPACITY.model_copy(update={"max_users": 30}), {"needed": None}),
    ],
)
def test_drops_are_otherwise_the_services_fault(plan, settings):
    level = short(plan, **settings).searching.levels[0]
    assert "dropped_rate" not in [doubt.quantity for doubt in level.health.doubts]


@pytest.mark.parametrize("said_between", [False, True])
def test_a_pool_is_too_small_for_the_level_that_is_held_only(said_between):
    lab = Lab(CAPACITY.model_copy(update={"max_users": 30}), step(50.0), step(20.0, rest=True))
    lab.turn(0.0)
    lab.report(4.0)
    lab.searching.run_short(90)
    lab.report(13.5, answers=[(5.5, "success")] * 100, arrivals={5.5: (200, 20)})
    lab.turn(13.6)
    if said_between:
        lab.searching.run_short(90)  # the last second of the level before, as it was seen a little later
    lab.report(15.0)
    lab.turn(15.1)
    assert lab.searching.now.measured_from == 18
    lab.report(30.0, answers=[(20.5, "success")] * 100, arrivals={20.5: (200, 20)})
    lab.turn(30.1)
    assert [doubt.quantity for doubt in lab.searching.levels[1].health.doubts if "max-users" in doubt.reason] == []


# Rest


def test_the_load_goes_to_zero_before_a_trial_that_wants_rest():
    lab = Lab(CAPACITY, step(50.0, rest=True), step(60.0, rest=True))
    lab.turn(0.0)
    assert target_at(lab.level()[1], 0) == 50.0  # nothing to rest from
    lab.report(13.2, in_flight=9)
    lab.turn(13.3)
    begins_at, profile = lab.level()
    assert 13.3 < begins_at < 14
    assert [target_at(profile, second) for second in (0, 5, 1_000)] == [0, 0, 0]
    assert lab.searching.now is None


@pytest.mark.parametrize("plan", [USERS, RATES, CAPACITY])
def test_a_level_that_wants_none_follows_at_once(plan):
    lab = Lab(plan, step(5.0), step(10.0))
    lab.turn(0.0)
    lab.report(13.2, in_flight=9)
    lab.turn(13.3)
    assert lab.level()[0] == 14
    assert target_at(lab.level()[1], 5) == 10.0


def resting():
    lab = Lab(CAPACITY, step(50.0), step(60.0, rest=True))
    lab.turn(0.0)
    lab.report(13.2, in_flight=9)
    lab.turn(13.3)
    assert len(lab.frames) == 2
    return lab


def test_a_rest_ends_when_nothing_is_in_flight():
    lab = resting()
    for at, in_flight in ((13.8, 9), (14.2, 4), (15.0, 1)):
        lab.report(at, in_flight=in_flight)
        lab.turn(at)
        assert len(lab.frames) == 2
    lab.report(16.1, in_flight=0)
    lab.turn(16.2)
    begins_at, profile = lab.level()
    assert (begins_at, target_at(profile, 0)) == (17, 60.0)


def test_a_rest_lasts_until_it_was_reported_that_nothing_is_in_flight():
    lab = resting()
    lab.report(14.0, in_flight=0)  # perhaps of the time before
    lab.turn(14.1)
    lab.turn(20.0)
    assert len(lab.frames) == 2
    lab.report(14.4, in_flight=0)
    lab.turn(20.1)
    assert len(lab.frames) == 3


def test_a_rest_ends_after_a_minute_whatever_is_in_flight():
    lab = resting()
    lab.report(73.0, in_flight=5)
    lab.turn(73.2)
    assert len(lab.frames) == 2
    lab.report(73.4, in_flight=5)
    lab.turn(73.4)
    assert lab.level()[0] == 74
    assert lab.searching.now.number == 2


# The end


def test_the_end_is_told_once():
    lab = Lab(USERS, step(5.0))
    lab.turn(0.0)
    lab.report(13.5)
    lab.turn(13.6)
    assert lab.searching.over
    assert lab.frames[1:] == [("finish", None)]
    for now in (13.7, 20.0):
        lab.turn(now)
    assert len(lab.frames) == 2
    assert lab.searching.now is None


def test_a_search_that_has_nothing_to_try_is_over_at_once():
    lab = Lab(USERS)
    lab.turn(0.0)
    assert lab.searching.over
    assert lab.frames == [("finish", None)]


def test_a_search_that_was_interrupted_says_what_is_known():
    lab = Lab(CAPACITY, step(5.0), step(10.0))
    lab.turn(0.0)
    assert lab.searching.result(interrupted=True).outcome == "interrupted"
    lab.report(13.5)
    lab.turn(13.6)
    result = lab.searching.result(interrupted=True)
    assert (result.outcome, result.max_level) == ("interrupted", 1.0)
    assert lab.searching.result().outcome == "found"


def test_a_search_that_was_over_when_it_was_interrupted_has_its_answer():
    lab = Lab(CAPACITY, step(5.0))
    lab.turn(0.0)
    lab.report(13.5)
    lab.turn(13.6)
    assert lab.searching.result(interrupted=True).outcome == "found"


def test_a_real_search_goes_up_until_it_breaks_and_breaks_again():
    record, facts, frames = RunRecord(), Facts(), []
    lab = Lab(USERS)
    lab.record, lab.facts = record, facts
    lab.searching = Searching(USERS, record, facts, lambda kind, payload: frames.append((kind, payload)))
    now = 0.0
    while not lab.searching.over and now < 200:
        lab.turn(now)
        held = lab.searching.now
        if held is not None:
            bad = 50 if held.target == 10 else 0
            at = held.measured_from + 0.5
            lab.report(held.measured_to, answers=[(at, "failure")] * bad + [(at, "success")] * (1_000 - bad))
            now = held.measured_to
        now += 0.1
    assert [(level.target, level.role, level.outcome) for level in lab.searching.levels] == [
        (5.0, "step", Outcome.PASS),
        (10.0, "step", Outcome.FAIL),
        (10.0, "repeat", Outcome.FAIL),
    ]
    result = lab.searching.result()
    assert (result.outcome, result.breaking_level, result.last_good_level) == ("broke", 10.0, 5.0)
    assert [kind for kind, _ in frames] == ["level"] * 3 + ["finish"]


def test_arrivals_of_a_level_are_those_due_in_its_window():
    lab = Lab(RATES, step(5.0))
    lab.turn(0.0)
    lab.report(13.5, arrivals={2.9: (5, 0), 3.0: (5, 1), 12.9: (5, 0), 13.0: (5, 0)})
    lab.turn(13.6)
    counts = lab.searching.levels[0].record.arrivals
    assert isinstance(counts, ArrivalCounts)
    assert (counts.offered, counts.dropped) == (10, 1)
