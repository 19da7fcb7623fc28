"""What clients of the request API may send, and what they get."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads it
from typing import Annotated, Any, Literal

from pydantic import AnyHttpUrl, BaseModel, Field

Status = Literal["NEW", "PROCESSING", "COMPLETE", "FAILED"]

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""The 57 digits of a request's id: those that nobody takes for another."""

ID_LENGTH = 22
"""Digits of an id: as many as 128 bits need."""


class CheckFile(BaseModel):
    """Check a file that was uploaded before."""

    type: Literal["check_file"]
    collection: str
    dataset: str
    original_filename: str
    uploaded_filename: str


class CheckUrl(BaseModel):
    """Check what an address gives."""

    type: Literal["check_url"]
    collection: str
    dataset: str
    url: AnyHttpUrl


class NewRequest(BaseModel):
    """Body of ``POST /requests``."""

    params: Annotated[CheckFile | CheckUrl, Field(discriminator="type")]


class Request(BaseModel):
    """A request as it is answered.

    Attributes:
        type: As in its parameters.
        id: 22 digits.
        status: NEW until a worker takes it.
        created: UTC.
        modified: UTC; when the status last changed.
        params: What was asked for.
        response: Result of the job; None until it has ended.
    """

    type: str
    id: str
    status: Status
    created: datetime
    modified: datetime
    params: dict[str, Any]
    response: dict[str, Any] | None = None


def short_id(number: int) -> str:
    """A number of up to 128 bits in 22 digits of base 57."""
    digits = []
    for _ in range(ID_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
