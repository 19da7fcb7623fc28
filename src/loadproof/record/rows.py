"""Rows of ``results.csv``: written in the load process for every request, read back when a run must be rebuilt."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from loadproof.record.recorder import Recorder
from loadproof.record.run_record import RunRecord
from loadproof.record.sample import Clock, Outcome, Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

HEADER = (
    "timestamp,endpoint,method,status_code,response_time,success,error_message,response_size,"
    "service_time,clock,user_class,worker,phase"
)
"""
``timestamp``      when it was sent: UTC, ISO 8601, microseconds
``endpoint``       the entry's name in the statistics
``method``         request type
``status_code``    empty when no answer came
``response_time``  seconds
``success``        ``true`` or ``false``; an expected non-2xx answer is a success
``error_message``  ``<kind>: <text>`` of a failure, ``expected`` for an expected non-2xx answer, else empty
``response_size``  bytes of the decompressed body
``service_time``   seconds
``clock``          who stamped the end: ``kernel`` or ``user``
``user_class``, ``worker``, ``phase``
"""

_EXPECTED = "expected"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ROWS_PER_DELTA = 50_000


@lru_cache(maxsize=8192)
def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, on one line, quoted where it must be (RFC 4180)."""
    text = " ".join(text.split()) if any(c in text for c in "\n\r\t\v\f\x85\u2028\u2029\x1c\x1d\x1e") else text
    if text.startswith(_FORMULA):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"') else text


@lru_cache(maxsize=64)
def _second(whole: int) -> str:
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def format_rows(samples: Iterable[Sample], *, epoch: float, worker: str) -> bytes:
    """Rows without the header, as UTF-8, each ended by a line feed.

    Args:
        samples: What to write, in any order.
        epoch: Unix time of the run's start.
        worker: Name of this process.
    """
    lines = []
    worker = _cell(worker)
    for sample in samples:
        micros = round((epoch + sample.sent_at) * 1_000_000)
        if sample.outcome == "success":
            error = ""
        elif sample.outcome == "expected":
            error = _EXPECTED
        else:
            error = _cell(f"{sample.kind}: {sample.message}")
        whole, part = divmod(micros, 1_000_000)
        lines.append(
            f"{_second(whole)}.{part:06d}+00:00,{_cell(sample.name)},{_cell(sample.method)},"
            f"{'' if sample.status is None else sample.status},{sample.response_time:.9f},"
            f"{'false' if sample.outcome == 'failure' else 'true'},{error},{sample.bytes_received},"
            f"{sample.service_time:.9f},{sample.clock},{_cell(sample.user_class)},{worker},{sample.phase}\n"
        )
    return "".join(lines).encode("utf-8", "replace")


def read_rows(path: Path, *, epoch: float) -> Iterator[Sample]:
    """The samples of a ``results.csv``; a torn last line, which a crash leaves, is passed over.

    The intended start is taken from the response time, so a rebuilt run has the same durations.

    Args:
        path: The file.
        epoch: Unix time of the run's start.

    Raises:
        OSError: It cannot be read.
    """
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            try:
                yield _sample(row, epoch)
            except (TypeError, ValueError, KeyError):
                continue


def _sample(row: dict[str, str], epoch: float) -> Sample:
    sent = datetime.fromisoformat(row["timestamp"]).timestamp() - epoch
    service, response = float(row["service_time"]), float(row["response_time"])
    if row["phase"] is None:
        raise ValueError("torn")
    outcome: Outcome = "success" if row["success"] == "true" else "failure"
    kind: str | None = None
    message: str | None = None
    if outcome == "failure":
        kind, _, message = row["error_message"].partition(": ")
        kind = kind.removeprefix("'")
    elif row["error_message"] == _EXPECTED:
        outcome = "expected"
    clock: Clock = "kernel" if row["clock"] == "kernel" else "user"
    # One sum for both, so that equal durations stay equal to the last bit.
    ended = sent + service
    return Sample(
        name=_uncell(row["endpoint"]),
        method=_uncell(row["method"]),
        intended_at=sent if response == service else ended - response,
        sent_at=sent,
        ended_at=ended,
        status=int(row["status_code"]) if row["status_code"] else None,
        outcome=outcome,
        kind=kind,
        message=message,
        bytes_received=int(row["response_size"]),
        user_class=_uncell(row["user_class"]),
        phase=row["phase"],
        clock=clock,
    )


def _uncell(text: str) -> str:
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text


def rebuild(path: Path, *, epoch: float) -> RunRecord:
    """Count the rows of a ``results.csv`` again.

    Raises:
        OSError: It cannot be read.
    """
    record = RunRecord()
    recorder = Recorder("rebuilt")
    waiting = 0
    for sample in read_rows(path, epoch=epoch):
        recorder.record(sample)
        waiting += 1
        if waiting >= _ROWS_PER_DELTA:
            record.merge(recorder.interval({}))
            waiting = 0
    record.merge(recorder.interval({}))
    return record
