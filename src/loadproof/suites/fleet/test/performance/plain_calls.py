"""Deleting outside of a run: in no statistics, without Locust, one thing after the other."""

from __future__ import annotations

import json
import ssl
import time
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPSHandler, Request, build_opener

if TYPE_CHECKING:
    from loadproof.kit.tokens import Provider
    from loadproof.result.ledgers import Entry

KAFKAS, SERVICE_ACCOUNTS = "kafkas", "serviceaccounts"
"""The resources, as their paths name them."""

_TIMEOUT = 30.0
_LOOK_EVERY = 1.0
_ACCEPTED = (200, 202, 204)
_NOT_FOUND = 404


class PlainApi:
    """The API as those call it who tidy up.

    Args:
        address: With scheme and path, such as ``https://api.example.com/api/kafkas_mgmt/v1``.
        tokens: What is shown to get in.
        insecure: Whether any certificate is accepted.
        timeout: Seconds for each answer.
    """

    def __init__(self, address: str, tokens: Provider, *, insecure: bool = False, timeout: float = _TIMEOUT) -> None:
        self._address = address
        self._tokens = tokens
        self._timeout = timeout
        context = ssl.create_default_context()
        if insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._opener = build_opener(HTTPSHandler(context=context))

    def delete(self, resource: str, identity: str) -> str | None:
        """Ask for the end of one thing.

        Returns:
            None if the service accepts, or does not know it; else why not, in one line.
        """
        query = "?async=true" if resource == KAFKAS else ""
        status, text = self._ask("DELETE", f"/{resource}/{identity}{query}")
        missing = status == _NOT_FOUND or "failed to check the sso client exists" in text
        return None if status in _ACCEPTED or missing else f"HTTP {status}: {text[:100]}" if status else text

    def is_gone(self, resource: str, identity: str, *, within: float) -> bool:
        """Whether the service no longer knows it, looked at until it is so or the time is over.

        Args:
            resource: ``KAFKAS`` or ``SERVICE_ACCOUNTS``.
            identity: What it is called.
            within: Seconds.
        """
        deadline = time.monotonic() + within
        while True:
            status, text = self._ask("GET", f"/{resource}/{identity}")
            if status == _NOT_FOUND or "failed to check the sso client exists" in text:
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK_EVERY)

    def find(self, resource: str, name: str) -> str | None:
        """The id of what has this name; None where the service knows none.

        Raises:
            OSError: The service did not say.
        """
        query = f"?search={quote(f'name = {name}', safe='')}" if resource == KAFKAS else ""
        status, text = self._ask("GET", f"/{resource}{query}")
        if status not in _ACCEPTED:
            raise OSError(f"the list of {resource} was answered with {status}")
        items: list[dict[str, Any]] = json.loads(text).get("items", [])
        return next((str(item["id"]) for item in items if item.get("name") == name), None)

    def _ask(self, method: str, path: str) -> tuple[int, str]:
        """Status and body; 0 and the reason where there is no answer."""
        request = Request(f"{self._address}{path}", method=method)  # noqa: S310 - the scheme was checked with the settings
        request.add_header("Authorization", self._tokens.value())
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return answer.status, answer.read().decode("utf-8", "replace")
        except HTTPError as error:
            with error:
                return error.code, error.read().decode("utf-8", "replace")
        except (OSError, HTTPException) as error:
            return 0, f"no answer: {type(error).__name__}"


def remove_entry(api: PlainApi, resource: str, entry: Entry, *, within: float) -> bool:
    """Remove what a ledger holds, found by its name where its id was never told.

    Returns:
        Whether it is gone.

    Raises:
        OSError: The service did not say whether there is one of that name, or refused to delete it.
    """
    identity = entry.id or find_lost(api, resource, entry)
    if identity is None:
        return True
    refusal = api.delete(resource, identity)
    if refusal is not None:
        raise OSError(refusal)
    return api.is_gone(resource, identity, within=within)


def find_lost(api: PlainApi, resource: str, entry: Entry) -> str | None:
    """The id of something whose creation was never answered; None where it was never made."""
    return api.find(resource, str(entry.facts["name"]))
