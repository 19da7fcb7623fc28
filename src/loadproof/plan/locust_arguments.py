"""Locust's command line: finding its ``-f`` in what the user wrote, and building the whole of it for a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_FLAG = "--locustfile"
_SHORTEST = "--loc"
"""argparse takes any beginning that is unambiguous; Locust also has --loglevel and --logfile."""


def take_locustfile(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """Split ``-f`` off, in every spelling that argparse takes.

    Returns:
        Its value (the last one, as in argparse; None where it is absent), and the other words in their order.
    """
    value: str | None = None
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        name, equals, attached = word.partition("=")
        if word == "--":
            rest += [word, *words]
        elif word == "-f" or (name.startswith(_SHORTEST) and _FLAG.startswith(name)):
            value = attached if equals else next(words, "")
        elif word.startswith("-f"):
            value = word[2:].removeprefix("=")
        else:
            rest.append(word)
    return value, rest


def build_arguments(
    locustfile: str | None, settings: Mapping[str, str], classes: Iterable[str], rest: Iterable[str]
) -> tuple[str, ...]:
    """The words of Locust's command line, without the program's name.

    User classes stand before the user's own words: after an option of several values, such as ``--tags``, they would
    be taken for its values.

    Args:
        locustfile: Value for ``-f``; None for a service, whose user class the load process brings.
        settings: Options that Locust cannot know by itself, without dashes: ``{"users": "10"}``.
        classes: User classes to run; empty for all.
        rest: What the user wrote for Locust.
    """
    words = [] if locustfile is None else ["-f", locustfile]
    for option, value in settings.items():
        words += [f"--{option}", value]
    return (*words, *classes, *rest)
