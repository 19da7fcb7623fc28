"""What may be shown of a plan and of text from outside: everything but secrets.

Secret are the values of headers that authenticate, of names that match TOKEN, SECRET, PASS, PWD or KEY (headers,
options, query parameters, JSON keys, environment variables), user names and passwords in addresses, and passwords.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, cast

from loadproof.plan.load_as_toml import is_one_profile, load_lines, search_lines
from loadproof.plan.model import DEFAULT_SCENARIO
from loadproof.plan.toml_words import comment, one_line, toml, toml_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loadproof.plan.model import Plan

HIDDEN = "***"
"""Stands where a secret was."""

_NAMES = r"TOKEN|SECRET|PASS|PWD|KEY"
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})
_PARAMETER = rf"[\w.\-\[\]]{{0,60}}(?:{_NAMES})[\w.\-\[\]]{{0,60}}"
_VARIABLE = re.compile(rf"\$\{{[^}}]*(?:{_NAMES})[^}}]*\}}", re.IGNORECASE)

_IN_TEXT = (
    # scheme://user:password@host: all of it up to the last @ of the authority
    (re.compile(r"(?<=://)[^\s/?#\"'<>]+@"), f"{HIDDEN}@"),
    # queries and forms: the value behind a name
    (re.compile(rf"(?<![\w.\-\[\]])({_PARAMETER}=)[^\s&;\"'<>]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    # JSON, and Python's way of writing it
    (
        re.compile(
            rf"([\"']{_PARAMETER}\\?[\"']\s*:\s*)(\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|-?[0-9][\w.]*)",
            re.IGNORECASE,
        ),
        rf'\1"{HIDDEN}"',
    ),
    # Authorization: Bearer abc, in headers as text
    (
        re.compile(r"\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key)(\s*:\s*)[^\r\n\"']+", re.IGNORECASE),
        rf"\1\2{HIDDEN}",
    ),
    # a token by its looks: prose such as "basic authentication" stays
    (
        re.compile(r"\b((?i:bearer|basic))(\s+)(?=\S+(?:[A-Z0-9]|[._~+/=\-]\S))[A-Za-z0-9._~+/=\-]{8,}"),
        rf"\1\2{HIDDEN}",
    ),
)

_OF_LOAD = ("users", "spawn_rate", "run_time")
_LEFT_TO_LOCUST = ("users", "spawn_rate", "run_time", "processes", "host")
_RUN_KEYS = (
    *("name", *_LEFT_TO_LOCUST, "rps", "iterations", "iterations_per_user", "warmup"),
    *("results", "samples", "client", "strict"),
)
_NO_KEYS = ("ready_check", "ui", "allow_inconclusive")
_SERVICE_KEYS = (
    *("base_url", "headers", "timeout", "wait", "expect", "verify"),
    *("ca_file", "client_cert", "proxy", "auth", "start"),
)
_REQUEST_KEYS = ("path", "method", "name", "weight", "headers", "json_body", "body", "expect")


def is_secret_name(name: str) -> bool:
    """Whether a value under this name is shown to nobody."""
    return _SECRET_NAME.search(name) is not None or name.strip().lower() in _SECRET_HEADERS


def redact_text(text: str) -> str:
    """Free text without the secrets that can be told by their place.

    Credentials in addresses, parameters and JSON keys with a secret's name, and authenticating headers.
    """
    for pattern, shown in _IN_TEXT:
        text = pattern.sub(shown, text)
    return text


def redact_arguments(arguments: Iterable[str]) -> list[str]:
    """Words of a command line, where the values of options with a secret's name are hidden.

    Every word up to the next option belongs to the option before it.
    """
    shown: list[str] = []
    hiding = False
    for word in arguments:
        if word.startswith("-") and len(word) > 1:
            option, equals, _value = word.partition("=")
            secret = option.startswith("--") and is_secret_name(option)
            hiding = secret and not equals
            shown.append(f"{option}={HIDDEN}" if secret and equals else redact_text(word))
        else:
            shown.append(HIDDEN if hiding else redact_text(word))
    return shown


def redacted(plan: Plan) -> dict[str, Any]:
    """The plan as plain JSON values, for ``run.json``, with ``***`` where secrets are."""
    document = plan.model_dump(mode="json")
    hidden = plan.host if plan.host and _is_from_secret("host", plan.sources) else None
    words = [word.replace(hidden, HIDDEN) for word in plan.locust_args] if hidden else plan.locust_args
    document["locust_args"] = redact_arguments(words)
    document["host"] = HIDDEN if hidden else redact_text(plan.host or "") or None
    for setting in document["settings"]:
        setting["text"] = HIDDEN if is_secret_name(setting["name"]) else redact_text(setting["text"])
    target = document["target"]
    if "base_url" in target:
        document["target"] = _redacted_service(target, plan.sources)
    else:
        target["locustfile"] = redact_text(target["locustfile"])
    return document


def _redacted_service(service: dict[str, Any], sources: Mapping[str, str]) -> dict[str, Any]:
    path = f"services.{service['name']}"
    service["headers"] = _redacted_headers(service["headers"], f"{path}.headers", sources)
    for key in ("base_url", "proxy"):
        if service[key] is not None:
            service[key] = _by_origin(redact_text(service[key]), f"{path}.{key}", sources)
    if service["auth"] is not None:
        service["auth"] = [_by_origin(service["auth"][0], f"{path}.auth", sources), HIDDEN]
    if service["start"] is not None:
        service["start"] = redact_text(service["start"])
    for index, request in enumerate(service["requests"]):
        own = f"{path}.requests[{index}].headers"
        request["headers"] = _redacted_headers(request["headers"], own, sources)
        request["path"] = redact_text(request["path"])
        request["json_body"] = _redacted_value(request["json_body"])
        request["body"] = None if request["body"] is None else redact_text(request["body"])
    return service


def _redacted_headers(headers: dict[str, str], path: str, sources: Mapping[str, str]) -> dict[str, str]:
    return {
        name: HIDDEN if is_secret_name(name) else _by_origin(redact_text(value), f"{path}.{name}", sources)
        for name, value in headers.items()
    }


def _by_origin(value: str, path: str, sources: Mapping[str, str]) -> str:
    """Hide what came from an environment variable with a secret's name, wherever it ended up."""
    return HIDDEN if _is_from_secret(path, sources) else value


