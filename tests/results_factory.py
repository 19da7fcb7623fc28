"""Hand-built results: the empty run, small ones whose figures are known, a long one with everything in it, one on
schedule, and searches."""

from __future__ import annotations

import math
import random
from dataclasses import replace

from loadproof.judge import MeasuredLevel, evaluate_all, exit_code, judge_level, overall
from loadproof.plan.thresholds import parse_threshold
from loadproof.record import Recorder, RunRecord, Sample, Strain
from loadproof.record.recorder import MEASURE
from loadproof.result import (
    Change,
    ComparedRun,
    Comparison,
    Coverage,
    Declared,
    Difference,
    Doubt,
    FailureSample,
    GeneratorHealth,
    Observation,
    RunResult,
    ScriptError,
    SearchResult,
)

STARTED_AT = "2026-03-04T05:06:07.890000+00:00"
NASTY = "<script>alert(1)</script>"
RULES = ("exceptions = 0", "error_rate: warn >= 1%, fail >= 5%", "p95(response_time): warn >= 2s, fail >= 5s")

ENVIRONMENT = {
    "loadproof": "0.1.0",
    "locust": "2.47.0",
    "python": "3.11.7",
    "system": "Linux 6.1",
    "machine": "x86_64",
    "cpus": 4,
    "host": "bench-1",
    "commit": "0123456789ab",
    "ci": False,
}

PLAN = {
    "name": "checkout",
    "target": {"locustfile": "locustfile.py"},
    "users": 40,
    "spawn_rate": 8.0,
    "run_time": 120.0,
    "processes": None,
    "host": "https://shop.example",
    "rps": None,
    "locust_args": ["-f", "locustfile.py", "-u", "40", "-r", "8", "-t", "2m"],
    "results": "reports/performance",
    "samples": "all",
    "strict": False,
    "sources": {
        "target": "TARGET",
        "users": "--users",
        "spawn_rate": "loadproof.toml: run.spawn_rate",
        "run_time": "LOADPROOF_RUN_TIME",
        "host": "loadproof.toml: run.host",
        "results": "default",
    },
    "effective": {"users": 40, "user_classes": ["Browser", "Buyer"], "workers": 2, "stop_timeout": 0.0},
}

SERVICE_PLAN = PLAN | {
    "name": "pkd",
    "target": {
        "name": "pkd",
        "base_url": "http://localhost:8088",
        "requests": [
            {"path": "/v1/masterlist", "method": "GET", "name": None, "weight": None, "headers": {}, "json_body": None,
             "body": None, "expect": []},
            {"path": "/v1/crl", "method": "POST", "name": "crl", "weight": 2.0, "headers": {"X-API-Key": "***"},
             "json_body": {"country": "UT"}, "body": None, "expect": [200, 409]},
        ],
        "headers": {"X-API-Key": "***"},
        "timeout": 30.0,
        "wait": 0.1,
        "expect": [],
        "verify": True,
        "auth": None,
        "start": "docker compose up pkd",
    },
    "sources": {"services.pkd.base_url": "loadproof.toml: services.pkd.base_url", "services.pkd.timeout": "default"},
}  # fmt: skip


def sample(name="/read", method="GET", *, end=1.0, took=0.1, **rest):
    """One finished request; a success unless it has a kind."""
    outcome = rest.pop("outcome", "failure" if rest.get("kind") else "success")
    return Sample(name, method, end - took, end - took, end, outcome=outcome, **rest)


def record_of(samples):
    """The record of some samples."""
    recorder, record = Recorder("1"), RunRecord()
    for each in samples:
        recorder.record(each)
    record.merge(recorder.interval({}))
    return record


