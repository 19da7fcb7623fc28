"""Who a process is, when its test began, and quotas that hold whatever happens at the same time."""

from __future__ import annotations

import json
import sys
import time

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from load_process import Master, Worker, environment, process, started

    from loadproof.errors import RunError
    from loadproof.kit import coordination
    from loadproof.kit.coordination import OPTION, Quota, Share, _Place, elapsed, is_leader, share


@pytest.fixture
def place(monkeypatch):
    """The place of a process in which no test has begun."""
    fresh = _Place()
    monkeypatch.setattr(coordination, "place", fresh)
    return fresh


@given(st.integers(1, 50), st.integers(0, 500))
def test_every_thing_belongs_to_exactly_one_process(of, total):
    shares = [Share(rank, of) for rank in range(of)]
    assert all(sum(one.takes(index) for one in shares) == 1 for index in range(total))


@given(st.integers(1, 50), st.integers(0, 10_000))
def test_parts_add_up_to_the_whole_and_differ_by_one_at_most(of, total):
    parts = [Share(rank, of).part(total) for rank in range(of)]
    assert sum(parts) == total
    assert max(parts) - min(parts) <= 1


def test_who_has_no_rank_has_no_part():
    assert Share(-1, 3).part(100) == 0
    assert not any(Share(-1, 3).takes(index) for index in range(100))


def test_alone_a_process_is_the_only_one(place):
    place.on_test_start(environment(object(), worker=False))
    assert share() == Share(0, 1)
    assert is_leader()


def test_outside_of_locust_a_process_is_the_only_one(place, monkeypatch):
    monkeypatch.delitem(sys.modules, "locust.main", raising=False)
    assert share() == Share(0, 1)
    assert is_leader()


def test_before_a_test_nobody_knows_who_a_process_is(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "locust.main", object())
    for question in (share, is_leader, Quota("things", total=5).take):
        with pytest.raises(RunError, match="has been told of none") as caught:
            question()
        assert caught.value.slug == "no-share"


def test_before_a_test_no_time_has_passed_in_it(place):
    with pytest.raises(RunError) as caught:
        elapsed()
    assert caught.value.slug == "no-share"


def test_the_master_tells_each_worker_its_place_and_has_none_itself():
    names = ["c", "a", "b"]
    master, workers = started(Master(*names), *names)
    assert [worker.share for worker in workers] == [Share(0, 3), Share(1, 3), Share(2, 3)]
    assert master.share == Share(-1, 3)


def test_workers_that_went_leave_no_gap():
    master = Master("a", "b", "c")
    master.clients.running = [node for node in master.clients.running if node.id != "a"]
    _, workers = started(master, "b", "c")
    assert [worker.share for worker in workers] == [Share(0, 2), Share(1, 2)]


def test_a_worker_that_comes_later_has_no_part_but_knows_the_time():
    master, (late,) = started(Master("a"), "late")
    assert late.share == Share(-1, 1)
    assert late.started == master.started


def test_what_the_master_says_goes_over_a_wire():
    there = environment(Master("a"), worker=False, run_time=60)
    _Place().on_test_start(there)
    said = getattr(there.parsed_options, OPTION)
    assert json.loads(json.dumps(said)) == said


def test_a_worker_of_a_master_that_says_nothing_is_told_so(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "locust.main", object())
    place.on_test_start(environment(Worker("a"), worker=True))
    with pytest.raises(RunError):
        share()


def test_a_worker_whose_runner_is_still_being_made_waits_for_its_name():
    there = environment(None, worker=True)
    said = {"number": 1, "ranks": {"a": 0, "b": 1}, "run_time": None, "started": 5.0, "epoch": 0.0, "boot_id": ""}
    setattr(there.parsed_options, OPTION, said)
    place = _Place()
    telling = gevent.spawn(place.on_test_start, there)
    gevent.sleep(0)
    assert place.share is None
    there.runner = Worker("b")
    telling.get(timeout=5)
    assert place.share == Share(1, 2)


@pytest.mark.parametrize(("there", "late"), [(True, False), (False, True)])
def test_on_another_host_only_who_missed_the_start_goes_by_the_wall_clock(there, late):
    said = {"number": 1, "ranks": {"a": 0} if there else {}, "run_time": None, "started": 5.0}
    said |= {"epoch": time.time() - 100, "boot_id": "of another host"}
    place = _Place()
    place.on_test_start(environment(Worker("a"), worker=True, **{OPTION: said}))
    assert time.monotonic() - place.started == pytest.approx(100 if late else 0, abs=20)


def test_the_run_time_and_the_number_of_the_test_reach_the_workers():
    _, (worker,) = started(Master("a"), "a", run_time=90)
    assert (worker.run_time, worker.number) == (90, 1)


@pytest.mark.parametrize("unknown", [None, 0, "", "90s"])
def test_a_run_time_that_locust_does_not_know_is_none(unknown):
    place = _Place()
    place.on_test_start(environment(object(), worker=False, run_time=unknown))
    assert place.run_time is None


def test_time_counts_from_the_start_of_the_test(place):
    place.on_test_start(environment(object(), worker=False))
    assert 0 <= elapsed() < 60
    place.started -= 1000
    assert 1000 <= elapsed() < 1060


# Quotas


def test_a_quota_is_used_up_and_no_more():
    quota = Quota("kafkas", per_worker=2)
    with process(1, 3):
        assert [quota.take() for _ in range(4)] == [True, True, False, False]
        assert (quota.limit, quota.used, quota.left) == (2, 2, 0)


def test_what_failed_is_given_back_and_can_be_taken_again():
    quota = Quota("kafkas", per_worker=1)
    with process(0, 1):
        assert quota.take()
        quota.give_back()
        assert (quota.used, quota.left) == (0, 1)
        assert quota.take()


def test_nothing_can_be_given_back_that_was_not_taken():
    with process(0, 1), pytest.raises(ValueError, match="'kafkas'"):
        Quota("kafkas", per_worker=1).give_back()


def test_twenty_users_that_race_for_five_get_five():
    quota, made = Quota("kafkas", per_worker=5), []

    def create():
        if quota.take():
            gevent.sleep(0)  # the call that is slow
            made.append(1)

    with process(0, 1):
        gevent.joinall([gevent.spawn(create) for _ in range(20)], timeout=5, raise_error=True)
    assert len(made) == 5


@given(st.integers(1, 30), st.integers(0, 1000))
def test_a_total_is_split_over_the_processes_without_loss(of, total):
    taken = 0
    for rank in range(of):
        quota = Quota("things", total=total)
        with process(rank, of):
            while quota.take():
                taken += 1
    assert taken == total


def test_a_quota_for_each_worker_holds_for_one_that_came_late_and_a_total_has_no_part_left_for_it():
    with process(-1, 2):
        assert Quota("things", per_worker=3).left == 3
        assert Quota("things", total=300).left == 0


def test_a_new_test_begins_at_nothing():
    quota = Quota("kafkas", per_worker=1)
    with process(0, 1, test=1):
        assert quota.take()
        assert not quota.take()
    with process(0, 1, test=2):
        assert quota.used == 0
        assert quota.take()


@pytest.mark.parametrize("wrong", [{}, {"per_worker": 1, "total": 1}, {"per_worker": -1}, {"total": -1}])
def test_a_quota_needs_exactly_one_number(wrong):
    with pytest.raises(ValueError, match="one of per_worker and total"):
        Quota("things", **wrong)


def test_a_quota_says_what_it_is():
    assert repr(Quota("kafkas", total=7)) == "Quota('kafkas', total=7, used=0)"
