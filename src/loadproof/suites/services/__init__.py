"""The suite of three HTTP services: load and stress tests without code, with the scripts that its document names."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
"""The root of the suite as a project: its commands work from here."""
