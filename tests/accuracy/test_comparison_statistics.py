"""A scaled-down twin of ``bench/comparison_statistics.py``: intervals hold the truth, and alarms are rarely false."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench/comparison_statistics.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("comparison_statistics", BENCH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def outcome(bench, pairs, *cell, **fields):
    return bench.outcome((bench.Cell(*cell, **fields), pairs))[1]


def test_single_runs_hold_the_true_ratio_in_their_interval(bench):
    median = outcome(bench, 25, 60, 20, 0.5, bursts=False)["p50"]
    assert median.given >= 20
    assert median.covered >= median.given - 3  # of 25 with 95 % coverage, four misses or more come in 1 of 29 tests
    assert median.alarms <= 1


def test_bursts_make_a_single_run_inconclusive_on_p99(bench):
    assert outcome(bench, 15, 60, 20, 0.0, bursts=True)["p99"].given <= 3


def test_five_runs_a_side_hold_the_true_ratio_and_find_what_they_can(bench):
    tallies = outcome(bench, 120, 60, 20, 0.5, bursts=False, runs=(5, 5), between=0.02)
    for label in ("p50", "p95"):
        assert tallies[label].given == 120
        assert tallies[label].covered >= 106  # 0.95 is 114; 106 or fewer come in less than 1 of 700 tests
        assert tallies[label].alarms <= 2
    found = tallies["p50"]
    assert found.detectable > 20
    assert found.found >= 0.9 * found.detectable


def test_two_runs_a_side_are_no_less_careful(bench):
    median = outcome(bench, 120, 60, 20, 0.5, bursts=False, runs=(2, 2), between=0.06)["p50"]
    assert median.covered >= 106
    assert median.alarms <= 6
