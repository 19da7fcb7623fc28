"""What the user wished, and what came of it, is kept in the order of time."""

from __future__ import annotations

import pytest

from loadproof.result import Intervention
from loadproof.supervisor.steering import Helm


class World:
    def __init__(self, *, searching=False):
        self.sent = []
        self.said = []
        self.now = 12.5
        self.helm = Helm(
            lambda kind, payload: self.sent.append((kind, payload)),
            self.said.append,
            searching=searching,
            clock=lambda: self.now,
        )


def test_a_pause_is_kept_once_the_load_process_has_made_it():
    world = World()
    world.helm.follow("pause")
    assert (world.sent, world.helm.done, world.helm.is_paused) == ([("pause", {"paused": True})], (), False)
    world.helm.intervened({"kind": "paused", "at": 12.0})
    assert world.helm.is_paused
    world.helm.follow("pause")
    world.helm.intervened({"kind": "resumed", "at": 20.0})
    assert not world.helm.is_paused
    assert world.sent == [("pause", {"paused": True}), ("pause", {"paused": False})]
    assert world.helm.done == (Intervention(12.0, "paused"), Intervention(20.0, "resumed"))
    assert world.said[1] == "resumed at 0:20"


def test_a_pause_that_is_refused_is_asked_for_anew():
    world = World()
    world.helm.follow("pause")
    world.helm.refused("there is no test")
    assert world.said == ["not possible: there is no test"]
    world.helm.follow("pause")
    assert world.sent == [("pause", {"paused": True})] * 2


def test_two_quick_pauses_are_one_and_its_end():
    world = World()
    world.helm.follow("pause")
    world.helm.follow("pause")
    assert world.sent == [("pause", {"paused": True}), ("pause", {"paused": False})]


def test_users_are_changed_by_a_step_and_told_of():
    world = World()
    world.helm.follow("more")
    world.helm.follow("fewer")
    assert world.sent == [("users", {"direction": 1}), ("users", {"direction": -1})]
    world.helm.intervened({"kind": "users", "at": 13.0, "before": 1_000, "after": 1_100})
    assert world.said == ["users from 1,000 to 1,100 at 0:13"]


def test_an_early_end_is_kept_at_once_and_nothing_is_done_after_it():
    world = World()
    world.helm.follow("end")
    for wish in ("end", "pause", "more"):
        world.helm.follow(wish)
    assert world.sent == [("finish", None)]
    assert world.helm.done == (Intervention(12.5, "ended_early"),)
    assert world.helm.ended


@pytest.mark.parametrize(
    ("wish", "what"), [("pause", "be paused"), ("more", "have its users"), ("fewer", "have its users")]
)
def test_a_search_can_only_be_ended(wish, what):
    world = World(searching=True)
    world.helm.follow(wish)
    assert world.sent == []
    assert world.said[0].startswith(f"a search cannot {what}")
    world.helm.follow("end")
    assert world.helm.ended
