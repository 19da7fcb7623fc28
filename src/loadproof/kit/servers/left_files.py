"""What workers leave at the broker for those who come after the run: ids and addresses, one file for each kind."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KAFKAS, SERVICE_ACCOUNTS, CONFIG = "kafkas.txt", "service_accounts.txt", "config.txt"


class LeftFiles:
    """Appends to the files of one folder, and elects the worker that creates for all.

    Args:
        folder: Where the files are kept; it is made when the first of them is. None keeps none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._elected: str | None = None

    @property
    def keeps(self) -> bool:
        """Whether there is a folder."""
        return self._folder is not None

    def add_id(self, file: str, identifier: str) -> None:
        """Append an id as a line of its own.

        Raises:
            OSError: It cannot be written.
        """
        self._append(file, f"{identifier}\n")

    def add_config(self, bootstrap: str, username: str, password: str) -> None:
        """Append a YAML document with an address and its credentials.

        Raises:
            OSError: It cannot be written.
        """
        values = {"bootstrapURL": bootstrap, "username": username, "password": password}
        lines = (f"{key}: {json.dumps(value)}\n" for key, value in values.items())  # JSON's strings are YAML's too
        self._append(CONFIG, "".join(("---\n", *lines)))

    def elect(self, candidate: str) -> str:
        """The first candidate that was ever proposed."""
        with self._lock:
            if self._elected is None:
                self._elected = candidate
            return self._elected

    def _append(self, name: str, text: str) -> None:
        if self._folder is None:
            raise FileNotFoundError("there is no folder")
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / name
            # Only its owner reads it: one of the files holds passwords.
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
                file.write(text)
