"""Services with a known capacity, in virtual time: what a trial at some rate would have measured of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadproof.judge import MeasuredLevel
from loadproof.record import Counts, Tally
from loadproof.result import GeneratorHealth

BITS = 8
"""Buckets 0.4 % wide: quick to fill, and far finer than what chance does to a quantile here."""


@dataclass
class Answers:
    """What became of arrivals, in their order: when each was due, when it was answered, and whether with an error."""

    due: np.ndarray
    ended: np.ndarray
    failed: np.ndarray


def even(rate, seconds, _random):
    return (np.arange(int(rate * seconds)) + 0.5) / rate


def poisson(rate, seconds, random):
    times = np.cumsum(random.exponential(1 / rate, int(rate * seconds + 6 * np.sqrt(rate * seconds) + 20)))
    return times[times < seconds]


def queue(due, service):
    """Ends of a queue with one worker (Lindley): each begins at its arrival, or when the one before has ended."""
    work = np.cumsum(service)
    return work + np.maximum.accumulate(due - (work - service))


class MM1:
    """One worker, exponential service times, arrivals at random; limited by a quantile of the response time.

    The response time is exponential with the rate mu - lambda, so the quantile q is -ln(1 - q) / (mu - lambda).
    """

    arrivals = staticmethod(poisson)

    def __init__(self, mu, quantile, limit):
        self.mu = mu
        self.rules = (f"p{quantile * 100:g}(response_time) < {limit * 1000:g}ms",)
        self.capacity = mu + np.log(1 - quantile) / limit

    def serve(self, due, random):
        ended = queue(due, random.exponential(1 / self.mu, len(due)))
        return Answers(due, ended, np.zeros(len(due), bool))


class Pool:
    """So many workers with a constant service time: beyond workers / time the queue grows for ever."""

    arrivals = staticmethod(even)

    def __init__(self, workers, service):
        self.workers, self.service = workers, service
        self.rules = ("error_rate < 1%",)
        self.capacity = workers / service

    def serve(self, due, _random):
        # With constant times answers keep their order, so that every k-th arrival goes to the same worker.
        ended = np.empty_like(due)
        for worker in range(self.workers):
            own = due[worker :: self.workers]
            ended[worker :: self.workers] = queue(own, np.full(len(own), self.service))
        return Answers(due, ended, np.zeros(len(due), bool))


class TokenBucket:
    """Answers all that come within a rate, with a burst, and refuses the others at once; limited by the error rate."""

    arrivals = staticmethod(even)

    def __init__(self, rate, burst, errors):
        self.rate, self.burst = rate, burst
        self.rules = (f"error_rate < {errors * 100:g}%",)
        self.capacity = rate / (1 - errors)

    def serve(self, due, random):
        gaps = (np.diff(due, prepend=0.0) * self.rate).tolist()
        tokens, burst = self.burst, self.burst
        failed = []
        for gap in gaps:
            tokens = min(tokens + gap, burst)
            refused = tokens < 1
            failed.append(refused)
            if not refused:
                tokens -= 1
        return Answers(due, due + random.uniform(0.004, 0.008, len(due)), np.array(failed, bool))


class Collapsing:
    """Does ``peak`` a second; the more requests wait, beyond some, the slower, down to a fifth; recovers when idle."""

    arrivals = staticmethod(even)
    step = 0.02

    def __init__(self, peak, bearable, limit):
        self.peak, self.bearable = peak, bearable
        self.rules = (f"p95(response_time) < {limit * 1000:g}ms",)
        self.capacity = peak

    def serve(self, due, random):
        step, peak, bearable = self.step, self.peak, self.bearable
        end = due[-1] + step
        arrived = np.histogram(due, bins=int(end / step) + 1, range=(0, (int(end / step) + 1) * step))[0].tolist()
        speed = (1 + 0.1 * random.standard_normal(len(arrived))).tolist()
        waiting, done, course = 0.0, 0.0, [0.0]
        for count, pace in zip(arrived, speed, strict=True):
            slowed = max(0.2, bearable / waiting) if waiting > bearable else 1.0
            waiting += count
            served = min(waiting, peak * slowed * step * pace)
            waiting -= served
            done += served
            course.append(done)
        # What still waits is answered after the load is over.
        course.append(done + waiting + 1)
        times = np.append(np.arange(len(course) - 1) * step, (len(course) - 2) * step + (waiting + 1) / (0.2 * peak))
        ended = np.interp(np.arange(1, len(due) + 1), course, times)
        return Answers(due, np.maximum(ended, due) + 0.005, np.zeros(len(due), bool))


def hold(service, step, number, seed):
    """A trial: the load is held for the time to settle and the judged part, at a service that was idle before."""
    random = np.random.Generator(np.random.PCG64([seed, number]))
    seconds = step.settle + step.hold
    answers = service.serve(service.arrivals(step.target, seconds, random), random)
    return measured_level(answers, step, number)


def measured_level(answers, step, number):
    start, end = step.settle, step.settle + step.hold
    due, ended, failed = answers.due, answers.ended, answers.failed
    inside = (ended >= start) & (ended < end)
    took = ended - due
    counts = Counts(BITS)
    tallies = {"success": tally(took[inside & ~failed])}
    if failed.any():
        tallies["failure"] = tally(took[inside & failed])
    span = Tally(BITS)
    if inside.any():
        span.response.record(int(took[inside].min() * 1e9))
        span.response.record(int(took[inside].mean() * 1e9), int(inside.sum()) - 1)
    counts.add({("/", "GET"): tallies, ("default", "ITERATION"): {"success": span}})
    counts.arrivals.offered = counts.arrivals.started = int(((due >= start) & (due < end)).sum())
    counts.arrivals.lag.record(50_000, counts.arrivals.started)
    at = np.arange(start + 0.5, end)
    in_flight = np.searchsorted(due, at, "right") - np.searchsorted(np.sort(ended), at, "right")
    return MeasuredLevel(
        number=number,
        target=step.target,
        unit="per_second",
        role=step.role,
        measured_from=float(start),
        measured_to=float(end),
        record=counts,
        exception_count=0,
        unfinished=0,
        health=GeneratorHealth(start_lag_p99=50e-6),
        in_flight=tuple(zip(at.tolist(), in_flight.tolist(), strict=True)),
    )


def tally(seconds):
    """Durations, counted in bulk as ``Histogram.record`` counts them one by one."""
    filled = Tally(BITS)
    if not len(seconds):
        return filled
    ns = np.maximum((seconds * 1e9).astype(np.int64), 0)
    shift = np.maximum(np.frexp(ns.astype(float))[1] - BITS - 1, 0)
    indexes, numbers = np.unique((shift << BITS) + (ns >> shift), return_counts=True)
    histogram = filled.response
    histogram.counts = dict(zip(indexes.tolist(), numbers.tolist(), strict=True))
    histogram.count, histogram.total = len(ns), int(ns.sum())
    histogram.shortest, histogram.longest = int(ns.min()), int(ns.max())
    return filled
