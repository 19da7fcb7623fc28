"""Everyday answers, counted and written in one pass.

Nearly every request of a run is one: it succeeded in less than a second, on a connection that stood, and nothing but
its times and sizes is its own. What it has in common with others is looked up at once, and the rest is whole numbers
from the stamps to the row. A sample of each, counted by the recorder and written by the formatter, comes to the same
and takes twice as long: that is the way of all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from loadproof.plan.redact import redact_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadproof.record import Recorder, Tally
    from loadproof.record.rows import RowFormatter

_SECOND = 1_000_000_000
_MICROSECOND = 1_000
_MICROSECONDS = 1_000_000
_KEPT = 4096


class _Alike(NamedTuple):
    """What is known of answers in one second that differ in their times and sizes alone.

    Attributes:
        times: From the send to the last byte in ns, of those that are not yet counted.
        sizes: Of their bodies.
        head: The cells of their rows before the fraction of the response time.
        tail: The cells behind the service time.
        tally: Where they count.
        status: HTTP status; None for what has none.
        kernel: Whether the kernel stamped their ends.
    """

    times: list[int]
    sizes: list[int]
    head: str
    tail: str
    tally: Tally
    status: int | None
    kernel: bool


class Taken(NamedTuple):
    """What became of some answers.

    Attributes:
        number: How many were everyday ones.
        kernel: How many of those the kernel stamped.
        ended_at: When the last of those ended, in seconds since the run's start; None without any.
        rows: Their rows, as ``RowFormatter.format`` writes them; empty where none are wanted.
        others: The answers that are not, untouched.
    """

    number: int
    kernel: int
    ended_at: float | None
    rows: bytes
    others: list[tuple[Any, ...]]


class EverydayAnswers:
    """Takes successes in the form of ``Response.measured``, whoever measured them.

    Args:
        recorder: Counts everything; call ``forget`` after its ``interval``.
        formatter: Writes all other rows.
        zero_ns: The run's start on the monotonic clock.
        epoch: The same moment in Unix time.
    """

    def __init__(self, recorder: Recorder, formatter: RowFormatter, zero_ns: int, epoch: float) -> None:
        self._recorder = recorder
        self._formatter = formatter
        self._zero_ns = zero_ns
        self._epoch_second = int(epoch)
        # From the monotonic clock to the time since the whole second of the run's start, to be cut to microseconds.
        self._offset = round((epoch - self._epoch_second) * _SECOND) + _MICROSECOND // 2 - zero_ns
        self._stamp = ""  # the second in which rows were sent, and its bounds in microseconds
        self._low = self._high = 0
        self.forget()

    def forget(self) -> None:
        """Look up anew where to count."""
        self._alike: dict[tuple[str, str, int | None, str, bool], _Alike] = {}
        self._start = self._end = 0  # the second in which answers ended, on the monotonic clock

    def take(self, answers: Iterable[tuple[Any, ...]], *, write: bool) -> Taken:  # noqa: C901 - the hot path, in one piece
        """Count answers, and write a row for each where they are wanted."""
        alike, start, end, low, high, stamp = (
            self._alike, self._start, self._end, self._low, self._high, self._stamp,
        )  # fmt: skip
        offset = self._offset
        touched: list[_Alike] = []
        others: list[tuple[Any, ...]] = []
        lines: list[str] = []
        last = None
        for answer in answers:
            (began, sent, first, ended, kernel, connect, _, to), method, name, status, size, user, context = answer
            took = ended - sent
            if connect or not 0 <= took < _SECOND or (context and context.get("outcome") == "expected"):
                others.append(answer)
                continue
            last = began + took
            if not start <= last < end:
                self._turn_to(last)
                alike, start, end = self._alike, self._start, self._end
            try:
                same = alike[name, method, status, user, kernel]
            except KeyError:
                same = self._meet(name, method, status, user, kernel)
            times, sizes, head, tail, tally, _, _ = same
            if not times:
                touched.append(same)
            times.append(took)
            sizes.append(size)
            if to:
                tally.bytes_sent += to
            if first is not None:
                tally.add_first_byte(first - sent)
            if write:
                at = (began + offset) // _MICROSECOND
                if not low <= at < high:
                    low = self._low = at // _MICROSECONDS * _MICROSECONDS
                    high = self._high = low + _MICROSECONDS
                    stamp = self._stamp = self._formatter.second(self._epoch_second + at // _MICROSECONDS)
                fraction = str(took + _SECOND)[1:]
                lines.append(
                    f"{stamp}{str(at - low + _MICROSECONDS)[1:]}{head}{fraction},true,,{size},0.{fraction}{tail}"
                )
        number = stamped = 0
        for same in touched:
            number += len(same.times)
            stamped += len(same.times) * same.kernel
            _count(same)
        ended_at = None if last is None else (last - self._zero_ns) / _SECOND
        return Taken(number, stamped, ended_at, "".join(lines).encode("utf-8", "replace"), others)

    def _turn_to(self, at_ns: int) -> None:
        """Count in the second of a time from here on."""
        self._alike = {}
        self._start = at_ns - (at_ns - self._zero_ns) % _SECOND
        self._end = self._start + _SECOND

    def _meet(self, name: str, method: str, status: int | None, user: str, kernel: bool) -> _Alike:
        """Look up what is known of answers that are the first of their kind in a second."""
        if len(self._alike) >= _KEPT:  # a script that forgot to name its requests
            self._alike.clear()
        shown = redact_text(str(name))
        tally = self._recorder.tally_in((self._start - self._zero_ns) // _SECOND, shown, method)
        head, tail = self._formatter.cells_around((shown, method, status, "kernel" if kernel else "user", user, "main"))
        same = self._alike[name, method, status, user, kernel] = _Alike(
            [], [], f"{head}0.", tail, tally, status, kernel
        )
        return same


def _count(same: _Alike) -> None:
    """Count those that wait."""
    times, sizes, tally = same.times, same.sizes, same.tally
    if tally.own_service is not None:
        tally.own_service.record_all(times)
    tally.response.record_all(times)
    if same.status is not None:
        tally.statuses[same.status] = tally.statuses.get(same.status, 0) + len(times)
    tally.bytes_received += sum(sizes)
    times.clear()
    sizes.clear()
