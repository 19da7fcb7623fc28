"""The grammar of searches: what is read, what is refused, and which clusters are found."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loadproof.suites.fleet.target.lifecycle import Durations
from loadproof.suites.fleet.target.search import COLUMNS, OPERATORS, Comparison, Query, SearchError, parse_query
from loadproof.suites.fleet.target.store import Order, Person, Store

ANNA = Person("anna", "1")
PLAIN = st.text("abAB01-_", max_size=6)


@st.composite
def comparisons(draw):
    operator = draw(st.sampled_from(OPERATORS))
    value = draw(st.text("abAB01-_%", max_size=6) if operator == "LIKE" else PLAIN)
    return Comparison(draw(st.sampled_from(COLUMNS)), operator, value)


@st.composite
def queries(draw):
    alternatives = draw(st.lists(st.lists(comparisons(), min_size=1, max_size=3), min_size=1, max_size=3))
    return Query(tuple(tuple(one) for one in alternatives))


def written(query, *, quoted, lower):
    def word(text):
        return text.lower() if lower else text

    def one(comparison):
        bare = comparison.value and not quoted
        value = comparison.value if bare else f"'{comparison.value}'"
        return f"{comparison.column} {word(comparison.operator)} {value}"

    return word(" OR ").join(word(" AND ").join(one(each) for each in ands) for ands in query.alternatives)


@given(queries(), st.booleans(), st.booleans())
def test_what_is_written_is_read_again_in_any_case_and_with_quotes(query, quoted, lower):
    assert parse_query(written(query, quoted=quoted, lower=lower)) == query


@given(st.text("abn=<>'% \tANDORLIKEnamestu", max_size=60) | st.text(max_size=40))
@example("name = x and")
@example("name = '")
@example("name = ''")
def test_any_text_is_read_or_refused_and_nothing_else(text):
    try:
        query = parse_query(text)
    except SearchError as error:
        assert str(error)  # noqa: PT017 - both ways are right
    else:
        assert all(each.column in COLUMNS for one in query.alternatives for each in one)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name", "1 words"),
        ("name =", "2 words"),
        ("name = x and", "4 words"),
        ("id = x", "no column 'id'"),
        ("name != x", "no operator '!='"),
        ("name = x xor name = y", "'xor' is no join"),
        ("name = x;drop", "is no value"),
        ("name = a%", "after LIKE only"),
        ("name = 'a", "is no value"),
        ("name = x" + " and name = x" * 11, "at most 10 joins"),
    ],
)
def test_what_does_not_follow_the_grammar_is_refused_and_said(text, problem):
    with pytest.raises(SearchError, match=re.escape(problem)):
        parse_query(text)


def test_ten_joins_are_read():
    assert len(parse_query("name = x" + " or name = x" * 10).alternatives) == 11


def test_and_binds_more_tightly_than_or():
    a, b, c = (Comparison("name", "=", value) for value in "abc")
    assert parse_query("name = a or name = b and name = c") == Query(((a,), (b, c)))


ROWS = [
    {"name": "a", "region": "us-east-1", "cloud_provider": "aws", "owner": "anna"},
    {"name": "a0b", "region": "us-west-1", "cloud_provider": "aws", "owner": "anna"},
    {"name": "b-1", "region": "us-east1", "cloud_provider": "gcp", "owner": "anna"},
    {"name": "bb", "region": "eu-west-1", "cloud_provider": "aws", "owner": "anna"},
]


def holds(comparison, row):
    value = row[comparison.column]
    if comparison.operator == "=":
        return value == comparison.value
    if comparison.operator == "<>":
        return value != comparison.value
    pattern = "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in comparison.value)
    return re.fullmatch(pattern, value, re.DOTALL) is not None


@pytest.fixture(scope="module")
def store():
    kept = Store(clock=lambda: 0.0, durations=Durations(), quota=100)
    for row in ROWS:
        kept.create_kafka(ANNA, Order(row["name"], row["cloud_provider"], row["region"], multi_az=True))
    yield kept
    kept.close()


@given(query=queries())
@example(query=parse_query("name LIKE a%"))
@example(query=parse_query("name LIKE A%"))
@example(query=parse_query("status = accepted and name <> bb or region LIKE %-1"))
def test_the_database_finds_what_the_query_means(store, query):
    expected = [
        row["name"]
        for row in ROWS
        if any(all(holds(each, row | {"status": "accepted"}) for each in ands) for ands in query.alternatives)
    ]
    found = store.kafkas(ANNA, query)
    assert [row["name"] for row in found.rows] == expected
    assert found.total == len(expected)


def test_a_blank_query_finds_everything(store):
    assert store.kafkas(ANNA, parse_query("  ")).total == len(ROWS)
