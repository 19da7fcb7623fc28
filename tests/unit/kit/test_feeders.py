"""Each row goes to exactly one user of one process, in every order and out of every kind of file."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from load_process import process
    from locust.exception import StopUser

    from loadproof.errors import UsageError
    from loadproof.kit import feeders
    from loadproof.kit.feeders import Feeder, FeederEmptyError


def all_of(feeder):
    """Every row until the feeder is empty."""
    rows = []
    while True:
        try:
            rows.append(feeder.next())
        except StopUser:
            return rows


def first(feeder, number):
    return [feeder.next() for _ in range(number)]


def fed(rows, order, of, seed=0):
    """The rows that each of the processes gets."""
    found = []
    for rank in range(of):
        with process(rank, of):
            found.append(all_of(Feeder(rows, order, seed=seed)))
    return found


@given(st.integers(1, 200), st.integers(1, 20), st.sampled_from(["unique", "shuffle"]), st.integers())
def test_each_row_goes_to_exactly_one_process_and_once(rows, of, order, seed):
    handed_out = fed(range(rows), order, of, seed)
    assert Counter(row for own in handed_out for row in own) == Counter(range(rows))
    assert max(map(len, handed_out)) - min(map(len, handed_out)) <= 1


@given(st.integers(1, 60), st.integers(1, 20), st.sampled_from(["circular", "random"]))
def test_rows_that_come_again_stay_with_their_process_where_there_are_enough(rows, of, order):
    seen = []
    for rank in range(of):
        feeder = Feeder(range(rows), order)
        with process(rank, of):
            seen.append(set(first(feeder, 50)))
    if rows >= of:
        assert sum(map(len, seen)) == len(set().union(*seen))
    else:
        assert all(len(own) == 1 for own in seen)


def test_unique_rows_come_in_their_order():
    assert fed(list("abcde"), "unique", 2) == [["a", "c", "e"], ["b", "d"]]


def test_circular_rows_begin_anew():
    with process(1, 2):
        assert first(Feeder(list("abcde"), "circular"), 5) == ["b", "d", "b", "d", "b"]


@pytest.mark.parametrize("order", ["shuffle", "random"])
def test_a_seed_says_the_order(order):
    with process(0, 1):
        one, same, other = (first(Feeder(range(100), order, seed=seed), 50) for seed in (1, 1, 2))
    assert one == same != other
    assert one != sorted(one)


def test_two_processes_do_not_draw_alike():
    draws = []
    for rank in range(2):
        with process(rank, 2):
            draws.append([row // 2 for row in first(Feeder(range(100), "random"), 30)])
    assert draws[0] != draws[1]


@pytest.mark.parametrize("order", ["circular", "random"])
def test_a_process_that_came_late_shares_rows_that_come_again(order):
    with process(-1, 2):
        assert set(first(Feeder(list("ab"), order), 100)) == {"a", "b"}


def test_a_new_test_begins_with_the_first_row():
    feeder = Feeder(list("ab"))
    with process(0, 1, test=1):
        assert all_of(feeder) == ["a", "b"]
    with process(0, 1, test=2):
        assert all_of(feeder) == ["a", "b"]


def test_a_user_that_finds_no_row_stops_and_it_is_said_once(caplog):
    feeder = Feeder(list("abc"))
    with process(1, 2):
        assert feeder.next() == "b"
        for _ in range(3):
            with pytest.raises(StopUser):
                feeder.next()
    assert caplog.messages == ["all rows of process 2 of 2 of a feeder are used up, out of 3: users stop"]


def test_the_run_ends_once_when_it_is_asked_to(monkeypatch):
    stops = []
    monkeypatch.setattr(feeders, "stop_run", lambda: stops.append(1))
    feeder = Feeder(list("a"), on_empty="stop_run")
    with process(0, 1):
        assert all_of(feeder) == ["a"]
        assert all_of(feeder) == []
    assert stops == [1]


def test_an_empty_feeder_may_be_an_error():
    feeder = Feeder(list("a"), on_empty="error")
    with process(0, 1):
        feeder.next()
        with pytest.raises(FeederEmptyError, match="all rows of a feeder are used up, out of 1") as caught:
            feeder.next()
    assert caught.value.slug == "feeder-empty"


def test_who_came_late_is_told_why_there_is_nothing():
    with process(-1, 2), pytest.raises(FeederEmptyError, match="joined after the test began"):
        Feeder(list("abc"), on_empty="error").next()


@pytest.mark.parametrize("wrong", [{"order": "sorted"}, {"on_empty": "wait"}])
def test_words_that_a_feeder_does_not_know_are_refused(wrong):
    with pytest.raises(ValueError, match="of a feeder is one of"):
        Feeder(list("a"), **wrong)


def test_rows_of_a_generator_are_kept():
    feeder = Feeder({"n": n} for n in range(3))
    assert len(feeder) == 3


# Files

ROWS = [{"name": "Ann", "city": "Łódź"}, {"name": "Bob", "city": "two\nlines"}]
FILES = {
    "users.csv": '\ufeffname,city\nAnn,Łódź\n\nBob,"two\nlines"\n',
    "users.CSV": 'name,city\r\nAnn,Łódź\r\nBob,"two\r\nlines"\r\n',
    "users.json": '[{"name": "Ann", "city": "Łódź"}, {"name": "Bob", "city": "two\\nlines"}]',
    "users.jsonl": '{"name": "Ann", "city": "Łódź"}\n\n{"name": "Bob", "city": "two\\nlines"}',
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", [str, Path])
def test_files_are_read(tmp_path, name, kind):
    path = tmp_path / name
    path.write_text(FILES[name], encoding="utf-8", newline="")
    feeder = Feeder(kind(path))
    with process(0, 1):
        assert list(islice(all_of(feeder), 5)) == ROWS


BROKEN = {
    "no.csv": ("a,b\n", "there are no rows"),
    "empty.csv": ("", "there are no rows"),
    "long.csv": ("a,b\n1,2,3\n", "line 2 does not have as many fields as the heading"),
    "short.csv": ("a,b\n1,2\n3\n", "line 3 does not have as many fields as the heading"),
    "object.json": ('{"a": 1}', "it holds no list"),
    "broken.json": ("[1, ", "it cannot be read"),
    "broken.jsonl": ("1\n{\n", "line 2: "),
    "users.xml": ("<users/>", r"must end in \.csv, \.json or \.jsonl"),
    "users": ("a", r"must end in \.csv"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_files_that_hold_no_rows_are_refused_by_their_path(tmp_path, name):
    text, why = BROKEN[name]
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=why) as caught:
        Feeder(tmp_path / name)
    assert caught.value.slug == "bad-rows"
    assert str(tmp_path / name) in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "users.csv").write_bytes(b"name\n\xff\n")
    with pytest.raises(UsageError, match="it cannot be read"):
        Feeder(tmp_path / "users.csv")


def test_a_file_that_is_not_there_is_named_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="there is no such file") as caught:
        Feeder("users.csv")
    assert f"{tmp_path}/users.csv" in str(caught.value)
    assert "Path(__file__)" in str(caught.value)


def test_no_rows_in_memory_are_refused():
    with pytest.raises(UsageError, match="there are no rows"):
        Feeder([])
