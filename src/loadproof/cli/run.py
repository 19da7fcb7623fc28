"""``loadproof run TARGET``."""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from loadproof.cli import locust
from loadproof.cli.github import tell_github, wants_github
from loadproof.cli.help import HelpFormatter
from loadproof.errors import ExitCode, LoadproofError
from loadproof.plan import LocustTarget, Options, load_plans
from loadproof.supervisor import StopSignal, run_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loadproof.cli.keys import Keys
    from loadproof.cli.live import LiveView
    from loadproof.cli.plain import PlainView
    from loadproof.plan import Plan
    from loadproof.plan.options import SearchKind
    from loadproof.result import RunResult

_EPILOG = """Every option of Locust is taken as well (loadproof locust --help), and user class names at the end.

examples:
  loadproof run                                     locustfile.py of this folder
  loadproof run load.py -u 50 -r 10 -t 1m -H http://127.0.0.1:8080 --processes 2
  loadproof run load.py --class Shopper -t 5m --threshold 'p95(response_time){name="/checkout"} < 500ms'
  loadproof run load.py --rate 200/s --duration 5m  200 arrivals per second, however slow the answers are
  loadproof run load.py --stages 30s:50,2m:50,30s:0 up to 50 users, hold, and down again
  loadproof run pkd_service --rps 50                a [services.pkd_service] of loadproof.toml
  loadproof run --all                               all of them, one after another

keys, in a terminal:
  q      end early: judged and reported as usual, with the verdict's exit code; the reason says that you ended it
  p      pause, and go on: no arrival comes, users wait; the clock goes on, and no rate counts that time
  + -    a tenth more users, or fewer; arrivals keep the plan's rate, and a search decides by itself
  ?      what the keys do"""

_ONLY_ASKS = frozenset({"-l", "--list", "--show-task-ratio", "--show-task-ratio-json", "-V", "--version"})
"""Locust's options that print something and run nothing."""

_NOT_THE_SAME = {
    *("target", "plan_file", "thresholds", "settings", "class_names", "slo", "search", "locust_args", "cwd", "environ")
}
_SAME_NAMES = {field.name for field in fields(Options)} - _NOT_THE_SAME
"""Values of ``Options`` that the parsers know by the same name."""

_WORST_FIRST = (130, 143, 1, 2, 3, 99, 5, 4, 0)


