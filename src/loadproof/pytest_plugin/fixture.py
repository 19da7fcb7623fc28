"""What the fixture ``loadproof`` is: it runs load in a child process, and fails the test where the run did not pass."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Unpack

import pytest

from loadproof.errors import LoadproofError, Problem, UsageError
from loadproof.plan import Plan, load_plan
from loadproof.plan.defaults import layered
from loadproof.plan.metrics import ANSWERS
from loadproof.pytest_plugin.marks import SOURCE, Marked
from loadproof.pytest_plugin.measured import MeasuredRun, outcome_text
from loadproof.pytest_plugin.verdict import explain
from loadproof.report import render_text
from loadproof.report.wording import printable
from loadproof.result import Outcome
from loadproof.supervisor import Silent, StopSignal, run_plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadproof.plan.options import PythonOptions
    from loadproof.pytest_plugin.summary import RunLine
    from loadproof.result import RunResult

__tracebackhide__ = True
"""Nothing here is shown in a test's traceback, which ends at the line that ran load."""

_USUAL_RESULTS = Plan.model_fields["results"].default


class LoadRunner:
    """Runs load tests for one test.

    Args:
        test: Its node id.
        results: Where result directories are made; made itself when there is one.
        marked: What the test's marks say; None for no mark.
        tell: Called with a line on each run that is over, also on one that was interrupted.

    Attributes:
        runs: Those that are over, in their order; empty before the first.
    """

    def __init__(self, test: str, results: Path, marked: Marked | None, tell: Callable[[RunLine], None]) -> None:
        self.runs: list[MeasuredRun] = []
        self._test = test
        self._results = results
        self._marked = marked or Marked()
        self._tell = tell
        self._stops: set[StopSignal] = set()

    def __repr__(self) -> str:
        """What pytest shows among a test's arguments."""
        return f"<loadproof: {self.runs}>"

    def run(
        self, target: Plan | Path | str | None = None, *, check: bool = True, **options: Unpack[PythonOptions]
    ) -> MeasuredRun:
        """Run load until it is over.

        It blocks; a coroutine awaits ``run_async`` instead.

        Args:
            target: A locustfile, a service of ``loadproof.toml``, or a ``Plan``; None for ``locustfile.py``, or what
                files and environment say. Paths start in the current folder, or in ``cwd``.
            check: Whether a run that did not pass fails the test here; False gives it to the test as it is.
            **options: Those of the command line by their names, as ``load_plan`` takes them: ``users=5,
                run_time="10s", host=url, thresholds=[...]``; none beside a ``Plan``.

        Raises:
            UsageError: With everything that is wrong with what was given. Nothing was sent.
            RunError: The target does not answer, or the run could not be made.
            RuntimeError: It was called in a coroutine.
        """
        if _in_a_coroutine():
            raise RuntimeError("loadproof.run() would block the event loop: write await loadproof.run_async(...)")
        try:
            plan = self._planned(target, options)
            stop = None if threading.current_thread() is threading.main_thread() else StopSignal()
            run = self._carried_out(plan, options, stop)
        except LoadproofError as error:
            raise _explained(error) from None
        return _checked(run) if check else run

    async def run_async(
        self, target: Plan | Path | str | None = None, *, check: bool = True, **options: Unpack[PythonOptions]
    ) -> MeasuredRun:
        """The same from a coroutine: the event loop goes on beside it.

        A cancelled call ends its run, as Ctrl-C and ``asyncio.timeout`` do, and waits for that.
        """
        try:
            plan = self._planned(target, options)
            run = await self._carried_out_beside(plan, options)
        except LoadproofError as error:
            raise _explained(error) from None
        return _checked(run) if check else run

    def stop(self) -> None:
        """End the runs that are still going on in other threads, at once; their results are written."""
        for stop in tuple(self._stops):
            stop.request(signal.SIGINT)
            stop.request(signal.SIGINT)

    def _planned(self, target: Plan | Path | str | None, options: PythonOptions) -> Plan:
        """The plan with the rules of the marks, which names its results below ours where nobody named another place."""
        if isinstance(target, Plan):
            if options:
                problem = "a Plan says everything itself"
                raise UsageError([_problem(", ".join(sorted(options)), problem, "give it to load_plan() instead")])
            plan = self._with_marks(target)
        else:
            plan = self._loaded(target, options)
        endless = not (plan.run_time or plan.scenarios or plan.iterations or plan.iterations_per_user or plan.search)
        if plan.ui or endless:
            what = "a test cannot drive the web interface" if plan.ui else "nothing says when the run is over"
            hint = "leave ui out" if plan.ui else 'give run_time="30s"; a load shape may end it earlier'
            raise UsageError([_problem("ui" if plan.ui else "run_time", what, hint)])
        return plan

    def _loaded(self, target: Path | str | None, options: PythonOptions) -> Plan:
        given = options.copy()
        own = given.get("thresholds", ())
        marked = {rule.text for rule in self._marked.rules}
        given["thresholds"] = (*((own,) if isinstance(own, str) else own), *(rule.text for rule in self._marked.rules))
        given.setdefault("results", self._results)
        if self._marked.allow_inconclusive is not None:
            given.setdefault("allow_inconclusive", self._marked.allow_inconclusive)
        plan = load_plan(None if target is None else str(target), **given)
        rules = (
            rule.model_copy(update={"source": SOURCE}) if rule.source == "--threshold" and rule.text in marked else rule
            for rule in plan.thresholds
        )
        return plan.model_copy(update={"thresholds": tuple(rules)})

    def _with_marks(self, plan: Plan) -> Plan:
        if plan.search is not None:
            for rule in self._marked.rules:
                if rule.metric not in ANSWERS and rule.selector.level is None:
                    what = f"{rule.text} would be for the levels of a search, and those are in the Plan already"
                    raise UsageError([Problem("not-in-search", SOURCE, what, "give it to load_plan() instead")])
        changes: dict[str, object] = {"thresholds": layered(plan.thresholds, self._marked.rules)}
        if plan.results == _USUAL_RESULTS:
            changes["results"] = self._results
        if self._marked.allow_inconclusive is not None:
            changes["allow_inconclusive"] = self._marked.allow_inconclusive
        return plan.model_copy(update=changes)

    def _carried_out(self, plan: Plan, options: PythonOptions, stop: StopSignal | None) -> MeasuredRun:
        if stop is not None:
            self._stops.add(stop)
        try:
            cwd, environ = options.get("cwd"), options.get("environ")
            result = run_plan(plan, observer=_Listener(self._keep), stop=stop, cwd=cwd, environ=environ)
        finally:
            if stop is not None:
                self._stops.discard(stop)
                stop.close()
        return next(run for run in self.runs if run.result is result)

    async def _carried_out_beside(self, plan: Plan, options: PythonOptions) -> MeasuredRun:
        """The same in a thread; a cancelled call asks the run to end and waits for that, the second time not kindly."""
        stop = StopSignal()
        work = asyncio.create_task(asyncio.to_thread(self._carried_out, plan, options, stop))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            stop.request(signal.SIGINT)
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError:
                stop.request(signal.SIGINT)
            work.add_done_callback(asyncio.Task.exception)  # nobody else asks for it
            raise

    def _keep(self, result: RunResult) -> None:
        run = MeasuredRun(result)
        self.runs.append(run)
        self._tell(
            {
                "test": self._test,
                "name": printable(run.name),
                "outcome": outcome_text(result),
                "said": printable(run.figures),
                "report": str(run.report),
            }
        )


