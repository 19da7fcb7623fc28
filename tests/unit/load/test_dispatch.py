"""How many users of each class run where."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import pytest

from loadproof.load.dispatch import ClassDispatcher, Mix, weights_of


def classes(**weights):
    return [type(name, (), {"weight": weight, "fixed_count": 0}) for name, weight in weights.items()]


def workers(count):
    return [SimpleNamespace(id=f"worker_{number}") for number in range(count)]


def dispatcher(wanted, count, **weights):
    return ClassDispatcher(wanted, worker_nodes=workers(count), user_classes=classes(**weights))


def test_each_class_is_spread_evenly_and_the_odd_ones_go_to_different_workers():
    made = dispatcher({"A": 5, "B": 5}, 2, A=1, B=1).distribution()
    assert made == {"worker_0": {"A": 3, "B": 2}, "worker_1": {"A": 2, "B": 3}}


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_growth_never_takes_a_user_away_from_a_worker(count):
    wanted = {"A": 0, "B": 0}
    dispatcher_of_two = dispatcher(wanted, count, A=1, B=1)
    before = dispatcher_of_two.distribution()
    for number in range(60):
        wanted["AB"[number % 3 == 0]] += 1
        after = dispatcher_of_two.distribution()
        assert all(after[w][c] >= before[w][c] for w in after for c in after[w])
        assert {c: sum(after[w][c] for w in after) for c in wanted} == wanted
        before = after


def test_it_dispatches_once_for_each_new_dispatch():
    made = dispatcher({"A": 2}, 1, A=1)
    assert list(made) == []
    made.new_dispatch(2, 100.0)
    assert list(made) == [{"worker_0": {"A": 2}}]
    assert list(made) == []


def test_workers_that_join_and_leave_change_the_shares():
    made = dispatcher({"A": 6}, 2, A=1)
    made.add_worker(SimpleNamespace(id="worker_2"))
    assert made.distribution() == {f"worker_{number}": {"A": 2} for number in range(3)}
    made.remove_worker(SimpleNamespace(id="worker_0"))
    assert made.distribution() == {"worker_1": {"A": 3}, "worker_2": {"A": 3}}


def test_the_mix_of_users_is_that_of_locust():
    mix = Mix(classes(A=3, B=1))
    assert mix.of(0) == {"A": 0, "B": 0}
    assert mix.of(4) == {"A": 3, "B": 1}
    assert mix.of(40) == {"A": 30, "B": 10}


def test_a_mix_only_ever_gains_users():
    mix = Mix(classes(A=3, B=1, C=0.5))
    counts = [mix.of(number) for number in range(50)]
    assert all(sum(count.values()) == number for number, count in enumerate(counts))
    assert all(after[name] >= before[name] for before, after in pairwise(counts) for name in after)


def test_users_with_a_fixed_count_come_first_and_no_more_than_there_are():
    fixed = type("Admin", (), {"weight": 1, "fixed_count": 2})
    assert Mix([fixed, *classes(A=1)]).of(5) == {"Admin": 2, "A": 3}
    assert Mix([fixed]).of(5) == {"Admin": 2}
    assert weights_of([fixed, *classes(A=3)]) == [2.0, 3.0]
