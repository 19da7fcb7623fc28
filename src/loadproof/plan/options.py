"""The options of our own command line, as raw texts, and the surroundings that a plan is read in."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    no_ready_check: bool = False
    ui: bool = False
    strict: bool = False
    allow_inconclusive: bool = False
    locust_args: tuple[str, ...] = ()
    cwd: Path = field(default_factory=Path.cwd)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
