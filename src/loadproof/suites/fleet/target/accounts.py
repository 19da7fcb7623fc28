"""The service accounts' paths, under both of their names."""

# ruff: noqa: FAST003 - it does not see that Identifier is the {id} of a path

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from loadproof.suites.fleet.target import refusals
from loadproof.suites.fleet.target.admission import Admitted, Identifier  # noqa: TC001 - FastAPI reads the annotations
from loadproof.suites.fleet.target.representation import account_object

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from loadproof.suites.fleet.target.admission import Caller

PREFIXES = ("/serviceaccounts", "/service_accounts")
"""Its first name, and that of later versions."""


router = APIRouter()


@router.get("")
async def list_accounts(caller: Admitted) -> JSONResponse:
    """All of the organisation."""
    rows = caller.fleet.store.service_accounts(caller.person)
    items = [account_object(row, caller.base_path) for row in rows]
    return JSONResponse({"kind": "ServiceAccountList", "items": items})


@router.post("")
async def create_account(request: Request, caller: Admitted) -> JSONResponse:
    """Make one, and tell its secret."""
    name, description = _wanted(await request.body())
    row = caller.fleet.store.create_service_account(caller.person, name, description)
    caller.happened("service account created", row["id"], name)
    return JSONResponse(_with_secret(row, caller.base_path), 202)


@router.get("/{id}")
async def get_account(identifier: Identifier, caller: Admitted) -> JSONResponse:
    """One of the organisation."""
    return JSONResponse(account_object(_existing(identifier, caller), caller.base_path))


@router.post("/{id}/reset-credentials")
@router.post("/{id}/reset_credentials", include_in_schema=False)  # as later versions spell it
async def reset_credentials(identifier: Identifier, caller: Admitted) -> JSONResponse:
    """Give one a new secret, and tell it."""
    return JSONResponse(_with_secret(_existing(identifier, caller), caller.base_path))


@router.delete("/{id}")
async def delete_account(identifier: Identifier, caller: Admitted) -> Response:
    """Remove one of one's own."""
    if not caller.fleet.store.delete_service_account(caller.person, identifier):
        raise _unknown()
    caller.happened("service account deleted", identifier)
    return Response(status_code=204)


def _existing(identifier: str, caller: Caller) -> RowMapping:
    row = caller.fleet.store.service_account(caller.person, identifier)
    if row is None:
        raise _unknown()
    return row


def _unknown() -> refusals.Refusal:
    # The service that this one stands for has no 404 here; suites tell by the text.
    return refusals.Refusal(500, 9, "failed to check the sso client exists")


def _wanted(body: bytes) -> tuple[str, str]:
    try:
        asked = json.loads(body)
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise refusals.invalid(17, "Invalid request format: the body is no JSON object")
    name = str(asked.get("name", ""))
    if not name:
        raise refusals.invalid(33, "name is not valid: it must not be empty")
    return name, str(asked.get("description", ""))


def _with_secret(row: RowMapping, base_path: str) -> dict[str, Any]:
    secret = secrets.token_hex(16)
    return account_object(row, base_path) | {"clientSecret": secret, "client_secret": secret}
