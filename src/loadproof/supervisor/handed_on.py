"""What the load process finds in its environment beyond what its caller had: what suites read there."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loadproof.plan.suite_settings import SETTINGS_VARIABLE
from loadproof.result.ledgers import LEDGERS_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from loadproof.plan import Plan


def environ_for(plan: Plan, environ: Mapping[str, str], ledgers: Path) -> dict[str, str]:
    """The environment of the load process.

    Args:
        plan: What is run.
        environ: What its caller has.
        ledgers: Folder in which the suite keeps what it creates.
    """
    settings = json.dumps([setting.model_dump() for setting in plan.settings])
    return {**environ, SETTINGS_VARIABLE: settings, LEDGERS_VARIABLE: str(ledgers)}


def folder_for_ledgers(plan: Plan, cwd: Path) -> Path:
    """A folder of this run alone, below the plan's results; nothing makes it but a suite that keeps a ledger."""
    stamp = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
    return cwd / plan.results / "ledgers" / f"{stamp}_{secrets.token_hex(3)}"
