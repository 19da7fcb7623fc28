"""Drives Locust: registers on its events, calls ``locust.main.main()``, and ends runs so that nothing is lost.

What a process does in a test that has workers, and how such a test ends, is in ``workers.py``.
"""

from __future__ import annotations

import gc
import logging
import math
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import locust.log
from locust.runners import STATE_INIT, STATE_STOPPED, MasterRunner, WorkerRunner

from loadproof.errors import ExitCode, UsageError
from loadproof.http.accounting import accounting
from loadproof.load.channel import Channel
from loadproof.load.custom import sinks
from loadproof.load.director import Director
from loadproof.load.health import LoopWatch
from loadproof.load.locust_statistics import write_csv
from loadproof.load.measure import Meter, RowPolicy
from loadproof.load.pace import RateLimit
from loadproof.load.readiness import hosts_without_scheme, unready_hosts, users_without_host
from loadproof.load.steering import Steering
from loadproof.load.task_counts import TaskCounts, declared_tasks
from loadproof.load.web import Asking, Pages
from loadproof.load.workers import Workers
from loadproof.plan.redact import redact_text

if TYPE_CHECKING:
    from loadproof.errors import Problem
    from loadproof.load.frames import Job

_log = logging.getLogger(__name__)

_ROWS_INTERVAL = 0.5
_FREEZE_INTERVAL = 60.0


