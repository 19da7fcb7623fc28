"""Markers and fixtures for every kind of test."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from loadproof.suites.processes import find_program

# How long an example takes says how busy the machine is.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_runtest_setup(item):
    """Skip a test by the name of the program that it misses; fail it where every program was promised."""
    missing = sorted(
        {program for mark in item.iter_markers("real") for program in mark.args if find_program(program) is None}
    )
    if not missing:
        return
    reason = f"{', '.join(missing)} not on PATH (make system-packages installs it)"
    if os.environ.get("LOADPROOF_REQUIRE_REAL") == "1":
        pytest.fail(f"LOADPROOF_REQUIRE_REAL=1, and {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(items):
    """Whatever runs whole programs needs the machine for itself."""
    for item in items:
        if "integration" in item.path.parts:
            item.add_marker("alone")


@pytest.fixture
def nginx(tmp_path):
    """A private nginx on a free port of 127.0.0.1, without root; mark the test ``real("nginx")``."""
    from nginx_server import private_nginx

    with private_nginx(tmp_path / "nginx") as server:
        yield server
