from __future__ import annotations

import json
import random
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.record import (
    ArrivalCounts,
    Delta,
    Histogram,
    Recorder,
    RunRecord,
    Sample,
    Strain,
    Tally,
    merged,
    run_record,
)
from loadproof.record.recorder import MOST_NAMES
from loadproof.record.run_record import ENTRY_BITS
from loadproof.record.timeline import ARRIVAL_BITS, BITS

DAY = 86_400
few = settings(max_examples=30, deadline=None)


def sample(ended, name="/", method="GET", took=0.25, **more):
    return Sample(name=name, method=method, intended_at=ended - took, sent_at=ended - took, ended_at=ended, **more)


def delta_of(*samples, worker="w"):
    recorder = Recorder(worker)
    for each in samples:
        recorder.record(each)
    return recorder.interval({})


def record_of(*samples):
    record = RunRecord()
    record.merge(delta_of(*samples))
    return record


def count(tallies):
    return sum(tally.count for tally in tallies.values())


def counts(windows):
    """Start to number of samples, of windows that have any."""
    return {window.start: count(window.tallies) for window in windows if window.tallies}


def together(windows):
    whole = Tally()
    for window in windows:
        whole.merge(merged(window.tallies))
    return whole


def text(record):
    return json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":"))


def assert_contiguous(windows, end):
    assert windows[0].start == 0
    assert all(before.end == after.start for before, after in pairwise(windows))
    assert windows[-1].end == end


def test_nothing_was_measured_before_the_first_delta():
    record = RunRecord()
    assert (record.samples, record.user_peak, record.users_by_class_peak) == (0, 0, {})
    assert (record.keys(), record.totals(), record.select(), record.windows()) == ([], {}, {}, [])
    assert (record.tallies(("/", "GET")), record.windows_of(("/", "GET")), record.recent(9, 9)) == ({}, [], {})


def test_a_delta_counts_in_its_entry_and_in_the_totals():
    record = record_of(sample(0.5, status=200), sample(0.6, outcome="failure", kind="timeout"), sample(1.5, "/b"))
    assert record.samples == 3
    assert record.keys() == [("/", "GET"), ("/b", "GET")]
    tallies = record.tallies(("/", "GET"))
    assert {outcome: tally.count for outcome, tally in tallies.items()} == {"success": 1, "failure": 1}
    assert (tallies["success"].statuses, tallies["failure"].kinds) == ({200: 1}, {"timeout": 1})
    assert {outcome: tally.count for outcome, tally in record.totals().items()} == {"success": 2, "failure": 1}


def test_keys_are_sorted_by_method_then_name():
    record = record_of(sample(1, "/b", "POST"), sample(1, "/c"), sample(1, "/a", "POST"))
    assert record.keys() == [("/c", "GET"), ("/a", "POST"), ("/b", "POST")]


def test_flows_and_mails_are_kept_out_of_totals():
    record = record_of(sample(0.5), sample(0.5, "checkout", "FLOW"), sample(0.5, "welcome", "MAIL"))
    assert (record.samples, count(record.totals()), counts(record.windows())) == (1, 1, {0: 1})
    assert count(record.tallies(("checkout", "FLOW"))) == 1
    assert counts(record.windows_of(("welcome", "MAIL"))) == {0: 1}


@pytest.mark.parametrize(
    ("name", "method", "expected"),
    [
        (None, None, 7),
        ("/a", None, 2),
        ("/a", "post", 1),
        ("/a*", None, 6),
        ("/a[1]", None, 4),
        ("/a1", None, 0),
        ("*", None, 7),
        ("*", "GET", 6),
        (None, "GET", 6),
        (None, "flow", 8),
        ("/A", None, 0),
        ("buy", None, 8),
        ("b?y", None, 0),
        ("b?y", "FLOW", 8),
        (None, "PUT", 0),
    ],
)
def test_entries_are_selected_by_name_and_method(name, method, expected):
    entries = {("/a", "GET"): 1, ("/a", "POST"): 1, ("/a[1]", "GET"): 4, ("/b", "GET"): 1, ("buy", "FLOW"): 8}
    record = record_of(*(sample(1, *key) for key, n in entries.items() for _ in range(n)))
    assert count(record.select(name, method)) == expected


