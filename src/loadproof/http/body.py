"""The body of a call as bytes, and the headers that describe it, as requests would write them."""

from __future__ import annotations

import json
import marshal
from typing import TYPE_CHECKING, Any

import requests
from requests.auth import HTTPBasicAuth, _basic_auth_str
from requests.compat import json as complexjson  # type: ignore[attr-defined]  # simplejson where there is one

if TYPE_CHECKING:
    from loadproof.http.headers import HeadLines


def _json_encoder() -> Any:
    """``json.dumps`` without what it does before it encodes, which takes longer than encoding a small document.

    It makes an encoder for each call, to notice documents that hold themselves; those end in a RecursionError here.
    """
    encoder = complexjson.JSONEncoder(allow_nan=False)
    slow = encoder.iterencode
    try:
        fast = json.encoder.c_make_encoder(  # type: ignore[attr-defined]  # there, and undocumented
            None, encoder.default, json.encoder.encode_basestring_ascii, None, ": ", ", ", *(False,) * 3
        )
        sample = {"a": [1, -2.5, None, True, "\u00e4"], "b": {}}
        return fast if complexjson is json and "".join(fast(sample, 0)) == encoder.encode(sample) else slow
    except (AttributeError, TypeError):
        return slow


BODYLESS = frozenset({"GET", "HEAD"})
"""Methods without a Content-Length where there is no body."""

_encode = _json_encoder()
_JSON = b"Content-Type: application/json\r\n"
_FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


class Documents:
    """JSON documents as bytes; those that were sent before are known again, which takes half as long as to write one.

    Scripts mostly send the same few. Where each document has its own number or name, it is soon no longer looked.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[bytes, bytes, bytes]] = {}
        self._unknown = 0  # in a row
        self._pause = 0  # documents until it is looked again

    def body_of(self, document: Any, head: HeadLines) -> tuple[bytes, bytes, bytes]:
        """A document as requests would write it, the headers that describe it, and the document as requests keeps it.

        Args:
            document: What JSON can hold.
            head: The other headers.

        Raises:
            ValueError: It holds what JSON cannot.
            TypeError: It holds what cannot be written at all.
        """
        found = None
        if self._pause:
            self._pause -= 1
        else:
            try:
                # Equal bytes are equal in every type, which equal values are not: 1 and True. Objects of classes of a
                # script's own are refused. Version 2: later ones depend on who else holds the parts.
                key = marshal.dumps(document, 2)
            except ValueError:
                pass
            else:
                found = self._known.get(key)
                if found is None:
                    found = self._learn(key, document)
                else:
                    self._unknown = 0
        body, described, length = found or _written(document)
        return body, length if "content-type" in head.names else described, body

    def _learn(self, key: bytes, document: Any) -> tuple[bytes, bytes, bytes]:
        written = _written(document)
        self._unknown += 1
        if self._unknown >= _GIVE_UP_AFTER:
            self._unknown, self._pause = 0, _LOOK_AGAIN_AFTER
        if len(key) <= _LONGEST_KNOWN:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key] = written
        return written


_MOST_KNOWN = 256
_LONGEST_KNOWN = 1 << 14
_GIVE_UP_AFTER = 64
_LOOK_AGAIN_AFTER = 4096
documents = Documents()
"""Those of this process."""


def _written(document: Any) -> tuple[bytes, bytes, bytes]:
    """A document, the headers that describe it, and those without its type."""
    try:
        body = "".join(_encode(document, 0)).encode()
    except (TypeError, ValueError, RecursionError):
        said: str = complexjson.dumps(document, allow_nan=False)  # says what is wrong
        body = said.encode()
    length = b"Content-Length: %d\r\n" % len(body)
    return body, length + _JSON, length


def body_of(method: str, data: Any, head: HeadLines) -> tuple[bytes, bytes, Any]:
    """Data as bytes, the headers that describe it, and the body as requests keeps it.

    Args:
        method: In upper case.
        data: Text, bytes, or the fields of a form; not empty.
        head: The other headers.
    """
    shown = data
    kind = b""
    if not isinstance(data, str | bytes):
        shown = requests.models.RequestEncodingMixin._encode_params(data)  # type: ignore[attr-defined]  # noqa: SLF001
        kind = b"" if "content-type" in head.names else _FORM
    body = shown.encode() if isinstance(shown, str) else shown
    if body or method not in BODYLESS:  # the fields may come to nothing
        return body, b"Content-Length: %d\r\n%s" % (len(body), kind), shown
    return body, kind, shown


def authorization(auth: Any) -> bytes:
    """The header of basic authentication; empty for none."""
    if auth is None:
        return b""
    name, password = (auth.username, auth.password) if isinstance(auth, HTTPBasicAuth) else auth
    return b"Authorization: " + _basic_auth_str(name, password).encode("latin-1") + b"\r\n"
