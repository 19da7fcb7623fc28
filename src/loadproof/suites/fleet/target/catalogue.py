"""Cloud providers and their regions."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from loadproof.suites.fleet.target.admission import Admitted  # noqa: TC001 - FastAPI reads the annotations

PROVIDERS = {
    "aws": {"us-east-1": "US East, N. Virginia", "us-west-1": "US West, N. California", "eu-west-1": "EU, Ireland"},
    "gcp": {"us-east1": "US East, South Carolina"},
}
"""Identifier of each provider to its regions: identifier to name."""

_NAMES = {"aws": "Amazon Web Services", "gcp": "Google Compute Engine"}


router = APIRouter(prefix="/cloud_providers")


@router.get("")
async def list_providers(_caller: Admitted) -> JSONResponse:
    """All of them."""
    items = [
        {"kind": "CloudProvider", "id": provider, "name": provider, "display_name": name, "enabled": True}
        for provider, name in _NAMES.items()
    ]
    return _whole("CloudProviderList", items)


@router.get("/{provider}/regions")
async def list_regions(provider: str, _caller: Admitted) -> JSONResponse:
    """Those of one provider; none where there is no such provider."""
    items = [
        {"kind": "CloudRegion", "id": region, "display_name": name, "enabled": True}
        for region, name in PROVIDERS.get(provider, {}).items()
    ]
    return _whole("CloudRegionList", items)


def _whole(kind: str, items: list[dict[str, object]]) -> JSONResponse:
    return JSONResponse({"kind": kind, "page": 1, "size": len(items), "total": len(items), "items": items})
