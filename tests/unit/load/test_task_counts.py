"""Tasks are counted as users begin them, and those that a suite declares are known."""

from __future__ import annotations

from typing import ClassVar

import pytest

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from locust import SequentialTaskSet, TaskSet, User, task
    from locust.user.task import DefaultTaskSet

    from loadproof.load.task_counts import TaskCounts, declared_tasks


class Inner(TaskSet):
    @task(3)
    def often(self):
        """Nothing."""

    @task
    def rarely(self):
        """Nothing."""


class Steps(SequentialTaskSet):
    @task
    def first(self):
        """Nothing."""

    @task
    def second(self):
        """Nothing."""


class Own(TaskSet):
    @task
    def chosen(self):
        """Nothing."""

    def get_next_task(self):
        return self.chosen


class Shopper(User):
    tasks: ClassVar = {Inner: 1, Steps: 1}

    @task(2)
    def buy(self):
        """Nothing."""


class Reader(User):
    tasks = (Own,)


class Idle(User):
    """No tasks: what runs in its own way declares nothing."""


def executing(task_set_class, user_class, *names):
    """Have a task set begin tasks, without a run around it."""
    user = object.__new__(user_class)
    task_set = object.__new__(task_set_class)
    task_set._user = user
    task_set.execute_task = lambda _task: None
    for name in names:
        owner = user_class if task_set_class is DefaultTaskSet else task_set_class
        task_set._task_queue = SimpleQueue([getattr(owner, name)])
        task_set.execute_next_task()


class SimpleQueue(list):
    def popleft(self):
        return self.pop(0)


@pytest.fixture
def counts():
    kept = TaskSet.execute_next_task
    counting = TaskCounts()
    counting.install()
    counting.install()
    yield counting
    TaskSet.execute_next_task = kept


def test_a_task_is_counted_under_the_class_that_declares_it(counts):
    executing(Inner, Shopper, "often", "often", "rarely")
    executing(Inner, Reader, "often")
    executing(DefaultTaskSet, Shopper, "buy")
    assert sorted(counts.facts()) == [("Inner", "often", 3), ("Inner", "rarely", 1), ("Shopper", "buy", 1)]


def test_a_test_begins_anew(counts):
    executing(Inner, Shopper, "often")
    counts.clear()
    assert counts.facts() == []


def test_the_tasks_of_classes_and_of_the_sets_below_them_are_declared_once():
    declared = declared_tasks([Shopper, Reader, Idle, Shopper])
    found = {(item["owner"], item["task"]): (item["share"], item["after"]) for item in declared}
    assert found == {
        ("Shopper", "Inner"): (0.25, None),
        ("Shopper", "Steps"): (0.25, None),
        ("Shopper", "buy"): (0.5, None),
        ("Reader", "Own"): (1.0, None),
        ("Inner", "often"): (0.75, None),
        ("Inner", "rarely"): (0.25, None),
        ("Steps", "first"): (None, None),
        ("Steps", "second"): (None, "first"),
    }
    assert len(declared) == len(found)


def test_nothing_is_declared_by_nobody():
    assert declared_tasks([]) == []
    assert declared_tasks([Idle]) == []
