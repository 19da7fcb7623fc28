"""How many users there are at each time, and when a run is over: in virtual time, with loaders that only say things."""

from __future__ import annotations

import math
from types import MappingProxyType, SimpleNamespace

import gevent
import pytest

from loadproof.plan import Profile, Scenario, Stage

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from locust.runners import MasterRunner, WorkerRunner

    from loadproof.load import control as module
    from loadproof.load.control import Control
    from loadproof.load.director import Director
    from loadproof.load.loader import Loader
    from loadproof.load.scenarios import REST, Cast

NEVER = math.inf


def profile(*stages, **settings):
    """``stages``: seconds and target, or seconds, first and last target; None as seconds has no end."""
    parts = tuple(Stage(duration=stage[0], start=stage[1], end=stage[-1]) for stage in stages)
    return Profile(stages=parts, **{"model": "closed"} | settings)


def arrivals(*stages, **settings):
    return profile(*stages, model="open", **settings)


def user_class(name, weight=1, fixed_count=0):
    return type(name, (), {"weight": weight, "fixed_count": fixed_count})


def cast(followed, *classes, name="default", **settings):
    scenario = Scenario(name=name, profile=followed, **settings)
    return Cast(scenario, classes or (user_class("User"),))


class Runner:
    """Does as it is told at once, unless it is ``broken``."""

    def __init__(self, world):
        self.starts = []
        self.state = "running"
        self.broken = False
        self.worker_count = len(world.status)
        self.user_count = self.target_user_count = 0
        self._world = world

    def start(self, users, rate):
        assert rate <= 100  # above it Locust warns
        self.starts.append(users)
        if not self.broken:
            for status in self._world.status:
                status["users"] = {cls: count // len(self._world.status) for cls, count in self._world.wanted.items()}


class World:
    """The control of a run, and all that it has to do with."""

    def __init__(self, *casts, workers=1, endless=False, limited=False, stop_timeout=None):
        self.now = 0.0
        self.told = []
        self.calls = []
        self.course = []
        self.ended = None
        self.status = [
            {
                "users": {},
                "free": 0,
                "needs": {},
                "ideal": {},
                "over": [],
                "in_flight": {},
                "used_up": False,
                "waiting": 0,
            }
            for _ in range(workers)
        ]
        self.events = []
        self.runner = Runner(self)
        self.environment = SimpleNamespace(stop_timeout=stop_timeout, runner=self.runner)
        self.control = Control(
            casts,
            self.environment,
            clock=lambda: self.now,
            loaders=self,
            endless=endless,
            limited=limited,
            tell=lambda kind, payload: self.told.append((kind, payload)),
            over=self._over,
        )
        self.control.prepare(workers)

    def _over(self):
        self.ended = self.now

    @property
    def wanted(self):
        return self.control.wanted

    # As the loaders

    def statuses(self):
        while self.events and self.events[0][0] <= self.now:
            _, number, changes = self.events.pop(0)
            self.status[number].update(changes)
        return [dict(status) for status in self.status]

    def begin_shares(self):
        self.calls.append("begin_shares")

    def add(self, scenario, begins_at, followed):
        self.calls.append((scenario, begins_at, followed))

    # As time

    def at(self, when, number=0, **changes):
        """From then on a process says something else."""
        self.events.append((when, number, changes))

    def sleep(self, seconds):
        self.course.append((self.now, sum(self.wanted.values())))
        self.now = round(self.now + seconds, 6)
        if self.now > 1_000:
            raise gevent.GreenletExit

    def run(self, until=NEVER):
        """Follow the plan until it is over, or for so long."""

        def sleep(seconds):
            if self.now >= until:
                raise gevent.GreenletExit
            self.sleep(seconds)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "gevent", SimpleNamespace(sleep=sleep, getcurrent=gevent.getcurrent))
            try:
                self.control._run()
            except gevent.GreenletExit:
                return

    def users_at(self, when):
        return next(users for at, users in reversed(self.course) if at <= when + 1e-9)


# Users


