"""What is known of one request: stamps as they were taken; durations are derived from them."""

from __future__ import annotations

from typing import Literal, NamedTuple

Outcome = Literal["success", "expected", "failure"]
"""``expected``: a non-2xx answer that the script declared to be right (a conflict, a limit), counted apart."""

OUTCOMES: tuple[Outcome, ...] = ("success", "expected", "failure")

Clock = Literal["kernel", "user", "none"]
"""Who stamped the end: the kernel when the last byte arrived, Python when it got round to it, or nobody.

A sample that nobody stamped has no times: it counts as a request and in no duration.
"""


class Sample(NamedTuple):
    """One finished request.

    All times are float seconds on the run's monotonic clock, zero at the run's start.

    Attributes:
        name: The entry's name in Locust's statistics.
        method: Request type: an HTTP method, or FLOW, MAIL and whatever else a script reports.
        intended_at: When the schedule wanted it sent; equals ``sent_at`` in a closed model.
        sent_at: When it was sent.
        ended_at: When its last byte arrived.
        first_byte_at: When the first byte of the answer arrived; None where no clock saw it truly.
        connect_time: Seconds to connect, 0.0 on a kept-alive connection.
        tls_time: Seconds of the TLS handshake, 0.0 without one.
        status: HTTP status; None when no answer came, or the entry is not HTTP.
        outcome: How it counts.
        kind: Kind of error, from ``loadproof.http.errors``; None unless ``outcome`` is ``failure``.
        message: Text of the error; None unless ``outcome`` is ``failure``.
        bytes_sent: Body bytes sent; 0 when unknown.
        bytes_received: Body bytes received, decompressed, as Locust counts them.
        user_class: Class name of the user that sent it; empty when unknown.
        phase: ``main``; ``warmup`` for what ended before a warm-up of known length was over; ``setup`` for what
            users of an open model sent outside of their iterations, whose ``method`` then ends in `` setup``.
        clock: Which clock stamped ``ended_at``.
    """

    name: str
    method: str
    intended_at: float
    sent_at: float
    ended_at: float
    first_byte_at: float | None = None
    connect_time: float = 0.0
    tls_time: float = 0.0
    status: int | None = None
    outcome: Outcome = "success"
    kind: str | None = None
    message: str | None = None
    bytes_sent: int = 0
    bytes_received: int = 0
    user_class: str = ""
    phase: str = "main"
    clock: Clock = "user"

    @property
    def response_time(self) -> float:
        """Seconds from the intended start to the last byte: what a user of the service waited."""
        return self.ended_at - self.intended_at

    @property
    def service_time(self) -> float:
        """Seconds that the service took: connect, TLS, and from the send to the last byte."""
        return self.connect_time + self.tls_time + (self.ended_at - self.sent_at)
