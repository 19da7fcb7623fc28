"""Which user classes run under which profile, and what a process makes of that."""

from __future__ import annotations

import time

import pytest

from loadproof.load.scenarios import REST, cast, planned
from loadproof.plan import Capacity, Profile, Scenario, Stage, Stress
from loadproof.plan.profile import arrivals_until
from loadproof.record import ArrivalCounts

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from locust import TaskSet

    from loadproof.load.loader import Loader

CLASSES = [type(name, (), {}) for name in ("Shopper", "Browser", "Admin")]
PROFILE = Profile(model="open", stages=(Stage(duration=1.0, start=5.0, end=5.0),))


def scenario(name, *classes, profile=PROFILE):
    return Scenario(name=name, profile=profile, user_classes=classes)


def casting(*scenarios, classes=CLASSES):
    return {found.scenario.name: found.names for found in cast(scenarios, classes)}


def test_one_that_names_no_class_gets_all():
    assert casting(scenario("default")) == {"default": ("Shopper", "Browser", "Admin")}


def test_one_that_names_no_class_gets_those_that_no_other_names():
    found = casting(scenario("rest"), scenario("admins", "Admin"))
    assert found == {"rest": ("Shopper", "Browser"), "admins": ("Admin",)}


def test_classes_come_in_the_order_in_which_they_are_named():
    assert casting(scenario("all", "Admin", "Shopper")) == {"all": ("Admin", "Shopper")}


def test_a_class_that_nobody_names_runs_nowhere():
    assert casting(scenario("some", "Browser")) == {"some": ("Browser",)}


def test_the_classes_themselves_are_cast():
    (found,) = cast([scenario("all")], CLASSES)
    assert found.user_classes == tuple(CLASSES)


def test_an_unknown_class_is_refused_with_those_there_are():
    with pytest.raises(ValueError) as error:
        casting(scenario("buying", "Shoper", "Browser", "Buyer"))
    assert str(error.value) == "scenario buying names Shoper, Buyer, and there is only Shopper, Browser, Admin"


def test_an_unknown_class_is_refused_where_there_are_none():
    with pytest.raises(ValueError, match="there is only none"):
        casting(scenario("buying", "Shopper"), classes=[])


def test_one_with_no_class_left_is_refused():
    with pytest.raises(ValueError) as error:
        casting(scenario("one", "Shopper", "Browser"), scenario("two", "Admin"), scenario("three"))
    assert str(error.value) == "scenario three has no user class: other scenarios name them all"


def test_no_scenario_casts_nobody():
    assert cast([], CLASSES) == []


@pytest.mark.parametrize(("model", "is_open"), [("open", True), ("closed", False)])
def test_a_scenario_is_open_where_its_profile_is(model, is_open):
    (found,) = cast([scenario("all", profile=PROFILE.model_copy(update={"model": model}))], CLASSES)
    assert found.is_open is is_open


def test_the_scenarios_of_a_job_are_those_of_the_plan():
    scenarios = (scenario("rest"), scenario("admins", "Admin"))
    job = {"search": None, "scenarios": [item.model_dump(mode="json") for item in scenarios]}
    assert planned(job) == scenarios


@pytest.mark.parametrize(
    ("search", "model"),
    [
        (Stress(unit="users", levels=(1.0, 2.0), hold=5, settle=1, rules=()), "closed"),
        (Stress(unit="per_second", levels=(1.0, 2.0), hold=5, settle=1, rules=()), "open"),
        (Capacity(rules=(), max_users=40, seed=3, arrivals="poisson"), "open"),
    ],
)
def test_a_search_has_one_scenario_that_asks_for_nothing_yet(search, model):
    said = {"unit": "per_second", "max_users": None} | search.model_dump(mode="json")
    (only,) = planned({"search": said, "scenarios": []})
    assert (only.name, only.user_classes, only.graceful_stop) == ("default", (), 0.0)
    assert only.profile.model == model
    assert only.profile.stages == (REST,)
    assert arrivals_until(only.profile, float("inf")) == 0
    assert (only.profile.seed, only.profile.arrivals, only.profile.max_users) == (
        search.seed,
        search.arrivals,
        getattr(search, "max_users", None),
    )


# What a process makes of them


class FakeLog:
    error_rate = 0.0

    def __init__(self):
        self.counts = ArrivalCounts()

    def arrivals_in(self, _at_ns):
        return self.counts


@pytest.fixture
def loader():
    """Makes loaders; Locust is left as it was."""
    execute, wait = TaskSet.execute_next_task, TaskSet.wait
    made = []

    def make(*scenarios, iterations=None, per_user=None):
        classes = [type(name, (), {"weight": 1, "fixed_count": 0}) for name in ("Shopper", "Browser", "Admin")]
        names = [cls.__name__ for cls in classes]
        casts = cast(scenarios, classes)
        made.append(Loader(casts, names, iterations=iterations, per_user=per_user, log=FakeLog()))
        return made[-1]

    yield make
    for each in made:
        each.close()
        each.close()  # twice is once
    assert (TaskSet.execute_next_task, TaskSet.wait) == (execute, wait)


def closed(name, *classes):
    return scenario(name, *classes, profile=PROFILE.model_copy(update={"model": "closed"}))


def test_classes_of_open_scenarios_come_on_schedule(loader):
    made = loader(scenario("open", "Shopper"), closed("closed"))
    assert made.paced == {"Shopper"}


def test_a_run_of_users_without_limits_has_no_gate(loader):
    execute = TaskSet.execute_next_task
    made = loader(closed("closed"))
    assert TaskSet.execute_next_task is execute
    assert made.paced == frozenset()
    assert made.status({"Shopper": 3}) == {
        "users": {"Shopper": 3},
        "settled": True,
        "free": 0,
        "needs": {},
        "ideal": made.status({})["ideal"],
        "over": [],
        "in_flight": {},
        "used_up": False,
        "waiting": 0,
    }


@pytest.mark.parametrize("limit", [{"iterations": 5}, {"per_user": 5}])
def test_a_limit_has_a_gate_and_lets_users_wait_as_they_please(limit, loader):
    execute = TaskSet.execute_next_task
    made = loader(**limit)
    assert TaskSet.execute_next_task is not execute
    assert made.paced == frozenset()
    made.begin(0, 1)
    status = made.status({})
    assert (status["in_flight"], status["used_up"], status["waiting"]) == ({"": 0}, False, 0)


def test_a_share_of_nothing_is_used_up(loader):
    made = loader(iterations=1)
    made.begin(1, 2)
    assert made.status({})["used_up"]


def test_each_scenario_has_arrivals_of_its_own(loader):
    made = loader(scenario("one", "Shopper"), scenario("two", "Browser", "Admin"))
    made.begin(0, 1)
    far = time.monotonic_ns() + 3_600_000_000_000
    made.add("one", far, PROFILE)
    made.add("nobody", far, PROFILE)
    made.add("two", far, Profile(model="open", stages=(REST,)))
    status = made.status({"Shopper": 2, "Browser": 1})
    assert status["over"] == ["two"]
    assert status["in_flight"] == {"one": 0, "two": 0}
    assert status["needs"] == {"Shopper": 2, "Browser": 1, "Admin": 0}
    assert (status["settled"], status["free"], made.in_flight) == (False, 0, 0)
    made.stop_arrivals()
    assert made.status({})["over"] == ["one", "two"]