def _is_from_secret(path: str, sources: Mapping[str, str]) -> bool:
    return _VARIABLE.search(sources.get(path, "")) is not None


def _redacted_value(value: object) -> object:
    if isinstance(value, dict):
        table = cast("dict[str, object]", value)
        return {key: HIDDEN if is_secret_name(key) else _redacted_value(item) for key, item in table.items()}
    if isinstance(value, list):
        return [_redacted_value(item) for item in cast("list[object]", value)]
    return redact_text(value) if isinstance(value, str) else value


def effective_plan(plan: Plan) -> str:
    """The plan as a ``loadproof.toml`` that says the same, each value with its origin as a comment, secrets hidden.

    What has no key in that file stands in comments.
    """
    document = redacted(plan)
    search = document["search"]
    lines = ["# The effective plan of a run; secrets are hidden.", ""]
    lines += _threshold_lines("thresholds", [*(search["rules"] if search else ()), *document["thresholds"]])
    lines += ["", "[run]", *_run_lines(document, plan.sources)]
    if search:
        lines += ["", f"# For loadproof {search['kind']} --plan.", *search_lines(search, plan.sources)]
    if document["settings"]:
        lines += ["", "[settings]", *_setting_lines(document["settings"])]
    lines += _gate_lines(document, plan.sources)
    lines += load_lines(document["scenarios"])
    if "base_url" in document["target"]:
        lines += ["", *_service_lines(document["target"], plan.sources)]
    return "\n".join([*lines, ""])


def _threshold_lines(key: str, thresholds: list[dict[str, Any]]) -> list[str]:
    rules = [f"    {toml(rule['text'])},{comment(rule['source'])}" for rule in thresholds]
    return [f"{key} = [", *rules, "]"] if rules else [f"{key} = []"]


def _run_lines(document: dict[str, Any], sources: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    if "locustfile" in document["target"]:
        lines.append(f"locustfile = {toml(document['target']['locustfile'])}{comment(sources.get('target', ''))}")
    if is_one_profile(document["scenarios"]):
        lines.append(f"profile = {toml(DEFAULT_SCENARIO)}{comment(sources.get('scenarios', ''))}")
    for key in _RUN_KEYS:
        value = document[key]
        if key in _OF_LOAD and (document["scenarios"] or document["search"]):
            endless = key == "run_time" and value is None and document["scenarios"]
            lines.append("run_time = 0  # no end" if endless else f"# {key}: not set, what is below says it")
        elif value is None:
            lines.append(f"# {key}: not set, left to Locust" if key in _LEFT_TO_LOCUST else f"# {key}: not set")
        else:
            lines.append(f"{key} = {toml(value)}{comment(sources.get(key, ''))}")
    lines += [f"# {key}: {toml(document[key])}{comment(sources.get(key, ''))}" for key in _NO_KEYS]
    words = " ".join(shlex.quote(word) for word in document["locust_args"])
    return [*lines, f"# Locust's arguments: {one_line(words)}"]


def _setting_lines(settings: list[dict[str, Any]]) -> list[str]:
    """The suite's own settings; what an option overruled is a comment."""
    last = {setting["name"]: setting for setting in settings}
    lines = []
    for setting in settings:
        line = f"{toml_key(setting['name'])} = {toml(setting['text'])}{comment(setting['source'])}"
        lines.append(line if last[setting["name"]] is setting else f"# {line}")
    return lines


def _gate_lines(document: dict[str, Any], sources: Mapping[str, str]) -> list[str]:
    """``[coverage]`` and ``[baseline]``, where they say anything."""
    coverage, lines = document["coverage"], []
    if coverage["expect"] or coverage["classes"] or not coverage["tasks"]:
        lines += ["", "[coverage]", f"expect = {toml(coverage['expect'])}", f"tasks = {toml(coverage['tasks'])}"]
        lines += [f"classes.{toml_key(name)} = {toml(names)}" for name, names in coverage["classes"].items()]
    if document["baseline"] is not None:
        switches = (("require", "require_baseline"), ("fail_on_regression", "fail_on_regression"))
        lines += ["", "[baseline]", f"run = {toml(document['baseline'])}{comment(sources.get('baseline', ''))}"]
        lines += [f"{key} = {toml(document[field])}" for key, field in switches]
    return lines


def _service_lines(service: dict[str, Any], sources: Mapping[str, str]) -> list[str]:
    path = f"services.{toml_key(service['name'])}"
    lines = [f"[{path}]"]
    for key in _SERVICE_KEYS:
        value = service[key]
        if value not in (None, [], {}):
            origin = sources.get(f"services.{service['name']}.{key}", "default")
            lines.append(f"{key} = {toml(value)}{comment(origin)}")
    for request in service["requests"]:
        lines += ["", f"[[{path}.requests]]"]
        for key in _REQUEST_KEYS:
            value = request[key]
            if value not in (None, [], {}) or (key == "body" and value is not None):
                lines.append(_request_line("json" if key == "json_body" else key, value))
    return lines


def _request_line(key: str, value: object) -> str:
    try:
        return f"{key} = {toml(value)}"
    except ValueError:
        return f"# {key}, which TOML cannot hold: {one_line(repr(value))}"
