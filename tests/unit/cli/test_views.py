"""Which view a run gets: a live one only where it can be drawn, and keys only where they can be pressed."""

from __future__ import annotations

import io
import sys

import pytest

from loadproof.cli.live import LiveView
from loadproof.cli.plain import PlainView
from loadproof.cli.run import _keys, _view


class Stream(io.TextIOWrapper):
    def __init__(self, *, terminal, encoding="utf-8"):
        super().__init__(io.BytesIO(), encoding=encoding)
        self._terminal = terminal

    def isatty(self):
        return self._terminal


@pytest.fixture
def streams(monkeypatch):
    def make(*, out=True, into=True, encoding="utf-8", term="xterm"):
        monkeypatch.setattr(sys, "stdout", Stream(terminal=out, encoding=encoding))
        monkeypatch.setattr(sys, "stdin", into if into is None else Stream(terminal=into))
        monkeypatch.setenv("TERM", term)

    return make


def test_a_terminal_gets_the_live_view_with_keys(streams):
    streams()
    view = _view(quiet=False)
    assert isinstance(view, LiveView)
    assert view.hears_keys


@pytest.mark.parametrize("into", [False, None], ids=["a pipe", "nothing"])
def test_without_a_terminal_to_type_at_there_are_no_keys(streams, into):
    streams(into=into)
    view = _view(quiet=False)
    assert isinstance(view, LiveView)
    assert not view.hears_keys
    with _keys(view) as keys:
        assert keys is None


@pytest.mark.parametrize(
    ("given", "quiet"),
    [({"out": False}, False), ({"term": "dumb"}, False), ({"encoding": "latin-1"}, False), ({}, True)],
    ids=["a pipe", "a dumb terminal", "one without Unicode", "quiet"],
)
def test_elsewhere_there_are_plain_lines_and_no_keys(streams, given, quiet):
    streams(**given)
    view = _view(quiet=quiet)
    assert isinstance(view, PlainView)
    with _keys(view) as keys:
        assert keys is None
