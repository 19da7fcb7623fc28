"""What suites would otherwise write by hand: tokens, mail, polling, feeders, quotas, settings, ledgers.

Every part works in any locustfile, under ``loadproof run``, ``loadproof locust`` and plain ``locust`` alike. The names
are resolved when they are first used: a suite loads what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadproof.kit.ledger import Ledger, run_tag
    from loadproof.kit.seeding import Seeder
    from loadproof.kit.settings import Duration, Minutes, SecretStr, Settings, StrictBoolean, Url, setting

_HOMES = {
    "Duration": "settings",
    "Ledger": "ledger",
    "Minutes": "settings",
    "SecretStr": "settings",
    "Seeder": "seeding",
    "Settings": "settings",
    "StrictBoolean": "settings",
    "Url": "settings",
    "run_tag": "ledger",
    "setting": "settings",
}

__all__ = [
    "Duration",
    "Ledger",
    "Minutes",
    "SecretStr",
    "Seeder",
    "Settings",
    "StrictBoolean",
    "Url",
    "run_tag",
    "setting",
]


def __getattr__(name: str) -> Any:
    """Resolve a public name on its first use and keep it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
