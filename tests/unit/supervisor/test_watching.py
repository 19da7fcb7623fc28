"""Rules on windows see every second once, when all processes have reported it."""

from __future__ import annotations

from loadproof.plan import parse_threshold
from loadproof.record import Recorder, RunRecord, Sample
from loadproof.result import Intervention, Observation
from loadproof.supervisor.watching import Watching


class Lab:
    def __init__(self, *rules):
        self.record = RunRecord()
        self.watching = Watching([parse_threshold(rule, source="test") for rule in rules], self.record)
        self.recorders = {}

    def report(self, worker, *ends, failed=False, name="/a", user_class=""):
        """A process reports requests that ended then."""
        recorder = self.recorders.setdefault(worker, Recorder(worker))
        outcome, kind = ("failure", "timeout") if failed else ("success", None)
        for end in ends:
            recorder.record(
                Sample(name, "GET", end - 0.1, end - 0.1, end, outcome=outcome, kind=kind, user_class=user_class)
            )
        delta = recorder.interval({})
        self.watching.expect(delta)
        self.record.merge(delta)

    def seen(self):
        return {seen.rule: seen for seen in self.watching.observations()}


RATE = "error_rate < 1% over 1s"


def test_a_second_is_judged_once_everybody_has_reported_it():
    lab = Lab(RATE)
    lab.watching.begin(0.0)
    lab.report("1", 0.5, failed=True)
    lab.watching.turn(1.4)
    assert lab.seen()[RATE].value is None
    lab.report("2", 0.6, 0.7, 0.8)
    lab.watching.turn(1.6)
    assert (lab.seen()[RATE].value, lab.seen()[RATE].n) == (0.25, 4)


def test_what_ended_before_the_measured_part_is_left_out():
    lab = Lab(RATE)
    lab.watching.begin(0.0)
    lab.report("1", 0.5, 1.5, failed=True)
    lab.watching.begin(2.0)  # the set-up is over
    lab.report("1", 2.5)
    lab.watching.turn(3.6)
    assert lab.seen()[RATE].value == 0.0


def test_seconds_without_a_report_are_seconds_without_requests():
    lab = Lab("requests >= 1 for 2s")
    lab.watching.begin(0.0)
    lab.report("1", 0.5)
    lab.report("1", 4.5)
    lab.watching.turn(5.6)
    assert (lab.seen()["requests >= 1 for 2s"].value, lab.seen()["requests >= 1 for 2s"].at) == (0, 3.0)


def test_the_end_judges_what_is_left_and_no_sliver_of_a_second():
    lab = Lab("throughput > 1/s for 1s")
    lab.watching.begin(0.0)
    lab.report("1", 0.2, 0.4, 1.2, 1.4)
    lab.watching.finish(2.1)
    assert lab.seen()["throughput > 1/s for 1s"].value == 2


def test_each_rule_sees_its_own_entries():
    lab = Lab("requests{name=/b} < 9 over 1s", "requests < 9 over 1s")
    lab.watching.begin(0.0)
    lab.report("1", 0.5, 0.6)
    lab.report("1", 0.7, name="/b")
    lab.watching.finish(1.0)
    assert [seen.value for seen in lab.seen().values()] == [1, 3]


def test_a_run_without_such_rules_watches_nothing():
    lab = Lab("error_rate < 1%")
    lab.watching.begin(0.0)
    lab.report("1", 0.5)
    lab.watching.finish(1.0)
    assert lab.watching.observations() == ()
    assert lab.record._watches == []


def test_seconds_that_were_judged_are_not_kept():
    lab = Lab(RATE)
    lab.watching.begin(0.0)
    for second in range(100):
        lab.report("1", second + 0.5)
        lab.watching.turn(second + 1.6)
    assert len(lab.record._watches) <= 2
    assert lab.record._watched == []


def test_what_ended_the_run_stands_whatever_comes_later():
    lab = Lab(RATE)
    lab.watching.begin(0.0)
    first = Observation("exceptions = 0 abort", 1, 1)
    lab.watching.keep(first)
    lab.watching.keep(Observation("exceptions = 0 abort", 9, 9))
    assert lab.seen()["exceptions = 0 abort"] is first


def test_seconds_in_which_the_run_was_paused_say_nothing():
    rule = "throughput > 0.5/s over 1s"
    lab = Lab(rule)
    lab.watching.begin(0.0)
    lab.watching.interventions = (Intervention(1.4, "paused"), Intervention(3.2, "resumed"))
    lab.report("1", 0.5, 4.5)
    lab.watching.turn(5.6)
    assert lab.seen()[rule].value == 1.0
