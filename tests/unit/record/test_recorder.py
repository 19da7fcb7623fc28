from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.record import OUTCOMES, Delta, Recorder, Sample, Tally, merged
from loadproof.record.recorder import MOST_NAMES, Names
from loadproof.record.tally import add_tallies, decode_tallies, encode_tallies, tallies_from_json, tallies_to_json

few = settings(max_examples=40, deadline=None)


def sample(name="/", method="GET", ended=1.5, took=0.25, **more):
    more.setdefault("sent_at", ended - took)
    more.setdefault("intended_at", more["sent_at"])
    return Sample(name=name, method=method, ended_at=ended, **more)


def tally_of(*samples):
    tally = Tally()
    for each in samples:
        tally.add(each)
    return tally


@st.composite
def samples(draw):
    ended = draw(st.floats(-0.5, 20))
    took = draw(st.floats(0, 5))
    late = draw(st.sampled_from([0.0, 0.0, 0.001, 3.0]))
    outcome = draw(st.sampled_from(OUTCOMES))
    return Sample(
        name=draw(st.sampled_from(["/a", "/b", "/ü", "\udc80"])),
        method=draw(st.sampled_from(["GET", "FLOW"])),
        intended_at=ended - took - late,
        sent_at=ended - took,
        ended_at=ended,
        first_byte_at=draw(st.sampled_from([None, None, ended - took / 2])),
        connect_time=draw(st.sampled_from([0.0, 0.0, 0.01])),
        tls_time=draw(st.sampled_from([0.0, 0.02])),
        status=draw(st.sampled_from([None, 200, 503])),
        outcome=outcome,
        kind=draw(st.sampled_from(["timeout", "reset"])) if outcome == "failure" else None,
        bytes_sent=draw(st.integers(0, 9)),
        bytes_received=draw(st.integers(0, 10**12)),
    )


many = st.lists(samples(), max_size=25)


def test_a_sample_is_counted_under_its_second_entry_and_outcome():
    recorder = Recorder("w1")
    recorder.record(sample("/a", ended=7.99, took=0.25, status=200, bytes_sent=3, bytes_received=40))
    delta = recorder.interval({"at": 8.0})
    assert (delta.number, delta.worker, delta.facts) == (1, "w1", {"at": 8.0})
    assert list(delta.windows) == [7]
    assert list(delta.windows[7]) == [("/a", "GET")]
    tallies = delta.windows[7]["/a", "GET"]
    assert list(tallies) == ["success"]
    tally = tallies["success"]
    assert (tally.count, tally.statuses, tally.kinds) == (1, {200: 1}, {})
    assert (tally.bytes_sent, tally.bytes_received) == (3, 40)
    assert tally.response.quantile(0.5) == 0.25


def test_of_an_error_the_kind_is_kept():
    recorder = Recorder()
    recorder.record(sample(outcome="failure", kind="timeout", message="after 3 s"))
    tally = recorder.interval({}).windows[1]["/", "GET"]["failure"]
    assert (tally.kinds, tally.statuses) == ({"timeout": 1}, {})


def test_each_delta_holds_what_came_since_the_last_and_is_numbered():
    recorder = Recorder()
    recorder.record(sample())
    first = recorder.interval({})
    second = recorder.interval({})
    recorder.record(sample())
    third = recorder.interval({})
    assert [delta.number for delta in (first, second, third)] == [1, 2, 3]
    assert [len(delta.windows) for delta in (first, second, third)] == [1, 0, 1]
    assert third.windows[1]["/", "GET"]["success"].count == 1


def test_a_sample_from_before_the_start_counts_in_the_first_second():
    recorder = Recorder()
    recorder.record(sample(ended=-0.25))
    recorder.record(sample(ended=0.25))
    assert list(recorder.interval({}).windows) == [0]


@few
@given(many)
def test_a_recorder_counts_as_its_tallies_do(found):
    recorder = Recorder()
    for each in found:
        recorder.record(each)
    windows = recorder.interval({}).windows
    expected = {}
    for each in found:
        name = each.name.replace("\udc80", "?")
        tallies = expected.setdefault(max(0, int(each.ended_at)), {}).setdefault((name, each.method), {})
        tallies.setdefault(each.outcome, Tally()).add(each)
    assert windows == expected


@few
@given(many)
def test_a_delta_survives_its_encoding(found):
    recorder = Recorder("wörker")
    for each in found:
        recorder.record(each)
    facts = {"at": 1.5, "users": {"A": 2}, "by_number": {3: None}, "list": [1, "\udc80", b"x", True]}
    delta = recorder.interval(facts)
    assert Delta.decode(delta.encode()) == delta


