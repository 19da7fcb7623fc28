"""The clusters' paths."""

# ruff: noqa: FAST003 - it does not see that Identifier is the {id} of a path

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from loadproof.suites.fleet.target import refusals
from loadproof.suites.fleet.target.admission import Admitted, Identifier  # noqa: TC001 - FastAPI reads the annotations
from loadproof.suites.fleet.target.catalogue import PROVIDERS
from loadproof.suites.fleet.target.metrics import federated, instant_items, range_items
from loadproof.suites.fleet.target.representation import kafka_object
from loadproof.suites.fleet.target.search import Query, SearchError, parse_query
from loadproof.suites.fleet.target.store import Order

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from loadproof.suites.fleet.target.admission import Caller

MOST_ON_A_PAGE = 100
LONGEST_NAME = 32

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


router = APIRouter(prefix="/kafkas")


@router.get("")
async def list_kafkas(request: Request, caller: Admitted) -> JSONResponse:
    """A page of the organisation's clusters."""
    page, size = _number(request, "page", 1), min(_number(request, "size", MOST_ON_A_PAGE), MOST_ON_A_PAGE)
    found = caller.fleet.store.kafkas(caller.person, _query(request), page=page, size=size)
    items = [kafka_object(row, caller.base_path) for row in found.rows]
    whole = {"kind": "KafkaRequestList", "page": page, "size": len(items), "total": found.total, "items": items}
    return JSONResponse(whole)


@router.post("")
async def create_kafka(request: Request, caller: Admitted) -> JSONResponse:
    """Accept a cluster."""
    _must_be_asynchronous(request)
    order = _order(await request.body())
    faults = caller.fleet.faults
    if not faults.may_create():
        raise refusals.too_many_requests()
    row = caller.fleet.store.create_kafka(caller.person, order, failing=faults.next_one_fails())
    faults.created()
    caller.happened("kafka created", row["id"], order.name)
    return JSONResponse(kafka_object(row, caller.base_path), 202)


@router.get("/{id}")
async def get_kafka(identifier: Identifier, caller: Admitted) -> JSONResponse:
    """One of the organisation."""
    return JSONResponse(kafka_object(_existing(identifier, caller), caller.base_path))


@router.delete("/{id}")
async def delete_kafka(request: Request, identifier: Identifier, caller: Admitted) -> JSONResponse:
    """Begin the end of one of one's own."""
    _must_be_asynchronous(request)
    caller.fleet.store.delete_kafka(caller.person, identifier, stuck=caller.fleet.faults.faults.stuck_deletion)
    caller.happened("kafka deleted", identifier)
    return JSONResponse({}, 202)


@router.get("/{id}/metrics/query")
async def query(identifier: Identifier, caller: Admitted) -> JSONResponse:
    """What its metrics are now."""
    items = instant_items(_existing(identifier, caller), caller.fleet.clock())
    return JSONResponse({"kind": "MetricsInstantQueryList", "id": identifier, "items": items})


@router.get("/{id}/metrics/query_range")
async def query_range(request: Request, identifier: Identifier, caller: Admitted) -> JSONResponse:
    """What its metrics were over the last minutes."""
    row = _existing(identifier, caller)
    duration, interval = _number(request, "duration"), _number(request, "interval")
    items = range_items(row, caller.fleet.clock(), minutes=duration, interval=interval)
    return JSONResponse({"kind": "MetricsRangeQueryList", "id": identifier, "items": items})


@router.get("/{id}/metrics/federate")
async def federate(identifier: Identifier, caller: Admitted) -> PlainTextResponse:
    """What its metrics are now, for Prometheus."""
    return PlainTextResponse(federated(_existing(identifier, caller), caller.fleet.clock()))


def _existing(identifier: str, caller: Caller) -> RowMapping:
    return caller.fleet.store.kafka(caller.person, identifier)


def _query(request: Request) -> Query:
    try:
        return parse_query(request.query_params.get("search", ""))
    except SearchError as error:
        raise refusals.bad_search(str(error)) from None


def _number(request: Request, name: str, default: int | None = None) -> int:
    text = request.query_params.get(name, "" if default is None else str(default))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise refusals.invalid(21, f"{name} must be a whole number of at least 1, not '{text}'")
    return int(text)


def _must_be_asynchronous(request: Request) -> None:
    if request.query_params.get("async") != "true":
        raise refusals.invalid(103, "Synchronous action is not supported, use async=true parameter")


def _order(body: bytes) -> Order:
    asked = _json_object(body)
    if asked.get("multi_az", True) is not True:
        raise refusals.invalid(35, "Only multiAZ Kafkas are supported, use multi_az=true")
    name = str(asked.get("name", ""))
    if len(name) > LONGEST_NAME:
        raise refusals.invalid(34, f"Kafka cluster name is longer than {LONGEST_NAME} characters")
    if _NAME.fullmatch(name) is None:
        raise refusals.invalid(32, f"Kafka cluster name does not match {_NAME.pattern}")
    provider = str(asked.get("cloud_provider", "aws"))
    if provider not in PROVIDERS:
        raise refusals.invalid(30, f"provider {provider} is not supported, supported providers are: {list(PROVIDERS)}")
    region = str(asked.get("region", "us-east-1"))
    if region not in PROVIDERS[provider]:
        raise refusals.invalid(31, f"region {region} is not supported for {provider}")
    return Order(name, provider, region, multi_az=True)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise refusals.invalid(17, "Invalid request format: the body is no JSON object")
    return value
