"""What suites would otherwise write by hand: tokens, mail, polling, feeders, quotas, settings, ledgers.

Every part works in any locustfile, under ``loadproof run``, ``loadproof locust`` and plain ``locust`` alike. The names
are resolved when they are first used: a suite loads what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadproof.kit.accounts import AccountPool, NoAccountError
    from loadproof.kit.coordination import Quota, Share, elapsed, is_leader, share
    from loadproof.kit.expectations import Expectation, Judged
    from loadproof.kit.feeders import Feeder, FeederEmptyError
    from loadproof.kit.inbox import Inbox, InboxError, Message
    from loadproof.kit.ledger import Ledger, run_tag
    from loadproof.kit.phases import Phase, Phases
    from loadproof.kit.polling import PollFailed, PollTimeout, flow, poll
    from loadproof.kit.seeding import Seeder
    from loadproof.kit.settings import Duration, Minutes, SecretStr, Settings, StrictBoolean, Url, setting
    from loadproof.kit.tokens import ApiKey, BasicAuth, BrokerTokens, JwtPair, StaticToken, TokenError, fetch_pair

_HOMES = {
    "AccountPool": "accounts",
    "ApiKey": "tokens",
    "BasicAuth": "tokens",
    "BrokerTokens": "tokens",
    "Duration": "settings",
    "Expectation": "expectations",
    "Feeder": "feeders",
    "FeederEmptyError": "feeders",
    "Inbox": "inbox",
    "InboxError": "inbox",
    "Judged": "expectations",
    "JwtPair": "tokens",
    "Ledger": "ledger",
    "Message": "inbox",
    "Minutes": "settings",
    "NoAccountError": "accounts",
    "Phase": "phases",
    "Phases": "phases",
    "PollFailed": "polling",
    "PollTimeout": "polling",
    "Quota": "coordination",
    "SecretStr": "settings",
    "Seeder": "seeding",
    "Settings": "settings",
    "Share": "coordination",
    "StaticToken": "tokens",
    "StrictBoolean": "settings",
    "TokenError": "tokens",
    "Url": "settings",
    "elapsed": "coordination",
    "fetch_pair": "tokens",
    "flow": "polling",
    "is_leader": "coordination",
    "poll": "polling",
    "run_tag": "ledger",
    "setting": "settings",
    "share": "coordination",
}

__all__ = [
    "AccountPool",
    "ApiKey",
    "BasicAuth",
    "BrokerTokens",
    "Duration",
    "Expectation",
    "Feeder",
    "FeederEmptyError",
    "Inbox",
    "InboxError",
    "Judged",
    "JwtPair",
    "Ledger",
    "Message",
    "Minutes",
    "NoAccountError",
    "Phase",
    "Phases",
    "PollFailed",
    "PollTimeout",
    "Quota",
    "SecretStr",
    "Seeder",
    "Settings",
    "Share",
    "StaticToken",
    "StrictBoolean",
    "TokenError",
    "Url",
    "elapsed",
    "fetch_pair",
    "flow",
    "is_leader",
    "poll",
    "run_tag",
    "setting",
    "share",
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
