"""What goes wrong on purpose, and for how long."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from loadproof.suites.fleet.target.faults import FaultInjector, Faults


class Clock:
    now = 50.0

    def __call__(self):
        return self.now


def test_nothing_goes_wrong_by_default():
    injector = FaultInjector(Faults(), clock=Clock())
    assert injector.wrong_answer("DELETE", "/kafkas/{id}") is None
    assert injector.delay() == 0
    assert injector.may_create()
    assert not injector.next_one_fails()
    assert not injector.issuer_is_down


def test_only_the_next_requests_of_that_method_and_path_are_answered_wrongly():
    faults = Faults(answer_status=409, answer_next=2, answer_path="/kafkas/{id}")
    injector = FaultInjector(faults, clock=Clock())
    asked = [("GET", "/kafkas/{id}"), ("DELETE", "/serviceaccounts/{id}")] + [("DELETE", "/kafkas/{id}")] * 3
    assert [injector.wrong_answer(*each) for each in asked] == [None, None, 409, 409, None]


def test_a_share_is_met_and_the_same_requests_are_chosen_with_the_same_seed():
    def chosen(seed):
        injector = FaultInjector(Faults(answer_status=503, answer_share=0.25), clock=Clock(), seed=seed)
        return [injector.wrong_answer("DELETE", "/kafkas/{id}") for _ in range(2000)]

    assert chosen(3) == chosen(3) != chosen(4)
    assert 0.22 < chosen(3).count(503) / 2000 < 0.28


def test_the_issuer_comes_back():
    clock = Clock()
    injector = FaultInjector(Faults(issuer_down_for=10), clock=clock)
    clock.now += 9.9
    assert injector.issuer_is_down
    clock.now += 0.1
    assert not injector.issuer_is_down


def test_another_change_neither_ends_an_outage_nor_begins_it_anew():
    clock = Clock()
    injector = FaultInjector(Faults(issuer_down_for=10), clock=clock)
    clock.now += 6
    injector.change({"slow_by": 1.5})
    assert injector.issuer_is_down
    assert injector.delay() == 1.5
    clock.now += 4
    assert not injector.issuer_is_down
    injector.change({"slow_by": 0})
    assert not injector.issuer_is_down


def test_creations_are_limited_by_those_that_were_accepted():
    injector = FaultInjector(Faults(max_creates=1), clock=Clock())
    assert injector.may_create()
    assert injector.may_create()
    injector.created()
    assert not injector.may_create()


def test_some_of_the_next_clusters_fail():
    injector = FaultInjector(Faults(fail_creations=2), clock=Clock())
    assert [injector.next_one_fails() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("changes", [{"nonsense": 1}, {"answer_status": 200}, {"answer_share": 2}])
def test_what_is_no_fault_is_refused_and_changes_nothing(changes):
    injector = FaultInjector(Faults(slow_by=2), clock=Clock())
    with pytest.raises(ValidationError):
        injector.change(changes)
    assert injector.delay() == 2