def test_stages_of_users_are_followed():
    world = World(cast(profile((10, 0.0, 20.0), (10, 20.0), (5, 20.0, 0.0))))
    world.run()
    assert [world.users_at(second) for second in (0, 2.5, 5, 10, 15, 20, 22.5)] == [0, 5, 10, 20, 20, 20, 10]
    assert max(world.runner.starts) == 20
    assert world.ended == pytest.approx(25, abs=0.11)
    assert world.control.ended_at is None  # what users still finish is counted


def test_users_of_a_profile_are_there_before_locust_starts_any():
    world = World(cast(profile((10, 7.0))))
    assert world.wanted == {"User": 7}
    assert world.environment.dispatcher_class.args == (world.wanted,)
    world.run()
    assert world.runner.starts == []  # Locust has started these itself


def test_half_a_user_is_one():
    assert [module._whole(target) for target in (0.0, 0.49, 0.5, 1.4999, 2.5)] == [0, 0, 1, 1, 3]


def test_locust_is_asked_only_when_the_number_changes():
    world = World(cast(profile((5, 3.0), (5, 4.0))))
    world.run()
    assert world.runner.starts == [4]


def test_users_are_spread_over_classes_by_weight():
    world = World(cast(profile((10, 0.0, 8.0)), user_class("Often", 3), user_class("Seldom", 1)))
    world.run(until=9.9)
    assert world.wanted == {"Often": 6, "Seldom": 2}


def test_a_profile_of_users_starts_with_the_run_and_says_so():
    world = World(cast(profile((1, 1.0))))
    world.run()
    assert ("schedule", {"starts_at": 0.0}) in world.told
    assert world.calls == ["begin_shares"]


def test_a_scenario_may_start_later():
    world = World(
        cast(profile((4, 2.0)), user_class("A"), name="first"),
        cast(profile((4, 3.0)), user_class("B"), name="second", start=6.0),
    )
    world.run()
    assert [world.users_at(second) for second in (0.2, 3, 5, 6.1, 9)] == [2, 2, 0, 3, 3]
    assert world.control.ended_at is None  # what users still finish is counted


@pytest.mark.parametrize(
    ("start", "other"), [(6.0, profile((4, 2.0))), (0.0, arrivals((4, 2.0)))], ids=["by its start", "with arrivals"]
)
def test_users_of_a_profile_that_begins_later_are_not_there_before(start, other):
    world = ready(
        World(
            cast(profile((4, 3.0)), user_class("Later"), name="later", start=start),
            cast(other, user_class("Other"), name="other"),
        )
    )
    assert world.wanted["Later"] == 0


def test_it_ends_when_the_last_scenario_is_over():
    world = World(
        cast(profile((3, 2.0)), user_class("A"), name="short"),
        cast(profile((7, 3.0)), user_class("B"), name="long"),
    )
    world.run()
    assert world.control.ended_at is None  # what users still finish is counted
    assert world.users_at(5) == 3  # those of the first are gone


def test_a_profile_without_an_end_goes_on():
    world = World(cast(profile((1, 0.0, 2.0), (None, 2.0))))
    world.run(until=500)
    assert world.ended is None
    assert world.wanted == {"User": 2}


@pytest.mark.parametrize(
    ("given", "scenarios", "timeout"),
    [
        (None, [("closed", 30.0)], 30.0),
        (None, [("closed", 5.0), ("closed", 8.0)], 8.0),
        (None, [("open", 30.0)], 0.0),
        (12.0, [("closed", 30.0)], 12.0),
        (None, [], None),
    ],
)
def test_users_may_end_their_iterations_when_they_are_stopped(given, scenarios, timeout):
    casts = [
        cast(profile((1, 1.0), model=model), user_class(f"U{n}"), name=f"s{n}", graceful_stop=grace)
        for n, (model, grace) in enumerate(scenarios)
    ]
    assert World(*casts, stop_timeout=given).environment.stop_timeout == timeout


def test_a_run_that_is_broken_off_gives_users_what_the_plan_gave_them():
    world = World(cast(profile((1, 1.0))), stop_timeout=None)
    assert world.environment.stop_timeout == 30.0
    world.control.abandon()
    assert world.environment.stop_timeout is None


# Arrivals


