"""What a scrape reads, from hand-built deltas: names, labels, counters that only grow."""

from __future__ import annotations

import math
import random
import re
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from loadproof.export.cumulative import DURATION_BOUNDS, MOST_KINDS, MOST_STATUSES
from loadproof.export.prometheus import Moment, RunMetrics, doubts_of, rules_of
from loadproof.record import Delta, Recorder
from loadproof.record.recorder import tagged
from loadproof.result import Doubt, GeneratorHealth, Outcome, Verdict
from results_factory import arrive, sample

INFO = {"test_name": "shop", "run_id": "20260304T050607-abcdef", "kind": "load", "version": "0.1.0"}
NASTY = 'a "b" \\ \n{c="d"} 1\r\t\x00\x7f\u2028 \ud800 ü'


def started(**options):
    metrics = RunMetrics(**options)
    metrics.begin(INFO)
    return metrics


def delta_of(*samples, facts=None, recorder=None):
    recorder = recorder or Recorder("1")
    for each in samples:
        recorder.record(each)
    return recorder.interval(facts or {})


def facts(*, at=1.0, cpu=0.5, starved=0.01, lags=()):
    health = {"cpu": cpu, "starved": starved, "lags": list(lags), "gc_pause": 0.0, "seconds": 1.0}
    return {"makes_load": True, "at": at, "health": health}


def scraped(metrics):
    """Sample name and sorted labels to value; all of it is read by the library's own parser, which is strict."""
    found = {}
    for family in text_string_to_metric_families(metrics.render()[0].decode("utf-8")):
        for each in family.samples:
            key = (each.name, tuple(sorted(each.labels.items())))
            assert key not in found, f"{key} stands twice"
            found[key] = each.value
    return found


def of(found, name, **labels):
    return found[f"perf_test_{name}", tuple(sorted(labels.items()))]


def total(found, name):
    return sum(value for (each, _), value in found.items() if each == f"perf_test_{name}")


def verdict(rule, outcome):
    return Verdict(rule, "--threshold", outcome, 1.0, "s", None, 100)


def test_before_a_run_there_is_nothing_but_that_none_is_running():
    assert scraped(RunMetrics()) == {("perf_test_running", ()): 0.0}


def test_a_run_without_a_request_yet_says_who_it_is_and_counts_nothing():
    found = scraped(started())
    assert of(found, "info", **INFO) == 1
    assert of(found, "running") == 1
    assert [name for name, _ in found if name.startswith("perf_test_request")] == []
    assert of(found, "unfinished_requests_total") == 0


def test_requests_are_counted_by_endpoint_method_and_status_and_errors_by_kind():
    metrics = started()
    metrics.add(
        delta_of(
            *(sample("/read", end=second + 0.5, status=200) for second in range(5)),
            sample("/read", "POST", status=201),
            sample("/read", end=3.0, status=503, kind="http_503"),
            sample("/read", end=3.0, status=200, kind="check_failed"),
            sample("/read", end=3.0, kind="timeout"),
            sample("/read", end=3.0, status=409, outcome="expected"),
        )
    )
    found = scraped(metrics)
    requests = {labels: value for (name, labels), value in found.items() if name == "perf_test_requests_total"}
    assert {(dict(labels)["method"], dict(labels)["status"]): value for labels, value in requests.items()} == {
        ("GET", "200"): 6, ("POST", "201"): 1, ("GET", "503"): 1, ("GET", "none"): 1, ("GET", "409"): 1,
    }  # fmt: skip
    assert of(found, "errors_total", endpoint="/read", error_type="http_503") == 1
    assert of(found, "errors_total", endpoint="/read", error_type="check_failed") == 1
    assert of(found, "errors_total", endpoint="/read", error_type="timeout") == 1
    assert total(found, "errors_total") == 3


