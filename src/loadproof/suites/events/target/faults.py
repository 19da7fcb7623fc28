"""What goes wrong on purpose."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Faults(BaseModel):
    """The faults that are switched on; everything at its default is a healthy platform.

    Attributes:
        access_lifetime: Seconds that access tokens issued from now on are valid; None leaves the setting.
        lose_mail_share: Share of the mails that are never sent.
        lose_next_mails: How many of the next mails are never sent.
        fail_share: Share of the calls that are answered with ``fail_status`` and not carried out.
        fail_status: What failing calls are answered with.
        slow_share: Share of the calls that are answered late.
        slow_by: Seconds that late answers are late.
        only: Failing and late are only calls whose path contains this text; empty: all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    access_lifetime: float | None = Field(default=None, gt=0)
    lose_mail_share: float = Field(default=0.0, ge=0, le=1)
    lose_next_mails: int = Field(default=0, ge=0)
    fail_share: float = Field(default=0.0, ge=0, le=1)
    fail_status: int = Field(default=503, ge=500, le=599)
    slow_share: float = Field(default=0.0, ge=0, le=1)
    slow_by: float = Field(default=0.0, ge=0)
    only: str = ""


def changed(faults: Faults, changes: dict[str, object]) -> Faults:
    """The faults with some of them changed.

    Raises:
        pydantic.ValidationError: A name is unknown or a value out of its range.
    """
    return Faults.model_validate(faults.model_dump() | changes)
