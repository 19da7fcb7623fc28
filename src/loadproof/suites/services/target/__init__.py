"""The services that the suite tests: ``python -m loadproof.suites.services.target pkd_service --port 8088``."""

from __future__ import annotations
