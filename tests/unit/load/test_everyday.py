"""Everyday answers, counted and written in one pass: the same as what samples of them come to."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from loadproof.http.stamps import Stamps
    from loadproof.load.everyday import EverydayAnswers
    from loadproof.load.measure import Meter, RowPolicy

from loadproof.record import Recorder
from loadproof.record.recorder import Delta
from loadproof.record.rows import RowFormatter

ZERO = 12_345.678901234
ZERO_NS = round(ZERO * 1e9)
EPOCH = 1_700_000_000.25
SENT = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


def answer(at, took, *, first=None, connect=0.0, kernel=True, to=0, name="/", status=200, size=5, context=None):
    """An answer to a request sent ``at`` ns after the run's start."""
    began = None if first is None else SENT + first
    stamps = Stamps(ZERO_NS + at, SENT, began, SENT + took, kernel, connect, 0.0, to)
    return (stamps, "GET", name, status, size, "Visitor", context or {})


def counted(delta):
    """All that a delta counts, in plain values."""
    return {
        (second, key, outcome): tally.pack()
        for second, entries in delta.windows.items()
        for key, tallies in entries.items()
        for outcome, tally in tallies.items()
    }


def both(answers, batch=32):
    """Deltas and rows: as everyday answers where they are some, and of samples alone."""
    found = []
    for everyday in (True, False):
        rows = []
        meter = Meter("worker", RowPolicy("all"), lambda data, count, rows=rows: rows.append((data, count)))
        meter.begin(ZERO, EPOCH)
        if everyday:
            for one in answers:
                meter.on_answer(one)
        else:
            for start in range(0, len(answers), batch):
                meter._count([meter._sample_of(one) for one in answers[start : start + batch]])
        facts = {"at": 1.0}
        meter.flush_rows()
        lines = b"".join(data for data, _ in rows).splitlines()
        assert len(lines) == sum(count for _, count in rows)
        found.append((counted(Delta.decode(meter.interval(facts))), sorted(lines), meter._samples, meter._kernel))
    return found


moments = st.integers(0, 3 * SECOND // 7).map(lambda at: at * 7)
answers = st.lists(
    st.builds(
        answer,
        moments,
        st.one_of(st.integers(0, 5_000_000), st.integers(0, 2 * SECOND)),
        first=st.one_of(st.none(), st.integers(-5, 100_000)),
        connect=st.sampled_from([0.0, 0.0, 0.002]),
        kernel=st.booleans(),
        to=st.sampled_from([0, 0, 17]),
        name=st.sampled_from(["/", "/a?token=secret", '="x",\n', "ü"]),
        status=st.sampled_from([200, 204, None]),
        size=st.sampled_from([0, 5, 70_000]),
        context=st.sampled_from([None, {"outcome": "expected"}, {"team": "blue"}]),
    ),
    max_size=150,
)


@given(answers)
def test_they_come_to_the_same_as_samples(given_answers):
    for (began, sent, _, ended, *_), *_ in given_answers:
        # Where a float falls on the other side: of a second, or of the half of a microsecond.
        at = began - ZERO_NS
        assume(2 < (at + ended - sent) % SECOND < SECOND - 2)
        assume(abs((at + 250_000_000) % 1_000 - 500) > 2)
    (delta, rows, number, kernel), (expected, expected_rows, expected_number, expected_kernel) = both(given_answers)
    assert rows == expected_rows
    assert (number, kernel) == (expected_number, expected_kernel) == (len(given_answers), kernel)
    assert delta == expected


def taking():
    recorder = Recorder("worker")
    return recorder, EverydayAnswers(recorder, RowFormatter(EPOCH, "worker"), ZERO_NS, EPOCH)


def test_a_row_says_when_it_was_sent_and_how_long_it_took():
    _, everyday = taking()
    taken = everyday.take([answer(1_500_000_700, 3_000_001, size=9, name="/item")], write=True)
    assert taken.rows == (
        b"2023-11-14T22:13:21.750001+00:00,/item,GET,200,0.003000001,true,,9,0.003000001,kernel,Visitor,worker,main\r\n"
    )
    assert taken.number == taken.kernel == 1
    assert taken.ended_at == pytest.approx(1.503000701, abs=1e-9)


def test_what_is_not_everyday_is_left_as_it_was():
    recorder, everyday = taking()
    unusual = [
        answer(0, 1_000, connect=0.1),
        answer(0, SECOND),
        answer(0, -1),
        answer(0, 1_000, context={"outcome": "expected"}),
    ]
    taken = everyday.take(unusual, write=True)
    assert taken.others == unusual
    assert (taken.number, taken.kernel, taken.ended_at, taken.rows) == (0, 0, None, b"")
    assert recorder.interval({}).windows == {}


def test_after_an_interval_they_count_in_the_next():
    recorder, everyday = taking()
    everyday.take([answer(0, 1_000)], write=False)
    first = recorder.interval({})
    everyday.forget()
    everyday.take([answer(1, 1_000), answer(2, 1_000)], write=False)
    counts = [
        sum(tallies["success"].count for entries in delta.windows.values() for tallies in entries.values())
        for delta in (first, recorder.interval({}))
    ]
    assert counts == [1, 2]


def test_any_number_of_names_takes_little_room():
    recorder, everyday = taking()
    everyday.take([answer(number, 1_000, name=f"/{number}") for number in range(10_000)], write=False)
    assert len(everyday._alike) <= 4096
    (entries,) = recorder.interval({}).windows.values()
    assert len(entries) == 2_001
    assert sum(tallies["success"].count for tallies in entries.values()) == 10_000


@pytest.mark.parametrize("policy", ["none", "errors", "1/s", "all"])
def test_rows_follow_the_policy(policy):
    rows = []
    meter = Meter("worker", RowPolicy(policy), lambda data, _: rows.append(data))
    meter.begin(ZERO, EPOCH)
    for number in range(100):
        meter.on_answer(answer(number, 1_000))
    meter.flush_rows()
    assert b"".join(rows).count(b"\r\n") == {"none": 0, "errors": 0, "1/s": 1, "all": 100}[policy]
    assert meter._samples == 100


def test_a_name_that_is_a_number_is_its_text():
    _, everyday = taking()
    assert b",/,GET," in everyday.take([answer(0, 1_000)], write=True).rows
    assert b",17,GET," in everyday.take([answer(0, 1_000, name=17)], write=True).rows
