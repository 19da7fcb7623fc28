"""How many small numbers become few bytes, and bytes become text."""

from __future__ import annotations

import base64
import sys
import zlib
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_WORTH_DEFLATING = 64
_LEVEL = 3  # higher ones take twice as long to save two bytes in a hundred


def to_planes(values: Sequence[int]) -> bytes:
    """Numbers below ``2 ** 64`` as the lowest bytes of all, then the next ones of all, as far as the largest needs.

    Neighbouring counts differ in their low bytes and share their high ones, so that this deflates better.
    """
    length = (max(values, default=0).bit_length() + 7) // 8
    size = next(size for size in _CODES if size >= length)
    numbers = array(_CODES[size], values)
    if sys.byteorder == "big":
        numbers.byteswap()
    raw = numbers.tobytes()
    return raw if size == 1 else b"".join([raw[plane::size] for plane in range(length)])


def from_planes(planes: bytes, n: int) -> Sequence[int]:
    """The inverse of ``to_planes``, given how many numbers there are.

    Raises:
        ValueError: So many bytes are not so many numbers.
    """
    if n == 0 or len(planes) == n:
        return planes
    length, rest = divmod(len(planes), n)
    if rest or not 1 <= length <= 8:
        raise ValueError(f"{len(planes)} bytes are not {n} numbers")
    size = next(size for size in _CODES if size >= length)
    raw = bytearray(n * size)
    for plane in range(length):
        raw[plane::size] = planes[plane * n : (plane + 1) * n]
    numbers = array(_CODES[size], bytes(raw))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def deflated(data: bytes) -> bytes:
    """The same bytes behind a mark that says whether they were deflated, which short ones are not."""
    if len(data) >= _WORTH_DEFLATING:
        smaller = zlib.compress(data, _LEVEL)
        if len(smaller) < len(data):
            return b"z" + smaller
    return b"=" + data


def inflated(data: bytes) -> bytes:
    """The inverse of ``deflated``.

    Raises:
        ValueError: The mark is neither of the two.
        zlib.error: The bytes are broken.
    """
    if data[:1] not in (b"z", b"="):
        raise ValueError("unknown mark")
    return zlib.decompress(data[1:]) if data[:1] == b"z" else data[1:]


def to_text(data: bytes) -> str:
    """Bytes as JSON can hold them: base64."""
    return base64.b64encode(data).decode("ascii")


def from_text(text: str) -> bytes:
    """The inverse of ``to_text``.

    Raises:
        ValueError: It is not base64.
    """
    return base64.b64decode(text, validate=True)
