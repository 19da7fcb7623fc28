"""Servers on loopback for the integration tests."""

from __future__ import annotations

import pytest
from service import Service


@pytest.fixture
def service():
    """A service that does what its paths say; see ``service.py``."""
    server = Service()
    yield server
    if not server.dead:
        server.close()
