"""The example file that the suite uploads: ``python -m loadproof.suites.virus_scan.target.example FILE``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLE = Path(__file__).parents[1] / "client-examples" / "5MiB.bin"
"""Where the suite looks for it, in the folder of this suite."""

LENGTH = 5 << 20
"""Its bytes."""


def write_example(path: Path) -> None:
    """Write the example where there is none: bytes at random, the same every time, in which nothing is found.

    Args:
        path: Where; its folder is made.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(Random(LENGTH).randbytes(LENGTH))
    part.replace(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the file that the command line names, and say so where that cannot be: the service needs it not."""
    parser = argparse.ArgumentParser(description="Write the example that the suite uploads.", allow_abbrev=False)
    parser.add_argument("file", type=Path, nargs="?", default=EXAMPLE, help=f"default: {EXAMPLE.name} of the suite")
    path = parser.parse_args(arguments).file
    try:
        write_example(path)
    except OSError as error:
        sys.stderr.write(f"cannot write {path}: {error.strerror}; let USER_FILE name a file of yours\n")


if __name__ == "__main__":
    main()
