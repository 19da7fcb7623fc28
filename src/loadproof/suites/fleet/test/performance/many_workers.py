"""Lets a master keep many workers on few cores.

For each message that starts users, a worker of Locust 2.47 asks ``default_args_dict`` once for every option
(``runners.py``, ``WorkerRunner.handle_message``), and each time a whole parser is built for the answer: a quarter of a
second of CPU, each second of a ramp, in every worker. With the 25 workers that are the default here, two cores are busy
with that for so long that the master gives all workers up.
"""

from __future__ import annotations

from functools import cache

from locust import argument_parser


def keep_default_options() -> None:
    """Build the answer once: it is the same each time, and nobody changes it."""
    argument_parser.default_args_dict = cache(argument_parser.default_args_dict)