@pytest.mark.parametrize(
    ("followed", "workers", "users"),
    [
        (arrivals((10, 50.0)), 1, 10),
        (arrivals((10, 500.0)), 1, 50),
        (arrivals((10, 0.0, 1_000.0)), 1, 50),  # what arrives in its first five seconds
        (arrivals((10, 50.0)), 16, 16),
        (arrivals((10, 500.0), max_users=20), 1, 20),
        (arrivals((10, 50.0), max_users=3), 1, 3),
        (arrivals((10, 50.0), start_users=70), 1, 70),
        (arrivals((10, 50.0), start_users=0), 1, 1),
        (arrivals((10, 50.0), start_users=2), 8, 8),
        (arrivals((10, 0.0)), 1, 10),
    ],
)
def test_first_users_are_there_before_the_first_arrival(followed, workers, users):
    assert sum(World(cast(followed), workers=workers).wanted.values()) == users


def test_each_class_has_a_user_on_each_worker_from_the_start():
    world = World(cast(arrivals((10, 50.0)), user_class("Often", 1_000), user_class("Seldom", 1)), workers=3)
    assert world.wanted == {"Often": 10, "Seldom": 3}


def test_arrivals_begin_at_a_whole_second_once_the_first_users_are_ready():
    followed = arrivals((10, 50.0))
    world = World(cast(followed, start=3.0))
    world.at(2.3, free=10)
    world.run(until=3)
    assert world.calls == ["begin_shares", ("default", 6.0, followed)]
    assert world.told == [("schedule", {"starts_at": 3.0})]


@pytest.mark.parametrize(("ready", "workers", "starts_at"), [(2.86, 1, 4), (2.8, 1, 3), (2.8, 2, 4), (2.6, 2, 3)])
def test_there_is_time_to_hear_of_the_schedule(ready, workers, starts_at):
    world = World(cast(arrivals((10, 50.0))), workers=workers)
    for number in range(workers):
        world.at(ready, number, free=10)
    world.run(until=4)
    assert world.told == [("schedule", {"starts_at": float(starts_at)})]


def test_users_who_never_get_ready_are_not_waited_for_for_ever():
    world = World(cast(arrivals((10, 50.0))))
    world.run(until=32)
    assert world.told == [("schedule", {"starts_at": 31.0})]


def ready(world):
    """Users are ready at once: arrivals begin at second 1."""
    for status in world.status:
        status["free"] = 1_000
    return world


def test_the_pool_grows_to_what_is_needed_and_never_shrinks():
    world = ready(World(cast(arrivals((60, 50.0)))))
    world.at(5, needs={"User": 25})
    world.at(10, needs={"User": 12})
    world.at(15, needs={"User": 40})
    world.run(until=20)
    assert [world.users_at(second) for second in (4, 6, 11, 16)] == [10, 25, 25, 40]
    assert world.runner.starts == [25, 40]


def test_workers_share_evenly_so_that_the_neediest_decides():
    world = ready(World(cast(arrivals((60, 50.0))), workers=3))
    world.at(5, 0, needs={"User": 4})
    world.at(5, 1, needs={"User": 9})
    world.run(until=10)
    assert world.wanted == {"User": 27}


@pytest.mark.parametrize(("settings", "most"), [({"max_users": 30}, 30), ({}, 500), ({"rate": 5.0}, 100)])
def test_growth_ends_at_the_most_users(settings, most):
    rate = settings.pop("rate", 50.0)
    world = ready(World(cast(arrivals((60, rate), **settings))))
    world.at(5, needs={"User": 5_000})
    world.run(until=10)
    assert world.wanted == {"User": most}


def test_nobody_guesses_more_than_ten_thousand_users():
    course = module._Course(cast(arrivals((60, 20_000.0))))
    assert course.most_users(20_000.0) == 10_000


def test_room_is_shared_by_need():
    world = ready(World(cast(arrivals((60, 50.0), max_users=40), user_class("A", 1), user_class("B", 1))))
    assert world.wanted == {"A": 5, "B": 5}
    world.at(5, needs={"A": 95, "B": 35})
    world.run(until=6)
    assert sum(world.wanted.values()) <= 40
    assert world.wanted == {"A": 27, "B": 12}


