# ruff: noqa: RUF001 - dashes and signs are what is tested
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.report.layout import Layout, columns

PAGE = Layout(unicode=True, width=60)
ASCII = Layout(unicode=False, width=60)


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("/short", 10, "/short"),
        ("/a/very/long/path/indeed", 11, "/a/ve…ndeed"),
        ("/a/very/long/path/indeed", 12, "/a/ver…ndeed"),
        ("日本語日本語", 7, "日…語"),
        ("", 0, ""),
    ],
)
def test_a_long_text_loses_its_middle(text, width, expected):
    assert PAGE.cut(text, width) == expected


@settings(max_examples=100)
@given(st.text(max_size=60), st.integers(min_value=3, max_value=40))
def test_a_cut_text_fits(text, width):
    assert columns(PAGE.cut(PAGE.plain(text), width)) <= width
    assert len(ASCII.cut(ASCII.plain(text), width)) <= width


@settings(max_examples=50)
@given(st.text(max_size=60))
def test_plain_text_is_one_line_without_control_codes(text):
    assert PAGE.plain(text).isprintable()
    assert ASCII.plain(text).isascii()


def test_signs_have_a_form_in_ascii():
    assert ASCII.plain("✓ ⚠ ✗ – … 3 µs × ü") == "+ ! x - ... 3 us x \\xfc"


def test_columns_are_aligned_and_names_cut_where_the_page_is_narrow():
    rows = [("Name", "n"), ("/a/name/that/is/far/too/long/for/a/page/of/sixty/columns/or/so", "1"), ("/b", "22,000")]
    assert PAGE.table(rows, left=[0], name=0) == [
        "  Name                                                     n",
        "  /a/name/that/is/far/too/l…e/of/sixty/columns/or/so       1",
        "  /b                                                  22,000",
    ]


def test_wide_signs_take_two_columns():
    lines = PAGE.table([("名前", "1"), ("abcd", "2")], left=[0], name=0)
    assert [columns(line) for line in lines] == [9, 9]


def test_columns_are_left_out_before_names_lose_too_much():
    rows = [("x" * 40, "figure one", "figure two", "kept")]
    assert PAGE.table(rows, left=[0], name=0, optional=[1, 2]) == [f"  {'x' * 40}  figure two  kept"]


def test_wrapped_lines_fit_and_are_indented():
    lines = PAGE.wrapped("word " * 30, indent="    ", first="  - ")
    assert lines[0].startswith("  - word")
    assert all(line.startswith("    word") for line in lines[1:])
    assert max(map(len, lines)) <= 60
