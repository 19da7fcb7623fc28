"""What a cluster goes through: accepted, preparing, provisioning, ready or failed; then deprovision, deleting, gone.

A state is never stored: it follows from the moments that were fixed when the cluster was asked for, and from the
clock. So a thousand clusters cost no thread and no timer, and a query sees every one of them in its true state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Float, bindparam, case, literal

from loadproof.suites.fleet.target.tables import KAFKAS

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

_NOW = bindparam("now", type_=Float)
_KAFKA = KAFKAS.c

STATUS: ColumnElement[str] = case(
    (_KAFKA.deleting_at <= _NOW, literal("deleting")),
    (_KAFKA.deprovision_at.is_not(None), literal("deprovision")),
    (_KAFKA.preparing_at > _NOW, literal("accepted")),
    (_KAFKA.provisioning_at > _NOW, literal("preparing")),
    (_KAFKA.settled_at > _NOW, literal("provisioning")),
    (_KAFKA.failed, literal("failed")),
    else_=literal("ready"),
)
"""The state of a row of ``KAFKAS`` at the moment ``now``, a parameter. Rows that are gone have none."""

EXISTS: ColumnElement[bool] = _KAFKA.gone_at.is_(None) | (_KAFKA.gone_at > _NOW)
"""Whether a row of ``KAFKAS`` is not gone yet at the moment ``now``, a parameter."""

STATES = ("accepted", "preparing", "provisioning", "ready", "failed", "deprovision", "deleting")
"""Every state that a cluster can be seen in."""


@dataclass(frozen=True, slots=True)
class Durations:
    """How long a cluster stays in each state, in seconds.

    Attributes:
        accepted: Before it is being prepared.
        preparing: Before it is being provisioned.
        provisioning: Before it is ready, or has failed.
        deprovision: After somebody asked for its end, before it is being deleted.
        deleting: Before it is gone.
    """

    accepted: float = 1.0
    preparing: float = 2.0
    provisioning: float = 3.0
    deprovision: float = 1.0
    deleting: float = 1.0


@dataclass(frozen=True, slots=True)
class Birth:
    """The moments of a new cluster, in seconds of the service's clock."""

    created_at: float
    preparing_at: float
    provisioning_at: float
    settled_at: float


@dataclass(frozen=True, slots=True)
class Death:
    """The moments of a cluster's end; None: it is stuck, and never gets there."""

    deprovision_at: float
    deleting_at: float | None
    gone_at: float | None


def birth(now: float, durations: Durations) -> Birth:
    """The moments of a cluster that is asked for now."""
    preparing_at = now + durations.accepted
    provisioning_at = preparing_at + durations.preparing
    return Birth(now, preparing_at, provisioning_at, provisioning_at + durations.provisioning)


def death(now: float, durations: Durations, *, stuck: bool = False) -> Death:
    """The moments of a cluster whose end is asked for now."""
    if stuck:
        return Death(now, None, None)
    deleting_at = now + durations.deprovision
    return Death(now, deleting_at, deleting_at + durations.deleting)
