"""How near to the truth is a reported response time, when the generator is busy?

A server answers after known delays and keeps, for each request, the kernel's stamp of its arrival and the clock right
before its answer is sent. Users burn CPU between their requests, so that the generator is at about the given share of
its core. What the tool says of each request, in the `request` event that every locustfile can listen to, is compared
with what the server says of the same request. The difference holds the way over loopback as well, some ten microseconds
each. The same locustfile runs in turn under Locust and under Loadproof: the generator on core 0, the server on core 1.
"others" is the CPU that neither of them used of the two cores: there, figures are not to be trusted.

    python bench/truth.py [--rounds 3] [--seconds 10] [--levels 25,50,100] [--base HttpUser] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))
from _processes import NoResultError, busy_seconds, end, interruptible, own_seconds, plain_env
from _tools import Ask, table, under_loadproof, under_locust

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITE = """
import itertools, json, random, time
from pathlib import Path
from locust import BASE, between, events, task

started, last, seen = [], [], []
numbers = itertools.count()

@events.request.add_listener
def keep(response_time, context, exception, **_):
    if "id" in context and exception is None:
        seen.append((context["id"], response_time))

@events.test_stop.add_listener
def write(**_):
    share = (last[0] - started[0]) / (last[1] - started[1])
    Path(OUTPUT).write_text(json.dumps({"cpu": share, "seen": seen}))

def burn():
    if not started:
        started[:] = time.process_time(), time.monotonic()
    until = time.process_time() + CHUNK
    while (now := time.process_time()) < until and now - started[0] < LEVEL * (time.monotonic() - started[1]):
        sum(range(300))
    last[:] = time.process_time(), time.monotonic()

class Visitor(BASE):
    wait_time = between(0, 2 * PAUSE)

    def on_start(self):
        self.client.get("/", name="warm-up")  # connecting is no part of what is compared
        time.sleep(random.random() * PAUSE)

    @task
    def visit(self):
        number = next(numbers)
        self.client.get(f"/?id={number}", name="visit", context={"id": number})
        burn()
"""

USERS = 20
PAUSE = 0.2  # between two requests of a user on average, at random: so they do not fall into step
SURPLUS = 1.5  # of CPU that is burnt at most, over what the level asks for on average
MEDIAN_US = 50
P99_US = 300
TOOLS = ("Locust", "Loadproof")
QUANTILES = (0.5, 0.95, 0.99)


@contextmanager
def server(stamps: Path) -> Iterator[str]:
    """The server, alone on core 1; its URL. Its stamps are in the file afterwards."""
    command = ["taskset", "-c", "1", sys.executable, str(Path(__file__).with_name("_delays.py")), str(stamps)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True, env=plain_env()
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().decode().strip()
        if not port:
            sys.exit("the server did not start")
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    finally:
        end(process)


def measure(tool: str, level: int, asked: argparse.Namespace) -> dict[str, Any]:
    """One run: how far the tool was from the truth, in microseconds.

    Raises:
        NoResultError: There were errors, or requests that cannot be matched.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        cwd, stamps = Path(folder) / "run", Path(folder) / "stamps.csv"
        cwd.mkdir()
        output = cwd / "seen.json"
        values: dict[str, Any] = {"BASE": asked.base, "OUTPUT": repr(str(output)), "PAUSE": PAUSE}
        values["CHUNK"] = SURPLUS * level / 100 * PAUSE / USERS
        values["LEVEL"] = level / 100 if level < 100 else 1e9
        suite = SUITE
        for key, value in values.items():
            suite = suite.replace(key, str(value))
        (cwd / "locustfile.py").write_text(suite)
        began, busy, ours = time.monotonic(), busy_seconds(), own_seconds()
        with server(stamps) as url:
            ask = Ask(url, "/", USERS, asked.seconds)
            if tool == "Locust":
                under_locust(ask, cwd)
            else:
                under_loadproof(ask, cwd)
        foreign = busy_seconds() - busy - (own_seconds() - ours)  # the server has ended, and is in what is ours
        others = max(0.0, foreign / (time.monotonic() - began))
        if not output.exists():
            raise NoResultError("the locustfile's listeners were not called")
        told = json.loads(output.read_text())
        true = {int(row["id"]): (int(row["sent_ns"]) - int(row["received_ns"])) / 1e3 for row in table(stamps)}
        reported = _of_locust(cwd) if tool == "Locust" else _of_loadproof(cwd)
    said = {int(number): milliseconds * 1e3 for number, milliseconds in told["seen"]}
    both = said.keys() & true.keys()
    if len(both) < 0.99 * len(said) or not both:
        raise NoResultError(f"{len(said)} requests reported, of which the server stamped {len(both)}")
    errors = sorted(said[number] - true[number] for number in both)
    truth = sorted(true[number] for number in both)
    return {
        "tool": tool,
        "level": level,
        "cpu": told["cpu"],
        "others_cpu": others,
        "requests": len(both),
        "difference_us": {
            "median": statistics.median(errors),
            "p90": _quantile(errors, 0.9),
            "p99": _quantile(errors, 0.99),
            "max": errors[-1],
            "min": errors[0],
        },
        "reported_us": reported,
        "true_us": [_quantile(truth, q) for q in QUANTILES],
    }


