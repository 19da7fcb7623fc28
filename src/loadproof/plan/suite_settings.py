"""What a suite's own settings are set to: ``--set NAME=VALUE`` and ``[settings]``, still as texts.

Which names there are, and what they may be, only the suite knows: ``loadproof.kit.settings`` reads them there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadproof.errors import Problem
from loadproof.plan.model import SuiteSetting
from loadproof.plan.values import kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadproof.plan.files import PlanFile

SETTINGS_VARIABLE = "LOADPROOF_SETTINGS"
"""Environment variable that hands them to the load process: a JSON list of ``SuiteSetting``."""


def read_settings_table(raw: object, file: PlanFile, problems: list[Problem]) -> dict[str, SuiteSetting]:
    """``[settings]`` of the plan's file; empty where there is none.

    Args:
        raw: The table's value; None where there is none.
        file: Where it stands.
        problems: What is wrong is added here.
    """
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        problems.append(Problem("bad-value", file.where("settings"), f"must be a table, and is {kind(raw)}"))
        return {}
    read: dict[str, SuiteSetting] = {}
    for name, value in raw.items():
        where = file.where(f"settings.{name}")
        if not isinstance(value, str | int | float):
            what = f"must be a text, a number or a boolean, and is {kind(value)}"
            problems.append(Problem("bad-value", where, what))
            continue
        read[name] = SuiteSetting(name=name, text=as_text(value), source=where, is_option=False)
    return read


def read_set_options(words: Iterable[str], problems: list[Problem]) -> dict[str, SuiteSetting]:
    """Every ``--set NAME=VALUE``; the last of a name wins.

    Args:
        words: What stood behind each ``--set``.
        problems: What is wrong is added here.
    """
    read: dict[str, SuiteSetting] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name.strip():
            # The word itself may be a secret whose name was forgotten.
            problems.append(Problem("bad-value", "--set", "must be NAME=VALUE", "--set PERF_TEST_USERS=50"))
            continue
        name = name.strip()
        read[name] = SuiteSetting(name=name, text=text, source=f"--set {name}", is_option=True)
    return read


def as_text(value: object) -> str:
    """A value as an environment variable would have it; booleans as every kind of boolean setting understands them."""
    return str(value).upper() if isinstance(value, bool) else str(value)
