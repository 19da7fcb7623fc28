"""What scans: patterns in this process, or clamd over its socket."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Mapping
    from pathlib import Path

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"
"""The harmless file that every scanner takes for malware, eicar.org; written in parts, so that none takes this one."""

SIGNATURES: Mapping[str, bytes] = {"Eicar-Test-Signature": EICAR}
"""Names of what is found, and the bytes that tell."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scanner says of one file.

    Attributes:
        reason: Name of the signature that was found; None where the file is clean.
        seconds: What the scanner took; waiting for the client is not in it.
    """

    reason: str | None
    seconds: float


class ScannerError(Exception):
    """The scanner does not answer, or refused the file."""


class Scanner(Protocol):
    """Scans one stream of bytes at a time, as many at once as callers ask for."""

    async def scan(self, chunks: AsyncIterable[bytes]) -> Scan:
        """Scan what the chunks make up together, as they come.

        Raises:
            ScannerError: There is no verdict.
        """

    async def is_up(self) -> bool:
        """Whether it can scan now."""


class PatternScanner:
    """Looks for signatures anywhere in a stream, however it is cut; keeps no more than one chunk of it.

    Args:
        signatures: Name to bytes.
    """

    def __init__(self, signatures: Mapping[str, bytes] = SIGNATURES) -> None:
        self._signatures = signatures
        self._overlap = max(map(len, signatures.values())) - 1

    async def scan(self, chunks: AsyncIterable[bytes]) -> Scan:
        """Scan a stream; it is read to its end even where something was found."""
        reason, seconds, tail = None, 0.0, b""
        async for chunk in chunks:
            began = time.perf_counter()
            window = tail + chunk
            reason = reason or self._found(window)
            tail = window[-self._overlap :]
            seconds += time.perf_counter() - began
        return Scan(reason, seconds)

    async def is_up(self) -> bool:
        """Always: it is in this process."""
        return True

    def _found(self, window: bytes) -> str | None:
        return next((name for name, pattern in self._signatures.items() if pattern in window), None)


class ClamdScanner:
    """Hands streams on to clamd by its INSTREAM command, over its Unix socket (clamd(8), "Commands").

    Args:
        socket: Where clamd listens.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def scan(self, chunks: AsyncIterable[bytes]) -> Scan:
        """Scan a stream; each chunk is passed on as it comes.

        Raises:
            ScannerError: clamd does not answer, or said ERROR, as for a file over its StreamMaxLength.
        """
        began = time.perf_counter()
        waited = 0.0
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
            try:
                writer.write(b"zINSTREAM\0")
                asked = time.perf_counter()
                async for chunk in chunks:
                    waited += time.perf_counter() - asked
                    if chunk:
                        writer.write(len(chunk).to_bytes(4, "big") + chunk)
                        await writer.drain()
                    asked = time.perf_counter()
                waited += time.perf_counter() - asked
                writer.write(bytes(4))
                answer = (await reader.readuntil(b"\0")).rstrip(b"\0").decode(errors="replace")
            finally:
                writer.close()
        except (OSError, asyncio.IncompleteReadError) as error:
            raise ScannerError(f"clamd does not answer: {error}") from error
        return Scan(_reason(answer), time.perf_counter() - began - waited)

    async def is_up(self) -> bool:
        """Whether clamd answers PING."""
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
            try:
                writer.write(b"zPING\0")
                return await reader.readuntil(b"\0") == b"PONG\0"
            finally:
                writer.close()
        except (OSError, asyncio.IncompleteReadError):
            return False


def _reason(answer: str) -> str | None:
    """The signature in clamd's answer, None for a clean file."""
    verdict = answer.removeprefix("stream: ")
    if verdict == "OK":
        return None
    if verdict.endswith(" FOUND"):
        return verdict.removesuffix(" FOUND")
    raise ScannerError(f"clamd says: {answer}")
