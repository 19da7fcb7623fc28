"""The section of pytest's terminal summary that lists the load runs, and their properties in ``junit.xml``.

Under pytest-xdist the runs are made in workers: a line on each travels in the report of its test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import pytest

    from loadproof.pytest_plugin.fixture import LoadRunner

_COLOURS = {"PASS": "green", "WARN": "yellow", "INCONCLUSIVE": "purple"}
"""By outcome; everything else is red."""


class RunLine(TypedDict):
    """What the summary says of one run: plain texts, which a report can carry between processes.

    Attributes:
        test: Node id of the test that made it.
        name: The run's own name.
        outcome: ``PASS``, ``WARN``, ``FAIL``, ``INCONCLUSIVE`` or ``NOT PASSED``.
        said: Its most important figures, and why it did not pass where rules do not say.
        report: Where its report is.
    """

    test: str
    name: str
    outcome: str
    said: str
    report: str


class RunLines:
    """Every load run of the session, and those that are going on: a plugin of its own, which the session registers."""

    def __init__(self) -> None:
        self._lines: list[RunLine] = []
        self._runners: list[LoadRunner] = []

    def add(self, line: RunLine) -> list[tuple[str, object]]:
        """Take in a run that is over.

        Returns:
            Its properties for ``junit.xml``: ``loadproof.outcome`` and so on, ``loadproof.2.outcome`` for the second
            run of a test.
        """
        self._lines.append(line)
        number = sum(other["test"] == line["test"] for other in self._lines)
        prefix = "loadproof." if number == 1 else f"loadproof.{number}."
        return [
            (f"{prefix}name", line["name"]),
            (f"{prefix}outcome", line["outcome"]),
            (f"{prefix}figures", line["said"]),
            (f"{prefix}report", line["report"]),
        ]

    def of(self, test: str) -> list[RunLine]:
        """Take out the runs of one test; empty where it made none."""
        found = [line for line in self._lines if line["test"] == test]
        self._lines = [line for line in self._lines if line["test"] != test]
        return found

    def watch(self, runner: LoadRunner) -> None:
        """Remember who may have runs going on."""
        self._runners.append(runner)

    def forget(self, runner: LoadRunner) -> None:
        """Forget it: its test is over."""
        self._runners.remove(runner)

    def pytest_keyboard_interrupt(self) -> None:
        """End the runs of other threads, which Ctrl-C does not reach."""
        for runner in self._runners:
            runner.stop()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in the runs of a worker."""
        self._lines.extend(getattr(report, "loadproof_runs", ()))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the runs; nothing where there was none."""
        if not self._lines:
            return
        terminalreporter.section("load runs")
        for line in self._lines:
            outcome = line["outcome"]
            terminalreporter.write(f"{outcome} ", **{_COLOURS.get(outcome, "red"): True})
            terminalreporter.line(line["test"])
            terminalreporter.line(f"    {line['name']}: {line['said']}")
            terminalreporter.line(f"    {line['report']}")
