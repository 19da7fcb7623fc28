"""Tasks are counted as users choose them, and those that a suite declares are known."""

from __future__ import annotations

from collections import deque
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


def choosing(task_set_class, user_class, *names):
    """Have a task set choose tasks, without a run around it."""
    task_set = object.__new__(task_set_class)
    task_set._user = object.__new__(user_class)
    task_set._task_queue = deque()
    owner = user_class if task_set_class is DefaultTaskSet else task_set_class
    for name in names:
        task_set.schedule_task(getattr(owner, name))
    return task_set


@pytest.fixture
def counts():
    kept = TaskSet.schedule_task
    counting = TaskCounts()
    counting.install()
    counting.install()
    yield counting
    TaskSet.schedule_task = kept


def test_a_task_is_counted_under_the_class_that_declares_it(counts):
    choosing(Inner, Shopper, "often", "often", "rarely")
    choosing(Inner, Reader, "often")
    choosing(DefaultTaskSet, Shopper, "buy")
    assert sorted(counts.facts()) == [("Inner", "often", 3), ("Inner", "rarely", 1), ("Shopper", "buy", 1)]


def test_what_is_chosen_is_executed_in_its_order(counts):
    task_set = choosing(Inner, Shopper, "often", "rarely")
    task_set.schedule_task(Inner.rarely, first=True)
    assert list(task_set._task_queue) == [Inner.rarely, Inner.often, Inner.rarely]
    assert ("Inner", "rarely", 2) in counts.facts()


def test_a_script_that_schedules_in_its_own_way_goes_on_doing_so(monkeypatch):
    def twice(task_set, task_callable, first=False):
        task_set._task_queue.extend([task_callable, task_callable])

    monkeypatch.setattr(TaskSet, "schedule_task", twice)
    counting = TaskCounts()
    counting.install()
    assert list(choosing(Inner, Shopper, "often")._task_queue) == [Inner.often, Inner.often]
    assert counting.facts() == [("Inner", "often", 1)]


def test_a_test_begins_anew(counts):
    task_set = choosing(Inner, Shopper, "often")
    counts.clear()
    assert counts.facts() == []
    task_set.schedule_task(Inner.rarely)
    choosing(Inner, Shopper, "rarely")
    assert counts.facts() == [("Inner", "rarely", 2)]


def test_a_task_set_that_knows_every_attribute_is_asked_for_its_own_ones_alone(counts):
    class Knowing(Inner):
        def __getattr__(self, name):
            raise AssertionError(f"asked for {name}")

    choosing(Knowing, Shopper, "often")
    assert counts.facts() == [("Knowing", "often", 1)]


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
