"""``python -m loadproof.kit.cleaning``: remove what a run has left, by the suite's own hands.

``loadproof cleanup`` starts it; people do not. It imports the locustfile as Locust does and lets its ledgers remove
what remains. For each thing it prints one line of JSON; it ends with 0 when nothing is left, else with 3.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import locust  # noqa: F401 - patches the standard library, as it does for the suite in a run
from locust.util.load_locustfile import load_locustfile

from loadproof.kit.ledger import Ledger, ledger_line
from loadproof.plan.redact import redact_text
from loadproof.result.ledgers import read_ledgers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadproof.result.ledgers import Entry

_ATTEMPTS = 3
_BACKOFF = 1.0  # seconds before the second attempt; twice that before the third


def main(words: Sequence[str] | None = None) -> int:
    """Remove what remains."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("locustfile")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds between two removals")
    options = parser.parse_args(words)
    load_locustfile(options.locustfile)
    path = options.folder / f"cleanup-{os.getpid()}.jsonl"
    left = 0
    with path.open("a", encoding="utf-8") as ledger:
        for number, entry in enumerate(read_ledgers(options.folder).remaining):
            if number:
                time.sleep(options.delay)
            why = _remove(entry)
            left += why is not None
            if why is None:
                ledger.write(f"{ledger_line('removed', entry)}\n")
                ledger.flush()
            said = {"kind": entry.kind, "id": entry.id, "facts": dict(entry.facts), "why_not": why}
            sys.stdout.write(f"{json.dumps(said)}\n")
            sys.stdout.flush()
    return 3 if left else 0


def _remove(entry: Entry) -> str | None:
    """Why it could not be removed; None where it is gone."""
    ledger = Ledger.known.get(entry.kind)
    if ledger is None:
        return "the locustfile has no ledger of this kind"
    why = "the suite says that it is still there"
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_BACKOFF * 2 ** (attempt - 1))
        try:
            if ledger.remove(entry):
                return None
        except Exception as error:  # noqa: BLE001 - the suite's own code: one thing must not keep the others
            why = redact_text(f"{type(error).__name__}: {error}")
    return why


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
