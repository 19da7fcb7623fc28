from __future__ import annotations

import json
import random
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.record import Delta, Recorder, RunRecord, Sample, Tally, merged, run_record
from loadproof.record.recorder import MOST_NAMES
from loadproof.record.run_record import ENTRY_BITS
from loadproof.record.timeline import BITS

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
    assert record._bits == 10


def test_windows_are_given_up_before_precision_to_fit_the_file(monkeypatch):
    record, expected = long_run(5, windows=100, buckets=60)
    assert len(record.windows_of(("/api/v1/entry/3", "GET"))) == 85
    whole = len(text(record))
    monkeypatch.setattr(run_record, "MOST_TEXT", whole * 3 // 4)
    assert len(text(record)) <= whole * 3 // 4
    assert len(record.windows_of(("/api/v1/entry/3", "GET"))) < 85
    assert record._bits == 10
    monkeypatch.setattr(run_record, "MOST_TEXT", len(text(record)) // 2)
    smaller = record.to_json()
    assert record._bits < 10
    assert RunRecord.from_json(smaller).to_json() == smaller
    assert (record.samples, count(record.select("/api/*"))) == (expected, expected)


def test_precision_is_given_up_to_fit_the_memory(monkeypatch):
    monkeypatch.setattr(run_record, "MOST_MEMORY", 20_000)
    record, expected = long_run(5, windows=20, buckets=200)
    assert record._memory() < 20_000
    assert record._bits < 10
    assert record.samples == count(record.select("/api/*")) == expected
    assert merged(record.select("/api/*")).response.mean == merged(record.totals()).response.mean


def test_a_window_takes_little_memory_once_it_is_settled():
    record, _ = long_run(10, windows=60, buckets=60)
    pieces = [part for entry in record._entries.values() for parts in entry.series._pieces.values() for part in parts]
    assert len(pieces) > 10 * 50
    assert sum(map(sys.getsizeof, pieces)) / len(pieces) < 250
