"""Whether the load generator can be trusted, quantity by quantity: from what its processes report of themselves."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from loadproof.judge.limits import LAG_FLOOR, LAG_SHARE, LAG_SPOILS, STARVED
from loadproof.record import Histogram, merged
from loadproof.result import Doubt, GeneratorHealth
from loadproof.units import format_count, format_duration, format_ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadproof.record import Counts, RunRecord

DROPS_SPOIL = 0.001
"""Share of arrivals that may be dropped before response times cannot be judged; levels of a search take more."""

BUSY = 0.9
_KERNEL_ENOUGH = 0.99
_BUSY_SECONDS = 10.0
_FEWEST_SECONDS = 3.0
_ENOUGH_FOR_P99 = 1_000
_SHORTEST = 0.5
"""Seconds that a report must span for its share of a core to say anything."""


class HealthTally:
    """What load processes said of themselves in one part of a run."""

    def __init__(self) -> None:
        self._lags = Histogram()
        self._cpu = _Mean()
        self._starved = _Mean()
        self._cpu_peak: float | None = None
        self._recent: dict[str, deque[tuple[float, float]]] = {}
        self._sustained = 0.0
        self._gc_pause = 0.0
        self._samples = self._kernel = 0
        self._fallbacks: Counter[str] = Counter()

    def add(
        self, worker: str, facts: Mapping[str, Any], *, samples: int, kernel: int, fallbacks: Mapping[str, int]
    ) -> None:
        """Take in what a process said of itself, and how many requests it made since it last did."""
        seconds = facts["seconds"]
        self._cpu.add(facts["cpu"], seconds)
        if seconds >= _SHORTEST:
            self._cpu_peak = max(self._cpu_peak or 0.0, facts["cpu"])
        if facts["starved"] is not None:
            self._starved.add(facts["starved"], seconds)
        self._gc_pause = max(self._gc_pause, facts["gc_pause"])
        for lag in facts["lags"]:
            self._lags.record(int(lag * 1e9))
        self._samples += samples
        self._kernel += kernel
        self._fallbacks.update(fallbacks)
        recent = self._recent.setdefault(worker, deque())
        recent.append((seconds, facts["cpu"]))
        while sum(item[0] for item in recent) - recent[0][0] >= _BUSY_SECONDS:
            recent.popleft()
        span = sum(item[0] for item in recent)
        if span >= _FEWEST_SECONDS:
            self._sustained = max(self._sustained, sum(seconds * cpu for seconds, cpu in recent) / span)

    def health(
        self,
        record: RunRecord | Counts,
        *,
        is_open: bool,
        short: tuple[int, int] | None = None,
        is_limited: bool = False,
        drops_spoil: float = DROPS_SPOIL,
    ) -> GeneratorHealth:
        """What it comes to.

        Args:
            record: What was counted in the same part.
            is_open: Whether iterations came on a schedule.
            short: Most users of the pool, and how many it would have taken; None where they sufficed.
            drops_spoil: Share of dropped arrivals beyond which response times cannot be judged.
            is_limited: Whether a limit on the rate keeps users back: it is no fault then that they could do more.
        """
        good = merged(record.totals(), ("success", "expected"))
        arrivals = record.arrivals
        lag = self._lags.quantile(0.99)
        doubts, notes = [], []
        if self._fallbacks:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in self._fallbacks.most_common())
            notes.append(f"Prepared or sent by requests instead of the fast client, and slower: {reasons}.")
        for found, said in (
            self._of_the_clock(lag, good.service.quantile(0.5)),
            _of_starts(arrivals.lag, good.response.quantile(0.5)) if is_open else ([], []),
            _of_drops(arrivals.dropped, arrivals.offered, short, drops_spoil) if is_open else ([], []),
            self._of_the_cpu(is_open=is_open, is_limited=is_limited),
        ):
            doubts += found
            notes += said
        return GeneratorHealth(
            cpu_mean=self._cpu.value,
            cpu_max=self._cpu_peak,
            loop_lag_p99=lag,
            loop_lag_max=self._lags.maximum,
            kernel_clock_share=self._kernel / self._samples if self._samples else None,
            offered=arrivals.offered if is_open else None,
            started=arrivals.started if is_open else None,
            dropped=arrivals.dropped if is_open else None,
            late=arrivals.late if is_open else None,
            start_lag_p99=arrivals.lag.quantile(0.99) if is_open else None,
            gc_pause_max=self._gc_pause or None,
            starved=self._starved.value,
            fallbacks=dict(self._fallbacks.most_common()),
            doubts=tuple(doubts),
            notes=tuple(notes),
        )

    def _of_the_clock(self, lag: float | None, median: float | None) -> tuple[list[Doubt], list[str]]:
        """Times that Python took hold that much more than the service's; the kernel's do not care."""
        if lag is None or not self._samples or self._kernel >= _KERNEL_ENOUGH * self._samples:
            return [], []
        limit = _tolerable(median)
        if lag <= limit:
            return [], []
        said = (
            f"the event loop woke up to {format_duration(lag)} late (99th percentile) and times were measured in Python"
        )
        if lag <= LAG_SPOILS * limit:
            return [], [f"{_sentence(said)}: they may be too long by as much; add --processes."]
        return (
            [Doubt("response_time", said), Doubt("service_time", said), Doubt("iteration_time", said)],
            [f"{_sentence(said)}: no time of this run can be judged; add --processes."],
        )

    def _of_the_cpu(self, *, is_open: bool, is_limited: bool) -> tuple[list[Doubt], list[str]]:
        doubts, notes = [], []
        starved = self._starved.value or 0.0
        if starved > STARVED:
            said = f"other programs kept the load process from the CPU for {format_ratio(starved)} of the time"
            notes.append(f"{_sentence(said)}: give it a core of its own.")
            doubts.append(Doubt("throughput", said, pass_stands=True))
        if self._sustained > BUSY:
            said = f"a load process used {format_ratio(self._sustained)} of a core for seconds on end"
            if is_open:
                notes.append(f"{_sentence(said)}: arrivals may start late; use --processes 2.")
            elif not is_limited:
                notes.append(
                    f"{_sentence(said)}: it made all the load that it can, so that the throughput is a lower bound of "
                    "what the service can do; use --processes 2 for more."
                )
                doubts.append(Doubt("throughput", said, pass_stands=True))
        return doubts, notes


class _Mean:
    """A mean over time; None before the first value."""

    def __init__(self) -> None:
        self._sum = self._seconds = 0.0

    def add(self, value: float, seconds: float) -> None:
        self._sum += value * seconds
        self._seconds += seconds

    @property
    def value(self) -> float | None:
        return self._sum / self._seconds if self._seconds else None


def _of_starts(lags: Histogram, median: float | None) -> tuple[list[Doubt], list[str]]:
    """Arrivals that began late have their lag in their response time, and it was the generator's.

    Of few arrivals the 99th percentile is the lag of one or two, and says nothing of the others.
    """
    percentile = 99 if lags.count >= _ENOUGH_FOR_P99 else 95
    limit, lag = _tolerable(median), lags.quantile(percentile / 100)
    if lag is None or lag <= limit:
        return [], []
    said = f"iterations started up to {format_duration(lag)} late ({percentile}th percentile)"
    if lag <= LAG_SPOILS * limit:
        return [], [f"{_sentence(said)}: response times hold as much of the generator; use --processes 2."]
    return (
        [Doubt("response_time", said), Doubt("iteration_time", said)],
        [f"{_sentence(said)}: response times cannot be judged, service times can; use --processes 2."],
    )


def _of_drops(dropped: int, offered: int, short: tuple[int, int] | None, spoil: float) -> tuple[list[Doubt], list[str]]:
    """Arrivals that were never made would have been among the slow ones."""
    if not dropped:
        return [], []
    share = dropped / offered
    said = f"{format_count(dropped)} of {format_count(offered)} arrivals were dropped, as no user was free"
    advice = f"raise --max-users to about {format_count(_round_up(short[1]))}" if short else "start more users with -u"
    doubts = []
    if share > spoil:
        doubts = [Doubt(quantity, said, breach_stands=True) for quantity in ("response_time", "iteration_time")]
    return doubts, [f"{_sentence(said)}: {advice}, or look at why iterations take so long."]


def _tolerable(median: float | None) -> float:
    return max(LAG_FLOOR, LAG_SHARE * (median or 0.0))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _round_up(users: int) -> int:
    """To two digits."""
    step = int(10 ** max(0, len(str(users)) - 2))
    return -(-users // step) * step
