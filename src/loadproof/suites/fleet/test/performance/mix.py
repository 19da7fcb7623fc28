"""Which requests are sent how often, and what is asked for in searches."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from random import Random

MIX = {
    "list_kafkas": 40,
    "search_kafkas": 35,
    "list_providers": 10,
    "list_regions": 5,
    "list_service_accounts": 5,
    "look_at_kafka": 5,
}
"""What a user does, by the name of its method, to its share in percent."""

_STATUSES = ("accepted", "preparing", "provisioning", "ready")
_NAME_LENGTH = 15


def draw_action(random: Random) -> str:
    """One of ``MIX``, by its share."""
    (action,) = random.choices(tuple(MIX), weights=tuple(MIX.values()))
    return action


def draw_search(random: Random) -> str:
    """A query as it stands behind ``search=``, encoded."""
    return quote(f"cloud_provider = aws and status = {random.choice(_STATUSES)} and name <> {new_name()}", safe="")


def new_name() -> str:
    """A name that nobody has; not from ``random``, whose state workers inherit when they are forked off."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(_NAME_LENGTH))
