"""``python -m loadproof.kit.telling``: the settings that a locustfile has read, as JSON, for ``config show``."""

from __future__ import annotations

import json
import os
import sys
from contextlib import redirect_stdout

import locust  # noqa: F401 - patches the standard library, as it does for the suite in a run
from locust.util.load_locustfile import load_locustfile

from loadproof.kit.settings import Settings


def main(locustfiles: list[str]) -> int:
    """Read the files as Locust does, and print one line of JSON: a list of settings, each with its class."""
    with redirect_stdout(sys.stderr):  # what the files print is not ours to answer with
        for path in locustfiles:
            load_locustfile(os.path.abspath(path))  # noqa: PTH100 - as Locust makes it absolute
    told = [
        {"class": type(settings).__name__, **shown._asdict()}
        for settings in Settings.loaded
        for shown in settings.shown()
    ]
    sys.stdout.write(f"{json.dumps(told)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
