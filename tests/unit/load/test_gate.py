"""A ticket is one execution of one task, at whatever nesting."""

from __future__ import annotations

import logging
import time
from types import SimpleNamespace
from typing import ClassVar

import gevent
import pytest
from gevent import getcurrent
from gevent.event import Event
from gevent.pool import Group

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from locust import SequentialTaskSet, TaskSet, User, constant, task
    from locust.env import Environment
    from locust.exception import RescheduleTask, RescheduleTaskImmediately, StopUser

    from loadproof.load import gate

NEVER = constant(3600)


class FakeTickets:
    """Gives out so many, and lets everybody else wait."""

    def __init__(self, count=0, *, paced=True):
        self.paced = paced
        self.left = count
        self.more = Event()
        self.waiting = 0
        self.given = []
        self.back = []

    def give(self, count):
        self.left += count
        self.more.set()

    def take(self, user):
        user._state = "waiting"
        self.waiting += 1
        try:
            while not self.left:
                self.more.clear()
                self.more.wait()
        finally:
            self.waiting -= 1
        user._state = "running"
        self.left -= 1
        self.given.append(time.monotonic_ns())
        return self.given[-1]

    def give_back(self, _user, task, _iteration, *, failed):
        self.back.append((task, failed))

    def let_go(self, _user):
        self.back.append(("cut off", False))


class Stage:
    """Users of some classes behind a gate; ``ran`` is what they did, in order."""

    def __init__(self):
        self.environment = Environment(user_classes=[])
        self.environment.events.user_error.add_listener(lambda exception, **_: self.errors.append(str(exception)))
        self.group = Group()
        self.ran = []
        self.errors = []
        self.take_out = lambda: None

    def open(self, user_class, tickets=None, *, users=1):
        """Put in the gate, and start users."""
        self.take_out = gate.install({} if tickets is None else {user_class.__name__: tickets})
        return [self.start(user_class) for _ in range(users)]

    def start(self, user_class):
        user = user_class(self.environment)
        user.start(self.group)
        return user


@pytest.fixture
def stage(caplog):
    caplog.set_level(logging.CRITICAL)
    execute, wait = TaskSet.execute_next_task, TaskSet.wait
    made = Stage()
    yield made
    made.group.kill(timeout=2)
    made.take_out()
    assert (TaskSet.execute_next_task, TaskSet.wait) == (execute, wait)


def until(condition):
    """Let the loop run until something holds, and a little longer."""
    deadline = time.monotonic() + 2
    while not condition() and time.monotonic() < deadline:
        gevent.sleep(0.0005)
    gevent.sleep(0.003)


def plain(ran):
    class Plain(User):
        wait_time = NEVER

        @task
        def work(self):
            ran.append("work")

    return Plain


def nested(ran):
    """Task sets within each other, with tasks at each level that are never left for good."""

    class Inner(TaskSet):
        @task
        def deep(self):
            ran.append("deep")

        @task
        def back(self):
            ran.append("back")
            self.interrupt()

    class Outer(TaskSet):
        tasks: ClassVar = [Inner]

        @task
        def middle(self):
            ran.append("middle")

        @task
        def out(self):
            ran.append("out")
            self.interrupt(reschedule=False)

    class Nested(User):
        wait_time = NEVER
        tasks: ClassVar = [Outer]

        @task
        def top(self):
            ran.append("top")

    return Nested


def sequential(ran):
    class Steps(SequentialTaskSet):
        @task
        def first(self):
            ran.append("first")

        @task
        class Within(SequentialTaskSet):
            @task
            def second(self):
                ran.append("second")

            @task
            def third(self):
                ran.append("third")
                self.interrupt()

        @task
        def fourth(self):
            ran.append("fourth")

    class Sequential(User):
        wait_time = NEVER
        tasks: ClassVar = [Steps]

    return Sequential