def _boot_id() -> str:
    """Tells hosts apart: two processes with the same value share one monotonic clock. Empty where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


class Engine:
    """One load process: alone, the master of workers, or (after Locust's fork) one of the workers.

    Args:
        job: What to run.
        fd: This end of the wire.
    """

    def __init__(self, job: Job, fd: int) -> None:
        self._job = job
        self._pid = os.getpid()
        self._channel = Channel(fd, self._on_frame, self._on_supervisor_gone)
        self._watch = LoopWatch()
        self._meter = Meter("local", RowPolicy(job["samples"]), self._send_rows)
        self._director = Director(job, self._meter, tell=self._channel.send, over=self._on_plan_over)
        self._steering = Steering(self._director, clock=self._meter.now, tell=self._channel.send)
        self._asking = Asking(self._channel.send)
        self._tasks = TaskCounts()
        self._environment: Any = None
        self._web_ui: Any = None
        self._workers: Workers | None = None
        self._signal: int | None = None
        self._signal_watchers: list[Any] = []
        self._quitting_fired = False
        self._listening = False
        self._lasted: float | None = None
        self._users_at_end: dict[str, int] = {}
        self._ended = True
        self._frozen_at = -_FREEZE_INTERVAL
        self._zero = 0.0
        self._epoch = 0.0
        self.started = False
        self.script_exit_code: int | None = None

    @property
    def is_worker(self) -> bool:
        """Whether this is a worker: forked from the process that the supervisor started, or started as one."""
        return isinstance(self._runner, WorkerRunner)

    @property
    def _runner(self) -> Any:
        return self._environment.runner if self._environment is not None else None

    @property
    def _is_master(self) -> bool:
        return isinstance(self._runner, MasterRunner)

    def register(self, events: Any) -> None:
        """Listen on ``locust.events``; before any locustfile is imported, so that ours come first."""
        events.init.add_listener(self._on_init)
        events.test_start.add_listener(self._on_test_start)
        events.test_stopping.add_listener(self._on_test_stopping)
        events.test_stop.add_listener(self._on_test_stop)  # the first of them: the script's may take their time
        events.spawning_complete.add_listener(self._on_spawning_complete)
        # Before Locust reads, or resets, its statistics: whatever they have not been fed yet.
        events.report_to_master.add_listener(self._feed_locust)
        events.spawning_complete.add_listener(self._feed_locust)
        events.reset_stats.add_listener(self._feed_locust)
        events.quitting.add_listener(self._on_quitting)

    # Life of the process

    def _on_init(self, environment: Any, runner: Any, web_ui: Any, **_: object) -> None:
        self._environment = environment
        self._web_ui = web_ui
        # The loop's idea of the time is stale after the imports; a timer set now would fire that much too early.
        gevent.get_hub().loop.update_now()
        self._listen(environment)
        environment.events.test_start.add_listener(self._announce)
        environment.events.test_stop.add_listener(self._on_script_done)
        self._watch.start()
        self._tasks.install()
        sinks.append(self._meter)
        if isinstance(runner, WorkerRunner):
            self._become_worker(runner)
        else:
            self._channel.open()
            self._install_signals()
            if isinstance(runner, MasterRunner):
                self._workers = Workers(runner, self._channel)
        if web_ui is not None:
            Pages(web_ui, environment.parsed_options.web_base_path or "", self._asking)
        self._limit_rate()
        self._steering.join(environment)
        try:
            self._director.join(environment)
        except ValueError as error:
            hint = "correct the plan, or the names of the user classes"
            self.fatal(2, "scenario", str(error), hint, where="scenarios")
        if self.is_worker and self._meter.running:  # told to start before Locust had said who we are
            self._start_as_worker()

    def _listen(self, environment: Any) -> None:
        """Hear of requests and errors from now on.

        The meter comes after all listeners of the script: a control exception that one raises leaves the request
        uncounted, as in Locust.
        """
        if not self._listening:
            self._listening = True
            if environment.events.request.replaced:
                self._meter.locust.serve(environment)
            environment.events.request.measure_by(self._meter)
            environment.events.user_error.add_listener(self._meter.on_user_error)

    def _become_worker(self, runner: Any) -> None:
        self._channel.abandon()
        self._meter.rename(runner.client_id)
        runner.register_message("lp_next", self._on_lp_next)
        runner.register_message("lp_stop", self._on_lp_stop, concurrent=True)
        # Fired in reverse order, so a listener added now runs before Locust's own, which sends ``quit``.
        self._environment.events.quitting.add_listener(self._say_last_words)
        # Output for people is the master's: without this each worker prints its own.
        self._environment.parsed_options.json = False
        self._environment.parsed_options.json_file = None

    def _limit_rate(self) -> None:
        if self._job["rps"] is not None and not self._is_master:
            options = self._environment.parsed_options
            shares = (options.processes or 1) if self.is_worker else 1
            accounting.before_send = RateLimit(self._job["rps"] / max(shares, 1)).wait

    def _install_signals(self) -> None:
        for watcher in self._signal_watchers:
            watcher.cancel()  # they would all fire, and a second signal means: leave at once
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        self._signal_watchers = [gevent.signal_handler(number, self._on_signal, number) for number in numbers]

    def _on_signal(self, number: int) -> None:
        if self._signal is not None:
            os._exit(128 + number)
        self._signal = number
        self.quit()

    def _on_supervisor_gone(self) -> None:
        self.quit()

    def _on_frame(self, kind: str, payload: Any) -> None:
        if kind == "quit":
            self.quit()
        elif kind == "finish":
            self._director.finish()
            self._on_plan_over()
        elif kind == "level":
            self._director.go_on(payload)
        elif kind == "pause":
            self._steering.pause(paused=payload["paused"])
        elif kind == "users":
            self._steering.change_users(payload["direction"])
        elif kind == "answer":
            self._asking.answered(payload)

    def quit(self) -> None:
        """End the test and the process, keeping everything that was measured. Returns at once."""
        self._director.abandon()
        gevent.spawn(self._quit)

    def _on_plan_over(self) -> None:
        """The plan's last profile is over, or its last iteration."""
        if self._web_ui is None:
            gevent.spawn(self._quit)
        else:
            gevent.spawn(self._stop)

    def _stop(self) -> None:
        """End the test alone: another one may be started in the web interface, unless ``--autoquit`` closes it."""
        self._runner.stop()
        patience = self._environment.parsed_options.autoquit
        if patience != -1:  # Locust keeps to it where its own run time ends the test, and only there
            gevent.sleep(patience)
            self._quit()

    def _quit(self) -> None:
        if not self.started:
            # Still waiting for workers, or importing: there is nothing to keep, and Locust would wait on.
            self.leave(0)
        self._runner.quit()
        if self._web_ui is not None:
            self._web_ui.stop()

    def fatal(self, exit_code: int, slug: str, message: str, hint: str | None = None, *, where: str = "host") -> None:
        """Tell the supervisor why there can be no run, and leave."""
        payload = {"exit_code": exit_code, "slug": slug, "where": where, "message": message, "hint": hint}
        self._channel.send("fatal", payload)
        self.leave(exit_code)

    def refuse(self, problem: Problem) -> None:
        """The locustfile, while it was read, found something that the user must mend."""
        if self._environment is None:  # ``main`` never came as far as ``init``
            self._channel.open()
        self.fatal(int(ExitCode.USAGE), problem.slug, problem.what, problem.hint, where=problem.where)

    def leave(self, code: int) -> None:
        """Flush the wire and end the process without Locust's goodbyes; the supervisor clears the process group."""
        self._channel.flush(5)
        if self._is_master and os.getpgrp() == self._pid:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.killpg(self._pid, signal.SIGTERM)  # the workers: nobody else would tell them
        os._exit(code)

    def complete_csv(self) -> None:
        """Write Locust's ``--csv`` tables once more: it writes them each second, and not at the end."""
        if self._environment is None or not self._environment.parsed_options.csv_prefix or not self.started:
            return
        try:
            write_csv(self._environment)
        except OSError as error:
            _log.warning("The files of --csv lack the last second: %s", error)

    def goodbye(self, code: int, error: str | None) -> None:
        """The last frame: ``main`` returned with ``code``, or ``error`` escaped it."""
        if os.getpid() != self._pid:
            return
        if not self._ended:
            self._finish()
        payload = {
            "code": code,
            "error": error,
            "started": self.started,
            "orderly": self._quitting_fired,
            "listener_error": locust.log.unhandled_greenlet_exception,
            "script_exit_code": self.script_exit_code,
            "signal": self._signal,
        }
        if self._environment is None:  # ``main`` never came as far as ``init``
            self._channel.open()
        self._channel.send("exit", payload)
        self._channel.flush(10)

    # Life of a test

    def _on_test_start(self, environment: Any, **_: object) -> None:
        """Begin to measure, before the script's own listeners: they may already send requests.

        A worker gets its clock with Locust's own message that starts the test: among the parsed options, of which
        Locust hands on those it does not know. So it is there however late the worker joined.
        """
        options = environment.parsed_options
        if options.worker:
            self._begin_as_worker(environment, options.lp_clock)
            return
        self.started = True
        self._lasted = None
        self._ended = False
        self._epoch, self._zero = time.time(), time.monotonic()
        self._meter.begin(self._zero, self._epoch)
        self._direct()
        options.lp_clock = {"zero": self._zero, "epoch": self._epoch, "boot_id": _boot_id()}
        self._install_signals()  # a run with a shape installs Locust's own only when it is over

    def _announce(self, environment: Any, **_: object) -> None:
        """Check the target and tell everybody that the test begins; after the script's own listeners."""
        if self.is_worker:
            return
        if self._job["headless"]:
            try:
                self._check_target(environment)
            except Exception as error:  # noqa: BLE001 - raised here, it would let the users run unmeasured
                self.fatal(
                    3,
                    "not-ready",
                    f"the target cannot be checked: {error}",
                    "correct the host, or pass --no-ready-check",
                )
        self._channel.send("start", self._start_facts(environment))
        if self._workers is not None:
            self._workers.begin()
        self._start_reports(self._zero)
        self._director.start()

    def _start_facts(self, environment: Any) -> dict[str, Any]:
        options, shape = environment.parsed_options, environment.shape_class
        counted = shape is None and not self._director.decides  # users are Locust's to decide on
        return {
            "epoch": self._epoch,
            "users": self._runner.target_user_count if counted else None,
            "spawn_rate": options.spawn_rate if counted else None,
            "run_time": options.run_time or None,
            "bounded": bool(options.run_time) or shape is not None,
            "shape": None if shape is None else type(shape).__name__,
            "hosts": sorted(
                {redact_text(host) for cls in environment.user_classes if (host := environment.host or cls.host)}
            ),
            "user_classes": [cls.__name__ for cls in environment.user_classes],
            "tasks": declared_tasks(environment.user_classes) if self._job["service"] is None else [],
            "workers": self._runner.worker_count,
            "stop_timeout": environment.stop_timeout or 0.0,
        }

    def _check_target(self, environment: Any) -> None:
        """Refuse to start where no host is known or nothing listens."""
        if missing := users_without_host(environment):
            message = f"no host is known for {', '.join(missing)}"
            self.fatal(2, "no-host", message, "pass --host URL, or set host on the user class")
        for host in hosts_without_scheme(environment):
            shown = redact_text(host)
            self.fatal(2, "base-url", f"{shown} is not a web address", f"write http://{shown} or https://{shown}")
        if self._job["ready_check"]:
            for host, reason in unready_hosts(environment):
                self.fatal(3, "not-ready", f"{host} does not answer: {reason}", "start it, or pass --no-ready-check")

    def _on_spawning_complete(self, **_: object) -> None:
        # One full collection during a run stalls every request in flight; what lives now lives to the end.
        # A shape comes here at each of its steps: what was frozen before may have died since, sockets included.
        if self._director.active and time.monotonic() < self._frozen_at + _FREEZE_INTERVAL:
            return  # a profile comes here too often for a whole collection each time
        self._frozen_at = time.monotonic()
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    def _start_reports(self, zero: float) -> None:
        self._watch.facts()  # imports and forks before the test are no lag of it
        gevent.spawn(self._report, zero)

    def _report(self, zero: float) -> None:
        """Send a delta each second and rows twice as often, until the test ends."""
        tick = 0
        next_at = zero
        while self._meter.running and self._zero == zero:
            tick += 1
            next_at += _ROWS_INTERVAL
            gevent.sleep(max(0.0, next_at - time.monotonic()))
            if not self._meter.running or self._zero != zero:
                return
            try:
                self._report_once(with_delta=tick % 2 == 0)
            except Exception:  # noqa: BLE001 - it is logged with its traceback, and the next report comes
                # What it held leaves a gap in the numbers, which the supervisor sees.
                _log.exception("A report to the supervisor failed")

    def _report_once(self, *, with_delta: bool) -> None:
        self._meter.flush_rows()
        if with_delta:
            self._send_delta()
            if self._workers is not None:
                self._workers.watch()

    def _feed_locust(self, **_: object) -> None:
        if self._meter.running and not self._ended:
            self._send_delta()

    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"health": self._watch.facts(), "rows_dropped": self._channel.rows_dropped}
        users = self._users_at_end if self._ended else self._runner.user_classes_count
        facts["users"] = {} if self._is_master else dict(users)
        facts["makes_load"] = not self._is_master
        facts["in_flight"] = self._director.in_flight
        facts["tasks"] = self._tasks.facts()
        facts["iterations"] = self._director.iterations
        return facts

    def _send_delta(self) -> None:
        delta = self._meter.interval(self._facts())
        if self.is_worker:
            self._runner.send_message("lp_delta", delta)
        else:
            self._channel.send("delta", delta)

    def _send_rows(self, rows: bytes, count: int) -> None:
        if self.is_worker:
            self._runner.send_message("lp_rows", [rows, count])
        else:
            self._channel.send_rows(rows, count)

    def _on_test_stopping(self, **_: object) -> None:
        self._users_at_end = dict(self._runner.user_classes_count)
        self._steering.stopping()
        self._director.stopping()
        if self._workers is not None:
            self._workers.collect(self._environment.stop_timeout or 0.0)

    def _on_test_stop(self, **_: object) -> None:
        self._lasted = self._director.ended_at or self._meter.now()
        self._steering.stopped()
        self._director.stopped()

    def _on_script_done(self, **_: object) -> None:
        """The script's own ``test_stop`` is over too; it may have sent requests."""
        if self.is_worker:
            return
        self._finish()
        if self._director.active and self._web_ui is None:
            # Whoever stopped the test: Locust's own limit, which would end the process, is off.
            gevent.spawn(self._quit)

    def _finish(self) -> None:
        """The test is over: the last rows, the last delta, and how long it lasted."""
        if self._ended:
            return
        self._ended = True
        lasted = self._meter.now() if self._lasted is None else self._lasted
        try:
            self._meter.flush_rows()
            self._send_delta()
        finally:
            self._meter.running = False
            self._channel.send("end", {"at": lasted})

    def _on_quitting(self, environment: Any, **_: object) -> None:
        if not self.is_worker and not self._is_master:
            environment.runner.quit()  # on a signal Locust's local runner still runs here
        self.script_exit_code = environment.process_exit_code
        self._quitting_fired = True

    # As a worker

    def _begin_as_worker(self, environment: Any, clock: dict[str, Any]) -> None:
        self._zero, self._epoch = clock["zero"], clock["epoch"]
        if clock["boot_id"] != _boot_id():
            self._zero = time.monotonic() - (time.time() - self._epoch)  # another host shares only the wall clock
        self._ended = False
        self._listen(environment)
        self._meter.begin(self._zero, self._epoch)
        if self._environment is not None:
            self._start_as_worker()

    def _direct(self) -> None:
        """Begin what the plan says beyond Locust's own options."""
        self._tasks.clear()
        if self._job["tags"]:
            self._meter.tag(self._tags())
        if self._director.active:
            self._director.begin(self._zero)
            self._meter.expect_schedule(self._director.paced)
        elif self._job["warmup"] is not None:
            self._meter.warm_until(self._job["warmup"])

    def _tags(self) -> dict[str, list[str]]:
        """The tags of each user class that has some."""
        scenarios, wanted = self._director.scenario_of, set(self._job["tags"])
        found = {
            name: [tag for tag in (f"class={name}", f"scenario={scenarios.get(name)}") if tag in wanted]
            for name in (cls.__name__ for cls in self._environment.user_classes)
        }
        return {name: tags for name, tags in found.items() if tags}

    def _start_as_worker(self) -> None:
        self._direct()
        self._start_reports(self._zero)
        self._director.start()

    def _on_lp_next(self, environment: Any, msg: Any) -> None:  # noqa: ARG002
        self._runner.last_received_spawn_timestamp = 0

    def _on_lp_stop(self, environment: Any, msg: Any) -> None:
        environment.stop_timeout = msg.data
        self._say_last_words()

    def _say_last_words(self, **_: object) -> None:
        """Stop the users, send what is left, and say that it was all. Twice does no harm."""
        runner = self._runner
        # The master may still be dispatching a ramp; Locust discards spawn messages that are not newer than the last.
        # ``lp_next`` takes it back.
        runner.last_received_spawn_timestamp = math.inf
        if runner.state not in (STATE_INIT, STATE_STOPPED):
            runner.stop()
        if not self._ended:
            self._ended = True
            self._meter.flush_rows()
            self._send_delta()
            self._meter.running = False
            runner._send_stats()  # noqa: SLF001 - Locust's own report, which it would leave out
        runner.send_message("lp_final", None)


