"""Rows of data for users, each handed to one of them."""

from __future__ import annotations

import csv
import io
import json
import logging
import random
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from locust.exception import StopUser

from loadproof.errors import Problem, UsageError
from loadproof.kit.coordination import place, share
from loadproof.kit.desk import stop_run
from loadproof.kit.errors import KitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Order = Literal["unique", "circular", "shuffle", "random"]
OnEmpty = Literal["stop_user", "stop_run", "error"]

_ORDERS = ("unique", "circular", "shuffle", "random")
_ON_EMPTY = ("stop_user", "stop_run", "error")
_log = logging.getLogger(__name__)


class FeederEmptyError(KitError):
    """A feeder has no row left for this process."""


class Feeder:
    """Hands out rows.

    Each load process has rows of its own: every so-manieth one, by its place among them. Where there are fewer rows
    than processes and rows come again, two processes share one. A new test begins anew.

    Args:
        rows: The rows, or a file of them: ``.csv`` with a heading (rows are dicts of text), ``.json`` (a list) or
            ``.jsonl`` (a value a line), in UTF-8, by its path from the current folder. It is read at once.
        order: ``unique``: each row once, in order. ``shuffle``: each row once, in a random order. ``circular``: over
            and over, in order. ``random``: any row, each time.
        on_empty: What happens when all rows were used once, in ``unique`` and ``shuffle``: the user that asks stops,
            the run ends, or ``FeederEmptyError`` is raised. The first time it is logged.
        seed: Of random orders: the same seed gives the same order.

    Raises:
        UsageError: The file cannot be read, or there are no rows.
        ValueError: ``order`` or ``on_empty`` is none of its words.
    """

    def __init__(
        self, rows: Iterable[Any] | str | Path, order: Order = "unique", on_empty: OnEmpty = "stop_user", seed: int = 0
    ) -> None:
        for key, word, words in (("order", order, _ORDERS), ("on_empty", on_empty, _ON_EMPTY)):
            if word not in words:
                raise ValueError(f"{key} of a feeder is one of {', '.join(words)}, not {word!r}")
        self._name = str(rows) if isinstance(rows, (str, Path)) else "a feeder"
        self._rows = read_rows(rows)
        self._order = order
        self._on_empty = on_empty
        self._seed = seed
        self._test = -1
        self._indices: Iterator[int] = iter(())
        self._said = False

    def __len__(self) -> int:
        """How many rows there are, those of other processes included."""
        return len(self._rows)

    def next(self) -> Any:
        """The next row.

        Raises:
            StopUser: There is none, with ``stop_user`` and ``stop_run``.
            FeederEmptyError: There is none, with ``error``.
            KitError: Locust runs, and no test has begun yet.
        """
        if self._test != place.number:
            self._indices = self._start()
            self._test, self._said = place.number, False
        for index in self._indices:
            return self._rows[index]
        return self._give_up()

    def _start(self) -> Iterator[int]:
        """Numbers of this process's rows, in the order in which they are handed out."""
        own_place, rows = share(), range(len(self._rows))
        everything = list(rows)
        if self._order == "shuffle":
            random.Random(self._seed).shuffle(everything)  # in every process alike
        own = [row for position, row in enumerate(everything) if own_place.takes(position)]
        if self._order in {"unique", "shuffle"}:
            return iter(own)
        if not own:
            own = everything if own_place.rank < 0 else [own_place.rank % len(rows)]
        if self._order == "circular":
            return (own[turn % len(own)] for turn in count())
        chance = random.Random(f"{self._seed} {own_place.rank}")
        return (chance.choice(own) for _ in count())

    def _give_up(self) -> Any:
        own_place = share()
        whose = f" of process {own_place.rank + 1} of {own_place.of}" if own_place.of > 1 else ""
        text = f"all rows{whose} of {self._name} are used up, out of {len(self._rows)}"
        if own_place.rank < 0:
            text = f"{self._name} has no rows for a process that joined after the test began"
        if self._on_empty == "error":
            raise FeederEmptyError(text, slug="feeder-empty", hint="give it more rows, or order='circular'")
        if not self._said:
            self._said = True
            _log.warning("%s: %s", text, "the run ends" if self._on_empty == "stop_run" else "users stop")
            if self._on_empty == "stop_run":
                stop_run()
        raise StopUser


def read_rows(rows: Iterable[Any] | str | Path) -> tuple[Any, ...]:
    """Rows from memory or from a file, as ``Feeder`` takes them.

    Raises:
        UsageError: The file cannot be read, or there are no rows.
    """
    if not isinstance(rows, (str, Path)):
        found, where = tuple(rows), "rows"
    else:
        path = Path(rows)
        where = str(path.absolute())
        reader = _READERS.get(path.suffix.lower())
        if reader is None:
            raise _problem(where, "its name must end in .csv, .json or .jsonl")
        try:
            found = tuple(reader(path.read_text(encoding="utf-8-sig")))
        except FileNotFoundError:
            raise _problem(
                where, "there is no such file", 'Path(__file__).with_name("…") is beside the script'
            ) from None
        except (OSError, ValueError, csv.Error) as error:
            raise _problem(where, f"it cannot be read: {error}") from error
    if not found:
        raise _problem(where, "there are no rows")
    return found


def _from_csv(text: str) -> Iterator[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    for row in reader:
        if None in row or None in row.values():
            raise ValueError(f"line {reader.line_num} does not have as many fields as the heading")
        yield row


def _from_json(text: str) -> list[Any]:
    rows = json.loads(text)
    if not isinstance(rows, list):
        raise ValueError("it holds no list")  # noqa: TRY004 - of the file, whose other mistakes are of this type
    return rows


def _from_jsonl(text: str) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error


_READERS: dict[str, Callable[[str], Iterable[Any]]] = {
    ".csv": _from_csv,
    ".json": _from_json,
    ".jsonl": _from_jsonl,
}


def _problem(where: str, what: str, hint: str | None = None) -> UsageError:
    return UsageError([Problem("bad-rows", where, what, hint)])
