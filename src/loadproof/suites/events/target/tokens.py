"""Signed tokens: for calls, for new tokens, and for the link in a mail."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

ACCESS, REFRESH, VERIFICATION = "access", "refresh", "email_verification"


class BadTokenError(Exception):
    """A token that is not ours, of another kind, or too old; the text is for the client."""


class TokenSigner:
    """Makes and reads JSON Web Tokens (HS256).

    Args:
        secret: The key; whoever has it can be anybody.
    """

    def __init__(self, secret: str) -> None:
        self._key = OctKey.import_key(secret)

    def sign(self, kind: str, user: UUID, lifetime: float) -> str:
        """A new token.

        Args:
            kind: What it is for.
            user: Whose it is.
            lifetime: Seconds that it is valid.
        """
        issued = time.time()
        claims = {
            "token_type": kind,
            "user_id": str(user),
            "jti": uuid4().hex,
            "iat": int(issued),
            # Fractions are allowed by RFC 7519: a lifetime of two seconds must not be one.
            "exp": issued + lifetime,
        }
        return jwt.encode({"alg": "HS256"}, claims, self._key)

    def read(self, token: str, kind: str) -> dict[str, Any]:
        """The claims of a token.

        Raises:
            BadTokenError: It is not one, is not of this kind, or has expired.
        """
        try:
            claims = jwt.decode(token, self._key, algorithms=["HS256"]).claims
        except (JoseError, ValueError):
            raise BadTokenError("Token is invalid") from None
        if claims.get("token_type") != kind:
            raise BadTokenError(f"Token has wrong type: a token of type {kind} is needed")
        if claims["exp"] <= time.time():
            raise BadTokenError("Token is expired")
        return claims