def raising(ran):
    class Raising(User):
        wait_time = NEVER

        @task
        def break_down(self):
            ran.append("break_down")
            raise ValueError("broken")

    return Raising


def rescheduling(ran):
    class Rescheduling(User):
        wait_time = NEVER

        @task
        def again(self):
            ran.append("again")
            raise RescheduleTask

        @task
        def at_once(self):
            ran.append("at_once")
            raise RescheduleTaskImmediately

    return Rescheduling


def thinking(ran):
    class Thinking(User):
        wait_time = constant(0.001)

        @task
        def think(self):
            self.wait()
            ran.append("think")
            self.wait()

    return Thinking


def functions(ran):
    """Tasks that are no methods: a function, and an object that can be called."""

    class Callable:
        def __call__(self, _user):
            ran.append("callable")

    def function(user):
        ran.append("function")

    class Functions(User):
        wait_time = NEVER
        tasks: ClassVar = [function, Callable()]

    return Functions


def overriding(ran):
    """A script that has its own way of executing tasks."""

    class Own(TaskSet):
        def execute_task(self, task):
            ran.append("own")
            super().execute_task(task)

        @task
        def work(self):
            pass

    class Overriding(User):
        wait_time = NEVER
        tasks: ClassVar = [Own]

    return Overriding


KINDS = [plain, nested, sequential, raising, rescheduling, thinking, functions]


@pytest.mark.parametrize("count", [1, 2, 25])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_so_many_tickets_are_so_many_executions(kind, count, stage):
    tickets = FakeTickets(count)
    stage.open(kind(stage.ran), tickets)
    until(lambda: len(tickets.back) == count and tickets.waiting)
    assert len(stage.ran) == len(tickets.given) == len(tickets.back) == count
    assert [name for name, _ in tickets.back] == [{"callable": "Callable"}.get(name, name) for name in stage.ran]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_nothing_is_executed_before_the_first_ticket(kind, stage):
    tickets = FakeTickets(0)
    stage.open(kind(stage.ran), tickets, users=3)
    until(lambda: tickets.waiting == 3)
    assert stage.ran == []
    tickets.give(2)
    until(lambda: len(stage.ran) == 2)
    assert len(stage.ran) == 2


def test_many_users_share_the_tickets(stage):
    tickets = FakeTickets(40)
    stage.open(nested(stage.ran), tickets, users=7)
    until(lambda: tickets.waiting == 7)
    assert len(stage.ran) == len(tickets.back) == 40


def test_a_task_set_that_executes_tasks_in_its_own_way_takes_tickets_too(stage):
    tickets = FakeTickets(3)
    stage.open(overriding(stage.ran), tickets)
    until(lambda: len(tickets.back) == 3)
    assert stage.ran == ["own"] * 3


def test_tasks_in_sequence_stay_in_sequence(stage):
    tickets = FakeTickets(9)
    stage.open(sequential(stage.ran), tickets)
    until(lambda: len(tickets.back) == 9)
    assert stage.ran == ["first", "second", "third", "fourth"] * 2 + ["first"]


def test_only_a_task_that_raises_has_failed(stage):
    tickets = FakeTickets(5)
    stage.open(raising(stage.ran), tickets)
    until(lambda: len(tickets.back) == 5)
    assert tickets.back == [("break_down", True)] * 5
    assert stage.errors == ["broken"] * 5


@pytest.mark.parametrize("kind", [nested, rescheduling], ids=lambda kind: kind.__name__)
def test_what_leaves_a_task_on_purpose_is_no_failure(kind, stage):
    tickets = FakeTickets(30)
    stage.open(kind(stage.ran), tickets)
    until(lambda: len(tickets.back) == 30)
    assert not any(failed for _, failed in tickets.back)


