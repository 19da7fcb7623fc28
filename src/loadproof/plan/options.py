"""The options of our own command line, as raw texts, and the surroundings that a plan is read in."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from loadproof.errors import Problem, UsageError
from loadproof.plan.suite_settings import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


SearchKind = Literal["stress", "capacity"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the user gave besides files; nothing in it is checked yet.

    ``users``, ``spawn_rate``, ``run_time``, ``host`` and ``processes`` are Locust's options too: they are read here and
    stay in ``locust_args``, unless a profile or a search says how much load there is.

    Attributes:
        target: TARGET; None where it was not given.
        plan_file: ``--plan``; None for the files that are looked for.
        name: ``--name``; None for the target's own.
        thresholds: Every ``--threshold``, in their order.
        settings: Every ``--set``, in their order: ``NAME=VALUE``.
        users: ``--users``; None where it was not given, as below.
        spawn_rate: ``--spawn-rate``.
        run_time: ``--run-time``.
        host: ``--host``.
        processes: ``--processes``.
        class_names: Every ``--class``, in their order.
        rps: ``--rps``.
        rate: ``--rate``.
        duration: ``--duration``.
        stages: ``--stages``.
        poisson: ``--poisson``.
        seed: ``--seed``.
        max_users: ``--max-users``: of arrivals, or of ``stress`` the highest level.
        late: ``--late``.
        load_profile: ``--load-profile``.
        iterations: ``--iterations``.
        iterations_per_user: ``--iterations-per-user``.
        warmup: ``--warmup``.
        search: The command that searches: ``stress`` or ``capacity``; None for ``run``.
        ramp_up: ``--ramp-up`` of ``stress``.
        steps: ``--steps`` of ``stress``.
        hold: ``--hold`` of ``stress``.
        max_rate: ``--max-rate`` of both searches.
        slo: Every ``--slo`` of ``capacity``, in their order.
        start_rate: ``--start-rate`` of ``capacity``.
        trial: ``--trial`` of ``capacity``.
        settle: ``--settle`` of ``capacity``.
        confirm: ``--confirm`` of ``capacity``.
        precision: ``--precision`` of ``capacity``.
        baseline: ``--baseline``.
        require_baseline: ``--require-baseline``.
        fail_on_regression: ``--fail-on-regression``.
        results: ``--results``.
        metrics_port: ``--metrics-port``.
        metrics_host: ``--metrics-host``.
        metrics_grace: ``--metrics-grace``.
        samples: ``--samples``.
        client: ``--client``.
        no_ready_check: ``--no-ready-check``.
        ui: ``--ui``.
        strict: ``--strict``.
        allow_inconclusive: ``--allow-inconclusive``.
        locust_args: All other words, in their order.
        cwd: The current folder: files are looked for here, relative paths start here.
        environ: Environment variables.
    """

    target: str | None = None
    plan_file: str | None = None
    name: str | None = None
    thresholds: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    users: str | None = None
    spawn_rate: str | None = None
    run_time: str | None = None
    host: str | None = None
    processes: str | None = None
    class_names: tuple[str, ...] = ()
    rps: str | None = None
    rate: str | None = None
    duration: str | None = None
    stages: str | None = None
    poisson: bool = False
    seed: str | None = None
    max_users: str | None = None
    late: str | None = None
    load_profile: str | None = None
    iterations: str | None = None
    iterations_per_user: str | None = None
    warmup: str | None = None
    search: SearchKind | None = None
    ramp_up: str | None = None
    steps: str | None = None
    hold: str | None = None
    max_rate: str | None = None
    slo: tuple[str, ...] = ()
    start_rate: str | None = None
    trial: str | None = None
    settle: str | None = None
    confirm: str | None = None
    precision: str | None = None
    baseline: str | None = None
    require_baseline: bool = False
    fail_on_regression: bool = False
    results: str | None = None
    metrics_port: str | None = None
    metrics_host: str | None = None
    metrics_grace: str | None = None
    samples: str | None = None
    client: str | None = None
    no_ready_check: bool = False
    ui: bool = False
    strict: bool = False
    allow_inconclusive: bool = False
    locust_args: tuple[str, ...] = ()
    cwd: Path = field(default_factory=Path.cwd)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


