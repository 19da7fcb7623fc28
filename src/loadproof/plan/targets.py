"""What the word TARGET means: locustfiles, or services without code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.errors import Problem
from loadproof.plan.values import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection

_ADDRESS = re.compile(r"https?://")
_UNSAFE = re.compile(r"[^A-Za-z0-9._\-]+")
_LONGEST_NAME = 80
_PREFIX = "services."


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be run.

    Attributes:
        source: The layer that chose it.
        locustfile: Value for Locust's ``-f``; None where services are run.
        services: Names of services; empty where locustfiles are run.
    """

    source: str
    locustfile: str | None = None
    services: tuple[str, ...] = ()


def read_target(word: str, source: str, services: Collection[str], cwd: Path, problems: list[Problem]) -> Chosen | None:
    """Tell locustfiles from services.

    A word that ends in ``.py``, holds a separator or a comma, or exists as a path means locustfiles; any other is a
    service, and so are several with commas where every part is one. ``services.NAME`` always means the service.

    Args:
        word: TARGET as it was written.
        source: Where it was written.
        services: Names of the services that the file declares.
        cwd: The current folder.
        problems: What is wrong is added here: ``ambiguous-target``, ``unknown-service``, ``missing-file``,
            ``not-a-locustfile``.

    Returns:
        None where there is a problem.
    """
    parts = [part.strip() for part in word.split(",") if part.strip()]
    names = tuple(dict.fromkeys(part.removeprefix(_PREFIX) if part not in services else part for part in parts))
    if parts and all(name in services for name in names):
        paths = [part for part in parts if part in services and (cwd / part).exists()]
        if not paths:
            return Chosen(source, services=names)
        way_out = f"write ./{paths[0]} for the path, or services.{paths[0]} for the service"
        problems.append(Problem("ambiguous-target", source, f"{paths[0]} is a service and a path too", way_out))
        return None
    if word.endswith(".py") or re.search(r"[/\\,]", word) or (cwd / word).exists() or word == "-":
        return read_locustfile(word, source, cwd, problems)
    hint = did_you_mean(word, services, listed="services") or _files_hint(word, cwd)
    what = f"there is no service and no path {word!r}"
    problems.append(Problem("unknown-service", source, what, hint))
    return None


def read_locustfile(value: str, source: str, cwd: Path, problems: list[Problem]) -> Chosen | None:
    """Check a value for Locust's ``-f``: paths and folders must exist; addresses and ``-`` are left to Locust."""
    parts = [part.strip() for part in value.split(",") if part.strip()]
    before = len(problems)
    if not parts:
        problems.append(Problem("missing-file", source, "names no locustfile"))
    for part in parts:
        path = cwd / part
        if part == "-" or _ADDRESS.match(part):
            continue
        if path.is_dir():
            if next(path.rglob("*.py"), None) is None:
                problems.append(Problem("missing-file", source, f"there is no locustfile in the folder {part}"))
        elif not path.exists():
            problems.append(Problem("missing-file", source, f"there is no file {part}", _files_hint(part, cwd)))
        elif path.suffix != ".py":
            what = f"{part} does not end in .py, and Locust takes no other locustfile"
            problems.append(Problem("not-a-locustfile", source, what))
    return Chosen(source, locustfile=value) if len(problems) == before else None


def default_name(locustfile: str | None, cwd: Path) -> str:
    """The name of a test that was given none: the file's stem, or for a ``locustfile.py`` its folder's name."""
    stems: list[str] = []
    for part in (locustfile or "").split(","):
        path = Path(part.strip())
        if path.stem == "locustfile" and not _ADDRESS.match(part):
            path = (cwd / path).resolve().parent
        stems.append((cwd / path).resolve().name if path.suffix != ".py" else path.stem)
    return safe_name("_".join(stems))


def safe_name(name: str) -> str:
    """A name that is safe for a directory on every system: letters, digits, dots, dashes and underscores."""
    safe = _UNSAFE.sub("_", name).strip("._-")[:_LONGEST_NAME].rstrip("._-")
    return safe or "test"


def _files_hint(word: str, cwd: Path) -> str | None:
    folder = (cwd / word).parent
    if not folder.is_dir():
        return None
    name = Path(word).name if word.endswith(".py") else f"{Path(word).name}.py"
    close = get_close_matches(name, [path.name for path in sorted(folder.glob("*.py"))], n=1)
    return f"did you mean {Path(word).parent / close[0]}?" if close else None
