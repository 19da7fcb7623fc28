"""The scripts that the suite's document names: thin faces of Loadproof."""

from __future__ import annotations
