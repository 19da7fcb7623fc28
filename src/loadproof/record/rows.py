"""Rows of ``results.csv``: written in the load process for every request, read back when a run must be rebuilt.

A row is one line whatever its cells hold, so that a torn one never takes the next with it. What is read back is what
was counted: durations to the nanosecond, outcomes, kinds of errors. The rest is as near as its column: the time of
sending to the microsecond, line breaks within a cell as spaces, cells cut at 500 characters. What has no column (time
of the first byte, connect and TLS apart, bytes sent) comes back empty.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from functools import lru_cache
from math import floor
from typing import TYPE_CHECKING, Any

from loadproof.record.recorder import Recorder
from loadproof.record.run_record import RunRecord
from loadproof.record.sample import Outcome, Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

HEADER = (
    "timestamp,endpoint,method,status_code,response_time,success,error_message,response_size,"
    "service_time,clock,user_class,worker,phase"
)
"""The columns.

``timestamp``      when it was sent: UTC, ISO 8601, microseconds
``endpoint``       the entry's name in the statistics
``method``         request type
``status_code``    empty when no answer came
``response_time``  seconds
``success``        ``true`` or ``false``; an expected non-2xx answer is a success
``error_message``  ``<kind>: <text>`` of a failure, ``expected`` for an expected non-2xx answer, else empty
``response_size``  bytes of the decompressed body
``service_time``   seconds
``clock``          who stamped the end: ``kernel``, ``user``, or ``none``: then both times are empty
``user_class``, ``worker``
``phase``          ``main``; ``warmup`` for what ended before a warm-up of known length was over; ``setup`` for what no
                   iteration of an open model sent, whose method ends in `` setup``
"""

_COLUMNS = HEADER.count(",") + 1
_EXPECTED = "expected"
_QUOTE = '"'
_FORMULA = ("=", "+", "-", "@", "\t")
_LINE_BREAKS = str.maketrans(dict.fromkeys("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", " "))
_LONGEST_CELL = 500
_ROWS_PER_DELTA = 50_000
_WARM_UP = "warmup"
_KEPT = 8192


class RowFormatter:
    """Writes rows for what one process measures, a few samples at a time: what repeats is written once and kept.

    Args:
        epoch: Unix time of the run's start.
        worker: Name of the process.
    """

    def __init__(self, epoch: float, worker: str) -> None:
        self._worker = worker
        self._epoch_second = floor(epoch)
        self._fraction = epoch - self._epoch_second
        self._second: int | None = None
        self._stamp = ""
        self._known: dict[tuple[object, ...], tuple[str, str]] = {}

    def format(self, samples: Iterable[Sample]) -> bytes:
        """Rows without the header, as UTF-8, each ended by CR LF (RFC 4180); empty without samples.

        A negative duration, which only a stepped clock makes, is written as 0, as it is counted.

        Args:
            samples: What to write, in any order.
        """
        lines = []
        known, fraction, second, stamp = self._known, self._fraction, self._second, self._stamp
        # Runs for every request: fields are taken out at once, and text that repeats is made once.
        for (
            name, method, intended, sent, ended, _, connect, tls, status,
            outcome, kind, message, _, received, user_class, phase, clock,
        ) in samples:  # fmt: skip
            at = sent + fraction
            whole = int(at) if at >= 0.0 else floor(at)
            micros = int((at - whole) * 1e6 + 0.5)
            if micros == 1_000_000:
                whole, micros = whole + 1, 0
            if whole != second:
                self._second = second = whole
                self._stamp = stamp = self.second(self._epoch_second + whole)
            took = ended - intended
            response = service = f"{took:.9f}" if took > 0.0 else "0.000000000"
            if intended != sent or connect or tls:
                service = f"{max(0.0, connect + tls + (ended - sent)):.9f}"
            if clock == "none":
                response = service = ""
            key = (name, method, status, clock, user_class, phase)
            cells = known.get(key)
            if cells is None:
                cells = self.cells_around(key)
            success = "true,"
            if outcome != "success":
                success = f"true,{_EXPECTED}" if outcome == "expected" else f"false,{_error_cell(kind, message)}"
            head, tail = cells
            lines.append(f"{stamp}{str(micros + 1_000_000)[1:]}{head}{response},{success},{received},{service}{tail}")
        return "".join(lines).encode("utf-8", "replace")

    @staticmethod
    def second(unix: int) -> str:
        """The start of a timestamp, up to where the microseconds follow."""
        return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%S.")

    def cells_around(self, key: tuple[Any, ...]) -> tuple[str, str]:
        """The cells between the timestamp and the response time, and those behind the service time.

        Args:
            key: Name, method, status, clock, user class and phase.
        """
        name, method, status, clock, user_class, phase = key
        if len(self._known) >= _KEPT:
            self._known.clear()
        head = f"{_cell(name)},{_cell(method)},{'' if status is None else status}"
        tail = f"{clock},{_cell(user_class)},{_cell(self._worker)},{_cell(phase)}"
        cells = self._known[key] = (f"+00:00,{head},", f",{tail}\r\n")
        return cells


def read_rows(path: Path, *, epoch: float | None = None) -> Iterator[Sample]:
    """The samples of a ``results.csv``, in its order.

    A line that is not a whole row is passed over: the header, and what a crash or a full disk left torn.

    Args:
        path: The file.
        epoch: Unix time of the run's start; None takes the first row's time for it.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        for line in file:
            cells = _cells(line)
            if cells is None:
                continue
            try:
                if epoch is None:
                    epoch = _unix_time(cells[0])
                yield _sample(cells, epoch)
            except ValueError:
                continue


