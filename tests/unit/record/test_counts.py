from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.record import ArrivalCounts, Counts, Recorder, Sample, Tally, merged
from loadproof.record.tally import add_tallies

few = settings(max_examples=30, deadline=None)


def sample(name, method, took, outcome="success", late=0.0):
    kind = "timeout" if outcome == "failure" else None
    return Sample(name, method, 1.0 - late, 1.0, 1.0 + took, status=200, outcome=outcome, kind=kind)


SAMPLES = st.builds(
    sample,
    st.sampled_from(["/a", "/b", "/ü"]),
    st.sampled_from(["GET", "POST", "FLOW", "POST setup"]),
    st.floats(0, 0.9),
    st.sampled_from(["success", "expected", "failure"]),
    st.sampled_from([0.0, 0.5]),
)
MANY = st.lists(SAMPLES, max_size=20)
ARRIVALS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10**10)), max_size=10)


def entries_of(samples):
    recorder = Recorder()
    recorder.record_all(samples)
    return recorder.interval({}).windows.get(1, {})


def arrivals_of(found):
    counts = ArrivalCounts()
    for what, lag in found:
        counts.offered += 1
        counts.dropped += what == 0
        counts.started += what > 0
        counts.late += what == 2
        if what:
            counts.lag.record(lag)
    return counts


def counts_of(samples=(), arrivals=()):
    counts = Counts()
    counts.add(entries_of(samples))
    counts.arrivals.merge(arrivals_of(arrivals))
    return counts


def spread(n, width=1):
    """Entries whose durations lie far apart."""
    tally = Tally()
    for i in range(n):
        tally.response.record(1_000_000 + 37_000 * width * i)
    return {"success": tally}


def test_nothing_is_counted_at_first():
    counts = Counts()
    assert (counts.samples, counts.keys(), counts.totals(), counts.select(), counts.memory()) == (0, [], {}, {}, 0)
    assert counts.arrivals == ArrivalCounts()


@few
@given(MANY, MANY, ARRIVALS, ARRIVALS)
def test_counts_that_are_merged_in_any_order_hold_all(a, b, due_a, due_b):
    whole = counts_of([*a, *b], [*due_a, *due_b])
    for first, second in ((counts_of(a, due_a), counts_of(b, due_b)), (counts_of(b, due_b), counts_of(a, due_a))):
        first.merge(second)
        assert first == whole


@few
@given(MANY, MANY, ARRIVALS)
def test_folded_counts_read_and_count_as_open_ones_do(a, b, due):
    plain, folded = counts_of(a, due), counts_of(a, due)
    folded.fold()
    assert folded == plain
    assert [folded.tallies(key) for key in folded.keys()] == [plain.tallies(key) for key in plain.keys()]  # noqa: SIM118
    assert (folded.select("/*"), folded.select(None, "FLOW")) == (plain.select("/*"), plain.select(None, "FLOW"))
    plain.add(entries_of(b))
    folded.add(entries_of(b))
    assert folded == plain
    folded.unfold()
    assert folded == plain


@few
@given(MANY, ARRIVALS, st.booleans())
def test_counts_survive_json(samples, due, fold):
    counts = counts_of(samples, due)
    if fold:
        counts.fold()
    loaded = Counts.from_json(json.loads(json.dumps(counts.to_json())))
    assert loaded == counts
    assert loaded.keys() == counts.keys()
    assert loaded.to_json() == counts.to_json()


def test_the_sum_that_is_known_is_taken_for_the_totals():
    entries = entries_of([sample("/a", "GET", 0.1), sample("buy", "FLOW", 0.2)])
    together = {}
    add_tallies(together, entries["/a", "GET"])
    counts = Counts()
    counts.add(entries, together)
    assert counts == counts_of([sample("/a", "GET", 0.1), sample("buy", "FLOW", 0.2)])
    assert counts.samples == 1


def test_what_is_asked_for_is_on_its_own():
    for fold in (False, True):
        counts = counts_of([sample("/a", "GET", 0.1)])
        if fold:
            counts.fold()
        for tallies in (counts.totals(), counts.select(), counts.select("/a"), counts.tallies(("/a", "GET"))):
            tallies["success"].add(sample("/a", "GET", 0.1))
        assert counts == counts_of([sample("/a", "GET", 0.1)])


@pytest.mark.parametrize("fold", [False, True])
def test_coarser_counts_keep_numbers_sums_and_extremes_and_the_precision_of_totals(fold):
    counts = Counts()
    counts.add({("/a", "GET"): spread(500)})
    before, memory = counts.tallies(("/a", "GET"))["success"].response, counts.memory()
    if fold:
        counts.fold()
    counts.coarsen(5)
    counts.coarsen(8)
    after = merged(counts.select("/a")).response
    assert (counts.bits, after.bits, counts.totals()["success"].response.bits) == (5, 5, 10)
    assert (after.count, after.mean, after.minimum, after.maximum) == (
        before.count,
        before.mean,
        before.minimum,
        before.maximum,
    )
    assert after == before.coarse(5)
    assert counts.memory() < memory
    counts.add({("/a", "GET"): spread(1), ("/b", "GET"): spread(1)})
    assert counts.tallies(("/b", "GET"))["success"].response.bits == 5


def test_folded_counts_take_a_fraction_of_the_memory():
    counts = Counts()
    counts.add({(f"/{i}", "GET"): spread(200, 1 + i % 7) for i in range(20)})
    memory = counts.memory()
    counts.fold()
    assert counts.memory() < memory / 5


def test_counts_are_shown_by_their_figures():
    counts = counts_of([sample("/a", "GET", 0.1)], [(1, 5)])
    assert repr(counts) == "<Counts of 1 requests in 1 entries, 1 arrivals>"
    assert repr(counts.arrivals) == "<ArrivalCounts: 1 offered, 1 started, 0 dropped, 0 late>"
