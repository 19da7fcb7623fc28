"""Runs a plan: starts the load process, listens to it, and ends with a result."""

from __future__ import annotations

import math
import os
import re
import selectors
import signal
import socket
import time
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadproof.errors import ExitCode, LoadproofError, Problem, UsageError
from loadproof.judge import tag_of
from loadproof.load.frames import Job, Unpacker
from loadproof.plan import Capacity, Service
from loadproof.plan.redact import redact_text
from loadproof.supervisor.answering import Answering
from loadproof.supervisor.baseline import Baseline
from loadproof.supervisor.environment import environment_facts
from loadproof.supervisor.exposing import Exposing
from loadproof.supervisor.handed_on import environ_for, folder_for_ledgers
from loadproof.supervisor.last_words import failed_before_start, refusal
from loadproof.supervisor.observer import Guarded, Observer, Silent, StopSignal
from loadproof.supervisor.process import LoadProcess
from loadproof.supervisor.readiness import check_service
from loadproof.supervisor.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadproof.plan import Plan, Stress, Threshold
    from loadproof.result import RunResult
    from loadproof.supervisor.steering import Steering

_TICK = 0.5
_GOODBYE = 15.0
"""Seconds that the load process may take after its last word (Locust's master waits for its workers) or its death."""

_INVITATION = "Starting web interface at"
"""Locust's log line that says where to open the browser."""

_ADDRESS = re.compile(_INVITATION + r" (https?://[^\s,]+)")

_EARLY_KEPT = 10_000
_STDERR_QUOTED = 40
_SAME_WARNING_SHOWN = 3
_WARNINGS_KEPT = 1000
_LINE_LONGEST = 64 * 1024


class StoppedBeforeStartError(LoadproofError):
    """The user, or the system, ended the run before its first request: there is nothing to keep."""

    def __init__(self, number: int) -> None:
        super().__init__("stopped before the test began: nothing was sent", slug="interrupted")
        self.exit_code = _code_of_signal(number)


