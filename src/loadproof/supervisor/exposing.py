"""Lets Prometheus watch a run: opens the port, hands over what happens, and stays for one more scrape at the end."""

from __future__ import annotations

import select
import time
from collections import Counter
from importlib import metadata
from typing import TYPE_CHECKING

from loadproof.errors import ExitCode, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from loadproof.export.prometheus import RunMetrics
    from loadproof.export.scraping import ScrapeServer
    from loadproof.plan import Plan
    from loadproof.record import Delta
    from loadproof.result import RunResult
    from loadproof.supervisor.observer import Progress, StopSignal

GRACE = 20.0
"""Seconds that the port stays open for a last scrape, where nobody says how long: an interval of 15 s, and some."""

_LOOK = 0.1


class Exposing:
    """The metrics of a plan's runs, from before its load process is started until after its end.

    Does nothing where the plan names no port; prometheus-client is not even loaded then.

    Args:
        plan: Says where and how long.

    Raises:
        UsageError: The port cannot be opened. Nothing was sent.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._metrics: RunMetrics | None = None
        self._server: ScrapeServer | None = None
        self._over_at: float | None = None
        if plan.metrics_port is None:
            return
        from loadproof.export.prometheus import RunMetrics  # noqa: PLC0415 - a run without it does without
        from loadproof.export.scraping import ScrapeServer  # noqa: PLC0415

        self._metrics = RunMetrics()
        try:
            self._server = ScrapeServer(plan.metrics_host, plan.metrics_port, self._metrics.render)
        except (OSError, OverflowError, UnicodeError) as error:
            raise _refused(plan, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def url(self) -> str | None:
        """Where the metrics are; None for nowhere."""
        return None if self._server is None else self._server.url

    def begin(self, run_id: str, progress: Progress) -> None:
        """A test began."""
        if self._metrics is None:
            return
        self._over_at = None
        kind = "load" if self._plan.search is None else self._plan.search.kind
        version = metadata.version("loadproof")
        self._metrics.begin({"test_name": self._plan.name, "run_id": run_id, "kind": kind, "version": version})
        self.progressed(progress)

    def add(self, delta: Delta) -> None:
        """A load process reported."""
        if self._metrics is not None:
            self._metrics.add(delta)

    def progressed(self, progress: Progress) -> None:
        """How the run stands now."""
        if self._metrics is None:
            return
        from loadproof.export.prometheus import Moment, doubts_of, rules_of  # noqa: PLC0415 - as above

        snapshot, level = progress.snapshot, progress.level
        self._metrics.show(
            Moment(
                running=not progress.paused,
                users=progress.users,
                users_wanted=progress.users_wanted,
                unfinished=snapshot.unfinished,
                exceptions=snapshot.exception_count,
                doubts=doubts_of(snapshot.health),
                kernel_clock_share=snapshot.health.kernel_clock_share,
                rules=rules_of(progress.verdicts),
                level=None if level is None else (level.target, level.unit),
                levels=Counter(str(each.outcome) for each in progress.levels),
            )
        )

    def stopped(self) -> None:
        """Load is no longer made; how it came out is not known yet."""
        if self._metrics is not None:
            self._metrics.stop()

    def finished(self, result: RunResult) -> None:
        """A test is over, and judged."""
        if self._metrics is None:
            return
        from loadproof.export.prometheus import Moment, doubts_of, rules_of  # noqa: PLC0415 - as above

        self._metrics.show(
            Moment(
                unfinished=result.unfinished,
                exceptions=result.exception_count,
                doubts=doubts_of(result.health),
                kernel_clock_share=result.health.kernel_clock_share,
                rules=rules_of(result.verdicts),
                levels=Counter(str(each.outcome) for each in result.levels),
            )
        )
        self._over_at = time.monotonic()

    def linger(self, result: RunResult, say: Callable[[str], None], stop: StopSignal | None) -> None:
        """Stay for one more scrape, so that Prometheus sees the last figures and the verdicts.

        Args:
            result: What the last test came to; nobody waits once more after an interruption.
            say: Tells the user.
            stop: Ends the wait, whatever it asks; None lets only ``KeyboardInterrupt`` do so.
        """
        server, over_at, grace = self._server, self._over_at, self._plan.metrics_grace
        if server is None or over_at is None or result.abort_code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
            return
        if grace is None:
            grace = GRACE if server.was_scraped else 0.0
        if grace <= 0 or server.scraped_since(over_at):
            return
        say(f"metrics: {server.url} stays open for one more scrape, {grace:g} s at most (Ctrl-C ends this)")
        deadline = over_at + grace
        while time.monotonic() < deadline and not server.scraped_since(over_at):
            if stop is None:
                time.sleep(_LOOK)
            elif select.select([stop], [], [], _LOOK)[0]:
                stop.take()
                return


def _refused(plan: Plan, error: Exception) -> UsageError:
    where = plan.sources.get("metrics_port", "--metrics-port")
    place = f"port {plan.metrics_port} of {plan.metrics_host}"
    reason = getattr(error, "strerror", None) or error
    hint = "name a free one with --metrics-port; 0 takes any"
    if plan.metrics_port == 9090:
        hint = "Prometheus itself listens on 9090 by default: take --metrics-port 9091, or 0 for any that is free"
    return UsageError([Problem("metrics-port", where, f"{place} cannot be opened: {reason}", hint)])