def test_too_small_a_pool_is_told_once_and_again_when_it_is_much_too_small():
    world = ready(World(cast(arrivals((60, 50.0), max_users=30))))
    for at, ideal in ((5, 30), (10, 50), (12, 54), (14, 56)):
        world.at(at, ideal={"default": ideal})
    world.run(until=20)
    assert world.told[1:] == [
        ("short", {"max_users": 30, "needed": 50}),
        ("short", {"max_users": 30, "needed": 56}),
    ]


def test_a_pool_that_suffices_is_not_short_because_another_scenario_has_one_too():
    world = ready(
        World(
            cast(arrivals((60, 5.0), max_users=30), user_class("A"), name="one"),
            cast(arrivals((60, 5.0), max_users=30), user_class("B"), name="two"),
        )
    )
    world.at(5, ideal={"one": 20, "two": 20}, needs={"A": 20, "B": 20})
    world.run(until=10)
    assert [kind for kind, _ in world.told] == ["schedule"]


def test_users_who_went_missing_are_started_again_once_a_second():
    world = ready(World(cast(arrivals((60, 50.0)))))
    world.runner.broken = True
    world.status[0] |= {"users": {"User": 10}, "needs": {"User": 10}}
    world.at(5, users={"User": 7}, needs={"User": 8})
    world.at(8.05, users={"User": 10}, needs={"User": 10})
    world.run(until=20)
    assert world.runner.starts == [10, 10, 10, 10]


def test_users_who_went_missing_and_are_not_needed_are_let_go():
    world = ready(World(cast(arrivals((60, 50.0)))))
    world.status[0] |= {"users": {"User": 7}, "needs": {"User": 7}}
    world.run(until=20)
    assert world.runner.starts == []


def test_it_ends_when_all_arrivals_were_made_and_none_is_in_flight():
    world = ready(World(cast(arrivals((10, 50.0)))))
    world.at(11, over=["default"], in_flight={"default": 3})
    world.at(14, in_flight={"default": 0})
    world.run()
    assert world.ended == pytest.approx(14, abs=0.21)
    assert world.control.ended_at == 11


def test_it_ends_only_when_every_worker_has_made_its_arrivals():
    world = ready(World(cast(arrivals((10, 50.0))), workers=2))
    world.at(11, 0, over=["default"])
    world.at(13, 1, over=["default"])
    world.run()
    assert world.ended == pytest.approx(13, abs=0.21)


def test_what_is_in_flight_may_end_and_no_longer_than_the_graceful_stop():
    world = ready(World(cast(arrivals((10, 50.0)), graceful_stop=4.0)))
    world.at(11, over=["default"], in_flight={"default": 3})
    world.run()
    assert world.ended == pytest.approx(15, abs=0.21)
    assert world.wanted == {"User": 0}
    assert world.runner.starts == []  # the end of the run is theirs too


def test_users_of_a_scenario_that_is_over_go_while_others_go_on():
    world = ready(
        World(
            cast(arrivals((5, 50.0)), user_class("A"), name="short"),
            cast(arrivals((20, 50.0)), user_class("B"), name="long"),
        )
    )
    world.at(6, over=["short"])
    world.at(21, over=["short", "long"])
    world.run()
    assert world.users_at(5) == 20
    assert world.users_at(7) == 10
    assert world.control.ended_at == 21


def test_a_limit_on_iterations_ends_the_arrivals_early():
    world = ready(World(cast(arrivals((300, 10.0))), limited=True))
    world.at(2, over=["default"])
    world.run()
    assert world.ended == pytest.approx(2, abs=0.21)


def test_a_run_that_a_limit_on_iterations_ended_was_over_then():
    world = ready(World(cast(arrivals((300, 10.0))), limited=True))
    world.at(2, over=["default"])
    world.run()
    assert world.control.ended_at is None or world.control.ended_at <= world.ended


