"""``[scenarios.NAME]`` -> ``Scenario``: user classes of a locustfile side by side, each under a profile of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from loadproof.errors import Problem
from loadproof.plan import values
from loadproof.plan.model import Scenario
from loadproof.plan.shapes import read_profile
from loadproof.plan.values import BadValueError, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadproof.plan.files import PlanFile
    from loadproof.plan.model import Profile

_SLUG = "bad-scenario"
_KEYS_OF_PROFILES = (
    *("shape", "target", "duration", "from", "to", "hold", "stages", "base", "peak", "before", "rise", "after", "fall"),
    *("arrivals", "seed", "start_users", "max_users", "late"),
)


def read_scenarios(
    raw: object, file: PlanFile, profiles: Mapping[str, Profile | None], problems: list[Problem]
) -> tuple[Scenario, ...]:
    """Every scenario of the file that is right, in its order.

    Args:
        raw: The table ``scenarios``; None where the file has none.
        file: The file, for places.
        profiles: The file's profiles.
        problems: What is wrong is added here.
    """
    if raw is None:
        return ()
    if not isinstance(raw, dict):
        what = f"must be a table, and is {values.kind(raw)}"
        problems.append(Problem("bad-value", file.where("scenarios"), what))
        return ()
    read = [
        _scenario(name, table, file.where(f"scenarios.{name}"), profiles, problems)
        for name, table in cast("dict[str, object]", raw).items()
    ]
    scenarios = tuple(scenario for scenario in read if scenario is not None)
    _check_classes(scenarios, file, problems)
    return scenarios


def find_profile(
    name: str, where: str, profiles: Mapping[str, Profile | None], problems: list[Problem]
) -> Profile | None:
    """The profile of a name; None where it is unknown, or where something is wrong with it."""
    if name not in profiles:
        hint = values.did_you_mean(name, profiles, listed="profiles") or "declare it as [profiles.NAME]"
        problems.append(Problem("unknown-profile", where, f"there is no profile {name!r}", hint))
    return profiles.get(name)


def _scenario(
    name: str, raw: object, where: str, profiles: Mapping[str, Profile | None], problems: list[Problem]
) -> Scenario | None:
    before = len(problems)
    table = Table(raw, where, problems)
    if len(problems) > before:
        return None
    classes = table.take("classes", _classes) or ()
    start, graceful_stop = table.take("start", values.duration), table.take("graceful_stop", values.duration)
    chosen = table.take("profile", values.text)
    inline = [key for key in _KEYS_OF_PROFILES if key in table]
    profile: Profile | None = None
    if "profile" not in table:
        profile = read_profile(table, where, problems)
    elif inline:
        what = f"names a profile and has {', '.join(inline)} of its own"
        problems.append(Problem(_SLUG, where, what, "give one of them"))
        return None
    elif chosen is not None:
        profile = find_profile(chosen, table.where("profile"), profiles, problems)
    table.finish()
    if profile is None or len(problems) > before:
        return None
    given = {"start": start, "graceful_stop": graceful_stop}
    fields = {key: value for key, value in given.items() if value is not None}
    return Scenario.model_validate({"name": name, "profile": profile, "user_classes": classes} | fields)


def _classes(raw: object) -> tuple[str, ...]:
    names = tuple(name.strip() for name in values.texts(raw))
    if "" in names:
        raise BadValueError("holds an empty name")
    return names


def _check_classes(scenarios: tuple[Scenario, ...], file: PlanFile, problems: list[Problem]) -> None:
    """A user class makes one scenario's load."""
    seen: dict[str, str] = {}
    for scenario in scenarios:
        where = file.where(f"scenarios.{scenario.name}")
        for name in scenario.user_classes:
            if name in seen:
                what = f"{name} is a class of {seen[name]} already"
                problems.append(Problem(_SLUG, f"{where}.classes", what, "a class makes the load of one scenario"))
            seen.setdefault(name, scenario.name)
        if not scenario.user_classes:
            if "" in seen:
                what = f"takes all other classes, as {seen['']} does"
                problems.append(Problem(_SLUG, where, what, 'name its classes: classes = ["Shopper"]'))
            seen.setdefault("", scenario.name)
