"""Hand-built results: the empty run, small ones whose figures are known, and a long one with everything in it."""

from __future__ import annotations

import math
import random
from dataclasses import replace

from loadproof.judge import evaluate_all, exit_code, overall
from loadproof.plan.thresholds import parse_threshold
from loadproof.record import Recorder, RunRecord, Sample
from loadproof.result import FailureSample, GeneratorHealth, RunResult, ScriptError

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
