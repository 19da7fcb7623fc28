"""Each wish is fulfilled and told of, or refused with the reason."""

from __future__ import annotations

from types import SimpleNamespace

import gevent
import pytest

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from locust import User, task
    from locust.runners import MasterRunner, WorkerRunner
    from locust.user.task import TaskSet

    from loadproof.load.steering import Steering
    from loadproof.load.stepping import stepped


class Reader(User):
    @task
    def read(self):
        pass


class Own(User):
    def run(self):
        pass


class World:
    """A run, as far as it can be steered."""

    def __init__(self, runner_class=None, *, users=20, decides=False, shape=None, user_classes=(Reader,)):
        self.told = []
        self.starts = []
        self.messages = []
        self.paused = []
        runner = SimpleNamespace() if runner_class is None else object.__new__(runner_class)
        self.runner = runner
        if runner_class is not None:
            runner.__class__ = type("Fake", (runner_class,), {"__init__": lambda _: None, "__del__": lambda _: None})
        runner.state = "running"
        runner.target_user_count = users
        runner._users_dispatcher = SimpleNamespace(dispatch_in_progress=False)
        runner.start = lambda count, rate: self.starts.append((count, rate))
        runner.send_message = lambda kind, data=None: self.messages.append((kind, data))
        runner.register_message = lambda kind, listener: setattr(self, kind, listener)
        self.environment = SimpleNamespace(
            runner=runner,
            user_classes=list(user_classes),
            shape_class=shape,
            parsed_options=SimpleNamespace(spawn_rate=5.0),
        )
        director = SimpleNamespace(
            decides=decides,
            paced=frozenset(),
            pause=lambda *, paused: self.paused.append(paused),
            change_users=self._change,
        )
        self.refusal = None
        self.steering = Steering(
            director, clock=lambda: 7.5, tell=lambda kind, payload: self.told.append((kind, payload))
        )
        self.steering.join(self.environment)

    def _change(self, direction):
        if self.refusal:
            raise ValueError(self.refusal)
        return 10, 10 + direction


@pytest.fixture(autouse=True)
def as_it_was():
    before = TaskSet.execute_next_task
    yield
    assert TaskSet.execute_next_task is before


def test_a_pause_holds_users_and_arrivals_and_is_told_with_its_time():
    world = World()
    before = TaskSet.execute_next_task
    world.steering.pause(paused=True)
    world.steering.pause(paused=True)
    assert TaskSet.execute_next_task is not before
    assert world.told == [("intervened", {"kind": "paused", "at": 7.5})]
    world.steering.pause(paused=False)
    assert world.paused == [True, False]
    assert world.told[-1] == ("intervened", {"kind": "resumed", "at": 7.5})


def test_a_pause_lasts_until_the_users_of_its_test_are_gone():
    world = World()
    before = TaskSet.execute_next_task
    world.steering.pause(paused=True)
    world.steering.stopping()
    assert TaskSet.execute_next_task is not before  # else they would begin something only to be cut off
    world.steering.stopped()
    assert world.paused == [True, False]
    world.steering.pause(paused=True)  # of the next test
    assert [kind for kind, _ in world.told] == ["intervened", "intervened"]
    world.steering.stopped()


def test_a_master_has_its_workers_pause():
    world = World(MasterRunner)
    before = TaskSet.execute_next_task
    world.steering.pause(paused=True)
    assert TaskSet.execute_next_task is before
    assert (world.messages, world.paused) == ([("lp_pause", True)], [])


def test_a_worker_pauses_when_its_master_says_so():
    world = World(WorkerRunner)
    world.lp_pause(environment=None, msg=SimpleNamespace(data=True))
    world.lp_pause(environment=None, msg=SimpleNamespace(data=False))
    assert (world.paused, world.told) == ([True, False], [])


def test_users_without_tasks_cannot_be_paused():
    world = World(user_classes=[Reader, Own])
    world.steering.pause(paused=True)
    ((kind, payload),) = world.told
    assert kind == "refused"
    assert payload["why"].startswith("Own runs in a way of its own")
    assert world.paused == []


@pytest.mark.parametrize(("direction", "after"), [(1, 22), (-1, 18)])
def test_locusts_own_users_are_changed_as_its_web_interface_would(direction, after):
    world = World(users=20)
    world.steering.change_users(direction)
    assert world.starts == [(after, 5.0)]
    assert world.told == [("intervened", {"kind": "users", "at": 7.5, "before": 20, "after": after})]


def test_a_master_starts_users_in_the_background():
    world = World(MasterRunner, users=20)
    world.steering.change_users(1)
    assert world.starts == []
    gevent.sleep(0)
    assert world.starts == [(22, 5.0)]


def test_a_master_that_is_still_starting_users_says_so():
    world = World(MasterRunner)
    world.runner._users_dispatcher.dispatch_in_progress = True
    world.steering.change_users(1)
    assert world.told == [("refused", {"why": "users are still being started; try again when they are all there"})]


def test_a_shape_alone_decides_on_its_users():
    world = World(shape=object())
    world.steering.change_users(1)
    assert world.told == [("refused", {"why": "the script's load shape decides on the users"})]
    assert world.starts == []


def test_users_of_profiles_are_the_directors_to_change():
    world = World(decides=True)
    world.steering.change_users(1)
    world.refusal = "no"
    world.steering.change_users(1)
    assert world.told == [
        ("intervened", {"kind": "users", "at": 7.5, "before": 10, "after": 11}),
        ("refused", {"why": "no"}),
    ]
    assert world.starts == []


@pytest.mark.parametrize(
    "wish", [lambda steering: steering.pause(paused=True), lambda steering: steering.change_users(1)]
)
@pytest.mark.parametrize("state", ["ready", "stopping", "stopped"])
def test_without_a_test_every_wish_is_refused(wish, state):
    world = World()
    world.runner.state = state
    wish(world.steering)
    assert [kind for kind, _ in world.told] == ["refused"]
    assert (world.starts, world.paused) == ([], [])


@pytest.mark.parametrize(
    ("users", "direction", "after"), [(1, 1, 2), (9, 1, 10), (100, 1, 110), (100, -1, 90), (2, -1, 1)]
)
def test_steps(users, direction, after):
    assert stepped(users, direction) == after


@pytest.mark.parametrize(("users", "direction"), [(0, 1), (0, -1), (1, -1)])
def test_impossible_steps(users, direction):
    with pytest.raises(ValueError, match="user"):
        stepped(users, direction)