class PythonOptions(TypedDict, total=False):
    """The same from Python: numbers may be numbers, and what is left out is not given.

    Locust's own options need not be repeated in ``locust_args``.
    """

    plan_file: str | None
    name: str | None
    thresholds: Sequence[str] | str
    settings: Mapping[str, object]
    users: int | None
    spawn_rate: float | None
    run_time: float | str | None
    host: str | None
    processes: int | None
    class_names: Sequence[str] | str
    rps: float | str | None
    rate: float | str | None
    duration: float | str | None
    stages: Sequence[str] | str | None
    poisson: bool
    seed: int | None
    max_users: int | None
    late: str | None
    load_profile: str | None
    iterations: int | None
    iterations_per_user: int | None
    warmup: float | str | None
    search: SearchKind | None
    ramp_up: float | str | None
    steps: int | None
    hold: float | str | None
    max_rate: float | str | None
    slo: Sequence[str] | str
    start_rate: float | str | None
    trial: float | str | None
    settle: float | str | None
    confirm: float | str | None
    precision: float | str | None
    baseline: Path | str | None
    require_baseline: bool
    fail_on_regression: bool
    results: Path | str | None
    metrics_port: int | str | None
    metrics_host: str | None
    metrics_grace: float | str | None
    samples: str | None
    client: str | None
    no_ready_check: bool
    ui: bool
    strict: bool
    allow_inconclusive: bool
    locust_args: Sequence[str]
    cwd: Path
    environ: Mapping[str, str]


def from_python(target: str | None, given: PythonOptions) -> Options:
    """The command line that says the same as values given in Python."""
    unknown = sorted(given.keys() - PythonOptions.__annotations__.keys())
    if unknown:
        raise UsageError([_unknown_option(name) for name in unknown])
    words: list[str] = []
    for option, value in (
        ("users", given.get("users")),
        ("spawn-rate", given.get("spawn_rate")),
        ("run-time", given.get("run_time")),
        ("host", given.get("host")),
        ("processes", given.get("processes")),
    ):
        if value is not None:
            words.append(f"--{option}={_text(value)}")
    return Options(
        target=target,
        plan_file=given.get("plan_file"),
        name=given.get("name"),
        thresholds=_several(given.get("thresholds", ())),
        settings=tuple(f"{name}={as_text(value)}" for name, value in given.get("settings", {}).items()),
        users=_text(given.get("users")),
        spawn_rate=_text(given.get("spawn_rate")),
        run_time=_text(given.get("run_time")),
        host=given.get("host"),
        processes=_text(given.get("processes")),
        class_names=_several(given.get("class_names", ())),
        rps=_text(given.get("rps")),
        rate=_text(given.get("rate")),
        duration=_text(given.get("duration")),
        stages=_list(given.get("stages")),
        poisson=given.get("poisson", False),
        seed=_text(given.get("seed")),
        max_users=_text(given.get("max_users")),
        late=given.get("late"),
        load_profile=given.get("load_profile"),
        iterations=_text(given.get("iterations")),
        iterations_per_user=_text(given.get("iterations_per_user")),
        warmup=_text(given.get("warmup")),
        search=given.get("search"),
        ramp_up=_text(given.get("ramp_up")),
        steps=_text(given.get("steps")),
        hold=_text(given.get("hold")),
        max_rate=_text(given.get("max_rate")),
        slo=_several(given.get("slo", ())),
        start_rate=_text(given.get("start_rate")),
        trial=_text(given.get("trial")),
        settle=_text(given.get("settle")),
        confirm=_text(given.get("confirm")),
        precision=_text(given.get("precision")),
        baseline=_text(given.get("baseline")),
        require_baseline=given.get("require_baseline", False),
        fail_on_regression=given.get("fail_on_regression", False),
        results=_text(given.get("results")),
        metrics_port=_text(given.get("metrics_port")),
        metrics_host=given.get("metrics_host"),
        metrics_grace=_text(given.get("metrics_grace")),
        samples=given.get("samples"),
        client=given.get("client"),
        no_ready_check=given.get("no_ready_check", False),
        ui=given.get("ui", False),
        strict=given.get("strict", False),
        allow_inconclusive=given.get("allow_inconclusive", False),
        locust_args=(*words, *given.get("locust_args", ())),
        cwd=given.get("cwd") or Path.cwd(),
        environ=given.get("environ", os.environ),
    )


def _unknown_option(name: str) -> Problem:
    close = difflib.get_close_matches(name, PythonOptions.__annotations__, n=1)
    return Problem(
        "unknown-key", f"load_plan({name}=…)", "there is no such option", f"did you mean {close[0]}?" if close else None
    )


def _several(value: Sequence[str] | str) -> tuple[str, ...]:
    """Texts; one alone need not be in a list."""
    return (value,) if isinstance(value, str) else tuple(value)


def _list(value: Sequence[str] | str | None) -> str | None:
    return value if value is None or isinstance(value, str) else ",".join(value)


def _text(value: float | str | Path | None) -> str | None:
    """A value as it would be typed; Locust takes no ``60.0`` for a time."""
    if value is None:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
