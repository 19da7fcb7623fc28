"""The issuer: turns a long-lived token into short-lived ones, as an OpenID provider does.

It takes ``grant_type=refresh_token``, and serves its discovery document and its keys, so that any client library can
check its tokens.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from loadproof.suites.fleet.target.refusals import unauthenticated, unauthorized
from loadproof.suites.fleet.target.store import Person

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loadproof.suites.fleet.target.faults import FaultInjector

ALGORITHM = "RS256"
_KEY_BITS = 2048
_MOST_KNOWN = 1000
_REFUSED = ("", "invalid", "expired")

EVERYBODY = Person("perf-test", "13640203")
"""Who holds a long-lived token where no accounts are declared."""


@dataclass(slots=True)
class IssuerCounts:
    """What the issuer was asked.

    Attributes:
        calls: Requests to the token endpoint, whatever the answer.
        issued: Tokens it gave.
    """

    calls: int = 0
    issued: int = 0


class Issuer:
    """Signs access tokens, and checks them.

    Args:
        accounts: Long-lived token to who holds it. Empty: any is good, but ``invalid`` and ``expired``.
        faults: Say how long tokens are good for, and whether the issuer is there.
        clock: Seconds since 1970.
    """

    def __init__(self, accounts: Mapping[str, Person], faults: FaultInjector, clock: Callable[[], float]) -> None:
        self._accounts = accounts
        self._faults = faults
        self._clock = clock
        self._key = RSAKey.generate_key(_KEY_BITS, parameters={"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        self._known: dict[str, tuple[float, Person]] = {}
        self.counts = IssuerCounts()

    @property
    def is_down(self) -> bool:
        """Whether it is out of order now."""
        return self._faults.issuer_is_down

    def holder(self, offline_token: str) -> Person | None:
        """Who holds a long-lived token; None: it is not good."""
        if self._accounts:
            return self._accounts.get(offline_token)
        return None if offline_token in _REFUSED else EVERYBODY

    def issue(self, issuer_url: str, person: Person, client: str) -> tuple[str, float]:
        """A new access token, and the seconds that it is good for."""
        lifetime = self._faults.faults.token_lifetime
        now = self._clock()
        claims = {
            "iss": issuer_url,
            "sub": f"f:{person.username}",
            "aud": "account",
            "azp": client,
            "typ": "Bearer",
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + lifetime,
            "username": person.username,
            "preferred_username": person.username,
            "org_id": person.organisation,
            "rh-org-id": person.organisation,
        }
        self.counts.issued += 1
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key), lifetime

    def keys(self) -> dict[str, Any]:
        """What tokens are checked with."""
        return dict(KeySet([self._key]).as_dict(private=False))

    def authenticate(self, authorization: str | None) -> Person:
        """Who sends this header.

        Raises:
            Refusal: 401, code 15 where the token is missing, not ours or over, 11 where it does not say who.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise unauthenticated()
        expires_at, person = self._known.get(token) or self._check(token)
        if self._clock() >= expires_at:
            raise unauthenticated()
        return person

    def _check(self, token: str) -> tuple[float, Person]:
        # A signature is checked once for each token: that takes longer than all the rest of a request.
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            expires_at = float(claims["exp"])
        except (JoseError, KeyError, TypeError, ValueError):
            raise unauthenticated() from None
        organisation = claims.get("org_id") or claims.get("rh-org-id")
        if not claims.get("username") or not organisation:
            raise unauthorized()
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[token] = expires_at, Person(str(claims["username"]), str(organisation))
        return self._known[token]


def issuer_routes(issuer: Issuer) -> APIRouter:
    """The issuer's paths, below ``/auth/realms/{realm}``."""
    router = APIRouter(prefix="/auth/realms/{realm}")

    def address(request: Request, realm: str) -> str:
        return f"{str(request.base_url).rstrip('/')}/auth/realms/{realm}"

    @router.get("/.well-known/openid-configuration")
    async def discovery(request: Request, realm: str) -> JSONResponse:
        own = address(request, realm)
        return JSONResponse(
            {
                "issuer": own,
                "token_endpoint": f"{own}/protocol/openid-connect/token",
                "jwks_uri": f"{own}/protocol/openid-connect/certs",
                "grant_types_supported": ["refresh_token"],
                "response_types_supported": ["token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
            }
        )

    @router.get("/protocol/openid-connect/certs")
    async def certificates(realm: str) -> JSONResponse:  # noqa: ARG001 - every realm has the same keys
        return JSONResponse(issuer.keys())

    @router.post("/protocol/openid-connect/token")
    async def token(request: Request, realm: str) -> JSONResponse:
        issuer.counts.calls += 1
        form = {key: values[0] for key, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        if issuer.is_down:
            return JSONResponse({"error": "temporarily_unavailable"}, 503)
        if form.get("grant_type") != "refresh_token":
            return _refused("unsupported_grant_type", "Unsupported grant_type")
        offline_token = form.get("refresh_token", "")
        person = issuer.holder(offline_token)
        if person is None:
            return _refused("invalid_grant", "Invalid refresh token")
        client = form.get("client_id", "")
        if not client:
            return _refused("invalid_client", "Invalid client credentials")
        access_token, lifetime = issuer.issue(address(request, realm), person, client)
        return JSONResponse(
            {
                "access_token": access_token,
                "expires_in": lifetime,
                "refresh_token": offline_token,
                "refresh_expires_in": 0,
                "token_type": "bearer",
                "not-before-policy": 0,
                "scope": "openid offline_access",
            },
            headers={"Cache-Control": "no-store"},
        )

    return router


def _refused(error: str, description: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": description}, 400)
