"""What the services answer: fixed bodies in the shape of the real ones."""

from __future__ import annotations

from typing import Any

CREATED = "2026-01-15T08:00:00Z"
VALID_TO = "2031-01-15T08:00:00Z"
COUNTRIES = ("DE", "FR", "NL", "UT", "US")


def certificates(kind: str, count: int) -> list[dict[str, Any]]:
    """Certificates of one kind, such as ``CSCA``, spread over the countries."""
    return [
        {
            "id": f"{kind.lower()}-{number:04d}",
            "subject": f"C={_country(number)}, O=Passport Office, CN={kind} {number}",
            "issuer": f"C={_country(number)}, O=Passport Office, CN=Root {_country(number)}",
            "valid_from": CREATED,
            "valid_to": VALID_TO,
            "serial_number": f"{0x1000 + number:08X}",
            "certificate_data": f"{kind}-{number:04d}-" + "MIID" * 24,
            "status": "active",
            "country_code": _country(number),
        }
        for number in range(1, count + 1)
    ]


def certificate_list(kind: str, count: int) -> dict[str, Any]:
    """A list of certificates as ``/v1/masterlist`` and ``/v1/dsclist`` have it."""
    return {
        "id": f"{kind.lower()}-list-1",
        "version": 1,
        "created": CREATED,
        "countries": list(COUNTRIES),
        "certificates": certificates(kind, count),
    }


def revocation_list() -> dict[str, Any]:
    """What ``/v1/crl`` has."""
    reasons = ("keyCompromise", "cessationOfOperation", "superseded")
    return {
        "id": "crl-1",
        "version": 1,
        "created": CREATED,
        "issuer": "C=UT, O=Passport Office, CN=Root UT",
        "this_update": CREATED,
        "next_update": VALID_TO,
        "revoked_certificates": [
            {"serial_number": f"{0x9000 + number:08X}", "revocation_date": CREATED, "reason_code": reason}
            for number, reason in enumerate(reasons, 1)
        ],
    }


def _country(number: int) -> str:
    return COUNTRIES[number % len(COUNTRIES)]
