"""The search for a capacity, at services whose capacity is known, a hundred times each."""

import numpy as np
import pytest
from service_models import MM1, Collapsing, Pool, TokenBucket, hold, poisson

from loadproof.judge import judge_level
from loadproof.plan import parse_threshold
from loadproof.plan.model import Capacity
from loadproof.search import search_for

SEEDS = range(100)


def searched(service, seed, **settings):
    """A whole search, and how many trials it took."""
    rules = tuple(parse_threshold(rule, source="test") for rule in service.rules)
    search = search_for(Capacity(rules=rules, **settings))
    levels = []
    while (step := search.next(levels)) is not None:
        levels.append(judge_level(hold(service, step, len(levels) + 1, seed), rules))
    return search.result(levels), len(levels)


def scale(seed):
    """Capacities lie anywhere between the rates that are tried, or a lucky one would be found by every seed."""
    return np.random.default_rng(seed).uniform(0.7, 1.4)


class PoolAtRandom(Pool):
    arrivals = staticmethod(poisson)


KINDS = {
    "one worker at random": (lambda by: MM1(300 * by, 0.99, 0.1), {}),
    "one slow worker at random": (lambda by: MM1(100 * by, 0.95, 0.25), {"trial": 30, "confirm": 60}),
    "a pool of workers": (lambda by: Pool(10, 0.05 / by), {}),
    "a pool of workers at random": (lambda by: PoolAtRandom(10, 0.05 / by), {}),
    "a token bucket": (lambda by: TokenBucket(150 * by, 15, 0.01), {}),
    "one that collapses": (lambda by: Collapsing(200 * by, 40, 0.25), {}),
}


BRIEF = "a pool of workers"
"""The one whose hundred searches are reckoned soonest."""


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[] if kind == BRIEF else [pytest.mark.long]) for kind in KINDS]
)
def test_the_interval_holds_the_true_capacity(kind):
    make, settings = KINDS[kind]
    held, trials, others = 0, [], []
    for seed in SEEDS:
        service = make(scale(seed))
        result, number = searched(service, seed, **settings)
        trials.append(number)
        if result.outcome != "found":
            others.append((seed, result.outcome, result.reason))
            continue
        assert result.high / result.low <= 1.10, result
        held += bool(result.low <= service.capacity <= result.high)
    assert held >= 95, (held, others)
    assert len(others) <= 2, others
    assert max(trials) <= 40
    assert np.median(trials) <= 20
