"""Why there was no test: what the load process, or Locust, said before it ended, as an error for people."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from loadproof.errors import ExitCode, LoadproofError, NotReadyError, Problem, RunError, UsageError
from loadproof.plan.redact import redact_text


def refusal(payload: dict[str, Any]) -> LoadproofError:
    """The load process said why there can be no run."""
    message, slug, hint = payload["message"], payload["slug"], payload["hint"]
    if payload["exit_code"] == ExitCode.USAGE:
        return UsageError([Problem(slug, payload["where"], message, hint)])
    return NotReadyError(message, slug=slug, hint=hint)


def failed_before_start(exit_: dict[str, Any] | None, code: int | None, stderr: list[str]) -> LoadproofError:
    """Locust ended before a test began: bad arguments are the user's to mend, the rest is the script's."""
    quoted = "\n".join(stderr)
    if exit_ is None:
        message = f"the load process ended (code {code}) before the test began"
        return RunError(f"{message}\n{quoted}" if quoted else message, slug="load-process")
    if taken := _TAKEN_PORT.search(quoted):
        message = f"a port that Locust needs is taken: {taken[1] or taken[2]}"
        hint = "stop what listens there, or pass --web-port or --master-bind-port"
        return RunError(message, slug="port-taken", hint=hint)
    if exit_["error"] is not None:
        return RunError(redact_text(f"the locustfile cannot be loaded: {exit_['error']}"), slug="broken-script")
    if exit_["code"] == 0:
        return RunError(f"Locust ended before a test began\n{quoted}".rstrip(), slug="no-test")
    if exit_["code"] == _ARGPARSE_REFUSES and (problems := _told_by_the_suite(stderr)):
        return UsageError(problems)
    if exit_["code"] == _ARGPARSE_REFUSES or any(sign in quoted for sign in _USERS_MISTAKES):
        return UsageError([Problem("locust-refused", "Locust", _last_message(stderr))])
    return RunError(f"Locust could not start\n{quoted}".rstrip(), slug="locust-failed")


_TAKEN_PORT = re.compile(r"Address already in use: (.*)|master port \((.*?)\) was busy")
_ARGPARSE_REFUSES = 2
_USERS_MISTAKES = (
    "Could not find",
    "Unknown User",
    "No User class found",
    "is only meaningful",
    "Duplicate ",
    "Invalid ",
)


_TOLD = re.compile(r"❌ (.*?): (.*) \[([a-z0-9-]+)\]")
_HINT = "   try: "


def _told_by_the_suite(stderr: list[str]) -> list[Problem]:
    """What the settings of a suite said is wrong, as problems again; empty where they said nothing."""
    problems: list[Problem] = []
    for line in stderr:
        if told := _TOLD.fullmatch(line):
            problems.append(Problem(told[3], told[1], told[2]))
        elif problems and line.startswith(_HINT):
            problems[-1] = replace(problems[-1], hint=line.removeprefix(_HINT))
    return problems


def _last_message(stderr: list[str]) -> str:
    """Locust's own words, without the time, host and logger in front."""
    for line in reversed(stderr):
        text = line.split("locust.main: ")[-1].split(": error: ")[-1].strip()
        if text and not text.startswith("Did you mean"):
            position = stderr.index(line)
            return " ".join([text, *stderr[position + 1 :]])
    return "it ended without a word"
