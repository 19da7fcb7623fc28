"""Raw values of files, environment and options -> typed ones; each reader raises ``BadValueError`` with its reason.

A reader takes what TOML gives (numbers, booleans, texts) and what everything else gives (texts), so that a value means
the same wherever it is written. Reasons never quote values that may be secret.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

from loadproof.errors import Problem
from loadproof.plan.redact import redact_text
from loadproof.units import parse_duration, parse_rate, parse_ratio

T = TypeVar("T")
Reader = Callable[[object], T]

_METHOD = re.compile(r"[A-Z][A-Z0-9!#$%&'*+.^_`|~-]*")  # RFC 9110 5.6.2, upper case by our own rule
_LOCUST_TIME = re.compile(r"[0-9]+|(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?")
_SWITCHES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


LARGEST = 2**63 - 1
"""Largest whole number that TOML and the frames to the load process can hold."""


NO_PORT = -1
"""``none``, where a port was asked for: a higher layer takes back what a lower one says."""


class Target(NamedTuple):
    """How much load a profile wants.

    Attributes:
        value: Users, or arrivals per second.
        per_second: Whether it is a rate; None for a zero that says no unit.
    """

    value: float
    per_second: bool | None


class BadValueError(ValueError):
    """A value that cannot be used.

    Attributes:
        slug: Heading in ``docs/messages.md``.
        hint: What to write instead; None where the message says it.
    """

    def __init__(self, what: str, hint: str | None = None, *, slug: str = "bad-value") -> None:
        super().__init__(what)
        self.slug = slug
        self.hint = hint

    def problem(self, where: str) -> Problem:
        """The problem to show, for the place where the value stands."""
        return Problem(self.slug, where, str(self), self.hint)


class Table:
    """One TOML table being read: every key is asked for by name, and what nobody asked for is unknown.

    Args:
        raw: The table's value, of whatever type.
        where: Shown in front of its keys: ``loadproof.toml: services.pkd``.
        problems: What is wrong is added here.
    """

    def __init__(self, raw: object, where: str, problems: list[Problem]) -> None:
        self._raw: Mapping[str, Any] = cast("Mapping[str, Any]", raw) if isinstance(raw, dict) else {}
        self._where = where
        self._problems = problems
        self._asked: set[str] = set()
        if not isinstance(raw, dict):
            problems.append(Problem("bad-value", where, f"must be a table, and is {kind(raw)}"))

    def __contains__(self, key: str) -> bool:
        return key in self._raw

    def where(self, key: str) -> str:
        """Where a key stands, for people."""
        return f"{self._where}{'' if self._where.endswith((' ', '.')) else '.'}{key}"

    def take(self, key: str, read: Reader[T]) -> T | None:
        """The value of a key; None where it is absent or wrong (which is then a problem)."""
        self._asked.add(key)
        if key not in self._raw:
            return None
        try:
            return read(self._raw[key])
        except BadValueError as error:
            self._problems.append(error.problem(self.where(key)))
            return None

    def finish(self) -> None:
        """Call every key that was not asked for a problem."""
        for key in self._raw:
            if key not in self._asked:
                hint = did_you_mean(key, sorted(self._asked))
                what = "is not a key that Loadproof knows"
                self._problems.append(Problem("unknown-key", self.where(key), what, hint))


def did_you_mean(word: str, known: Iterable[str], *, listed: str = "known") -> str | None:
    """A hint with the closest known word, or with all of them; None where there are none."""
    known = list(known)
    close = get_close_matches(word, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"{listed}: {', '.join(known)}" if known else None


def kind(raw: object) -> str:
    """The TOML word for a value's type, for messages that must not show the value."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a table"}
    return names.get(type(raw), "a date or time")


def anything(raw: object) -> object:
    """The value as it is."""
    return raw


def text(raw: object) -> str:
    """A text that says something."""
    if not isinstance(raw, str) or not raw.strip():
        raise BadValueError(f"must be a text, and is {kind(raw) if not isinstance(raw, str) else 'empty'}")
    return raw.strip()


def texts(raw: object) -> list[str]:
    """A list of texts."""
    if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
        raise BadValueError(f"must be a list of texts, and is {_list_kind(raw)}")
    return cast("list[str]", raw)


def items(raw: object) -> list[object]:
    """A list of anything."""
    if not isinstance(raw, list):
        raise BadValueError(f"must be a list, and is {kind(raw)}")
    return cast("list[object]", raw)


