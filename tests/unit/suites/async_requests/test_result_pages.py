from __future__ import annotations

import pytest

from loadproof.suites.async_requests.target.pages import matching

ROWS = [
    {"entry_number": 1, "issue_logs": [{"severity": "error"}, {"severity": "warning"}]},
    {"entry_number": 2, "issue_logs": []},
    {"entry_number": 3, "issue_logs": [{"severity": "warning"}], "converted_row": {"reference": "x"}},
]


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ('$.issue_logs[*].severity == "error"', [1]),
        ('$.issue_logs[*].severity=="warning"', [1, 3]),
        ("$.entry_number == 2", [2]),
        ('$.converted_row.reference == "x"', [3]),
        ("$.nothing.here == 1", []),
        ("$.entry_number[*] == 1", []),
    ],
)
def test_a_condition_keeps_the_rows_that_it_holds_for(condition, numbers):
    assert [row["entry_number"] for row in matching(ROWS, condition)] == numbers


@pytest.mark.parametrize("condition", ["", "$", "$.a", "$.a > 1", "$.a == ", "$.a == nothing", "a == 1"])
def test_a_condition_that_cannot_be_read_is_said(condition):
    with pytest.raises(ValueError):
        matching(ROWS, condition)