def test_what_is_asked_for_is_on_its_own():
    record = record_of(sample(0.5))
    for tallies in (record.totals(), record.select(), record.select("/"), record.tallies(("/", "GET"))):
        tallies["success"].add(sample(0.5))
    for window in (*record.windows(), *record.windows_of(("/", "GET"))):
        window.tallies["success"].add(sample(0.5))
    assert record.samples == count(record.select("/")) == count(record.recent(1, 1)) == 1
    assert counts(record.windows()) == counts(record.windows_of(("/", "GET"))) == {0: 1}


def test_windows_of_a_short_run_are_seconds_without_gaps():
    record = record_of(sample(0.5), sample(3.25), sample(3.5))
    assert [(w.start, w.end, count(w.tallies)) for w in record.windows()] == [
        (0, 1, 1),
        (1, 2, 0),
        (2, 3, 0),
        (3, 4, 2),
    ]
    assert [count(window.tallies) for window in record.windows_of(("/", "GET"))] == [1, 0, 0, 2]


def test_deltas_of_two_workers_meet_in_one_window_in_any_order():
    parts = [delta_of(sample(second + 0.5), worker=worker) for worker in "ab" for second in (2, 0, 1)]
    record = RunRecord()
    for part in parts:
        record.merge(part)
    assert counts(record.windows()) == counts(record.windows_of(("/", "GET"))) == {0: 2, 1: 2, 2: 2}


def test_users_of_a_window_are_the_mean_over_its_seconds():
    record = RunRecord()
    for second in range(300):
        record.set_users(second + 0.25, {"A": 999})
        record.set_users(second + 0.75, {"A": second})
    record.merge(delta_of(sample(1_999.5)))
    windows = record.windows()
    assert (windows[0].end, windows[0].users, windows[1].users) == (4, 1.5, 5.5)
    assert windows[-1].users == pytest.approx(297.5)


def test_users_are_absent_until_reported_and_stay_until_reported_anew():
    record = record_of(sample(5.5))
    record.set_users(2.5, {"A": 3, "B": 4})
    record.set_users(4.5, {"A": 5})
    assert [window.users for window in record.windows()] == [None, None, 7, 7, 5, 5]
    assert record.windows_of(("/", "GET"))[2].users is None
    assert (record.user_peak, record.users_by_class_peak) == (7, {"A": 5, "B": 4})


def test_time_goes_on_while_only_users_are_reported():
    record = record_of(sample(0.5))
    record.set_users(3.25, {"A": 1})
    assert [count(window.tallies) for window in record.windows()] == [1, 0, 0]


def test_recent_is_the_last_whole_seconds():
    record = record_of(*(sample(second + 0.5) for second in range(200)))
    assert count(record.recent(200.9, 10)) == 10
    assert count(record.recent(199.9, 10)) == 10
    assert count(record.recent(205.0, 10)) == 5
    assert count(record.recent(300.0, 10)) == 0
    assert count(record.recent(3.5, 10)) == 0
    assert count(record.recent(200, 1_000)) == 120


def test_the_last_120_seconds_stay_single():
    record = record_of(*(sample(second + 0.5) for second in range(2_500)))
    windows = record.windows()
    assert_contiguous(windows, 2_500)
    assert len(windows) <= 1_024
    assert [window.end - window.start for window in windows[-120:]] == [1] * 120
    assert {window.end - window.start for window in windows[:-120]} == {4}
    assert all(count(window.tallies) == window.end - window.start for window in windows)


def test_windows_of_an_entry_are_equally_wide():
    record = record_of(*(sample(second + 0.5) for second in range(2_501)))
    windows = record.windows_of(("/", "GET"))
    assert_contiguous(windows, 2_501)
    assert len(windows) <= 128
    assert {window.end - window.start for window in windows[:-1]} == {32}
    assert all(count(window.tallies) == window.end - window.start for window in windows)


