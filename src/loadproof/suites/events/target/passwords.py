"""How passwords are kept: PBKDF2-SHA256, in the text form that Django writes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

SHORTEST_PASSWORD = 8


def hashed(password: str, iterations: int) -> str:
    """The password as it is stored, with its own salt.

    Args:
        password: In clear.
        iterations: Rounds; the time that signing in takes grows with them.
    """
    salt = secrets.token_urlsafe(12)
    return f"pbkdf2_sha256${iterations}${salt}${_digest(password, salt, iterations)}"


def matches(password: str, stored: str) -> bool:
    """Whether ``password`` is the one that was stored."""
    _, iterations, salt, digest = stored.split("$")
    return hmac.compare_digest(_digest(password, salt, int(iterations)), digest)


def weakness(password: str) -> str | None:
    """Why nobody may have this password; None when they may."""
    if len(password) < SHORTEST_PASSWORD:
        return f"This password is too short. It must contain at least {SHORTEST_PASSWORD} characters."
    if password.isdigit():
        return "This password is entirely numeric."
    if password.isalpha():
        return "This password must contain at least one character that is not a letter."
    return None


def _digest(password: str, salt: str, iterations: int) -> str:
    raw = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), iterations)
    return base64.b64encode(raw).decode()
