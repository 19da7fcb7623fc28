"""How fast is Loadproof, side by side with other load generators?

Each scenario runs in rounds, in each round every tool in turn: the generator on core 0, nginx on core 1. Ratios are of
a tool's first run and its peer's first, and so on. A floor is met when the median reaches it. Loadproof runs with the
defaults of `loadproof run`, a row for every request included; Locust with `--headless --only-summary --csv`.

"whole run" is what a tool did: completed requests by its own count over the seconds that it measured (over TLS the
server's, so that making connections is not in it). On a machine that others use too, that compares the neighbours: its
cores are up to twice as slow while they work, and more so for some programs than for others. "requests/s" is the rate
on a core of its own: that of each run, moved along the straight line that the tool's quarters of a second follow from
how slow the core was in each (see `_probe.py`) to where it is quiet. With idle users the rate is the server's.

A run with a single error, or one whose count the server contradicts, is no result. "server CPU" says how near nginx was
to its own limit: there, ratios say less. "others' CPU" is what neither the tool nor nginx used of the two cores in this
machine: there, figures are not to be trusted.

    python bench/compare.py [--rounds 5] [--seconds 5] [--only get,post] [--tools wrk,loadproof-http] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))
from _probe import on_a_quiet_core, probe
from _processes import NoResultError, busy_seconds, cpu_seconds, interruptible, memory_bytes, own_seconds
from _servers import site
from _tools import TOOLS, Ask, Count, Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _probe import Probe
    from _processes import Watch
    from _servers import Site

ORDER = {"product": 3, "quantity": 1, "note": "leave it at the door"}
HEADERS = {"X-Api-Key": "bench"}
USERS = 50
TLS_START = 6
FEWER = 3  # rounds, of what does not need more
SETTLING = 1  # seconds from when all connections stand until figures count
FEW = 20  # users of the run whose memory is taken off
IDLE_WAIT = 10
IDLE_SECONDS = 2 * IDLE_WAIT + 3  # to start, and to be watched
MEMORY_WAIT = 5

SUBJECTS = ("loadproof-http", "loadproof-service", "loadproof-fast")
PEERS = ("locust-http", "locust-fast", "wrk")
WITH_USERS = ("locust-http", "locust-fast", "loadproof-http", "loadproof-fast")
NO_SLOWER = {("loadproof-fast", "locust-fast"): 1.0}


@dataclass(frozen=True)
class Floor:
    """What a ratio must reach, or must not exceed."""

    value: float
    at_most: bool = False

    def met(self, ratio: float) -> bool:
        """Whether a ratio is good enough."""
        return ratio <= self.value if self.at_most else ratio >= self.value

    def __str__(self) -> str:
        """For the table."""
        return f"{'<=' if self.at_most else '>='} {self.value:g}"


@dataclass(frozen=True)
class Stage:
    """What the tools run against, and what watches them."""

    server: Site
    probe: Probe
    asked: argparse.Namespace


Cell = dict[str, Any]
"""The figures of one tool in one round, by their names; under ``QUARTERS`` how slow the core was and the rate then."""

Measure = Callable[[Tool, Stage], Cell]
QUARTERS = "quarters"


@dataclass(frozen=True)
class Scenario:
    """One thing to compare.

    Attributes:
        key: Its name on the command line.
        title: Its name in the report.
        unit: Of the main figure.
        tools: Keys of the tools that can do it.
        measure: See ``Measure``; what ratios are of is under ``unit``.
        floors: (tool, peer) -> what their ratio must reach.
        steady: Whether figures hardly move from one run to the next, so that three are enough.
    """

    key: str
    title: str
    unit: str
    tools: tuple[str, ...]
    measure: Measure
    floors: Mapping[tuple[str, str], Floor]
    steady: bool = False


@dataclass
class Results:
    """What came out of one scenario.

    Attributes:
        cells: tool -> figures of each round.
        failed: tool -> why it has no result.
        absent: Tools that are not installed.
    """

    cells: dict[str, list[Cell]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)

    def ratios(self, unit: str, tool: str, peer: str) -> list[float]:
        """The ratio of each round; empty where one of them has no result."""
        pairs = zip(self.cells.get(tool, ()), self.cells.get(peer, ()), strict=False)
        return [ours[unit] / theirs[unit] for ours, theirs in pairs if theirs[unit]]


# The measurements


def _speed(path: str, *, post: bool = False, tls: bool = False) -> Measure:
    """Requests per second, once every connection stands: Locust takes seconds to make those of TLS."""

    def measure(tool: Tool, stage: Stage) -> Cell:
        server = stage.server
        extra: dict[str, Any] = {"body": ORDER, "headers": HEADERS} if post else {}
        seconds = stage.asked.seconds + (TLS_START if tls else 0)
        ask = Ask(server.tls_url if tls else server.url, path, USERS, seconds, **extra)
        looks: list[tuple[float, int, float]] = []
        before = server.served()

        def watch(_: int) -> bool:
            served = server.served() - before
            if looks or (served >= 2 * USERS and server.connections() >= USERS):
                looks.append((time.monotonic(), served, server.cpu_seconds()))
            return False

        count = _run(tool, ask, watch)
        _check(count, server.served() - before)
        looks = looks[:-1]  # at the last look, some of the users may have gone
        if not looks or looks[-1][0] - looks[0][0] < stage.asked.seconds / 2:
            raise NoResultError(f"not all of {USERS} users had their connections in time")
        (began, first, cpu), (ended, last, cpu_after) = looks[0], looks[-1]
        quarters = _quarters([look for look in looks if look[0] >= began + SETTLING], stage.probe)
        return {
            "requests/s": math.nan,  # known when all runs are
            "whole run": (last - first) / (ended - began) if tls else count.per_second,
            "slowness": statistics.fmean(slowness for slowness, _ in quarters),
            QUARTERS: quarters,
            "requests": count.requests,
            "seconds": count.seconds,
            "server CPU": (cpu_after - cpu) / (ended - began),
        }

    return measure


def _quarters(looks: list[tuple[float, int, float]], core: Probe) -> list[tuple[float, float]]:
    """How slow the core was between looks, and the server's rate."""
    found = []
    for (began, before, _), (ended, after, _) in pairwise(looks):
        slowness = core.slowness(began, ended)
        if slowness is not None:
            found.append((slowness, (after - before) / (ended - began)))
    if not found:
        raise NoResultError("the probe of the core was not heard")
    return found