@few
@given(st.lists(st.tuples(st.integers(0, 3_000), st.sampled_from(["/a", "/b", "buy"])), min_size=1, max_size=40))
def test_late_samples_land_where_they_belong_and_totals_are_exact(arrivals):
    record = RunRecord()
    for second, name in arrivals:
        record.merge(delta_of(sample(second + 0.5, name, "FLOW" if name == "buy" else "GET", took=second / 100 + 0.01)))
    requests = [sample(s + 0.5, took=s / 100 + 0.01) for s, name in arrivals if name != "buy"]
    end = max(second for second, _ in arrivals) + 1
    assert record.samples == len(requests)
    assert merged(record.totals()) == merged(record_of(*requests).totals())
    keys = record.keys()
    for key in keys:
        seconds = [second for second, name in arrivals if name == key[0]]
        own = [sample(s + 0.5, took=s / 100 + 0.01) for s in seconds]
        windows = record.windows_of(key)
        assert merged(record.tallies(key)) == merged(record_of(*own).totals())
        assert_contiguous(windows, end)
        assert together(windows).response == merged(record.tallies(key)).response.coarse(ENTRY_BITS)
        assert all(count(w.tallies) == sum(w.start <= s < w.end for s in seconds) for w in windows)
    windows = record.windows()
    assert_contiguous(windows, end)
    seconds = [second for second, name in arrivals if name != "buy"]
    assert all(count(w.tallies) == sum(w.start <= s < w.end for s in seconds) for w in windows)
    if requests:
        assert together(windows).response == merged(record.totals()).response.coarse(BITS)


def test_a_stray_clock_does_not_fill_the_memory():
    record = record_of(sample(0.5), sample(1e12), sample(-5))
    assert len(record.windows()) <= 1_024
    assert len(record.windows_of(("/", "GET"))) <= 128
    assert (record.samples, together(record.windows()).count) == (3, 3)


def test_further_names_count_as_other():
    record = RunRecord()
    tallies = {"success": Tally()}
    tallies["success"].add(sample(0.5))
    for worker in range(2):
        entries = {(f"/{worker}/{number}", "GET"): tallies for number in range(MOST_NAMES - 100)}
        record.merge(Delta(1, str(worker), {0: entries}, {}))
    assert len(record.keys()) == MOST_NAMES + 1
    assert count(record.tallies(("(other)", "GET"))) == MOST_NAMES - 200
    assert record.samples == 2 * (MOST_NAMES - 100)


def rich_record():
    record = RunRecord()
    rng = random.Random(1)
    for second in (*range(0, 400, 3), 90, 350, 2_000):
        found = [
            sample(second + rng.random(), "/ü", took=rng.expovariate(10), status=200, bytes_received=9),
            sample(second + rng.random(), "/b", outcome="failure", kind="reset", status=None),
            sample(second + rng.random(), "buy", "FLOW", took=4_000.0),
            sample(second + rng.random(), "/b", outcome="expected", status=409)._replace(intended_at=-1.0),
        ]
        record.merge(delta_of(*found[: rng.randint(1, 4)]))
        record.set_users(second + 0.5, {"A": second, "B": 2})
    return record


def observed(record):
    keys = record.keys()
    return (
        (record.samples, record.user_peak, record.users_by_class_peak, keys),
        (record.totals(), record.windows(), record.recent(2_001, 60), record.select("/*")),
        [(record.tallies(key), record.windows_of(key)) for key in keys],
    )


def test_a_record_survives_json():
    record = rich_record()
    document = json.loads(text(record))
    loaded = RunRecord.from_json(document)
    assert observed(loaded) == observed(record)
    assert loaded.to_json() == record.to_json() == document


def test_a_loaded_record_goes_on_as_the_saved_one_would():
    record = rich_record()
    loaded = RunRecord.from_json(json.loads(text(record)))
    for each in (record, loaded):
        each.merge(delta_of(sample(2_001.5, "/new"), sample(1_990.5, "/b"), sample(7.5, "/b")))
        each.merge(delta_of(*(sample(second + 0.5, "/b") for second in range(9_000, 9_003))))
    assert observed(loaded) == observed(record)


def test_an_empty_record_survives_json():
    assert observed(RunRecord.from_json(json.loads(text(RunRecord())))) == observed(RunRecord())


def spread(rng, n, median):
    """A tally of n samples: log-normal, and one in a hundred ten times as slow."""
    tally = Tally()
    for _ in range(n):
        slow = 10 if rng.random() < 0.01 else 1
        tally.response.record(int(median * slow * rng.lognormvariate(0, 0.5) * 1e9), rng.randint(1, 300))
    tally.statuses = {200: tally.count}
    tally.bytes_received = tally.count * 700
    return tally


