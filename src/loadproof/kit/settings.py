"""What a suite can be told: typed settings with the names that its team already uses, and where each value came from.

::

    class Fleet(Settings):
        users: int = setting(150, env="PERF_TEST_USERS", at_least=1, help="users of each worker")
        get_only: StrictBoolean = setting(True, env="PERF_TEST_GET_ONLY", help="send nothing but GET")

    fleet = Fleet.load()

The layers, highest first: ``--set NAME=VALUE``, the environment, ``.env``, ``[settings]`` of ``loadproof.toml``, the
default. It works under plain Locust too, without ``--set``.
"""

from __future__ import annotations

import difflib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, NoReturn, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from loadproof.errors import ExitCode, Problem
from loadproof.plan.files import read_dotenv, read_plan_file
from loadproof.plan.model import SuiteSetting
from loadproof.plan.redact import HIDDEN, is_secret_name, redact_text
from loadproof.plan.suite_settings import SETTINGS_VARIABLE, read_settings_table
from loadproof.units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo

__all__ = ["Duration", "Layers", "Minutes", "SecretStr", "Settings", "Shown", "StrictBoolean", "Url", "setting"]

_CLOSE = 0.85  # of difflib's ratio: one wrong letter in PERF_TEST_USERS is 0.93


def _strict_boolean(raw: object) -> object:
    if isinstance(raw, str) and raw not in {"TRUE", "FALSE"}:
        raise ValueError("must be exactly TRUE or FALSE")
    return raw == "TRUE" if isinstance(raw, str) else raw


def _minutes(raw: object) -> object:
    if not isinstance(raw, str):
        return raw
    number = raw.removesuffix("m")
    if number == raw or not (number.isascii() and number.isdigit()) or not int(number):
        raise ValueError("must be in minutes, as 120m")
    return int(number) * 60.0


def _duration(raw: object) -> object:
    return parse_duration(raw) if isinstance(raw, str) else raw


def _url(raw: object) -> object:
    text = str(raw)
    scheme, found, rest = text.partition("://")
    if not found or scheme not in {"http", "https"} or not rest.strip("/"):
        raise ValueError("must be an address with its scheme, as https://api.example.com")
    if text.endswith("/"):
        raise ValueError("must have no slash at its end")
    return text


StrictBoolean = Annotated[bool, BeforeValidator(_strict_boolean)]
"""``TRUE`` or ``FALSE``, and no other word."""

Minutes = Annotated[float, BeforeValidator(_minutes)]
"""``120m``, and no other unit; seconds."""

Duration = Annotated[float, BeforeValidator(_duration)]
"""``90s``, ``1m30s``, ``250ms``; seconds."""

Url = Annotated[str, BeforeValidator(_url)]
"""An address with its scheme and without a slash at its end."""


class Shown(NamedTuple):
    """One setting, for people.

    Attributes:
        name: The environment variable that sets it.
        value: As text, secrets hidden; None where it is not set and has no default.
        source: The layer that set it: ``--set``, a variable, ``.env: NAME``, ``loadproof.toml: settings.NAME`` or
            ``default``.
        help: What it is for.
    """

    name: str
    value: str | None
    source: str
    help: str


