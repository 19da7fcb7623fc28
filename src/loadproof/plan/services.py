"""``[services.NAME]`` -> ``Service``: what to ask of a service that has no locustfile."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from loadproof.errors import Problem, UsageError
from loadproof.plan import values
from loadproof.plan.files import expand, variable_names
from loadproof.plan.model import RequestSpec, Service, Threshold
from loadproof.plan.thresholds import parse_threshold
from loadproof.plan.values import BadValueError, Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from loadproof.plan.files import PlanFile
    from loadproof.plan.values import Reader

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a token, RFC 9110 5.6.2
_FORBIDDEN_IN_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OF_THE_MOMENT = ("missing-variable", "missing-file")
"""Problems of the machine, not of the file: they count for the service that is run, not for its neighbours."""


@dataclass(frozen=True, slots=True)
class DeclaredService:
    """A service as the file has it, with what it says beyond ``Service``.

    Attributes:
        name: Its key.
        service: None where something is wrong with it; ``problems`` says what.
        users: Users for its runs; None where the file says nothing.
        run_time: Seconds of its runs; None as above.
        profile: Name of the profile of its runs; None as above.
        warmup: What rules leave out of its runs; None as above.
        thresholds: Rules for this service alone.
        sources: Where its values stand: key path -> file and key path.
        problems: Those that count whatever is run.
        problems_if_run: Those that count only when this service is run.
    """

    name: str
    service: Service | None
    users: int | None = None
    run_time: float | None = None
    profile: str | None = None
    warmup: float | str | None = None
    thresholds: tuple[Threshold, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    problems_if_run: tuple[Problem, ...] = ()


def read_services(
    raw: object, file: PlanFile, cwd: Path, variables: Mapping[str, str], problems: list[Problem]
) -> dict[str, DeclaredService]:
    """Every service of the file, in its order.

    Args:
        raw: The table ``services``; None where the file has none.
        file: The file, for places and relative paths.
        cwd: The current folder.
        variables: Environment variables, those of ``.env`` below the real ones.
        problems: What is wrong whatever is run is added here.
    """
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        problems.append(Problem("bad-value", file.where("services"), f"must be a table, and is {values.kind(raw)}"))
        return {}
    declared: dict[str, DeclaredService] = {}
    for name, table in cast("dict[str, object]", raw).items():
        if not _NAME.fullmatch(name) or name.endswith(".py"):
            what = f"{name!r} cannot be named on the command line"
            hint = "a service's name has letters, digits, '_', '-' and '.', and does not end in .py"
            problems.append(Problem("bad-value", file.where("services"), what, hint))
            continue
        declared[name] = _ServiceReader(name, table, file, cwd, variables).read()
        problems.extend(declared[name].problems)
    return declared


def read_thresholds(raw: object, where: str, problems: list[Problem]) -> tuple[Threshold, ...]:
    """Rules of one list of texts; those that cannot be read are added to ``problems``."""
    try:
        rules = values.texts(raw)
    except BadValueError as error:
        problems.append(error.problem(where))
        return ()
    read: list[Threshold] = []
    for index, rule in enumerate(rules):
        try:
            read.append(parse_threshold(rule, source=f"{where}[{index}]"))
        except UsageError as error:
            problems.extend(error.problems)
    return tuple(read)


class _ServiceReader:
    """Reads one service; ``_sources`` and ``_problems`` fill up on the way."""

    def __init__(self, name: str, raw: object, file: PlanFile, cwd: Path, variables: Mapping[str, str]) -> None:
        self._name = name
        self._path = f"services.{name}"
        self._file = file
        self._cwd = cwd
        self._variables = variables
        self._problems: list[Problem] = []
        self._sources: dict[str, str] = {}
        self._table = Table(raw, file.where(self._path), self._problems)

    def read(self) -> DeclaredService:
        if self._problems:
            return DeclaredService(self._name, None, problems=tuple(self._problems))
        take = self._table.take
        users, run_time = take("users", values.users), take("run_time", values.run_time)
        profile, warmup = take("profile", values.text), take("warmup", values.warmup)
        thresholds = self._thresholds()
        expect = take("expect", values.statuses) or ()
        fields = {
            "base_url": take("base_url", partial(self._expanded, "base_url", values.web_address)),
            "headers": take("headers", partial(self._headers, "headers")),
            "timeout": take("timeout", values.timeout),
            "wait": take("wait", values.duration),
            "expect": expect or None,
            "verify": take("verify", values.switch),
            "ca_file": take("ca_file", self._existing_file),
            "client_cert": take("client_cert", self._existing_file),
            "proxy": take("proxy", partial(self._expanded, "proxy", values.web_address)),
            "auth": take("auth", self._auth),
            "start": take("start", values.text),
            "requests": self._requests(expect),
        }
        self._table.finish()
        if "base_url" not in self._table:
            self._add("base-url", "base_url", "is missing: where is the service?", 'write "http://localhost:8080"')
        given = {key: value for key, value in fields.items() if value is not None}
        for key in given:
            self._sources.setdefault(f"{self._path}.{key}", self._table.where(key))
        always = tuple(problem for problem in self._problems if problem.slug not in _OF_THE_MOMENT)
        return DeclaredService(
            name=self._name,
            service=None if self._problems else Service.model_validate(given | {"name": self._name}),
            users=users,
            run_time=run_time,
            profile=profile,
            warmup=warmup,
            thresholds=thresholds,
            sources=self._sources,
            problems=always,
            problems_if_run=tuple(problem for problem in self._problems if problem.slug in _OF_THE_MOMENT),
        )

    def _add(self, slug: str, key: str, what: str, hint: str | None = None) -> None:
        self._problems.append(Problem(slug, self._table.where(key), what, hint))

    def _thresholds(self) -> tuple[Threshold, ...]:
        raw = self._table.take("thresholds", values.anything)
        return () if raw is None else read_thresholds(raw, self._table.where("thresholds"), self._problems)

    def _expanded(self, path: str, read: Reader[T], raw: object) -> T:
        """Read a text after its variables are filled in; what was filled in is never shown."""
        if not isinstance(raw, str):
            return read(raw)
        value = expand(raw, self._variables)
        names = self._note_variables(path, raw)
        if not names:
            return read(value)
        try:
            return read(value)
        except BadValueError as error:
            what = f"is not usable once {names} is filled in"
            raise BadValueError(what, "look at the variable's value", slug=error.slug) from None

    def _note_variables(self, path: str, raw: str) -> str:
        """Say in ``sources`` which variables a value came from; their names, empty where there are none."""
        names = ", ".join(f"${{{name}}}" for name in variable_names(raw))
        if names:
            self._sources[f"{self._path}.{path}"] = f"{self._file.where(f'{self._path}.{path}')} with {names}"
        return names

    def _headers(self, path: str, raw: object) -> dict[str, str]:
        if not isinstance(raw, dict):
            raise BadValueError(f"must be a table of texts, and is {values.kind(raw)}")
        headers: dict[str, str] = {}
        for name, value in cast("dict[str, object]", raw).items():
            if not _HEADER_NAME.fullmatch(name):
                raise BadValueError(f"{name!r} is not a header's name")
            try:
                headers[name] = self._expanded(f"{path}.{name}", _header_value, value)
            except BadValueError as error:
                self._problems.append(error.problem(f"{self._file.where(self._path)}.{path}.{name}"))
        return headers

    def _auth(self, raw: object) -> tuple[str, str]:
        pair = values.texts(raw)
        if len(pair) != 2:
            raise BadValueError("must be a user name and a password", 'write ["user", "${PASSWORD}"]')
        user, password = (expand(item, self._variables) for item in pair)
        self._note_variables("auth", pair[0])
        return user, password

    def _existing_file(self, raw: object) -> Path:
        path = self._file.folder / values.text(raw)
        if not (self._cwd / path).is_file():
            raise BadValueError(f"there is no file {path}", slug="missing-file")
        return path

    def _requests(self, expect: tuple[int, ...]) -> tuple[RequestSpec, ...]:
        raw = self._table.take("requests", values.items)
        if not raw:
            if raw is not None or "requests" not in self._table:
                self._add("no-requests", "requests", "says nothing to ask", 'write requests = ["GET /", "/health"]')
            return ()
        specs = [spec for index, item in enumerate(raw) if (spec := self._request(index, item, expect))]
        weighted = sum(spec.weight is not None for spec in specs)
        if len(specs) == len(raw) and 0 < weighted < len(specs):
            what = f"{weighted} of {len(specs)} requests have a weight"
            self._add("mixed-weights", "requests", what, "give all of them one, or none to keep the listed order")
        return tuple(specs)

    def _request(self, index: int, raw: object, expect: tuple[int, ...]) -> RequestSpec | None:
        where = f"{self._table.where('requests')}[{index}]"
        before = len(self._problems)
        try:
            spec = self._line(raw, expect) if isinstance(raw, str) else self._request_table(index, raw, where, expect)
        except BadValueError as error:
            self._problems.append(error.problem(where))
            return None
        return spec if len(self._problems) == before else None

    def _line(self, line: str, expect: tuple[int, ...]) -> RequestSpec:
        words = line.split()
        if not 1 <= len(words) <= 2:
            raise BadValueError(f"{values.shown(line)} is not a request", 'write "/path" or "GET /path"')
        method = values.method(words[0]) if len(words) == 2 else "GET"
        return RequestSpec(path=values.request_path(words[-1]), method=method, expect=expect)

    def _request_table(self, index: int, raw: object, where: str, expect: tuple[int, ...]) -> RequestSpec:
        table = Table(raw, where, self._problems)
        headers = f"requests[{index}].headers"
        fields = {
            "path": table.take("path", values.request_path),
            "method": table.take("method", values.method),
            "name": table.take("name", values.text),
            "weight": table.take("weight", values.positive),
            "headers": table.take("headers", partial(self._headers, headers)),
            "json_body": table.take("json", values.json_value),
            "body": table.take("body", values.body),
            "expect": table.take("expect", values.statuses) or expect,
        }
        table.finish()
        if isinstance(raw, dict) and "path" not in table:
            raise BadValueError("has no path", 'write {path = "/health"}')
        if "json" in table and "body" in table:
            raise BadValueError("has both json and body", "a request has one body")
        given = {key: value for key, value in fields.items() if value is not None}
        return RequestSpec.model_validate({"path": "/"} | given)


def _header_value(raw: object) -> str:
    if not isinstance(raw, str):
        raise BadValueError(f"must be a text, and is {values.kind(raw)}")
    value = raw.strip()
    if _FORBIDDEN_IN_HEADER.search(value) or not _is_latin(value):
        raise BadValueError("holds a line break or a character that no header can carry")
    return value


def _is_latin(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True
