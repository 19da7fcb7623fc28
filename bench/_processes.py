"""Programs that the benchmarks start: run to their end, watched, and ended with all their children."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent
"""Where ``locust`` and ``loadproof`` are."""

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_TICK = 0.25
_SETTINGS = ("LOCUST_", "LOADPROOF_")
_DETOURS = ("_proxy", "_ca_bundle", "ssl_cert_file", "ssl_cert_dir")

Watch = Callable[[int], bool] | None
"""Called four times a second with the process; True asks it to end, as Ctrl-C does."""


class NoResultError(Exception):
    """What a program did is not a measurement: it failed, it met errors, or it counts otherwise than the server."""


def run(command: list[str], cwd: Path, *, limit: float, watch: Watch = None) -> tuple[int, str]:
    """Run a program to its end: its exit code, and all that it said.

    Args:
        command: What to run.
        cwd: Where.
        limit: Seconds after which it is ended.
        watch: See ``Watch``.

    Raises:
        NoResultError: It did not end in time.
    """
    said = cwd / "said.txt"
    with said.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, env=plain_env()
        )
        try:
            _wait(process, limit, watch)
        finally:
            end(process)
    return process.returncode, said.read_text(errors="replace")


def plain_env() -> dict[str, str]:
    """The environment without settings of the tools themselves, proxies and other certificates."""
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(_SETTINGS) and not key.lower().endswith(_DETOURS)
    }


def _wait(process: subprocess.Popen[bytes], limit: float, watch: Watch) -> None:
    deadline = time.monotonic() + limit
    asked = False
    while time.monotonic() < deadline:
        try:
            process.wait(_TICK if watch is not None else limit)
        except subprocess.TimeoutExpired:
            if watch is not None and not asked and watch(process.pid):
                process.send_signal(signal.SIGINT)
                asked = True
        else:
            return
    raise NoResultError(f"did not end within {limit:.0f} s")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program and its children, gently first; nothing happens to one that has ended."""
    if process.poll() is not None:
        return
    family = tree(process.pid)
    for how, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def tree(pid: int) -> list[int]:
    """A process and all below it that are alive."""
    found = [pid]
    for parent in found:
        with suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found.extend(int(word) for word in (task / "children").read_text().split())
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and all below it, those included that have ended."""
    total = 0
    for member in tree(pid):
        with suppress(OSError):
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(field) for field in fields[11:15])
    return total / _CLOCK_TICKS


def memory_bytes(pid: int) -> int:
    """Memory of a process and all below it; pages that they share count once (PSS).

    Pages of files are left out: how many of a library's are charged to us depends on who else has it open just now.
    """
    total = 0
    for member in tree(pid):
        with suppress(OSError):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith(("Pss_Anon:", "Pss_Shmem:", "SwapPss:")):
                    total += int(line.split()[1]) * 1024
    return total


def busy_seconds() -> float:
    """CPU time that anything on this machine has used on cores 0 and 1."""
    total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(("cpu0 ", "cpu1 ")):
            total += sum(int(field) for field in line.split()[1:4])  # user, nice, system
    return total / _CLOCK_TICKS


def own_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in usage)


@contextmanager
def interruptible() -> Iterator[None]:
    """Keep off the generator's core, and leave with a word on Ctrl-C or SIGTERM, after everything was ended."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(OSError):
        os.sched_setaffinity(0, {1})
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted: what was started has been ended", file=sys.stderr)
        sys.exit(130)
