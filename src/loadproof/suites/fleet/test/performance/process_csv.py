"""``make test/performance/process/csv``: the statistics of a run as JSON, with every endpoint in it, hit or not.

Reads ``reports/perf_test_stats.csv`` and writes ``reports/perf_test_stats.json``: a list of objects, those of
``stats_template.json`` first and in its order, then whatever else was hit. Keys are the headers of the CSV in lower
case; numbers are numbers, and what is missing is ``"undefined"``.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

REPORTS = Path("reports")
SOURCE, RESULT = "perf_test_stats.csv", "perf_test_stats.json"
UNDEFINED = "undefined"

_TEXTS = ("type", "name")

Value = str | int | float


def main() -> int:
    """Read, and write beside it."""
    source = REPORTS / SOURCE
    if not source.is_file():
        sys.stderr.write(f"{source} is not there: make test/performance writes it\n")
        return 2
    template = json.loads(Path(__file__).with_name("stats_template.json").read_text(encoding="utf-8"))
    with source.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        headers, rows = list(reader.fieldnames or ()), list(reader)
    result = REPORTS / RESULT
    result.write_text(json.dumps(as_objects(headers, rows, template), indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{result}\n")
    return 0


def as_objects(
    headers: list[str], rows: list[dict[str, str]], template: list[dict[str, str]]
) -> list[dict[str, Value]]:
    """The rows as objects, completed and ordered by the template.

    Args:
        headers: Of the CSV.
        rows: Of the CSV.
        template: ``type`` and ``name`` of every endpoint that shall be there.
    """
    by_entry = {(row["Type"], row["Name"]): row for row in rows}
    wanted = [(each["type"], each["name"]) for each in template]
    others = [entry for entry in by_entry if entry not in wanted]
    return [
        _as_object(headers, by_entry.get(entry, {"Type": entry[0], "Name": entry[1]})) for entry in (*wanted, *others)
    ]


def _as_object(headers: list[str], row: dict[str, str]) -> dict[str, Value]:
    return {header.lower(): _value(header.lower(), row.get(header)) for header in headers}


def _value(key: str, text: str | None) -> Value:
    if key in _TEXTS:
        return text or ""
    try:
        number = float(text or "")
    except ValueError:
        return UNDEFINED  # Locust writes N/A where it has too little
    return int(number) if number.is_integer() else number


if __name__ == "__main__":
    sys.exit(main())