def test_users_and_arrivals_begin_together_where_a_plan_has_both():
    world = ready(
        World(
            cast(profile((5, 4.0)), user_class("A"), name="users"),
            cast(arrivals((8, 10.0)), user_class("B"), name="arrivals"),
        )
    )
    world.at(9, over=["arrivals"])
    world.run()
    assert world.told[0] == ("schedule", {"starts_at": 1.0})
    assert world.users_at(5.9) == 14
    assert world.users_at(6.1) == 10
    assert world.control.ended_at is None  # what users still finish is counted


# Limits on iterations


def test_a_run_without_profiles_ends_when_all_iterations_are_used_up():
    world = World(workers=2)
    world.at(3, 0, used_up=True)
    world.at(5, 1, used_up=True)
    world.run()
    assert world.ended == pytest.approx(5, abs=0.11)
    assert world.control.ended_at is None
    assert (world.calls, world.told, world.runner.starts) == (["begin_shares"], [], [])


def test_it_ends_when_every_user_has_had_its_iterations():
    world = World(workers=2)
    world.at(2, 0, users={"User": 3}, waiting=3)
    world.at(2, 1, users={"User": 2}, waiting=1)
    world.at(6, 1, users={"User": 2}, waiting=2)
    world.run()
    assert world.ended == pytest.approx(6, abs=0.11)


def test_users_who_are_yet_to_be_started_have_iterations_left():
    world = World()
    world.runner.state = "spawning"
    world.at(1, users={"User": 3}, waiting=3)
    world.run(until=10)
    assert world.ended is None


def test_nobody_has_had_all_iterations_where_there_is_nobody():
    world = World()
    world.run(until=10)
    assert world.ended is None


def test_a_worker_that_has_not_spoken_yet_may_have_iterations_left():
    world = World(workers=2)
    world.status.pop()
    world.at(1, used_up=True)
    world.run(until=10)
    assert world.ended is None


def test_a_limit_ends_a_profile_of_users_too():
    world = World(cast(profile((60, 2.0))))
    world.at(4, used_up=True)
    world.run()
    assert world.ended == pytest.approx(4, abs=0.11)
    assert world.control.ended_at is None


# Searches


def search(model, **settings):
    casted = cast(Profile(model=model, stages=(REST,), **settings), graceful_stop=0.0)
    return ready(World(casted, endless=True))


def test_a_search_never_ends_by_itself():
    for model in ("open", "closed"):
        world = search(model)
        world.at(2, over=["default"])
        world.run(until=100)
        assert world.ended is None


def test_levels_of_users_are_followed_as_they_come():
    world = search("closed")
    world.run(until=3)
    assert sum(world.wanted.values()) == 0
    world.control.go_on(4, profile((2, 0.0, 10.0), (None, 10.0)))
    world.control.go_on(10, profile((2, 10.0, 20.0), (None, 20.0)))
    for now, users in ((3.9, 0), (5, 5), (6, 10), (9.9, 10), (11, 15), (100, 20)):
        world.now = now
        world.control._turn(world.statuses())
        assert sum(world.wanted.values()) == users


def test_levels_of_arrivals_go_to_the_loaders():
    world = search("open")
    world.run(until=3)
    level = arrivals((None, 20.0))
    world.control.go_on(7, level)
    assert world.calls[-1] == ("default", 7, level)


def test_the_pool_grows_ahead_of_a_higher_level_by_what_the_last_one_took():
    world = search("open")
    world.run(until=2)
    world.control.go_on(3, arrivals((None, 20.0)))
    assert world.wanted == {"User": 10}  # nothing is known yet
    world.at(4, ideal={"default": 12}, needs={"User": 12})
    world.now = 5
    world.control._seen = world.statuses()
    world.control._turn(world.control._seen)
    assert world.wanted == {"User": 12}
    world.control.go_on(9, arrivals((None, 40.0)))
    assert world.wanted == {"User": 24}
    world.control.go_on(20, arrivals((None, 10.0)))
    assert world.wanted == {"User": 24}


def test_the_pool_does_not_grow_ahead_of_what_it_may_be():
    world = search("open", max_users=15)
    world.control.go_on(3, arrivals((None, 20.0)))
    world.control._seen = [{"ideal": {"default": 12}}]
    world.control.go_on(9, arrivals((None, 80.0)))
    assert world.wanted == {"User": 15}


