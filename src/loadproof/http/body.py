"""The body of a call as bytes, and the headers that describe it, as requests would write them."""

from __future__ import annotations

import json as json_module
from typing import TYPE_CHECKING, Any

import requests
from requests.auth import HTTPBasicAuth, _basic_auth_str

if TYPE_CHECKING:
    from loadproof.http.headers import HeadLines

BODYLESS = frozenset({"GET", "HEAD"})
"""Methods without a Content-Length where there is no body."""

_dumps = json_module.JSONEncoder(allow_nan=False).encode
_JSON = b"Content-Type: application/json\r\n"
_FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


def body_of(method: str, data: Any, json: Any, head: HeadLines) -> tuple[bytes | None, bytes, Any]:
    """The body as bytes, the headers that describe it, and the body as requests keeps it.

    Args:
        method: In upper case.
        data: Text, bytes, or the fields of a form; what is empty counts as None.
        json: What JSON can hold; counts where there is no ``data``.
        head: The other headers.

    Raises:
        ValueError: ``json`` holds what JSON cannot.
        TypeError: It holds what cannot be written at all.
    """
    kind = b""
    shown: Any = data or None
    if not data and json is not None:
        shown = _dumps(json).encode()
        kind = _JSON
    elif shown is not None and not isinstance(shown, str | bytes):
        shown = requests.models.RequestEncodingMixin._encode_params(shown)  # type: ignore[attr-defined]  # noqa: SLF001
        kind = _FORM
    body = shown.encode() if isinstance(shown, str) else shown
    if kind and "content-type" in head.names:
        kind = b""
    if body:
        return body, b"Content-Length: %d\r\n%s" % (len(body), kind), shown
    if method not in BODYLESS:
        return body, b"Content-Length: 0\r\n" + kind, shown
    return body, kind, shown


def authorization(auth: Any) -> bytes:
    """The header of basic authentication; empty for none."""
    if auth is None:
        return b""
    name, password = (auth.username, auth.password) if isinstance(auth, HTTPBasicAuth) else auth
    return b"Authorization: " + _basic_auth_str(name, password).encode("latin-1") + b"\r\n"