class _Listener(Silent):
    """Hands on what scripts print, and the summary of the run, to pytest's capture.

    Args:
        keep: Called with the result of a run that is over.
    """

    def __init__(self, keep: Callable[[RunResult], None]) -> None:
        self._keep = keep

    def said(self, line: str) -> None:
        """A script printed a line, or the load process warned."""
        _show(line)

    def finished(self, result: RunResult) -> None:
        """The run is over and its files are written, also when it was interrupted."""
        self._keep(result)
        report = None if result.directory is None else str(result.directory / "report.html")
        unicode = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
        _show(render_text(result, report_path=report, unicode=unicode))


def _show(text: str) -> None:
    with suppress(OSError, ValueError):  # a capture that is over is a closed file, and a terminal may lack characters
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _checked(run: MeasuredRun) -> MeasuredRun:
    """The run, where it passed.

    An inconclusive run that is allowed skips: the test has shown nothing, and a pass would claim that it had.
    """
    if run.passed:
        return run
    if run.outcome is Outcome.INCONCLUSIVE and run.result.exit_code == 0:
        pytest.skip(explain(run.result))
    pytest.fail(explain(run.result))


def _explained(error: LoadproofError) -> LoadproofError:
    """An error with its hint, that begins where the test called."""
    if error.hint and not isinstance(error, UsageError):  # whose text has it
        error.add_note(f"try: {error.hint}")
    return error.with_traceback(None)


def _in_a_coroutine() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _problem(where: str, what: str, hint: str) -> Problem:
    return Problem("bad-value", f"loadproof.run({where}=…)", what, hint)
