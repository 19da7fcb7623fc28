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


PATIENT = frozenset(
    f"test_{name}.py"
    for name in (
        *("api", "bad_input", "ci_examples", "ci_outputs", "compare_command", "demo_process", "endings"),
        *("metrics_port", "odd_scripts", "open_model", "pytest_plugin", "real_programs", "report_page", "run"),
        *("services", "verdicts"),
    )
)
"""Modules whose tests wait for what shall happen, and count; the few in them that measure times are marked one by one."""


def pytest_collection_modifyitems(items):
    """Whatever runs whole programs needs the machine for itself, unless it is patient."""
    for item in items:
        if "integration" in item.path.parts and item.path.name not in PATIENT:
            item.add_marker("alone")


@pytest.fixture
def nginx(tmp_path):
    """A private nginx on a free port of 127.0.0.1, without root; mark the test ``real("nginx")``."""
    from nginx_server import private_nginx

    with private_nginx(tmp_path / "nginx") as server:
        yield server