def run(job: Job, fd: int) -> int:
    """Run Locust with the job's arguments in this process.

    Returns:
        The exit code; the supervisor decides by the frames, not by this.
    """
    engine = Engine(job, fd)
    engine.register(locust.events)
    from locust.main import main  # noqa: PLC0415 - after our listeners: it imports plug-ins

    sys.argv = ["locust", *job["locust_args"]]
    code, error = 0, None
    parent = os.getpid()
    try:
        main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else (0 if stop.code is None else 1)
        error = stop.code if isinstance(stop.code, str) else None
    except KeyboardInterrupt:
        code = 130
    except UsageError as refused:  # by the kit, while the locustfile is read
        engine.refuse(refused.problems[0])
    except BaseException as failure:  # noqa: BLE001 - whatever a locustfile raises while it is imported
        code, error = 1, _explain(failure)
    if os.getpid() == parent:
        engine.complete_csv()
        engine.goodbye(code, error)
    return code


def _explain(failure: BaseException) -> str:
    """What broke and where: the innermost frame of the script, and the error."""
    import traceback  # noqa: PLC0415

    sys.stderr.write("".join(traceback.format_exception(failure)))
    if isinstance(failure, SyntaxError):
        return f"{failure.filename}:{failure.lineno}: {type(failure).__name__}: {failure.msg}"
    frames = [f for f in traceback.extract_tb(failure.__traceback__) if not _is_library(f.filename)]
    where = f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""
    return f"{where}{type(failure).__name__}: {failure}"


_OURS = re.compile(r"/loadproof/(?:load|kit|plan|http)/")


def _is_library(filename: str) -> bool:
    return "site-packages" in filename or filename.startswith("<") or _OURS.search(filename) is not None