def long_run(names, *, windows, buckets):
    """A day of ``names`` entries, with one delta in each of so many parts of it, which come from a small stock."""
    rng = random.Random(7)
    medians = [0.01 * rng.lognormvariate(0, 1) for _ in range(4)]
    stock = [[{"success": spread(rng, buckets, median)} for _ in range(5)] for median in medians]
    record = RunRecord()
    expected = 0
    for part in range(windows):
        second = (part + 1) * DAY // windows - 1
        entries = {(f"/api/v1/entry/{n}", "GET"): stock[n % 4][part % 5] for n in range(names)}
        expected += sum(map(count, entries.values()))
        record.merge(Delta(part + 1, "w", {second: entries}, {}))
        record.set_users(second + 0.5, {"A": part})
    return record, expected


@pytest.mark.parametrize(
    ("names", "parts", "buckets", "fewest", "most"), [(200, 20, 30, 64, 128), (2_000, 2, 20, 8, 16)]
)
def test_a_day_fits_the_file_and_the_memory(names, parts, buckets, fewest, most):
    record, expected = long_run(names, windows=parts, buckets=buckets)
    windows = record.windows_of(("/api/v1/entry/7", "GET"))
    assert fewest <= len(windows) <= most
    assert len(record.windows()) <= 1_024
    assert record.samples == expected == together(record.windows()).count
    assert len(text(record).encode()) < 20_000_000
    assert record._memory() < run_record.MOST_MEMORY
    assert record._measured.bits == 10


