"""A test that passes, one that fails, one that nobody can judge; and what else a team may write."""

from __future__ import annotations

import os

import pytest

LOAD = {"users": 5, "spawn_rate": 5, "run_time": "1s"}


def test_that_passes(loadproof):
    run = loadproof.run("shop", **LOAD)
    assert run.passed
    assert run.endpoints == ("/cart", "/products")
    assert run.p95("/cart") < 0.25
    assert run.error_rate() == 0
    assert run.requests() == run.requests("/cart") + run.requests("/products")


@pytest.mark.loadproof("error_rate < 1%", "requests > 3")
def test_that_fails(loadproof):
    loadproof.run("locustfile.py", host=os.environ["SHOP_URL"], class_names=["Buyer"], **LOAD)


@pytest.mark.loadproof('p99(response_time){name="/search"} < 1s')
def test_that_is_inconclusive(loadproof):
    loadproof.run("locustfile.py", host=os.environ["SHOP_URL"], class_names=["Shopper"], **LOAD)


@pytest.mark.loadproof('p99(response_time){name="/search"} < 1s', allow_inconclusive=True)
def test_that_may_be_inconclusive(loadproof):
    loadproof.run("locustfile.py", host=os.environ["SHOP_URL"], class_names=["Shopper"], **LOAD)
    pytest.fail("nothing after an inconclusive run is reached")
