"""The values of one run that have several layers: how many users, how long, where the results go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadproof.errors import Problem
from loadproof.plan import values
from loadproof.plan.layers import Rank, Written
from loadproof.plan.model import Plan
from loadproof.plan.shapes import stages
from loadproof.plan.targets import safe_name
from loadproof.plan.values import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadproof.plan.files import PlanFile
    from loadproof.plan.layers import Layers
    from loadproof.plan.options import Options
    from loadproof.plan.services import DeclaredService
    from loadproof.plan.values import Reader

SERVICE_USERS = 10
"""Users of a service's run where nobody says how many."""

SERVICE_RUN_TIME = 60.0
"""Seconds of a service's run where nobody says how long."""

_READERS: dict[str, Reader[Any]] = {
    "locustfile": values.text,
    "name": values.text,
    "users": values.users,
    "spawn_rate": values.spawn_rate,
    "run_time": values.run_time,
    "processes": values.processes,
    "host": values.text,
    "rps": values.rate,
    "results": values.text,
    "metrics_port": values.port,
    "metrics_host": values.text,
    "metrics_grace": values.duration,
    "samples": values.samples,
    "client": values.client,
    "strict": values.switch,
    "profile": values.text,
    "rate": values.rate,
    "stages": stages,
    "poisson": values.switch,
    "seed": values.seed,
    "max_users": values.users,
    "late": values.late,
    "iterations": values.iterations,
    "iterations_per_user": values.iterations,
    "warmup": values.warmup,
}
_DEFAULTS = Plan.model_fields


@dataclass(frozen=True, slots=True)
class RunTable:
    """``[run]`` of the plan's file.

    Attributes:
        file: Where it stands.
        read: Its keys that could be read.
    """

    file: PlanFile
    read: Mapping[str, Any]

    def written(self, key: str) -> Written:
        """A key's value, None where it is absent, and where it stands."""
        return Written(self.read.get(key), self.file.where(f"run.{key}"))


def read_run(raw: object, file: PlanFile, problems: list[Problem]) -> RunTable:
    """Read ``[run]``.

    Args:
        raw: The table; None where the file has none.
        file: Where it stands; relative paths start in its folder.
        problems: What is wrong is added here.
    """
    table = Table({} if raw is None else raw, file.where("run"), problems)
    read = {key: value for key, reader in _READERS.items() if (value := table.take(key, reader)) is not None}
    table.finish()
    if "results" in read:
        read["results"] = str(file.folder / read["results"])
    if "locustfile" in read:
        read["locustfile"] = ",".join(_from(file.folder, part.strip()) for part in read["locustfile"].split(","))
    return RunTable(file, read)


def pick_settings(
    layers: Layers,
    options: Options,
    run: RunTable,
    declared: DeclaredService | None,
    *,
    problems: list[Problem],
    default_name: str,
) -> dict[str, Any]:
    """The values of a plan that layers decide, by the names that ``Plan`` has for them, but for profiles and searches.

    Args:
        layers: Decides; remembers what won.
        options: The command line.
        run: What the plan's file says.
        declared: The service that is run; None for locustfiles.
        problems: What is wrong with values together is added here.
        default_name: Test name where nobody gives one.
    """
    settings = _load(layers, options, run, declared)
    settings["run_time"] = _run_time(layers, options, settings["run_time"], problems)
    name = layers.pick("name", values.text, option=options.name, written=_name(run, declared), default=default_name)
    results = layers.pick(
        "results",
        values.text,
        option=options.results,
        written=run.written("results"),
        default=str(_DEFAULTS["results"].default),
    )
    settings |= {
        "name": safe_name(name or ""),
        "results": Path(results or ""),
        "rps": layers.pick("rps", values.rate, option=options.rps, written=run.written("rps")),
        "samples": layers.pick(
            "samples",
            values.samples,
            option=options.samples,
            written=run.written("samples"),
            default=_DEFAULTS["samples"].default,
        ),
        "client": layers.pick(
            "client",
            values.client,
            option=options.client,
            written=run.written("client"),
            default=_DEFAULTS["client"].default,
        ),
        "strict": layers.pick(
            "strict",
            values.switch,
            option="true" if options.strict else None,
            written=run.written("strict"),
            default=False,
        ),
        **_lengths(layers, options, run, declared),
        **_metrics(layers, options, run),
        "ready_check": not options.no_ready_check,
        "ui": options.ui,
        "allow_inconclusive": options.allow_inconclusive,
    }
    switches = {
        "ready_check": ("--no-ready-check", options.no_ready_check),
        "ui": ("--ui", options.ui),
        "allow_inconclusive": ("--allow-inconclusive", options.allow_inconclusive),
    }
    layers.sources.update({key: option if used else "default" for key, (option, used) in switches.items()})
    return settings


