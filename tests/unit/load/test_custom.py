"""Values of a script's own are counted by whoever runs it, and by nobody outside of a run."""

from __future__ import annotations

import math

import pytest

import loadproof
from loadproof.load import custom


class Sink:
    def __init__(self):
        self.values = []

    def on_measure(self, name, value):
        self.values.append((name, value))


@pytest.fixture
def sink(monkeypatch):
    listening = Sink()
    monkeypatch.setattr(custom, "sinks", [listening])
    return listening


def test_a_value_reaches_who_counts_it(sink):
    loadproof.measure("queue_depth", 3)
    loadproof.measure("db.pool-size", 0)
    assert sink.values == [("queue_depth", 3), ("db.pool-size", 0)]


def test_outside_of_a_run_it_does_nothing(monkeypatch):
    monkeypatch.setattr(custom, "sinks", [])
    loadproof.measure("queue_depth", 3)


@pytest.mark.parametrize("value", [-1, math.nan, math.inf])
def test_what_is_no_number_from_zero_on_is_refused(sink, value):
    with pytest.raises(ValueError, match="queue_depth is"):
        loadproof.measure("queue_depth", value)
    assert sink.values == []


@pytest.mark.parametrize("name", ["", "queue depth", "a{b}", "é=1", "a,b"])
def test_a_name_that_no_rule_can_say_is_refused(sink, name):
    with pytest.raises(ValueError, match="cannot be the name of a metric"):
        loadproof.measure(name, 1)
    assert sink.values == []
