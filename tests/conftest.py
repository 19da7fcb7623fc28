"""Markers and fixtures for every kind of test."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from loadproof.suites.processes import find_program

# What is said to this process is not meant for the programs that the tests start: a `make` among them would take
# itself for a part of `make test`, and say so in its output; others would compile every module at each start.
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(name, None)

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


MEASURING = frozenset(
    f"test_{name}.py"
    for name in ("compatibility", "examples", "locust_statistics", "searches", "services_suite_search")
)
"""Modules whose tests depend on what else the machine does.

A search tells a machine that is busy from a service, and Locust, which some of them compare with, may lose what it
counted last. All others wait for what shall happen, and count; the few in them that measure times are marked one by
one.
"""


def pytest_collection_modifyitems(items):
    """What measures needs the machine for itself."""
    for item in items:
        if item.path.name in MEASURING:
            item.add_marker("alone")


@pytest.fixture
def nginx(tmp_path):
    """A private nginx on a free port of 127.0.0.1, without root; mark the test ``real("nginx")``."""
    from nginx_server import private_nginx

    with private_nginx(tmp_path / "nginx") as server:
        yield server
