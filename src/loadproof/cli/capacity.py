"""``loadproof capacity TARGET``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from loadproof.cli.help import HelpFormatter
from loadproof.cli.run import add_arrival_options, add_load_options, add_shared_options, run_words

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPILOG = """A rate is sustained where every rule holds, nothing is dropped and no queue grows.
A trial that fails never fails the command; a rule on the answer does: --threshold 'capacity >= 200/s'.

examples:
  loadproof capacity load.py --slo 'p99(response_time) < 250ms' --slo 'error_rate < 0.1%'
  loadproof capacity pkd_service --max-rate 1000/s --precision 2%
  loadproof capacity pkd_service --trial 60s --confirm 3m --threshold 'capacity >= 200/s'"""


def parser() -> argparse.ArgumentParser:
    """The options that are ours; the rest is Locust's."""
    ours = argparse.ArgumentParser(
        prog="loadproof capacity",
        usage="loadproof capacity [TARGET] [options] [Locust's options] [user classes]",
        description="Find the highest rate of arrivals that the service sustains.\n\n"
        "TARGET is a locustfile (default: locustfile.py) or a service of loadproof.toml.",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    trials = ours.add_argument_group("trials")
    trials.add_argument(
        "--slo", action="append", default=[], metavar="RULE", help="what must hold at a rate (again for more)"
    )
    trials.add_argument("--max-rate", metavar="RATE", help="highest rate to try (default: no limit)")
    trials.add_argument("--start-rate", metavar="RATE", help="rate of the first trial (default: 10/s)")
    trials.add_argument("--trial", metavar="TIME", help="how long a trial is judged (default: 20s)")
    trials.add_argument("--settle", metavar="TIME", help="left out at the start of each (default: 5s)")
    trials.add_argument("--confirm", metavar="TIME", help="how long the last trial is judged (default: 40s)")
    trials.add_argument("--precision", metavar="SHARE", help="widest interval of the answer (default: 5%%)")
    trials.add_argument("--max-users", metavar="N", help="most users that arrivals may be spread over")
    add_arrival_options(trials)
    add_shared_options(ours)
    add_load_options(ours, hidden=True)
    return ours


def main(words: Sequence[str]) -> int:
    """Search for the highest rate that the service sustains."""
    return run_words(words, parser(), "capacity")
