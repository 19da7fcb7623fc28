"""The options of our own command line, as raw texts, and the surroundings that a plan is read in."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from loadproof.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Options:
    """What the user gave besides files; nothing in it is checked yet.

    ``users``, ``spawn_rate``, ``run_time``, ``host`` and ``processes`` are Locust's options too: they are read here and
    stay in ``locust_args``.

    Attributes:
        target: TARGET; None where it was not given.
        plan_file: ``--plan``; None for the files that are looked for.
        name: ``--name``; None for the target's own.
        thresholds: Every ``--threshold``, in their order.
        users: ``--users``; None where it was not given, as below.
        spawn_rate: ``--spawn-rate``.
        run_time: ``--run-time``.
        host: ``--host``.
        processes: ``--processes``.
        class_names: Every ``--class``, in their order.
        rps: ``--rps``.
        results: ``--results``.
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
    users: str | None = None
    spawn_rate: str | None = None
    run_time: str | None = None
    host: str | None = None
    processes: str | None = None
    class_names: tuple[str, ...] = ()
    rps: str | None = None
    results: str | None = None
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
    thresholds: Sequence[str]
    users: int | None
    spawn_rate: float | None
    run_time: float | str | None
    host: str | None
    processes: int | None
    class_names: Sequence[str]
    rps: float | str | None
    results: Path | str | None
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
        thresholds=tuple(given.get("thresholds", ())),
        users=_text(given.get("users")),
        spawn_rate=_text(given.get("spawn_rate")),
        run_time=_text(given.get("run_time")),
        host=given.get("host"),
        processes=_text(given.get("processes")),
        class_names=tuple(given.get("class_names", ())),
        rps=_text(given.get("rps")),
        results=_text(given.get("results")),
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


def _text(value: float | str | Path | None) -> str | None:
    """A value as it would be typed; Locust takes no ``60.0`` for a time."""
    if value is None:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
