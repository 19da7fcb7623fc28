"""The files that a plan is read from: ``loadproof.toml``, ``pyproject.toml``, ``.env`` and Locust's own configuration.

Nothing here knows what the keys mean; what cannot be read is added to a list of problems.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadproof.errors import Problem
from loadproof.plan.values import BadValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

_DOTENV_LINE = re.compile(
    r"""
    ^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.]*)[ \t]*=[ \t]*
    (?:'([^']*)'[ \t]*(?:\#[^\n]*)?$          # single quotes: word for word, over several lines too
      |"((?:[^"\\]|\\.)*)"[ \t]*(?:\#[^\n]*)?$  # double quotes: escapes
      |([^\n]*)$)                             # bare: up to a comment
    """,
    re.MULTILINE | re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_VARIABLE = re.compile(r"\$(\$\{)|\$\{(?:([A-Za-z_]\w*)(?::-([^}]*))?\})?")
_LOCUST_LINE = re.compile(r"(?:--)?([^:=;#\s]+)\s*[:=\s]\s*(['\"]?)(.+?)\2(?:\s+[;#].*)?")


@dataclass(frozen=True, slots=True)
class PlanFile:
    """The table that holds the plan, and where it stands.

    Attributes:
        label: The file as people wrote or know it; empty where there is none.
        prefix: Key path of the table in its file, with a dot at its end; empty for a file of our own.
        folder: Where relative paths in it start, itself relative to the current folder where it can be.
        table: Its keys; empty where there is no file, or none that could be read.
    """

    label: str = ""
    prefix: str = ""
    folder: Path = Path()
    table: Mapping[str, Any] = field(default_factory=dict)

    def where(self, key: str) -> str:
        """Where a key stands, for people: ``loadproof.toml: run.users``."""
        return f"{self.label}: {self.prefix}{key}"


def read_plan_file(cwd: Path, chosen: str | None, problems: list[Problem]) -> PlanFile:
    """``--plan FILE``, else ``loadproof.toml`` in the current folder, else ``[tool.loadproof]`` of ``pyproject.toml``.

    Args:
        cwd: The current folder.
        chosen: The value of ``--plan``; None where it was not given.
        problems: What cannot be read is added here.
    """
    if chosen is not None:
        path = cwd / chosen
        if not path.is_file():
            problems.append(Problem("missing-file", "--plan", f"there is no file {chosen}"))
            return PlanFile(label=chosen)
        return _plan_file(path, chosen, Path(chosen).parent, problems)
    for name in ("loadproof.toml", "pyproject.toml"):
        if (cwd / name).is_file():
            found = _plan_file(cwd / name, name, Path(), problems)
            if name == "loadproof.toml" or found.table:
                return found
    return PlanFile()


def read_dotenv(cwd: Path, problems: list[Problem]) -> dict[str, str]:
    """Variables of ``.env`` in the current folder; empty where there is none.

    Lines are ``KEY=VALUE``, with ``export``, quotes and comments as shells have them; other lines belong to other tools
    and are passed over.
    """
    path = cwd / ".env"
    content = _read(path, ".env", problems) if path.is_file() else None
    variables: dict[str, str] = {}
    for name, literal, escaped, bare in _DOTENV_LINE.findall(_without_comments(content or "")):
        if escaped:
            value = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), escaped, flags=re.DOTALL)
        else:
            value = literal or re.sub(r"(^|\s)#.*", "", bare).strip()
        variables[name] = value
    return variables


def read_locust_configuration(cwd: Path, home: str | None) -> dict[str, tuple[str, str]]:
    """What Locust will read from its own configuration files; only to know it, as Locust reads them itself.

    Later ones win: ``~/.locust.conf``, ``locust.conf``, ``[tool.locust]`` of ``pyproject.toml``. A file that cannot be
    read is Locust's to complain about.

    Returns:
        Option without dashes -> its value as text, and where it stands.
    """
    known: dict[str, tuple[str, str]] = {}
    unheard: list[Problem] = []
    files = [(cwd / "locust.conf", "locust.conf")]
    if home:
        files.insert(0, (Path(home) / ".locust.conf", "~/.locust.conf"))
    for path, label in files:
        content = _read(path, label, unheard) if path.is_file() else None
        for line in (content or "").splitlines():
            match = None if line.lstrip()[:1] in ("#", ";", "[") else _LOCUST_LINE.fullmatch(line.strip())
            if match:
                known[match[1]] = (match[3], f"{label}: {match[1]}")
    table = _sub_table(_toml(cwd / "pyproject.toml", "pyproject.toml", unheard), "locust")
    for key, value in table.items():
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            known[key] = (str(value), f"pyproject.toml: tool.locust.{key}")
    return known


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Fill in ``${NAME}`` and ``${NAME:-default}``; ``$${`` is a literal ``${``.

    A default also stands in for an empty variable, as in a shell.

    Raises:
        BadValueError: ``missing-variable`` for a name that is not set and has no default; ``bad-value`` for a ``${``
            that is no reference.
    """

    def value(match: re.Match[str]) -> str:
        escaped, name, default = match[1], match[2], match[3]
        if escaped:
            return "${"
        if name is None:
            raise BadValueError("has a ${ that names no variable", "write ${NAME}, ${NAME:-default}, or $${ for ${")
        if default is not None:
            return variables.get(name) or default
        if name not in variables:
            raise BadValueError(
                f"the environment variable {name} is not set",
                f"export {name}, put it into .env, or write ${{{name}:-default}}",
                slug="missing-variable",
            )
        return variables[name]

    return _VARIABLE.sub(value, text)


def variable_names(text: str) -> tuple[str, ...]:
    """Names of the variables that ``expand`` fills in, in their order."""
    return tuple(match[2] for match in _VARIABLE.finditer(text) if match[2])


def _plan_file(path: Path, label: str, folder: Path, problems: list[Problem]) -> PlanFile:
    document = _toml(path, label, problems)
    if path.name == "pyproject.toml":
        return PlanFile(label, "tool.loadproof.", folder, _sub_table(document, "loadproof"))
    return PlanFile(label, "", folder, document)


def _sub_table(document: Mapping[str, Any], tool: str) -> Mapping[str, Any]:
    tools = document.get("tool", {})
    table = tools.get(tool, {}) if isinstance(tools, dict) else {}
    return table if isinstance(table, dict) else {}


def _toml(path: Path, label: str, problems: list[Problem]) -> Mapping[str, Any]:
    content = _read(path, label, problems) if path.is_file() else None
    try:
        return tomllib.loads(content or "")
    except tomllib.TOMLDecodeError as error:
        match = re.search(r" \(at line (\d+), column (\d+)\)$", str(error))
        what = str(error)[: match.start()] if match else str(error)
        where = f"{label}: line {match[1]}, column {match[2]}" if match else label
        problems.append(Problem("toml-syntax", where, what[:1].lower() + what[1:]))
        return {}
    except RecursionError:
        problems.append(Problem("toml-syntax", label, "is nested too deeply"))
        return {}


def _read(path: Path, label: str, problems: list[Problem]) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        problems.append(Problem("unreadable-file", label, f"is not UTF-8: byte {error.start} cannot be read"))
    except OSError as error:
        problems.append(Problem("unreadable-file", label, f"cannot be read: {error.strerror}"))
    return None


def _without_comments(content: str) -> str:
    """Without the lines that are nothing but a comment, so that a quote in one opens nothing."""
    return re.sub(r"^[ \t]*#.*$", "", content.replace("\r\n", "\n"), flags=re.MULTILINE)