def test_a_search_says_at_each_turn_that_its_pool_is_too_small():
    world = search("open", max_users=15)
    world.control.go_on(0, arrivals((None, 20.0)))
    world.at(0, ideal={"default": 40})
    for now in (1, 2, 3):
        world.now = now
        world.control._turn(world.statuses())
    assert world.told == [("short", {"max_users": 15, "needed": 40})] * 3


@pytest.mark.parametrize(("given", "timeout"), [(None, 5.0), (12.0, 12.0)])
def test_after_the_last_level_iterations_may_end(given, timeout):
    world = World(cast(profile((1, 0.0)), graceful_stop=0.0), endless=True, stop_timeout=given)
    world.control.finish()
    assert world.environment.stop_timeout == timeout


# Its greenlet


def test_it_runs_in_a_greenlet_that_can_be_stopped():
    world = World(cast(profile((None, 1.0))))
    assert not world.control.used
    world.control.stop()  # before it was started this is nothing
    world.control.start()
    assert world.control.used
    gevent.sleep(0.001)
    world.control.stop()
    world.control._greenlet.join(timeout=2)
    assert world.control._greenlet.dead
    assert world.ended is None


def test_it_does_not_stop_itself_where_the_end_comes_from_it():
    world = World(cast(profile((0.001, 1.0))))
    world.control._over = lambda: (world.control.stop(), world._over())
    world.now = 1.0
    world.control.start()
    world.control._greenlet.join(timeout=2)
    assert world.ended == 1.0


# The director of a process: alone, a master, or a worker


class FakeMeter:
    """Where a process counts."""

    error_rate = 0.0

    def __init__(self):
        self.warm = []

    def warm_until(self, at):
        self.warm.append(at)


class FakeMaster(MasterRunner):
    worker_count = 2
    state = "running"
    greenlet = None

    def __init__(self, *workers):
        self.clients = SimpleNamespace(all=[SimpleNamespace(id=name, state=state) for name, state in workers])
        self.sent = []
        self.heard = {}

    def register_message(self, kind, listener, **_):
        self.heard[kind] = listener

    def send_message(self, kind, data, client_id=None):
        self.sent.append((kind, client_id, data))


class FakeWorker(WorkerRunner):
    greenlet = None
    user_classes_count = MappingProxyType({"User": 2})

    def __init__(self):
        self.sent = []
        self.heard = {}

    register_message = FakeMaster.register_message

    def send_message(self, kind, data):
        self.sent.append((kind, data))


class Office:
    """A director in a process with such a runner."""

    def __init__(self, runner, *scenarios, shape=None, **job):
        self.meter = FakeMeter()
        self.told = []
        self.runner = runner
        self.options = SimpleNamespace(run_time=60)
        self.environment = SimpleNamespace(
            user_classes=[user_class("User")],
            shape_class=shape,
            parsed_options=self.options,
            reset_stats=True,
            runner=runner,
            stop_timeout=None,
        )
        self.director = Director(
            {
                "scenarios": [item.model_dump(mode="json") for item in scenarios],
                "search": None,
                "iterations": None,
                "iterations_per_user": None,
                "warmup": None,
            }
            | job,
            self.meter,
            tell=lambda kind, payload: self.told.append((kind, payload)),
            over=lambda: None,
        )

    def begin(self, zero=0.0):
        self.director.join(self.environment)
        self.director.begin(zero)
        return self.director


@pytest.fixture
def office():
    """Makes offices, whose tests end."""
    made = []

    def make(*args, **kwargs):
        made.append(Office(*args, **kwargs))
        return made[-1]

    yield make
    for each in made:
        each.director.stopping()
        each.director.stopped()


OPEN = Scenario(name="default", profile=arrivals((10, 50.0)))
CLOSED = Scenario(name="default", profile=profile((10, 5.0)))


def local():
    return SimpleNamespace(user_classes_count={"User": 2}, state="running", start=None)


def test_a_run_without_a_plan_for_its_load_is_left_to_locust(office):
    made = office(local(), shape=object())
    director = made.begin()
    director.start()
    director.go_on({})
    director.finish()
    director.abandon()
    assert (director.active, director.decides, director.ended_at, director.in_flight) == (False, False, None, None)
    assert director.paced == frozenset()
    assert (made.options.run_time, made.environment.reset_stats) == (60, True)


