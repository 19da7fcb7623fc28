"""Removals step by step: each thing by one user at a time, again after growing pauses, and not for ever."""

from __future__ import annotations

import pytest
from fleet_modules import fleet_modules

from loadproof.result.ledgers import Entry

(removal,) = fleet_modules("removal")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Ledger:
    def __init__(self, *keys):
        self.entries = [Entry("kafka", key, f"id-{key}", {}, 0.0) for key in keys]

    def remaining(self):
        return tuple(self.entries)

    def removed(self, entry):
        self.entries.remove(entry)


@pytest.fixture
def clock():
    return Clock()


def removals_of(ledger, clock, **options):
    return removal.Removals(ledger, pause=1, longest=10, clock=clock, **options)


def test_what_one_user_is_at_no_other_is_given(clock):
    removals = removals_of(Ledger("a", "b"), clock)
    assert [getattr(removals.claim(), "key", None) for _ in range(3)] == ["a", "b", None]


def test_everything_is_claimed_although_the_ledger_shrinks_meanwhile(clock):
    ledger = Ledger(*"abcdefg")
    removals = removals_of(ledger, clock)
    gone = []
    while (entry := removals.claim()) is not None:
        removals.gone(entry)
        gone.append(entry.key)
    assert gone == list("abcdefg")
    assert ledger.entries == []


def test_only_what_is_wanted_is_begun(clock):
    removals = removals_of(Ledger("a", "b"), clock)
    assert removals.claim(lambda entry: entry.key == "b").key == "b"
    assert removals.claim(lambda entry: entry.key == "b") is None


def test_what_was_begun_waits_while_its_next_step_is_not_wanted(clock):
    removals = removals_of(Ledger("a"), clock)
    removals.accepted(removals.claim())
    clock.now = 100
    assert removals.claim(lambda entry: not removals.is_accepted(entry)) is None
    assert removals.claim(removals.is_accepted).key == "a"


def test_an_accepted_one_is_looked_at_until_it_is_gone_with_growing_pauses(clock):
    ledger = Ledger("a")
    removals = removals_of(ledger, clock)
    entry = removals.claim()
    assert not removals.is_accepted(entry)
    removals.accepted(entry)
    assert removals.is_accepted(entry)
    looks = []
    while clock.now < 60:
        if removals.claim() is not None:
            looks.append(clock.now)
            removals.still_there(entry)
        clock.now += 1
    assert looks == [1, 3, 7, 15, 25, 35, 45, 55]
    clock.now = 70
    removals.gone(removals.claim())
    assert ledger.entries == []


def test_refusals_are_tried_again_with_growing_pauses_and_given_up_in_the_end(clock):
    ledger = Ledger("a")
    removals = removals_of(ledger, clock, most=5)
    tries = []
    while clock.now < 500:
        entry = removals.claim()
        if entry is not None:
            tries.append(clock.now)
            removals.refused(entry)
        clock.now += 1
    assert tries == [0, 1, 3, 7, 15]
    assert [entry.key for entry in ledger.entries] == ["a"]


def test_what_is_handed_over_counts_as_accepted(clock):
    ledger = Ledger("a")
    removals = removals_of(ledger, clock)
    removals.hand_over(ledger.entries[0])
    assert removals.is_going(ledger.entries[0])
    assert removals.is_accepted(ledger.entries[0])
