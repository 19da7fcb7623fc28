"""``loadproof locust …``: Locust's own command line, word for word, in this process."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str]) -> int:
    """Become Locust: its options, its output, its files, its exit code."""
    from loadproof.load.plain import run_locust  # noqa: PLC0415 - patches the standard library

    sys.argv = ["locust", *words]
    return run_locust()