def _idle(tool: Tool, stage: Stage) -> Cell:
    """Many users that mostly wait: they start over one wait, so that their requests come evenly.

    The rate is the server's count over one wait, after all have started; CPU counts from the first request to its end.
    """
    server, users = stage.server, stage.asked.idle_users
    rate = max(1, users // IDLE_WAIT)
    ask = Ask(server.url, "/json", users, IDLE_SECONDS, rate=rate, wait=IDLE_WAIT, stagger=1)
    seen: list[tuple[float, int, float]] = []
    before = server.served()

    def watch(pid: int) -> bool:
        served = server.served() - before
        if served > (seen[-1][1] if seen else 0):
            seen.append((time.monotonic(), served, cpu_seconds(pid)))
        return False

    count = _run(tool, ask, watch)
    _check(count, server.served() - before)
    steady = [look for look in seen[:-1] if look[0] > seen[0][0] + IDLE_WAIT + 1]
    if not steady or steady[-1][0] - steady[0][0] < 0.9 * IDLE_WAIT:
        raise NoResultError("the server has not seen steady load for long enough")
    first = steady[0]
    last = min(steady, key=lambda look: abs(look[0] - first[0] - IDLE_WAIT))
    seconds = last[0] - first[0]
    return {
        "requests/s": (last[1] - first[1]) / seconds,
        "wanted/s": users / IDLE_WAIT,
        "CPU s": last[2] - seen[0][2],
        "steady CPU": (last[2] - first[2]) / seconds,
        "requests": count.requests,
        "seconds": count.seconds,
    }


def _memory(tool: Tool, stage: Stage) -> Cell:
    """Bytes that one more user takes, once it has made requests and holds its connection."""
    users = stage.asked.memory_users
    few, many = (_occupied(tool, stage.server, number) for number in (FEW, users))
    return {"kB/user": (many - few) / (users - FEW) / 1e3, "MB": many / 1e6, "MB with few": few / 1e6}


def _occupied(tool: Tool, server: Site, users: int) -> int:
    """Memory of a generator, both its processes included, after every user has asked twice."""
    rate = max(1, users // MEMORY_WAIT)
    ask = Ask(server.url, "/json", users, 12 * MEMORY_WAIT, rate=rate, wait=MEMORY_WAIT, stagger=1)
    before = server.served()
    began: list[float] = []
    found: list[int] = []

    def watch(pid: int) -> bool:
        served = server.served() - before
        if served and not began:
            began.append(time.monotonic())
        long_enough = bool(began) and time.monotonic() - began[0] > 2 * MEMORY_WAIT + 2
        if long_enough and served >= 2 * users and server.connections() >= users:
            found.append(memory_bytes(pid))
        return bool(found)

    count = _run(tool, ask, watch)
    if not found:
        raise NoResultError(f"not all of {users} users have made two requests and kept their connection")
    _check(count, server.served() - before)
    return found[0]


def _run(tool: Tool, ask: Ask, watch: Watch = None) -> Count:
    """One run in a folder of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return tool.run(ask, Path(folder), watch)


def _check(count: Count, served: int) -> None:
    """Whether a tool counted what the server answered; Locust's files are up to a second old when it ends."""
    if not 0.5 * served <= count.requests <= served:
        raise NoResultError(f"it counts {count.requests} requests, the server answered {served}")


def _floors(**given: tuple[float, ...]) -> dict[tuple[str, str], Floor]:
    """Floors of a tool against the peers, in their order."""
    floors = {pair: Floor(value) for pair, value in NO_SLOWER.items()}
    for tool, values in given.items():
        floors |= {(tool.replace("_", "-"), peer): Floor(value) for peer, value in zip(PEERS, values, strict=False)}
    return floors


ALL = tuple(tool.key for tool in TOOLS)
SCENARIOS = (
    Scenario(
        "get",
        f"GET of a small JSON, {USERS} users, no wait",
        "requests/s",
        ALL,
        _speed("/json"),
        _floors(loadproof_http=(20, 4.5, 0.17), loadproof_service=(22, 5, 0.2)),
    ),
    Scenario(
        "post",
        f"POST of a JSON with a header, the answer's JSON checked by locustfiles and k6 alone, {USERS} users, no wait",
        "requests/s",
        ALL,
        _speed("/orders", post=True),
        _floors(loadproof_http=(20, 5)),
    ),
    Scenario("large", f"GET of 100 kB, {USERS} users, no wait", "requests/s", ALL, _speed("/large"), _floors()),
    Scenario(
        "tls",
        f"GET of a small JSON over TLS 1.3, {USERS} users, no wait, once all connections stand",
        "requests/s",
        ALL,
        _speed("/json", tls=True),
        _floors(loadproof_http=(20, 4.5)),
    ),
    Scenario(
        "idle", f"users that wait {IDLE_WAIT} s between requests", "requests/s", WITH_USERS, _idle, {}, steady=True
    ),
    Scenario(
        "memory",
        "memory for each idle user",
        "kB/user",
        WITH_USERS,
        _memory,
        {
            ("loadproof-http", "locust-http"): Floor(0.5, at_most=True),
            ("loadproof-http", "locust-fast"): Floor(0.9, at_most=True),
        },
        steady=True,
    ),
)


# The rounds


def play(scenario: Scenario, tools: Iterable[Tool], stage: Stage) -> Results:
    """All rounds of a scenario; every other one backwards, so that nobody is always behind the same neighbour."""
    results = Results()
    able = [tool for tool in tools if tool.key in scenario.tools]
    results.absent = [tool.title for tool in able if tool.missing]
    able = [tool for tool in able if not tool.missing]
    for number in range(stage.asked.rounds):
        for tool in able if number % 2 == 0 else reversed(able):
            compared = tool.key in {*SUBJECTS, *PEERS} and not scenario.steady
            if tool.key in results.failed or (number >= FEWER and not compared):
                continue
            try:
                cell = _cell(scenario, tool, stage)
            except NoResultError as reason:
                results.failed[tool.key] = str(reason)
                results.cells.pop(tool.key, None)
                _say(f"  round {number + 1}  {tool.title:<23} ABORTED: {reason}")
            else:
                results.cells.setdefault(tool.key, []).append(cell)
                measured = cell.get("whole run", cell[scenario.unit])
                _say(f"  round {number + 1}  {tool.title:<23} {measured:>10,.1f} {scenario.unit}")
    for cells in results.cells.values():
        if QUARTERS in cells[0]:
            rates = on_a_quiet_core([cell.pop(QUARTERS) for cell in cells])
            for cell, rate in zip(cells, rates, strict=True):
                cell[scenario.unit] = rate
    return results


def _cell(scenario: Scenario, tool: Tool, stage: Stage) -> Cell:
    """One measurement, with what others used of the cores meanwhile."""

    def known() -> float:
        return own_seconds() + stage.server.cpu_seconds() + cpu_seconds(stage.probe.pid)

    began, busy, ours = time.monotonic(), busy_seconds(), known()
    cell = scenario.measure(tool, stage)
    foreign = busy_seconds() - busy - (known() - ours)
    return cell | {"others' CPU": max(0.0, foreign / (time.monotonic() - began))}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# The report


def table(scenario: Scenario, results: Results, asked: argparse.Namespace) -> list[str]:
    """The lines of a scenario: figures as medians, then ratios."""
    columns = list(next(iter(results.cells.values()), [{}])[0])
    columns = [column for column in columns if column not in {"requests", "seconds"}]
    over = f"median of {' or '.join(map(str, sorted({len(cells) for cells in results.cells.values()})))} runs"
    lines = [f"{scenario.title}{_size(scenario, asked)}", f"  {over:<40}{_row(columns)}"]
    for tool in TOOLS:
        if tool.key in results.cells:
            medians = [statistics.median(cell[column] for cell in results.cells[tool.key]) for column in columns]
            shown = [_shown(column, value) for column, value in zip(columns, medians, strict=True)]
            lines.append(f"  {tool.title:<40}{_row(shown)}")
        elif tool.key in results.failed:
            lines.append(f"  {tool.title:<40}  ABORTED, no result: {results.failed[tool.key]}")
    if results.absent:
        lines.append(f"  not installed: {', '.join(results.absent)}")
    compared = ratios(scenario, results)
    if compared:
        lines.append(f"  {'ratio of the runs':<47}{'min / median / max':>26}   floor")
    for row in compared:
        figures = [row["min"], row["median"], row["max"]]
        spread = "no result" if figures[0] is None else " / ".join(f"{figure:.2f}" for figure in figures)
        floor = f"   {row['floor']:<8} {'met' if row['met'] else 'NOT MET'}" if row["floor"] else ""
        lines.append(f"  {row['ratio']:<47}{spread:>26}{floor}")
    return lines


def ratios(scenario: Scenario, results: Results) -> list[dict[str, Any]]:
    """Each ratio with its floor; one with a floor whose tool failed is there too, and does not meet it."""
    rows: list[dict[str, Any]] = []
    titles = {tool.key: tool.title for tool in TOOLS}
    for tool in SUBJECTS:
        for peer in PEERS:
            values, floor = results.ratios(scenario.unit, tool, peer), scenario.floors.get((tool, peer))
            row: dict[str, Any] = {"ratio": f"{titles[tool]} / {titles[peer]}", "tool": tool, "peer": peer}
            row["floor"] = None if floor is None else str(floor)
            if values:
                median = statistics.median(values)
                row |= {"min": min(values), "median": median, "max": max(values)}
                row["met"] = None if floor is None else floor.met(median)
            elif floor is not None and results.failed.keys() & {tool, peer}:
                row |= {"min": None, "median": None, "max": None, "met": False}
            else:
                continue
            rows.append(row)
    return rows


def _size(scenario: Scenario, asked: argparse.Namespace) -> str:
    if scenario.key == "idle":
        return f", {asked.idle_users:,} users, {IDLE_SECONDS} s"
    if scenario.key == "memory":
        return f" at {asked.memory_users:,} users, over that of {FEW}"
    return f", {asked.seconds} s"


def _row(cells: Iterable[str]) -> str:
    return "".join(f"{cell:>13}" for cell in cells)


def _shown(column: str, value: float) -> str:
    if column in {"server CPU", "steady CPU", "others' CPU"}:
        return f"{100 * value:.0f} %"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def _environment() -> dict[str, Any]:
    return {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each run but those of idle users")
    scenarios = ", ".join(scenario.key for scenario in SCENARIOS)
    parser.add_argument("--only", action="append", metavar="SCENARIO", help=f"with commas or again: {scenarios}")
    parser.add_argument("--tools", action="append", metavar="TOOL", help=f"with commas or again: {', '.join(ALL)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every cell and every ratio there as well")
    parser.add_argument("--idle-users", type=int, default=5000)
    parser.add_argument("--memory-users", type=int, default=2000)
    parser.add_argument("--check", action="store_true", help="exit 1 when a floor is not met or a tool has no result")
    asked = parser.parse_args()
    asked.only = _chosen(parser, asked.only, [scenario.key for scenario in SCENARIOS])
    asked.tools = _chosen(parser, asked.tools, list(ALL))
    if asked.rounds < 1 or asked.seconds < 1 or asked.idle_users < 1 or asked.memory_users <= FEW:
        parser.error(f"rounds, seconds and users must be positive, --memory-users more than {FEW}")
    return asked


def _chosen(parser: argparse.ArgumentParser, words: list[str] | None, known: list[str]) -> list[str]:
    chosen = [name for word in words or () for name in word.split(",") if name]
    if unknown := [name for name in chosen if name not in known]:
        parser.error(f"unknown: {', '.join(unknown)}; known are {', '.join(known)}")
    return chosen or known


def main() -> int:
    """Measure in rounds, print a table for each scenario."""
    asked = _arguments()
    if shutil.which("taskset") is None or (os.cpu_count() or 1) < 2:
        sys.exit("two cores and taskset are needed: one for the generator, one for the server")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with interruptible():
        good = compare(asked)
    return 1 if asked.check and not good else 0


def compare(asked: argparse.Namespace) -> bool:
    """All that was asked for; whether every floor was met and every tool has a result."""
    tools = [tool for tool in TOOLS if tool.key in asked.tools]
    written: dict[str, Any] = {"rounds": asked.rounds, "seconds": asked.seconds, **_environment(), "scenarios": []}
    good = True
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        site(Path(folder), core=1, tls=True) as server,
        probe(Path(folder), core=0) as core,
    ):
        stage = Stage(server, core, asked)
        for scenario in SCENARIOS:
            if scenario.key not in asked.only:
                continue
            results = play(scenario, tools, stage)
            print("\n".join(table(scenario, results, asked)), end="\n\n", flush=True)
            compared = ratios(scenario, results)
            good = good and not results.failed and all(row["met"] is not False for row in compared)
            about = {"scenario": scenario.key, "title": scenario.title, "unit": scenario.unit}
            written["scenarios"].append({**about, **vars(results), "ratios": compared})
            if asked.json is not None:
                asked.json.write_text(json.dumps(written, indent=2) + "\n")
    return good


if __name__ == "__main__":
    sys.exit(main())
