"""Locust's default options, reckoned once in each process.

For each message that starts users, a worker of Locust 2.47 asks ``default_args_dict`` once for every option
(``runners.py``, ``WorkerRunner.handle_message``), and each time a whole parser is built for the answer: a quarter of a
second of CPU, each second of a ramp, in every worker. With many workers on few cores the master gives all of them up.
"""

from __future__ import annotations

from functools import cache

from locust import argument_parser


def install() -> None:
    """Have Locust build the answer once: it is the same each time, and nobody changes it."""
    argument_parser.default_args_dict = cache(argument_parser.default_args_dict)
