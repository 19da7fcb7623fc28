"""What a run created in the service, as its ledgers on disk say: one file of JSON lines for each process.

A line says that something is about to be created (``attempt``), was (``created``), was not (``refused``), or is gone
(``removed``). The process may die between any two lines, and in the middle of one.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LEDGERS_VARIABLE = "LOADPROOF_LEDGERS"
"""Environment variable that names the folder in which ledgers are kept."""

Happened = Literal["attempt", "created", "refused", "removed"]


class Entry(NamedTuple):
    """Something that was created, or may have been.

    Attributes:
        kind: What it is, such as ``kafka``.
        key: Unique within the folder.
        id: What the service calls it; None where its answer was lost.
        facts: What is needed to find and remove it: names, addresses. Never secrets.
        at: When it was asked for, in seconds since the epoch.
    """

    kind: str
    key: str
    id: str | None
    facts: Mapping[str, Any]
    at: float


class Kept(NamedTuple):
    """What the ledgers of a folder say.

    Attributes:
        remaining: What was created and not removed, and what may have been, in the order in which it was asked for.
        created: How many things were created, by kind.
        removed: How many of them were removed, by kind.
    """

    remaining: tuple[Entry, ...]
    created: Mapping[str, int]
    removed: Mapping[str, int]


def read_ledgers(folder: Path) -> Kept:
    """Read every ledger of a folder; nothing where there is none. Lines that were cut off are passed over."""
    open_entries: dict[str, Entry] = {}
    created: Counter[str] = Counter()
    removed: Counter[str] = Counter()
    for line in _lines(folder):
        entry = Entry(line["kind"], line["key"], line.get("id"), line.get("facts", {}), line.get("at", 0.0))
        happened: Happened = line["happened"]
        before = open_entries.get(entry.key)
        if happened == "attempt":
            open_entries[entry.key] = entry
        elif happened == "created":
            facts = {**(before.facts if before else {}), **entry.facts}
            open_entries[entry.key] = entry._replace(facts=facts, at=before.at if before else entry.at)
            created[entry.kind] += 1
        else:
            open_entries.pop(entry.key, None)
            removed[entry.kind] += happened == "removed" and before is not None and before.id is not None
    remaining = sorted(open_entries.values(), key=lambda entry: entry.at)
    return Kept(tuple(remaining), dict(created), {kind: number for kind, number in removed.items() if number})


def _lines(folder: Path) -> list[dict[str, Any]]:
    """Every whole line; those of clean-ups, which name what others created, come last."""
    found: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.jsonl"), key=lambda path: (path.name.startswith("cleanup"), path.name)):
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                line = json.loads(text)
            except json.JSONDecodeError:
                continue
            if isinstance(line, dict) and {"happened", "kind", "key"} <= line.keys():
                found.append(line)
    return found