def test_durations_are_a_cumulative_histogram_with_an_exact_sum():
    metrics = started()
    took = [0.00005, 0.003, 0.1, 0.1, 0.101, 0.7, 1.0, 2.5, 61.0]
    metrics.add(delta_of(*(sample("/read", end=100.0, took=each) for each in took)))
    found = scraped(metrics)
    labels = {"endpoint": "/read", "method": "GET"}
    for bound in DURATION_BOUNDS:
        expected = sum(each <= bound for each in took)
        assert of(found, "request_duration_seconds_bucket", le=repr(bound), **labels) == expected, bound
    assert of(found, "request_duration_seconds_bucket", le="+Inf", **labels) == len(took)
    assert of(found, "request_duration_seconds_count", **labels) == len(took)
    assert of(found, "request_duration_seconds_sum", **labels) == pytest.approx(sum(took), abs=1e-7)


def test_bounds_grow_without_gaps_that_would_hide_a_percentile():
    assert list(DURATION_BOUNDS) == sorted(set(DURATION_BOUNDS))
    steps = [b / a for a, b in pairwise(DURATION_BOUNDS) if a >= 0.001]
    assert max(steps) <= 2
    assert {0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0} <= set(DURATION_BOUNDS)


def test_a_request_that_nobody_timed_counts_and_has_no_duration():
    metrics = started()
    metrics.add(delta_of(sample("/read", clock="none", status=200), sample("/read", status=200)))
    found = scraped(metrics)
    assert total(found, "requests_total") == 2
    assert total(found, "request_duration_seconds_count") == 1


def test_spans_the_set_up_and_what_is_counted_twice_are_no_requests():
    metrics = started()
    metrics.add(
        delta_of(
            sample("/read"),
            sample("/read", tagged("GET", "class=Buyer")),
            sample("/login", "POST setup"),
            sample("browse", "ITERATION"),
            sample("checkout", "FLOW"),
            sample("depth", "MEASURE"),
        )
    )
    found = scraped(metrics)
    assert {dict(labels).get("endpoint") for _, labels in found} == {None, "/read"}
    assert total(found, "requests_total") == 1


def test_no_counter_ever_goes_down_while_a_record_grows():
    rng, metrics, recorder = random.Random(7), started(most_endpoints=5), Recorder("1")
    before = {}
    for second in range(40):
        samples = [
            sample(
                f"/{rng.randrange(12)}", rng.choice(["GET", "POST"]), end=max(0.0, second - rng.choice([0, 0, 3])) + 0.5,
                took=rng.expovariate(3), status=rng.choice([200, 404, None]), kind=rng.choice([None, None, "timeout"]),
            )
            for _ in range(rng.randrange(30))
        ]  # fmt: skip
        arrive(recorder, float(second), rng.choice([None, 0.0, 0.02]))
        metrics.add(delta_of(*samples, recorder=recorder, facts=facts(at=float(second), lags=[rng.random()] * 3)))
        # A worker that is lost takes its figures with it; what was shown stands.
        metrics.show(Moment(running=True, unfinished=rng.randrange(5), exceptions=rng.randrange(5)))
        if second == 30:
            metrics.stop()
        found = scraped(metrics)
        counters = {
            key: value for key, value in found.items() if key[0].endswith(("_total", "_bucket", "_count", "_sum"))
        }
        assert before.keys() <= counters.keys()
        assert [key for key, value in before.items() if counters[key] < value] == []
        before = counters
    assert total(before, "requests_total") > 300


def test_another_run_begins_from_zero():
    metrics = started()
    metrics.add(delta_of(sample("/read")))
    metrics.show(Moment(running=True, unfinished=3))
    metrics.begin(INFO | {"run_id": "next"})
    found = scraped(metrics)
    assert of(found, "info", **INFO | {"run_id": "next"}) == 1
    assert ("perf_test_requests_total", ()) not in found
    assert total(found, "requests_total") == total(found, "unfinished_requests_total") == 0


