"""What the generator spoiled is not judged; what nobody could have measured is no zero."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from loadproof.judge import evaluate, exit_code, overall
from loadproof.plan.thresholds import parse_threshold
from loadproof.record import Recorder, RunRecord, Sample
from loadproof.result import Doubt, GeneratorHealth, Outcome, SearchResult


@dataclass
class Measured:
    record: RunRecord = field(default_factory=RunRecord)
    measured_from: float = 0.0
    measured_to: float = 10.0
    exception_count: int = 0
    unfinished: int = 0
    health: GeneratorHealth = field(default_factory=GeneratorHealth)
    search: SearchResult | None = None


def rule(text):
    return parse_threshold(text, source="test")


def measured(*, took=0.1, count=100, kinds=(), dropped=0, offered=0, **rest):
    recorder = Recorder()
    for number in range(count):
        kind = kinds[number] if number < len(kinds) else None
        recorder.record(Sample("/", "GET", 1.0, 1.0, 1.0 + took, outcome="failure" if kind else "success", kind=kind))
    counts = recorder.arrivals_in(1.0)
    counts.offered, counts.dropped, counts.started = offered, dropped, offered - dropped
    found = Measured(**rest)
    found.record.merge(recorder.interval({}))
    return found


@pytest.mark.parametrize(
    ("limit", "breach_stands", "pass_stands", "outcome"),
    [
        ("200ms", False, False, "INCONCLUSIVE"),
        ("200ms", True, False, "INCONCLUSIVE"),
        ("200ms", False, True, "PASS"),
        ("50ms", False, True, "INCONCLUSIVE"),
        ("50ms", True, False, "FAIL"),
    ],
)
def test_a_doubt_spoils_what_it_says(limit, breach_stands, pass_stands, outcome):
    doubt = Doubt("response_time", "it was late", breach_stands=breach_stands, pass_stands=pass_stands)
    verdict = evaluate(rule(f"p50(response_time) < {limit}"), measured(health=GeneratorHealth(doubts=(doubt,))))
    assert verdict.outcome == outcome
    assert verdict.observed == pytest.approx(0.1, rel=0.001)
    assert ("it was late" in verdict.reason) is (outcome == "INCONCLUSIVE")


def test_a_doubt_on_another_quantity_changes_nothing():
    health = GeneratorHealth(doubts=(Doubt("response_time", "it was late"),))
    assert evaluate(rule("p50(service_time) < 200ms"), measured(health=health)).outcome == "PASS"
    assert evaluate(rule("error_rate < 1%"), measured(health=health)).outcome == "PASS"


def test_drops_are_judged_as_a_share_of_what_was_offered():
    verdict = evaluate(rule("dropped_rate < 0.1%"), measured(offered=1000, dropped=1))
    assert (verdict.outcome, verdict.observed, verdict.n) == ("FAIL", 0.001, 1000)
    assert evaluate(rule("dropped_rate < 0.1%"), measured(offered=1001, dropped=1)).outcome == "PASS"
    assert evaluate(rule("dropped <= 1"), measured(offered=5, dropped=1)).observed == 1


def test_without_arrivals_drops_cannot_be_judged():
    verdict = evaluate(rule("dropped_rate < 0.1%"), measured())
    assert (verdict.outcome, verdict.observed) == ("INCONCLUSIVE", None)
    assert "no arrival was counted" in verdict.reason


def test_errors_of_the_generator_do_not_fail_the_service():
    kinds = ["out_of_ports"] * 10
    verdict = evaluate(rule("error_rate < 5%"), measured(kinds=kinds))
    assert verdict.outcome == "INCONCLUSIVE"
    assert "10 of 10 failures are the generator's own" in verdict.reason
    assert evaluate(rule("error_rate < 5%"), measured(kinds=[*kinds, *["http_500"] * 10])).outcome == "FAIL"
    assert evaluate(rule("error_rate < 50%"), measured(kinds=kinds)).outcome == "PASS"


FOUND = SearchResult("capacity", "found", "per_second", low=200.0, high=208.0, reason="sustained 200/s")
BROKE = SearchResult("stress", "broke", "users", breaking_level=80.0, last_good_level=70.0, reason="broke at 80")
HELD = SearchResult("stress", "did_not_break", "users", last_good_level=100.0, max_level=100.0, reason="held 100")


@pytest.mark.parametrize(
    ("search", "text", "outcome"),
    [
        (FOUND, "capacity >= 200/s", "PASS"),
        (FOUND, "capacity > 200/s", "FAIL"),
        (BROKE, "breaking_level > 80", "FAIL"),
        (BROKE, "breaking_level > 79", "PASS"),
        (HELD, "breaking_level > 80", "PASS"),
        (HELD, "breaking_level > 100", "INCONCLUSIVE"),
        (HELD, "breaking_level < 200", "INCONCLUSIVE"),
        (None, "capacity >= 200/s", "INCONCLUSIVE"),
    ],
)
def test_the_answer_of_a_search_is_judged_as_far_as_it_is_known(search, text, outcome):
    assert evaluate(rule(text), measured(search=search)).outcome == outcome


@pytest.mark.parametrize(
    ("search", "outcome", "code"),
    [(FOUND, "PASS", 0), (BROKE, "PASS", 0), (HELD, "PASS", 0),
     (SearchResult("stress", "generator_limited", "users", reason="limited by the generator"), "INCONCLUSIVE", 4),
     (SearchResult("stress", "unsettled", "users", reason="too few requests"), "INCONCLUSIVE", 4)],
)  # fmt: skip
def test_a_search_passes_when_it_has_an_answer(search, outcome, code):
    found = measured(search=search)
    came_to = overall((), found)
    assert came_to == Outcome(outcome)
    assert exit_code(came_to, (), requests=100, search=search) == (code, search.reason)
