"""What the live view writes leaves a terminal with the lines it was given, whatever happens to the terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from rich.text import Text

from loadproof.cli import canvas as module
from loadproof.cli.canvas import Canvas
from terminal import Terminal


@pytest.fixture
def drawn(monkeypatch):
    """A canvas on a terminal."""

    def make(columns=20, rows=8):
        terminal = Terminal(columns, rows)
        out = io.StringIO()
        out.write = terminal.write
        monkeypatch.setattr(Canvas, "size", property(lambda _: (terminal.columns, terminal.rows)))
        return terminal, Canvas(Console(file=io.StringIO(), color_system="standard", force_terminal=True), out)

    return make


def lines(*texts):
    return [Text(text, style="red") for text in texts]


def test_lines_are_drawn_over_those_before(drawn):
    terminal, canvas = drawn()
    canvas.paint(lines("one", "two and more", "three"))
    canvas.paint(lines("ONE", "TWO"))
    assert terminal.shown == ["ONE", "TWO"]
    canvas.paint(lines("1", "2", "3", "4"))
    assert terminal.shown == ["1", "2", "3", "4"]
    assert terminal.scrolled == 0


def test_a_line_as_wide_as_the_terminal_is_whole_and_wraps_nothing(drawn):
    terminal, canvas = drawn(columns=10)
    for _ in range(3):
        canvas.paint(lines("0123456789", "abcdefghij"))
    assert terminal.shown == ["0123456789", "abcdefghij"]


def test_what_is_printed_stays_above_in_its_order(drawn):
    terminal, canvas = drawn()
    canvas.paint(lines("view", "more"), above=["first"])
    canvas.paint(lines("view", "more"), above=["second", "third"])
    assert terminal.shown == ["first", "second", "third", "view", "more"]


def test_what_is_printed_scrolls_away_upwards_and_the_view_stays(drawn):
    terminal, canvas = drawn(rows=5)
    for number in range(20):
        canvas.paint(lines("view", "more"), above=[f"line {number}"])
    assert terminal.shown == ["line 17", "line 18", "line 19", "view", "more"]
    assert terminal.above == [f"line {number}" for number in range(17)]


def test_a_long_printed_line_is_wrapped_and_not_lost(drawn):
    terminal, canvas = drawn(columns=10)
    canvas.paint(lines("view"))
    canvas.paint(lines("view"), above=["0123456789abc"])
    assert terminal.shown == ["0123456789", "abc", "view"]


@pytest.mark.parametrize("size", [(10, 8), (7, 4), (40, 20), (20, 3)])
def test_after_a_change_of_size_nothing_of_the_old_view_is_left(drawn, size):
    terminal, canvas = drawn(rows=8)
    canvas.paint(lines("w" * 20, "x" * 20, "y" * 13), above=["kept"])
    terminal.resize(*size)
    canvas.paint(lines("a", "b"))
    canvas.paint(lines("a", "b"))
    assert terminal.shown[-2:] == ["a", "b"]
    assert all(line in ("kept", "a", "b") for line in terminal.shown)


def test_what_scrolled_away_of_the_view_does_not_come_back_with_a_higher_terminal(drawn):
    terminal, canvas = drawn(columns=20, rows=8)
    canvas.paint(lines(*["w" * 20] * 6), above=["kept"])
    terminal.resize(10, 4)
    canvas.paint(lines("a", "b"))
    terminal.resize(20, 8)
    canvas.paint(lines("c", "d"))
    assert terminal.shown == ["c", "d"]


def test_clearing_takes_the_view_away_and_leaves_the_terminal_as_it_was(drawn):
    terminal, canvas = drawn()
    canvas.paint(lines("view", "more"), above=["kept"])
    assert (terminal.wraps, terminal.shows_cursor) == (True, False)
    canvas.clear(["last words"])
    assert terminal.shown == ["kept", "last words", ""]
    assert (terminal.wraps, terminal.shows_cursor) == (True, True)


def test_after_another_program_has_used_the_terminal_the_view_goes_on_below(drawn):
    terminal, canvas = drawn()
    canvas.paint(lines("view", "more"))
    terminal.write("\n$ fg\n")
    canvas.forget()
    canvas.paint(lines("VIEW", "MORE"))
    assert terminal.shown == ["view", "more", "$ fg", "VIEW", "MORE"]


def test_after_a_stop_in_the_middle_of_a_drawing_the_next_one_is_below_too(drawn):
    terminal, canvas = drawn()
    canvas.paint(lines("view", "more"))

    def interrupted(text):
        canvas._out.write = terminal.write
        terminal.write(text)
        terminal.write("\n$ fg\n")
        canvas.forget()  # by the handler of the signal, before the drawing has returned

    canvas._out.write = interrupted
    canvas.paint(lines("View", "More"))
    canvas.paint(lines("VIEW", "MORE"))
    assert terminal.shown == ["View", "More", "$ fg", "VIEW", "MORE"]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m and not", "red and not"),
        ("\x1b[2Jgone\x1b[5A", "�[2Jgone�[5A"),
        ("back\rover", "back�over"),
        ("bell\x07", "bell�"),
    ],
)
def test_a_script_cannot_move_the_cursor_but_may_use_colours(drawn, said, shown):
    terminal, canvas = drawn(columns=40)
    canvas.paint(lines("view"), above=[said])
    text = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in terminal.shown]
    assert text == [shown, "view"]


def test_colours_of_a_script_end_with_its_line():
    assert module._harmless("\x1b[31mred") == "\x1b[31mred\x1b[0m"


def test_a_terminal_that_does_not_say_how_large_it_is_gets_the_smallest_size():
    assert Canvas(Console(file=io.StringIO()), io.StringIO()).size == (80, 24)