def test_a_user_that_stops_itself_gives_its_ticket_back(stage):
    class Leaving(User):
        @task
        def leave(self):
            raise StopUser

        def on_stop(self):
            stage.ran.append("on_stop")

    tickets = FakeTickets(3)
    stage.open(Leaving, tickets)
    until(lambda: not stage.group)
    assert tickets.back == [("leave", False)]
    assert stage.ran == ["on_stop"]
    assert tickets.left == 2


def test_a_user_that_is_killed_in_a_task_gives_its_ticket_back(stage):
    class Long(User):
        @task
        def sleep(self):
            stage.ran.append("sleep")
            gevent.sleep(3600)

    tickets = FakeTickets(1)
    (user,) = stage.open(Long, tickets)
    until(lambda: stage.ran)
    user.stop(force=True)
    assert tickets.back == [("cut off", False)]


def test_a_user_that_is_stopped_while_it_thinks_gives_its_ticket_back(stage):
    class Pausing(User):
        wait_time = NEVER

        @task
        def pause(self):
            stage.ran.append("pause")
            self.wait()

    tickets = FakeTickets(1)
    (user,) = stage.open(Pausing, tickets)
    until(lambda: user._state == "waiting" and stage.ran)
    assert user.stop()
    assert tickets.back == [("cut off", False)]
    assert not stage.group


def test_a_user_that_is_stopped_while_it_waits_for_a_ticket_runs_on_stop_and_takes_none(stage):
    class Tidy(User):
        @task
        class Set(TaskSet):
            @task
            def work(self):
                stage.ran.append("work")

            def on_stop(self):
                stage.ran.append("on_stop of the task set")

        def on_stop(self):
            stage.ran.append("on_stop")

    tickets = FakeTickets(0)
    (user, other) = stage.open(Tidy, tickets, users=2)
    until(lambda: tickets.waiting == 2)
    assert user.stop()  # at once, as it waits
    assert stage.ran == ["on_stop of the task set", "on_stop"]
    tickets.give(1)
    until(lambda: tickets.back)
    assert stage.ran[2:] == ["work"]
    assert tickets.waiting == 1
    other.stop(force=True)


def test_a_user_that_is_told_to_stop_in_a_task_stops_after_it(stage):
    class Working(User):
        wait_time = NEVER

        @task
        def work(self):
            stage.ran.append("begun")
            gevent.sleep(0.002)
            stage.ran.append("done")

    tickets = FakeTickets(5)
    (user,) = stage.open(Working, tickets)
    until(lambda: stage.ran)
    user._state = "stopping"
    until(lambda: not stage.group)
    assert stage.ran[-1] == "done"
    assert len(tickets.given) == len(tickets.back) == stage.ran.count("done")


# Waiting


def test_users_on_schedule_do_not_wait_between_their_tasks(stage):
    tickets = FakeTickets(20)
    stage.open(plain(stage.ran), tickets)  # which would wait an hour
    until(lambda: len(tickets.back) == 20)
    assert len(stage.ran) == 20


def test_users_on_schedule_think_within_their_tasks(stage):
    class Thinking(User):
        wait_time = constant(0.01)

        @task
        def think(self):
            began = time.monotonic()
            self.wait()
            stage.ran.append(time.monotonic() - began)

    tickets = FakeTickets(2)
    stage.open(Thinking, tickets)
    until(lambda: len(tickets.back) == 2)
    assert min(stage.ran) >= 0.009


@pytest.mark.parametrize("paced", [None, False], ids=["without tickets", "with tickets of a limit"])
def test_users_who_are_not_on_schedule_wait_as_they_please(paced, stage):
    class Patient(User):
        wait_time = constant(0.01)

        @task
        def work(self):
            stage.ran.append(time.monotonic())

    stage.open(Patient, None if paced is None else FakeTickets(100, paced=paced))
    until(lambda: len(stage.ran) >= 4)
    gaps = [after - before for before, after in zip(stage.ran, stage.ran[1:], strict=False)]
    assert min(gaps) >= 0.009