def result_of(samples=(), *, rules=RULES, judged=True, record=None, **fields):
    """A result of some samples, judged by some rules; ten seconds long where nothing else is said."""
    result = RunResult(
        run_id="20260304T050607-abcdef",
        test_name="checkout",
        kind="load",
        started_at=STARTED_AT,
        plan=PLAN,
        environment=ENVIRONMENT,
        record=record_of(samples) if record is None else record,
        measured_to=10.0,
        finished=True,
    )
    result = replace(result, **fields)
    if not judged:
        return result
    thresholds = [parse_threshold(rule, source="loadproof.toml") for rule in rules]
    verdicts = evaluate_all(thresholds, result)
    outcome = overall(verdicts, result)
    code, reason = exit_code(outcome, verdicts, requests=result.record.samples)
    return replace(result, verdicts=verdicts, outcome=outcome, exit_code=code, exit_reason=reason)


def empty_result(**fields):
    """A run in which nothing was measured."""
    return result_of(**{"measured_to": 0.0} | fields)


def failed_sample(kind="timeout", *, name="/read", method="GET", at=1.0, **rest):
    """A kept failure."""
    values = {"message": f"{kind} of {name}", "status": None, "body": ""} | rest
    return FailureSample(name=name, method=method, kind=kind, at=at, **values)


def small_result():
    """A run whose every figure can be counted by hand: 100 requests in 10 s, three of them failed."""
    samples = [sample(end=0.1 * i, took=0.001 * i) for i in range(1, 91)]
    samples += [sample("/buy", "POST", end=9.2 + 0.1 * i, took=0.5, status=200) for i in range(5)]
    samples += [sample("/buy", "POST", end=9.5, took=0.25, status=409, outcome="expected")] * 2
    samples += [
        sample("/buy", "POST", end=5.0, took=2.0, kind="timeout", message="timed out"),
        sample("/buy", "POST", end=6.0, took=2.0, kind="timeout", message="timed out"),
        sample("/buy", "POST", end=7.0, took=0.01, kind="http_503", message="503 Service Unavailable", status=503),
    ]
    samples += [sample("checkout", "FLOW", end=9.9, took=3.0)]
    record = record_of(samples)
    for second in range(10):
        record.set_users(second + 0.5, {"Browser": min(4, second + 1), "Buyer": 1})
    return result_of(
        record=record,
        failures=(
            failed_sample("timeout", name="/buy", method="POST", at=5.0),
            failed_sample("http_503", name="/buy", method="POST", at=7.0, status=503, body='{"error": "no database"}'),
        ),
        exceptions=(ScriptError("Buyer", "buy", "KeyError", "'basket'", "Traceback (most recent call last):\n  …", 2),),
        unfinished=3,
        unrecorded=1,
        rows_dropped=12,
        health=GeneratorHealth(cpu_mean=0.2, cpu_max=0.41, loop_lag_p99=0.002, loop_lag_max=0.01, kernel_clock_share=1),
    )


def many_names_result(names=2_000):
    """A run with as many entries as are ever kept."""
    return result_of(
        sample(f"/item/{i:04}/details-of-it", end=0.5 + i % 9, took=0.01 + (i % 97) / 1000, status=200)
        for i in range(names)
        for _ in range(3)
    )


def long_result(endpoints=200, seconds=86_400, parts=128):
    """A day of many endpoints, every one of them busy in every part of it; every seventh fails now and then."""
    rng = random.Random(11)
    record = RunRecord()
    for part in range(parts):
        start = part * seconds / parts
        recorder = Recorder("1")
        for number in range(endpoints):
            for _ in range(6):
                took = 0.005 * (1 + number % 23) * rng.lognormvariate(0, 0.6)
                failed = number % 7 == 0 and rng.random() < 0.03
                rest = {"kind": "http_500", "status": 500} if failed else {"status": 200}
                name = f"/api/v1/tenants/[id]/resources-{number:03}"
                recorder.record(sample(name, ("GET", "POST")[number % 2], end=start + rng.random(), took=took, **rest))
        record.merge(recorder.interval({}))
        record.set_users(start + 0.5, {"Visitor": 50})
        record.add_strain(start + 1.0, Strain(rng.uniform(0.0001, 0.02), rng.uniform(0.2, 0.9)))
    record.set_users(seconds - 0.5, {"Visitor": 50})
    return result_of(record=record, measured_to=float(seconds), test_name="a-day")


