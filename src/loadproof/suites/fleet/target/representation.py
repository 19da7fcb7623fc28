"""Rows of the database as the objects of the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

_FAILED = "the cluster could not be provisioned"


_SINCE = {
    "accepted": "created_at",
    "preparing": "preparing_at",
    "provisioning": "provisioning_at",
    "ready": "settled_at",
    "failed": "settled_at",
    "deprovision": "deprovision_at",
    "deleting": "deleting_at",
}


def kafka_object(row: RowMapping, base_path: str) -> dict[str, Any]:
    """A ``KafkaRequest``. Its host is known once it was ready."""
    host = f"{row['name']}-{row['id'].lower()}.kafka.example.test:443" if _was_ready(row) else ""
    return {
        "id": row["id"],
        "kind": "Kafka",
        "href": f"{base_path}/kafkas/{row['id']}",
        "status": row["status"],
        "cloud_provider": row["cloud_provider"],
        "multi_az": row["multi_az"],
        "region": row["region"],
        "owner": row["owner"],
        "name": row["name"],
        "bootstrapServerHost": host,
        "bootstrap_server_host": host,
        "created_at": _text(row["created_at"]),
        "updated_at": _text(row[_SINCE[row["status"]]]),
        "failed_reason": _FAILED if row["status"] == "failed" else "",
    }


def _was_ready(row: RowMapping) -> bool:
    if row["deprovision_at"] is None:
        return bool(row["status"] == "ready")
    return not row["failed"] and row["settled_at"] <= row["deprovision_at"]


def account_object(row: RowMapping, base_path: str) -> dict[str, Any]:
    """A ``ServiceAccount`` without its secret."""
    return {
        "id": row["id"],
        "kind": "ServiceAccount",
        "href": f"{base_path}/serviceaccounts/{row['id']}",
        "name": row["name"],
        "description": row["description"],
        "clientID": row["client_id"],
        "client_id": row["client_id"],
        "owner": row["owner"],
        "created_at": _text(row["created_at"]),
    }


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