def test_users_of_other_classes_pass_freely(stage):
    class Free(User):
        wait_time = constant(0.001)

        @task
        def work(self):
            stage.ran.append("free")
            assert getattr(getcurrent(), gate.MARK, None) is None

    tickets = FakeTickets(0)
    stage.open(plain(stage.ran), tickets)
    stage.start(Free)
    until(lambda: len(stage.ran) >= 3)
    assert set(stage.ran) == {"free"}
    assert stage.errors == []


@pytest.mark.parametrize("where", ["user", "nested"])
def test_a_task_set_without_tasks_does_not_spin(where, stage):
    class Empty(TaskSet):
        tasks: ClassVar = []

    class Idle(User):
        wait_time = constant(0.01)
        tasks: ClassVar = [Empty] if where == "nested" else []

    tickets = FakeTickets(5)
    stage.open(Idle, tickets)
    gevent.sleep(0.04)
    assert 1 <= len(stage.errors) <= 5
    assert tickets.given == []


def test_a_task_set_without_tasks_does_not_spin_after_an_iteration(stage):
    class Empty(TaskSet):
        tasks: ClassVar = []

    class Steps(SequentialTaskSet):
        @task
        def first(self):
            stage.ran.append("first")

        second = task(Empty)

    class Idle(User):
        wait_time = constant(0.01)
        tasks: ClassVar = [Steps]

    tickets = FakeTickets(5)
    stage.open(Idle, tickets)
    gevent.sleep(0.04)
    assert stage.ran == ["first"]
    assert 1 <= len(stage.errors) <= 5


def test_a_user_may_wait_in_on_start(stage):
    class Slow(User):
        wait_time = constant(0.01)

        def on_start(self):
            began = time.monotonic()
            self.wait()
            stage.ran.append(time.monotonic() - began)

        @task
        def work(self):
            pass

    tickets = FakeTickets(1)
    stage.open(Slow, tickets)
    until(lambda: tickets.back)
    assert stage.ran[0] >= 0.009


def test_a_task_set_may_wait_in_on_start_each_time(stage):
    class Page(TaskSet):
        def on_start(self):
            began = time.monotonic()
            self.wait()
            stage.ran.append(time.monotonic() - began)

        @task
        def leave(self):
            self.interrupt()

    class Visiting(User):
        wait_time = constant(0.01)
        tasks: ClassVar = [Page]

    tickets = FakeTickets(3)
    stage.open(Visiting, tickets)
    until(lambda: len(tickets.back) == 3)
    assert min(stage.ran[:3]) >= 0.009


# The iteration


def test_an_iteration_is_marked_on_its_greenlet_with_its_times(stage):
    class Looking(User):
        @task
        def look(self):
            stage.ran.append(getattr(getcurrent(), gate.MARK))

    tickets = FakeTickets(2)
    (user,) = stage.open(Looking, tickets)
    until(lambda: tickets.waiting)
    assert [iteration.due_ns for iteration in stage.ran] == tickets.given
    assert all(iteration.intended_ns == iteration.due_ns <= iteration.started_ns for iteration in stage.ran)
    assert getattr(user.greenlet, gate.MARK) is None


def test_a_gate_that_was_taken_out_holds_nobody(stage):
    execute, wait = TaskSet.execute_next_task, TaskSet.wait
    tickets = FakeTickets(0)
    take_out = gate.install({"Plain": tickets})
    assert TaskSet.execute_next_task is not execute
    assert TaskSet.wait is not wait
    take_out()
    assert TaskSet.execute_next_task is execute
    assert TaskSet.wait is wait
    stage.start(plain(stage.ran))
    until(lambda: stage.ran)
    assert stage.ran == ["work"]  # and now it waits for an hour
    assert tickets.given == []


def test_tasks_are_named_as_their_functions():
    def work():
        """Nothing."""

    assert gate.name_of(work) == "work"
    assert gate.name_of(SimpleNamespace()) == "SimpleNamespace"