def test_hostile_names_are_labels_like_any_other():
    metrics = RunMetrics()
    metrics.begin(INFO | {"test_name": NASTY})
    nasty = [NASTY, NASTY.replace("\x00", "\x01"), '"} 1\nperf_test_users{x="', "", " ", "#", "é" * 300]
    metrics.add(delta_of(*(sample(name, name or "X", status=200, kind=name or "k") for name in nasty)))
    metrics.show(Moment(running=True, rules=rules_of([verdict(f"p95(x){{name={name!r}}} < 1s", Outcome.PASS) for name in nasty])))  # fmt: skip
    found = scraped(metrics)
    assert total(found, "requests_total") == len(nasty)
    assert total(found, "users") == 0
    endpoints = {dict(labels)["endpoint"] for name, labels in found if name == "perf_test_requests_total"}
    assert 'a "b" \\ \ufffd{c="d"} 1\ufffd\ufffd\ufffd\ufffd\u2028 ? ü' in endpoints
    assert len(endpoints) == len(nasty) - 1, "two that differ in a control character alone are one"
    lines = metrics.render()[0].decode("utf-8").split("\n")
    assert [line for line in lines if line and not re.match(r"(# |perf_test_\w+(\{.*\})? \S+$)", line)] == []


def test_the_first_200_endpoints_have_series_and_the_rest_is_together():
    metrics = started()
    for start in (0, 1000):
        metrics.add(delta_of(*(sample(f"/item/{start + n}", status=200, kind="timeout") for n in range(700))))
    found = scraped(metrics)
    endpoints = {dict(labels)["endpoint"] for name, labels in found if name == "perf_test_requests_total"}
    assert len(endpoints) == 201
    assert of(found, "requests_total", endpoint="(other)", method="GET", status="200") == 1200
    assert of(found, "errors_total", endpoint="(other)", error_type="timeout") == 1200
    assert total(found, "requests_total") == total(found, "request_duration_seconds_count") == 1400
    assert of(found, "requests_total", endpoint="/item/0", method="GET", status="200") == 1


def test_methods_statuses_kinds_and_workers_are_bounded_too():
    metrics = started()
    metrics.add(delta_of(*(sample("/", f"M{n % 300}", status=100 + n, kind=f"kind{n}") for n in range(899))))
    for n in range(500):
        metrics.add(Delta(1, f"w{n}", {}, facts(at=1.0)))
    found = scraped(metrics)
    values = {
        label: {dict(labels).get(label) for _, labels in found} - {None}
        for label in ("method", "status", "error_type", "worker")
    }
    assert len(values["method"]) <= 21
    assert len(values["status"]) <= MOST_STATUSES + 1
    assert len(values["error_type"]) <= MOST_KINDS + 1
    assert len(values["worker"]) <= 201
    assert total(found, "requests_total") == 899
    assert total(found, "errors_total") == 899


def test_arrivals_are_there_in_an_open_model_and_only_there():
    metrics, recorder = started(), Recorder("1")
    assert total(scraped(metrics), "arrivals_offered_total") == 0
    assert "arrivals" not in metrics.render()[0].decode()
    for number in range(10):
        arrive(recorder, number / 10, None if number < 3 else 0.02)
    metrics.add(recorder.interval({}))
    found = scraped(metrics)
    names = ("offered", "started", "dropped", "late")
    assert [of(found, f"arrivals_{name}_total") for name in names] == [10, 7, 3, 7]


def test_each_process_says_how_it_fares_and_one_that_fell_silent_no_longer_does():
    metrics = started()
    metrics.add(Delta(1, "a", {}, facts(at=1.0, cpu=0.9, starved=None, lags=[0.004, 0.2])))
    metrics.add(Delta(1, "b", {}, facts(at=1.0, cpu=0.2)))
    metrics.add(Delta(1, "master", {}, {"makes_load": False, "at": 1.0}))
    found = scraped(metrics)
    assert of(found, "generator_cpu_ratio", worker="a") == 0.9
    assert of(found, "generator_cpu_ratio", worker="b") == 0.2
    assert of(found, "generator_starved_ratio", worker="b") == 0.01
    assert total(found, "generator_starved_ratio") == 0.01
    assert of(found, "generator_loop_lag_seconds_bucket", le="0.005") == 1
    assert of(found, "generator_loop_lag_seconds_count") == 2
    metrics.add(Delta(2, "b", {}, facts(at=12.0, cpu=0.3)))
    assert total(scraped(metrics), "generator_cpu_ratio") == 0.3


