"""The headers of a call, as requests would merge and write them; what repeats is merged once."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import requests
from requests.structures import CaseInsensitiveDict

if TYPE_CHECKING:
    from collections.abc import Mapping

_URLLIB3 = f"User-Agent: python-urllib3/{version('urllib3')}\r\n".encode()
_HARD = frozenset({"host", "content-length", "transfer-encoding", "expect"})


class HeadLines:
    """The headers of a call, merged.

    Attributes:
        lines: As bytes, each with its line end.
        names: Lower-case names that are set.
        fields: The same as requests keeps them; not to be changed.
        hard: Whether one is among them that says how the rest of the request is to be written.
    """

    __slots__ = ("fields", "hard", "lines", "names")

    def __init__(self, fields: CaseInsensitiveDict[Any]) -> None:
        self.fields = fields
        self.names = frozenset(name.lower() for name in fields)
        lines = [_bytes(name, "ascii") + b": " + _bytes(value) + b"\r\n" for name, value in fields.items()]
        # urllib3 says these for whoever does not.
        if "user-agent" not in self.names:
            lines.insert(0, _URLLIB3)
        if "accept-encoding" not in self.names:
            lines.insert(0, b"Accept-Encoding: identity\r\n")
        self.lines = b"".join(lines)
        self.hard = bool(self.names & _HARD)


class WatchedHeaders(CaseInsensitiveDict[Any]):
    """A session's headers, which know their lines until somebody changes them."""

    _head: HeadLines | None = None

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._head = None

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._head = None

    def head(self) -> HeadLines:
        """The headers alone, without any of a call; raises as ``merged``."""
        head = self._head
        if head is None:
            head = self._head = merged(self, None)
        return head


def watched(headers: Any) -> Any:
    """The same headers, watched where they are of the kind that a session has by itself."""
    if type(headers) is CaseInsensitiveDict:
        headers.__class__ = WatchedHeaders
    return headers


def merged(session_headers: Any, headers: Mapping[str, Any] | None) -> HeadLines:
    """The session's headers with a call's own over them; a None takes one away.

    Raises:
        requests.exceptions.InvalidHeader: As requests raises it.
        UnicodeEncodeError: A value is not Latin-1.
    """
    try:
        return _cached(tuple(session_headers.items()), None if headers is None else tuple(headers.items()))
    except TypeError:  # a value that cannot be hashed: requests says what it thinks of it
        return _merged(session_headers.items(), headers)


def merged_with(head: HeadLines, headers: Mapping[str, Any]) -> HeadLines:
    """As ``merged``, over headers that are merged already."""
    try:
        return _cached_over(head, tuple(headers.items()))
    except TypeError:
        return _merged(head.fields.items(), headers)


@lru_cache(maxsize=1024)
def _cached(session_items: tuple[Any, ...], items: tuple[Any, ...] | None) -> HeadLines:
    return _merged(session_items, None if items is None else dict(items))


@lru_cache(maxsize=1024)
def _cached_over(head: HeadLines, items: tuple[Any, ...]) -> HeadLines:
    return _merged(head.fields.items(), dict(items))


def _merged(session_items: Any, headers: Mapping[str, Any] | None) -> HeadLines:
    fields: CaseInsensitiveDict[Any] = CaseInsensitiveDict(session_items)
    fields.update(headers or {})
    for name in [name for name, value in fields.items() if value is None]:
        del fields[name]
    prepared = requests.PreparedRequest()
    prepared.prepare_headers(fields)
    return HeadLines(prepared.headers)


def _bytes(value: str | bytes, encoding: str = "latin-1") -> bytes:
    return value if isinstance(value, bytes) else value.encode(encoding)
