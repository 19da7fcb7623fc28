"""A run that goes on, as Prometheus reads it.

Two threads meet here. The supervisor's loop adds deltas and says how the run stands; a scrape, in a thread of its own,
takes a copy of both under the same lock and does all the rest, writing text and sending it, without it. The lock is
held for a few numbers for each endpoint and never while anything is rendered or sent, so that nobody who scrapes,
however slowly, holds up the loop; and a copy is never half of one state and half of another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from loadproof.export.cumulative import MOST_ENDPOINTS, Counted, Cumulative, exposable
from loadproof.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client.core import Metric

    from loadproof.record import Delta
    from loadproof.result import GeneratorHealth, Verdict

QUANTITIES = ("response_time", "service_time", "iteration_time", "throughput", "error_rate")
"""Quantities that a sick generator can spoil."""

_NAN = float("nan")
_OK = {Outcome.PASS: 1.0, Outcome.WARN: 1.0, Outcome.FAIL: 0.0, Outcome.INCONCLUSIVE: _NAN}


@dataclass(frozen=True, slots=True)
class Moment:
    """How a run stands.

    Attributes:
        running: Whether load is made; without that the rules are the final ones.
        users: Users running now.
        users_wanted: Users it will reach; None under a shape or profile.
        unfinished: Requests cut off so far.
        exceptions: Errors of the script so far.
        doubts: Quantities of which no rule can be judged because of the generator.
        kernel_clock_share: Share of samples whose end the kernel stamped, 0..1; None without samples.
        rules: Rule to 1 (it holds, or only warns), 0 (it is broken) or NaN (inconclusive).
        level: Target and unit of the level of a search that is held now; None between two, and in a plain run.
        levels: Outcome to the number of levels of a search that came to it.
    """

    running: bool = False
    users: int = 0
    users_wanted: int | None = None
    unfinished: int = 0
    exceptions: int = 0
    doubts: frozenset[str] = frozenset()
    kernel_clock_share: float | None = None
    rules: Mapping[str, float] = field(default_factory=dict)
    level: tuple[float, str] | None = None
    levels: Mapping[str, int] = field(default_factory=dict)


class RunMetrics(Collector):
    """The metrics of one run after another: a collector of prometheus-client, and the text that it makes.

    Args:
        most_endpoints: Endpoints that have series of their own.
    """

    def __init__(self, *, most_endpoints: int = MOST_ENDPOINTS) -> None:
        self._lock = Lock()
        self._most_endpoints = most_endpoints
        self._cumulative = Cumulative(most_endpoints=most_endpoints)
        self._moment = Moment()
        self._info: Mapping[str, str] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def begin(self, info: Mapping[str, str]) -> None:
        """A run begins: all counters start from zero, as they do where a program is started anew.

        Args:
            info: Labels of ``perf_test_info``.
        """
        with self._lock:
            self._cumulative = Cumulative(most_endpoints=self._most_endpoints)
            self._moment = Moment(running=True)
            self._info = {name: exposable(value) for name, value in info.items()}

    def add(self, delta: Delta) -> None:
        """Count what a load process reported; each delta once."""
        with self._lock:
            self._cumulative.add(delta)

    def show(self, moment: Moment) -> None:
        """Say how the run stands; what only grows never goes down by it."""
        with self._lock:
            before = self._moment
            self._moment = replace(
                moment,
                unfinished=max(before.unfinished, moment.unfinished),
                exceptions=max(before.exceptions, moment.exceptions),
            )

    def stop(self) -> None:
        """Load is no longer made; everything else stands."""
        with self._lock:
            self._moment = replace(self._moment, running=False, users=0, level=None)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """What a scrape gets, and its content type.

        Args:
            accept: The header with which a scraper says which formats it reads; one that says nothing sensible is as
                good as none.
        """
        try:
            encoder, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # of a version that is no number
            encoder, content_type = choose_encoder("")
        return encoder(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """All metrics as they stand; called by the registry, in the thread of a scrape."""
        with self._lock:
            counted, moment, info = self._cumulative.counted.copy(), self._moment, self._info
        if info:
            family = InfoMetricFamily("perf_test", "What runs.")
            family.add_metric([], dict(info))
            yield family
        yield _gauge("running", "1 while load is made, 0 before and after.", float(moment.running))
        if info:
            yield from _of_requests(counted)
            yield from _of_load(counted, moment)
            yield from _of_generator(counted, moment)
            yield from _of_judging(moment)


def rules_of(verdicts: Iterable[Verdict]) -> dict[str, float]:
    """Rule to 1, 0 or NaN; of a rule that stands twice, the worse."""
    found: dict[str, float] = {}
    for verdict in verdicts:
        rule, value = exposable(verdict.rule), _OK[verdict.outcome]
        if rule not in found or value == 0 or (math.isnan(value) and found[rule] == 1):
            found[rule] = value
    return found


def doubts_of(health: GeneratorHealth) -> frozenset[str]:
    """Quantities of which nothing can be said because of the generator, neither that they hold nor that they break."""
    return frozenset(doubt.quantity for doubt in health.doubts if not doubt.breach_stands and not doubt.pass_stands)


def _of_requests(counted: Counted) -> Iterator[Metric]:
    requests = _counter("requests", "Finished requests, of all outcomes.", "endpoint", "method", "status")
    for labels, n in counted.requests.items():
        requests.add_metric(labels, n)
    yield requests
    durations = HistogramMetricFamily(
        "perf_test_request_duration_seconds", "Response times, of all outcomes.", labels=["endpoint", "method"]
    )
    for key, buckets in counted.durations.items():
        durations.add_metric(list(key), buckets.cumulative(), sum_value=buckets.total)
    yield durations
    errors = _counter("errors", "Failed requests.", "endpoint", "error_type")
    for error, n in counted.errors.items():
        errors.add_metric(error, n)
    yield errors


def _of_load(counted: Counted, moment: Moment) -> Iterator[Metric]:
    yield _gauge("users", "Users running now.", float(moment.users))
    if moment.users_wanted is not None:
        yield _gauge("users_wanted", "Users that the run will reach.", float(moment.users_wanted))
    if counted.offered:
        for name, documentation, n in (
            ("offered", "Arrivals that were due.", counted.offered),
            ("started", "Arrivals that became iterations.", counted.started),
            ("dropped", "Arrivals that no user was free for.", counted.dropped),
            ("late", "Iterations that started more than 10 ms late.", counted.late),
        ):
            yield _plain_counter(f"arrivals_{name}", documentation, n)
    yield _plain_counter("unfinished_requests", "Requests cut off in flight.", moment.unfinished)
    yield _plain_counter("exceptions", "Errors of the script.", moment.exceptions)
    if moment.level is not None:
        target = _labelled_gauge("level_target", "Load of the level that is held now.", "unit")
        target.add_metric([moment.level[1]], moment.level[0])
        yield target
    if moment.levels:
        levels = _counter("levels", "Levels of a search that are over.", "outcome")
        for outcome, n in moment.levels.items():
            levels.add_metric([outcome], n)
        yield levels


def _of_generator(counted: Counted, moment: Moment) -> Iterator[Metric]:
    cpu = _labelled_gauge("generator_cpu_ratio", "Share of one core that a load process used.", "worker")
    starved = _labelled_gauge(
        "generator_starved_ratio", "Share of the time that a load process waited for a CPU.", "worker"
    )
    for name, process in counted.processes.items():
        cpu.add_metric([name], process.cpu)
        if process.starved is not None:
            starved.add_metric([name], process.starved)
    yield cpu
    yield starved
    lag = HistogramMetricFamily("perf_test_generator_loop_lag_seconds", "How late event loops woke up.", labels=[])
    lag.add_metric([], counted.loop_lag.cumulative(), sum_value=counted.loop_lag.total)
    yield lag
    if moment.kernel_clock_share is not None:
        help_ = "Share of the requests whose end the kernel stamped."
        yield _gauge("generator_kernel_clock_ratio", help_, moment.kernel_clock_share)
    doubt = _labelled_gauge("generator_doubt", "1 where the generator keeps a quantity from being judged.", "quantity")
    for quantity in sorted({*QUANTITIES, *moment.doubts}):
        doubt.add_metric([quantity], float(quantity in moment.doubts))
    yield doubt


def _of_judging(moment: Moment) -> Iterator[Metric]:
    rules = _labelled_gauge("threshold_ok", "1: the rule holds; 0: it is broken; NaN: inconclusive.", "rule")
    for rule, value in moment.rules.items():
        rules.add_metric([rule], value)
    yield rules


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"perf_test_{name}", documentation, value=value)


def _labelled_gauge(name: str, documentation: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"perf_test_{name}", documentation, labels=[label])


def _counter(name: str, documentation: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"perf_test_{name}", documentation, labels=labels)


def _plain_counter(name: str, documentation: str, value: int) -> Metric:
    return CounterMetricFamily(f"perf_test_{name}", documentation, value=value)