def test_rules_are_one_zero_or_no_number_and_the_worse_of_two_that_are_alike():
    metrics = started()
    outcomes = {"a < 1s": Outcome.PASS, "b < 1s": Outcome.WARN, "c < 1s": Outcome.FAIL, "d < 1s": Outcome.INCONCLUSIVE}
    alike = [verdict("e < 1s", Outcome.INCONCLUSIVE), verdict("e < 1s", Outcome.FAIL), verdict("e < 1s", Outcome.PASS)]
    metrics.show(Moment(running=True, rules=rules_of([*(verdict(*each) for each in outcomes.items()), *alike])))
    found = scraped(metrics)
    assert [of(found, "threshold_ok", rule=f"{rule} < 1s") for rule in "abce"] == [1, 1, 0, 0]
    assert math.isnan(of(found, "threshold_ok", rule="d < 1s"))


def test_a_doubt_is_one_only_where_nothing_can_be_said():
    doubts = (
        Doubt("service_time", "late"),
        Doubt("response_time", "dropped", breach_stands=True),
        Doubt("throughput", "busy", pass_stands=True),
    )
    metrics = started()
    metrics.show(Moment(running=True, doubts=doubts_of(GeneratorHealth(doubts=doubts)), kernel_clock_share=0.5))
    found = scraped(metrics)
    assert {dict(labels)["quantity"]: value for (name, labels), value in found.items() if "doubt" in name} == {
        "service_time": 1, "response_time": 0, "throughput": 0, "error_rate": 0, "iteration_time": 0,
    }  # fmt: skip
    assert of(found, "generator_kernel_clock_ratio") == 0.5


def test_a_search_shows_its_level_and_how_levels_came_out():
    metrics = started()
    metrics.show(Moment(running=True, users=40, level=(40.0, "users"), levels={"PASS": 3, "FAIL": 1}))
    found = scraped(metrics)
    assert of(found, "level_target", unit="users") == 40
    assert of(found, "levels_total", outcome="PASS") == 3
    metrics.stop()
    found = scraped(metrics)
    assert total(found, "level_target") == of(found, "users") == of(found, "running") == 0
    assert of(found, "levels_total", outcome="FAIL") == 1


def test_openmetrics_says_the_same_where_the_scraper_prefers_it():
    metrics = started()
    metrics.add(delta_of(sample("/read", status=200), facts=facts(lags=[0.1])))
    body, content_type = metrics.render("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    names = {each.name for family in parse_openmetrics(body.decode()) for each in family.samples}
    assert names == {name for name, _ in scraped(metrics)}


@pytest.mark.parametrize(
    "accept", ["", "*/*", "text/html", "text/plain;version=x", "application/openmetrics-text;version="]
)
def test_whoever_asks_for_nothing_sensible_gets_text(accept):
    body, content_type = started().render(accept)
    assert "text" in content_type
    assert b"perf_test_running 1.0\n" in body


def test_a_scrape_is_of_one_moment_however_fast_the_run_goes_on():
    metrics, over = started(), threading.Event()
    chunk = [sample(f"/{n % 50}", took=n / 1000 + 0.001, status=200) for n in range(200)]

    def run():
        recorder = Recorder("1")
        while not over.is_set():
            metrics.add(delta_of(*chunk, recorder=recorder))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        counts = []
        for _ in range(15):
            found = scraped(metrics)
            counts.append(total(found, "requests_total"))
            assert counts[-1] == total(found, "request_duration_seconds_count")
            assert counts[-1] % len(chunk) == 0
    finally:
        over.set()
        thread.join()
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_the_manual_lists_every_metric_with_its_type_and_labels():
    metrics, recorder = started(), Recorder("1")
    arrive(recorder, 0.0, 0.0)
    metrics.add(delta_of(sample("/", status=500, kind="http_500"), recorder=recorder, facts=facts(lags=[0.1])))
    metrics.show(
        Moment(
            running=True, users_wanted=3, kernel_clock_share=1.0, rules={"a": 1.0}, level=(1.0, "users"),
            levels={"PASS": 1},
        )
    )  # fmt: skip
    expected = set()
    for family in text_string_to_metric_families(metrics.render()[0].decode()):
        labels = {label for each in family.samples for label in each.labels} - {"le"}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        expected.add((name, family.type, frozenset(labels)))
    manual = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(perf_test_\w+)` \| (\w+) \| (.*?) \|", manual, re.MULTILINE)
    assert {(name, kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows} == expected
