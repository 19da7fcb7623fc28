from __future__ import annotations

import pytest

from loadproof.suites.virus_scan.target.definitions import REQUIRED, Definitions


def definitions(lag, fades_after, elapsed):
    return Definitions(lag=lag, fades_after=fades_after, started_at=1000.0, clock=lambda: 1000.0 + elapsed)


@pytest.mark.parametrize(
    ("elapsed", "behind"), [(0.0, 10), (0.1, 10), (2.9, 10), (3.0, 9), (15.0, 5), (29.9, 1), (30.0, 0), (3600.0, 0)]
)
def test_a_lag_fades_evenly(elapsed, behind):
    assert REQUIRED - definitions(10, 30.0, elapsed).actual == behind


@pytest.mark.parametrize("elapsed", [0.0, 3600.0])
def test_a_lag_that_never_fades_stays(elapsed):
    assert definitions(5, 0.0, elapsed).actual == REQUIRED - 5


@pytest.mark.parametrize(("lag", "is_outdated"), [(0, False), (1, False), (2, True), (4, True)])
def test_one_version_behind_is_not_outdated(lag, is_outdated):
    assert definitions(lag, 0.0, 0.0).is_outdated is is_outdated
