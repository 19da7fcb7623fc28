"""The plan and the environment of a run as rows for a reader: key, value, origin."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadproof.report.wording import ABSENT
from loadproof.units import format_count, format_duration, format_rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SHOWN_ELSEWHERE = frozenset({"target", "thresholds", "sources", "effective"})
_DURATIONS = frozenset(
    {
        *("run_time", "timeout", "wait", "stop_timeout", "warmup", "start", "graceful_stop"),
        *("hold", "settle", "trial", "confirm"),
    }
)
_RATES = frozenset({"spawn_rate", "rps", "start_rate", "max_rate"})


@dataclass(frozen=True, slots=True)
class Setting:
    """One value.

    Attributes:
        key: Its key path.
        value: As text; a dash for none.
        origin: The layer that set it; a dash where that is not known.
    """

    key: str
    value: str
    origin: str = ABSENT


def settings_of(plan: Mapping[str, Any]) -> list[Setting]:
    """The plan's values but its rules, the target's first; empty for a plan that is not known."""
    sources = plan.get("sources") or {}
    target = plan.get("target") or {}
    found = []
    if "base_url" in target:
        prefix = f"services.{target.get('name')}"
        fields = {key: value for key, value in target.items() if key not in ("name", "requests")}
        found += list(_flat(fields, prefix, sources))
    else:
        origin = sources.get("target", sources.get("locustfile", ABSENT))
        found += [Setting(key, _text(key, value), origin) for key, value in target.items()]
    return found + list(_flat({key: value for key, value in plan.items() if key not in _SHOWN_ELSEWHERE}, "", sources))


def requests_of(plan: Mapping[str, Any]) -> list[dict[str, str]]:
    """The requests of a service without code, as texts by column; empty for a locustfile."""
    return [
        {
            "method": str(request.get("method", ABSENT)),
            "path": str(request.get("path", ABSENT)),
            "name": _text("name", request.get("name")),
            "weight": _text("weight", request.get("weight")),
            "expect": _text("expect", request.get("expect")),
            "headers": _text("headers", request.get("headers") or None),
            "body": _text("body", request.get("json_body") if request.get("body") is None else request["body"]),
        }
        for request in (plan.get("target") or {}).get("requests", ())
    ]


def effective_of(plan: Mapping[str, Any]) -> list[Setting]:
    """What Locust made of the plan; empty where it never said."""
    return [Setting(key, _text(key, value)) for key, value in (plan.get("effective") or {}).items() if key != "epoch"]


def environment_of(environment: Mapping[str, Any]) -> list[Setting]:
    """Where the run took place; ``ledgers`` is for ``loadproof cleanup``, and mostly a folder that nobody made."""
    return [Setting(key, _text(key, value)) for key, value in environment.items() if key != "ledgers"]


def _flat(values: Mapping[str, Any], prefix: str, sources: Mapping[str, str]) -> Iterator[Setting]:
    for key, value in values.items():
        path = f"{prefix}.{key}" if prefix else key
        if key == "scenarios" and value:
            for scenario in value:
                fields = {key: value for key, value in scenario.items() if key != "name"}
                yield from _flat(fields, f"{path}.{scenario['name']}", sources)
        elif key == "stages":
            yield Setting(path, _stages(value, is_open=values.get("model") == "open"), sources.get(path, ABSENT))
        elif key == "rules":
            yield Setting(path, "; ".join(rule["text"] for rule in value) or ABSENT, sources.get(path, ABSENT))
        elif isinstance(value, dict) and value:
            yield from _flat(value, path, sources)
        else:
            yield Setting(path, _text(key, value), sources.get(path, ABSENT))


def _stages(stages: Iterable[Mapping[str, Any]], *, is_open: bool) -> str:
    """Each stage in words: ``30 s from 0/s to 50/s``."""
    write = format_rate if is_open else format_count
    found = []
    for stage in stages:
        lasts = "no end" if stage["duration"] is None else format_duration(stage["duration"])
        start, end = write(stage["start"]), write(stage["end"])
        found.append(f"{lasts} at {end}" if start == end else f"{lasts} from {start} to {end}")
    return ", ".join(found) or ABSENT


def _text(key: str, value: object) -> str:
    if value is None or value in ([], (), {}):
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(key, value)
    if key == "locust_args" and isinstance(value, list | tuple):
        return shlex.join(str(word) for word in value)
    if isinstance(value, list | tuple) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(f"{item:g}" if isinstance(item, float) else str(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _number(key: str, value: float) -> str:
    if key in _DURATIONS:
        return format_duration(value)
    if key in _RATES:
        return format_rate(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