def test_a_limit_alone_leaves_users_and_their_time_to_locust(office):
    made = office(local(), iterations=5)
    director = made.begin()
    assert (director.active, director.decides) == (True, False)
    assert (made.options.run_time, made.environment.reset_stats) == (60, True)
    assert not hasattr(made.environment, "dispatcher_class")


def test_a_profile_takes_the_place_of_locusts_own_time(office):
    made = office(local(), CLOSED)
    made.begin()
    assert (made.options.run_time, made.environment.reset_stats) == (None, False)
    assert made.environment.dispatcher_class.args == ({"User": 5},)


def test_a_shape_and_a_profile_cannot_both_decide(office):
    class StepShape:
        pass

    made = office(local(), CLOSED, shape=StepShape())
    with pytest.raises(ValueError, match="the script has a load shape, StepShape, and the plan has a profile"):
        made.director.join(made.environment)


@pytest.mark.parametrize(("scenario", "paced"), [(OPEN, {"User"}), (CLOSED, set())])
def test_users_of_arrivals_are_on_schedule_while_the_test_goes_on(scenario, paced, office):
    director = office(local(), scenario).begin()
    assert director.paced == paced
    assert director.in_flight == (0 if paced else None)
    director.stopping()
    director.stopped()
    assert director.paced == frozenset()


def test_a_process_alone_has_all_arrivals_and_speaks_for_itself(office):
    made = office(local(), OPEN)
    director = made.begin()
    director.begin_shares()
    director.add("default", 3_600.0 * 24 * 365 * 100, OPEN.profile)
    (status,) = director.statuses()
    assert (status["users"], status["over"]) == ({"User": 2}, [])
    assert made.told == []


def test_warm_up_counts_from_the_start_of_the_first_profile(office):
    made = office(local(), OPEN, warmup=10.0)
    director = made.begin()
    assert made.meter.warm == []
    director.add("default", 3.0, arrivals((1, 0.0)))
    director.add("default", 9.0, arrivals((1, 0.0)))
    assert made.meter.warm == [13.0]


@pytest.mark.parametrize(("warmup", "warm"), [(10.0, [10.0]), (None, [])])
def test_warm_up_of_users_counts_from_the_start_of_the_run(warmup, warm, office):
    made = office(local(), CLOSED, warmup=warmup)
    made.begin()
    assert made.meter.warm == warm


def test_a_master_gives_each_worker_its_share_and_says_so(office):
    made = office(FakeMaster(("w2", "ready"), ("gone", "missing"), ("w1", "running")), OPEN)
    director = made.begin()
    director.begin_shares()
    assert made.runner.sent == [
        ("lp_begin", "w1", {"rank": 0, "workers": 2}),
        ("lp_begin", "w2", {"rank": 1, "workers": 2}),
    ]
    assert made.told == [("shares", {"workers": ["w1", "w2"]})]
    assert director.in_flight is None


def test_a_master_hands_profiles_on_as_plain_values(office):
    made = office(FakeMaster(("w1", "running")), OPEN, warmup=5.0)
    made.begin().add("default", 3.0, OPEN.profile)
    ((kind, worker, data),) = made.runner.sent
    assert (kind, worker, data["scenario"], data["begins_at"]) == ("lp_add", None, "default", 3.0)
    assert Profile.model_validate(data["profile"]) == OPEN.profile
    assert made.meter.warm == []  # it measures nothing


def test_a_master_hears_of_workers_that_are_there(office):
    made = office(FakeMaster(("w1", "running"), ("w2", "missing")), OPEN)
    director = made.begin()
    assert director.statuses() == []
    for name in ("w1", "w2"):
        made.runner.heard["lp_status"](None, SimpleNamespace(node_id=name, data={"from": name}))
    assert director.statuses() == [{"from": "w1"}]