def test_windows_are_given_up_before_precision_to_fit_the_file(monkeypatch):
    record, expected = long_run(5, windows=100, buckets=60)
    assert len(record.windows_of(("/api/v1/entry/3", "GET"))) == 85
    whole = len(text(record))
    monkeypatch.setattr(run_record, "MOST_TEXT", whole * 3 // 4)
    assert len(text(record)) <= whole * 3 // 4
    assert len(record.windows_of(("/api/v1/entry/3", "GET"))) < 85
    assert record._measured.bits == 10
    monkeypatch.setattr(run_record, "MOST_TEXT", len(text(record)) // 2)
    smaller = record.to_json()
    assert record._measured.bits < 10
    assert RunRecord.from_json(smaller).to_json() == smaller
    assert (record.samples, count(record.select("/api/*"))) == (expected, expected)


def test_precision_is_given_up_to_fit_the_memory(monkeypatch):
    monkeypatch.setattr(run_record, "MOST_MEMORY", 20_000)
    record, expected = long_run(5, windows=20, buckets=200)
    assert record._memory() < 20_000
    assert record._measured.bits < 10
    assert record.samples == count(record.select("/api/*")) == expected
    assert merged(record.select("/api/*")).response.mean == merged(record.totals()).response.mean


def test_a_window_takes_little_memory_once_it_is_settled():
    record, _ = long_run(10, windows=60, buckets=60)
    pieces = [part for series in record._series.values() for parts in series._pieces.values() for part in parts]
    assert len(pieces) > 10 * 50
    assert sum(map(sys.getsizeof, pieces)) / len(pieces) < 250


def arrivals_delta(*found, worker="w"):
    """A delta of arrivals, each given as when it was due, and how late it started in seconds; None for a dropped one."""
    recorder = Recorder(worker)
    for at, lag in found:
        counts = recorder.arrivals_in(at)
        counts.offered += 1
        if lag is None:
            counts.dropped += 1
            continue
        counts.started += 1
        counts.late += lag > 0.01
        counts.lag.record(round(lag * 1e9))
    return recorder.interval({})


def figures(counts):
    return counts.offered, counts.started, counts.dropped, counts.late, counts.lag.count


def test_arrivals_are_counted_over_the_run_and_over_time():
    record = record_of(sample(1.5))
    record.merge(arrivals_delta((0.5, 0.001), (0.75, None), (2.25, 0.5)))
    assert figures(record.arrivals) == (3, 2, 1, 1, 2)
    assert record.arrivals.lag.maximum == 0.5
    windows = record.arrival_windows()
    assert [(w.start, w.end, figures(w.arrivals)) for w in windows] == [
        (0, 1, (2, 1, 1, 0, 1)),
        (1, 2, (0, 0, 0, 0, 0)),
        (2, 3, (1, 1, 0, 1, 1)),
    ]
    assert [(w.start, w.end) for w in record.windows()] == [(w.start, w.end) for w in windows]


def test_a_closed_model_has_windows_of_no_arrivals():
    record = record_of(sample(1.5))
    assert record.arrivals == ArrivalCounts()
    assert [window.arrivals.offered for window in record.arrival_windows()] == [0, 0]
    assert RunRecord().arrival_windows() == []


def test_what_is_read_of_arrivals_is_on_its_own():
    record = RunRecord()
    record.merge(arrivals_delta((0.5, 0.001)))
    for counts in (record.arrivals, record.arrival_windows()[0].arrivals):
        counts.merge(counts)
    assert figures(record.arrivals) == figures(record.arrival_windows()[0].arrivals) == (1, 1, 0, 0, 1)


@few
@given(st.lists(st.tuples(st.floats(0, 3_000), st.none() | st.floats(0, 2)), max_size=30))
def test_windows_of_arrivals_have_the_borders_of_windows_and_add_up(found):
    record = RunRecord()
    for each in found:
        record.merge(arrivals_delta(each))
    windows, plain = record.arrival_windows(), record.windows()
    assert [(window.start, window.end) for window in windows] == [(window.start, window.end) for window in plain]
    assert [window.arrivals.offered for window in windows] == [
        sum(window.start <= at < window.end for at, _ in found) for window in windows
    ]
    lag = Histogram(ARRIVAL_BITS)
    for window in windows:
        lag.merge(window.arrivals.lag)
    assert lag == record.arrivals.lag.coarse(ARRIVAL_BITS)
    assert record.arrivals == arrivals_delta_merged(found)


def arrivals_delta_merged(found):
    whole = ArrivalCounts()
    for counts in arrivals_delta(*found).arrivals.values():
        whole.merge(counts)
    return whole


SPOTS = st.tuples(
    st.integers(0, 40), st.sampled_from(["/a", "/b", "buy"]), st.integers(1, 900), st.none() | st.floats(0, 1)
)


def delta_at(number, spot):
    """One sample and one arrival of a second."""
    second, name, took, lag = spot
    arrivals = arrivals_delta((second + 0.25, lag)).arrivals
    windows = delta_of(sample(second + 0.5, name, "FLOW" if name == "buy" else "GET", took=took / 1000)).windows
    return Delta(number, "w", windows, {}, arrivals)


def record_at(spots, **args):
    record = RunRecord(**args)
    for number, spot in enumerate(spots, 1):
        record.merge(delta_at(number, spot))
    return record


def measured(record):
    """All that is known of the measured part."""
    keys = record.keys()
    return (
        (record.samples, keys, record.totals(), record.select("/*"), record.select("buy")),
        [record.tallies(key) for key in keys],
        (record.arrivals, record.measured_from),
    )


@few
@given(st.lists(SPOTS, max_size=12), st.randoms(), st.integers(0, 45))
def test_deltas_in_any_order_make_the_same_record(spots, rng, hold_back):
    mixed = rng.sample(spots, len(spots))
    one, other = record_at(spots, hold_back=hold_back), record_at(mixed, hold_back=hold_back)
    assert measured(one) == measured(other)
    assert (one.windows(), one.arrival_windows()) == (other.windows(), other.arrival_windows())
    one.measure_from(hold_back // 2)
    other.measure_from(hold_back // 2)
    assert measured(one) == measured(other)


@few
@given(st.lists(SPOTS, max_size=12), st.lists(SPOTS, max_size=4), st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_a_warm_up_that_is_cut_later_leaves_what_was_never_merged(before, after, hold_back, second, reload):
    second = min(second, hold_back)
    record = record_at(before, hold_back=hold_back)
    windows = record.windows()
    assert measured(record) == measured(record_at(before))
    if reload:
        record = RunRecord.from_json(json.loads(text(record)))
    assert record.measure_from(second) == second
    for number, spot in enumerate(after, 100):
        record.merge(delta_at(number, spot))
    expected = RunRecord()
    expected.measure_from(second)
    for number, spot in enumerate([*before, *after]):
        expected.merge(delta_at(number, spot))
    assert measured(record) == measured(expected)
    assert record.windows() == windows or after


@few
@given(st.lists(SPOTS, max_size=12), st.integers(0, 45))
def test_a_warm_up_that_is_known_before_never_counts(spots, second):
    record = RunRecord()
    assert record.measure_from(second) == record.measured_from == second
    for number, spot in enumerate(spots, 1):
        record.merge(delta_at(number, spot))
    assert record.samples == sum(spot[0] >= second and spot[1] != "buy" for spot in spots)
    assert figures(record.arrivals)[0] == sum(spot[0] >= second for spot in spots)
    assert counts(record.windows()) == counts(record_at(spots).windows())


def test_the_start_may_be_said_shortly_before_and_once_more_long_after():
    spots = [(second, "/a", 1 + second, 0.0) for second in range(30)]
    record = record_at(spots[:3], hold_back=20)
    assert record.measure_from(4) == 4
    assert (record.samples, record.keys(), record.arrivals.offered) == (0, [], 0)
    for number, spot in enumerate(spots[3:], 10):
        record.merge(delta_at(number, spot))
    assert (record.samples, record.measure_from(2), record.samples) == (26, 4, 26)
    assert record.measure_from(17) == 17
    assert (record.samples, record.measure_from(20, final=True), record.samples) == (13, 20, 10)
    assert merged(record.totals()).response.minimum == pytest.approx(0.021)
    assert len(record.windows()) == 30


def test_what_can_no_longer_be_told_apart_is_refused():
    spots = [(second, "/a", 5, 0.0) for second in range(30)]
    for record in (record_at(spots), record_at(spots, hold_back=10)):
        with pytest.raises(ValueError, match="can no longer be told"):
            record.measure_from(11)
        assert record.samples == 30
        assert record.measure_from(30) == 30
        assert record.samples == 0
    record = record_at(spots, hold_back=10)
    record.measure_from(0, final=True)
    with pytest.raises(ValueError, match="can no longer be told"):
        record.measure_from(5)


def test_a_long_warm_up_is_held_in_at_most_sixty_pieces_and_cut_at_their_borders():
    spots = [(second, "/a", 1 + second, 0.001 * second) for second in range(900)]
    record = record_at(spots, hold_back=600)
    pieces = record._measured._held._pieces
    assert 30 <= len(pieces) <= 60
    assert sum(map(len, pieces.values())) <= len(pieces) + 1
    start = record.measure_from(100)
    assert (start, record.samples) == (112, 900 - 112)
    assert record.arrivals.lag.minimum == pytest.approx(0.112)
    assert merged(record.totals()).response.minimum == pytest.approx(0.113)
    assert record.measure_from(599) == 600
    assert record._measured._held is None


def test_pieces_are_joined_when_they_outgrow_their_memory(monkeypatch):
    monkeypatch.setattr("loadproof.record.held.MOST_BYTES", 2_000)
    record = record_at([(second, "/a", 1 + second, 0.0) for second in range(50)], hold_back=40)
    record.merge(Delta(99, "w", {}, {}))
    held = record._measured._held
    assert held._width > 1
    assert held.size < 3_000
    start = record.measure_from(9)
    assert start >= 9
    assert start % held._width == 0 or start == 40
    assert record.samples == 50 - start


def test_precision_is_given_up_first_where_it_is_had_again_once_the_warm_up_is_cut(monkeypatch):
    record = RunRecord(hold_back=40)
    stock = {"success": spread(random.Random(5), 200, 0.01)}
    for second in range(130):
        record.merge(Delta(second, "w", {second: {("/a", "GET"): stock}}, {}))
        if second == 62:
            monkeypatch.setattr(run_record, "MOST_MEMORY", record._memory() * 4 // 5)
    assert record.select("/a")["success"].response.bits < 10
    assert record._memory() < run_record.MOST_MEMORY * 1.1
    record.measure_from(10, final=True)
    assert record.select("/a")["success"].response.bits == 10
    assert count(record.select("/a")) == 120 * stock["success"].count


def test_rows_of_a_warm_up_are_merged_into_windows_only():
    record = record_of(sample(2.5))
    record.merge(
        Delta(2, "w", delta_of(sample(0.5, "/warm")).windows, {}, arrivals_delta((0.5, 0.0)).arrivals), measured=False
    )
    assert (record.samples, record.keys(), record.arrivals.offered) == (1, [("/", "GET")], 0)
    assert counts(record.windows()) == {0: 1, 2: 1}
    assert [window.arrivals.offered for window in record.arrival_windows()] == [1, 0, 0]


def test_a_watch_counts_one_part_of_the_run_at_full_precision():
    spots = [(second, name, 1 + second, None) for second in range(10) for name in ("/a", "buy")]
    record = record_at(spots[:4])
    counts = record.watch(3, 7)
    for number, spot in enumerate(reversed(spots[4:]), 100):
        record.merge(delta_at(number, spot))
    expected = record_at([spot for spot in spots if 3 <= spot[0] < 7])
    assert (counts.samples, counts.arrivals.dropped) == (4, 8)
    assert (counts.totals(), counts.keys()) == (expected.totals(), expected.keys())
    assert counts.select("buy")["success"].response.bits == 10
    record.unwatch(counts)
    record.merge(delta_at(200, (4, "/a", 5, 0.0)))
    assert (counts.samples, counts.totals(), record.samples) == (4, expected.totals(), 11)


def test_a_watch_without_an_end_counts_until_it_is_let_go_and_also_before_the_measured_part():
    record = RunRecord()
    record.measure_from(100)
    first, second = record.watch(2), record.watch(3, 4)
    for number in range(5):
        record.merge(delta_at(number, (number, "/a", 5, 0.0)))
    assert (first.samples, second.samples, record.samples) == (3, 1, 0)
    assert (first.arrivals.started, second.arrivals.started) == (3, 1)
    record.unwatch(first)
    record.merge(delta_at(9, (3, "/a", 5, 0.0)))
    assert (first.samples, second.samples) == (3, 2)


def watched(names, levels):
    rng = random.Random(3)
    stock = [{"success": spread(rng, 40, 0.01)} for _ in range(5)]
    record = RunRecord()
    found = []
    for level in range(levels):
        counts = record.watch(level * 2, level * 2 + 2)
        entries = {(f"/api/v1/entry/{n}", "GET"): stock[(n + level) % 5] for n in range(names)}
        record.merge(Delta(level, "w", {level * 2: entries}, {}))
        record.unwatch(counts)
        found.append(counts)
    return record, found


def test_twenty_levels_of_two_hundred_names_take_little_memory():
    record, levels = watched(200, 20)
    assert sum(counts.memory() for counts in levels) < 3_000_000
    assert {counts.bits for counts in levels} == {10}
    assert record._memory() < run_record.MOST_MEMORY
    assert sum(len(json.dumps(counts.to_json())) for counts in levels) < 4_000_000


def test_levels_give_up_precision_to_fit_the_memory(monkeypatch):
    monkeypatch.setattr(run_record, "MOST_WATCHED", 9_000)
    record, levels = watched(10, 6)
    assert sum(counts.memory() for counts in levels) <= 9_000
    assert min(counts.bits for counts in levels) < 10
    assert sum(counts.samples for counts in levels) == record.samples


def test_a_record_with_a_held_warm_up_survives_json_and_goes_on():
    record = rich_record()
    held = RunRecord(hold_back=100)
    for each in (record, held):
        each.merge(arrivals_delta((5.5, 0.001), (2_000.5, None), (2_000.75, 2.0)))
    for second in (5, 50, 150):
        held.merge(delta_of(sample(second + 0.5, "/b", took=second / 10)))
    for each in (record, held):
        loaded = RunRecord.from_json(json.loads(text(each)))
        assert loaded.to_json() == each.to_json()
        assert measured(loaded) == measured(each)
        assert loaded.arrival_windows() == each.arrival_windows()
        loaded.merge(delta_of(sample(60.5, "/b")))
        each.merge(delta_of(sample(60.5, "/b")))
        assert measured(loaded) == measured(each)
    assert loaded.measure_from(40) == held.measure_from(40)
    assert measured(loaded) == measured(held)


VERSION_1 = """{
"user_peak": 3, "users_by_class_peak": {"A": 3},
"totals": {
  "success": {"response_time": "PZgKzg7msoAAzg7msoDODuaygAHEAnNLxAEB", "statuses": {"200": 1}, "kinds": {},
              "bytes_sent": 0, "bytes_received": 9, "untimed": 0},
  "failure": {"response_time": "PZgKzh3NZQAAzh3NZQDOHc1lAAHEAnNPxAEB",
              "service_time": "PZgKzg7msoAAzg7msoDODuaygAHEAnNLxAEB", "statuses": {}, "kinds": {"timeout": 1},
              "bytes_sent": 0, "bytes_received": 0, "untimed": 0}},
"timeline": {"seconds": 3, "width_s": 1, "old": [], "old_users": [], "recent": {
  "0": "PZGSAJeYCM4O5rKAAM4O5rKAzg7msoABxALcFMQBAcCBzMgBgAAJAA==",
  "1": "enhemziJafoMjnOyZ1MZGMAkmGA8wnRH9AgjI1CG79mmBgYwCSZAMiJAmYbG5SWZuan5pSWMDAwMAPw4G9s=",
  "2": "PZA="}, "recent_users": [[1, 3]]},
"seconds": 3, "entry_bits": 10, "entry_windows_at_most": 128, "entry_window_s": 1,
"entries": [
  {"name": "/a", "method": "GET", "tallies": {
     "success": {"response_time": "PZgKzg7msoAAzg7msoDODuaygAHEAnNLxAEB", "statuses": {"200": 1}, "kinds": {},
                 "bytes_sent": 0, "bytes_received": 9, "untimed": 0},
     "failure": {"response_time": "PZgKzh3NZQAAzh3NZQDOHc1lAAHEAnNPxAEB",
                 "service_time": "PZgKzg7msoAAzg7msoDODuaygAHEAnNLxAEB", "statuses": {}, "kinds": {"timeout": 1},
                 "bytes_sent": 0, "bytes_received": 0, "untimed": 0}},
   "windows": ["PZGSAJeYBc4O5rKAAM4O5rKAzg7msoABxAL7AsQBAcCBzMgBgAAJAA==",
               "enhemziJafoM1nOyZ1MZGMAkmGA8wiTNfISRESjD92xTAwOYBBNAmd9MQJmGxuUlmbmp+aUljAwMDADXBBsP"]},
  {"name": "buy", "method": "FLOW", "tallies": {
     "success": {"response_time": "PZgKzpUC+QAAzpUC+QDOlQL5AAHEAqhYxAEB", "statuses": {}, "kinds": {},
                 "bytes_sent": 0, "bytes_received": 0, "untimed": 0}},
   "windows": [null, null, "PZGSAJeYBc6VAvkAAM6VAvkAzpUC+QABxAJlA8QBAcCAgAAAAA=="]}]}"""
"""A record as version 1 of ``run.json`` held it."""


def test_a_record_of_version_1_still_loads():
    expected = record_of(
        Sample("/a", "GET", 0.5, 0.5, 0.75, status=200, bytes_received=9),
        Sample("/a", "GET", 1.0, 1.25, 1.5, outcome="failure", kind="timeout"),
        Sample("buy", "FLOW", 0, 0, 2.5),
    )
    expected.set_users(1.5, {"A": 3})
    loaded = RunRecord.from_json(json.loads(VERSION_1))
    assert observed(loaded) == observed(expected)
    assert measured(loaded) == measured(expected)
    assert loaded.to_json() == expected.to_json()


def test_strain_is_that_of_the_process_worst_off_in_each_second():
    record = record_of(sample(2.5))
    for at, strain in ((1.02, Strain(0.001, 0.9)), (0.98, Strain(0.002, 0.1)), (3.0, Strain(None, 0.5))):
        record.add_strain(at, strain)
    assert record.strains() == [Strain(0.002, 0.9), Strain(), Strain(None, 0.5)]


def test_strain_is_known_for_each_window_of_a_long_run_and_survives_being_saved():
    record = RunRecord()
    for second in range(0, 5_000, 7):
        record.merge(delta_of(sample(second + 0.5)))
        record.add_strain(second + 1.0, Strain(second / 1_000, 0.25))
    strains = record.strains()
    assert len(strains) == len(record.windows())
    assert max(strain.lag for strain in strains if strain.lag is not None) == 4.998
    for window, strain in zip(record.windows(), strains, strict=True):
        within = [s for s in range(0, 5_000, 7) if window.start <= s < window.end]
        assert strain == (Strain(max(within) / 1_000, 0.25) if within else Strain())
    document = json.loads(json.dumps(record.to_json()))
    assert RunRecord.from_json(document).strains() == strains
    assert len(json.dumps([document["timeline"]["old_strain"], document["timeline"]["recent_strain"]])) < 30_000


def test_a_record_of_before_strain_was_kept_has_none():
    document = json.loads(json.dumps(record_of(sample(0.5)).to_json()))
    del document["timeline"]["old_strain"], document["timeline"]["recent_strain"]
    assert RunRecord.from_json(document).strains() == [Strain()]
