"""The timeline of a run on a virtual clock, and runs that have no time for it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from load_process import Worker, environment
    from locust.exception import StopTest

    from loadproof.errors import RunError, UsageError
    from loadproof.kit import coordination, phases
    from loadproof.kit.coordination import _Place
    from loadproof.kit.phases import Phase, Phases

FLEET = [Phase("seed", until=60), Phase("mix"), Phase("cleanup", before_end=90), Phase("sweep", before_end=60)]


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No timelines of other tests, and a process in which no test has begun."""
    monkeypatch.setattr(phases, "_timelines", set())
    fresh = _Place()
    for module in (coordination, phases):
        monkeypatch.setattr(module, "place", fresh)
    return fresh


TIMELINE = [
    *((0, "seed", 60), (59.9, "seed", 0.1), (60, "mix", 7050), (7109, "mix", 1)),
    *((7110, "cleanup", 30), (7140, "sweep", 60), (7199, "sweep", 1), (7300, "sweep", 0)),
]


@pytest.mark.parametrize(("at", "name", "left"), TIMELINE)
def test_the_time_says_the_phase_and_how_long_it_lasts(clock, at, name, left):
    timeline = Phases(FLEET, run_time=7200, clock=clock)
    clock.now = at
    assert timeline.now() == name
    assert timeline.left == pytest.approx(left)


def test_time_counts_from_the_start_of_the_test_and_not_of_the_file(alone):
    timeline = Phases(FLEET, run_time=7200)
    with pytest.raises(RunError):
        timeline.now()
    alone.on_test_start(environment(object(), worker=False))
    assert timeline.now() == "seed"
    alone.started -= 7120
    assert timeline.now() == "cleanup"


def test_the_length_of_the_run_is_locusts_unless_said_otherwise(clock, alone):
    timeline = Phases(FLEET, clock=clock)
    alone.on_test_start(environment(object(), worker=False, run_time=300))
    clock.now = 215
    assert timeline.now() == "cleanup"
    assert timeline.left == pytest.approx(25)


def test_without_an_end_the_last_phase_lasts(clock):
    timeline = Phases([Phase("hold off", until=5), Phase("mix")], clock=clock)
    assert (timeline.now(), timeline.left) == ("hold off", 5)
    clock.now = 1e6
    assert (timeline.now(), timeline.left) == ("mix", math.inf)


@given(st.integers(151, 10_000), st.floats(0, 20_000))
def test_some_phase_is_always_on_and_they_never_go_back(run_time, at):
    clock = Clock()
    timeline = Phases(FLEET, run_time=run_time, clock=clock)
    names = [phase.name for phase in FLEET]
    before = names.index(timeline.now())
    clock.now = at
    assert names.index(timeline.now()) >= before
    assert 0 <= timeline.left <= run_time


@pytest.mark.parametrize("run_time", [1, 60, 90, 150])
def test_a_run_too_short_for_its_phases_is_refused_at_once(run_time):
    with pytest.raises(UsageError, match="has no time in a run of") as caught:
        Phases(FLEET, run_time=run_time)
    assert caught.value.slug == "bad-phases"


WRONG = {
    "at least one phase": [],
    "a name of its own": [Phase("mix", until=3), Phase("mix")],
    "nothing says when 'seed' ends": [Phase("seed"), Phase("mix")],
    "two things say when 'seed' ends": [Phase("seed", until=3), Phase("mix", before_end=3)],
    "cannot have before_end": [Phase("seed", before_end=3)],
    "cannot have until": [Phase("mix", until=3)],
    "'b' has no time in a run of 1 m 40 s: it would begin at 20 s and end at 10 s": [
        *(Phase("a", until=20), Phase("b", until=10), Phase("c"))
    ],
    "'a' has no time in a run of 1 m 40 s: it would begin at 0 s and end at -20 s": [
        *(Phase("a"), Phase("b", before_end=120))
    ],
}


@pytest.mark.parametrize("why", WRONG)
def test_phases_with_gaps_or_overlaps_are_refused(why):
    with pytest.raises(UsageError) as caught:
        Phases(WRONG[why], run_time=100)
    assert why in str(caught.value)


def starting(**options):
    return environment(object(), worker=False, headless=True, **options)


def test_a_run_that_locust_ends_at_another_time_is_refused_before_it_begins(caplog):
    timeline = Phases(FLEET, run_time=7200)
    phases._on_init(starting(run_time=7200))
    phases._on_init(starting(run_time=None))
    with pytest.raises(SystemExit) as caught:
        phases._on_init(starting(run_time=60))
    assert caught.value.code == 2
    assert "Locust ends the run after 1 m 00 s, and its phases are made for 2 h 00 m" in caplog.text
    assert timeline


@pytest.mark.parametrize("run_time", [None, 100])
def test_a_run_of_locusts_that_is_too_short_is_refused_before_it_begins(run_time, caplog):
    timeline = Phases(FLEET)
    with pytest.raises(SystemExit):
        phases._on_init(starting(run_time=run_time))
    assert "[bad-phases]" in caplog.text
    assert timeline


def test_where_a_shape_or_a_page_says_how_long_it_is_it_is_checked_at_the_start(alone):
    timeline = Phases(FLEET)
    shaped = starting(run_time=None)
    shaped.shape_class = object()
    phases._on_init(shaped)
    phases._on_init(environment(object(), worker=False, headless=False, run_time=5))
    short = environment(object(), worker=False, run_time=100)
    alone.on_test_start(short)
    with pytest.raises(StopTest, match="has no time in a run of"):
        phases._on_test_start(short)
    long = environment(object(), worker=False, run_time=1000)
    alone.on_test_start(long)
    phases._on_test_start(long)
    assert timeline


def test_workers_leave_it_to_their_master():
    timeline = Phases(FLEET)
    phases._on_init(environment(Worker("a"), worker=True, headless=True, run_time=None))
    phases._on_test_start(environment(None, worker=True))
    assert timeline
