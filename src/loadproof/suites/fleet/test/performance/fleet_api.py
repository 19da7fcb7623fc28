"""The calls of the fleet API: their names in statistics, and which answers are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadproof.kit.expectations import Expectation

if TYPE_CHECKING:
    from loadproof.kit.expectations import Outcome
    from loadproof.kit.tokens import Provider

DESCRIPTION = "Created by the performance test suite of the API"
"""Of every service account that the suite makes."""

NO_SUCH_ACCOUNT = "failed to check the sso client exists"
"""What the API says, with a 500, of a service account that is not there."""

_PROVIDER, _REGION = "aws", "us-east-1"


def _identified(response: Any) -> str | None:
    return None if response.json().get("id") else "the answer has no id"


_RIGHT = Expectation(ok={200})
_CREATED = Expectation(
    ok={202},
    expected={409: "the name is already used", 429: "the service wants no more for now"},
    check=_identified,
)
_DELETED = Expectation(ok={202}, expected={404: "it was gone already"})
_LOOKED_AT = Expectation(ok={200}, expected={404: "it is gone, as was asked"})
_SEEN = Expectation(ok={200}, expected={404: "its owner has deleted it since it was listed"})
_ACCOUNT_MADE = Expectation(ok={200, 202}, expected={429: "the service wants no more for now"}, check=_identified)
_ACCOUNT_DELETED = Expectation(ok={204}, expected={404: "it was gone already"})
_ACCOUNT_GONE = Expectation(ok={204}, expected={500: "it was gone already"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call.

    Attributes:
        status: Of HTTP; 0 for no answer.
        outcome: What it was judged to be.
        response: As the client gave it.
    """

    status: int
    outcome: Outcome
    response: Any

    @property
    def is_success(self) -> bool:
        """Whether it did what was asked."""
        return self.outcome == "success"

    @property
    def body(self) -> dict[str, Any]:
        """Its JSON object; empty where it was no success. Read only when asked for: lists are long."""
        read: dict[str, Any] = self.response.json() if self.is_success else {}
        return read

    @property
    def identity(self) -> str | None:
        """The id of what it is about; None where it was no success."""
        return str(self.body["id"]) if self.is_success else None

    def named(self, name: str) -> str | None:
        """Of a list: the id of what has this name; None where there is none."""
        return next((str(item["id"]) for item in self.body.get("items", []) if item.get("name") == name), None)


class FleetApi:
    """The API as one user calls it.

    Args:
        client: The user's.
        tokens: What it shows to get in.
        base_path: Of the API.
    """

    def __init__(self, client: Any, tokens: Provider, base_path: str) -> None:
        self._client = client
        self._tokens = tokens
        self._base = base_path

    def get_in(self) -> None:
        """Have a valid token, before anything is begun that would be hard to undo.

        Raises:
            TokenError: None is to be had.
        """
        self._tokens.apply(self._client)

    def list_kafkas(self) -> Answer:
        """``GET /kafkas``."""
        return self._ask("GET", "/kafkas", "/kafkas", _RIGHT)

    def search_kafkas(self, search: str) -> Answer:
        """``GET /kafkas?search=...``; the query is encoded already."""
        return self._ask("GET", f"/kafkas?search={search}", "/kafkas?search", _RIGHT)

    def kafka(self, identity: str, *, is_own: bool) -> Answer:
        """``GET /kafkas/{id}``; one of others may be gone since it was listed."""
        return self._ask("GET", f"/kafkas/{identity}", "/kafkas/[id]", _RIGHT if is_own else _SEEN)

    def is_kafka_gone(self, identity: str) -> Answer:
        """``GET /kafkas/{id}`` of one that was deleted: an entry of its own, as a 404 is what is hoped for."""
        return self._ask("GET", f"/kafkas/{identity}", "/kafkas/[id] after its deletion", _LOOKED_AT)

    def metrics(self, identity: str, *, is_own: bool) -> None:
        """``GET /kafkas/{id}/metrics/query`` and ``query_range``."""
        expected = _RIGHT if is_own else _SEEN
        path = f"/kafkas/{identity}/metrics/query"
        self._ask("GET", path, "/kafkas/[id]/metrics/query", expected)
        self._ask("GET", f"{path}_range?duration=5&interval=30", "/kafkas/[id]/metrics/query_range", expected)

    def cloud_providers(self) -> Answer:
        """``GET /cloud_providers``."""
        return self._ask("GET", "/cloud_providers", "/cloud_providers", _RIGHT)

    def regions(self) -> Answer:
        """``GET /cloud_providers/aws/regions``."""
        path = f"/cloud_providers/{_PROVIDER}/regions"
        return self._ask("GET", path, path, _RIGHT)

    def service_accounts(self) -> Answer:
        """``GET /serviceaccounts``."""
        return self._ask("GET", "/serviceaccounts", "/serviceaccounts", _RIGHT)

    def create_kafka(self, name: str) -> Answer:
        """``POST /kafkas``."""
        order = {"cloud_provider": _PROVIDER, "region": _REGION, "name": name, "multi_az": True}
        return self._ask("POST", "/kafkas?async=true", "/kafkas", _CREATED, json=order)

    def delete_kafka(self, identity: str) -> Answer:
        """``DELETE /kafkas/{id}``."""
        return self._ask("DELETE", f"/kafkas/{identity}?async=true", "/kafkas/[id]", _DELETED)

    def create_service_account(self, name: str) -> Answer:
        """``POST /serviceaccounts``."""
        wanted = {"name": name, "description": DESCRIPTION}
        return self._ask("POST", "/serviceaccounts", "/serviceaccounts", _ACCOUNT_MADE, json=wanted)

    def reset_credentials(self, identity: str) -> Answer:
        """``POST /serviceaccounts/{id}/reset-credentials``."""
        path = "reset-credentials"
        return self._ask("POST", f"/serviceaccounts/{identity}/{path}", f"/serviceaccounts/[id]/{path}", _RIGHT)

    def delete_service_account(self, identity: str) -> Answer:
        """``DELETE /serviceaccounts/{id}``."""
        return self._ask("DELETE", f"/serviceaccounts/{identity}", "/serviceaccounts/[id]", _ACCOUNT_DELETED)

    def _ask(self, method: str, path: str, name: str, expected: Expectation, **options: Any) -> Answer:
        url = f"{self._base}{path}"
        with self._tokens.request(self._client, method, url, name=name, catch_response=True, **options) as response:
            if expected is _ACCOUNT_DELETED and response.status_code == 500 and NO_SUCH_ACCOUNT in response.text:
                expected = _ACCOUNT_GONE
            outcome = expected.judge(response)
        return Answer(response.status_code, outcome, response)
