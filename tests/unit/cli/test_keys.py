"""Keys are read one by one, and the terminal is left as it was found."""

from __future__ import annotations

import os
import pty
import signal
import termios

import pytest

from loadproof.cli.keys import Keys

SIGNALS = (signal.SIGTSTP, signal.SIGQUIT, signal.SIGCONT)


class Screen:
    def __init__(self):
        self.calls = []

    def toggle_help(self):
        self.calls.append("help")

    def suspend(self):
        self.calls.append("suspend")

    def resume(self):
        self.calls.append("resume")

    def ask_first(self, is_ours):
        self.is_ours = is_ours


@pytest.fixture
def terminal(monkeypatch):
    """Both ends of a terminal in whose foreground this process is taken to be."""
    ours, theirs = pty.openpty()
    monkeypatch.setattr(Keys, "_in_foreground", lambda _: True)
    yield ours, theirs
    for end in (ours, theirs):
        try:
            os.close(end)
        except OSError:
            continue


def pressed(terminal, keys, screen=None):
    ours, theirs = terminal
    with Keys(theirs, screen or Screen()) as reader:
        os.write(ours, keys.encode())
        return reader.take()


@pytest.mark.parametrize(
    ("keys", "wishes"),
    [
        ("q", ["end"]),
        ("p", ["pause"]),
        ("P", ["pause"]),
        ("++-", ["more", "more", "fewer"]),
        ("=_", ["more", "fewer"]),
        ("xyz \n7", []),
        ("\x1b[A\x1b[15~\x1bOP", []),
        ("\x1b[1;5Cp", ["pause"]),
        ("\x1bq", []),
        ("ü€p", ["pause"]),
    ],
)
def test_what_each_key_asks_for(terminal, keys, wishes):
    assert pressed(terminal, keys) == wishes


def test_a_question_mark_is_for_the_view(terminal):
    screen = Screen()
    assert pressed(terminal, "?p?", screen) == ["pause"]
    assert screen.calls == ["help", "help"]


def test_modes_and_signal_handlers_are_as_they_were_afterwards(terminal):
    _, theirs = terminal
    modes, handlers = termios.tcgetattr(theirs), [signal.getsignal(number) for number in SIGNALS]
    reader = Keys(theirs, Screen())
    reader.__enter__()
    local = termios.tcgetattr(theirs)[3]
    assert not local & (termios.ICANON | termios.ECHO)
    assert local & termios.ISIG  # Ctrl-C stays what it is
    reader.__exit__(RuntimeError, RuntimeError(), None)
    assert termios.tcgetattr(theirs) == modes
    assert [signal.getsignal(number) for number in SIGNALS] == handlers


def test_signals_that_the_caller_ignores_stay_ignored(terminal):
    before = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        with Keys(terminal[1], Screen()):
            assert signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTSTP, before)


def test_a_terminal_that_is_gone_gives_no_more_keys(terminal):
    ours, theirs = terminal
    with Keys(theirs, Screen()) as reader:
        os.close(ours)
        assert reader.take() is None


def test_in_the_background_the_terminal_is_somebody_elses(terminal, monkeypatch):
    ours, theirs = terminal
    modes = termios.tcgetattr(theirs)
    monkeypatch.setattr(Keys, "_in_foreground", lambda _: False)
    screen = Screen()
    with Keys(theirs, screen) as reader:
        assert termios.tcgetattr(theirs) == modes
        os.write(ours, b"q\n")
        assert reader.take() == []
        assert not screen.is_ours()
        monkeypatch.setattr(Keys, "_in_foreground", lambda _: True)  # the shell took it back, and tells nobody
        assert screen.is_ours()
        assert not termios.tcgetattr(theirs)[3] & termios.ICANON
    assert screen.is_ours is None
    assert termios.tcgetattr(theirs) == modes


def test_a_stop_leaves_the_terminal_in_order_and_takes_it_again_afterwards(terminal, monkeypatch):
    _, theirs = terminal
    modes = termios.tcgetattr(theirs)
    seen = []
    monkeypatch.setattr(os, "kill", lambda _, number: seen.append((number, termios.tcgetattr(theirs) == modes)))
    screen = Screen()
    with Keys(theirs, screen):
        signal.raise_signal(signal.SIGTSTP)
        assert seen == [(signal.SIGTSTP, True)]
        assert not termios.tcgetattr(theirs)[3] & termios.ICANON
        assert screen.calls == ["suspend", "resume"]
