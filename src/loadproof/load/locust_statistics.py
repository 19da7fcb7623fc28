"""Locust's own statistics, fed once a second from what we recorded instead of at every request.

Its tables, its web interface, its CSV files and whatever a script reads in ``environment.stats`` stay right; they are
up to a second old while a test runs, and complete when it stops.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import locust.stats
from locust.stats import StatsCSV, StatsEntry, StatsError

from loadproof.record.histogram import BITS, bounds
from loadproof.record.recorder import SETUP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadproof.record.tally import Key, Tallies, Tally


def write_csv(environment: Any) -> None:
    """Write the tables of ``--csv`` as they are now.

    Raises:
        OSError: They cannot be written.
    """
    options = environment.parsed_options
    tables = StatsCSV(environment, locust.stats.PERCENTILES_TO_REPORT)
    for suffix, write in (
        ("stats", tables.requests_csv),
        ("failures", tables.failures_csv),
        ("exceptions", tables.exceptions_csv),
    ):
        with Path(f"{options.csv_prefix}_{suffix}.csv").open("w", encoding="utf-8", newline="") as file:
            write(csv.writer(file))


class LocustStatistics:
    """What goes into Locust's statistics; nothing until ``serve`` was called."""

    def __init__(self) -> None:
        self._environment: Any = None
        self._errors: dict[tuple[str, str, str], StatsError] = {}
        self._bucket: Any = None
        self._buckets: dict[int, int] = {}

    def serve(self, environment: Any) -> None:
        """Feed an environment's statistics from now on; only where Locust's own listener was turned away."""
        self._environment = environment

    def clear(self) -> None:
        """Forget the errors that were not handed on."""
        self._errors.clear()

    def failed(self, method: str, name: str, exception: Any) -> None:
        """Note a failure's message."""
        key = (method, name, StatsError.parse_error(exception))
        error = self._errors.get(key)
        if error is None:
            error = self._errors[key] = StatsError(method, name, exception)
        error.occurred()

    def log(self, method: str, name: str, milliseconds: float | None, length: int, exception: Any) -> None:
        """Log one request outside a test, as Locust does at each: before the start, and after the end."""
        if self._environment is not None:
            stats = self._environment.stats
            stats.log_request(method, name, milliseconds, length)
            if exception:
                stats.log_error(method, name, exception)

    def feed(self, windows: Mapping[int, Mapping[Key, Tallies]], epoch: float, last_ended: float) -> None:
        """Hand on what was counted since the last time.

        Args:
            windows: Seconds since the run's start, to their entries.
            epoch: Unix time of the run's start.
            last_ended: When the last request ended, in seconds since then.
        """
        if self._environment is None:
            return
        stats = self._environment.stats
        for second, entries in windows.items():
            for (name, kind), tallies in entries.items():
                if kind == "ITERATION":
                    continue  # Locust knows none
                method = kind.removesuffix(SETUP)
                entry = self._entry(stats, (name, method), tallies, int(epoch + second))
                entry.last_request_timestamp = epoch + min(last_ended, second + 1)
                for whole in (stats.entries[name, method], stats.total):
                    entry.start_time = whole.start_time
                    whole.extend(entry)
        for error in self._errors.values():
            key = StatsError.create_key(error.method, error.name, error.error)
            known = stats.errors.get(key)
            if known is None:
                stats.errors[key] = error
            else:
                known.occurrences += error.occurrences
                known.first_seen = known.first_seen or error.first_seen
                known.last_seen = error.last_seen
        self._errors = {}

    def _entry(self, stats: Any, key: Key, tallies: Tallies, unix_second: int) -> Any:
        entry = StatsEntry(stats, *key)
        for outcome, tally in tallies.items():
            count = tally.count
            entry.num_requests += count
            entry.num_none_requests += tally.untimed
            entry.num_reqs_per_sec[unix_second] += count
            entry.total_content_length += tally.bytes_received
            if outcome == "failure":
                entry.num_failures += count
                entry.num_fail_per_sec[unix_second] += count
            self._add_times(entry, tally)
        return entry

    def _add_times(self, entry: Any, tally: Tally) -> None:
        times = tally.service  # in an open model a response time has the wait for a user in it, as Locust's never has
        if not times.count:
            return
        entry.total_response_time += times.total / 1e6
        shortest = times.shortest / 1e6
        entry.min_response_time = (
            shortest if entry.min_response_time is None else min(entry.min_response_time, shortest)
        )
        entry.max_response_time = max(entry.max_response_time, times.longest / 1e6)
        if self._bucket is not locust.stats.bucket_response_time:  # scripts may put their own there
            self._bucket = locust.stats.bucket_response_time
            self._buckets.clear()
        known, found = self._buckets, entry.response_times
        for index, n in times.counts.items():
            bucket = known.get(index)
            if bucket is None:
                low, width = bounds(index, BITS)
                bucket = known[index] = self._bucket((low + (width - 1) / 2) / 1e6)
            found[bucket] += n
