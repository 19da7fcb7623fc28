"""From Locust's ``request`` event to samples, and from samples to deltas and rows."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gevent

from loadproof.http.accounting import accounting
from loadproof.http.errors import error_kind, error_message
from loadproof.http.fallback import fallbacks
from loadproof.load.everyday import EverydayAnswers
from loadproof.load.gate import MARK
from loadproof.load.locust_statistics import LocustStatistics
from loadproof.plan.redact import redact_text
from loadproof.record import Recorder, Sample
from loadproof.record.recorder import MEASURE, MEASURED_AS, SETUP, SPANS, tagged
from loadproof.record.rows import RowFormatter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadproof.http.stamps import Stamps
    from loadproof.load.gate import Iteration
    from loadproof.record import ArrivalCounts
    from loadproof.record.sample import Outcome

_FAILURES_KEPT = 5
_FAILURE_KINDS_KEPT = 200
_BODY_KEPT = 1024
_ROWS_PER_BATCH = 1024
_AT_ONCE = 32
"""Few enough not to hold up whoever wants to send."""
_NOWHERE = (None, False)
_new_sample: Any = tuple.__new__
_CLOCK_SLACK = 0.05
_LONGEST_MS = 1e12


class RowPolicy:
    """Which samples get a row in ``results.csv``.

    Args:
        text: ``all``, ``errors``, ``none``, or ``N/s`` for at most N a second in this process.

    Attributes:
        all: Whether every sample gets one.
        successes: Whether those of successes do; None where some do.
    """

    def __init__(self, text: str) -> None:
        self.all = text == "all"
        self._errors_only = text == "errors"
        self._none = text == "none"
        self._per_second = float(text.removesuffix("/s")) if text.endswith("/s") else None
        self.successes = None if self._per_second is not None else self.all
        self._second = -1
        self._taken = 0.0

    def takes(self, sample: Sample) -> bool:
        """Whether this sample gets a row."""
        if self._none or (self._errors_only and sample.outcome != "failure"):
            return False
        if self._per_second is None:
            return True
        second = int(sample.ended_at)
        if second != self._second:
            self._second, self._taken = second, 0.0
        self._taken += 1
        return self._taken <= self._per_second


class Meter:
    """Everything that one process measures between the start and the end of a test.

    Args:
        worker: Name of this process in rows and deltas.
        policy: Which samples get a row.
        send_rows: Takes formatted rows and their number.

    Attributes:
        worker: Name of this process.
        running: Whether a test runs; what comes before and after is not measured.
        error_rate: Share of the latest requests that failed: of those before the last report.
        locust: Locust's own statistics, fed from here.
    """

    def __init__(self, worker: str, policy: RowPolicy, send_rows: Callable[[bytes, int], None]) -> None:
        self.worker = worker
        self._policy = policy
        self._send_rows = send_rows
        self._recorder = Recorder(worker)
        self.locust = LocustStatistics()
        self._formatter = RowFormatter(0.0, worker)
        self._everyday = EverydayAnswers(self._recorder, self._formatter, 0, 0.0)
        self._rows: list[bytes] = []
        self._rows_waiting = 0
        self._answers: list[tuple[Any, ...]] = []
        self._heard: list[Sample] = []
        self._failures: list[dict[str, Any]] = []
        self._failures_seen: dict[tuple[str, str], int] = {}
        self._errors: dict[tuple[str, str, str, str], dict[str, Any]] = {}
        self._errors_changed = False
        self._samples = 0
        self._kernel = self._spans = 0
        self._last_ended = 0.0
        self._zero = 0.0
        self._zero_ns = 0
        self._epoch = 0.0
        self._wall_offset = 0.0
        self._paced: frozenset[str] = frozenset()
        self._places: list[tuple[int, float | None, bool]] = []
        self._tags: Mapping[str, Sequence[str]] = {}
        self._warm_at = 0.0
        self._failed = self._failed_before = self._requests_before = 0
        self.running = False
        self.error_rate = 0.0

    def begin(self, zero: float, epoch: float) -> None:
        """A test starts: throw away what was measured before.

        Args:
            zero: The run's start on this host's monotonic clock.
            epoch: The same moment in Unix time.
        """
        self._recorder = Recorder(self.worker)
        self._rows.clear()
        self._rows_waiting = 0
        self._answers.clear()
        self._heard.clear()
        self._failures_seen.clear()
        self._failures.clear()
        self._errors.clear()
        self.locust.clear()
        accounting.unfinished = accounting.unrecorded = 0
        fallbacks.clear()
        self._samples = self._kernel = self._spans = 0
        self._failed = self._failed_before = self._requests_before = 0
        self.error_rate = 0.0
        self._paced = frozenset()
        self._places.clear()
        self._warm_at = 0.0
        self._zero = zero
        self._zero_ns = round(zero * 1e9)
        self._epoch = epoch
        self._begin_rows()
        self.running = True
        self.follow_clock()

    def _begin_rows(self) -> None:
        self._formatter = RowFormatter(self._epoch, self.worker)
        self._everyday = EverydayAnswers(self._recorder, self._formatter, self._zero_ns, self._epoch)

    def expect_schedule(self, user_classes: frozenset[str]) -> None:
        """Say whose iterations come on schedule: their first requests are measured from the time it intended."""
        self._paced = user_classes

    def tag(self, tags: Mapping[str, Sequence[str]]) -> None:
        """Count samples of some user classes once more, under tags: rules look at them apart."""
        self._tags = tags

    def warm_until(self, at: float) -> None:
        """Mark rows of what ends before a time, in seconds since the run's start, as warm-up."""
        self._warm_at = at

    def arrivals_in(self, at_ns: int) -> ArrivalCounts:
        """The counts of the second that a time on the monotonic clock lies in."""
        return self._recorder.arrivals_in((at_ns - self._zero_ns) / 1e9)

    def on_iteration(self, name: str, user_class: str, iteration: Iteration, *, failed: bool) -> None:
        """Count an iteration that is over; it has no row, as it is no request."""
        if not self.running:
            return
        due, started = (iteration.due_ns - self._zero_ns) / 1e9, (iteration.started_ns - self._zero_ns) / 1e9
        sample = Sample(
            name,
            "ITERATION",
            due,
            started,
            self.now(),
            outcome="failure" if failed else "success",
            kind="exception" if failed else None,
            user_class=user_class,
        )
        self._record(sample)

    def on_measure(self, name: str, value: float) -> None:
        """Count a value of the script's own; it has no row, as it is no request."""
        if self.running:
            now = self.now()
            began = now - value * MEASURED_AS
            self._record(Sample(_shown(name), MEASURE, began, began, now, user_class=_user_class()))

    def _record(self, sample: Sample) -> None:
        """Count what is no request."""
        self._recorder.record(sample)
        if self._tags:
            self._recorder.record_all(self._tagged([sample]))

    def _tagged(self, samples: list[Sample]) -> list[Sample]:
        """The samples once more for each tag of their user class."""
        tags = self._tags
        return [
            sample._replace(method=tagged(sample.method, tag))
            for sample in samples
            for tag in tags.get(sample.user_class, ())
        ]

    def _place(self) -> tuple[float | None, bool]:
        """Where the request that was just made has its place in the schedule.

        Returns:
            When it was intended, None where the schedule says nothing of it; and whether it belongs to no iteration.
        """
        greenlet = gevent.getcurrent()
        iteration = getattr(greenlet, MARK, None)
        if iteration is None:
            return None, _user_class() in self._paced and _is_users_own()
        intended = iteration.intended_ns
        if intended is None:
            return None, False
        iteration.intended_ns = None
        return (intended - self._zero_ns) / 1e9, False

    def rename(self, worker: str) -> None:
        """Say who this process is, once Locust has given it a name."""
        self.worker = worker
        self._recorder.rename(worker)
        self._begin_rows()

    def now(self) -> float:
        """Seconds since the run's start."""
        return time.monotonic() - self._zero

    def follow_clock(self) -> None:
        """Relate the wall clock, which Locust stamps with, to the monotonic one; it may be stepped while we run."""
        self._wall_offset = time.time() - time.monotonic() + self._zero

    def on_request(
        self,
        *,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int | None,
        response: Any = None,
        context: Mapping[str, Any] | None = None,
        exception: BaseException | str | None = None,
        start_time: float | None = None,
        **_ignored: object,
    ) -> None:
        """Take a request by the arguments of Locust's ``request`` event."""
        if not self.running:
            self.locust.log(request_type, name, response_time, response_length or 0, exception)
            return
        seconds = _seconds(response_time)
        stamps = getattr(response, "stamps", None)
        if stamps is not None and (seconds is None or abs(stamps.seconds - seconds) > 1e-9):
            stamps = None  # the script gave the request another time, and that one counts
        status, method = _status(response), str(request_type)
        length = response_length if isinstance(response_length, int) and response_length > 0 else 0
        user_class = getattr(response, "user_class", None) or _user_class()
        if not exception and seconds is not None and method not in SPANS:
            if stamps is None:
                stamps = self._stamped(start_time, seconds, response)
            self.on_answer((stamps, method, str(name), status, length, user_class, context))
            return
        outcome: Outcome = "success"
        kind = message = None
        if exception:
            outcome = "failure"
            kind, message = error_kind(exception, status), redact_text(error_message(exception))
            self.locust.failed(request_type, _shown(str(name)), exception)
        elif context and context.get("outcome") == "expected":
            outcome = "expected"
        intended, sent, ended, first, connect, tls = self._times(start_time, seconds or 0.0, stamps)
        kernel = stamps is not None and stamps.kernel
        outside = False
        if self._paced:
            scheduled, outside = self._place()
            intended = intended if scheduled is None else min(scheduled, intended)
        sample = _new_sample(
            Sample,
            (
                _shown(str(name)),
                f"{method}{SETUP}" if outside else method,
                intended,
                sent,
                ended,
                first,
                connect,
                tls,
                status,
                outcome,
                kind,
                message,
                _body_length(response) if stamps is None else stamps.bytes_sent,
                length,
                user_class,
                "setup" if outside else "main",
                "none" if seconds is None else "kernel" if kernel else "user",
            ),
        )
        if kind is not None:
            self._failed += sample.method not in SPANS
            self._keep_failure(sample, response)
        self._spans += sample.method in SPANS
        self._kernel += kernel
        self._heard.append(sample)
        if len(self._heard) >= _AT_ONCE:
            self._take_heard()

    def _stamped(self, start_time: float | None, seconds: float, response: Any) -> tuple[Any, ...]:
        """Stamps of what nobody stamped but its script, with its end counted from when it was sent."""
        _, sent, *_ = self._times(start_time, seconds, None)
        began = self._zero_ns + round(sent * 1e9)
        return began, 0, None, round(seconds * 1e9), False, 0.0, 0.0, _body_length(response)

    def on_answer(self, answer: tuple[Any, ...]) -> None:
        """Take an answer that is no failure: one of our own client without the detour of an event."""
        if self.running:
            answers = self._answers
            if self._paced:
                place = self._place()
                if place != _NOWHERE:
                    self._places.append((len(answers), *place))
            answers.append(answer)
            if len(answers) >= _AT_ONCE:
                self._take_answers()
        else:
            stamps, method, name, _, size, _, _ = answer
            self.locust.log(method, name, stamps.seconds * 1000, size, None)

    def _take_answers(self) -> None:
        """Count the answers that wait. The hot path: a loop over many is faster than each by itself."""
        answers, self._answers = self._answers, []
        # Where each is looked at by itself (for a tag, its place in the schedule, the warm-up), each is a sample.
        if not (self._places or self._tags or self._warm_at) and self._policy.successes is not None:
            taken = self._everyday.take(answers, write=self._policy.successes)
            answers = taken.others
            if taken.ended_at is not None:
                self._samples += taken.number
                self._kernel += taken.kernel
                self._last_ended = taken.ended_at
                self._keep_rows(taken.rows, taken.number)
        samples = [self._sample_of(answer) for answer in answers]
        self._put_in_place(samples)
        self._count(samples)

    def _sample_of(self, answer: tuple[Any, ...]) -> Sample:
        """An answer as a sample."""
        (began, sent_ns, first, ended_ns, kernel, connect, tls, to), method, name, status, size, user, context = answer
        sent = (began - self._zero_ns) / 1e9
        self._kernel += kernel
        sample: Sample = _new_sample(
            Sample,
            (
                _shown(str(name)),
                method,
                # In a closed model the user wants it sent at the moment of the call: before it connects.
                sent - connect - tls if connect else sent,
                sent,
                sent + (ended_ns - sent_ns) / 1e9,
                None if first is None else sent + (first - sent_ns) / 1e9,
                connect,
                tls,
                status,
                "expected" if context and context.get("outcome") == "expected" else "success",
                None,
                None,
                to,
                size,
                user,
                "main",
                "kernel" if kernel else "user",
            ),
        )
        return sample

    def _put_in_place(self, samples: list[Sample]) -> None:
        """Say of samples when the schedule intended them, or that they belong to the set-up."""
        places, self._places = self._places, []
        for number, intended, outside in places:
            sample = samples[number]
            if outside:
                samples[number] = sample._replace(method=f"{sample.method}{SETUP}", phase="setup")
            elif intended is not None and intended < sample.intended_at:
                samples[number] = sample._replace(intended_at=intended)

    def _take_heard(self) -> None:
        """Count the samples of events that wait."""
        heard, self._heard = self._heard, []
        self._count(heard)

    def _count(self, samples: list[Sample]) -> None:
        if not samples:
            return
        self._samples += len(samples)
        self._last_ended = samples[-1].ended_at
        self._recorder.record_all(samples)
        if self._tags:
            self._recorder.record_all(self._tagged(samples))
        if self._warm_at:
            samples = self._marked(samples)
        if not self._policy.all:
            samples = [sample for sample in samples if self._policy.takes(sample)]
        # At once, while they are at hand: a thousand that wait would take room in the caches from all the rest.
        self._keep_rows(self._formatter.format(samples), len(samples))

    def _keep_rows(self, rows: bytes, count: int) -> None:
        if rows:
            self._rows.append(rows)
            self._rows_waiting += count
        if self._rows_waiting >= _ROWS_PER_BATCH:
            self._send_waiting_rows()

    def _marked(self, samples: list[Sample]) -> list[Sample]:
        """The samples, those of the warm-up marked."""
        if min(sample.ended_at for sample in samples) >= self._warm_at + _CLOCK_SLACK:
            self._warm_at = 0.0
        return [
            sample._replace(phase="warmup") if sample.ended_at < self._warm_at and sample.phase == "main" else sample
            for sample in samples
        ]

    def _times(
        self, start_time: float | None, seconds: float, stamps: Stamps | None
    ) -> tuple[float, float, float, float | None, float, float]:
        """Intended, sent, ended, first byte, connect and TLS time of a sample, on the run's clock."""
        if stamps is None:
            now = self.now()
            sent = now - seconds if start_time is None else start_time - self._wall_offset
            if not sent + seconds <= now + _CLOCK_SLACK:  # a clock of the script's own, or one that was stepped
                sent = now - seconds
            return sent, sent, sent + seconds, None, 0.0, 0.0
        sent = (stamps.began_ns - self._zero_ns) / 1e9
        ended = sent + (stamps.ended_ns - stamps.sent_ns) / 1e9
        first = None if stamps.first_byte_ns is None else sent + (stamps.first_byte_ns - stamps.sent_ns) / 1e9
        # In a closed model the user wants it sent at the moment of the call: before it connects.
        intended = sent - stamps.connect_time - stamps.tls_time
        return intended, sent, ended, first, stamps.connect_time, stamps.tls_time

    def on_user_error(self, *, user_instance: Any, exception: BaseException, tb: Any, **_ignored: object) -> None:
        """Listener of Locust's ``user_error`` event: an exception left a task or ``on_start``."""
        if not self.running:
            return
        user = getattr(user_instance, "user", user_instance)
        where = _function_that_raised(tb)
        first_line = (str(exception).splitlines() or [""])[0]
        key = (type(user).__name__, where, type(exception).__name__, redact_text(first_line)[:200])
        entry = self._errors.get(key)
        if entry is None:
            if len(self._errors) >= _FAILURE_KINDS_KEPT:
                key = (*key[:3], "(other)")
                entry = self._errors.get(key)
            if entry is None:
                fields = zip(("user_class", "where", "kind", "message"), key, strict=True)
                entry = self._errors[key] = {**dict(fields), "traceback": _text_of(exception, tb), "count": 0}
        entry["count"] += 1
        self._errors_changed = True

    def interval(self, facts: dict[str, Any]) -> bytes:
        """The delta since the last call, encoded; ``facts`` are added to this process's own."""
        self.follow_clock()
        self._take_answers()
        self._take_heard()
        failures, self._failures = self._failures, []
        requests = self._samples - self._spans  # what is no request is neither answered nor stamped
        done = requests - self._requests_before
        self.error_rate = (self._failed - self._failed_before) / done if done > 0 else 0.0
        self._failed_before, self._requests_before = self._failed, requests
        own = {
            "at": self.now(),
            "unfinished": accounting.unfinished,
            "unrecorded": accounting.unrecorded,
            "failures": failures,
            "samples": requests,
            "kernel": self._kernel,
            "fallbacks": dict(fallbacks),
        }
        if self._errors_changed:
            own["exceptions"] = list(self._errors.values())
            self._errors_changed = False
        delta = self._recorder.interval(own | facts)
        self._everyday.forget()
        self.locust.feed(delta.windows, self._epoch, self._last_ended)
        return delta.encode()

    def flush_rows(self) -> None:
        """Send the rows that wait."""
        self._take_answers()
        self._take_heard()
        self._send_waiting_rows()

    def _send_waiting_rows(self) -> None:
        if self._rows_waiting:
            rows, count = b"".join(self._rows), self._rows_waiting
            self._rows.clear()
            self._rows_waiting = 0
            self._send_rows(rows, count)

    def _keep_failure(self, sample: Sample, response: Any) -> None:
        key = (sample.name, sample.kind or "")
        seen = self._failures_seen.get(key, 0)
        if seen >= _FAILURES_KEPT or (seen == 0 and len(self._failures_seen) >= _FAILURE_KINDS_KEPT):
            return
        self._failures_seen[key] = seen + 1
        self._failures.append(
            {
                "name": sample.name,
                "method": sample.method,
                "kind": sample.kind,
                "message": sample.message,
                "status": sample.status,
                "body": redact_text(_body_start(response)),
                "at": sample.ended_at,
            }
        )