def run_plan(
    plan: Plan,
    *,
    observer: Observer | None = None,
    stop: StopSignal | None = None,
    steering: Steering | None = None,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> RunResult:
    """Run a plan to its end and give the result, judged and written.

    The caller's process is left as it is: nothing is patched, no signal handler is set; it works inside pytest and,
    blocking, inside asyncio (``await asyncio.to_thread(run_plan, plan)`` does not block).

    Args:
        plan: What to run.
        observer: Told how the run goes; None for nobody.
        stop: Asks the run to end early; None lets only ``KeyboardInterrupt`` do so (the result is saved before it is
            raised again).
        steering: Where wishes to end, pause or change the run come from; None for nowhere.
        cwd: Folder of the load process, and the one that ``plan.results`` is relative to; None for the current one.
        environ: Environment of the load process; None for this process's own.

    Returns:
        The result of the test; of the last one where Locust's web interface ran several. Its ``exit_code`` says how
        ``loadproof run`` would have exited.

    Raises:
        UsageError: Locust refused its arguments, or no host is known. Nothing was sent.
        NotReadyError: The target does not answer. Nothing was sent.
        RunError: The script is broken, a port is taken, the result directory cannot be made.
        StoppedBeforeStartError: ``stop`` was asked for before the first request.
    """
    _refuse_foreign_workers(plan)
    with Exposing(plan) as exposing:
        if isinstance(plan.target, Service) and plan.ready_check:
            check_service(plan.target)
        return _Supervisor(
            plan,
            observer or Silent(),
            stop,
            cwd or Path.cwd(),
            steering=steering,
            environ=environ or os.environ,
            exposing=exposing,
        ).run()


def _refuse_foreign_workers(plan: Plan) -> None:
    """Workers that Loadproof did not start measure for nobody: say so instead of reporting nothing."""
    for word in ("--worker", "--master"):
        if word in plan.locust_args:
            what = "workers and masters of their own cannot be judged by this version"
            hint = "make load in several processes with --processes N, or run plain Locust: loadproof locust " + word
            raise UsageError([Problem("foreign-workers", word, what, hint)])


class _Supervisor:
    """One load process from its start to its end, and the tests that it ran."""

    def __init__(
        self,
        plan: Plan,
        observer: Observer,
        stop: StopSignal | None,
        cwd: Path,
        *,
        steering: Steering | None,
        environ: Mapping[str, str],
        exposing: Exposing,
    ) -> None:
        self._plan = plan
        self._steering = steering
        self._exposing = exposing
        self._observer = Guarded(observer)
        self._stop = stop
        self._cwd = cwd
        ledgers = folder_for_ledgers(plan, cwd)
        self._environment = environment_facts(cwd) | {"ledgers": str(ledgers)}
        self._baseline = Baseline.of(plan, cwd, self._observer.said)
        self._answering = Answering(self._baseline.latest)
        self._process = LoadProcess(_job(plan), cwd=cwd, environ=environ_for(plan, environ, ledgers))
        self._frames = Unpacker()
        self._lines = {self._process.stdout: _Lines(), self._process.stderr: _Lines()}
        self._trial: Trial | None = None
        self._result: RunResult | None = None
        self._early_lines: deque[str] = deque(maxlen=_EARLY_KEPT)
        self._early_rows: list[bytes] = []
        self._stderr_tail: deque[str] = deque(maxlen=_STDERR_QUOTED)
        self._refusal: LoadproofError | None = None
        self._warnings: Counter[str] = Counter()
        self._exit: dict[str, Any] | None = None
        self._stopped_by: int | None = None
        self._wire_open = True
        self._gone = False
        self._next_tick = 0.0

    def run(self) -> RunResult:
        """Until the load process and everything below it are gone."""
        interrupted = False
        if self._exposing.url is not None:
            self._observer.said(f"metrics: {self._exposing.url}")
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.wire, selectors.EVENT_READ, self._read_wire)
            for stream in self._lines:
                selector.register(stream, selectors.EVENT_READ, self._read_output)
            if self._stop is not None:
                selector.register(self._stop, selectors.EVENT_READ, self._read_stop)
            if self._steering is not None:
                selector.register(self._steering, selectors.EVENT_READ, self._read_wishes)
            try:
                while not self._over():
                    try:
                        self._turn(selector)
                    except KeyboardInterrupt:
                        interrupted = True
                        self._stop_asked(signal.SIGINT)
                self._see_off(selector)
            except BaseException:
                self._save_what_there_is()
                raise
            finally:
                self._process.clear(0.0)
        result = self._conclude()
        if interrupted and self._stop is None:
            raise KeyboardInterrupt
        self._exposing.linger(result, self._observer.said, self._stop)
        return result

    # The loop

    def _over(self) -> bool:
        return self._gone or not self._wire_open or self._exit is not None or self._refusal is not None

    def _turn(self, selector: selectors.BaseSelector) -> None:
        for key, _events in selector.select(timeout=_TICK / 2):
            key.data(selector, key.fileobj)
        self._process.flush()
        if self._process.exit_code() is not None:
            # A process that a script forked may hold the wire open for ever; all that was ever written is in it now.
            while self._wire_open and self._read_wire(selector, self._process.wire):
                pass
            self._gone = True
        if self._trial is not None and not self._trial.ended and time.monotonic() >= self._next_tick:
            self._next_tick = time.monotonic() + _TICK
            self._trial.turn()
            self._trial.checkpoint()
            progress = self._trial.progress()
            self._observer.progressed(progress)
            self._exposing.progressed(progress)
            if self._trial.ends_early(progress.verdicts):
                self._process.send("quit")

    def _see_off(self, selector: selectors.BaseSelector) -> None:
        """Keep reading what the load process still prints until it is gone; it gets a while to say its goodbyes."""
        patience = _GOODBYE if self._exit is not None else 1.0
        deadline = time.monotonic() + patience
        while self._process.exit_code() is None and time.monotonic() < deadline:
            for key, _events in selector.select(timeout=0.05):
                key.data(selector, key.fileobj)
        self._process.kill()
        for stream in self._lines:
            while stream in selector.get_map() and self._read_output(selector, stream):
                pass

    def _read_wire(self, selector: selectors.BaseSelector, wire: Any) -> bool:
        """Take in what the load process reported; False when there is nothing now."""
        try:
            data = wire.recv(1 << 20)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._wire_open = False
            selector.unregister(wire)
            return False
        for kind, payload in self._frames.feed(data):
            self._on_frame(kind, payload)
        return True

    def _read_output(self, selector: selectors.BaseSelector, stream: Any) -> bool:
        """Take in what was printed; False when there is nothing now."""
        data = stream.read1(1 << 16) if hasattr(stream, "read1") else stream.read(1 << 16)
        if data is None:
            return False
        lines = self._lines[stream]
        if not data:
            selector.unregister(stream)
        for line in lines.feed(data) if data else lines.rest():
            self._on_line(line, from_stderr=stream is self._process.stderr)
        return bool(data)

    def _read_stop(self, _selector: selectors.BaseSelector, stop: StopSignal) -> None:
        for number in stop.take():
            self._stop_asked(number)

    def _read_wishes(self, selector: selectors.BaseSelector, steering: Steering) -> None:
        wishes = steering.take()
        if wishes is None:
            selector.unregister(steering)
            return
        if self._trial is None and wishes:
            self._observer.said("the test has not begun yet; Ctrl-C stops it")
        elif self._trial is not None and not self._trial.ended and self._stopped_by is None:
            for wish in wishes:
                self._trial.helm.follow(wish)

    # What comes in

    def _on_frame(self, kind: str, payload: Any) -> None:
        if kind == "start":
            self._begin(payload)
        elif kind == "fatal":
            self._refusal = refusal(payload)
        elif kind == "exit":
            self._exit = payload
        elif kind == "ask":
            if self._process.flush():  # a page that hears nothing asks again
                self._process.send("answer", self._answering.answer(payload))
        elif self._trial is not None:
            self._on_trial_frame(self._trial, kind, payload)
        elif kind == "rows" and self._result is None:
            self._early_rows.append(payload)  # a script's own ``test_start`` may already send requests

    def _on_trial_frame(self, trial: Trial, kind: str, payload: Any) -> None:
        if kind == "delta":
            self._exposing.add(trial.merge(payload))
        elif kind == "rows":
            trial.append_rows(payload)
        elif kind == "worker_lost":
            trial.lose(payload["worker"])
        elif kind == "schedule":
            trial.begin_schedule(payload["starts_at"])
        elif kind == "shares":
            trial.share(payload["workers"])
        elif kind in ("intervened", "refused"):
            trial.steered(kind, payload)
        elif kind == "short":
            trial.run_short(payload["max_users"], payload["needed"])
        elif kind == "end":
            trial.end(payload["at"])
            self._exposing.stopped()
            if self._plan.ui:
                self._finish()

    def _begin(self, start: dict[str, Any]) -> None:
        self._finish()
        self._trial = Trial(
            self._plan,
            start,
            environment=self._environment,
            base=self._cwd / self._plan.results,
            log=list(self._early_lines),
            send=self._process.send,
            say=self._observer.said,
            baseline=self._baseline,
        )
        self._early_lines.clear()
        for rows in self._early_rows:
            self._trial.append_rows(rows)
        self._early_rows.clear()
        progress = self._trial.progress()
        self._exposing.begin(self._trial.run_id, progress)
        self._answering.begin(self._trial)
        self._observer.started(progress)

    def _on_line(self, line: str, *, from_stderr: bool) -> None:
        line = redact_text(line)
        if self._trial is not None:
            self._trial.log(line)
        else:
            self._early_lines.append(line)
        if from_stderr:
            self._stderr_tail.append(line)
        if not from_stderr or _INVITATION in line or (_is_warning(line) and self._is_news(line)):
            self._observer.said(line)
        if from_stderr and (invitation := _ADDRESS.search(line)):
            self._observer.said(f"rules, percentiles and reports: {invitation[1].rstrip('/')}/loadproof")

    def _is_news(self, line: str) -> bool:
        """Whether a warning is worth the terminal: a broken script logs the same one thousands of times a second."""
        text = line.partition("] ")[2] or line
        if len(self._warnings) >= _WARNINGS_KEPT and text not in self._warnings:
            return False
        self._warnings[text] += 1
        if self._warnings[text] == _SAME_WARNING_SHOWN:
            self._observer.said(f"{line}  (further ones like it only in log.txt)")
        return self._warnings[text] < _SAME_WARNING_SHOWN

    def _stop_asked(self, number: int) -> None:
        asked_before, self._stopped_by = self._stopped_by, self._stopped_by or number
        if asked_before is not None and self._trial is not None and not self._plan.ui:
            self._trial.abort(
                f"interrupted twice by {_name_of(number)}: what was in flight is not counted", _code_of_signal(number)
            )
        if asked_before is not None or (self._trial is None and not self._plan.ui):
            self._process.kill()  # asked twice, or nothing was measured yet that could be lost
            return
        if self._trial is not None and not self._plan.ui and (self._trial.bounded or number != signal.SIGINT):
            self._trial.abort(f"interrupted by {_name_of(number)}", _code_of_signal(number))
        self._process.send("quit")

    # The end

    def _save_what_there_is(self) -> None:
        """Loadproof itself failed: the run so far is kept, and the failure goes on its way."""
        self._process.kill()
        if self._trial is not None:
            self._trial.abort("loadproof itself failed; this is what it had measured", ExitCode.BUG)
            self._finish()

    def _finish(self) -> None:
        """Judge and write the test that is over; nothing where there is none."""
        if self._trial is None:
            return
        trial, self._trial = self._trial, None
        self._result = trial.finish(self._exit["script_exit_code"] if self._exit else None)
        self._exposing.finished(self._result)
        self._answering.finished(self._result)
        for complaint in trial.complaints:
            self._observer.said(complaint)
        self._observer.finished(self._result)

    def _conclude(self) -> RunResult:
        if self._refusal is not None:
            raise self._refusal
        if self._trial is not None:
            self._explain_end(self._trial)
            self._finish()
        if self._result is not None:
            return self._result
        if self._stopped_by is not None:
            raise StoppedBeforeStartError(self._stopped_by)
        raise failed_before_start(self._exit, self._process.exit_code(), list(self._stderr_tail))

    def _explain_end(self, trial: Trial) -> None:
        """Say so where the run did not end the way it should."""
        if self._exit is None:
            code = self._process.exit_code() or 0
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
            trial.abort(f"the load process {how}; the last second may be missing", _LOST)
        elif self._exit["signal"] is not None:
            name = signal.Signals(self._exit["signal"]).name
            trial.abort(f"the load process got {name}", _code_of_signal(self._exit["signal"]))
        elif self._exit["error"] is not None:
            trial.abort(redact_text(f"the script broke the run: {self._exit['error']}"), _LOST)
        elif not self._exit["orderly"]:
            trial.abort(f"the script ended the process with code {self._exit['code']}", _LOST)
        elif self._exit["listener_error"]:
            trial.abort("an event listener of the script raised an exception, see log.txt", _LOST)


