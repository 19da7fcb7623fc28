"""``loadproof stress`` and ``loadproof capacity`` -> ``Stress`` and ``Capacity``: which levels there are to be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from loadproof.errors import Problem
from loadproof.plan import values
from loadproof.plan.layers import Rank, Written
from loadproof.plan.model import Capacity
from loadproof.plan.services import read_thresholds
from loadproof.plan.values import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadproof.plan.files import PlanFile
    from loadproof.plan.layers import Layers
    from loadproof.plan.model import Threshold
    from loadproof.plan.options import Options, SearchKind
    from loadproof.plan.values import Reader

_MAX_USERS = 100
_RAMP_UP = 300.0
_STEPS = 10
_LONGEST_SETTLE = 5
_OF_RUNS = ("users", "spawn_rate", "run_time", "rps", "iterations", "iterations_per_user", "warmup")

_READERS: dict[SearchKind, dict[str, Reader[Any]]] = {
    "stress": {
        "max_users": values.users,
        "max_rate": values.rate,
        "ramp_up": values.timeout,
        "steps": values.steps,
        "hold": values.whole_seconds,
        "poisson": values.switch,
        "seed": values.seed,
    },
    "capacity": {
        "max_rate": values.rate,
        "start_rate": values.rate,
        "trial": values.whole_seconds,
        "settle": values.settling,
        "confirm": values.whole_seconds,
        "precision": values.share,
        "max_users": values.users,
        "poisson": values.switch,
        "seed": values.seed,
    },
}
_ONLY_HERE = ("ramp_up", "steps", "hold", "max_rate", "slo", "start_rate", "trial", "settle", "confirm", "precision")

_SENSELESS: dict[str, str] = {
    "rate": "max_rate",
    "stages": "levels",
    "load_profile": "levels",
    "duration": "time",
    "run_time": "time",
    "users": "users",
    "spawn_rate": "time",
    "iterations": "time",
    "iterations_per_user": "time",
    "rps": "max_rate",
    "warmup": "settle",
    "late": "an arrival that nobody is free for is dropped in a search, and counted",
}
"""Options of a run that say what a search finds out or decides itself, and what to give instead."""

_INSTEAD: dict[SearchKind, dict[str, str]] = {
    "stress": {
        "max_rate": "--max-rate is the highest rate",
        "levels": "--max-users or --max-rate, and --steps, say which levels there are",
        "time": "--ramp-up is the time to the highest level, --hold that of each",
        "users": "--max-users is the highest number of users",
        "settle": "the start of each level is left out by itself",
    },
    "capacity": {
        "max_rate": "--max-rate is the highest rate to try",
        "levels": "--start-rate and --max-rate say where trials are",
        "time": "--trial is the time of each trial, --confirm that of the last",
        "users": "--max-users is the most users that arrivals are spread over",
        "settle": "--settle is the time at each trial's start that is left out",
    },
}


@dataclass(frozen=True, slots=True)
class SearchTable:
    """``[stress]`` or ``[capacity]`` of the plan's file.

    Attributes:
        where: Where it stands, up to the key.
        read: Its keys that could be read.
        thresholds: Rules for this kind of search alone.
    """

    where: str
    read: Mapping[str, Any]
    thresholds: tuple[Threshold, ...] = ()


def read_search(raw: object, kind: SearchKind, file: PlanFile, problems: list[Problem]) -> SearchTable:
    """Read ``[stress]`` or ``[capacity]``.

    Args:
        raw: The table; None where the file has none.
        kind: Which of them.
        file: Where it stands.
        problems: What is wrong is added here.
    """
    table = Table({} if raw is None else raw, file.where(kind), problems)
    read = {key: value for key, reader in _READERS[kind].items() if (value := table.take(key, reader)) is not None}
    rules = table.take("thresholds", values.anything)
    thresholds = () if rules is None else read_thresholds(rules, table.where("thresholds"), problems)
    table.finish()
    return SearchTable(file.where(f"{kind}."), read, thresholds)


def refuse_without_search(options: Options, problems: list[Problem]) -> None:
    """Call what only a search knows a problem of a plain run."""
    for key in _ONLY_HERE:
        if getattr(options, key):
            what = "says where to search, and a run searches for nothing"
            problems.append(Problem("not-in-search", _flag(key), what, "loadproof stress, or loadproof capacity"))


class SearchPicker:
    """Decides the levels of one search.

    Args:
        layers: Decides between layers; remembers what won.
        options: The command line.
        table: What the file says.
        problems: What is wrong is added here.
    """

    def __init__(self, layers: Layers, options: Options, table: SearchTable, problems: list[Problem]) -> None:
        self._layers = layers
        self._options = options
        self._table = table
        self._problems = problems

    def settle(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Take the load of a plain run out of the settings.

        Returns:
            The fields of the search but its rules, by the names of the model; incomplete where there are problems.
        """
        assert self._options.search is not None
        kind = self._options.search
        self._refuse_senseless(kind)
        picked = {key: self._pick(key, reader) for key, reader in _READERS[kind].items()}
        given = self._stress(picked) if kind == "stress" else self._capacity(picked)
        spaced = {True: "poisson", False: "even"}.get(picked["poisson"])
        given |= {"kind": kind, "seed": picked["seed"], "arrivals": spaced}
        for key in (*_OF_RUNS, "scenarios"):
            settings.pop(key, None)
            self._layers.sources[key] = "default"
        for key in _READERS[kind]:
            source = self._layers.sources.pop(key, "default")
            self._layers.sources[f"search.{'arrivals' if key == 'poisson' else key}"] = source
        return {key: value for key, value in given.items() if value is not None}

    def _pick(self, key: str, reader: Reader[Any]) -> Any:
        given = getattr(self._options, key)
        option = ("true" if given else None) if key == "poisson" else given
        written = Written(self._table.read.get(key), f"{self._table.where}{key}")
        return self._layers.pick(key, reader, option=option, written=written)

    def _refuse_senseless(self, kind: SearchKind) -> None:
        for key, instead in _SENSELESS.items():
            if getattr(self._options, key):
                what = f"says how much load a run has, and {kind} finds that out"
                self._add("not-in-search", _flag(key), what, _INSTEAD[kind].get(instead, instead))
        for key in _ONLY_HERE:
            if getattr(self._options, key) and key not in (*_READERS[kind], *(("slo",) if kind == "capacity" else ())):
                other = "capacity" if kind == "stress" else "stress"
                self._add("not-in-search", _flag(key), f"belongs to {other}", f"loadproof {kind} --help")

    def _stress(self, picked: Mapping[str, Any]) -> dict[str, Any]:
        ranks = self._layers.ranks
        self._either("max_users", "max_rate", "both say where levels end")
        self._either("ramp_up", "hold", "both say how long levels are")
        by_rate = ranks["max_rate"] < ranks["max_users"]
        if picked["poisson"] and not by_rate:
            what = "levels count users, and have no arrivals"
            self._add("two-loads", self._source("poisson"), what, "--max-rate 200/s")
        highest = picked["max_rate"] if by_rate else picked["max_users"] or _MAX_USERS
        steps, ramp_up, hold = picked["steps"] or _STEPS, picked["ramp_up"] or _RAMP_UP, picked["hold"]
        if highest is None:
            return {}
        levels = level_targets(highest, steps, whole=not by_rate)
        if hold is None or ranks["ramp_up"] < ranks["hold"]:
            if ramp_up < len(levels):
                levels = level_targets(highest, max(1, int(ramp_up)), whole=not by_rate)
            hold = max(1, int(ramp_up // len(levels)))
        return {
            "unit": "per_second" if by_rate else "users",
            "levels": levels,
            "hold": hold,
            "settle": min(_LONGEST_SETTLE, hold // 5),
        }

    def _capacity(self, picked: Mapping[str, Any]) -> dict[str, Any]:
        fields = {key: value for key, value in picked.items() if key != "poisson"}
        start, most = picked["start_rate"], picked["max_rate"]
        if start is not None and most is not None and start > most:
            where = f"{self._source('start_rate')} and {self._source('max_rate')}"
            self._add("two-loads", where, "the first trial is above the highest rate", "start lower")
        if start is None and most is not None:
            fields["start_rate"] = min(most, Capacity.model_fields["start_rate"].default)
        return fields

    def _either(self, one: str, other: str, what: str) -> None:
        """Two values of which one counts: that of the higher layer."""
        rank = self._layers.ranks[one]
        if rank is not Rank.DEFAULT and rank is self._layers.ranks[other]:
            self._add("two-loads", f"{self._source(one)} and {self._source(other)}", what, "give one of them")

    def _source(self, key: str) -> str:
        return self._layers.sources.get(key, _flag(key))

    def _add(self, slug: str, where: str, what: str, hint: str | None = None) -> None:
        self._problems.append(Problem(slug, where, what, hint))


def level_targets(highest: float, steps: int, *, whole: bool) -> tuple[float, ...]:
    """Levels in equal steps up to the highest, which is always one of them.

    Args:
        highest: Users, or arrivals per second.
        steps: How many, from 1; fewer where users would be the same.
        whole: Whether only whole ones exist, as of users.
    """
    top = Fraction(repr(highest))  # as it was written: a tenth is a tenth
    exact = [top * step / steps for step in range(1, steps + 1)]
    return tuple(dict.fromkeys(float(math.ceil(level) if whole else level) for level in exact))


def _flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"
