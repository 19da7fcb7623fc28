"""The pytest plugin: the fixture and the mark ``loadproof``, and what pytest's own output says of load runs.

Every pytest that has Loadproof installed imports this package at its start, so that it loads nothing but pytest: the
rest comes with the first test that uses the fixture or the mark. Load is made in a child process; neither gevent nor
Locust is ever loaded here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from loadproof.pytest_plugin.summary import RunLines

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from loadproof.pytest_plugin.fixture import LoadRunner
    from loadproof.pytest_plugin.marks import Marked
    from loadproof.pytest_plugin.measured import MeasuredRun
    from loadproof.pytest_plugin.summary import RunLine

__all__ = ["LoadRunner", "MeasuredRun"]

_HOMES = {"LoadRunner": "loadproof.pytest_plugin.fixture", "MeasuredRun": "loadproof.pytest_plugin.measured"}

_MARK = "loadproof"
_MARKED: pytest.StashKey[Marked] = pytest.StashKey()
_RUNNER: pytest.StashKey[LoadRunner] = pytest.StashKey()
_LINES: pytest.StashKey[RunLines] = pytest.StashKey()


def __getattr__(name: str) -> Any:
    """Resolve the names that tests annotate with on their first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--loadproof-results``; no short option, those are for pytest and for projects."""
    parser.getgroup("loadproof", "load tests with Loadproof").addoption(
        "--loadproof-results",
        metavar="DIR",
        help="keep the result directories of load runs in DIR (default: below each test's tmp_path)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known, and listen for load runs."""
    config.addinivalue_line(
        "markers",
        "loadproof(*rules, allow_inconclusive=None): hold every load run of the test to these rules, such as "
        "'p95(response_time) < 500ms'; inconclusive runs fail the test, or skip it with allow_inconclusive=True",
    )
    lines = RunLines()
    config.stash[_LINES] = lines
    config.pluginmanager.register(lines, "loadproof-summary")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Read the rules of a marked test before any of its fixtures is set up."""
    if item.get_closest_marker(_MARK) is None:
        return
    from loadproof.errors import UsageError  # noqa: PLC0415 - for marked tests alone
    from loadproof.pytest_plugin.marks import read_marks  # noqa: PLC0415

    wrong = ""
    try:
        item.stash[_MARKED] = read_marks(list(item.iter_markers(_MARK)))
    except UsageError as error:
        wrong = str(error)
    if wrong:
        pytest.fail(wrong, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose rules were held against nothing: no data is never a pass."""
    outcome = yield
    marked = item.stash.get(_MARKED, None)
    if marked is None or not marked.rules:
        return outcome
    runner = item.stash.get(_RUNNER, None)
    own = any(mark.name == _MARK for mark in item.own_markers)  # a module's mark may be for its other tests
    if (own or runner is not None) and not (runner and runner.runs):
        rules = "; ".join(rule.text for rule in marked.rules)
        pytest.fail(f"the test made no load run, so that its rules were held against nothing: {rules}", pytrace=False)
    return outcome


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the runs of a test from a worker of pytest-xdist to the process that writes the summary."""
    report = yield
    if report.when == "teardown" and hasattr(item.config, "workerinput"):
        report.loadproof_runs = item.config.stash[_LINES].of(item.nodeid)  # type: ignore[attr-defined]
    return report


@pytest.fixture(name="loadproof")
def loadproof_fixture(request: pytest.FixtureRequest) -> Iterator[LoadRunner]:
    """Run load tests: ``loadproof.run("locustfile.py", users=5, run_time="10s", host=url)``.

    ``run`` gives a ``MeasuredRun`` to assert on, and fails the test where the run did not pass.
    """
    from loadproof.pytest_plugin.fixture import LoadRunner  # noqa: PLC0415 - for tests that use it

    item, config = request.node, request.config
    chosen = config.getoption("--loadproof-results")
    results = (
        request.getfixturevalue("tmp_path") / "loadproof" if chosen is None else config.invocation_params.dir / chosen
    )
    lines = config.stash[_LINES]

    def tell(line: RunLine) -> None:
        item.user_properties.extend(lines.add(line))

    runner = LoadRunner(item.nodeid, results, item.stash.get(_MARKED, None), tell)
    item.stash[_RUNNER] = runner
    lines.watch(runner)
    yield runner
    runner.stop()
    lines.forget(runner)
