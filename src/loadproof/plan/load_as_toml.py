"""Profiles, scenarios and searches as tables of a ``loadproof.toml`` that say the same.

They come as ``redacted`` has them: the model's fields as plain values.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from loadproof.plan.model import DEFAULT_SCENARIO, FOREVER, Profile, Scenario
from loadproof.plan.toml_words import comment, toml, toml_key

if TYPE_CHECKING:
    from collections.abc import Mapping


def search_lines(search: dict[str, Any], sources: Mapping[str, str]) -> list[str]:
    """``[stress]`` or ``[capacity]``, each value with its origin; the rules of its levels stand elsewhere."""
    counts_users = search.get("unit") == "users"
    values: dict[str, object]
    if search["kind"] == "stress":
        highest = max(search["levels"])
        values = {"max_users": highest} if counts_users else {"max_rate": _rate(highest)}
        values |= {"steps": len(search["levels"]), "hold": _seconds(search["hold"])}
    else:
        values = {key: None if search[key] is None else _rate(search[key]) for key in ("start_rate", "max_rate")}
        values |= {key: _seconds(search[key]) for key in ("trial", "settle", "confirm")}
        values |= {"precision": search["precision"], "max_users": search["max_users"]}
    if not counts_users:
        values["poisson"] = search["arrivals"] == "poisson"
    values["seed"] = search["seed"]
    origins = {key: sources.get(f"search.{'arrivals' if key == 'poisson' else key}", "") for key in values}
    lines = [f"{key} = {toml(value)}{comment(origins[key])}" for key, value in values.items() if value is not None]
    return [f"[{search['kind']}]", *lines]


def load_lines(scenarios: list[dict[str, Any]]) -> list[str]:
    """``[profiles]``, and ``[scenarios]`` where one profile for all does not say it."""
    lines: list[str] = []
    for scenario in scenarios:
        lines += ["", f"[profiles.{toml_key(scenario['name'])}]", *_profile_lines(scenario["profile"])]
    if is_one_profile(scenarios):
        return lines
    for scenario in scenarios:
        lines += ["", f"[scenarios.{toml_key(scenario['name'])}]", f"profile = {toml(scenario['name'])}"]
        if scenario["user_classes"]:
            lines.append(f"classes = {toml(scenario['user_classes'])}")
        lines += [f"{key} = {toml(_seconds(scenario[key]))}" for key in ("start", "graceful_stop")]
    return lines


def is_one_profile(scenarios: list[dict[str, Any]]) -> bool:
    """Whether the load is one profile for all user classes, which ``[run]`` can name."""
    if len(scenarios) != 1:
        return False
    (only,) = scenarios
    plain = Scenario(name=DEFAULT_SCENARIO, profile=Profile.model_validate(only["profile"]))
    return bool(only == plain.model_dump(mode="json"))


def _profile_lines(profile: dict[str, Any]) -> list[str]:
    is_open, stages = profile["model"] == "open", profile["stages"]
    only = stages[0]
    if len(stages) == 1 and only["start"] == only["end"]:
        lines = [f"target = {toml(_target(only['end'], is_open=is_open))}"]
        if only["duration"] is not None:
            lines.append(f"duration = {toml(_seconds(only['duration']))}")
    else:
        lines = [f"stages = {toml(_stages(stages, is_open=is_open))}"]
    keys = ("arrivals", "seed", "start_users", "max_users", "late") if is_open else ("seed",)
    return [*lines, *(f"{key} = {toml(profile[key])}" for key in keys if profile[key] is not None)]


def _stages(stages: list[dict[str, Any]], *, is_open: bool) -> list[str]:
    """Each from the last target to its own; one that begins elsewhere has a jump in front, a stage of no duration."""
    words: list[str] = []
    last = 0.0
    for stage in stages:
        duration, start, end = stage["duration"], stage["start"], stage["end"]
        if start != last and duration is not None:
            words.append(f"0s:{_target(start, is_open=is_open)}")
        words.append(f"{FOREVER if duration is None else _seconds(duration)}:{_target(end, is_open=is_open)}")
        last = end
    return words


def _target(value: float, *, is_open: bool) -> str:
    return _rate(value) if is_open else _digits(value)


def _rate(per_second: float) -> str:
    return f"{_digits(per_second)}/s"


def _seconds(seconds: float) -> str:
    return f"{_digits(seconds)}s"


def _digits(number: float) -> str:
    """Every digit that tells a number apart, without an exponent, which units do not take."""
    return f"{Decimal(repr(number)):f}".removesuffix(".0")
