"""The services of the suite on free ports, and copies of its folder to work in."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time

import pytest

from commandline import end, environment, wait_for
from loadproof.suites.services import FOLDER
from loadproof.suites.services.parts import PORTS, port_variable
from suite_targets import running_target

NOT_COPIED = shutil.ignore_patterns("__pycache__", "reports", "monitoring")


class Suite:
    """A copy of the suite's folder, in which its commands are typed.

    Attributes:
        folder: The copy.
        environ: Variables that say where the services are.
    """

    def __init__(self, folder, targets):
        shutil.copytree(FOLDER, folder, ignore=NOT_COPIED)
        self.folder = folder
        self.started = []
        self.environ = {"SERVICES_HOST": "127.0.0.1", "LOADPROOF_TARGETS": str(folder.parent / "targets")}
        self.environ |= {port_variable(name): str(target.ready["port"]) for name, target in targets.items()}

    def start(self, *words, **extra):
        """Type a command; variables of a build server are not inherited."""
        environ = environment(**self.environ | extra)
        for name in ("CI", "GITHUB_ACTIONS", "VIRTUAL_ENV", "PYTHON", "MAKEFLAGS", "MAKELEVEL"):
            if name not in extra:
                environ.pop(name, None)
        process = subprocess.Popen(
            words, cwd=self.folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

        self.started.append(process)
        return process

    def end_all(self):
        """End what a test that failed has left."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def run(self, *words, timeout=100, **extra):
        """Type a command and wait for its end."""
        return end(self.start(*words, **extra), self.folder, timeout)

    def edit(self, name, before, after, *, times=1):
        """Change a file in so many places."""
        text = (self.folder / name).read_text()
        assert text.count(before) == times
        (self.folder / name).write_text(text.replace(before, after))

    def directories(self, stem):
        """Result directories whose names begin so, oldest first."""
        return sorted((self.folder / "reports/performance").glob(f"{stem}_[0-9]*"))


@pytest.fixture(scope="session")
def services():
    """The three services, healthy, by their names."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(running_target("services", name, "--port", "0")) for name in PORTS}


@pytest.fixture
def suite(tmp_path, services):
    suite = Suite(tmp_path / "suite", services)
    yield suite
    suite.end_all()


@pytest.fixture(scope="session")
def loaded(tmp_path_factory, services):
    """``./scripts/run_perf_test.sh pkd_service load 6 4``, and what the service answered meanwhile."""
    suite = Suite(tmp_path_factory.mktemp("loaded") / "suite", services)
    before = services["pkd_service"].state["requests"]
    ended = suite.run("./scripts/run_perf_test.sh", "pkd_service", "load", "6", "4")
    ended.answered = services["pkd_service"].state["requests"] - before
    return ended


@pytest.fixture(scope="session")
def quick(tmp_path_factory, services):
    """``make perf-test-quick``, shortened by its variables."""
    suite = Suite(tmp_path_factory.mktemp("quick") / "suite", services)
    ended = suite.run("make", "perf-test-quick", "USERS=5", "DURATION=3")
    return suite, ended


@pytest.fixture(scope="session")
def failing(tmp_path_factory, services):
    """A load test in which a fifth of the answers are errors, then answers take too long, then nobody listens."""
    with running_target("services", "ui_app", "--port", "0", "--error-share", "0.2") as target:
        suite = Suite(tmp_path_factory.mktemp("failing") / "suite", services | {"ui_app": target})
        suite.edit(
            "loadproof.toml", '"GET /health", "GET /docs"]\ntimeout = "30s"', '"GET /health/"]\ntimeout = "700ms"'
        )
        process = suite.start(
            "python3", "scripts/performance_test.py", "load", "ui_app", "--users", "5", "--duration", "6"
        )
        wait_for(lambda: target.state["requests"] > 60)
        target.post("/_faults", {"error_share": 0, "latency": 5})
        time.sleep(1.5)
        os.kill(target.process.pid, signal.SIGKILL)
        return end(process, suite.folder)
