"""How many users one step is."""

from __future__ import annotations

STEP = 0.1
"""Share of the users that one step adds or takes away."""


def stepped(users: int, direction: int) -> int:
    """A tenth more users, or fewer, and at least one.

    Raises:
        ValueError: There are none, or it would leave none.
    """
    after = users + direction * max(1, round(users * STEP))
    if not users or after < 1:
        raise ValueError("there is no user to add to yet" if not users else "the last user stays")
    return after