def parser() -> argparse.ArgumentParser:
    """The options that are ours; the rest is Locust's."""
    ours = argparse.ArgumentParser(
        prog="loadproof run",
        usage="loadproof run [TARGET] [options] [Locust's options] [user classes]",
        description="Run a locustfile or a service, measure, judge, report.\n\n"
        "TARGET is a locustfile (default: locustfile.py) or a service of loadproof.toml.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    add_shared_options(ours)
    load = ours.add_argument_group("load", "How much there is, where -u, -r and -t do not say it.")
    add_load_options(load)
    load.add_argument("--max-users", metavar="N", help="most users that arrivals may be spread over")
    add_arrival_options(load)
    return ours


def add_shared_options(ours: argparse.ArgumentParser) -> None:
    """What ``run`` and the searches have in common."""
    add = ours.add_argument
    add("--plan", metavar="FILE", help="read this instead of loadproof.toml or [tool.loadproof] in pyproject.toml")
    add("--name", help="name of the test (default: the service, the file, or the folder of locustfile.py)")
    add(
        "--class",
        dest="classes",
        action="append",
        default=[],
        metavar="NAME",
        help="run only this user class (again for more)",
    )
    add(
        "--threshold",
        action="append",
        default=[],
        metavar="RULE",
        help="a rule, such as 'p95(response_time) < 500ms' (again for more)",
    )
    add(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of the suite's own, above the environment (again for more)",
    )
    add("--ui", action="store_true", help="open Locust's web interface instead of starting at once")
    add("--all", action="store_true", help="all services of the plan, one after another")
    add("--results", metavar="DIR", help="where result directories are made (default: reports/performance)")
    add("--samples", metavar="WHICH", help="rows in results.csv: all (default), errors, N/s, none")
    add("--client", metavar="WHICH", help="fast (default): our own HTTP under HttpUser; requests: Locust's own")
    add("--no-ready-check", action="store_true", help="do not ask first whether the target accepts connections")
    add("--baseline", metavar="RUN", help="compare with this saved run: a directory, latest[:NAME], or a kept baseline")
    add("--require-baseline", action="store_true", help="it is an error that there is no baseline yet")
    add("--fail-on-regression", action="store_true", help="exit 5 where the run is slower than its baseline")
    add("--metrics-port", metavar="PORT", help="let Prometheus scrape the run on this port, such as 9090")
    add("--metrics-host", metavar="HOST", help="address to open that port on (default: 127.0.0.1)")
    add("--metrics-grace", metavar="TIME", help="wait that long for a last scrape (default: 20s if any scraped)")
    add("--strict", action="store_true", help="a warning fails the run")
    add("--allow-inconclusive", action="store_true", help="an inconclusive run exits 0")
    add("--quiet", action="store_true", help="no progress, only the summary")
    add("--github", action="store_true", help="write the job summary and annotations (by itself in GitHub Actions)")


def add_load_options(group: argparse._ActionsContainer, *, hidden: bool = False) -> None:
    """What says how much load a run has; the searches know it too, to say what to give instead.

    Args:
        group: Where they are listed.
        hidden: Whether they stay out of the help.
    """
    for option, metavar, help_ in (
        ("--rate", "RATE", "arrivals per second, such as 200/s or 10/m"),
        ("--duration", "TIME", "how long the run is, such as 5m"),
        ("--stages", "LIST", "TIME:TARGET with commas; 30s:50 is users, 30s:50/s arrivals"),
        ("--load-profile", "NAME", "a [profiles.NAME] of the plan, or none"),
        ("--late", "WHAT", "an arrival that no user is free for: drop (default) or run"),
        ("--iterations", "N", "end after so many iterations, over all users"),
        ("--iterations-per-user", "N", "each user ends after so many"),
        ("--warmup", "TIME", "what rules leave out at the start: a time, ramp, or auto"),
        ("--rps", "N", "at most N requests per second over the whole run"),
    ):
        group.add_argument(option, metavar=metavar, help=argparse.SUPPRESS if hidden else help_)


def add_arrival_options(group: argparse._ActionsContainer) -> None:
    """How arrivals are spaced, in runs and searches alike."""
    group.add_argument("--poisson", action="store_true", help="arrivals at random instead of evenly")
    group.add_argument("--seed", metavar="N", help="of everything random (default: 1)")


def read_options(
    words: Sequence[str],
    *,
    cwd: Path,
    ours: argparse.ArgumentParser | None = None,
    search: SearchKind | None = None,
) -> tuple[Options, argparse.Namespace]:
    """The options as text, and ours as parsed.

    Args:
        words: What stands behind the command.
        cwd: The current folder.
        ours: Our options; None for those of ``run``.
        search: The search that the command makes; None for ``run``.
    """
    words = list(words)
    target = words.pop(0) if words and not words[0].startswith("-") else None
    read, rest = (ours or parser()).parse_known_args(words)
    common = _common_parser().parse_known_args([word for word in rest if word not in ("-h", "--help")])[0]
    same = {name: getattr(read, name) for name in _SAME_NAMES if hasattr(read, name)}
    return Options(
        target=target,
        plan_file=read.plan,
        thresholds=tuple(read.threshold),
        users=common.users,
        spawn_rate=common.spawn_rate,
        run_time=common.run_time,
        host=common.host,
        processes=common.processes,
        settings=tuple(read.settings),
        class_names=tuple(read.classes),
        slo=tuple(getattr(read, "slo", ())),
        search=search,
        locust_args=tuple(rest),
        cwd=cwd,
        environ=os.environ,
        **same,
    ), read


def main(words: Sequence[str]) -> int:
    """Run what the words say."""
    return run_words(words, parser())


def run_words(words: Sequence[str], ours: argparse.ArgumentParser, search: SearchKind | None = None) -> int:
    """Run, or search, what the words say by the options of one command."""
    options, read = read_options(words, cwd=Path.cwd(), ours=ours, search=search)
    plans = load_plans(options, all_services=read.all)
    if _ONLY_ASKS & set(options.locust_args) and isinstance(plans[0].target, LocustTarget):
        return locust.main(plans[0].locust_args)
    tellers = (tell_github,) if wants_github(asked=read.github, environ=os.environ) else ()
    return run_all(plans, *tellers, quiet=read.quiet)


def run_all(plans: Sequence[Plan], *tellers: Callable[[RunResult], None], quiet: bool) -> int:
    """Run plans one after another; the worst exit code of all."""
    codes = []
    view = _view(quiet=quiet)
    with stopping_on_signals() as stop, _keys(view) as keys:
        for plan in plans:
            try:
                codes.append(_run_one(plan, view, stop, keys, *tellers))
            except LoadproofError as error:
                if len(plans) == 1:
                    raise
                print(f"❌ {error}", file=sys.stderr)
                if error.hint:
                    print(f"   try: {error.hint}", file=sys.stderr)
                codes.append(int(error.exit_code))
            if codes[-1] in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
                break
    return min(codes, key=lambda code: _WORST_FIRST.index(code) if code in _WORST_FIRST else 1)


def _run_one(
    plan: Plan,
    view: LiveView | PlainView,
    stop: StopSignal,
    keys: Keys | None,
    *tellers: Callable[[RunResult], None],
) -> int:
    """Run one plan under a view of it, which prints the summary of each test; then tell others of it."""
    try:
        result = run_plan(plan, observer=view, stop=stop, steering=keys)
    finally:
        view.close()
    for tell in tellers:
        tell(result)
    return result.exit_code if result.exit_code is not None else int(ExitCode.BUG)


@contextmanager
def stopping_on_signals() -> Iterator[StopSignal]:
    """Ctrl-C and SIGTERM ask the run to end; a second one ends it at once."""
    stop = StopSignal()
    before: dict[int, Any] = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is None or signal.getsignal(number) is signal.SIG_IGN:
            continue  # there is none on this system, or the caller (nohup) does not want it heard
        before[number] = signal.signal(number, lambda got, _frame: stop.request(got))
    try:
        yield stop
    finally:
        for number_before, handler in before.items():
            signal.signal(number_before, handler)
        stop.close()


@contextmanager
def _keys(view: LiveView | PlainView) -> Iterator[Keys | None]:
    """The keys of the terminal, as long as there is a view that shows what they do; else None."""
    from loadproof.cli.plain import PlainView  # noqa: PLC0415 - most commands have no view

    if isinstance(view, PlainView) or not view.hears_keys:
        yield None
        return
    from loadproof.cli.keys import Keys  # noqa: PLC0415 - not every system has terminals like these

    with Keys(sys.stdin.fileno(), view) as keys:
        yield keys


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


def _view(*, quiet: bool) -> LiveView | PlainView:
    shows = _is_terminal(sys.stdout) and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    if shows and not quiet and os.environ.get("TERM") != "dumb":
        from rich.console import Console  # noqa: PLC0415 - a CI job does without

        from loadproof.cli.live import LiveView  # noqa: PLC0415

        return LiveView(Console(), keys=_is_terminal(sys.stdin) and importlib.util.find_spec("termios") is not None)
    from loadproof.cli.plain import PlainView  # noqa: PLC0415

    return PlainView(sys.stdout, quiet=quiet)


def _common_parser() -> argparse.ArgumentParser:
    """Locust's options that Loadproof reads too; they are not taken out."""
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument("-u", "--users")
    common.add_argument("-r", "--spawn-rate")
    common.add_argument("-t", "--run-time")
    common.add_argument("-H", "--host")
    common.add_argument("--processes")
    return common
