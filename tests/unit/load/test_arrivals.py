"""Arrivals come when the schedule says so; each is started or dropped, and counted once.

Most of it is shown in virtual time: the clock is a number, and the alarm rings when a test says so.
"""

from __future__ import annotations

import heapq
import random
import time
from types import SimpleNamespace

import gevent
import numpy  # noqa: F401, ICN001 - loaded now, as in a load process: the first schedule must not wait for it
import pytest
from gevent.event import Event

from loadproof.plan import Profile, Stage
from loadproof.plan.profile import Schedule
from loadproof.record import ArrivalCounts

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from locust.exception import StopUser

    from loadproof.load import arrivals as module
    from loadproof.load.arrivals import Arrivals

MS = 1_000_000
SECOND = 1_000_000_000


class User:
    """As far as arrivals know one."""

    _state = "running"


class A(User):
    pass


class B(User):
    pass


class FakeLog:
    """Counts by second."""

    def __init__(self):
        self.seconds = {}
        self.iterations = []
        self.error_rate = 0.0

    def arrivals_in(self, at_ns):
        return self.seconds.setdefault(at_ns // SECOND, ArrivalCounts())

    def on_iteration(self, name, user_class, iteration, *, failed):
        self.iterations.append((name, user_class, iteration.due_ns, failed))

    @property
    def total(self):
        total = ArrivalCounts()
        for counts in self.seconds.values():
            total.merge(counts)
        return total

    @property
    def figures(self):
        """Offered, started, dropped."""
        return self.total.offered, self.total.started, self.total.dropped


class FakeAlarm:
    """Rings when it is told to."""

    at = None
    closed = False

    def __init__(self, ring):
        self.ring = ring

    def set(self, at_ns):
        self.at = at_ns

    def close(self):
        self.closed = True
        self.at = None


def settle():
    """Let everybody run who can."""
    for _ in range(3):
        gevent.sleep(0)


class Desk:
    """A scenario's arrivals in virtual time, whose start is 0; times are in milliseconds."""

    START = 1_000 * SECOND

    def __init__(self, classes=("A",), weights=(1.0,), *, late="drop", limit=None):
        self.now_ns = self.START
        self.log = FakeLog()
        self.arrivals = Arrivals(classes, weights, late=late, limit=limit, log=self.log)
        self.alarm = self.arrivals._alarm
        self.users = []
        self.starts = []
        self._busy = []

    @property
    def now(self):
        return (self.now_ns - self.START) / MS

    def add(self, at, *stages, **settings):
        """``stages``: seconds and rate, or seconds, first and last rate; None as seconds has no end."""
        parts = tuple(Stage(duration=stage[0], start=stage[1], end=stage[-1]) for stage in stages)
        profile = Profile(model="open", stages=parts, **settings)
        self.arrivals.add(self.START + round(at * MS), profile)

    def user(self, cls=A, *, takes=0.0):
        """A user whose iterations take so many milliseconds."""
        user = cls()
        user.greenlet = gevent.spawn(self._iterate, user, takes)
        self.users.append(user)
        settle()
        return user

    def _iterate(self, user, takes):
        while True:
            due = self.arrivals.take(user)
            self.starts.append(((due - self.START) / MS, user))
            iteration = SimpleNamespace(due_ns=due, started_ns=self.now_ns)
            try:
                if takes:
                    done = Event()
                    heapq.heappush(self._busy, (self.now_ns + round(takes * MS), id(done), done))
                    done.wait()
            finally:
                self.arrivals.give_back(user, "task", iteration, failed=False)

    def to(self, at):
        """Go on until so many milliseconds after the start."""
        until = self.START + round(at * MS)
        while True:
            ends = self._busy[0][0] if self._busy else None
            rings = self.alarm.at
            due = min((when for when in (ends, rings) if when is not None), default=None)
            if due is None or due > until:
                break
            self.now_ns = max(self.now_ns, due)
            if due == ends:
                heapq.heappop(self._busy)[2].set()
            else:
                self.alarm.at = None
                self.alarm.ring()
            settle()
        self.now_ns = max(self.now_ns, until)

    def jump(self, at):
        """The process stands still until then."""
        self.now_ns = self.START + round(at * MS)
        self.alarm.ring()
        settle()


@pytest.fixture
def desk(monkeypatch):
    """Makes desks."""
    made = []

    def make(*args, **kwargs):
        with monkeypatch.context() as patch:
            patch.setattr(module, "Alarm", FakeAlarm)
            made.append(Desk(*args, **kwargs))
        clock = SimpleNamespace(
            monotonic_ns=lambda: made[-1].now_ns,
            monotonic=lambda: made[-1].now_ns / SECOND,
        )
        monkeypatch.setattr(module, "time", clock)
        return made[-1]

    yield make
    gevent.killall([user.greenlet for each in made for user in each.users], timeout=2)
    for each in made:
        assert each.log.total.offered == each.log.total.started + each.log.total.dropped + sum(
            len(pool.overdue) for pool in each.arrivals._pools
        )


# On time


def test_each_arrival_starts_at_its_time(desk):
    made = desk()
    made.add(0, (0.1, 50.0))
    made.user()
    made.to(200)
    assert [due for due, _ in made.starts] == [10, 30, 50, 70, 90]
    assert made.log.figures == (5, 5, 0)
    assert (made.log.total.lag.maximum, made.log.total.late) == (0.0, 0)


def test_nothing_arrives_before_a_profile_begins(desk):
    made = desk()
    made.user()
    made.add(500, (0.1, 50.0))
    made.to(505)
    assert made.log.figures == (0, 0, 0)
    made.to(1_000)
    assert [due for due, _ in made.starts] == [510, 530, 550, 570, 590]


def test_whoever_waits_longest_is_next(desk):
    made = desk()
    first, second = made.user(takes=1), made.user(takes=1)
    made.add(0, (0.1, 40.0))
    made.to(200)
    assert [user for _, user in made.starts] == [first, second, first, second]


def test_an_arrival_counts_in_the_second_in_which_it_was_due(desk):
    made = desk()
    made.add(990, (0.01, 100.0))  # due at 995
    made.to(990)
    made.jump(1_005)
    made.user()
    assert made.log.figures == (1, 1, 0)
    assert list(made.log.seconds) == [Desk.START // SECOND]


def test_what_was_done_is_told_by_class_and_task(desk):
    made = desk()
    made.user()
    made.add(0, (0.02, 50.0))
    made.to(100)
    assert made.log.iterations == [("A.task", "A", Desk.START + 10 * MS, False)]


def test_iterations_are_in_flight_until_they_are_given_back(desk):
    made = desk()
    for _ in range(3):
        made.user(takes=35)
    made.add(0, (0.06, 50.0))
    made.to(31)
    assert (made.arrivals.in_flight, made.arrivals.free()) == (2, {"A": 1})
    made.to(51)
    assert (made.arrivals.in_flight, made.arrivals.free()) == (2, {"A": 1})
    made.to(200)
    assert (made.arrivals.in_flight, made.arrivals.free()) == (0, {"A": 3})


# Nobody is free


@pytest.mark.parametrize("late", ["drop", "run"])
@pytest.mark.parametrize("arrivals", ["even", "poisson"])
@pytest.mark.parametrize(("users", "takes"), [(0, 0), (1, 0), (1, 70), (3, 25), (20, 100)])
def test_every_arrival_is_started_or_dropped(late, arrivals, users, takes, desk):
    made = desk(late=late)
    for _ in range(users):
        made.user(takes=takes)
    made.add(0, (0.2, 0.0, 100.0), (0.2, 100.0), arrivals=arrivals)
    made.to(5_000)
    offered, started, dropped = made.log.figures
    if arrivals == "even":
        assert offered == 30
    made.arrivals.close()
    settle()
    assert made.log.total.started + made.log.total.dropped == offered == made.log.total.offered
    if late == "run" and users:
        assert (started, dropped) == (offered, 0)
    if not users:
        assert made.log.total.dropped == offered


def test_an_arrival_waits_20_ms_for_a_user(desk):
    made = desk()
    made.add(0, (0.01, 100.0))  # due at 5
    made.to(25)
    assert made.log.figures == (1, 0, 0)
    made.user()
    assert made.log.figures == (1, 1, 0)
    assert made.log.total.late == 1
    assert made.log.total.lag.maximum == pytest.approx(0.02, rel=0.01)


def test_an_arrival_is_dropped_after_20_ms_without_anybody_asking(desk):
    made = desk()
    made.add(0, (0.01, 100.0))
    made.to(25.1)
    assert made.log.figures == (1, 0, 1)
    assert made.arrivals.over


def test_a_user_that_comes_too_late_gets_the_next_arrival(desk):
    made = desk()
    made.add(0, (0.04, 50.0))  # due at 10 and at 30
    made.to(12)
    made.now_ns = Desk.START + 31 * MS  # nobody rang meanwhile
    made.user()
    assert made.log.figures == (1, 0, 1)
    made.alarm.ring()
    settle()
    assert made.log.figures == (2, 1, 1)
    assert [due for due, _ in made.starts] == [30]


@pytest.mark.parametrize(("lag", "late"), [(9.9, 0), (10.0, 0), (10.1, 1)])
def test_a_start_is_late_from_10_ms_on(lag, late, desk):
    made = desk()
    made.user()
    made.add(0, (0.01, 100.0))
    made.jump(5 + lag)
    assert made.log.figures == (1, 1, 0)
    assert made.log.total.late == late


def test_a_pause_of_the_process_drops_none_for_which_there_are_users(desk):
    made = desk()
    for _ in range(10):
        made.user(takes=100)
    made.add(0, (0.1, 100.0))
    made.jump(400)
    assert made.log.figures == (10, 10, 0)
    assert made.log.total.lag.maximum == pytest.approx(0.395, rel=0.01)


def test_late_ones_that_are_to_run_do_so_in_their_order(desk):
    made = desk(late="run")
    made.add(0, (0.05, 100.0))
    made.to(10_000)
    assert made.log.figures == (5, 0, 0)
    assert not made.arrivals.over
    made.user(takes=1)
    made.to(11_000)
    assert [due for due, _ in made.starts] == [5, 15, 25, 35, 45]
    assert made.log.total.late == 5
    assert made.arrivals.over


# Users that go


def test_a_user_that_is_killed_once_it_was_chosen_drops_its_arrival(desk):
    made = desk()
    user = made.user()
    made.add(0, (0.01, 100.0))
    made.now_ns += 5 * MS
    user.greenlet.kill(block=False)
    made.alarm.ring()
    assert made.log.total.offered == 1
    settle()
    assert made.log.figures == (1, 0, 1)
    assert made.starts == []


def test_a_user_that_is_killed_after_it_was_woken_has_started(desk):
    made = desk()
    user = made.user(takes=50)
    made.add(0, (0.01, 100.0))
    made.now_ns += 5 * MS
    made.alarm.ring()
    user.greenlet.kill(block=False)
    settle()
    assert made.log.figures == (1, 1, 0)
    assert made.arrivals.in_flight == 0
    assert len(made.log.iterations) == 1


def test_a_user_that_was_told_to_stop_when_it_was_chosen_stops(desk):
    made = desk()
    user = made.user()
    made.add(0, (0.01, 100.0))
    made.now_ns += 5 * MS
    made.alarm.ring()
    user._state = "stopping"
    with pytest.raises(StopUser):
        user.greenlet.get(timeout=2)
    assert made.log.figures == (1, 0, 1)


def test_a_user_that_waits_may_be_stopped_at_once_and_one_that_works_may_not(desk):
    made = desk()
    user = made.user(takes=50)
    assert user._state == "waiting"
    made.add(0, (0.01, 100.0))
    made.to(6)
    assert user._state == "running"


def test_a_user_that_was_killed_while_it_waited_is_chosen_no_more(desk):
    made = desk()
    killed, left = made.user(), made.user()
    killed.greenlet.kill(timeout=2)
    assert made.arrivals.free() == {"A": 1}
    made.add(0, (0.02, 100.0))
    made.to(100)
    assert [user for _, user in made.starts] == [left, left]
    assert made.log.figures == (2, 2, 0)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("late", ["drop", "run"])
def test_nothing_is_lost_while_users_come_and_go(seed, late, desk):
    chance = random.Random(seed)
    made = desk(late=late)
    made.add(0, (0.4, 400.0), arrivals="poisson", seed=seed)
    for number in range(1, 120):
        if chance.random() < 0.5:
            made.user(takes=chance.choice([0, 3, 30]))
        alive = [user for user in made.users if not user.greenlet.dead]
        gone = chance.sample(alive, min(len(alive), chance.choice([0, 0, 1, 3])))
        early = chance.random() < 0.5
        if early:
            for user in gone:
                user.greenlet.kill(block=False)
        made.now_ns = max(made.now_ns, Desk.START + round(number * 4 * MS))
        made.alarm.ring()
        if not early:
            for user in gone:
                user.greenlet.kill(block=False)
        made.to(number * 4)
    offered = sum(len(times) for times, _ in Schedule(_profile_of(seed)).blocks())
    made.arrivals.close()
    settle()
    total = made.log.total
    assert total.offered == total.started + total.dropped == offered
    assert total.started == len(made.starts) > 0
    assert total.lag.count == total.started


def _profile_of(seed):
    stage = Stage(duration=0.4, start=400.0, end=400.0)
    return Profile(model="open", stages=(stage,), arrivals="poisson", seed=seed)


# The end


def test_closing_drops_what_waits_and_what_is_due_and_nothing_later(desk):
    made = desk(late="run")
    made.add(0, (1.0, 100.0))
    made.to(26)
    assert made.log.figures == (3, 0, 0)
    made.now_ns = Desk.START + 48 * MS  # nobody rang meanwhile
    made.arrivals.close()
    assert made.log.figures == (5, 0, 5)
    assert made.alarm.closed
    assert made.arrivals.over
    made.jump(2_000)
    assert made.log.figures == (5, 0, 5)


def test_closing_lets_those_who_were_chosen_start(desk):
    made = desk()
    made.user(takes=10)
    made.add(0, (1.0, 100.0))
    made.now_ns += 6 * MS
    made.arrivals.close()
    settle()
    assert made.log.figures == (1, 1, 0)
    made.arrivals.close()  # once more changes nothing
    assert made.log.figures == (1, 1, 0)


def test_it_is_over_once_no_arrival_is_left(desk):
    made = desk()
    assert not made.arrivals.over  # as nothing has begun
    made.user()
    made.add(0, (0.05, 100.0))
    made.to(44)
    assert not made.arrivals.over
    made.to(45)
    assert made.arrivals.over


def test_it_is_not_over_while_an_arrival_waits(desk):
    made = desk()
    made.add(0, (0.01, 100.0))
    made.to(20)
    assert not made.arrivals.over
    made.to(30)
    assert made.arrivals.over


def test_it_is_over_at_once_where_a_profile_asks_for_nothing_and_goes_on_with_the_next(desk):
    made = desk()
    made.user()
    made.add(0, (1.0, 0.0))
    assert made.arrivals.over
    made.add(100, (0.02, 100.0))
    assert not made.arrivals.over
    made.to(200)
    assert made.arrivals.over
    assert made.log.figures == (2, 2, 0)


def test_an_endless_profile_is_never_over(desk):
    made = desk()
    made.user()
    made.add(0, (None, 20.0))
    made.to(60_000)
    assert not made.arrivals.over
    assert made.log.figures == (1_200, 1_200, 0)


@pytest.mark.parametrize(("workers", "shares"), [(1, [7]), (2, [4, 3]), (3, [3, 2, 2])])
def test_a_limit_holds_over_all_processes(workers, shares, desk):
    found = []
    for rank in range(workers):
        made = desk(limit=7)
        made.arrivals.begin(rank, workers)
        made.user()
        made.add(0, (None, 100.0))
        made.to(1_000)
        assert made.arrivals.over
        found.append(made.log.total.started)
    assert found == shares


# One profile after another


def test_a_later_profile_ends_the_one_before(desk):
    made = desk()
    made.user()
    made.add(0, (None, 100.0))
    made.to(95)
    made.add(200, (0.1, 50.0))
    made.to(1_000)
    assert [due for due, _ in made.starts] == [5 + 10 * n for n in range(20)] + [210, 230, 250, 270, 290]
    assert made.arrivals.over


def test_a_profile_that_is_over_before_the_next_begins_is_whole(desk):
    made = desk()
    made.user()
    made.add(0, (0.03, 100.0))
    made.add(100, (0.02, 100.0))
    made.to(1_000)
    assert [due for due, _ in made.starts] == [5, 15, 25, 105, 115]


def test_a_later_profile_ends_one_of_many_thousand_arrivals_to_the_arrival(desk):
    made = desk()
    made.add(0, (None, 10_000.0))
    made.jump(100)
    made.add(1_500, (0.01, 1_000.0))
    made.jump(1_000)
    made.jump(3_000)
    assert made.log.figures == (15_010, 0, 15_010)


def test_a_profile_that_begins_in_the_past_is_caught_up_with(desk):
    made = desk(late="run")
    made.user()
    made.add(-50, (0.1, 100.0))
    made.to(100)
    assert made.log.figures == (10, 10, 0)


def test_nothing_stops_arrivals_from_a_time_on(desk):
    made = desk()
    made.user()
    made.add(0, (None, 100.0))
    made.to(20)
    made.add(50, (1.0, 0.0))
    made.to(1_000)
    assert made.log.figures == (5, 5, 0)


def test_a_profile_that_begins_before_others_that_were_added_takes_their_place(desk):
    made = desk()
    made.user()
    for at in (0, 100, 200):
        made.add(at, (None, 100.0))
    made.add(50, (1.0, 0.0))
    made.to(1_000)
    assert made.log.figures == (5, 5, 0)


# Classes


def test_arrivals_go_to_classes_by_weight(desk):
    made = desk(("A", "B"), (3.0, 1.0))
    made.user(A)
    made.user(B)
    made.add(0, (1.0, 400.0), seed=5)
    made.to(2_000)
    count = {cls: sum(isinstance(user, cls) for _, user in made.starts) for cls in (A, B)}
    assert sum(count.values()) == 400
    assert 270 <= count[A] <= 330
    profile = Profile(model="open", stages=(Stage(duration=1.0, start=400.0, end=400.0),), seed=5)
    drawn = [number for _, numbers in Schedule(profile, weights=(3.0, 1.0)).blocks() for number in numbers]
    assert [isinstance(user, B) for _, user in made.starts] == [number == 1 for number in drawn]


def test_a_user_of_another_class_takes_no_arrival(desk):
    made = desk(("A", "B"), (1.0, 0.0))
    made.user(B)
    made.add(0, (0.05, 100.0))
    made.to(1_000)
    assert made.log.figures == (5, 0, 5)
    assert made.arrivals.free() == {"A": 0, "B": 1}


# How many users it takes


def seen(made, *, rate, takes, users, seconds=1.0):
    """The same load for a while."""
    for _ in range(users):
        made.user(takes=takes)
    made.add(0, (None, rate))
    made.to(1_000 * seconds)
    return made.arrivals


def test_before_anything_was_seen_as_many_are_needed_as_there_are(desk):
    arrivals = desk(("A", "B"), (1.0, 1.0)).arrivals
    assert arrivals.needs({"A": 3}) == {"A": 3, "B": 0}
    assert arrivals.ideal == 0


@pytest.mark.parametrize(("rate", "takes", "ideal"), [(100.0, 100, 12), (50.0, 30, 2), (20.0, 500, 12), (1.0, 1, 1)])
def test_the_ideal_is_littles_law_and_a_fifth_more(rate, takes, ideal, desk):
    arrivals = seen(desk(), rate=rate, takes=takes, users=20)
    assert arrivals.needs({"A": ideal}) == {"A": ideal}
    assert arrivals.ideal == ideal


def test_users_are_never_given_up(desk):
    arrivals = seen(desk(), rate=100.0, takes=100, users=20)
    assert arrivals.needs({"A": 20}) == {"A": 20}


@pytest.mark.parametrize(("here", "needed"), [(2, 12), (10, 20), (50, 100), (90, 120)])
def test_growth_is_at_most_ten_or_twice_as_many_at_once(here, needed, desk):
    arrivals = seen(desk(), rate=1_000.0, takes=100, users=120)
    assert arrivals.needs({"A": here}) == {"A": needed}
    assert arrivals.ideal == 120


@pytest.mark.parametrize(("here", "needed"), [(0, 1), (1, 2), (4, 5), (8, 10), (40, 50), (100, 125)])
def test_where_an_arrival_found_nobody_a_quarter_more_is_needed(here, needed, desk):
    made = desk()
    made.add(0, (0.01, 100.0))
    made.to(10)
    assert made.arrivals.needs({"A": here}) == {"A": needed}
    assert made.arrivals.needs({"A": needed}) == {"A": needed}  # once for each time


@pytest.mark.parametrize(("error_rate", "needed"), [(0.0, 12), (0.1, 12), (0.11, 5), (1.0, 5)])
def test_none_more_are_needed_while_requests_fail(error_rate, needed, desk):
    made = desk()
    arrivals = seen(made, rate=100.0, takes=100, users=20)
    made.log.error_rate = error_rate
    assert arrivals.needs({"A": 5}) == {"A": needed}
    assert arrivals.ideal == 12


def test_short_of_users_while_requests_fail_needs_none_more_either(desk):
    made = desk()
    made.log.error_rate = 0.5
    made.add(0, (0.1, 100.0))
    made.to(200)
    assert made.arrivals.needs({"A": 8}) == {"A": 8}


def test_the_rate_is_that_of_the_last_second_however_often_it_is_asked(desk):
    made = desk()
    for _ in range(20):
        made.user(takes=100)
    made.add(0, (3.0, 100.0))
    ideals = []
    for turn in range(1, 31):
        made.to(100 * turn)
        made.arrivals.needs({"A": 20})
        ideals.append(made.arrivals.ideal)
    assert ideals[0] < 6
    assert all(12 <= ideal <= 14 for ideal in ideals[10:])
    made.to(4_500)
    made.arrivals.needs({"A": 20})
    assert made.arrivals.ideal == 0


@pytest.mark.parametrize(("slow", "ideal"), [(1, 2), (2, 60)])
def test_one_slow_iteration_of_200_does_not_count_but_two_do(slow, ideal, desk):
    made = desk()
    pool = made.arrivals._by_name["A"]
    pool.takes.extend([500 * MS] * slow + [10 * MS] * (200 - slow))
    pool.taken = 100
    made.arrivals.needs({})
    assert made.arrivals.ideal == ideal


def test_each_class_has_needs_of_its_own(desk):
    made = desk(("A", "B"), (1.0, 1.0))
    for _ in range(10):
        made.user(A, takes=100)
        made.user(B, takes=10)
    made.add(0, (1.0, 100.0))
    made.to(1_000)
    needs = made.arrivals.needs({"A": 0, "B": 0})
    assert 5 <= needs["A"] <= 8
    assert needs["B"] == 1
    assert made.arrivals.ideal == sum(needs.values())


# In real time


class RealTime:
    """Users that sleep, and an alarm that rings."""

    def __init__(self, **settings):
        self.log = FakeLog()
        self.arrivals = Arrivals(("A",), (1.0,), limit=None, log=self.log, **settings)
        self.greenlets = []

    def user(self, takes):
        self.greenlets.append(gevent.spawn(self._iterate, A(), takes))

    def _iterate(self, user, takes):
        while True:
            due = self.arrivals.take(user)
            iteration = SimpleNamespace(due_ns=due, started_ns=time.monotonic_ns())
            try:
                gevent.sleep(takes)
            finally:
                self.arrivals.give_back(user, "task", iteration, failed=False)

    def end(self):
        self.arrivals.close()
        settle()
        gevent.killall(self.greenlets, timeout=2)


@pytest.mark.parametrize("late", ["drop", "run"])
@pytest.mark.parametrize(("users", "takes"), [(0, 0.0), (1, 0.03), (20, 0.01)])
def test_every_arrival_is_started_or_dropped_in_real_time(late, users, takes):
    real = RealTime(late=late)
    for _ in range(users):
        real.user(takes)
    settle()
    stage = Stage(duration=0.05, start=400.0, end=400.0)
    real.arrivals.add(time.monotonic_ns() + 5 * MS, Profile(model="open", stages=(stage,), arrivals="even"))
    deadline = time.monotonic() + (0.09 if late == "run" else 2)
    while not (real.arrivals.over and not real.arrivals.in_flight) and time.monotonic() < deadline:
        gevent.sleep(0.002)
    real.end()
    total = real.log.total
    assert total.offered == total.started + total.dropped == 20
    assert total.lag.count == total.started == len(real.log.iterations)
    assert total.started == 0 if not users else total.started > 0


def test_arrivals_start_within_two_milliseconds_unless_the_machine_is_busy():
    stage = Stage(duration=0.06, start=200.0, end=200.0)
    lags = []
    while len(lags) < 5 and not any(lag < 0.002 for lag in lags):
        real = RealTime(late="drop")
        for _ in range(5):
            real.user(0.0)
        settle()
        real.arrivals.add(time.monotonic_ns() + 5 * MS, Profile(model="open", stages=(stage,)))
        deadline = time.monotonic() + 2
        while not real.arrivals.over and time.monotonic() < deadline:
            gevent.sleep(0.002)
        real.end()
        assert real.log.figures[0] == 12
        lags.append(real.log.total.lag.quantile(0.5) or 1.0)
    assert min(lags) < 0.002


# Paused


def test_arrivals_of_a_pause_are_neither_offered_nor_dropped_and_the_schedule_goes_on(desk):
    made = desk()
    made.add(0, (0.2, 50.0))
    made.user()
    made.to(55)
    made.arrivals.pause(paused=True)
    made.to(125)
    assert made.log.figures == (3, 3, 0)
    assert not made.arrivals.over
    made.arrivals.pause(paused=False)
    made.to(300)
    assert [due for due, _ in made.starts] == [10, 30, 50, 130, 150, 170, 190]
    assert made.log.figures == (7, 7, 0)
    assert made.arrivals.made == 7
    assert made.arrivals.over


def test_a_schedule_that_ends_in_a_pause_is_over(desk):
    made = desk()
    made.add(0, (0.1, 50.0))
    made.user()
    made.to(35)
    made.arrivals.pause(paused=True)
    made.to(200)
    assert made.arrivals.over
    assert made.log.figures == (2, 2, 0)


def test_what_was_due_before_a_pause_is_still_made_where_it_may_be_late(desk):
    made = desk(late="run")
    made.add(0, (0.1, 50.0))
    made.user(takes=45)
    made.to(55)  # one has ended, one goes on, and one waits
    made.arrivals.pause(paused=True)
    made.to(300)
    assert [due for due, _ in made.starts] == [10, 30, 50]
    assert made.log.figures == (3, 3, 0)


def test_a_pause_begins_after_what_is_due_already_however_late_the_process_is(desk):
    made = desk()
    made.add(0, (0.2, 50.0))
    made.user()
    made.now_ns = made.START + 12 * MS  # it stood still since the start
    made.arrivals.pause(paused=True)
    made.to(100)
    assert [due for due, _ in made.starts] == [10]