def switch(raw: object) -> bool:
    """True or false; in texts also yes, no, on, off, 1 and 0."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.strip().lower() in _SWITCHES:
        return _SWITCHES[raw.strip().lower()]
    raise BadValueError(f"must be true or false, and is {shown(raw)}")


def users(raw: object) -> int:
    """How many users: at least one."""
    return _whole_number(raw, 1, "users must be a whole number from 1")


def processes(raw: object) -> int:
    """How many worker processes: -1 is one per core, 0 none beside the first."""
    return _whole_number(raw, -1, "processes must be a whole number, or -1 for one per core")


def spawn_rate(raw: object) -> float:
    """Users started per second: above zero."""
    return positive(raw, "users per second")


def positive(raw: object, what: str = "number") -> float:
    """A finite number above zero."""
    try:
        value = float(raw) if isinstance(raw, (int, float, str)) and not isinstance(raw, bool) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value) or value <= 0:
        raise BadValueError(f"must be a {what} above zero, and is {shown(raw)}".replace("a users", "users"))
    return value


def rate(raw: object) -> float:
    """A rate above zero; a number is per second."""
    try:
        value = parse_rate(str(raw) if not isinstance(raw, bool) else "")
    except ValueError:
        value = 0.0
    if value <= 0:
        raise BadValueError(f"must be a rate above zero, and is {shown(raw)}", "write 200/s or 10/m")
    return value


def duration(raw: object) -> float:
    """Seconds, from a text with units or a number of seconds; not below zero."""
    if isinstance(raw, (int, float)) and not isinstance(raw, bool) and math.isfinite(raw) and raw >= 0:
        return float(raw)
    try:
        return parse_duration(raw if isinstance(raw, str) else "")
    except ValueError as error:
        what = str(error) if isinstance(raw, str) else f"{shown(raw)} is not a duration"
        raise BadValueError(what, 'write "250ms", "90s" or "1h20m"', slug="bad-duration") from error


def timeout(raw: object) -> float:
    """Seconds above zero."""
    seconds = duration(raw)
    if seconds <= 0:
        raise BadValueError("must be above zero", slug="bad-duration")
    return seconds


def run_time(raw: object) -> float:
    """Whole seconds of load, as Locust counts no others; zero sets no limit."""
    seconds = duration(raw)
    if seconds != int(seconds):
        raise BadValueError(
            f"{shown(raw)} is not whole seconds, and Locust counts no others",
            f'write "{math.ceil(seconds)}s"',
            slug="bad-duration",
        )
    return seconds


def locust_run_time(raw: object) -> float:
    """Seconds of load, in the words that Locust itself takes: where Locust reads the same text."""
    if not isinstance(raw, str) or not raw or not _LOCUST_TIME.fullmatch(raw):
        raise BadValueError(
            f"{shown(raw)} is not a run time that Locust takes", "write 300, 300s, 20m or 1h30m", slug="bad-duration"
        )
    return parse_duration(raw)


def port(raw: object) -> int:
    """A TCP port; 0 for any that is free, ``none`` for no port at all."""
    if isinstance(raw, str) and raw.strip().lower() == "none":
        return NO_PORT
    what = "must be a port from 0 to 65535 (0: any that is free) or none"
    number = _whole_number(raw, 0, what)
    if number > 65_535:
        raise BadValueError(f"{what}, and is {shown(raw)}")
    return number


def samples(raw: object) -> str:
    """Which requests get a row: all, errors, none, or at most N per second."""
    words = ("all", "errors", "none")
    if isinstance(raw, str) and raw.strip() in words:
        return raw.strip()
    if isinstance(raw, str) and re.fullmatch(r"[1-9][0-9]{0,8}/s", raw.strip()):
        return raw.strip()
    hint = did_you_mean(raw, words) if isinstance(raw, str) else None
    raise BadValueError(f"must be all, errors, none or a rate such as 100/s, and is {shown(raw)}", hint)


def client(raw: object) -> str:
    """What sends the requests of ``HttpUser``: fast or requests."""
    return _word(raw, "fast", "requests")


def arrivals(raw: object) -> str:
    """How arrivals are spaced: even or poisson."""
    return _word(raw, "even", "poisson")


def late(raw: object) -> str:
    """What becomes of an arrival that nobody is free for: drop or run."""
    return _word(raw, "drop", "run")


def target(raw: object) -> Target:
    """Users as a number, arrivals as a rate with its unit."""
    try:
        number = parse_rate(str(raw) if isinstance(raw, (int, float, str)) and not isinstance(raw, bool) else "")
    except ValueError as error:
        hint = "write 50 for users, 50/s for arrivals"
        what = f"must be a number of users or a rate of arrivals, and is {shown(raw)}"
        raise BadValueError(what, hint) from error
    if isinstance(raw, str) and "/" in raw:
        return Target(number, per_second=True)
    return Target(number, per_second=False if number else None)


def seed(raw: object) -> int:
    """What random numbers start from."""
    return _whole_number(raw, 0, "a seed must be a whole number from 0")


def iterations(raw: object) -> int:
    """How many iterations: at least one."""
    return _whole_number(raw, 1, "iterations must be a whole number from 1")


def steps(raw: object) -> int:
    """How many levels: at least one, and no more than anyone would wait for."""
    what = "steps must be a whole number from 1 to 10000"
    number = _whole_number(raw, 1, what)
    if number > 10_000:
        raise BadValueError(f"{what}, and is {shown(raw)}")
    return number


def whole_seconds(raw: object) -> int:
    """Seconds of a part of a run that is judged: whole ones, above zero."""
    seconds = settling(raw)
    if seconds < 1:
        raise BadValueError("must be at least one second", slug="bad-duration")
    return seconds


def settling(raw: object) -> int:
    """Seconds at the start of such a part: whole ones, perhaps none."""
    seconds = duration(raw)
    if seconds != int(seconds):
        what = f"{shown(raw)} is not whole seconds, and what is judged begins and ends at one"
        raise BadValueError(what, f'write "{math.ceil(seconds)}s"', slug="bad-duration")
    return int(seconds)


def warmup(raw: object) -> float | str:
    """What rules leave out at the start: whole seconds, ``ramp`` or ``auto``; zero leaves nothing out."""
    words = ("ramp", "auto")
    if isinstance(raw, str) and raw.strip() in words:
        return raw.strip()
    hint = did_you_mean(raw, words) if isinstance(raw, str) and raw.strip().isalpha() else None
    if hint is not None:
        raise BadValueError(f"must be a duration, ramp or auto, and is {shown(raw)}", hint)
    return float(settling(raw))


def share(raw: object) -> float:
    """A share of one, above 0 % and at most 100 %."""
    try:
        ratio = parse_ratio(str(raw) if not isinstance(raw, bool) else "")
    except ValueError:
        ratio = 0.0
    if not 0 < ratio <= 1:
        raise BadValueError(f"must be a share above 0% and at most 100%, and is {shown(raw)}", "write 5%")
    return ratio


def web_address(raw: object) -> str:
    """Scheme, host and perhaps a path, without the slash at its end."""
    address = text(raw)
    shown = redact_text(address)
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadValueError(f"{shown} is not a web address", slug="base-url") from error
    if parts.scheme not in ("http", "https") or not host or port == 0 or re.search(r"\s", address):
        hint = f"did you mean http://{shown}?" if "://" not in address else "write http://HOST or https://HOST"
        raise BadValueError(f"{shown} has no http:// or https:// with a host behind it", hint, slug="base-url")
    if parts.query or parts.fragment:
        raise BadValueError(f"{shown} must end before '?' and '#'", "requests bring their own", slug="base-url")
    return address.rstrip("/")


def method(raw: object) -> str:
    """An HTTP method, in upper case."""
    name = text(raw).upper()
    if not _METHOD.fullmatch(name):
        raise BadValueError(f"{name!r} is not an HTTP method")
    return name


def request_path(raw: object) -> str:
    """A path from its slash, or a whole address."""
    path = text(raw)
    if not path.startswith(("/", "http://", "https://")) or re.search(r"\s", path):
        raise BadValueError(f"{redact_text(path)!r} is not a path", "a path starts with / and has no spaces")
    return path


def statuses(raw: object) -> tuple[int, ...]:
    """HTTP statuses: one, or a list."""
    codes = raw if isinstance(raw, list) else [raw]
    if not codes or not all(type(code) is int and 100 <= code <= 599 for code in codes):
        raise BadValueError("must be a list of HTTP statuses from 100 to 599", "write [200, 404]")
    return tuple(cast("list[int]", codes))


def json_value(raw: object) -> object:
    """A value that JSON can hold: no dates, no infinities."""
    if isinstance(raw, dict):
        return {key: json_value(item) for key, item in cast("dict[str, object]", raw).items()}
    if isinstance(raw, list):
        return [json_value(item) for item in cast("list[object]", raw)]
    if isinstance(raw, (str, bool, int)) or (isinstance(raw, float) and math.isfinite(raw)):
        return raw
    raise BadValueError("holds a value that JSON has no word for", "write dates as texts")


def body(raw: object) -> str:
    """A text, sent as it is; it may be empty."""
    if not isinstance(raw, str):
        raise BadValueError(f"must be a text, and is {kind(raw)}", "json = {...} sends a value as JSON")
    return raw


def _word(raw: object, first: str, second: str) -> str:
    if isinstance(raw, str) and raw.strip() in (first, second):
        return raw.strip()
    hint = did_you_mean(raw, (first, second)) if isinstance(raw, str) else None
    raise BadValueError(f"must be {first} or {second}, and is {shown(raw)}", hint)


def _whole_number(raw: object, least: int, what: str) -> int:
    try:
        value = int(raw) if isinstance(raw, (int, str)) and not isinstance(raw, bool) else least - 1
    except ValueError:
        value = least - 1
    if not least <= value <= LARGEST:
        raise BadValueError(f"{what}, and is {shown(raw)}")
    return value


def shown(raw: object) -> str:
    """A value for a message: a text or number as written, else only its kind; secrets hidden, long ones cut."""
    shown = repr(raw) if isinstance(raw, (str, int, float)) and not isinstance(raw, bool) else kind(raw)
    return redact_text(shown if len(shown) <= 80 else f"{shown[:77]}...")


def _list_kind(raw: object) -> str:
    return "a list of other things" if isinstance(raw, list) else kind(raw)
