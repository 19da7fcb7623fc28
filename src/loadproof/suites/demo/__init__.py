"""The suite behind ``loadproof demo``: a small shop and the people who visit it."""

from __future__ import annotations

from pathlib import Path

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
"""The demo's locustfile; plain Locust."""

TARGET_MODULE = "loadproof.suites.demo.target"
"""The demo's service; ``python -m`` runs it in a process of its own."""
