#!/usr/bin/env python3
"""Holds a load test against what its service has to achieve; exit code 1 where it did not."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.errors import ExitCode, LoadproofError
from loadproof.suites.services.service_levels import document_of, has_achieved, line_of, measured_in, verdicts_on

if TYPE_CHECKING:
    from collections.abc import Sequence

VIOLATED = 1


def parser() -> argparse.ArgumentParser:
    """The documented options."""
    ours = argparse.ArgumentParser(
        description="Hold a load test against what its service has to achieve.",
        epilog="exit codes: 0 achieved, 1 violated, 2 usage, 3 not a run, 4 too few requests to tell",
        allow_abbrev=False,
    )
    what = "results.csv, or any other file of a result directory; the directory; or latest:SERVICE"
    ours.add_argument("--results-file", required=True, metavar="FILE", help=what)
    ours.add_argument("--service", required=True, metavar="NAME", help="whose thresholds count")
    ours.add_argument("--output-json", type=Path, metavar="FILE", help="write what came of it there, too")
    return ours


def main(words: Sequence[str] | None = None) -> int:
    """Print what came of it, and give the exit code."""
    read = parser().parse_args(words)
    try:
        verdicts = verdicts_on(measured_in(read.results_file), read.service)
        if read.output_json is not None:
            document = document_of(read.service, read.results_file, verdicts)
            read.output_json.parent.mkdir(parents=True, exist_ok=True)
            read.output_json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except LoadproofError as error:
        sys.stderr.write(f"❌ {error}\n" + (f"   try: {error.hint}\n" if error.hint else ""))
        return int(error.exit_code)
    except OSError as error:
        sys.stderr.write(f"❌ {error.filename}: {error.strerror}\n")
        return int(ExitCode.COULD_NOT_RUN)
    achieved = has_achieved(verdicts)
    said = {True: "✅ achieved", False: "❌ violated", None: "⚠️ nobody can tell"}[achieved]
    sys.stdout.write(
        "\n".join([f"{said}: thresholds of {read.service}", *(f"  {line_of(v)}" for v in verdicts)]) + "\n"
    )
    return {True: int(ExitCode.PASS), False: VIOLATED, None: int(ExitCode.INCONCLUSIVE)}[achieved]


if __name__ == "__main__":
    sys.exit(main())