_LOST = ExitCode.COULD_NOT_RUN


class _Lines:
    """Cuts a byte stream into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that ``data`` completes."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_LONGEST:
            whole, self._rest = [*whole, self._rest], b""
        return [line.decode("utf-8", "replace").rstrip("\r") for line in whole]

    def rest(self) -> list[str]:
        """What came after the last line break."""
        rest, self._rest = self._rest, b""
        return [rest.decode("utf-8", "replace")] if rest else []


def _job(plan: Plan) -> Job:
    service = plan.target if isinstance(plan.target, Service) else None
    return {
        "locust_args": [*_locustfile(service), *_own_arguments(plan), *plan.locust_args],
        "service": None if service is None else service.model_dump(mode="json"),
        "rps": plan.rps,
        "scenarios": [scenario.model_dump(mode="json") for scenario in plan.scenarios],
        "tags": sorted({tag for rule in _all_rules(plan) if (tag := tag_of(rule.selector))}),
        "search": None if plan.search is None else _pool(plan.search),
        "iterations": plan.iterations,
        "iterations_per_user": plan.iterations_per_user,
        "warmup": float(math.ceil(plan.warmup)) if isinstance(plan.warmup, float) else None,
        "samples": plan.samples,
        "client": plan.client,
        "ready_check": plan.ready_check,
        "headless": not plan.ui,
    }


def _all_rules(plan: Plan) -> tuple[Threshold, ...]:
    return plan.thresholds if plan.search is None else (*plan.thresholds, *plan.search.rules)


def _pool(search: Stress | Capacity) -> dict[str, Any]:
    """How the levels of a search make load."""
    return {
        "unit": "per_second" if isinstance(search, Capacity) else search.unit,
        "arrivals": search.arrivals,
        "seed": search.seed,
        "max_users": getattr(search, "max_users", None),
    }


def _locustfile(service: Service | None) -> list[str]:
    """``-f`` for a service: the locustfile that turns it into a user class; nothing for a locustfile's own plan."""
    return [] if service is None else ["-f", str(Path(__file__).parents[1] / "load" / "service_users.py")]


def _own_arguments(plan: Plan) -> list[str]:
    """What Locust is told beyond the plan: our live view replaces its tables, and nothing listens beyond loopback."""
    given = {word.partition("=")[0] for word in plan.locust_args}
    words = ["--headless", "--only-summary"] if not plan.ui else []
    if plan.ui and "--web-host" not in given:
        words += ["--web-host", "127.0.0.1"]
    if plan.processes is not None and not given & {"--master-bind-port", "--master-port", "--worker"}:
        port = str(_free_port())  # Locust's fixed one would let two runs on a host clash
        words += ["--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port]
    return words


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _is_warning(line: str) -> bool:
    """Whether a line of Locust's log is a warning or worse."""
    return any(f"/{level}/" in line for level in ("WARNING", "ERROR", "CRITICAL"))


def _name_of(number: int) -> str:
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def _code_of_signal(number: int) -> ExitCode:
    return ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED
