"""Where does the time of a request go?

A run with the defaults of `loadproof run` against nginx, the generator on core 0 and nginx on core 1. py-spy looks at
the load process a few hundred times a second from outside; what it saw is shared out over the requests made meanwhile.
A line that calls into C (sending, polling, switching) holds what is done there; a function without a part of its own in
the table is among the others. Looking slows the process down a little, and the supervisor takes its share of the core:
the rest of the figures is in `bench/compare.py`.

    python bench/where.py [--seconds 15] [--users 50] [--lines 25] [--post] [--service]
"""

from __future__ import annotations

import argparse
import linecache
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))
from _processes import BIN, NoResultError, interruptible, tree
from _servers import site
from _tools import TOOLS, Ask

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTLE = 3  # seconds until all users have started
RATE = 400  # of looks in a second
_FRAME = re.compile(r"(?P<function>[^;]+) \((?P<file>[^;()]+):(?P<line>\d+)\)$")


class Looking:
    """py-spy beside a run: from the moment when all users have started, for some seconds."""

    def __init__(self, folder: Path, seconds: int) -> None:
        self.found = folder / "stacks.txt"
        self._said = folder / "py-spy.txt"
        self._seconds = seconds
        self._ticks = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, pid: int) -> bool:
        """See ``Watch``."""
        self._ticks += 1
        if self._process is None and self._ticks > SETTLE * 4:
            load = [child for child in tree(pid) if b"loadproof.load" in Path(f"/proc/{child}/cmdline").read_bytes()]
            if not load:
                raise NoResultError("the load process was not found")
            with self._said.open("wb") as said:
                self._process = subprocess.Popen(
                    [
                        *("taskset", "-c", "1", str(BIN / "py-spy"), "record", "--pid", str(load[0])),
                        *("--format", "raw", "--rate", str(RATE), "--duration", str(self._seconds), "--full-filenames"),
                        *("--output", str(self.found)),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                )
        return False

    def stacks(self) -> Iterator[tuple[str, int]]:
        """What was seen: a stack, outermost first, and how often."""
        if self._process is not None and self._process.wait(30) == 0 and self.found.exists():
            for line in self.found.read_text().splitlines():
                stack, _, count = line.rpartition(" ")
                if "gevent/threadpool.py" not in stack:  # a thread that waits for work
                    yield stack, int(count)
        else:
            said = self._said.read_text(errors="replace").strip() if self._said.exists() else "it was not started"
            raise NoResultError(f"py-spy saw nothing: {said}")


def innermost(stack: str) -> tuple[str, str, int] | None:
    """File, function and line that a stack ends in."""
    found = _FRAME.match(stack.rpartition(";")[2])
    return None if found is None else (found["file"], found["function"], int(found["line"]))


def short(file: str) -> str:
    """A file as people know it: below its package."""
    for mark in ("/src/", "/site-packages/"):
        if mark in file:
            return file.rpartition(mark)[2]
    return Path(file).name


def show(seen: Counter[tuple[str, str, int]], each: float, lines: int) -> None:
    """Print functions, then lines, by their own time in microseconds of a request.

    Args:
        seen: Times that a line was seen at work.
        each: Microseconds of a request.
        lines: How many to print.
    """
    total = seen.total()
    functions: Counter[tuple[str, str]] = Counter()
    for (file, function, _), count in seen.items():
        functions[short(file), function] += count
    print(f"\n{'us':>6}  {'share':>5}  function")
    for (file, function), count in functions.most_common(lines):
        print(f"{count / total * each:6.2f}  {count / total:5.1%}  {file}: {function}")
    rest = total - sum(count for _, count in functions.most_common(lines))
    print(f"{rest / total * each:6.2f}  {rest / total:5.1%}  all others")
    print(f"\n{'us':>6}  {'share':>5}  line")
    for (file, _, line), count in seen.most_common(lines):
        text = linecache.getline(file, line).strip()
        print(f"{count / total * each:6.2f}  {count / total:5.1%}  {short(file)}:{line}  {text[:80]}")


def main() -> int:
    """Run, look, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=15, help="to look for")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--lines", type=int, default=25)
    parser.add_argument("--post", action="store_true", help="a POST with JSON and a check, instead of a GET")
    parser.add_argument("--service", action="store_true", help="a service without code, instead of a locustfile")
    asked = parser.parse_args()
    wanted = "loadproof-service" if asked.service else "loadproof-http"
    tool = next(tool for tool in TOOLS if tool.key == wanted)
    with interruptible(), tempfile.TemporaryDirectory(prefix="where-") as name:
        folder = Path(name)
        looking = Looking(folder, asked.seconds)
        more = {"body": {"product": 3}, "headers": {"X-Api-Key": "bench"}} if asked.post else {}
        with site(folder, core=1) as server:
            ask = Ask(server.url, "/item", asked.users, SETTLE + asked.seconds + 2, **more)
            try:
                count = tool.run(ask, folder, looking)
                seen: Counter[tuple[str, str, int]] = Counter()
                for stack, times in looking.stacks():
                    if where := innermost(stack):
                        seen[where] += times
            except NoResultError as error:
                print(f"no result: {error}", file=sys.stderr)
                return 1
        each = 1e6 / count.per_second
        print(f"{count.per_second:,.0f} requests a second on this machine, {each:.1f} us each; {seen.total():,} looks")
        show(seen, each, asked.lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
