"""What the API answers when it refuses: its error object, and each of its codes once."""

from __future__ import annotations

import secrets
from typing import Any

CODE_PREFIX = "MGD-SERV-API-"


class Refusal(Exception):  # noqa: N818 - an answer of the API, not an error of the service
    """A request is refused.

    Attributes:
        status: Of the answer.
        code: The number of the API's own code.
        reason: For people.
    """

    def __init__(self, status: int, code: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code
        self.reason = reason

    def body(self, base_path: str) -> dict[str, Any]:
        """The error object.

        Args:
            base_path: Of the API that was asked, such as ``/api/kafkas_mgmt/v1``.
        """
        return {
            "kind": "Error",
            "id": str(self.code),
            "code": f"{CODE_PREFIX}{self.code}",
            "href": f"{base_path}/errors/{self.code}",
            "reason": self.reason,
            "operation_id": secrets.token_hex(8),
        }


def unauthenticated() -> Refusal:
    """No token, one that is not ours, or one that is over."""
    return Refusal(401, 15, "Account authentication could not be verified")


def unauthorized() -> Refusal:
    """A token of ours that does not say who and of which organisation."""
    return Refusal(401, 11, "Account is unauthorized to perform this action")


def over_quota(owner: str, most: int) -> Refusal:
    """The owner has as many clusters as allowed."""
    return Refusal(403, 5, f"User {owner} has reached a maximum number of {most} allowed instances.")


def too_many_requests() -> Refusal:
    """The service wants no more for now."""
    return Refusal(429, 429, "Too many requests")


def no_kafka(owner: str, identifier: str) -> Refusal:
    """There is no such cluster, or none that this user may touch."""
    return Refusal(404, 7, f"KafkaResource for user {owner} with id='{identifier}' not found")


def name_used() -> Refusal:
    """A cluster of that name exists."""
    return Refusal(409, 36, "Kafka cluster name is already used")


def bad_search(problem: str) -> Refusal:
    """The query does not follow the grammar."""
    return Refusal(400, 23, f"Unable to list kafka requests: Failed to parse search query: {problem}")


def invalid(code: int, reason: str) -> Refusal:
    """A value of the request is not one that the API takes."""
    return Refusal(400, code, reason)