def _seconds(milliseconds: float | None) -> float | None:
    """A duration in seconds; None for what is no duration: Locust lets events have none."""
    if milliseconds is None or not 0 <= milliseconds < _LONGEST_MS:
        return None
    return milliseconds / 1000


def _status(response: Any) -> int | None:
    """An HTTP status; None for everything else that clients of other protocols keep under that name."""
    status = getattr(response, "status_code", None)
    return int(status) if isinstance(status, int) and 0 < status < 1000 else None


@lru_cache(maxsize=8192)
def _shown(name: str) -> str:
    """An entry's name without secrets: by default it is the URL with its query."""
    return redact_text(name)


def _user_class() -> str:
    """Class of the user in whose greenlet this runs; empty in a greenlet that a script spawned itself."""
    arguments = getattr(gevent.getcurrent(), "args", ())
    return type(arguments[0]).__name__ if arguments and hasattr(arguments[0], "environment") else ""


def _is_users_own() -> bool:
    """Whether this is the greenlet of a user, and none that a script spawned with one."""
    greenlet = gevent.getcurrent()
    arguments: tuple[Any, ...] = getattr(greenlet, "args", ())
    return bool(arguments) and getattr(arguments[0], "_greenlet", None) is greenlet


def _body_length(response: Any) -> int:
    body = getattr(getattr(response, "request", None), "body", None)
    return len(body) if isinstance(body, bytes | str) else 0


def _body_start(response: Any) -> str:
    """The first kilobyte of an answer as text; empty when there is none or it was never read."""
    content = getattr(response, "_content", None)
    if callable(content):  # geventhttpclient keeps what was read elsewhere
        content = getattr(response, "_cached_content", None)
    return content[:_BODY_KEPT].decode("utf-8", "replace") if isinstance(content, bytes) else ""


def _function_that_raised(tb: Any) -> str:
    """Where in the script: the last function outside Locust and this package that the traceback passes."""
    found = ""
    while tb is not None:
        code = tb.tb_frame.f_code
        module = tb.tb_frame.f_globals.get("__name__", "")
        foreign = not module.startswith(("locust.", "loadproof.", "gevent."))
        if foreign and (not found or "site-packages" not in code.co_filename):
            found = code.co_name
        tb = tb.tb_next
    return found


def _text_of(exception: BaseException, tb: Any) -> str:
    import traceback  # noqa: PLC0415 - only needed once a script is broken

    return redact_text("".join(traceback.format_exception(type(exception), exception, tb)))[-4000:]
