"""The exceptions that Loadproof raises on purpose, and the exit codes they lead to.

::

    LoadproofError
    ├── UsageError        the plan, an option or a file is wrong: nothing was sent        exit 2
    └── RunError          the run could not be made or finished                           exit 3
        └── NotReadyError the target does not answer                                      exit 3

Every error says what happened, where, and what to try; its ``slug`` is a heading of ``docs/messages.md``.
Only ``loadproof.cli`` turns errors into exit codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller; ``docs/messages.md`` lists them for users."""

    PASS = 0
    BUG = 1
    USAGE = 2
    COULD_NOT_RUN = 3
    INCONCLUSIVE = 4
    REGRESSED = 5
    FAILED = 99
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with what the user gave.

    Attributes:
        slug: Heading in ``docs/messages.md``, such as ``unknown-key``.
        where: File and key path, or the option: ``loadproof.toml: services.pkd.base_url``.
        what: What is wrong, in one sentence without a final stop.
        hint: What to try; None where nothing better than the manual is known.
    """

    slug: str
    where: str
    what: str
    hint: str | None = None

    def __str__(self) -> str:
        """One line for a terminal: where, what, hint, slug."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.where}: {self.what}{hint} [{self.slug}]"


class LoadproofError(Exception):
    """The root of everything that Loadproof raises on purpose."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str, *, slug: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.slug = slug
        self.hint = hint


class UsageError(LoadproofError):
    """The plan, an option or a file is wrong, and nothing was sent.

    Attributes:
        problems: Every problem found, in the order of the files and options; never empty.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        super().__init__("\n".join(str(problem) for problem in problems), slug=first.slug, hint=first.hint)
        self.problems = problems


class RunError(LoadproofError):
    """The run could not be made or finished: a broken script, a lost worker, a taken port."""

    exit_code = ExitCode.COULD_NOT_RUN


class NotReadyError(RunError):
    """The target does not answer, and no load was sent."""
