"""What the suite created in the service: kept on disk, so that it can be removed whatever happens to the run.

::

    def delete(entry):
        return requests.delete(f"{HOST}/kafkas/{entry.id}", timeout=30).status_code in (202, 404)

    kafkas = Ledger("kafka", remove=delete)

    with kafkas.attempt(name=name) as attempt:
        with self.client.post("/kafkas", json={"name": name}, catch_response=True) as response:
            if response.status_code == 202:
                attempt.created(response.json()["id"])
            elif 400 <= response.status_code < 500:
                attempt.refused()

Nothing is ever deleted that the ledger does not hold. ``loadproof cleanup RUN`` calls ``remove`` for what a run that
crashed has left.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadproof.result.ledgers import LEDGERS_VARIABLE, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loadproof.result.ledgers import Happened

    Remove = Callable[[Entry], bool]


_OWN_NAME = f"{time.strftime('%Y%m%d_%H%M%S', time.gmtime())}_{secrets.token_hex(3)}"
"""Of the folder under plain Locust: chosen when the locustfile is read, so that forked workers have the same."""


def run_tag() -> str:
    """A word that is the same in every process of one run and in no other run, for names of what it creates.

    Under plain Locust it is one for each command, which its ``--processes`` share.
    """
    return Path(_folder()).name.replace("_", "-").lower()


class Attempt:
    """A creation that is under way.

    Attributes:
        key: What the ledger calls it.
    """

    def __init__(self, ledger: Ledger, key: str) -> None:
        self._ledger = ledger
        self.key = key
        self.is_refused = False

    def created(self, identity: str, **facts: Any) -> Entry:
        """The service made it, and calls it so."""
        return self._ledger._made(self.key, identity, facts)  # noqa: SLF001 - two halves of one thing

    def refused(self) -> None:
        """The service said that it makes none: there is nothing to remove."""
        self.is_refused = True


class Ledger:
    """Everything of one kind that this process created and has not removed.

    Args:
        kind: What it is, such as ``kafka``; unique among the ledgers of a suite.
        remove: Deletes one thing and says whether it is gone, as it also is when the service no longer knows it. Called
            by ``loadproof cleanup``, outside of a run; an entry without an id is one whose creation was never answered:
            find it by its facts, and say True when there is none.
    """

    known: dict[str, Ledger] = {}  # noqa: RUF012 - one registry, filled by the suites
    """Every ledger of this process, by kind."""

    def __init__(self, kind: str, *, remove: Remove) -> None:
        self.kind = kind
        self.remove = remove
        self._pid = 0
        self._entries: dict[str, Entry] = {}
        self._claimed: set[str] = set()
        self._file = -1
        self._is_cut_off = False
        self._numbers = count(1)
        Ledger.known[kind] = self

    @contextmanager
    def attempt(self, **facts: Any) -> Iterator[Attempt]:
        """Note that something is about to be created; leave the block when the answer is there.

        Left with neither ``created`` nor ``refused``, nobody knows: after a timeout, which Locust's clients give as an
        answer with the status 0, or a 502 of a proxy. Then it stays in the ledger with the facts that find it.

        Args:
            facts: What finds it without an id, such as its name. Never secrets.
        """
        key = self._new_key()
        self._entries[key] = Entry(self.kind, key, None, facts, time.time())
        self._write("attempt", self._entries[key])
        made = Attempt(self, key)
        yield made
        if made.is_refused:
            self._write("refused", self._entries.pop(key))

    def created(self, identity: str, **facts: Any) -> Entry:
        """The service made something, and calls it so.

        Args:
            identity: Its id.
            facts: What else is needed to remove it. Never secrets.
        """
        return self._made(self._new_key(), identity, facts)

    def removed(self, entry: Entry) -> None:
        """It is gone."""
        if self._entries.pop(entry.key, None) is not None:
            self._claimed.discard(entry.key)
            self._write("removed", entry)

    def claim(self) -> Entry | None:
        """One thing to remove that nobody else in this process is removing; None when there is none.

        Whoever claims calls ``removed``, or ``give_back`` where it did not work.
        """
        self._open()
        for key, entry in self._entries.items():
            if key not in self._claimed and entry.id is not None:
                self._claimed.add(key)
                return entry
        return None

    def give_back(self, entry: Entry) -> None:
        """It could not be removed now; somebody may claim it again."""
        self._claimed.discard(entry.key)

    def remaining(self) -> tuple[Entry, ...]:
        """What this process created and has not removed, and what it may have created, oldest first."""
        self._open()
        return tuple(self._entries.values())

    def __len__(self) -> int:
        return len(self.remaining())

    def _made(self, key: str, identity: str, facts: dict[str, Any]) -> Entry:
        self._open()
        before = self._entries.get(key)
        known = {**(before.facts if before else {}), **facts}
        entry = Entry(self.kind, key, str(identity), known, before.at if before else time.time())
        self._entries[key] = entry
        self._write("created", entry)
        return entry

    def _new_key(self) -> str:
        self._open()
        return f"{self._pid}-{self._started}-{next(self._numbers)}"

    def _open(self) -> None:
        """A file for this process: a worker that was forked off has created nothing yet."""
        if self._pid == os.getpid():
            return
        self._pid = os.getpid()
        self._started = secrets.token_hex(3)
        self._entries, self._claimed = {}, set()
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _write(self, happened: Happened, entry: Entry) -> None:
        if self._file < 0:
            folder = Path(_folder())
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{self.kind}-{self._pid}-{self._started}.jsonl"
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # One write for each line: whatever dies, every line before is whole. One that a full disk has cut off ends
        # where the next one begins.
        line = "\n" * self._is_cut_off + ledger_line(happened, entry) + "\n"
        data = line.encode()
        self._is_cut_off = os.write(self._file, data) < len(data)
        if self._is_cut_off:
            raise OSError(errno.ENOSPC, f"the ledger of {self.kind} cannot be written: {os.strerror(errno.ENOSPC)}")


def ledger_line(happened: Happened, entry: Entry) -> str:
    """One line of a ledger."""
    said = {"happened": happened, "kind": entry.kind, "key": entry.key, "at": entry.at, "id": entry.id}
    return json.dumps(said | {"facts": dict(entry.facts)}, default=str)


def _folder() -> str:
    """Where ledgers are kept."""
    return os.environ.get(LEDGERS_VARIABLE) or str(Path.cwd() / "reports" / "ledgers" / _OWN_NAME)