@few
@given(st.binary(max_size=30))
def test_other_bytes_are_no_delta_and_no_tally(data):
    with pytest.raises(ValueError, match="not an encoded delta"):
        Delta.decode(data)
    with pytest.raises(ValueError, match="not an encoded tally"):
        Tally.decode(data)


def test_service_time_is_response_time_where_no_sample_says_otherwise():
    tally = tally_of(sample(took=0.25), sample(took=0.5))
    assert tally.service is tally.response
    assert len(tally.histograms()) == 1


def test_service_time_is_kept_from_the_first_sample_in_which_it_differs():
    tally = tally_of(sample(took=0.25), sample(took=0.25, intended_at=0.75), sample(took=0.5))
    assert [tally.response.quantile(q) for q in (0, 0.5, 1)] == pytest.approx([0.25, 0.5, 0.75], rel=1e-3)
    assert [tally.service.quantile(q) for q in (0, 0.5, 1)] == pytest.approx([0.25, 0.25, 0.5], rel=1e-3)
    assert tally.service.count == tally.count == 3


def test_service_time_has_the_time_to_connect():
    tally = tally_of(sample(took=0.25, connect_time=0.125, tls_time=0.125))
    assert (tally.response.maximum, tally.service.maximum) == (0.25, 0.5)


def test_first_bytes_are_kept_of_those_that_have_one():
    tally = tally_of(
        sample(took=0.5, first_byte_at=1.25), sample(took=0.5, first_byte_at=1.5, connect_time=0.125), sample()
    )
    assert (tally.first_byte.count, tally.first_byte.minimum, tally.first_byte.maximum) == (2, 0.25, 0.625)
    assert len(tally.histograms()) == 3
    assert Tally.decode(tally.encode()).first_byte == tally.first_byte
    assert Tally.from_json(tally.to_json()).first_byte == tally.first_byte
    assert tally_of(sample()).first_byte is None


def test_a_tally_of_a_version_without_first_bytes_is_read():
    tally = tally_of(sample(took=0.5))
    packed = tally.pack()
    assert len(packed) == 7
    assert Tally.unpack(packed) == tally


@few
@given(many, many)
def test_merged_tallies_are_the_tally_of_all(a, b):
    whole = tally_of(*a, *b)
    for first, second in ((a, b), (b, a)):
        tally = tally_of(*first)
        tally.merge(tally_of(*second))
        assert tally == whole
        assert tally.service == whole.service
        assert tally.service.count == tally.count == len(a) + len(b)


def test_merging_leaves_the_other_alone():
    plain, late = tally_of(sample()), tally_of(sample(intended_at=0.5))
    tally = Tally()
    tally.merge(plain)
    tally.merge(late)
    tally.add(sample(status=500))
    assert plain == tally_of(sample())
    assert late == tally_of(sample(intended_at=0.5))


@few
@given(many)
def test_a_tally_survives_bytes_and_json(found):
    tally = tally_of(*found)
    assert Tally.decode(tally.encode()) == tally
    assert Tally.from_json(tally.to_json()) == tally


@few
@given(many)
def test_tallies_survive_bytes_and_json(found):
    tallies = {}
    for each in found:
        tallies.setdefault(each.outcome, Tally()).add(each)
    assert decode_tallies(encode_tallies(tallies)) == tallies
    assert tallies_from_json(tallies_to_json(tallies)) == tallies


def test_kinds_of_errors_are_at_most_a_hundred():
    tally = tally_of(*(sample(outcome="failure", kind=f"kind {n}") for n in range(150)))
    assert len(tally.kinds) == 100
    assert tally.kinds["other"] == 51
    twice = Tally()
    twice.merge(tally)
    twice.merge(tally_of(sample(outcome="failure", kind="new"), sample(outcome="failure", kind="kind 3")))
    assert (len(twice.kinds), twice.kinds["other"], twice.kinds["kind 3"]) == (100, 52, 2)


def test_merged_puts_the_outcomes_asked_for_together():
    tallies = {"success": tally_of(sample()), "failure": tally_of(sample(), sample())}
    assert merged(tallies).count == 3
    assert merged(tallies, ("success", "expected")).count == 1
    assert merged({}).count == 0
    merged(tallies).add(sample())
    assert tallies["success"].count == 1


