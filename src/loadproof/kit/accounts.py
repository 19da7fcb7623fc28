"""Accounts for users: one each, and none with two users at a time, however many load processes there are.

The master hands them out, as it alone sees all users: parts that were fixed beforehand would leave one process short
while another has some to spare.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakSet

import gevent

from loadproof.kit.coordination import place
from loadproof.kit.desk import answer_by, ask, tell
from loadproof.kit.errors import KitError
from loadproof.kit.feeders import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_TAKE = "account"
_GIVE_BACK = "account back"

_pools: list[AccountPool] = []
_tokens = count(1)


class NoAccountError(KitError):
    """There is no account for a user."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What a user has: the number of its account, and the token that it was given out for."""

    index: int
    token: int


class _Register:
    """Which accounts are out, and to whom.

    Args:
        size: How many accounts there are.
        shared: Whether one may be out twice, once all are out.
    """

    def __init__(self, size: int, *, shared: bool) -> None:
        self._free = deque(range(size))
        self._uses = [0] * size
        self._out: dict[tuple[str, int], int] = {}
        self._shared = shared

    def take(self, holder: tuple[str, int]) -> int | None:
        """The account that was free for longest, or the one with the fewest users; None if there is none."""
        if self._free:
            index = self._free.popleft()
        elif self._shared:
            index = self._uses.index(min(self._uses))
        else:
            return None
        self._uses[index] += 1
        self._out[holder] = index
        return index

    def give_back(self, holder: tuple[str, int]) -> None:
        """Take an account back; nothing happens for a holder of none."""
        index = self._out.pop(holder, None)
        if index is None:
            return
        self._uses[index] -= 1
        if not self._uses[index]:
            self._free.append(index)


class AccountPool:
    """Accounts that users log in with. Make it at the top of the locustfile: every process must have the same ones.

    An account comes back when its user stops, or is killed. A new test begins with all of them.

    Args:
        rows: The accounts, or a file of them, as ``Feeder`` takes them.
        on_empty: What a user gets when all accounts are out: ``error`` raises ``NoAccountError``, ``share`` gives it
            one that has the fewest users.

    Raises:
        UsageError: The file cannot be read, or there are no accounts.
        ValueError: ``on_empty`` is neither word.
    """

    def __init__(self, rows: Iterable[Any] | str | Path, on_empty: Literal["error", "share"] = "error") -> None:
        if on_empty not in {"error", "share"}:
            raise ValueError(f"on_empty of an account pool is error or share, not {on_empty!r}")
        self._rows = read_rows(rows)
        self._shared = on_empty == "share"
        self._register = _Register(len(self._rows), shared=self._shared)
        self._held: dict[Any, _Held] = {}
        self._linked: WeakSet[Any] = WeakSet()
        self._test = 0
        self._number = len(_pools)
        _pools.append(self)

    def __len__(self) -> int:
        """How many accounts there are."""
        return len(self._rows)

    def take(self, user: Any) -> Any:
        """The account of a user, or of a task set's user: the same one each time, until it is given back.

        Raises:
            NoAccountError: All are out.
            KitError: The master does not answer, or has other accounts.
        """
        user = getattr(user, "user", user)
        self._begin()
        held = self._held.get(user)
        if held is None:
            new = self._ask(user)
            held = self._held.setdefault(user, new)
            if held is not new:  # another greenlet of this user asked at the same time
                self._tell_back(new.token)
        return self._rows[held.index]

    def give_back(self, user: Any) -> None:
        """Let others have the account of a user; nothing happens if it has none."""
        self._begin()
        held = self._held.pop(getattr(user, "user", user), None)
        if held is not None:
            self._tell_back(held.token)

    def _ask(self, user: Any) -> _Held:
        token = next(_tokens)
        try:
            answer = ask(_TAKE, {"pool": self._number, "size": len(self._rows), "token": token})
        except BaseException:  # the user is killed, or out of patience: the answer may be on its way
            self._tell_back(token)
            raise
        if answer["wrong"]:
            raise KitError(
                answer["wrong"], slug="no-account", hint="make pools at the top of the locustfile, from a file"
            )
        if answer["index"] is None:
            message = f"no account is left: all {len(self._rows)} are with other users"
            hint = f"at most {len(self._rows)} users, more accounts, or AccountPool(..., on_empty='share')"
            raise NoAccountError(message, slug="no-account", hint=hint)
        greenlet = getattr(user, "greenlet", None)
        if greenlet is not None and greenlet not in self._linked:
            self._linked.add(greenlet)
            greenlet.link(lambda _: gevent.spawn(self.give_back, user))
        return _Held(answer["index"], token)

    def _tell_back(self, token: int) -> None:
        tell(_GIVE_BACK, {"pool": self._number, "token": token})

    def _begin(self) -> None:
        if self._test != place.number:
            self._test = place.number
            self._held.clear()
            self._register = _Register(len(self._rows), shared=self._shared)

    def hand_out(self, question: dict[str, Any], who: str) -> dict[str, Any]:
        """Answer a process that asks for an account; called where all accounts are kept."""
        self._begin()
        if question["size"] != len(self._rows):
            other = f"the master has {len(self._rows)} accounts and a worker {question['size']}"
            return {"index": None, "wrong": other}
        return {"index": self._register.take((who, question["token"])), "wrong": None}

    def take_back(self, token: int, who: str) -> None:
        """An account is no longer needed; called where all accounts are kept."""
        self._begin()
        self._register.give_back((who, token))


def _hand_out(question: dict[str, Any], who: str) -> dict[str, Any]:
    if question["pool"] >= len(_pools):
        return {"index": None, "wrong": "the master has no such account pool"}
    pool: AccountPool = _pools[question["pool"]]
    return pool.hand_out(question, who)


def _take_back(fact: dict[str, Any], who: str) -> None:
    if fact["pool"] < len(_pools):
        _pools[fact["pool"]].take_back(fact["token"], who)


answer_by(_TAKE, _hand_out)
answer_by(_GIVE_BACK, _take_back)
