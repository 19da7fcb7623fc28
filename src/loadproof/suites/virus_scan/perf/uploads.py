"""Bodies of chunked uploads: what is uploaded again and again is read once, and a large file in large pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIECE = 1 << 18
"""Bytes of a chunk. Chunks of 1 KiB make the load generator the bottleneck, and its own slowness look like that of the
service."""

KEPT = 64 << 20
"""Largest file in bytes that is kept in memory."""

EICAR = (rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$", b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*")
"""The test file of eicar.org, which every scanner takes for malware, cut in two: it must be found all the same."""

LOREM = (
    b"Lorem ipsum dolor sit amet, ",
    b"consectetur adipiscing elit, ",
    b"sed do eiusmod tempor incididunt ",
    b"ut labore et dolore magna aliqua.",
)
"""A clean text in four chunks."""


class FileUpload:
    """A file that is uploaded as a stream: from memory, or from disk where it is too large to be kept.

    Args:
        path: The file.
        kept: Largest number of bytes that is kept in memory.
    """

    def __init__(self, path: Path, kept: int = KEPT) -> None:
        self._path = path
        self._pieces = tuple(self._read()) if path.stat().st_size <= kept else None

    def chunks(self) -> Iterator[bytes]:
        """The file from its start, for one request."""
        return self._read() if self._pieces is None else iter(self._pieces)

    def _read(self) -> Iterator[bytes]:
        with self._path.open("rb", buffering=0) as file:
            while piece := file.read(PIECE):
                yield piece