def test_another_test_begins_without_what_was_heard_before(office):
    made = office(FakeMaster(("w1", "running")), OPEN)
    director = made.begin()
    made.runner.heard["lp_status"](None, SimpleNamespace(node_id="w1", data={"from": "w1"}))
    director.begin(0.0)
    assert director.statuses() == []


def test_a_worker_takes_its_share_before_or_after_its_test_starts(office):
    shares = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loader, "begin", lambda _self, rank, workers: shares.append((rank, workers)))
        made = office(FakeWorker(), OPEN)
        made.director.join(made.environment)
        made.runner.heard["lp_begin"](None, SimpleNamespace(data={"rank": 1, "workers": 3}))
        assert shares == []
        made.director.begin(0.0)
        assert shares == [(1, 3)]
        made.runner.heard["lp_begin"](None, SimpleNamespace(data={"rank": 0, "workers": 2}))
        assert shares == [(1, 3), (0, 2)]


def test_a_worker_takes_profiles_on_its_own_clock(office):
    added = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loader, "add", lambda _self, *args: added.append(args))
        made = office(FakeWorker(), OPEN, warmup=2.0)
        made.begin(zero=100.0)
        data = {"scenario": "default", "begins_at": 3.5, "profile": OPEN.profile.model_dump(mode="json")}
        made.runner.heard["lp_add"](None, SimpleNamespace(data=data))
    assert added == [("default", 103_500_000_000, OPEN.profile)]
    assert made.meter.warm == [5.5]


def test_a_worker_decides_nothing_and_says_how_it_goes(office):
    made = office(FakeWorker(), OPEN)
    director = made.begin()
    director.start()
    director.go_on({})
    gevent.sleep(0.001)
    ((kind, status),) = made.runner.sent
    assert (kind, status["users"], director.ended_at) == ("lp_status", {"User": 2}, None)


# Changed by hand


def test_a_step_is_a_tenth_of_the_users_and_at_least_one():
    world = World(cast(profile((None, 50.0))))
    world.run(until=1)
    assert world.control.change_users(1) == (50, 55)
    world.run(until=2)
    assert world.runner.starts[-1] == 55
    assert world.control.change_users(-1) == (55, 49)  # 5.5 is rounded to even
    small = World(cast(profile((None, 3.0))))
    small.run(until=1)
    assert small.control.change_users(1) == (3, 4)


def test_the_last_user_stays():
    world = World(cast(profile((None, 1.0))))
    world.run(until=1)
    with pytest.raises(ValueError, match="the last user stays"):
        world.control.change_users(-1)
    assert world.wanted == {"User": 1}


def test_a_profile_goes_on_with_as_many_more_and_ends_with_none():
    world = World(cast(profile((4, 10.0), (4, 20.0), (2, 20.0, 0.0))))
    world.run(until=1)
    world.control.change_users(1)
    world.run()
    assert [world.users_at(second) for second in (2, 6)] == [11, 21]
    assert world.ended == pytest.approx(10, abs=0.11)


def test_fewer_users_than_a_ramp_has_yet_leave_one():
    world = World(cast(profile((20, 0.0, 20.0), (None, 20.0))))
    world.run(until=15.5)
    for _ in range(3):
        world.control.change_users(-1)
    assert world.control._courses[0].extra < -3
    assert world.control._courses[0].users(2.0) == 1
    assert world.control._courses[0].users(0.1) == 0


def test_each_scenario_has_its_share_of_a_step():
    world = World(
        cast(profile((None, 30.0)), user_class("A"), name="large"),
        cast(profile((None, 10.0)), user_class("B"), name="small"),
    )
    world.run(until=1)
    assert world.control.change_users(1) == (40, 44)
    world.run(until=2)
    assert world.wanted == {"A": 33, "B": 11}


def test_a_rate_cannot_be_changed_by_hand():
    world = ready(World(cast(arrivals((None, 20.0)))))
    world.run(until=2)
    with pytest.raises(ValueError, match="arrivals come at the plan's rate"):
        world.control.change_users(1)


def test_before_there_is_a_user_none_is_added():
    world = World(cast(profile((None, 5.0)), start=10.0))
    world.run(until=2)
    with pytest.raises(ValueError, match="no user to add to yet"):
        world.control.change_users(1)