def test_adding_tallies_makes_those_that_are_new():
    to = {"success": tally_of(sample())}
    add_tallies(to, {"success": tally_of(sample()), "expected": tally_of(sample())}, bits=5)
    assert {outcome: tally.count for outcome, tally in to.items()} == {"success": 2, "expected": 1}
    assert (to["success"].response.bits, to["expected"].response.bits) == (10, 5)


def test_further_names_count_as_other():
    recorder = Recorder()
    for number in range(MOST_NAMES + 50):
        recorder.record(sample(f"/{number}"))
    recorder.record(sample("/7"))
    recorder.record(sample("/new", "FLOW"))
    entries = recorder.interval({}).windows[1]
    assert len(entries) == MOST_NAMES + 2
    assert entries["(other)", "GET"]["success"].count == 50
    assert entries["(other)", "FLOW"]["success"].count == 1
    assert entries["/7", "GET"]["success"].count == 2


def test_even_further_methods_count_as_other():
    names = Names()
    keys = {names.admit("/", f"METHOD {number}") for number in range(MOST_NAMES + 500)}
    assert len(keys) == MOST_NAMES + 101
    assert ("(other)", "(other)") in keys
    assert names.admit("mail", "MAIL") == ("(other)", "MAIL")


def test_long_names_are_cut():
    recorder = Recorder()
    recorder.record(sample("x" * 500 + "1"))
    recorder.record(sample("x" * 500 + "2"))
    entries = recorder.interval({}).windows[1]
    assert {key: tallies["success"].count for key, tallies in entries.items()} == {("x" * 500, "GET"): 2}


def test_a_tally_is_shown_by_its_figures():
    assert repr(tally_of(sample(status=200))) == "<Tally of 1, statuses {200: 1}, kinds {}>"


def test_a_sample_that_nobody_timed_counts_as_a_request_and_in_no_duration(tmp_path):
    from loadproof.record import Recorder, RunRecord, Sample, merged
    from loadproof.record.rows import HEADER, RowFormatter, rebuild

    timed = Sample("a", "GRPC", 1.0, 1.0, 1.5)
    untimed = Sample("a", "GRPC", 1.2, 1.2, 1.2, clock="none", status=200)
    recorder = Recorder("w")
    recorder.record(timed)
    recorder.record(untimed)
    record = RunRecord()
    record.merge(recorder.interval({}))
    rows = tmp_path / "results.csv"
    rows.write_bytes(HEADER.encode() + b"\r\n" + RowFormatter(1_700_000_000.0, "w").format([timed, untimed]))
    for whole in (record, RunRecord.from_json(record.to_json()), rebuild(rows, epoch=1_700_000_000.0)):
        tally = merged(whole.totals())
        assert (tally.count, tally.untimed, tally.response.count) == (2, 1, 1)
        assert tally.response.minimum == pytest.approx(0.5)
        assert whole.samples == 2


def test_an_arrival_is_counted_in_the_second_in_which_it_was_due():
    recorder = Recorder("w")
    for at in (5.0, 5.999, 6.0, -0.5, -3.0):
        recorder.arrivals_in(at).offered += 1
    recorder.arrivals_in(5.999).started += 1
    recorder.arrivals_in(5.999).lag.record(20_000)
    delta = recorder.interval({})
    assert {second: counts.offered for second, counts in delta.arrivals.items()} == {5: 2, 6: 1, 0: 2}
    assert (delta.arrivals[5].started, delta.arrivals[5].lag.count, delta.windows) == (1, 1, {})


def test_what_becomes_of_an_arrival_later_is_in_a_later_delta_under_its_second():
    recorder = Recorder()
    recorder.arrivals_in(5.99).offered += 1
    first = recorder.interval({})
    recorder.arrivals_in(5.99).dropped += 1
    second = recorder.interval({})
    assert (first.arrivals[5].offered, first.arrivals[5].dropped) == (1, 0)
    assert (second.arrivals[5].offered, second.arrivals[5].dropped) == (0, 1)
    assert recorder.interval({}).arrivals == {}


@few
@given(st.lists(st.tuples(st.floats(0, 9), st.integers(0, 10**10)), max_size=10))
def test_arrivals_survive_the_encoding_of_a_delta(found):
    recorder = Recorder("w")
    for at, lag in found:
        counts = recorder.arrivals_in(at)
        counts.offered += 1
        counts.lag.record(lag)
    delta = recorder.interval({})
    assert Delta.decode(delta.encode()) == delta
