"""The modules of the fleet suite's own folder, as its locustfile finds them: by name, with their folder on the path."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

import loadproof

FOLDER = Path(loadproof.__file__).parent / "suites" / "fleet" / "test" / "performance"


def fleet_modules(*names):
    """Import some, and leave no trace: other suites have modules of the same names."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
        patch.syspath_prepend(FOLDER)
        loaded = [importlib.import_module(name) for name in names]
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == FOLDER:
            del sys.modules[name]
    return loaded
