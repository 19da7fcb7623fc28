"""``[coverage]`` and ``[baseline]``: what must run, and what a run is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadproof.plan import values
from loadproof.plan.layers import Written
from loadproof.plan.model import CoverageGate
from loadproof.plan.values import Table

if TYPE_CHECKING:
    from loadproof.errors import Problem
    from loadproof.plan.files import PlanFile
    from loadproof.plan.layers import Layers
    from loadproof.plan.options import Options


@dataclass(frozen=True, slots=True)
class Gates:
    """Both tables.

    Attributes:
        coverage: What must run.
        baseline: ``run`` of ``[baseline]``; None where it is absent.
        baseline_where: Where it stands.
        require: ``require`` of it.
        fail_on_regression: ``fail_on_regression`` of it.
    """

    coverage: CoverageGate
    baseline: str | None
    baseline_where: str
    require: bool
    fail_on_regression: bool


def read_gates(coverage: object, baseline: object, file: PlanFile, problems: list[Problem]) -> Gates:
    """Read both tables.

    Args:
        coverage: ``[coverage]``; None where the file has none.
        baseline: ``[baseline]``; likewise.
        file: Where they stand.
        problems: What is wrong is added here.
    """
    declared = Table({} if coverage is None else coverage, file.where("coverage"), problems)
    expect = declared.take("expect", values.texts) or []
    of_classes = _read_classes(declared.take("classes", values.anything), declared.where("classes"), problems)
    tasks = declared.take("tasks", values.switch)
    declared.finish()
    compared = Table({} if baseline is None else baseline, file.where("baseline"), problems)
    run = compared.take("run", values.text)
    require = compared.take("require", values.switch)
    fail = compared.take("fail_on_regression", values.switch)
    compared.finish()
    return Gates(
        coverage=CoverageGate(expect=tuple(expect), classes=of_classes, tasks=tasks is not False),
        baseline=run,
        baseline_where=file.where("baseline.run"),
        require=bool(require),
        fail_on_regression=bool(fail),
    )


def _read_classes(raw: object, where: str, problems: list[Problem]) -> dict[str, tuple[str, ...]]:
    """``[coverage.classes]``; empty where there is none."""
    if raw is None:
        return {}
    table = Table(raw, where, problems)
    names = list(raw) if isinstance(raw, dict) else []
    return {name: tuple(table.take(name, values.texts) or ()) for name in names}


def pick_gates(layers: Layers, options: Options, gates: Gates) -> dict[str, Any]:
    """The values of a plan that both tables and their options decide."""
    written = Written(gates.baseline, gates.baseline_where)
    return {
        "coverage": gates.coverage,
        "baseline": layers.pick("baseline", values.text, option=options.baseline, written=written),
        "require_baseline": options.require_baseline or gates.require,
        "fail_on_regression": options.fail_on_regression or gates.fail_on_regression,
    }