def setting(
    default: Any = None,
    *,
    env: str,
    help: str,  # noqa: A002 - the word of argparse and of every command line
    aliases: tuple[str, ...] = (),
    required: bool = False,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Any:
    """Declare one setting of a ``Settings`` class.

    Args:
        default: What holds where no layer says anything.
        env: Its name everywhere: the environment variable, in ``.env``, under ``[settings]`` and for ``--set``.
        help: One sentence for people.
        aliases: Older names of it; the first that is set wins, after ``env``.
        required: Whether a run without it is an error; ``default`` is not looked at then.
        at_least: Smallest number allowed.
        at_most: Largest number allowed.
    """
    value = ... if required else default
    return Field(default=value, description=help, ge=at_least, le=at_most, json_schema_extra={"env": [env, *aliases]})


class Settings(BaseModel):
    """A suite's settings; subclasses declare fields with ``setting``.

    Instances are frozen. ``load()`` reads them; the class called with values by keyword makes one for a test.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    loaded: ClassVar[list[Settings]] = []
    """Every instance that ``load`` has made in this process, for ``loadproof config show``."""

    _sources: dict[str, str] = {}

    @classmethod
    def load(cls, *, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Self:
        """Read every setting from the highest layer that has it; an empty text counts as not set.

        Args:
            environ: The environment; None for that of the process.
            cwd: Where ``.env`` and ``loadproof.toml`` are looked for; None for the current folder.

        Raises:
            SystemExit: 2, after every problem was written to stderr. Loadproof and plain Locust both end with it.
        """
        problems: list[Problem] = []
        layers = Layers(os.environ if environ is None else environ, Path.cwd() if cwd is None else cwd, problems)
        values: dict[str, Any] = {}
        sources: dict[str, str] = {}
        known = {name for field in cls.model_fields.values() for name in _names(field)}
        for key, field in cls.model_fields.items():
            found = layers.find(_names(field))
            if found is None:
                sources[key] = "default"
                if field.is_required():
                    problems.append(_missing(field))
                continue
            text, sources[key], is_shown = found
            if is_shown and _is_secret(field) and not is_secret_name(_names(field)[0]):
                # A plan hides values by their names, and knows no types.
                hint = "put it into the environment or into .env"
                problems.append(Problem("bad-setting", sources[key], "is a secret, and would stand in the plan", hint))
                continue
            try:
                values[key] = _adapter(field).validate_python(text)
            except ValidationError as error:
                hint = f"what it is for: {field.description}"
                problems.append(Problem("bad-setting", sources[key], _reason(error), hint))
        if problems:
            _refuse(problems)
        for unknown, meant in layers.misspelt(known):
            sys.stderr.write(f"⚠ {unknown} is set, and no setting has that name; did you mean {meant}?\n")
        made = cls(**values)
        object.__setattr__(made, "_sources", sources)
        cls.loaded.append(made)
        return made

    def shown(self) -> Iterator[Shown]:
        """Every setting with its value and its origin, in the order of the class; secrets are hidden."""
        for key, field in type(self).model_fields.items():
            name = _names(field)[0]
            value = getattr(self, key)
            text = None if value is None else redact_text(str(value))
            if isinstance(value, SecretStr) or (text and is_secret_name(name)):
                text = HIDDEN
            yield Shown(name, text, self._sources.get(key, "given in Python"), field.description or "")


class Found(NamedTuple):
    """The text of one setting in one layer.

    Attributes:
        text: As it was written.
        source: Where.
        is_shown: Whether it is part of the plan, which files and reports show.
    """

    text: str
    source: str
    is_shown: bool = False


class Layers:
    """The places in which a setting can stand.

    Args:
        environ: The environment.
        cwd: The folder of ``.env`` and, under plain Locust, of ``loadproof.toml``.
        problems: What is wrong with those files is added here.
    """

    def __init__(self, environ: Mapping[str, str], cwd: Path, problems: list[Problem]) -> None:
        handed_on = environ.get(SETTINGS_VARIABLE)
        if handed_on is None:
            file = read_plan_file(cwd, None, problems)
            given = [*read_settings_table(file.table.get("settings"), file, problems).values()]
        else:
            given = [SuiteSetting.model_validate(each) for each in json.loads(handed_on)]
        variables = read_dotenv(cwd, problems)
        self._layers: tuple[dict[str, Found], ...] = (
            {each.name: Found(each.text, each.source, is_shown=True) for each in given if each.is_option},
            {name: Found(text, name) for name, text in environ.items()},
            {name: Found(text, f".env: {name}") for name, text in variables.items()},
            {each.name: Found(each.text, each.source, is_shown=True) for each in given if not each.is_option},
        )

    def find(self, names: tuple[str, ...]) -> Found | None:
        """What the highest layer says that has one of the names; None where none has, and where it is empty."""
        for layer in self._layers:
            for name in names:
                found = layer.get(name)
                if found is not None and found.text:
                    return found
        return None

    def misspelt(self, known: set[str]) -> Iterator[tuple[str, str]]:
        """Places of names that no setting has and that look much like one that is; each with the one they look like."""
        for layer in self._layers:
            for name in sorted(layer.keys() - known):
                close = difflib.get_close_matches(name, known, n=1, cutoff=_CLOSE)
                if close and not (close[0].startswith(name) or name.startswith(close[0])):
                    yield layer[name].source, close[0]


def _names(field: FieldInfo) -> tuple[str, ...]:
    extra = field.json_schema_extra
    assert isinstance(extra, dict), "a field of Settings is declared with setting()"
    names: Any = extra["env"]
    return tuple(names)


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _adapter(field: FieldInfo) -> TypeAdapter[Any]:
    kind: Any = field.annotation
    return TypeAdapter(Annotated[(kind, *field.metadata)] if field.metadata else kind)


def _missing(field: FieldInfo) -> Problem:
    name = _names(field)[0]
    hint = f"set it in the environment, in .env, by --set or in [settings] of loadproof.toml: {field.description}"
    return Problem("missing-setting", name, "is required, and nothing sets it", hint)


def _reason(error: ValidationError) -> str:
    """Pydantic's words for the first thing that is wrong, which never quote the value."""
    message = error.errors(include_input=False, include_url=False)[0]["msg"].removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def _refuse(problems: list[Problem]) -> NoReturn:
    """End as for a wrong option; the supervisor of a run reads the lines again and tells them as its own."""
    for problem in problems:
        sys.stderr.write(f"❌ {problem.where}: {problem.what} [{problem.slug}]\n")
        if problem.hint:
            sys.stderr.write(f"   try: {problem.hint}\n")
    raise SystemExit(int(ExitCode.USAGE))
