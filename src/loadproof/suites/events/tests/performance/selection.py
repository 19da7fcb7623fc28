"""``--class NAME``, as often as wanted: which users there are.

Locust itself has no such option: it takes names at the end of the line. ``loadproof run`` has it for every suite.
"""

from __future__ import annotations

from typing import Any

from locust import events

_DESTINATION = "chosen_classes"


def take_classes(names: list[str]) -> None:
    """Give Locust the option, and run only what it names.

    Args:
        names: The classes that there are.
    """

    @events.init_command_line_parser.add_listener
    def add_option(parser: Any, **_: object) -> None:
        parser.add_argument(
            "--class",
            action="append",
            choices=names,
            dest=_DESTINATION,
            metavar="NAME",
            help="run only this user class; may be given again",
            include_in_web_ui=False,
        )

    @events.init.add_listener
    def choose(environment: Any, **_: object) -> None:
        chosen = getattr(environment.parsed_options, _DESTINATION, None)
        if chosen:
            environment.user_classes[:] = [one for one in environment.user_classes if one.__name__ in chosen]
