"""Locust's command line: finding its options in what the user wrote, and building the whole of it for a plan."""

from __future__ import annotations

import re
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


_LOAD = (
    ("users", "-u", "--u", r"[0-9]+"),
    ("spawn_rate", "-r", "--sp", r"[0-9.]+"),
    ("run_time", "-t", "--ru", r"[0-9hms]+"),
)
"""Options that say how much load there is: key, short flag, the shortest beginning of the long one that no other option
of Locust has, and what its values look like."""


def take_load(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Split ``-u``, ``-r`` and ``-t`` off, in every spelling that argparse takes.

    The beginning of an option may also be the whole of one of the script's own, such as ``--user NAME``; it is taken
    only where its value could be the option's.

    Returns:
        Key -> value (the last one, as in argparse; empty where it is missing), and the other words in their order.
    """
    taken: dict[str, str] = {}
    rest: list[str] = []
    words = list(arguments)
    while words:
        word = words.pop(0)
        if word == "--":
            return taken, [*rest, word, *words]
        found = _load_option(word, words[0] if words else None)
        if found is None:
            rest.append(word)
            continue
        key, value, is_next = found
        taken[key] = value
        if is_next:
            words.pop(0)
    return taken, rest


def _load_option(word: str, following: str | None) -> tuple[str, str, bool] | None:
    """The key and value of an option of ``_LOAD``, and whether the value is the word behind it; None for another."""
    name, equals, attached = word.partition("=")
    apart = following if following is not None and _is_value(following) else ""
    behind = apart == following
    for key, short, shortest, looks in _LOAD:
        flag = f"--{key.replace('_', '-')}"
        if word in (short, flag):
            return key, apart, behind
        if word.startswith(short):
            return key, word[len(short) :].removeprefix("="), False
        if name == flag:
            return key, attached, False
        if name.startswith(shortest) and flag.startswith(name) and re.fullmatch(looks, attached if equals else apart):
            return key, attached if equals else apart, not equals
    return None


def _is_value(word: str) -> bool:
    """Whether argparse takes a word for a value: it is no option, though it may be a negative number."""
    return not word.startswith("-") or re.fullmatch(r"-[0-9.]+", word) is not None


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
