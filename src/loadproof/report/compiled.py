"""Compiled templates, kept beside their source as Python keeps compiled modules.

Compiling the page of the report takes a tenth of what a short run takes altogether.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import jinja2

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2.bccache import Bucket


class CompiledBeside(jinja2.BytecodeCache):
    """Templates of a package, in the ``__pycache__`` of its folder; where that cannot be written, each run compiles.

    What it holds is code and is run, so it is only ever read from where the modules themselves are.

    Args:
        folder: Where the templates are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "__pycache__"

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what was compiled of this very source by this Python and this Jinja, if anything was."""
        try:
            bucket.bytecode_from_string(self._file(bucket).read_bytes())
        except Exception:  # noqa: BLE001 - whatever is wrong with the file, the source is at hand
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it for the next run, unless Python was told to keep nothing, or the folder is not ours to write."""
        if sys.dont_write_bytecode:
            return
        file = self._file(bucket)
        temporary = file.with_name(f"{file.name}.{os.getpid()}")
        try:
            temporary.write_bytes(bucket.bytecode_to_string())
            temporary.replace(file)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _file(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{sys.implementation.cache_tag}.jinja-{jinja2.__version__}"