def untold(layers: Layers, settings: Mapping[str, Any]) -> dict[str, str]:
    """What Locust must be told as arguments: its options whose value it cannot find by itself."""
    told: dict[str, str] = {}
    for key in ("users", "spawn_rate", "run_time", "processes", "host"):
        value = settings[key]
        if key in layers.untold and value is not None:
            number = int(value) if isinstance(value, float) and value == int(value) else value
            told[key.replace("_", "-")] = f"{number}s" if key == "run_time" else str(number)
    return told


def _load(layers: Layers, options: Options, run: RunTable, declared: DeclaredService | None) -> dict[str, Any]:
    """What Locust has options for."""
    is_service = declared is not None
    users = layers.pick(
        "users",
        values.users,
        option=options.users,
        written=own_or_run(run, declared, "users"),
        default=SERVICE_USERS if is_service else None,
    )
    return {
        "users": users,
        "spawn_rate": layers.pick(
            "spawn_rate",
            values.spawn_rate,
            option=options.spawn_rate,
            written=run.written("spawn_rate"),
            default=users if is_service else None,
        ),
        "run_time": layers.pick(
            "run_time",
            values.run_time,
            option=options.run_time,
            read_locust=values.locust_run_time,
            written=own_or_run(run, declared, "run_time"),
            default=SERVICE_RUN_TIME if is_service else None,
        ),
        "processes": layers.pick(
            "processes", values.processes, option=options.processes, written=run.written("processes")
        ),
        "host": _host(layers, options, run, declared),
    }


def _run_time(layers: Layers, options: Options, run_time: float | None, problems: list[Problem]) -> float | None:
    """``--duration`` is our own word for Locust's run time; the higher layer of the two counts."""
    duration = layers.pick("duration", values.run_time, option=options.duration)
    rank, other = layers.ranks["duration"], layers.ranks["run_time"]
    source = layers.sources.pop("duration", "")
    if rank is Rank.DEFAULT or rank > other:
        return run_time
    if rank is other:
        both = f"{source or '--duration'} and {layers.sources.get('run_time', '--run-time')}"
        problems.append(Problem("two-loads", both, "both say how long the run is", "give one of them"))
        return run_time
    layers.sources["run_time"], layers.ranks["run_time"] = source, rank
    layers.untold.add("run_time")
    return duration


def _lengths(layers: Layers, options: Options, run: RunTable, declared: DeclaredService | None) -> dict[str, Any]:
    """What ends a run beside its time, and where its judged part begins."""
    warmup = layers.pick("warmup", values.warmup, option=options.warmup, written=own_or_run(run, declared, "warmup"))
    return {
        "iterations": layers.pick(
            "iterations", values.iterations, option=options.iterations, written=run.written("iterations")
        ),
        "iterations_per_user": layers.pick(
            "iterations_per_user",
            values.iterations,
            option=options.iterations_per_user,
            written=run.written("iterations_per_user"),
        ),
        "warmup": warmup or None,
    }


def _metrics(layers: Layers, options: Options, run: RunTable) -> dict[str, Any]:
    """Where Prometheus finds the run while it goes on."""
    port = layers.pick("metrics_port", values.port, option=options.metrics_port, written=run.written("metrics_port"))
    return {
        "metrics_port": None if port == values.NO_PORT else port,
        "metrics_host": layers.pick(
            "metrics_host",
            values.text,
            option=options.metrics_host,
            written=run.written("metrics_host"),
            default=_DEFAULTS["metrics_host"].default,
        ),
        "metrics_grace": layers.pick(
            "metrics_grace", values.duration, option=options.metrics_grace, written=run.written("metrics_grace")
        ),
    }


def _host(layers: Layers, options: Options, run: RunTable, declared: DeclaredService | None) -> str | None:
    """A service has its own address, which only layers above the file replace."""
    if declared is None:
        return layers.pick("host", values.text, option=options.host, written=run.written("host"))
    own = Written()
    if declared.service is not None and layers.configured("host") is not None:
        source = declared.sources[f"services.{declared.name}.base_url"]
        own = Written(declared.service.base_url, source, Rank.SERVICE)
    return layers.pick("host", values.web_address, option=options.host, written=own)


def own_or_run(run: RunTable, declared: DeclaredService | None, key: str) -> Written:
    """What the service says for itself, else what ``[run]`` says for all."""
    own = getattr(declared, key) if declared is not None else None
    if declared is None or own is None:
        return run.written(key)
    return Written(own, run.file.where(f"services.{declared.name}.{key}"), Rank.SERVICE)


def _name(run: RunTable, declared: DeclaredService | None) -> Written:
    """``[run]`` names the test of a locustfile; a service has its own name."""
    return run.written("name") if declared is None else Written()


def _from(folder: Path, part: str) -> str:
    """A path that starts where the file stands; an address as it is."""
    return part if "://" in part or part == "-" else str(folder / part)
