"""One value, many places: which layer wins, and what Locust must be told of it.

The order, highest first: option, ``LOADPROOF_*``, ``LOCUST_*``, ``.env`` (both, in this order), the plan's file,
Locust's own configuration files, default.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from loadproof.plan.values import BadValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadproof.errors import Problem
    from loadproof.plan.values import Reader

T = TypeVar("T")

_OF_LOCUST = frozenset({"users", "spawn_rate", "run_time", "host", "processes", "locustfile"})


class Rank(IntEnum):
    """How high a layer stands; the lowest number wins."""

    OPTION = 0
    ENVIRONMENT = 1
    LOCUST_ENVIRONMENT = 2
    DOTENV = 3
    LOCUST_DOTENV = 4
    SERVICE = 5
    FILE = 6
    LOCUST_CONFIGURATION = 7
    DEFAULT = 8


class Written(NamedTuple):
    """What the plan's file says.

    Attributes:
        value: None where it says nothing.
        source: Where it stands.
        rank: ``SERVICE`` where the service says it for itself.
    """

    value: Any = None
    source: str = ""
    rank: Rank = Rank.FILE


class Given(NamedTuple):
    """A raw value of an outer layer.

    Attributes:
        text: As it was written.
        source: Where.
        locust_knows: Whether Locust reads it there by itself.
        rank: How high the layer stands.
    """

    text: str
    source: str
    locust_knows: bool
    rank: Rank


_NOTHING = Written()


class Layers:
    """Picks values by precedence and remembers where they came from.

    Args:
        environ: The real environment.
        dotenv: Variables of ``.env``.
        locust_configuration: What Locust's own files say, with places.
        problems: Values that cannot be read are added here.

    Attributes:
        sources: Key -> the layer that won.
        ranks: Key -> how high that layer stands; of a value that cannot be read too.
        untold: Keys whose value Locust does not know by itself.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        dotenv: Mapping[str, str],
        locust_configuration: Mapping[str, tuple[str, str]],
        problems: list[Problem],
    ) -> None:
        self._environ = environ
        self._dotenv = dotenv
        self._locust_configuration = locust_configuration
        self._problems = problems
        self.sources: dict[str, str] = {}
        self.ranks: dict[str, Rank] = {}
        self.untold: set[str] = set()

    def given(self, key: str, option: str | None = None) -> Given | None:
        """The raw value of the highest layer above the plan's file; None where no such layer has one.

        An empty variable counts as not set.
        """
        if option is not None:
            return Given(option, f"--{key.replace('_', '-')}", locust_knows=True, rank=Rank.OPTION)
        for variables, label, ranks in (
            (self._environ, "", (Rank.ENVIRONMENT, Rank.LOCUST_ENVIRONMENT)),
            (self._dotenv, ".env: ", (Rank.DOTENV, Rank.LOCUST_DOTENV)),
        ):
            prefixes = ("LOADPROOF_", "LOCUST_") if key in _OF_LOCUST else ("LOADPROOF_",)
            for prefix, rank in zip(prefixes, ranks, strict=False):
                value = variables.get(prefix + key.upper())
                if value:
                    known = rank is Rank.LOCUST_ENVIRONMENT
                    return Given(value, f"{label}{prefix}{key.upper()}", locust_knows=known, rank=rank)
        return None

    def configured(self, key: str) -> Given | None:
        """The raw value in Locust's own configuration files; None where they have none."""
        known = self._locust_configuration.get(key.replace("_", "-")) if key in _OF_LOCUST else None
        return None if known is None else Given(*known, locust_knows=True, rank=Rank.LOCUST_CONFIGURATION)

    def pick(
        self,
        key: str,
        read: Reader[T],
        *,
        option: str | None = None,
        read_locust: Reader[T] | None = None,
        written: Written = _NOTHING,
        default: T | None = None,
    ) -> T | None:
        """The value that wins.

        Args:
            key: Its name; environment variables are named after it.
            read: Reads the raw value of an outer layer.
            option: Raw value of its option; None where it was not given.
            read_locust: Reads it where Locust itself reads the same text; ``read`` where None.
            written: What the plan's file says, and where.
            default: What holds where no layer says anything; None leaves it to Locust.
        """
        given = self.given(key, option)
        if given is None and written.value is not None:
            self.ranks[key] = written.rank
            value: T = written.value
            return self._keep(key, value, written.source, locust_knows=False)
        given = given or self.configured(key)
        if given is None:
            self.ranks[key] = Rank.DEFAULT
            return self._keep(key, default, "default", locust_knows=default is None)
        self.ranks[key] = given.rank
        reader = (read_locust or read) if given.locust_knows else read
        try:
            return self._keep(key, reader(given.text), given.source, locust_knows=given.locust_knows)
        except BadValueError as error:
            self._problems.append(error.problem(given.source))
            return None

    def _keep(self, key: str, value: T, source: str, *, locust_knows: bool) -> T:
        self.sources[key] = source
        if locust_knows:
            self.untold.discard(key)
        else:
            self.untold.add(key)
        return value
