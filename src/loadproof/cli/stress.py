"""``loadproof stress TARGET``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from loadproof.cli.help import HelpFormatter
from loadproof.cli.run import add_arrival_options, add_load_options, add_shared_options, run_words

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPILOG = """Every level is judged by itself, by the rules of the plan and those of --threshold.
A level that fails never fails the command; a rule on the answer does: --threshold 'breaking_level > 80'.

examples:
  loadproof stress load.py                              10, 20, ... 100 users, 30 s each
  loadproof stress load.py --max-users 500 --ramp-up 600
  loadproof stress pkd_service --max-rate 200/s --steps 20 --hold 15s
  loadproof stress pkd_service --threshold 'p95(response_time) < 500ms' --threshold 'breaking_level > 80'"""


def parser() -> argparse.ArgumentParser:
    """The options that are ours; the rest is Locust's."""
    ours = argparse.ArgumentParser(
        prog="loadproof stress",
        usage="loadproof stress [TARGET] [options] [Locust's options] [user classes]",
        description="Raise the load step by step until the service breaks.\n\n"
        "TARGET is a locustfile (default: locustfile.py) or a service of loadproof.toml.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    levels = ours.add_argument_group("levels")
    levels.add_argument("--max-users", metavar="N", help="highest level, in users (default: 100)")
    levels.add_argument("--max-rate", metavar="RATE", help="highest level, in arrivals per second")
    levels.add_argument("--steps", metavar="N", help="how many levels (default: 10)")
    levels.add_argument("--ramp-up", metavar="TIME", help="time of all levels together (default: 5m)")
    levels.add_argument("--hold", metavar="TIME", help="time of each level, instead of --ramp-up")
    add_arrival_options(levels)
    add_shared_options(ours)
    add_load_options(ours, hidden=True)
    return ours


def main(words: Sequence[str]) -> int:
    """Search for the level at which the service breaks."""
    return run_words(words, parser(), "stress")