def _of_locust(cwd: Path) -> list[float]:
    (row,) = (row for row in table(cwd / "locust_stats.csv") if row["Name"] == "visit")
    return [float(row[f"{q:.0%}"]) * 1e3 for q in QUANTILES]


def _of_loadproof(cwd: Path) -> list[float]:
    (path,) = cwd.glob("reports/performance/*/metrics.json")
    metrics = json.loads(path.read_text())
    stamped = metrics["health"]["kernel_clock_ratio"]
    if stamped is not None and stamped < 1:
        print(f"  only {stamped:.1%} of the requests have the kernel's stamp", file=sys.stderr)
    (row,) = (row for row in metrics["endpoints"] if row["name"] == "visit")
    return [row[f"{name}_response_time"] * 1e6 for name in ("median", "p95", "p99")]


def _quantile(ordered: list[float], q: float) -> float:
    """Nearest rank."""
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def _ms(microseconds: float) -> str:
    return f"{microseconds / 1e3:.3f}"


def _line(cell: dict[str, Any]) -> str:
    errors = cell["difference_us"]
    figures = "".join(f"{_ms(errors[key]):>11}" for key in ("median", "p90", "p99", "max"))
    pairs = zip(cell["reported_us"], cell["true_us"], strict=True)
    quantiles = "".join(f"{f'{reported / 1e3:.1f} / {true / 1e3:.1f}':>19}" for reported, true in pairs)
    return (
        f"  {cell['tool']:<10}{cell['cpu']:>7.0%}{cell['others_cpu']:>10.0%}{cell['requests']:>9,}{figures}{quantiles}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--levels", default="25,50,100", help="percent of a core, with commas (default: 25,50,100)")
    parser.add_argument("--base", choices=("HttpUser", "FastHttpUser"), default="HttpUser")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run there as well")
    parser.add_argument("--check", action="store_true", help="exit 1 when the floor is not met or a run has no result")
    asked = parser.parse_args()
    try:
        asked.levels = [int(word) for word in asked.levels.split(",")]
    except ValueError:
        parser.error("--levels are whole numbers with commas between them")
    if asked.rounds < 1 or asked.seconds < 1 or not all(0 < level <= 100 for level in asked.levels):
        parser.error("rounds and seconds must be positive, levels from 1 to 100")
    return asked


def play(asked: argparse.Namespace) -> tuple[list[dict[str, Any]], bool]:
    """All runs, printed as they come; whether each has a result."""
    cells: list[dict[str, Any]] = []
    good = True
    heads = "".join(f"{head:>11}" for head in ("median", "p90", "p99", "max"))
    quantiles = "".join(f"{f'p{q * 100:.0f} said / true':>19}" for q in QUANTILES)
    print(
        f"{asked.base}: what is reported minus what the server stamped, in ms; {USERS} users, {asked.seconds} s a run"
    )
    print(f"  {'':<10}{'CPU':>7}{'others':>10}{'requests':>9}{heads}{quantiles}")
    for level in asked.levels:
        print(f"about {level} % CPU")
        for _ in range(asked.rounds):
            for tool in TOOLS:
                try:
                    cells.append(measure(tool, level, asked))
                except NoResultError as reason:
                    good = False
                    print(f"  {tool:<10}ABORTED, no result: {reason}", flush=True)
                else:
                    print(_line(cells[-1]), flush=True)
    return cells, good


def main() -> int:
    """Measure, print, judge."""
    asked = _arguments()
    with interruptible():
        cells, good = play(asked)
    if asked.json is not None:
        asked.json.write_text(
            json.dumps({"base": asked.base, "seconds": asked.seconds, "runs": cells}, indent=2) + "\n"
        )
    full = [cell["difference_us"] for cell in cells if cell["tool"] == "Loadproof" and cell["level"] == 100]
    if full and asked.base == "HttpUser":
        best = min(full, key=lambda errors: errors["p99"])
        met = any(errors["median"] < MEDIAN_US and errors["p99"] < P99_US for errors in full)
        good = good and met
        wanted = f"median < {MEDIAN_US} us and p99 < {P99_US} us in the best of {len(full)} rounds"
        shown = f"{best['median']:.0f} us and {best['p99']:.0f} us"
        print(f"Loadproof at 100 % CPU: {wanted}: {shown}: {'met' if met else 'NOT MET'}")
    return 1 if asked.check and not good else 0


if __name__ == "__main__":
    sys.exit(main())