_MIX = (
    ("/", "GET", 30, 0.012),
    ("/products", "GET", 30, 0.035),
    ("/products/[id]", "GET", 22, 0.028),
    ("/cart", "POST", 10, 0.055),
    ("/checkout", "POST", 6, 0.140),
    (f"/search?q={NASTY}", "GET", 2, 0.220),
)


def _failure(rng, name, progress):
    """Kind, message, status and seconds of a failure; None where the request goes well."""
    trouble = 0.6 < progress < 0.75
    if name == "/checkout" and rng.random() < (0.35 if trouble else 0.01):
        slow = rng.random() < 0.5
        return ("timeout", "read timed out after 2.5 s", None, 2.5) if slow else (
            "http_503", "503 Server Error: Service Unavailable", 503, 0.02)  # fmt: skip
    if trouble and rng.random() < 0.02:
        return "connection_refused", "[Errno 111] Connection refused", None, 0.001
    if name == "/cart" and rng.random() < 0.004:
        return f"{NASTY}Error", f"cart says {NASTY}", 200, 0.05
    return None


def _simulated(rng, end, seconds, users):
    name, method, _, typical = rng.choices(_MIX, [share for _, _, share, _ in _MIX])[0]
    failure = _failure(rng, name, end / seconds)
    if failure is not None:
        kind, message, status, took = failure
        return sample(name, method, end=end, took=took, kind=kind, message=message, status=status)
    load = 1 + 2.5 * (users / 40) ** 3 + (1.5 if 0.6 < end / seconds < 0.75 else 0)
    took = typical * load * rng.lognormvariate(0, 0.45) * (8 if rng.random() < 0.004 else 1)
    if name == "/cart" and rng.random() < 0.02:
        return sample(name, method, end=end, took=took, status=409, outcome="expected")
    return sample(name, method, end=end, took=took, status=200)


