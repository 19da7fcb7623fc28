"""``loadproof cleanup RUN``: remove what a run created and left behind, and nothing else."""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadproof.cli.help import HelpFormatter
from loadproof.errors import ExitCode, RunError
from loadproof.report.wording import printable
from loadproof.result import RESULTS, find_run
from loadproof.result.ledgers import read_ledgers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EPILOG = """examples:
  loadproof cleanup latest
  loadproof cleanup reports/performance/load_test_fleet_20261121_120000 --dry-run
  loadproof cleanup reports/ledgers/20261121_120000_ab12cd --locustfile test/performance/locustfile.py

The suite's own ledgers do it, with the settings and secrets that the environment holds now."""


def main(words: Sequence[str]) -> int:
    """Remove what remains; 3 where something cannot be removed.

    Raises:
        RunError: ``no-run``, ``no-ledger``, or ``cleanup-failed`` where the locustfile cannot be read.
    """
    asked = _parser().parse_args(words)
    folder, locustfile = _where(asked)
    kept = read_ledgers(folder)
    if not kept.remaining:
        created = sum(kept.created.values())
        print(f"nothing to remove: {created} created, {sum(kept.removed.values())} of them removed already")
        return int(ExitCode.PASS)
    if asked.dry_run:
        for entry in kept.remaining:
            print(f"would remove {_named(entry.kind, entry.id, entry.facts)}")
        return int(ExitCode.PASS)
    if locustfile is None:
        raise RunError("nothing says how to remove things", slug="no-ledger", hint="name it: --locustfile FILE")
    return _clean(locustfile, folder, asked.delay)


def _clean(locustfile: Path, folder: Path, delay: float) -> int:
    """Let the suite remove everything; say what became of each thing."""
    words = [
        sys.executable,
        "-P",
        "-u",
        "-m",
        "loadproof.kit.cleaning",
        str(locustfile),
        str(folder),
        f"--delay={delay}",
    ]
    outcomes: Counter[bool] = Counter()
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as cleaning:  # noqa: S603 - our own module
        assert cleaning.stdout is not None
        for line in cleaning.stdout:
            try:
                said = json.loads(line)
                name, why_not = _named(said["kind"], said["id"], said["facts"]), said["why_not"]
            except (ValueError, KeyError, TypeError):
                print(printable(line.rstrip()))  # the locustfile's own words
                continue
            outcomes[why_not is None] += 1
            print(f"✓ removed {name}" if why_not is None else f"✗ left {name}: {printable(why_not)}", flush=True)
    if cleaning.returncode == int(ExitCode.INTERRUPTED):
        raise KeyboardInterrupt
    if cleaning.returncode not in (0, int(ExitCode.COULD_NOT_RUN)):
        raise RunError(f"{locustfile} could not be read", slug="cleanup-failed", hint="its last words are above")
    print(f"{outcomes[True]} removed, {outcomes[False]} left")
    return int(cleaning.returncode)


def _where(asked: argparse.Namespace) -> tuple[Path, Path | None]:
    """The folder of ledgers, and the locustfile that kept them."""
    given = Path(asked.locustfile).absolute() if asked.locustfile else None
    folder = Path(asked.run)
    if any(folder.glob("*.jsonl")):
        return folder, given
    path = find_run(asked.run, results=asked.results)
    run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    ledgers = run.get("environment", {}).get("ledgers")
    if not ledgers:
        raise RunError(f"{path} knows of no ledger", slug="no-ledger")
    target = run["plan"]["target"].get("locustfile")
    known = Path(target.split(",")[0]).absolute() if target else None
    return Path(ledgers), given or known


def _named(kind: str, identity: str | None, facts: Mapping[str, Any]) -> str:
    known = ", ".join(f"{name} {value}" for name, value in facts.items())
    return printable(f"{kind} {identity or 'of unknown id'}{f' ({known})' if known else ''}")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError("must be a number of seconds, at least 0")
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="loadproof cleanup",
        description="Remove what a run created in the service and left behind: after a crash, or a kill -9.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("run", metavar="RUN", help="a result directory, latest[:NAME], or a folder of ledgers")
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed")
    parser.add_argument("--locustfile", metavar="FILE", help="the suite that removes it (default: the run's own)")
    parser.add_argument(
        "--delay", type=_seconds, default=0.0, metavar="SECONDS", help="between two removals, default 0"
    )
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="DIR", help=f"where latest is, default {RESULTS}"
    )
    return parser