def rebuild(path: Path, *, epoch: float | None = None, measured_from: int = 0) -> RunRecord:
    """Count the rows of a ``results.csv`` again; users and arrivals are not in them.

    Rows of phase ``warmup`` are in the record's windows only, as what ends before the measured part is.

    Args:
        path: The file.
        epoch: Unix time of the run's start; None takes the first row's time for it.
        measured_from: First second of the measured part; what ended before is in the windows only.

    Raises:
        OSError: It cannot be read.
    """
    record = RunRecord()
    record.measure_from(measured_from, final=True)
    main, warm_up = Recorder("rebuilt"), Recorder("rebuilt")
    for number, sample in enumerate(read_rows(path, epoch=epoch), 1):
        recorder = warm_up if sample.phase == _WARM_UP else main
        recorder.record(sample)
        if number % _ROWS_PER_DELTA == 0:
            _merge(record, main, warm_up)
    _merge(record, main, warm_up)
    return record


def _merge(record: RunRecord, main: Recorder, warm_up: Recorder) -> None:
    record.merge(main.interval({}))
    record.merge(warm_up.interval({}), measured=False)


@lru_cache(maxsize=1024)
def _error_cell(kind: str | None, message: str | None) -> str:
    """The kind comes first, so that it can be read back."""
    return _cell((kind or "") if message is None else f"{kind or ''}: {message}")


def _cell(text: str) -> str:
    """A cell on one line that no spreadsheet takes for a formula, quoted only where it must be (RFC 4180)."""
    text = text[:_LONGEST_CELL].translate(_LINE_BREAKS)
    # Of a text that starts with quotes and a formula itself, one more can be taken off again.
    if text.lstrip("'").startswith(_FORMULA):
        text = f"'{text}"
    return f'"{text.replace(_QUOTE, _QUOTE * 2)}"' if "," in text or _QUOTE in text else text


def _uncell(text: str) -> str:
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(_FORMULA) else text


def _cells(line: bytes) -> list[str] | None:
    """The cells of a whole row; None for anything else."""
    if not line.endswith(b"\n"):
        return None
    text = line.decode("utf-8", "replace").rstrip("\r\n")
    try:
        cells = next(csv.reader([text], strict=True)) if _QUOTE in text else text.split(",")
    except csv.Error:
        return None
    return cells if len(cells) == _COLUMNS else None


def _unix_time(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


def _sample(cells: list[str], epoch: float) -> Sample:
    """The sample of a row.

    Raises:
        ValueError: It is not a row.
    """
    timestamp, name, method, status, response_time, success, error, received, service_time, clock, *rest = cells
    if success not in ("true", "false") or clock not in ("kernel", "user", "none"):
        raise ValueError("not a row")
    outcome: Outcome = "failure" if success == "false" else "expected" if error == _EXPECTED else "success"
    kind, colon, message = _uncell(error).partition(": ") if outcome == "failure" else ("", "", "")
    sent = _unix_time(timestamp) - epoch
    timed = clock != "none"
    service, response = (float(service_time), float(response_time)) if timed else (0.0, 0.0)
    # One sum for both, so that equal durations stay equal to the last bit.
    ended = sent + service
    return Sample(
        name=_uncell(name),
        method=_uncell(method),
        intended_at=sent if response == service else ended - response,
        sent_at=sent,
        ended_at=ended,
        status=int(status) if status else None,
        outcome=outcome,
        kind=kind or None,
        message=message if colon else None,
        bytes_received=int(received),
        user_class=_uncell(rest[0]),
        phase=_uncell(rest[2]),
        clock="none" if not timed else "kernel" if clock == "kernel" else "user",
    )