def rich_result(seconds=120, seed=7):
    """A simulated load test with a ramp, an incident at two thirds, and everything that a report can show."""
    rng = random.Random(seed)
    record = RunRecord()
    recorder = Recorder("1")
    kept: dict[tuple[str, str], list[FailureSample]] = {}
    for second in range(seconds):
        users = min(40, 1 + second)
        record.set_users(second + 0.5, {"Browser": math.ceil(users * 0.75), "Buyer": users // 4})
        for _ in range(round(users * 3.2 * rng.uniform(0.9, 1.1))):
            each = _simulated(rng, second + rng.random(), seconds, users)
            recorder.record(each)
            samples = kept.setdefault((each.name, each.kind), [])
            if each.kind and len(samples) < 5:
                body = '{"error": "no connection left in the pool"}' if each.status == 503 else ""
                samples.append(
                    FailureSample(each.name, each.method, each.kind, each.message, each.status, body, each.ended_at)
                )
        record.add_strain(second + 1.0, Strain(0.0004 + 0.007 * (second % 13 == 0), 0.2 + users / 100))
        if second % 10 == 0:
            recorder.record(sample("order placed", "FLOW", end=second + 0.9, took=rng.uniform(0.5, 1.5)))
        record.merge(recorder.interval({}))
    lines = ("Traceback (most recent call last):", '  File "locustfile.py", line 31, in buy', "KeyError: 'id'")
    traceback = "\n".join(lines)
    return result_of(
        record=record,
        measured_to=float(seconds),
        rules=(*RULES, 'p99(response_time){name="/checkout"} < 800ms', 'p99.9(response_time){name="/search*"} < 2s',
               "throughput: warn <= 60/s, fail <= 10/s"),
        failures=tuple(sorted((each for samples in kept.values() for each in samples), key=lambda each: each.at)),
        exceptions=(ScriptError("Buyer", "buy", "KeyError", f"'id' {NASTY}", traceback, 3),),
        unfinished=8,
        unrecorded=1,
        rows_dropped=0,
        workers=2,
        health=GeneratorHealth(
            cpu_mean=0.35, cpu_max=0.93, loop_lag_p99=0.0079, loop_lag_max=0.0527, kernel_clock_share=1.0,
            notes=("A load process used 93% of a core at its peak: its own delay may be in the times.",),
        ),
    )  # fmt: skip


def measured(name, value, *, at=1.0):
    """A value of the script's own, as a load process counts it."""
    return sample(name, MEASURE, end=at, took=value * 1e-6)


def declared_coverage():
    """Of seven declared things two never ran, one of which was not due; one of two mixes is not the planned one."""
    return Coverage(
        declared=(
            Declared("/read", "GET", "expect", 90),
            Declared("/refund", "POST", "expect", 0),
            Declared("Browser.look", None, "task", 58, 45.0),
            Declared("Browser.search", None, "task", 32, 45.0),
            Declared("Buyer.buy", None, "task", 8, 5.0),
            Declared("Buyer.return_it", None, "task", 2, 5.0),
            Declared("Buyer.complain", None, "task", 0, 0.1),
        ),
        unexpected=(("POST /buy", 10), ("GET /metrics", 1)),
        mix={"Browser": 0.0006, "Buyer": 0.058},
    )


def difference(metric="p95(response_time)", change=Change.EQUIVALENT, *, of=None, **fields):
    """One quantity of a comparison; of GET /read or the like, or of all requests."""
    values = {
        "unit": "s",
        "baseline": 0.2,
        "candidate": 0.204,
        "ratio": 1.02,
        "interval": (0.99, 1.05),
        "tolerance": 0.05,
        "floor": 0.0,
        "basis": "within one run",
        "detectable": 1.08,
    }
    name, method = (None, None) if of is None else of
    return Difference(name, method, metric, change=change, **values | fields)


def compared():
    """A run against one before it: as fast in all, with a slower entry, fewer errors, and one that nobody can tell."""
    changes = (
        difference("p50(response_time)"),
        difference("throughput", unit="/s", baseline=10.0, candidate=10.01, ratio=1.001, interval=(0.98, 1.02)),
        difference("error_rate", Change.IMPROVED, unit="ratio", baseline=0.081, candidate=0.03, ratio=-0.051,
                   interval=(-0.09, -0.012), tolerance=0.005, detectable=None),
        difference(of=("/read", "GET")),
        difference(of=("/buy", "POST"), change=Change.REGRESSED, candidate=0.31, ratio=1.55, interval=(1.31, 1.84),
                   floor=0.001),
        difference(of=("/cart", "POST"), change=Change.INCONCLUSIVE, candidate=0.24, ratio=1.2, interval=(0.9, 1.6),
                   detectable=1.7, runs_needed=4, reason="the interval reaches from better to worse"),
        difference("p99(response_time)", Change.INCONCLUSIVE, of=("/new", "GET"), baseline=None, ratio=None,
                   interval=None, detectable=None, reason="the baseline has no such entry"),
    )  # fmt: skip
    return Comparison(
        baseline=(ComparedRun("20260303T050607-fedcba", "checkout", "2026-03-03T05:06:07+00:00", "fedcba987654"),),
        candidate=(ComparedRun("20260304T050607-abcdef", "checkout", STARTED_AT, "0123456789ab"),),
        differences=changes,
        remarks=("The baseline ran on 8 CPUs, the candidate on 4.",),
    )


WINDOW_RULES = (
    "p95(response_time) < 80ms for 3s",
    "error_rate < 20% within 5s abort",
    "avg(response_time) < 1s after 5s",
    "throughput > 5/s over 4s",
)


def checked_result(**fields):
    """The small run with everything that it can be held against: windows, a script's own values, what is declared, and
    a baseline."""
    small = small_result()
    record = small.record
    recorder = Recorder("2")
    for i in range(100):
        recorder.record(measured("queue_depth", (i % 25) + 1, at=i / 10))
    recorder.record(measured("cart.total", 1234.5, at=2.0))
    record.merge(recorder.interval({}))
    values = {
        "record": record,
        "failures": small.failures,
        "health": small.health,
        "rules": (*RULES, *WINDOW_RULES, "max(measure.queue_depth) < 20", "coverage = 100%"),
        "observations": (
            Observation(WINDOW_RULES[0], 0.0801, 31, None, 9.0),
            Observation(WINDOW_RULES[1], 0.14, 50, (0.07, 0.26), 7.0),
            Observation(WINDOW_RULES[2], 0.2, 50, (0.1, 0.3)),
            Observation(WINDOW_RULES[3], None, 0, None, None, "less than 4 s were measured"),
        ),
        "coverage": declared_coverage(),
        "comparison": compared(),
    }
    return result_of(**values | fields)


LEVEL_RULES = ("error_rate: warn >= 1%, fail >= 5%", "p95(response_time) < 500ms")


def arrive(recorder, at, lag):
    """Count an arrival that was due at a time and started so many seconds later; one that was dropped has no lag."""
    counts = recorder.arrivals_in(at)
    counts.offered += 1
    if lag is None:
        counts.dropped += 1
    else:
        counts.started += 1
        counts.late += lag > 0.01
        counts.lag.record(round(lag * 1e9))


def arrivals_health(arrivals, **fields):
    """The health of a generator that made these arrivals, and was at ease."""
    values = {"cpu_mean": 0.12, "cpu_max": 0.3, "loop_lag_p99": 0.001, "loop_lag_max": 0.004, "kernel_clock_share": 1.0}
    return GeneratorHealth(
        **values
        | {
            "offered": arrivals.offered,
            "started": arrivals.started,
            "dropped": arrivals.dropped,
            "late": arrivals.late,
            "start_lag_p99": arrivals.lag.quantile(0.99),
        }
        | fields
    )


def open_result(**fields):
    """Twenty seconds of 50 arrivals per second, of which the first two are warm-up.

    The service answers in 20 ms but hangs from 10 s to 12 s: until 11.2 s arrivals find free users, then none until it
    goes on, so that 40 of the 900 that are measured are dropped, and 60 of the other 860 wait for it.
    """
    record, recorder = RunRecord(), Recorder("1")
    record.measure_from(2)
    for user in range(60):
        recorder.record(sample("/login", "POST setup", end=0.2 + user / 100, took=0.05, status=200))
    for second in range(20):
        for number in range(50):
            due = second + (number + 0.5) / 50
            if 11.2 <= due < 12:
                arrive(recorder, due, None)
                continue
            lag = 0.012 if number == 49 else 0.00005
            end = max(due + lag + 0.02, 12.02 if 10 <= due < 12 else 0.0)
            arrive(recorder, due, lag)
            recorder.record(Sample("/items", "GET", due, due + lag, end, status=200, clock="kernel"))
            recorder.record(Sample("browse", "ITERATION", due, due + lag, end))
        record.merge(recorder.interval({}))
        record.set_users(second + 0.5, {"Visitor": 60})
    doubt = Doubt("response_time", "4.4% of the arrivals were dropped", breach_stands=True)
    settings = {
        "record": record,
        "measured_from": 2.0,
        "measured_to": 20.0,
        "rules": ("error_rate < 1%", "dropped_rate < 0.1%", "p95(response_time) < 500ms"),
        "plan": PLAN | {"warmup": 2.0},
        "health": arrivals_health(record.arrivals, doubts=(doubt,), notes=("Raise --max-users to about 110.",)),
    }
    return result_of(**settings | fields)


def _held(record, number, target, *, unit, role, start, seconds, answers):
    """A judged level; ``answers`` gives the seconds of each of its requests, None for a failed one."""
    counts = record.watch(start, start + seconds)
    recorder = Recorder("1")
    for at, took in answers:
        failure = {"kind": "http_503", "message": "503 Service Unavailable", "status": 503} if took is None else {}
        each = sample("/items", end=at + (took or 0.01), took=took or 0.01, **{"status": 200} | failure)
        recorder.record(each)
        if unit == "per_second":
            arrive(recorder, at, 0.0001)
            recorder.record(each._replace(name="browse", method="ITERATION", status=None))
    record.merge(recorder.interval({}))
    record.unwatch(counts)
    health = arrivals_health(counts.arrivals) if unit == "per_second" else GeneratorHealth(cpu_mean=0.1, cpu_max=0.2)
    measured = MeasuredLevel(
        number=number,
        target=float(target),
        unit=unit,
        role=role,
        measured_from=float(start),
        measured_to=float(start + seconds),
        record=counts,
        exception_count=0,
        unfinished=0,
        health=health,
    )
    return judge_level(measured, [parse_threshold(rule, source="loadproof.toml") for rule in LEVEL_RULES])


def _searched(kind, record, levels, search, **fields):
    values = {
        "kind": kind,
        "test_name": f"checkout-{kind}",
        "record": record,
        "rules": (),
        "levels": tuple(levels),
        "search": search,
        "measured_to": levels[-1].measured_to,
    }
    return result_of(**values | fields)


def stress_result(**fields):
    """Steps of 10 s with 5, 10, 15 and 20 users, each of which asks ten times a second.

    The service answers in 50 ms, but from 20 users on one request in eight fails: it broke at 20.
    """
    record, levels = RunRecord(), []
    for number, users in enumerate((5, 10, 15, 20, 20), 1):
        start = 12 * number - 10
        answers = [
            (start + i / users / 10, None if users == 20 and i % 8 == 0 else 0.05 + (i % 10) / 1_000)
            for i in range(users * 99)
        ]
        role = "repeat" if number == 5 else "step"
        levels.append(_held(record, number, users, unit="users", role=role, start=start, seconds=10, answers=answers))
        for second in range(start - 2, start + 10):
            record.set_users(second + 0.5, {"Visitor": users})
    search = SearchResult(
        kind="stress",
        outcome="broke",
        unit="users",
        max_level=20.0,
        last_good_level=15.0,
        breaking_level=20.0,
        metric=levels[-1].metric,
        reason=f"broke at 20 users: {levels[-1].reason}; 15 users sustained",
    )
    return _searched("stress", record, levels, search, **fields)


def capacity_result(**fields):
    """Trials of 20 s against a service that answers in 20 ms up to 32 arrivals per second, and in seconds above."""
    record, levels, start = RunRecord(), [], 5
    for number, rate in enumerate((20, 40, 28, 34, 31, 32.5, 31), 1):
        role, seconds = ("confirm", 40) if number == 7 else ("step", 20)
        behind = max(0.0, rate / 32 - 1)
        answers = [
            (start + (i + 0.5) / rate, 0.02 + (i % 10) / 1_000 + (behind and 0.6 + behind * i / rate))
            for i in range(int(rate * seconds))
        ]
        levels.append(
            _held(record, number, rate, unit="per_second", role=role, start=start, seconds=seconds, answers=answers)
        )
        start += seconds + 10
    search = SearchResult(
        kind="capacity",
        outcome="found",
        unit="per_second",
        max_level=40.0,
        last_good_level=31.0,
        metric=levels[5].metric,
        low=31.0,
        high=32.5,
        reason=f"31/s sustained; at 32.5/s {levels[5].reason}",
    )
    return _searched("capacity", record, levels, search, **fields)
