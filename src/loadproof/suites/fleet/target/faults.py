"""What can be made to go wrong, at the start by options and later by ``POST /_faults``."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Callable


class Faults(BaseModel):
    """Everything that goes wrong now. Its fields are options of the command line and keys of ``POST /_faults``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token_lifetime: float = Field(default=900.0, gt=0, description="seconds that an access token is good for")
    issuer_down_for: float = Field(default=0.0, ge=0, description="seconds from now in which the issuer answers 503")
    answer_method: str = Field(default="DELETE", description="method of the requests that are answered wrongly")
    answer_path: str = Field(default="", description="only those of this path, such as /kafkas/{id}")
    answer_status: int | None = Field(default=None, ge=400, le=599, description="the wrong answer; none by default")
    answer_share: float = Field(default=1.0, ge=0, le=1, description="share of them that is answered wrongly")
    answer_next: int | None = Field(default=None, ge=0, description="how many are, from now on; no end by default")
    answer_text: str | None = Field(default=None, description="body of the wrong answer, instead of the error object")
    slow_by: float = Field(default=0.0, ge=0, description="seconds that answers of the API take longer")
    slow_share: float = Field(default=1.0, ge=0, le=1, description="share of the answers that does")
    stuck_deletion: bool = Field(default=False, description="clusters that are deleted never get past 'deprovision'")
    max_creates: int | None = Field(default=None, ge=0, description="creations until the rest is answered 429")
    fail_creations: int = Field(default=0, ge=0, description="how many of the next clusters end up failed")


class FaultInjector:
    """Decides, request by request, what goes wrong.

    Args:
        faults: At the start.
        clock: Seconds.
        seed: Two injectors with the same seed choose the same requests.
    """

    def __init__(self, faults: Faults, *, clock: Callable[[], float], seed: int = 1) -> None:
        self._clock = clock
        self._random = Random(seed)
        self._begin(faults)

    def _begin(self, faults: Faults) -> None:
        self.faults = faults
        self._issuer_up_at = self._clock() + faults.issuer_down_for
        self._answers_left = faults.answer_next
        self._creations_left = faults.max_creates
        self._failures_left = faults.fail_creations

    def change(self, changes: dict[str, Any]) -> Faults:
        """Replace some of the faults; all counts and the issuer's outage begin anew.

        An outage that is over or was not named does not come back.

        Raises:
            pydantic.ValidationError: A key or a value is not one of ``Faults``.
        """
        remaining = max(0.0, self._issuer_up_at - self._clock())
        self._begin(Faults(**(self.faults.model_dump() | {"issuer_down_for": remaining} | changes)))
        return self.faults

    @property
    def issuer_is_down(self) -> bool:
        """Whether the issuer answers 503 now."""
        return self._clock() < self._issuer_up_at

    def wrong_answer(self, method: str, path: str) -> int | None:
        """The status that this request is answered with instead of being served; None: it is served.

        Args:
            method: In capitals.
            path: The template, such as ``/kafkas/{id}``.
        """
        faults = self.faults
        if faults.answer_status is None or method != faults.answer_method or faults.answer_path not in ("", path):
            return None
        if self._answers_left == 0 or self._random.random() >= faults.answer_share:
            return None
        if self._answers_left is not None:
            self._answers_left -= 1
        return faults.answer_status

    def delay(self) -> float:
        """Seconds that this answer takes longer."""
        faults = self.faults
        return faults.slow_by if faults.slow_by and self._random.random() < faults.slow_share else 0.0

    def may_create(self) -> bool:
        """Whether this creation is served; False: it is answered 429."""
        return self._creations_left is None or self._creations_left > 0

    def created(self) -> None:
        """Count a creation that was accepted."""
        if self._creations_left is not None:
            self._creations_left -= 1

    def next_one_fails(self) -> bool:
        """Whether the cluster that is created now ends up failed."""
        if not self._failures_left:
            return False
        self._failures_left -= 1
        return True
